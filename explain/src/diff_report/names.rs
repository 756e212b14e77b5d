//! Names of many peers in a line, and of recorded connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::quantity::grouped;

use crate::connectivity::{PeerGroup, PeerKind};
use crate::diff::FlowChange;
use crate::flow_groups::RecordedPeer;
use crate::trace::PortText;

/// `1,204 shop/web -> shop/db: 5432/TCP, such as shop/web-abc -> shop/db-0`.
pub fn connections(change: &FlowChange) -> String {
    let port = PortText {
        protocol: change.protocol,
        port: change.port,
    };
    let [from, to] = change.example.each_ref().map(example);
    format!(
        "{} {} -> {}: {port}, such as {from} -> {to}",
        grouped(change.connections),
        change.source.name,
        change.destination.name
    )
}

pub(super) fn example(peer: &RecordedPeer) -> String {
    match (peer.pod_name.as_str(), peer.ip.as_str()) {
        ("", ip) => ip.to_owned(),
        (pod, "") => format!("{}/{pod}", peer.namespace),
        (pod, ip) => format!("{}/{pod} ({ip})", peer.namespace),
    }
}

/// Names of groups; all of a namespace are one.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_namespace: BTreeMap<Arc<str>, usize>,
}

/// Names that are spelled out where not all of a namespace are meant.
const SHOWN: usize = 8;
/// Workloads of a namespace that are worth being named together.
const TOGETHER: usize = 3;

impl Names {
    /// Of everyone who is compared: of them all workloads of a namespace can be all.
    pub fn new(groups: &[Arc<PeerGroup>]) -> Self {
        let mut by_namespace = BTreeMap::new();
        for namespace in groups.iter().filter_map(|group| namespace(group)) {
            *by_namespace.entry(namespace).or_default() += 1;
        }
        Self { by_namespace }
    }

    /// `all 12 of shop, dev/web, world`.
    pub fn list(&self, groups: &[Arc<PeerGroup>]) -> String {
        let mut here: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for namespace in groups.iter().filter_map(|group| namespace(group)) {
            *here.entry(namespace).or_default() += 1;
        }
        here.retain(|namespace, n| *n >= TOGETHER && self.by_namespace.get(namespace) == Some(n));
        let all = here
            .iter()
            .map(|(namespace, n)| format!("all {n} of {namespace}"));
        let others = groups.iter().filter(|group| {
            namespace(group).is_none_or(|namespace| !here.contains_key(&namespace))
        });
        let names: Vec<String> = all.chain(others.map(|group| group.name.clone())).collect();
        match names.len().saturating_sub(SHOWN) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names[..SHOWN].join(", ")),
        }
    }
}

fn namespace(group: &PeerGroup) -> Option<Arc<str>> {
    let pod = group.pods.first().filter(|_| group.kind == PeerKind::Pods);
    pod.map(|pod| Arc::clone(&pod.namespace))
}
