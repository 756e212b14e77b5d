//! One client's GetFlows: a lane per node, the merge, and what the client gets to see.
//!
//! ```text
//! plan: what is asked of every node, what is kept of the whole
//! lane (a task per node): asks, reconnects, resumes ──bounded──> Query ──pulled by──> client
//! ```
//!
//! Everything is pulled: a client that reads slowly stops the merge, which stops the lanes, which
//! stops the nodes; they count what they lose and say so in the stream.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Poll,
    time::{Duration, SystemTime},
};

use futures::{Stream, StreamExt};
use proto::{
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::{NodeState, NodeStatusEvent},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::{Code, Status};

pub use plan::{Keep, Plan};

use crate::{
    merge::{LaneId, Merge, Out, Pop, Stamp},
    metrics::Metrics,
    peer::{Link, Snapshot},
    raw::{Kind, Raw},
};
use lane::Word;

mod lane;
mod plan;

/// Responses handed to the client in one go.
const BATCH: usize = 256;
/// How often a client that asked for progress gets it at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// How long a node is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// In a follow: how long an item is held for a node's word.
    pub follow: Duration,
    /// In a query of the past: how long a node may say nothing before it is given up.
    pub history: Duration,
}

impl Default for Patience {
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
    pub patience: Patience,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// A node in this query.
struct Node {
    name: Arc<str>,
    id: LaneId,
    words: mpsc::Receiver<lane::Message>,
    /// Since when nothing of it is held and nothing has come.
    hungry: Option<Instant>,
    /// It said how far it has come at least once.
    speaks_progress: bool,
    /// It said anything at all.
    heard: bool,
    /// It was named as silent or slow, and hasn't been back since.
    named: bool,
    /// Its stream is up.
    up: bool,
    /// It refused the request itself.
    refused: Option<Status>,
    /// Its part of the past is all here (or it has left).
    over: bool,
    gone: bool,
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
    plan: Plan,
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
            plan,
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
        query.say(NodeState::NodeConnected, connected, "");
        query.say(NodeState::NodeUnavailable, unavailable, "");
        query
    }

    /// A node takes part from now on.
    fn join(&mut self, name: &Arc<str>, up: bool) {
        let (sender, words) = mpsc::channel(4);
        self.tasks.spawn(lane::run(
            Arc::clone(name),
            self.context.peers.clone(),
            self.plan.clone(),
            self.stage == Stage::Past && up,
            up,
            sender,
        ));
        let id = self.merge.add();
        self.merge.await_lane(id, up);
        self.nodes.push(Node {
            name: Arc::clone(name),
            id,
            words,
            hungry: None,
            speaks_progress: false,
            heard: false,
            named: false,
            up,
            refused: None,
            over: !up,
            gone: false,
        });
        if !up && self.stage == Stage::Past {
            self.merge.end(id);
        }
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
            self.fill(now);
            let wake = self.advance(now);
            if !self.out.is_empty() || self.stage == Stage::Done || wake == Some(now) {
                continue;
            }
            let mut peers_changed = false;
            let word = {
                let (nodes, merge) = (&mut self.nodes, &self.merge);
                let past = self.stage == Stage::Past;
                let next = std::future::poll_fn(|cx| {
                    for (at, node) in nodes.iter_mut().enumerate() {
                        if node.asks(merge, past)
                            && let Poll::Ready(word) = node.words.poll_recv(cx)
                        {
                            return Poll::Ready((at, word));
                        }
                    }
                    Poll::Pending
                });
                tokio::select! {
                    (at, word) = next => Some((at, word)),
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
            if let Some((at, word)) = word {
                self.hear(at, word, Instant::now());
            }
            if peers_changed {
                self.admit();
            }
        }
    }

    /// Takes what has come from nodes of whom nothing is held.
    fn fill(&mut self, now: Instant) {
        let past = self.stage == Stage::Past;
        for at in 0..self.nodes.len() {
            while self.nodes[at].asks(&self.merge, past) {
                match self.nodes[at].words.try_recv() {
                    Ok(word) => self.hear(at, Some(word), now),
                    Err(mpsc::error::TryRecvError::Disconnected) => self.hear(at, None, now),
                    Err(mpsc::error::TryRecvError::Empty) => {
                        self.nodes[at].hungry.get_or_insert(now);
                        break;
                    }
                }
            }
        }
    }

    /// Takes a node's word; `None`: its lane has ended.
    fn hear(&mut self, at: usize, word: Option<lane::Message>, now: Instant) {
        let node = &mut self.nodes[at];
        let id = node.id;
        let Some(lane::Message { arrived, word }) = word else {
            node.over = true;
            node.gone = true;
            self.merge.end(id);
            return;
        };
        match word {
            Word::Batch { items, progress } => {
                let progress_only = items.is_empty();
                node.heard = true;
                node.speaks_progress |= progress.is_some();
                if !progress_only || !self.merge.awaited(id) {
                    node.hungry = None;
                }
                if node.up && !self.merge.awaited(id) {
                    self.merge.await_lane(id, true);
                }
                let arrived = millis(arrived, self.start);
                self.context
                    .metrics
                    .untimed(items.iter().filter(|(time, _)| time.is_none()).count());
                self.merge.push(id, arrived, items);
                if let Some(progress) = progress {
                    self.merge.progress(id, progress);
                    if node.named && progress >= self.merge.floor() {
                        node.named = false;
                        let name = node.name.to_string();
                        self.say(NodeState::NodeConnected, vec![name], "");
                    }
                }
            }
            Word::PastOver => {
                // In the present it is the tail of a node that was given up: nothing to end.
                if self.stage == Stage::Past {
                    node.over = true;
                    self.merge.end(id);
                }
            }
            Word::Up => {
                node.up = true;
                node.hungry = None;
                node.heard = false;
                self.merge.await_lane(id, true);
                let name = node.name.to_string();
                self.say(NodeState::NodeConnected, vec![name], "");
            }
            Word::Down {
                status,
                refusal,
                retrying,
            } => {
                node.up = false;
                let name = node.name.to_string();
                if refusal {
                    node.refused = Some(status.clone());
                }
                if refusal && status.code() == Code::InvalidArgument {
                    // The same on every node: the client's to mend.
                    self.fail(status);
                    return;
                }
                if retrying && self.stage == Stage::Present {
                    self.merge.await_lane(id, false);
                } else {
                    node.over = true;
                    self.merge.end(id);
                }
                self.context.metrics.node_error(&name);
                let text = status.message().to_owned();
                self.say(NodeState::NodeError, vec![name], &text);
            }
            Word::Gone => {
                node.over = true;
                node.gone = true;
                self.merge.end(id);
                let name = node.name.to_string();
                self.say(NodeState::NodeGone, vec![name], "");
            }
        }
        let _ = now;
    }

    /// Lets out what may leave. Returns when to look again if nothing comes until then.
    fn advance(&mut self, now: Instant) -> Option<Instant> {
        while self.out.len() < BATCH && self.stage != Stage::Done {
            match self.merge.pop(false) {
                Pop::Item(item) => self.emit(item),
                Pop::Held { time, arrived } => {
                    let wake = match self.stage {
                        Stage::Past => self.give_up(Some(time), now),
                        _ => self.release(time, arrived, now),
                    };
                    if wake.is_some() {
                        return wake;
                    }
                }
                Pop::Empty if self.merge.finished() => self.turn(),
                Pop::Empty => {
                    self.tell_progress(now);
                    return match self.stage {
                        Stage::Past => self.give_up(None, now),
                        _ => None,
                    };
                }
            }
        }
        None
    }

    /// In the past: ends the lanes of nodes that have said nothing for too long. Returns when the
    /// next one's time is up; `None` when one was ended just now.
    fn give_up(&mut self, time: Option<Stamp>, now: Instant) -> Option<Instant> {
        let patience = self.context.patience.history;
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
            let until = self.nodes[at].hungry.unwrap_or(now) + patience;
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
            "no word for {} ms: what it holds is missing here",
            patience.as_millis()
        );
        self.say(NodeState::NodeError, silent, &text);
        // The caller's loop would spin on an empty merge: come back at once instead.
        Some(now)
    }

    /// In the present: lets the oldest item out once it was held long enough. Returns when that
    /// will be.
    fn release(&mut self, time: Stamp, arrived: u64, now: Instant) -> Option<Instant> {
        let patience = self.context.patience.follow;
        let arrived = self.start + Duration::from_millis(arrived);
        let blockers: Vec<_> = self.merge.blockers(time).collect();
        // Counted from when the node's silence began for us: while the client was slow, or there
        // was plenty to read, nobody waited for it.
        let until = blockers
            .iter()
            .map(|(id, _)| self.nodes[id.index()].hungry.unwrap_or(now).max(arrived) + patience)
            .max()?;
        if until > now {
            return Some(until);
        }
        for (id, progress) in blockers {
            let node = &mut self.nodes[id.index()];
            let quiet = node.hungry.is_some_and(|since| now >= since + patience);
            let text = if !node.heard {
                format!(
                    "no word for {} ms: its flows may come late",
                    patience.as_millis()
                )
            } else if node.speaks_progress {
                let behind = time.millis_since(progress);
                format!("{behind} ms behind the others: its flows may come late")
            } else {
                let wait = patience.as_millis();
                format!(
                    "does not say how far it is and is waited for {wait} ms: flows may come late"
                )
            };
            // A node that doesn't tell its progress may just have nothing to say: others are held
            // for it each time. One that does, or never spoke, isn't waited for until it speaks.
            if quiet && (node.speaks_progress || !node.heard) {
                self.merge.await_lane(id, false);
            }
            if !node.named {
                node.named = true;
                self.context.metrics.silent(&node.name);
                let name = node.name.to_string();
                self.say(NodeState::NodeError, vec![name], &text);
            }
        }
        if let Pop::Item(item) = self.merge.pop(true) {
            self.emit(item);
        }
        None
    }

    /// All nodes ended: the past gives way to the present, or the query is over.
    fn turn(&mut self) {
        if self.stage == Stage::Past {
            self.flush();
            if self.plan.follow {
                self.stage = Stage::Present;
                self.merge = self.merge.resume();
                for node in &mut self.nodes {
                    node.hungry = None;
                    if node.gone {
                        self.merge.end(node.id);
                    } else {
                        self.merge.await_lane(node.id, node.up && !node.named);
                    }
                }
                return;
            }
        }
        if self.plan.follow && !self.plan.ends {
            // No peers for now; new ones may join.
            return;
        }
        let refusals = self.nodes.iter().filter_map(|node| node.refused.as_ref());
        let first = refusals.clone().next().cloned();
        let all = !self.nodes.is_empty() && refusals.count() == self.nodes.len();
        self.stage = Stage::Done;
        if let (Some(status), true) = (first, all && self.delivered == 0) {
            self.out.push(Err(status));
        }
    }

    /// Something left the merge.
    fn emit(&mut self, out: Out<Raw>) {
        let Out {
            lane,
            late,
            mut item,
            ..
        } = out;
        let flow = item.kind == Kind::Flow;
        if late {
            self.context.metrics.late(&self.nodes[lane.index()].name);
            if flow && self.plan.extensions {
                item = crate::late::mark(item);
            }
        }
        if self.stage == Stage::Past {
            match self.plan.keep {
                Keep::All => {}
                Keep::Oldest(most) => {
                    if flow && self.delivered + 1 >= most {
                        self.stage = Stage::Done;
                        self.tasks.abort_all();
                    }
                }
                Keep::Newest(most) => {
                    self.kept_bytes += item.bytes.len();
                    self.kept_flows += u64::from(flow);
                    self.kept.push_back(item);
                    while self.kept_flows > most {
                        self.forget();
                    }
                    while self.kept_bytes > self.plan.memory {
                        self.forgotten += 1;
                        self.forget();
                    }
                    return;
                }
            }
        }
        self.deliver(item);
    }

    fn forget(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.kept_bytes -= oldest.bytes.len();
            self.kept_flows -= u64::from(oldest.kind == Kind::Flow);
        }
    }

    /// The newest flows of the past are known: out with them.
    fn flush(&mut self) {
        if self.forgotten > 0 {
            self.context.metrics.forgotten(self.forgotten);
            let message = plan::forgotten(&self.context.name, self.forgotten);
            self.out.push(Ok(Raw::encode(&message, Kind::LostEvents)));
        }
        for item in std::mem::take(&mut self.kept) {
            self.deliver(item);
        }
        (self.kept_flows, self.kept_bytes, self.forgotten) = (0, 0, 0);
    }

    fn deliver(&mut self, item: Raw) {
        self.delivered += u64::from(item.kind == Kind::Flow);
        self.context.metrics.delivered();
        self.out.push(Ok(item));
    }

    /// A status event of the relay's own; nothing when it names no node.
    fn say(&mut self, state: NodeState, mut names: Vec<String>, message: &str) {
        if names.is_empty() {
            return;
        }
        names.sort_unstable();
        let event = NodeStatusEvent {
            state_change: state.into(),
            node_names: names,
            message: message.to_owned(),
        };
        let message = GetFlowsResponse {
            node_name: self.context.name.to_string(),
            time: Some(SystemTime::now().into()),
            response_types: Some(ResponseTypes::NodeStatus(event)),
        };
        self.out.push(Ok(Raw::encode(&message, Kind::NodeStatus)));
    }

    /// Tells a client that wants to know how far the sequence is settled.
    fn tell_progress(&mut self, now: Instant) {
        if !self.plan.progress
            || self.stage != Stage::Present
            || now < self.progress.1 + PROGRESS_EVERY
        {
            return;
        }
        if let Some(horizon) = self
            .merge
            .horizon()
            .filter(|horizon| *horizon > self.progress.0)
        {
            self.progress = (horizon, now);
            let message = GetFlowsResponse {
                node_name: self.context.name.to_string(),
                time: Some(proto::google::Timestamp {
                    seconds: horizon.seconds,
                    nanos: horizon.nanos,
                }),
                response_types: None,
            };
            self.out.push(Ok(Raw::encode(&message, Kind::Progress)));
        }
    }

    fn fail(&mut self, status: Status) {
        self.out.push(Err(status));
        self.stage = Stage::Done;
        self.tasks.abort_all();
    }

    /// Peers that were not there when the query began.
    fn admit(&mut self) {
        let peers = Arc::clone(&self.context.peers.borrow_and_update());
        let here: BTreeMap<_, _> = self
            .nodes
            .iter()
            .filter(|node| !node.gone)
            .map(|node| (Arc::clone(&node.name), ()))
            .collect();
        for name in peers.keys().filter(|name| !here.contains_key(*name)) {
            self.join(name, false);
        }
    }
}

impl Node {
    /// Whether its next word is wanted now.
    fn asks(&self, merge: &Merge<Raw>, past: bool) -> bool {
        !self.gone && !(past && self.over) && merge.wants(self.id)
    }
}

fn millis(at: Instant, start: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(start).as_millis()).unwrap_or(u64::MAX)
}
