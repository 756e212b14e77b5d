//! One client's GetFlows: a stream per node, the merge, and what the client gets to see.
//!
//! ```text
//! plan: what is asked of every node, what is kept of the whole
//! stream (a task per node): asks, reconnects, resumes ──bounded──> Query ──pulled by──> client
//! ```
//!
//! Everything is pulled: a client that reads slowly stops the merge, which stops the streams, which
//! stops the nodes; they count what they lose and say so in the stream.

use std::{collections::VecDeque, sync::Arc, task::Poll, time::Duration};

use futures::{Stream, StreamExt};
use proto::relay::NodeState;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::Status;

pub use plan::{Limit, Plan, RequestOptions};

use crate::{
    merge::{Merge, MergeStep, Stamp},
    metrics::Metrics,
    peer::{Link, Snapshot},
    raw::Raw,
};
use nodes::Node;

mod nodes;
mod output;
mod peer_stream;
mod plan;

/// Responses handed to the client in one go.
const BATCH: usize = 256;
/// How often one node is called silent or slow at most.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long a node is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// In a follow: how long an item is held for a node's word.
    pub follow: Duration,
    /// In a query of the past: how long a node may say nothing before it is given up.
    pub history: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            follow: Duration::from_millis(250),
            history: Duration::from_secs(2),
        }
    }
}

/// What a query needs to know of the relay.
#[derive(Clone)]
pub struct Context {
    /// The relay's own name, for its status events.
    pub name: Arc<str>,
    /// The peers.
    pub peers: watch::Receiver<Snapshot>,
    /// Waits.
    pub timeouts: Timeouts,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// The past is merged exactly; the present as well as bounded waiting allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Past,
    Present,
    Done,
}

/// State of one GetFlows.
struct Query {
    context: Context,
    plan: Arc<Plan>,
    stage: Stage,
    merge: Merge<Raw>,
    nodes: Vec<Node>,
    tasks: JoinSet<()>,
    out: Vec<Result<Raw, Status>>,
    /// Newest flows of the past, when only so many are wanted.
    kept: VecDeque<Raw>,
    kept_flows: u64,
    kept_bytes: usize,
    forgotten: u64,
    delivered: u64,
    start: Instant,
    progress: (Stamp, Instant),
}

/// Runs a request over all peers.
///
/// # Errors
/// The stream carries an error only when the request itself is at fault, or no node could take it.
pub fn flows(context: Context, plan: Plan) -> impl Stream<Item = Result<Raw, Status>> + Send {
    let query = Box::new(Query::new(context, plan));
    futures::stream::unfold(query, |mut query| async move {
        query.next_batch().await.map(|batch| (batch, query))
    })
    .flat_map(futures::stream::iter)
}

impl Query {
    fn new(mut context: Context, plan: Plan) -> Self {
        let now = Instant::now();
        let peers = Arc::clone(&context.peers.borrow_and_update());
        let mut query = Self {
            stage: if plan.past {
                Stage::Past
            } else {
                Stage::Present
            },
            context,
            plan: Arc::new(plan),
            merge: Merge::default(),
            nodes: Vec::new(),
            tasks: JoinSet::new(),
            out: Vec::new(),
            kept: VecDeque::new(),
            kept_flows: 0,
            kept_bytes: 0,
            forgotten: 0,
            delivered: 0,
            start: now,
            progress: (Stamp::MIN, now),
        };
        let (mut connected, mut unavailable) = (Vec::new(), Vec::new());
        for (name, peer) in peers.iter() {
            let up = matches!(peer.link, Link::Connected { .. });
            if up { &mut connected } else { &mut unavailable }.push(name.to_string());
            if up || query.plan.follow {
                query.join(name, up);
            }
        }
        query.send_status(NodeState::NodeConnected, connected, "");
        query.send_status(NodeState::NodeUnavailable, unavailable, "");
        query
    }

    /// The next responses; `None` when the query is over.
    async fn next_batch(&mut self) -> Option<Vec<Result<Raw, Status>>> {
        loop {
            if !self.out.is_empty() {
                return Some(std::mem::take(&mut self.out));
            }
            if self.stage == Stage::Done {
                return None;
            }
            let now = Instant::now();
            self.poll(now);
            let wake = self.advance(now);
            if !self.out.is_empty() || self.stage == Stage::Done {
                continue;
            }
            let mut peers_changed = false;
            let message = {
                let (nodes, merge) = (&mut self.nodes, &self.merge);
                let past = self.stage == Stage::Past;
                let next = std::future::poll_fn(|cx| {
                    for (at, node) in nodes.iter_mut().enumerate() {
                        if node.asks(merge, past)
                            && let Poll::Ready(message) = node.messages.poll_recv(cx)
                        {
                            return Poll::Ready((at, message));
                        }
                    }
                    Poll::Pending
                });
                tokio::select! {
                    (at, message) = next => Some((at, message)),
                    () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => None,
                    Ok(()) = self.context.peers.changed(), if self.plan.follow => {
                        peers_changed = true;
                        None
                    },
                    Some(_) = self.tasks.join_next() => None,
                    // No peer, no change to come.
                    else => return None,
                }
            };
            if let Some((at, message)) = message {
                self.on_message(at, message);
            }
            if peers_changed {
                self.admit();
            }
        }
    }

    /// Takes what has come from nodes of whom nothing is held.
    fn poll(&mut self, now: Instant) {
        let past = self.stage == Stage::Past;
        for at in 0..self.nodes.len() {
            while self.nodes[at].asks(&self.merge, past) {
                match self.nodes[at].messages.try_recv() {
                    Ok(message) => self.on_message(at, Some(message)),
                    Err(mpsc::error::TryRecvError::Disconnected) => self.on_message(at, None),
                    Err(mpsc::error::TryRecvError::Empty) => {
                        self.nodes[at].waiting_since.get_or_insert(now);
                        break;
                    }
                }
            }
        }
    }

    /// Lets out what may leave. Returns when to look again if nothing comes until then.
    fn advance(&mut self, now: Instant) -> Option<Instant> {
        while self.out.len() < BATCH && self.stage != Stage::Done {
            match self.merge.pop(false) {
                MergeStep::Item(item) => self.emit(item),
                MergeStep::Held { time, arrived } => {
                    let wake = match self.stage {
                        Stage::Past => self.give_up(Some(time), now),
                        Stage::Present | Stage::Done => self.release(time, arrived, now),
                    };
                    if wake.is_some() {
                        return wake;
                    }
                }
                MergeStep::Empty if self.at_end() => self.next_stage(),
                MergeStep::Empty => {
                    self.tell_progress(now);
                    return match self.stage {
                        Stage::Past => self.give_up(None, now),
                        Stage::Present | Stage::Done => None,
                    };
                }
            }
        }
        None
    }

    /// In the past: ends the streams of nodes that have said nothing for too long. Returns when the
    /// next one's time is up.
    fn give_up(&mut self, time: Option<Stamp>, now: Instant) -> Option<Instant> {
        let timeout = self.context.timeouts.history;
        let time = time.unwrap_or(Stamp {
            seconds: i64::MAX,
            nanos: i32::MAX,
        });
        let blockers: Vec<_> = self
            .merge
            .blockers(time)
            .map(|(id, _)| id.index())
            .collect();
        let mut wake: Option<Instant> = None;
        let mut silent = Vec::new();
        for at in blockers {
            let until = self.nodes[at].waiting_since.unwrap_or(now) + timeout;
            if until > now {
                wake = Some(wake.map_or(until, |wake| wake.min(until)));
                continue;
            }
            let node = &mut self.nodes[at];
            node.over = true;
            node.gone = !self.plan.follow;
            node.named = true;
            self.merge.end(node.id);
            self.context.metrics.silent(&node.name);
            silent.push(node.name.to_string());
        }
        if silent.is_empty() {
            return wake;
        }
        let text = format!(
            "no response for {} ms: its flows are missing here",
            timeout.as_millis()
        );
        self.send_status(NodeState::NodeError, silent, &text);
        // There is something to deliver now.
        Some(now)
    }

    /// In the present: lets the oldest item out once it was held long enough. Returns when that
    /// will be.
    fn release(&mut self, time: Stamp, arrived: u64, now: Instant) -> Option<Instant> {
        let timeout = self.context.timeouts.follow;
        let arrived = self.start + Duration::from_millis(arrived);
        let blockers: Vec<_> = self.merge.blockers(time).collect();
        // Counted from when the node's silence began for us: while the client was slow, or there
        // was plenty to read, nobody waited for it.
        let until = blockers
            .iter()
            .map(|(id, _)| {
                self.nodes[id.index()]
                    .waiting_since
                    .unwrap_or(now)
                    .max(arrived)
                    + timeout
            })
            .max()?;
        if until > now {
            return Some(until);
        }
        for (id, progress) in blockers {
            let node = &mut self.nodes[id.index()];
            let quiet = node
                .waiting_since
                .is_some_and(|since| now >= since + timeout);
            let text = if !node.heard || quiet && node.speaks_progress {
                format!(
                    "no response for {} ms: its flows may arrive late",
                    timeout.as_millis()
                )
            } else if node.speaks_progress {
                let behind = time.millis_since(progress);
                format!("{behind} ms behind the others: its flows may arrive late")
            } else {
                let wait = timeout.as_millis();
                format!(
                    "does not report its progress, waiting {wait} ms for it: flows may arrive late"
                )
            };
            // A node that doesn't tell its progress may just have nothing to say: others are held
            // for it each time. One that does, or never spoke, isn't waited for until it speaks.
            if quiet && (node.speaks_progress || !node.heard) {
                self.merge.await_stream(id, false);
            }
            if !node.named {
                node.named = true;
                self.context.metrics.silent(&node.name);
                // A node that comes and goes is counted each time, and told of now and then.
                if node.told.is_some_and(|told| now < told + TELL_EVERY) {
                    continue;
                }
                node.told = Some(now);
                let name = node.name.to_string();
                self.send_status(NodeState::NodeError, vec![name], &text);
            }
        }
        if let MergeStep::Item(item) = self.merge.pop(true) {
            self.emit(item);
        }
        None
    }

    /// Nothing is held and no node has more to say, nor can one join that has.
    fn at_end(&self) -> bool {
        let endless = self.stage == Stage::Present && self.plan.follow && !self.plan.ends;
        self.merge.finished() && (!endless || self.all_refused().is_some())
    }

    /// The refusal, when every node refused the request.
    fn all_refused(&self) -> Option<&Status> {
        let first = self.nodes.first()?.refused.as_ref();
        first.filter(|_| self.nodes.iter().all(|node| node.refused.is_some()))
    }

    /// All nodes ended: the past gives way to the present, or the query is over.
    fn next_stage(&mut self) {
        if self.stage == Stage::Past {
            self.flush();
            if self.plan.follow {
                self.stage = Stage::Present;
                self.merge = self.merge.resume();
                for node in &mut self.nodes {
                    node.waiting_since = None;
                    if node.gone {
                        self.merge.end(node.id);
                    } else {
                        self.merge.await_stream(node.id, node.up && !node.named);
                    }
                }
                return;
            }
        }
        let refused = self.all_refused().cloned();
        self.stage = Stage::Done;
        if let Some(status) = refused
            && self.delivered == 0
        {
            self.out.push(Err(status));
        }
    }
}
