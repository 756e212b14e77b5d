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
    /// What people have to know to take it right.
    pub notes: Vec<String>,
}

/// What the control thread tells.
#[derive(Clone, Debug)]
pub enum Told {
    /// The present manifests are in force.
    InStep(Box<InForce>),
    /// Earlier ones are.
    Behind(Arc<Behind>),
}

/// Manifests that stay in force because later ones can't be.
#[derive(Clone, Debug)]
pub struct Behind {
    /// The manifests.
    pub state: Arc<State>,
    /// What was remembered when they came into force: numbers, last good forms.
    pub memory: policy::Memory,
    /// How they are applied.
    pub config: policy::Config,
    /// The node.
    pub node: String,
    /// The node's revision since.
    pub revision: u32,
    /// Why later ones are not in force.
    pub failure: String,
}

impl Behind {
    /// Makes again what is in force. Takes a while with a large cluster.
    pub fn in_force(&self) -> InForce {
        let memory = self.memory.clone();
        let mut compiler = policy::Compiler::new(self.config.clone(), &self.node, memory);
        compiler.advance(&self.state);
        InForce {
            state: Arc::clone(&self.state),
            compiled: compiler.compiled().clone(),
            policies: compiler.policies(),
            config: self.config.clone(),
            revision: self.revision,
            notes: vec![format!(
                "the present manifests are not in force; this is about the last ones that are \
                 (revision {}): {}",
                self.revision, self.failure
            )],
        }
    }
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

type Ask = oneshot::Sender<Arc<Told>>;

/// No answer is to be had.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeskError {
    /// Too many ask.
    #[error("too many questions at once: ask again")]
    Busy,
    /// The agent ends, or it isn't certain what is in force: nothing yet, or a part of a change.
    #[error(
        "it is not certain what the kernel enforces (`flows status` says why), or the agent starts or ends"
    )]
    Closed,
}

impl Desk {
    /// A desk; `waker` rings whoever answers.
    pub fn new(waker: Waker) -> (Self, Asks) {
        let (asks, asked) = sync_channel(WAITING);
        (Self { asks, waker }, Asks(asked))
    }

    /// What is in force now, and what is needed to know it.
    ///
    /// # Errors
    /// See [`DeskError`].
    pub async fn ask(&self) -> Result<Arc<Told>, DeskError> {
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
    pub fn answer(&self, make: impl FnOnce() -> Option<Told>) {
        let mut asks = self.0.try_iter().peekable();
        if asks.peek().is_none() {
            return;
        }
        let Some(told) = make().map(Arc::new) else {
            // Dropped unanswered: there is nothing to tell yet.
            asks.for_each(drop);
            return;
        };
        for ask in asks {
            if ask.send(Arc::clone(&told)).is_err() {
                tracing::debug!("nobody waits for an answer any more");
            }
        }
    }
}
