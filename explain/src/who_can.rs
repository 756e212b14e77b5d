//! Who can reach a workload, and whom it can reach: every allowed connection, with the rules that allow it and,
//! where rules of layer 7 read what is sent, the requests that they let through.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::{Labels, NamespacedName};
use l7::wire::name::Name;
use policy::{Direction, Reason, ReasonKind};

use crate::cancel::Cancel;
use crate::connectivity::{
    Connectivity, PairColumns, PeerGroup, PeerKind, PortSet, ReasonId, RequestSet, RequestsId,
    SpanDecisions, allows,
};
use crate::flow_groups::FlowGroups;
use crate::trace::PolicyContext;

mod carried;

pub use carried::{CarriedRequests, RuleUse};

use carried::RecordedRequests;

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
    /// The ends that read what is sent, the source first, and which requests they let through; none: whatever is
    /// sent passes. With flows, peers that sent no such request are edges of their own.
    pub requests: Vec<CarriedRequests>,
}

impl AllowedEdge {
    /// The rules of both ends that allow it, the source's first; none if no policy enforces anything at
    /// either.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Reason>> {
        let ends = [&self.egress, &self.ingress].into_iter().flatten();
        ends.filter(|reason| reason.kind != ReasonKind::AllowAny)
    }
}

/// A cluster to ask.
pub struct Reachability {
    connectivity: Arc<Connectivity<1>>,
    /// Those that were let through.
    recorded: Option<Recorded>,
    /// Requests that were let through.
    requests: RecordedRequests,
}

/// What is enforced for the pods of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// The pods.
    pub group: Arc<PeerGroup>,
    /// What decides ingress where no rule does; `None`: ingress is not restricted.
    pub ingress: Option<Arc<Reason>>,
    /// The same of egress.
    pub egress: Option<Arc<Reason>>,
}

/// The rules that allow some ports, and which requests: at the destination and at the source.
type Rules = [Option<(ReasonId, RequestsId)>; 2];

/// Recorded connections by source and destination: protocol, port, how many.
type Recorded = HashMap<(usize, usize), Vec<(u8, u16, u64)>>;

/// The workload that is asked about, ports, rules, and that nobody used them.
type EdgeKey = (usize, PortSet, Rules, bool);

impl Reachability {
    /// Compiles what pods' policies are. With `flows` edges tell whether they were used.
    pub fn new(context: &PolicyContext<'_>, flows: Option<&FlowGroups>) -> Self {
        let former: BTreeSet<Labels> = flows.map(FlowGroups::pod_labels).unwrap_or_default();
        let connectivity = Connectivity::new([context], &former, &Cancel::default());
        let recorded = flows.map(|flows| recorded(&connectivity, flows));
        let requests = flows.map(|flows| RecordedRequests::new(&connectivity, flows));
        Self {
            connectivity: Arc::new(connectivity),
            recorded,
            requests: requests.unwrap_or_default(),
        }
    }

    /// The same cluster, of which edges tell whether they were used by these flows. Flows of pods that are gone
    /// count as those of their workloads, or of pods with the same labels.
    #[must_use]
    pub fn with_flows(&self, flows: &FlowGroups) -> Self {
        Self {
            connectivity: Arc::clone(&self.connectivity),
            recorded: Some(recorded(&self.connectivity, flows)),
            requests: RecordedRequests::new(&self.connectivity, flows),
        }
    }

    /// The groups that a name means: those of a workload (`shop/web`, or `web`), else that of a pod.
    pub fn named(&self, name: &str) -> Vec<Arc<PeerGroup>> {
        let pods = self.groups().filter(|group| group.kind == PeerKind::Pods);
        let means = |full: &NamespacedName| match name.split_once('/') {
            Some((namespace, own)) => *full.namespace == *namespace && *full.name == *own,
            None => *full.name == *name,
        };
        let of_workload = |group: &&Arc<PeerGroup>| {
            group.workload.is_some() && group.owner().is_some_and(|owner| means(&owner))
        };
        let found: Vec<_> = pods.clone().filter(of_workload).cloned().collect();
        match found.is_empty() {
            true => {
                let of_pod = pods.filter(|group| group.pods.iter().any(means));
                of_pod.cloned().collect()
            }
            false => found,
        }
    }

    /// The group of addresses that are learned for a name outside of the cluster: that of the selector of `toFQDNs`
    /// which matches it or, if none does, those of the world. `None` if it is no name.
    pub fn outside(&self, name: &str) -> Option<Arc<PeerGroup>> {
        let names = [Name::from_text(name).ok()?.to_string()];
        let index = self.connectivity.locator().named(&names);
        let index = index.or_else(|| self.connectivity.anywhere())?;
        Some(Arc::clone(&self.connectivity.members()[index].group))
    }

    /// What is enforced for each group of pods, by name.
    pub fn enforcement(&self) -> impl Iterator<Item = Enforcement> {
        let members = self.connectivity.members().iter().enumerate();
        let pods = members.filter(|(_, member)| member.group.kind == PeerKind::Pods);
        pods.map(|(index, member)| {
            let default = |direction| self.connectivity.default_of(index, 0, direction).cloned();
            Enforcement {
                group: Arc::clone(&member.group),
                ingress: default(Direction::Ingress),
                egress: default(Direction::Egress),
            }
        })
    }

    /// Everyone: pods, then prefixes, then names, then entities, each by name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<PeerGroup>> + Clone {
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
        let mut peers = indices(&|group| group.kind != PeerKind::FormerPods);
        if asked == WhoCan::Reach {
            peers.retain(|index| self.connectivity.is_source(*index));
        }
        let mut known: HashMap<PairColumns<1>, Vec<(PortSet, Rules)>> = HashMap::new();
        let mut edges: BTreeMap<EdgeKey, (Vec<usize>, u64)> = BTreeMap::new();
        let pair = |subject: usize, peer: usize| match asked {
            WhoCan::Reach => (peer, subject),
            WhoCan::BeReachedFrom => (subject, peer),
        };
        for subject in subjects {
            for peer in &peers {
                let (source, destination) = pair(subject, *peer);
                if source == destination && members[source].group.is_single() {
                    continue;
                }
                // Of what neither end judges there is nothing to say.
                let is_pod = |end: usize| members[end].group.kind == PeerKind::Pods;
                if !is_pod(source) && !is_pod(destination) {
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
                    let is_unused = match self.is_read(rules) {
                        true => !self.requests.has_any((source, destination), ports),
                        false => used == 0,
                    };
                    let key = (subject, ports.clone(), *rules, is_unused);
                    let edge = edges.entry(key).or_default();
                    edge.0.push(*peer);
                    edge.1 += used;
                }
            }
        }
        if asked == WhoCan::BeReachedFrom {
            for (peers, _) in edges.values_mut() {
                self.connectivity.drop_implied_names(peers);
            }
        }
        let reason = |of: Option<(ReasonId, _)>| self.connectivity.reason(of?.0).cloned();
        let mut edges: Vec<AllowedEdge> = edges
            .into_iter()
            .map(
                |((subject, ports, [ingress, egress], _), (peers, used))| AllowedEdge {
                    requests: [(Direction::Egress, egress), (Direction::Ingress, ingress)]
                        .into_iter()
                        .filter_map(|(direction, rules)| {
                            let requests = self.connectivity.requests(rules?.1);
                            let pairs = peers.iter().map(|peer| pair(subject, *peer));
                            let recorded = self.recorded.as_ref().map(|_| &self.requests);
                            CarriedRequests::new(direction, requests, recorded, pairs, &ports)
                        })
                        .collect(),
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

    /// Whether rules of layer 7 of an end restrict what is sent.
    fn is_read(&self, rules: &Rules) -> bool {
        let requests = rules.iter().flatten();
        let mut requests = requests.map(|(_, requests)| self.connectivity.requests(*requests));
        requests.any(|requests| *requests != RequestSet::Everything)
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
            let rules = decisions.map(|end| end.map(|end| (end.reason, end.requests)));
            by_rules.entry(rules).or_default().push(*span);
        }
    }
    let by_rules = by_rules.into_iter();
    by_rules
        .map(|(rules, spans)| (PortSet::from_spans(spans), rules))
        .collect()
}

#[cfg(test)]
mod tests {
    use cluster::Identities;
    use policy::Config;

    use super::*;
    use crate::flow_groups::{ObservedEnd, ObservedFlow};

    const SHOP: &str = r"
{apiVersion: v1, kind: Node, metadata: {name: one}, spec: {podCIDRs: [10.0.0.0/16]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: a, controller: true}]}, spec: {nodeName: one}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, spec: {nodeName: one}, status: {podIP: 10.0.0.2}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]
";

    fn shop() -> Reachability {
        let (state, config) = (testing_policy::state(SHOP), Config::default());
        let (policies, refused) = policy::read(&state, &config);
        assert_eq!(refused, []);
        let identities = Identities::new(state.is_dual_stack());
        let context = PolicyContext::new(&state, &policies, &config, identities);
        Reachability::new(&context, None)
    }

    #[test]
    fn names_mean_workloads_or_pods() {
        let shop = shop();
        for (name, wanted) in [
            ("shop/web", &["shop/web"][..]),
            ("web", &["shop/web"]),
            ("shop/web-1", &["shop/web"]),
            ("shop/db", &["shop/db"]),
            ("data/db", &[]),
            ("world", &[]),
        ] {
            let found = shop.named(name);
            let owners: Vec<String> = found
                .iter()
                .filter_map(|group| Some(group.owner()?.to_string()))
                .collect();
            assert_eq!(owners, wanted, "{name}");
        }
    }

    #[test]
    fn what_is_enforced_names_the_policies() {
        let told: Vec<_> = shop()
            .enforcement()
            .map(|of| {
                let policies = of.ingress.iter().flat_map(|reason| &reason.origins);
                let policies: Vec<String> =
                    policies.map(|origin| origin.policy.to_string()).collect();
                (of.group.name.clone(), policies, of.egress.is_some())
            })
            .collect();
        let db = vec!["cnp shop/db".to_owned()];
        assert_eq!(
            told,
            [
                ("shop/db".to_owned(), db, false),
                ("shop/web".to_owned(), Vec::new(), false),
            ]
        );
    }

    #[test]
    fn flows_tell_what_was_used() {
        let shop = shop();
        let db = shop.named("shop/db");
        let used = |shop: &Reachability| {
            let edges = shop.edges(WhoCan::Reach, &db, Some((6, 5432)));
            let web = edges
                .iter()
                .find(|edge| edge.peers[0].kind == PeerKind::Pods);
            web.map(|edge| (edge.rules().count(), edge.connections))
        };
        assert_eq!(used(&shop), Some((1, None)));
        let end = |pod_name| ObservedEnd {
            namespace: "shop",
            pod_name,
            ..ObservedEnd::default()
        };
        let mut flows = FlowGroups::default();
        for source_port in [40_000, 40_001] {
            flows.add(&ObservedFlow {
                source: end("web-1"),
                destination: end("db"),
                protocol: 6,
                port: 5432,
                source_port,
                allowed: Some(true),
            });
        }
        assert_eq!(used(&shop.with_flows(&flows)), Some((1, Some(2))));
        // What was compiled once is as it was.
        assert_eq!(
            used(&shop.with_flows(&FlowGroups::default())),
            Some((1, Some(0)))
        );
    }
}
