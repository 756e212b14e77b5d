//! Who can reach a workload, and whom it can reach: every allowed connection, with the rules that allow it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::Labels;
use policy::Reason;

use crate::connectivity::{
    Connectivity, PairColumns, PeerGroup, PeerKind, PortSet, ReasonId, SpanDecisions, allows,
};
use crate::flow_groups::FlowGroups;
use crate::trace::PolicyContext;

/// Which end a workload is of the connections that are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhoCan {
    /// Who can reach it?
    Reach,
    /// Who can be reached from it?
    BeReachedFrom,
}

/// Connections of some peers that the same rules allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedEdge {
    /// The group of the workload that is asked about.
    pub of: Arc<PeerGroup>,
    /// The other ends, by kind and name.
    pub peers: Vec<Arc<PeerGroup>>,
    /// On which ports.
    pub ports: PortSet,
    /// What allows it at the source, if that is a pod.
    pub egress: Option<Arc<Reason>>,
    /// What allows it at the destination, if that is a pod.
    pub ingress: Option<Arc<Reason>>,
    /// Recorded connections; `None`: no flows were looked at. Peers that have none are edges of their own.
    pub connections: Option<u64>,
}

/// A cluster to ask.
pub struct Reachability {
    connectivity: Connectivity<1>,
    /// Those that were let through.
    recorded: Option<Recorded>,
}

/// The rules that allow some ports: what allows them at the destination and at the source.
type Rules = [Option<ReasonId>; 2];

/// Recorded connections by source and destination: protocol, port, how many.
type Recorded = HashMap<(usize, usize), Vec<(u8, u16, u64)>>;

/// The workload that is asked about, ports, rules, and that nobody used them.
type EdgeKey = (usize, PortSet, Rules, bool);

impl Reachability {
    /// Compiles what pods' policies are. With `flows` edges tell whether they were used.
    pub fn new(context: &PolicyContext<'_>, flows: Option<&FlowGroups>) -> Self {
        let former: BTreeSet<Labels> = flows.map(FlowGroups::pod_labels).unwrap_or_default();
        let connectivity = Connectivity::new([context], &former);
        let recorded = flows.map(|flows| recorded(&connectivity, flows));
        Self {
            connectivity,
            recorded,
        }
    }

    /// Everyone: pods, then prefixes, then entities, each by name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<PeerGroup>> {
        let members = self.connectivity.members().iter();
        members.map(|member| &member.group)
    }

    /// The allowed connections of groups, of one port if one is asked about. Each port of a peer is in
    /// one edge at most.
    pub fn edges(
        &self,
        asked: WhoCan,
        of: &[Arc<PeerGroup>],
        port: Option<(u8, u16)>,
    ) -> Vec<AllowedEdge> {
        let members = self.connectivity.members();
        let indices = |wanted: &dyn Fn(&Arc<PeerGroup>) -> bool| -> Vec<usize> {
            let members = members.iter().enumerate();
            let wanted = members.filter(|(_, member)| wanted(&member.group));
            wanted.map(|(index, _)| index).collect()
        };
        let subjects = indices(&|group| of.contains(group));
        let peers = indices(&|group| group.kind != PeerKind::FormerPods);
        let mut known: HashMap<PairColumns<1>, Vec<(PortSet, Rules)>> = HashMap::new();
        let mut edges: BTreeMap<EdgeKey, (Vec<usize>, u64)> = BTreeMap::new();
        for subject in subjects {
            for peer in &peers {
                let (source, destination) = match asked {
                    WhoCan::Reach => (*peer, subject),
                    WhoCan::BeReachedFrom => (subject, *peer),
                };
                if source == destination && members[source].group.is_single() {
                    continue;
                }
                let ends = [&members[source].ends, &members[destination].ends];
                let allowed = known
                    .entry(self.connectivity.columns(ends))
                    .or_insert_with(|| allowed(&self.connectivity.spans(ends)));
                for (ports, rules) in allowed.iter() {
                    if port.is_some_and(|(protocol, port)| !ports.contains(protocol, port)) {
                        continue;
                    }
                    let used = self.used(source, destination, ports);
                    let key = (subject, ports.clone(), *rules, used == 0);
                    let edge = edges.entry(key).or_default();
                    edge.0.push(*peer);
                    edge.1 += used;
                }
            }
        }
        let reason = |id: Option<ReasonId>| self.connectivity.reason(id?).cloned();
        let mut edges: Vec<AllowedEdge> = edges
            .into_iter()
            .map(
                |((subject, ports, [ingress, egress], _), (peers, used))| AllowedEdge {
                    of: Arc::clone(&members[subject].group),
                    peers: peers
                        .into_iter()
                        .map(|peer| Arc::clone(&members[peer].group))
                        .collect(),
                    ports,
                    egress: reason(egress),
                    ingress: reason(ingress),
                    connections: self.recorded.as_ref().map(|_| used),
                },
            )
            .collect();
        edges.sort_by_cached_key(|edge| {
            let first = edge
                .peers
                .first()
                .map(|peer| (peer.kind, peer.name.clone()));
            (edge.of.name.clone(), first, edge.ports.clone())
        });
        edges
    }

    /// Recorded connections of a pair on some ports.
    fn used(&self, source: usize, destination: usize, ports: &PortSet) -> u64 {
        let recorded = self.recorded.iter();
        let recorded = recorded.filter_map(|recorded| recorded.get(&(source, destination)));
        let on_ports = recorded
            .flatten()
            .filter(|(protocol, port, _)| ports.contains(*protocol, *port));
        on_ports.map(|(_, _, connections)| connections).sum()
    }
}

fn recorded(connectivity: &Connectivity<1>, flows: &FlowGroups) -> Recorded {
    let locator = connectivity.locator();
    let mut recorded = Recorded::new();
    for group in flows.groups().iter().filter(|group| group.allowed > 0) {
        let ends = [&group.source, &group.destination].map(|end| locator.find(end));
        if let [Some(source), Some(destination)] = ends {
            let of_pair = recorded.entry((source, destination)).or_default();
            // Used, even where there are too many connections to count.
            of_pair.push((group.protocol, group.port, group.connections.max(1)));
        }
    }
    recorded
}

/// Which ports are allowed, by the rules that allow them.
fn allowed(spans: &[SpanDecisions<1>]) -> Vec<(PortSet, Rules)> {
    let mut by_rules: BTreeMap<Rules, Vec<_>> = BTreeMap::new();
    for SpanDecisions {
        span,
        decisions: [decisions],
    } in spans
    {
        if allows(decisions) {
            let rules = decisions.map(|end| end.map(|end| end.reason));
            by_rules.entry(rules).or_default().push(*span);
        }
    }
    let by_rules = by_rules.into_iter();
    by_rules
        .map(|(rules, spans)| (PortSet::from_spans(spans), rules))
        .collect()
}
