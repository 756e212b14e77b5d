//! Addresses of names, told to the agent, which acknowledges them.
//!
//! Without an agent an answer leaves if it teaches nothing, its addresses having been acknowledged for this endpoint
//! and name for about as long as it says, or if they are learned unattended. One that comes while an agent starts waits
//! for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, BoxStream};
use l7::learned::GRACE;
use proto::flows::v1::{LearnRequest, LearnResponse};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::names::{LearnError, Learned, Names};
use crate::unattended::{Unattended, UnattendedError};

/// Answers that wait for an acknowledgement at a time.
const MOST: usize = 4_096;
/// Until the agent must have acknowledged: resolvers ask again after 5 s.
const PATIENCE: Duration = Duration::from_secs(4);
/// Acknowledged addresses that are remembered.
const REMEMBERED: usize = 65_536;
/// How much earlier than an answer says what was acknowledged may run out for it to teach nothing: of the grace that
/// addresses have, as much is left.
const MARGIN: Duration = Duration::from_secs(GRACE / 2);
/// Between two looks for an agent that starts.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The agent, as far as names are concerned.
#[derive(Debug, Default)]
pub struct AgentNames {
    state: Mutex<State>,
    unattended: Option<Unattended>,
}

#[derive(Debug, Default)]
struct State {
    /// The last id that was used.
    id: u64,
    agent: Option<mpsc::Sender<LearnResponse>>,
    /// Which agent that is: they are counted.
    agents: u64,
    waiting: HashMap<u64, PendingLearn, RandomState>,
    acknowledged: HashMap<Pair, Instant, RandomState>,
}

/// What one endpoint learned of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    endpoint: u32,
    name: Arc<str>,
    address: IpAddr,
}

#[derive(Debug)]
struct PendingLearn {
    message: LearnResponse,
    pairs: Vec<Pair>,
    done: oneshot::Sender<Result<(), LearnError>>,
}

impl State {
    /// Whether an answer that says so for some seconds teaches nothing.
    fn is_acknowledged(&self, pairs: &[Pair], ttl: u32) -> bool {
        let now = Instant::now();
        let end = now + Duration::from_secs(ttl.into());
        let holds = |pair| {
            let until = self.acknowledged.get(pair);
            until.is_some_and(|until| *until > now && *until + MARGIN >= end)
        };
        pairs.iter().all(holds)
    }

    fn remember(&mut self, pairs: Vec<Pair>, until: Instant) {
        if self.acknowledged.len() + pairs.len() > REMEMBERED {
            let now = Instant::now();
            self.acknowledged.retain(|_, until| *until > now);
        }
        for pair in pairs {
            if self.acknowledged.len() < REMEMBERED || self.acknowledged.contains_key(&pair) {
                self.acknowledged.insert(pair, until);
            }
        }
    }
}

/// What was done with an answer.
enum Sent<'a> {
    /// It teaches nothing.
    Known,
    /// The agent is told.
    Told(PendingAck<'a>),
    /// There is none.
    NoAgent,
}

impl AgentNames {
    /// With somebody who learns while there is no agent.
    pub fn new(unattended: Unattended) -> Self {
        Self {
            state: Mutex::default(),
            unattended: Some(unattended),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an agent is connected.
    pub fn has_agent(&self) -> bool {
        self.state().agent.is_some()
    }

    /// An agent is there: it gets what waits, and all that follows. Whoever was there before gets nothing more.
    fn connect(&self) -> (u64, mpsc::Receiver<LearnResponse>) {
        // What waits fits, and more is refused.
        let (sender, receiver) = mpsc::channel(MOST);
        let mut state = self.state();
        state.agents += 1;
        #[expect(clippy::iter_over_hash_type, reason = "each is acknowledged by itself")]
        for waiting in state.waiting.values() {
            if sender.try_send(waiting.message.clone()).is_err() {
                break;
            }
        }
        state.agent = Some(sender);
        (state.agents, receiver)
    }

    /// That agent is gone.
    fn disconnect(&self, agent: u64) {
        let mut state = self.state();
        if state.agents != agent {
            return;
        }
        state.agent = None;
        let waiting = std::mem::take(&mut state.waiting);
        for waiting in waiting.into_values() {
            let result = match state.is_acknowledged(&waiting.pairs, waiting.message.ttl_seconds) {
                true => Ok(()),
                false => Err(LearnError::NoAgent),
            };
            answer(waiting.done, result);
        }
    }

    fn acknowledge(&self, message: LearnRequest) {
        let LearnRequest {
            id,
            error,
            holds_for_seconds,
        } = message;
        let mut state = self.state();
        // What waited too long isn't there any more.
        let Some(PendingLearn { pairs, done, .. }) = state.waiting.remove(&id) else {
            return;
        };
        let result = if error.is_empty() {
            let holds = Duration::from_secs(holds_for_seconds.into());
            state.remember(pairs, Instant::now() + holds);
            Ok(())
        } else {
            Err(LearnError::Refused(error.into()))
        };
        answer(done, result);
    }

    fn tell(&self, learned: &Learned) -> Result<Sent<'_>, LearnError> {
        let pairs = pairs(learned);
        let mut state = self.state();
        let Some(agent) = state.agent.clone() else {
            return Ok(match state.is_acknowledged(&pairs, learned.ttl) {
                true => Sent::Known,
                false => Sent::NoAgent,
            });
        };
        if state.waiting.len() >= MOST {
            return Err(LearnError::Busy(MOST));
        }
        state.id += 1;
        let id = state.id;
        let message = LearnResponse {
            id,
            endpoint: learned.endpoint,
            client: learned.client.to_string(),
            names: learned.names.iter().map(ToString::to_string).collect(),
            addresses: learned.addresses.iter().map(IpAddr::to_string).collect(),
            ttl_seconds: learned.ttl,
        };
        if agent.try_send(message.clone()).is_err() {
            return Err(LearnError::Busy(MOST));
        }
        let (done, receiver) = oneshot::channel();
        let waiting = PendingLearn {
            message,
            pairs,
            done,
        };
        state.waiting.insert(id, waiting);
        Ok(Sent::Told(PendingAck {
            names: self,
            id,
            done: receiver,
        }))
    }

    /// Has an answer learned by the agent, or without it.
    async fn learn_by_either(&self, learned: &Learned) -> Result<(), LearnError> {
        loop {
            match self.tell(learned)? {
                Sent::Known => return Ok(()),
                Sent::Told(mut told) => match (&mut told.done).await {
                    // It went: there may be another one.
                    Ok(Err(LearnError::NoAgent)) | Err(_) if self.unattended.is_some() => {}
                    Ok(result) => return result,
                    Err(_dropped) => return Err(LearnError::NoAgent),
                },
                Sent::NoAgent => {
                    let Some(unattended) = &self.unattended else {
                        return Err(LearnError::NoAgent);
                    };
                    match unattended.learn(learned.clone()).await {
                        Ok(()) => {
                            let until = Instant::now() + Duration::from_secs(learned.ttl.into());
                            self.state().remember(pairs(learned), until);
                            return Ok(());
                        }
                        Err(UnattendedError::Learn(error)) => return Err(error),
                        Err(UnattendedError::Agent) => sleep(BETWEEN_LOOKS).await,
                    }
                }
            }
        }
    }
}

/// What an answer teaches.
fn pairs(learned: &Learned) -> Vec<Pair> {
    let name: Arc<str> = learned.names.first().map_or_else(
        || Arc::from(""),
        |name| Arc::from(name.to_string().as_str()),
    );
    let pairs = learned.addresses.iter().map(|address| Pair {
        endpoint: learned.endpoint,
        name: Arc::clone(&name),
        address: *address,
    });
    pairs.collect()
}

/// The answer may be gone: its query's client is.
fn answer(done: oneshot::Sender<Result<(), LearnError>>, result: Result<(), LearnError>) {
    if done.send(result).is_err() {
        tracing::trace!("nobody waits for an acknowledgement any more");
    }
}

/// What was told and waits; no longer when this is dropped.
struct PendingAck<'a> {
    names: &'a AgentNames,
    id: u64,
    done: oneshot::Receiver<Result<(), LearnError>>,
}

impl Drop for PendingAck<'_> {
    fn drop(&mut self) {
        self.names.state().waiting.remove(&self.id);
    }
}

impl Names for AgentNames {
    fn learn(&self, learned: Learned) -> BoxFuture<'_, Result<(), LearnError>> {
        async move {
            let learning = timeout(PATIENCE, self.learn_by_either(&learned));
            learning.await.unwrap_or(Err(LearnError::Timeout(PATIENCE)))
        }
        .boxed()
    }
}

/// An agent's call.
struct LearnSession {
    names: Arc<AgentNames>,
    agent: u64,
    told: mpsc::Receiver<LearnResponse>,
    acknowledgements: Streaming<LearnRequest>,
    stop: CancellationToken,
    has_ended: bool,
}

impl Drop for LearnSession {
    fn drop(&mut self) {
        self.names.disconnect(self.agent);
    }
}

impl LearnSession {
    async fn next(&mut self) -> Option<Result<LearnResponse, Status>> {
        if self.has_ended {
            return None;
        }
        loop {
            tokio::select! {
                told = self.told.recv() => match told {
                    Some(message) => return Some(Ok(message)),
                    None => {
                        self.has_ended = true;
                        return Some(Err(Status::aborted("a newer agent is connected")));
                    }
                },
                message = self.acknowledgements.message() => match message {
                    Ok(Some(message)) => self.names.acknowledge(message),
                    Ok(None) => return None,
                    Err(status) => {
                        tracing::debug!(%status, "the agent's call ended");
                        return None;
                    }
                },
                () = self.stop.cancelled() => return None,
            }
        }
    }
}

/// What the agent of a call is told, while its acknowledgements are read.
pub(super) fn stream(
    names: Arc<AgentNames>,
    acknowledgements: Streaming<LearnRequest>,
    stop: CancellationToken,
) -> BoxStream<'static, Result<LearnResponse, Status>> {
    let (agent, told) = names.connect();
    let call = LearnSession {
        names,
        agent,
        told,
        acknowledgements,
        stop,
        has_ended: false,
    };
    stream::unfold(call, async |mut call| {
        let next = call.next().await?;
        Some((next, call))
    })
    .boxed()
}
