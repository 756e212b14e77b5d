//! What came from each node.

use std::{collections::BTreeMap, time::Duration};

use flow::{FlowView as _, Verdict, vocabulary::event};
use proto::flow::LostEventSource;

use super::item::{Item, Mark};

/// What came from one node so far, evicted or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FromNode {
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

/// By node.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes(BTreeMap<String, FromNode>);

impl Nodes {
    /// Counts an item that has come at `now`; flows from `live_since` on were not in the history then
    /// (both Unix ns).
    pub(super) fn count(&mut self, item: &Item, now: i64, live_since: i64) {
        match item {
            Item::Flow(row) => {
                let node = self.node(row.node());
                node.flows += 1;
                let is_verdict = row
                    .event_type()
                    .is_some_and(|(kind, _)| kind == event::POLICY_VERDICT);
                node.dropped += u64::from(row.verdict() == Verdict::Dropped && !is_verdict);
                node.newest = node.newest.max(row.time());
                if row.time() >= live_since {
                    let nanos = u64::try_from(now.saturating_sub(row.time())).unwrap_or(0);
                    node.delay = Some(Duration::from_nanos(nanos));
                }
            }
            Item::Mark(mark) => {
                if let Mark::Lost {
                    node,
                    events,
                    stage,
                    ..
                } = &**mark
                {
                    let lost = &mut self.node(node).lost;
                    *lost.entry(Stage((*stage).into())).or_default() += events;
                }
            }
        }
    }

    fn node(&mut self, name: &str) -> &mut FromNode {
        // A stream may name more nodes than there are: what it says of the last ones is summed.
        let full = self.0.len() >= MOST && !self.0.contains_key(name);
        let name = if full { OTHERS } else { name };
        self.0.entry(name.to_owned()).or_default()
    }

    pub(super) fn all(&self) -> &BTreeMap<String, FromNode> {
        &self.0
    }
}
