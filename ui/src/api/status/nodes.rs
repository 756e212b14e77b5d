//! The nodes: what the server says of each, and what came from it.

use std::collections::BTreeMap;
use std::time::Duration;

use client::{Health, NodeStats};
use proto::flows::v1::{EventCounts, GetStatusResponse};
use serde::Serialize;

use super::losses::{self, Loss};

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Node {
    name: String,
    state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows_held: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows_seen: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<u32>,
    lost: u64,
    losses: Vec<Loss>,
    /// Why it isn't in step with the manifests, or did not answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

impl Node {
    /// Nobody tells how it is now.
    pub(super) fn forget(&mut self) {
        "unknown".clone_into(&mut self.state);
        self.rate = None;
        self.lag_ms = None;
    }
}

/// So long a node may be silent before it counts as away, ns: a slow one isn't.
const PATIENCE: i64 = 2_000_000_000;

/// All that are known, by name, at a moment (Unix ns).
pub(super) fn all(
    health: Option<&Health>,
    came: &BTreeMap<String, NodeStats>,
    now: i64,
) -> Vec<Node> {
    let mut nodes: BTreeMap<&str, Node> = BTreeMap::new();
    for node in health.map_or(&[][..], |health| &health.nodes[..]) {
        let state = node.state().as_str_name().to_lowercase();
        let known = Node {
            state: state
                .strip_prefix("node_")
                .unwrap_or(&state)
                .replace('_', " "),
            version: node.version.clone(),
            uptime_seconds: Some(Duration::from_nanos(node.uptime_ns).as_secs_f64()),
            flows_held: Some(node.num_flows),
            flows_max: Some(node.max_flows),
            flows_seen: Some(node.seen_flows),
            ..Node::default()
        };
        nodes.insert(&node.name, known);
    }
    let mut events: BTreeMap<&str, &EventCounts> = BTreeMap::new();
    for said in ours(health).filter(|said| !said.node_name.is_empty()) {
        let node = nodes.entry(&said.node_name).or_default();
        node.message.clone_from(&said.failure);
        node.policies = said.events.is_some().then_some(said.policies);
        events.extend(said.events.as_ref().map(|of| (&*said.node_name, of)));
    }
    for (name, from) in came.iter().filter(|(name, _)| !name.is_empty()) {
        let node = nodes.entry(name).or_insert_with(|| Node {
            flows_seen: Some(from.flows),
            ..Node::default()
        });
        node.lag_ms = from.delay.map(|delay| delay.as_secs_f64() * 1000.0);
        node.rate = from.rate;
        // The server may have been asked before.
        let silent = |since: i64| now.saturating_sub(since) >= PATIENCE;
        if from.away.is_some_and(silent) && matches!(node.state.as_str(), "" | "connected") {
            "away".clone_into(&mut node.state);
        }
    }
    let nothing = NodeStats::default();
    let nodes = nodes.into_iter().map(|(name, node)| {
        let losses = losses::of_node(
            events.get(name).copied(),
            came.get(name).unwrap_or(&nothing),
        );
        Node {
            name: name.to_owned(),
            // Of a server that has no list of its nodes.
            state: match node.state.is_empty() {
                true => "seen".to_owned(),
                false => node.state,
            },
            lost: losses::sum(&losses),
            losses,
            ..node
        }
    });
    nodes.collect()
}

/// What each node says of itself: through a relay, or the server is the node.
fn ours(health: Option<&Health>) -> impl Iterator<Item = &GetStatusResponse> {
    let ours = health.and_then(|health| health.ours.as_ref());
    ours.into_iter().flat_map(|ours| match &ours.nodes[..] {
        [] => std::slice::from_ref(ours),
        nodes => nodes,
    })
}

#[cfg(test)]
mod tests {
    use proto::observer::Node as Listed;
    use proto::relay::NodeState;

    use super::*;

    fn said(name: &str, failed: u64, failure: &str) -> GetStatusResponse {
        GetStatusResponse {
            node_name: name.to_owned(),
            failure: failure.to_owned(),
            policies: 3,
            events: failure.is_empty().then(|| EventCounts {
                failed,
                queue_lost: 2,
                ..EventCounts::default()
            }),
            ..GetStatusResponse::default()
        }
    }

    fn listed(name: &str, state: NodeState) -> Listed {
        Listed {
            name: name.to_owned(),
            state: state.into(),
            ..Listed::default()
        }
    }

    #[test]
    fn each_node_has_its_own_losses() {
        let health = Health {
            ours: Some(GetStatusResponse {
                nodes: vec![said("one", 40, ""), said("two", 0, "it does not answer")],
                ..GetStatusResponse::default()
            }),
            nodes: vec![
                listed("one", NodeState::NodeConnected),
                listed("two", NodeState::NodeUnavailable),
            ],
            ..Health::default()
        };
        let came = BTreeMap::from([
            (
                "one".to_owned(),
                NodeStats {
                    rate: Some(2.5),
                    ..NodeStats::default()
                },
            ),
            (
                "three".to_owned(),
                NodeStats {
                    away: Some(i64::MIN),
                    ..NodeStats::default()
                },
            ),
            (
                "other".to_owned(),
                NodeStats {
                    flows: 5,
                    ..NodeStats::default()
                },
            ),
        ]);
        let nodes = all(Some(&health), &came, 0);
        let text = |node: &Node| {
            let losses: Vec<u64> = node.losses.iter().map(|loss| loss.count).collect();
            format!(
                "{} {} {:?} {losses:?} {}",
                node.name, node.state, node.rate, node.message
            )
        };
        let texts: Vec<String> = nodes.iter().map(text).collect();
        assert_eq!(
            texts,
            [
                "one connected Some(2.5) [40, 0, 0, 2, 0] ",
                "other seen None [] ",
                "three away None [] ",
                "two unavailable None [] it does not answer",
            ]
        );
        assert_eq!((nodes[0].lost, nodes[0].policies), (42, Some(3)));

        // An agent alone has no list within its own status.
        let alone = Health {
            ours: Some(said("one", 1, "")),
            ..Health::default()
        };
        assert_eq!(all(Some(&alone), &came, 0)[0].lost, 3);
    }
}
