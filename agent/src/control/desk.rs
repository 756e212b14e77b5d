//! Questions to the control thread about what is in force. What it tells is a copy, made when somebody
//! asks: changes cost nothing for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use cluster::{ObjectName, State};
use policy::{Compiled, Policy};
use tokio::sync::oneshot;

use super::Waker;

/// Questions that may wait. Whoever finds them taken is told to come again.
const WAITING: usize = 16;

/// What is in force, all from one moment.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The manifests.
    pub state: Arc<State>,
    /// What was made of them.
    pub compiled: Compiled,
    /// The rules, in their present or last good form.
    pub policies: BTreeMap<ObjectName, Arc<Policy>>,
    /// How they are applied.
    pub config: policy::Config,
    /// The node's revision.
    pub revision: u32,
}

/// Where questions are asked. Clones are the same desk.
#[derive(Clone, Debug)]
pub struct Desk {
    asks: SyncSender<Ask>,
    waker: Waker,
}

/// Where they come out.
#[derive(Debug)]
pub struct Asks(Receiver<Ask>);

type Ask = oneshot::Sender<Arc<InForce>>;

/// No answer is to be had.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeskError {
    /// Too many ask.
    #[error("too many questions at once: ask again")]
    Busy,
    /// The agent ends, nothing is in force yet, or something else than the manifests say.
    #[error(
        "the kernel is not in step with the manifests (`flows status` says why), or the agent starts or ends"
    )]
    Closed,
}

impl Desk {
    /// A desk; `waker` rings whoever answers.
    pub fn new(waker: Waker) -> (Self, Asks) {
        let (asks, asked) = sync_channel(WAITING);
        (Self { asks, waker }, Asks(asked))
    }

    /// What is in force now.
    ///
    /// # Errors
    /// See [`DeskError`].
    pub async fn in_force(&self) -> Result<Arc<InForce>, DeskError> {
        let (ask, answer) = oneshot::channel();
        self.asks.try_send(ask).map_err(|refused| match refused {
            std::sync::mpsc::TrySendError::Full(_) => DeskError::Busy,
            std::sync::mpsc::TrySendError::Disconnected(_) => DeskError::Closed,
        })?;
        self.waker.wake();
        answer.await.map_err(|_gone| DeskError::Closed)
    }
}

impl Asks {
    /// Answers all questions there are. `make` is asked only if there are any.
    pub fn answer(&self, make: impl FnOnce() -> Option<InForce>) {
        let mut asks = self.0.try_iter().peekable();
        if asks.peek().is_none() {
            return;
        }
        let Some(in_force) = make().map(Arc::new) else {
            // Dropped unanswered: there is nothing to tell yet.
            asks.for_each(drop);
            return;
        };
        for ask in asks {
            if ask.send(Arc::clone(&in_force)).is_err() {
                tracing::debug!("nobody waits for an answer any more");
            }
        }
    }
}
