//! The nodes: what the server says of each, and what came from it.

use std::collections::BTreeMap;

use client::{ConnectionState, NodeStats};
use proto::{flows::v1::EventCounts, relay::NodeState};

use super::model::Model;

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// `connected`, `unavailable`, ...; empty if the server doesn't say.
    pub(crate) state: String,
    pub(crate) connected: bool,
    pub(crate) version: String,
    pub(crate) uptime_ns: u64,
    /// Flows that it holds, and can hold.
    pub(crate) held: (u64, u64),
    /// What our own servers say of the way of its events.
    pub(crate) events: Option<EventCounts>,
    /// Why it isn't in step with the manifests; empty if it is.
    pub(crate) failure: String,
    pub(crate) policies: Option<u32>,
    /// What came from it.
    pub(crate) node_stats: NodeStats,
}

/// So long a node may be silent before it counts as away, ns: a slow one isn't.
const PATIENCE: i64 = 2_000_000_000;

impl Node {
    /// Whether nothing comes from it.
    pub(crate) fn is_away(&self, now: i64) -> bool {
        let silent = |since: i64| now.saturating_sub(since) >= PATIENCE;
        (!self.state.is_empty() && !self.connected) || self.node_stats.away.is_some_and(silent)
    }
}

/// What keeps a cluster from being well, each in some words, and its nodes: how many of how many are
/// there. Nothing while nobody tells.
pub(crate) fn troubles(model: &Model) -> Vec<String> {
    if !matches!(model.link, ConnectionState::Live { .. }) {
        return Vec::new();
    }
    let all = all(model);
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let away = all.iter().filter(|node| node.is_away(model.now)).count();
    let nodes = (away > 0).then(|| format!("{}/{} nodes", all.len() - away, all.len()));
    let behind = |node: &&Node| !node.is_away(model.now) && !node.failure.is_empty();
    let behind = all.iter().filter(behind).count();
    let behind = counted(behind, "node out of step", "nodes out of step");
    let (open, other): (Vec<_>, Vec<_>) = model
        .policies
        .refused()
        .iter()
        .partition(|problem| problem.not_enforced);
    let open = counted(open.len(), "policy not enforced", "policies not enforced");
    let other = counted(other.len(), "manifest refused", "manifests refused");
    [nodes, behind, open, other].into_iter().flatten().collect()
}

/// A stage where events are lost, in words.
pub(crate) fn stage(source: i32) -> &'static str {
    use proto::flow::LostEventSource as Source;
    match Source::try_from(source) {
        Ok(Source::PerfEventRingBuffer) => "the kernel's ring was full",
        Ok(Source::ObserverEventsQueue) => "the agent's queue was full",
        Ok(Source::HubbleRingBuffer) => "overwritten before they were read",
        Ok(Source::UnknownLostEventSource) | Err(_) => "the server doesn't say where",
    }
}

/// Everything that is known, by name.
pub(crate) fn all(model: &Model) -> Vec<Node> {
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    let mut node = |name: &str, change: &mut dyn FnMut(&mut Node)| {
        let node = nodes.entry(name.to_owned()).or_default();
        node.name = name.to_owned();
        change(node);
    };
    if let Some(Ok(health)) = &model.health {
        for said in &health.nodes {
            node(&said.name, &mut |node| {
                node.connected = said.state() == NodeState::NodeConnected;
                let state = said.state().as_str_name();
                node.state = state.trim_start_matches("NODE_").to_lowercase();
                node.version.clone_from(&said.version);
                node.uptime_ns = said.uptime_ns;
                node.held = (said.num_flows, said.max_flows);
            });
        }
        let ours = health.ours.iter();
        let ours = ours.flat_map(|ours| match &ours.nodes[..] {
            [] => std::slice::from_ref(ours),
            nodes => nodes,
        });
        for said in ours.filter(|said| !said.node_name.is_empty()) {
            node(&said.node_name, &mut |node| {
                node.events = said.events;
                node.failure.clone_from(&said.failure);
                node.policies = Some(said.policies);
            });
        }
    }
    for (name, came) in &model.node_stats {
        if !name.is_empty() {
            node(name, &mut |node| node.node_stats = came.clone());
        }
    }
    nodes.into_values().collect()
}

/// The names of the nodes, in the order in which they are shown.
pub(crate) fn names(model: &Model) -> Vec<String> {
    all(model).into_iter().map(|node| node.name).collect()
}
