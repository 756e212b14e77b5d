//! Queries to the enforcing thread for the state that is in force. The answer is a copy, made on request:
//! changes cost nothing for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::oneshot;

use super::{StateSnapshot, notifier::Notifier};

/// Queries that may be pending. Beyond that they fail with [`StateQueryError::Busy`].
const WAITING: usize = 16;

/// The querying side. Clones share the queue.
#[derive(Clone, Debug)]
pub struct StateQuery {
    queries: SyncSender<Query>,
    notifier: Notifier,
}

/// The answering side.
#[derive(Debug)]
pub struct QueryReceiver(Receiver<Query>);

type Query = oneshot::Sender<Arc<StateSnapshot>>;

/// A query fails.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateQueryError {
    /// The queue is full.
    #[error("too many concurrent queries, retry later")]
    Busy,
    /// The agent starts or ends, or the state in force is unknown: none yet, or part of a change.
    #[error(
        "the enforced state is unknown (see `flows status`), or the agent is starting or stopping"
    )]
    Closed,
}

impl StateQuery {
    /// Both sides of a queue; `notifier` wakes whoever answers.
    pub fn new(notifier: Notifier) -> (Self, QueryReceiver) {
        let (queries, received) = sync_channel(WAITING);
        (Self { queries, notifier }, QueryReceiver(received))
    }

    /// The state that is in force now.
    ///
    /// # Errors
    /// See [`StateQueryError`].
    pub async fn get(&self) -> Result<Arc<StateSnapshot>, StateQueryError> {
        let (query, answer) = oneshot::channel();
        self.queries
            .try_send(query)
            .map_err(|refused| match refused {
                std::sync::mpsc::TrySendError::Full(_) => StateQueryError::Busy,
                std::sync::mpsc::TrySendError::Disconnected(_) => StateQueryError::Closed,
            })?;
        self.notifier.wake();
        answer.await.map_err(|_gone| StateQueryError::Closed)
    }
}

impl QueryReceiver {
    /// Answers all pending queries. `snapshot` is called only if there are any.
    pub fn answer(&self, snapshot: impl FnOnce() -> Option<StateSnapshot>) {
        let mut queries = self.0.try_iter().peekable();
        if queries.peek().is_none() {
            return;
        }
        let Some(answer) = snapshot().map(Arc::new) else {
            // Dropped unanswered: there is no answer yet.
            queries.for_each(drop);
            return;
        };
        for query in queries {
            if query.send(Arc::clone(&answer)).is_err() {
                tracing::debug!("nobody waits for an answer any more");
            }
        }
    }
}
