//! Recorded flows by who connected with whom, and on which port: what a decision depends on. A million
//! flows are some hundreds of such groups, and each is decided once.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher as _;

use cluster::{Label, Labels, Workload};

mod requests;

use crate::trace::Request;

pub use requests::{ObservedRequest, RequestGroup, RequestGroups};

/// The most groups that are kept; flows of others are counted as [`FlowGroups::beyond`].
const GROUPS: usize = 1 << 18;
/// The most connections that are told apart; later ones are not counted.
const CONNECTIONS: usize = 1 << 22;
/// The most labels that an end is believed to have.
const LABELS: usize = 256;
/// The most names that an address is believed to have.
const NAMES: usize = 64;

/// A flow in the direction in which its connection was opened.
#[derive(Clone, Copy, Debug)]
pub struct ObservedFlow<'a> {
    /// Who opened the connection.
    pub source: ObservedEnd<'a>,
    /// To whom.
    pub destination: ObservedEnd<'a>,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the destination; ICMP: type of the request.
    pub port: u16,
    /// Port of the source; 0 if there is none.
    pub source_port: u32,
    /// Whether it was let through; `None` if the flow doesn't tell, or what dropped it was no policy.
    pub allowed: Option<bool>,
}

/// An end as a flow tells of it. Whatever it doesn't tell is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObservedEnd<'a> {
    /// IP address.
    pub ip: &'a str,
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Name of the pod; empty if it is none.
    pub pod_name: &'a str,
    /// Kind and name of what runs the pod.
    pub workload: (&'a str, &'a str),
    /// Labels of its identity: `k8s:app=web`.
    pub labels: &'a [String],
    /// Of a destination that is no pod: the names that its address had for the source.
    pub names: &'a [String],
}

/// An end that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedPeer {
    /// IP address; of pods that of the first flow.
    pub ip: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the pod; empty if it is none.
    pub pod_name: String,
    /// What runs the pod.
    pub workload: Option<Workload>,
    /// Labels of its identity.
    pub labels: Vec<String>,
    /// Of a destination that is no pod: the names that its address had for the source.
    pub names: Vec<String>,
}

/// Flows between two ends on one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowGroup {
    /// Who opened the connections.
    pub source: RecordedPeer,
    /// To whom.
    pub destination: RecordedPeer,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the destination; ICMP: type.
    pub port: u16,
    /// How many flows.
    pub flows: u64,
    /// How many connections: addresses and ports of sources.
    pub connections: u64,
    /// Flows that were let through.
    pub allowed: u64,
    /// Flows that a policy denied.
    pub denied: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub struct FlowGroups {
    groups: Vec<FlowGroup>,
    index: HashMap<u64, usize>,
    connections: HashSet<u64>,
    hasher: RandomState,
    flows: u64,
    beyond: u64,
    unreadable: u64,
    requests: RequestGroups,
}

impl RecordedPeer {
    fn new(end: &ObservedEnd<'_>) -> Self {
        let (kind, name) = end.workload;
        Self {
            ip: end.ip.to_owned(),
            namespace: end.namespace.to_owned(),
            pod_name: end.pod_name.to_owned(),
            workload: (!name.is_empty()).then(|| Workload {
                kind: kind.into(),
                name: name.into(),
            }),
            labels: end.labels.iter().take(LABELS).cloned().collect(),
            names: end.names.iter().take(NAMES).cloned().collect(),
        }
    }

    fn is(&self, end: &ObservedEnd<'_>) -> bool {
        self.pod_name == end.pod_name
            && self.namespace == end.namespace
            && (!end.pod_name.is_empty() || self.ip == end.ip)
            && self.labels.len() == end.labels.len().min(LABELS)
            && self.labels.iter().eq(end.labels.iter().take(LABELS))
            && self.names.len() == end.names.len().min(NAMES)
            && self.names.iter().eq(end.names.iter().take(NAMES))
    }

    /// Labels of its identity; those that can't be read are left out.
    pub fn identity_labels(&self) -> Labels {
        let labels = self.labels.iter();
        labels
            .filter_map(|text| text.parse::<Label>().ok())
            .collect()
    }
}

impl FlowGroups {
    /// Takes a flow, and tells the place of its group; `None` if there are too many.
    pub fn add(&mut self, flow: &ObservedFlow<'_>) -> Option<usize> {
        self.flows += 1;
        let Some(index) = self.group(flow) else {
            self.beyond += 1;
            return None;
        };
        let connection = (index, flow.source.ip, flow.source_port);
        let connection = self.hasher.hash_one(connection);
        let is_new = self.connections.len() < CONNECTIONS && self.connections.insert(connection);
        let group = &mut self.groups[index];
        group.flows += 1;
        group.connections += u64::from(is_new);
        match flow.allowed {
            Some(true) => group.allowed += 1,
            Some(false) => group.denied += 1,
            None => {}
        }
        Some(index)
    }

    /// Takes the request of a flow that was taken into a group. `request` reads it, if it is the first of the group
    /// that asks this.
    pub fn add_request(
        &mut self,
        group: usize,
        observed: ObservedRequest,
        request: impl FnOnce() -> Option<Request>,
    ) {
        self.requests.add(group, observed, request);
    }

    /// A number for what hashes alike; nobody who sends flows can choose it.
    pub fn number(&self, of: impl std::hash::Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    /// The requests of layer 7 among the flows.
    pub fn requests(&self) -> &RequestGroups {
        &self.requests
    }

    /// Counts a flow that tells too little: no port, or no ends.
    pub fn add_unreadable(&mut self) {
        self.flows += 1;
        self.unreadable += 1;
    }

    /// The groups, in the order of their first flows.
    pub fn groups(&self) -> &[FlowGroup] {
        &self.groups
    }

    /// How many flows there were.
    pub fn flows(&self) -> u64 {
        self.flows
    }

    /// Flows that told too little to be decided.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Flows in no group, since there are too many.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Whether there are more connections than are told apart.
    pub fn has_uncounted(&self) -> bool {
        self.connections.len() >= CONNECTIONS
    }

    /// Labels of all pods.
    pub fn pod_labels(&self) -> BTreeSet<Labels> {
        let ends = self.groups.iter();
        let ends = ends.flat_map(|group| [&group.source, &group.destination]);
        let pods: HashSet<&[String]> = ends
            .filter(|end| !end.namespace.is_empty())
            .map(|end| end.labels.as_slice())
            .collect();
        let labels = pods.into_iter().map(|labels| {
            let labels = labels.iter().filter_map(|text| text.parse::<Label>().ok());
            labels.collect::<Labels>()
        });
        labels.filter(is_pod).collect()
    }

    fn group(&mut self, flow: &ObservedFlow<'_>) -> Option<usize> {
        let end = |end: &ObservedEnd<'_>| {
            // Of a pod the address changes nothing.
            let ip = if end.pod_name.is_empty() { end.ip } else { "" };
            let labels = &end.labels[..end.labels.len().min(LABELS)];
            let names = &end.names[..end.names.len().min(NAMES)];
            self.hasher
                .hash_one((ip, end.namespace, end.pod_name, labels, names))
        };
        let (source, destination) = (end(&flow.source), end(&flow.destination));
        let key = (source, destination, flow.protocol, flow.port);
        let mut key = self.hasher.hash_one(key);
        while let Some(index) = self.index.get(&key) {
            let group = &self.groups[*index];
            if group.port == flow.port
                && group.protocol == flow.protocol
                && group.source.is(&flow.source)
                && group.destination.is(&flow.destination)
            {
                return Some(*index);
            }
            key = key.wrapping_add(1);
        }
        if self.groups.len() >= GROUPS {
            return None;
        }
        let index = self.groups.len();
        self.index.insert(key, index);
        self.groups.push(FlowGroup {
            source: RecordedPeer::new(&flow.source),
            destination: RecordedPeer::new(&flow.destination),
            protocol: flow.protocol,
            port: flow.port,
            flows: 0,
            connections: 0,
            allowed: 0,
            denied: 0,
        });
        Some(index)
    }
}

/// Whether labels are those of a pod's identity.
pub(crate) fn is_pod(labels: &Labels) -> bool {
    labels
        .get(Some("k8s"), cluster::labels::NAMESPACE)
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end<'a>(pod_name: &'a str, ip: &'a str, labels: &'a [String]) -> ObservedEnd<'a> {
        ObservedEnd {
            ip,
            namespace: if pod_name.is_empty() { "" } else { "shop" },
            pod_name,
            workload: ("", ""),
            labels,
            names: &[],
        }
    }

    #[test]
    fn flows_are_grouped_by_ends_and_port_and_connections_counted_once() {
        let labels = [
            "k8s:app=web".to_owned(),
            "k8s:io.kubernetes.pod.namespace=shop".to_owned(),
        ];
        let other = ["reserved:world".to_owned()];
        let (web, world) = (
            end("web", "10.0.0.1", &labels),
            end("", "192.0.2.1", &other),
        );
        let flow = ObservedFlow {
            source: web,
            destination: world,
            protocol: 6,
            port: 443,
            source_port: 40_000,
            allowed: Some(true),
        };
        let mut groups = FlowGroups::default();
        groups.add(&flow);
        groups.add(&flow);
        // Another port of the source is another connection; so is another of its addresses.
        groups.add(&ObservedFlow {
            source_port: 40_001,
            allowed: Some(false),
            ..flow
        });
        let moved = end("web", "fd00::1", &labels);
        groups.add(&ObservedFlow {
            source: moved,
            ..flow
        });
        // Another address of what is no pod, another port and other labels are other groups.
        let far = end("", "192.0.2.2", &other);
        groups.add(&ObservedFlow {
            destination: far,
            ..flow
        });
        groups.add(&ObservedFlow { port: 80, ..flow });
        let relabelled = end("web", "10.0.0.1", &labels[1..]);
        groups.add(&ObservedFlow {
            source: relabelled,
            ..flow
        });
        groups.add_unreadable();
        let counts = groups
            .groups()
            .iter()
            .map(|group| (group.flows, group.connections, group.allowed, group.denied));
        let counts: Vec<_> = counts.collect();
        assert_eq!(
            counts,
            [(4, 3, 3, 1), (1, 1, 1, 0), (1, 1, 1, 0), (1, 1, 1, 0)]
        );
        assert_eq!(
            (groups.flows(), groups.unreadable(), groups.beyond()),
            (8, 1, 0)
        );
        assert_eq!(groups.pod_labels().len(), 2, "the world is no pod");
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut groups = FlowGroups::default();
        let ips: Vec<String> = (0..GROUPS + 10).map(|n| format!("host-{n}")).collect();
        for ip in &ips {
            groups.add(&ObservedFlow {
                source: end("", ip, &[]),
                destination: end("", "192.0.2.1", &[]),
                protocol: 6,
                port: 443,
                source_port: 1,
                allowed: None,
            });
        }
        assert_eq!((groups.groups().len(), groups.beyond()), (GROUPS, 10));
    }
}
