//! What came from each node, how fast, and when nothing could come.

mod outages;
mod recent;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use flow::{FlowView as _, Verdict, monitor_api::event};
use proto::{flow::LostEventSource, relay::NodeState};

use super::item::{Item, Marker};
pub use outages::Outage;
use outages::Outages;
use recent::Recent;

/// What came from one node so far, evicted or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeStats {
    /// Flows.
    pub flows: u64,
    /// Packets that were dropped: DROPPED flows, but for policy verdicts, which tell of the decision
    /// of a packet whose drop is told of, too.
    pub dropped: u64,
    /// Events that it said were lost, by stage.
    pub lost: BTreeMap<Stage, u64>,
    /// Time of its youngest flow, Unix ns.
    pub newest: i64,
    /// How long its last live flow took from the packet to us.
    pub delay: Option<Duration>,
    /// Flows per second that happened in the last ten seconds; `None`: too little is known of them.
    pub rate: Option<f64>,
    /// Since when the server gets nothing from it, Unix ns; `None`: it does.
    pub away: Option<i64>,
}

/// Where events were lost, as Hubble names the places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage(i32);

impl Stage {
    /// In Hubble's words: `PERF_EVENT_RING_BUFFER`, ...
    #[must_use]
    pub fn name(self) -> &'static str {
        LostEventSource::try_from(self.0)
            .unwrap_or(LostEventSource::UnknownLostEventSource)
            .as_str_name()
    }
}

/// Nodes that are counted one by one.
const MOST: usize = 10_000;
/// The name for all others.
const OTHERS: &str = "(others)";

#[derive(Clone, Debug, Default)]
struct Node {
    from: NodeStats,
    recent: Recent,
}

/// By node.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    nodes: BTreeMap<String, Node>,
    outages: Outages,
    /// From when on everything that happened has come, Unix ns.
    complete_since: i64,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::new(),
            outages: Outages::default(),
            complete_since: i64::MAX,
        }
    }
}

impl Nodes {
    /// Counts an item that has come at `now`; flows from `live_since` on were not in the history then
    /// (both Unix ns).
    pub(super) fn count(&mut self, item: &Item, now: i64, live_since: i64) {
        match item {
            Item::Flow(row) => {
                let time = row.time();
                // A history has all from its first flow on.
                self.complete_since = self.complete_since.min(live_since);
                if time > 0 {
                    self.complete_since = self.complete_since.min(time);
                }
                self.outages.flow(row.node(), time);
                let node = self.node(row.node());
                let Node { from, recent } = node;
                from.flows += 1;
                let is_verdict = row
                    .event_type()
                    .is_some_and(|(kind, _)| kind == event::POLICY_VERDICT);
                from.dropped += u64::from(row.verdict() == Verdict::Dropped && !is_verdict);
                from.newest = from.newest.max(time);
                let live = time >= live_since;
                if live {
                    let nanos = u64::try_from(now.saturating_sub(time)).unwrap_or(0);
                    from.delay = Some(Duration::from_nanos(nanos));
                }
                recent.count(time, live.then(|| now.saturating_sub(time)));
            }
            Item::Marker(mark) => self.mark(mark),
        }
    }

    /// What a mark says of nodes.
    pub(super) fn mark(&mut self, mark: &Marker) {
        match mark {
            Marker::Lost {
                node,
                events,
                stage,
                ..
            } => {
                let lost = &mut self.node(node).from.lost;
                let count = lost.entry(Stage((*stage).into())).or_default();
                *count = count.saturating_add(*events);
            }
            Marker::Nodes {
                time, state, nodes, ..
            } => {
                for name in nodes {
                    // It is one of the nodes, whether or not anything ever comes from it.
                    self.node(name);
                    match state {
                        // Nothing is missing of one that left the cluster.
                        NodeState::NodeConnected | NodeState::NodeGone => {
                            self.outages.end(name, *time);
                        }
                        NodeState::NodeError => self.outages.begin(name, *time),
                        // Said when a connection is made: its history is missing, too.
                        NodeState::NodeUnavailable => {
                            let newest = self.nodes.get(name).map(|node| node.from.newest);
                            let newest = newest.filter(|newest| *newest > 0);
                            self.outages.begin(name, newest.unwrap_or(i64::MIN));
                        }
                        NodeState::UnknownNodeState => {}
                    }
                }
            }
            Marker::Reconnected {
                lost,
                time,
                complete,
                ..
            } => {
                // What its server said of nodes is said anew.
                self.outages.forget_open(*lost);
                if !complete {
                    self.outages.gap(*lost, *time);
                    self.complete_since = (*time).max(0);
                }
            }
            Marker::Unreadable { .. } => {}
        }
    }

    fn node(&mut self, name: &str) -> &mut Node {
        // A stream may name more nodes than there are: what it says of the last ones is summed.
        let full = self.nodes.len() >= MOST && !self.nodes.contains_key(name);
        let name = if full { OTHERS } else { name };
        self.nodes.entry(name.to_owned()).or_default()
    }

    /// As it is at `now` (Unix ns).
    pub(super) fn all(&self, now: i64) -> BTreeMap<String, NodeStats> {
        let known = |(name, node): (&String, &Node)| {
            let away = self.outages.away(name);
            let rate = node.recent.rate(now, self.complete_since);
            let from = NodeStats {
                rate: rate.filter(|_| away.is_none()),
                away,
                ..node.from.clone()
            };
            (name.clone(), from)
        };
        self.nodes.iter().map(known).collect()
    }

    pub(super) fn outages(&self) -> Arc<Vec<Outage>> {
        self.outages.all()
    }
}
