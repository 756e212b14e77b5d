//! Who can be an end of a connection: workloads, prefixes and names that policies name, and the reserved entities.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use cluster::labels::NAMESPACE;
use cluster::{Identity, Labels, NamespacedName, Pod, Workload};
use ipnet::IpNet;
use policy::{NamedPort, TableOwner, bounded, ports_of};

use crate::trace::{KnownIdentities, PolicyContext};

/// What kind of peers a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerKind {
    /// Pods of a workload, or a pod that has none.
    Pods,
    /// Pods that are gone, known by their labels.
    FormerPods,
    /// Addresses of a prefix, apart from those of longer ones.
    Prefix,
    /// Addresses outside of the cluster that are learned for a name, or for the names of a pattern: those that a
    /// selector of `toFQDNs` matches. Only a destination.
    Name,
    /// A reserved identity: `world`, `host`.
    Entity,
}

/// Peers that policies of all clusters treat alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerGroup {
    /// What it is.
    pub kind: PeerKind,
    /// As people call it: `shop/web`, `10.0.0.0/8`,
    /// `*.example.com`, `world`. Of a workload whose pods are not alike with
    /// the pods that are meant.
    pub name: String,
    /// What runs the pods; `None` if they are no pods, or one that nothing runs.
    pub workload: Option<Workload>,
    /// Its pods, of all clusters, by name.
    pub pods: Vec<NamespacedName>,
}

impl PeerGroup {
    /// Whose pods these are: `shop/web` of a workload or of a pod that nothing runs; `None` if they are no
    /// pods, or pods that are gone.
    pub fn owner(&self) -> Option<NamespacedName> {
        let pod = self.pods.first().filter(|_| self.kind == PeerKind::Pods)?;
        Some(match &self.workload {
            Some(workload) => NamespacedName {
                namespace: Arc::clone(&pod.namespace),
                name: Arc::clone(&workload.name),
            },
            None => pod.clone(),
        })
    }

    /// It is one pod: what is said of it and itself is about nobody, since what a pod sends to itself stays
    /// inside of it.
    pub fn is_single(&self) -> bool {
        self.kind == PeerKind::Pods && self.pods.len() == 1
    }
}

/// A group, and what it is to each cluster.
#[derive(Clone, Debug)]
pub(crate) struct Member<const N: usize> {
    pub(crate) group: Arc<PeerGroup>,
    /// Labels of its identity.
    pub(crate) labels: [Labels; N],
    /// Of a name: the selectors that match it.
    pub(crate) selectors: BTreeSet<Arc<str>>,
    pub(crate) ends: Ends<N>,
}

/// What an end is to the tables of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct End {
    pub(crate) identity: Identity,
    /// Its own table, if it is a pod.
    pub(crate) table: Option<u32>,
}

/// What an end is to the tables of each cluster.
pub(crate) type Ends<const N: usize> = [End; N];

/// Everyone, and what their tables are made for.
pub(super) struct Found<const N: usize> {
    pub(super) members: Vec<Member<N>>,
    pub(super) unmatched: Vec<String>,
    /// Prefixes that are told apart, and the names of the groups that their addresses are in.
    pub(super) prefixes: Vec<(IpNet, String)>,
    pub(super) owners: [BTreeMap<TableOwner, u32>; N],
    pub(super) known: [KnownIdentities; N],
}

/// What policies can know of a pod.
type PodTraits = (Labels, Vec<NamedPort>);

/// Whose pods are one group, if they are alike: a workload's, or a pod alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    namespace: Arc<str>,
    name: Arc<str>,
    /// `None`: a pod.
    kind: Option<Arc<str>>,
}

impl Owner {
    fn new(pod: &Pod) -> Self {
        let name = &pod.name;
        Self {
            namespace: Arc::clone(&name.namespace),
            name: match &pod.workload {
                Some(workload) => Arc::clone(&workload.name),
                None => Arc::clone(&name.name),
            },
            kind: pod
                .workload
                .as_ref()
                .map(|workload| Arc::clone(&workload.kind)),
        }
    }
}

impl Owner {
    fn full_name(&self) -> NamespacedName {
        NamespacedName {
            namespace: Arc::clone(&self.namespace),
            name: Arc::clone(&self.name),
        }
    }
}

/// The entities that can be met. The world is told apart by address family where addresses of both are
/// in use, and comes by its own way.
const ENTITIES: [&str; 4] = ["host", "kube-apiserver", "remote-node", "unmanaged"];

pub(super) fn find<const N: usize>(
    contexts: [&PolicyContext<'_>; N],
    former: &BTreeSet<Labels>,
) -> Found<N> {
    let mut finder = Finder {
        known: contexts.map(|context| context.known().clone()),
        owners: std::array::from_fn(|_| BTreeMap::new()),
    };
    let mut unmatched = Vec::new();
    let mut members = finder.pods(contexts, &mut unmatched);
    let labels = members.iter().map(|member| member.labels[0].clone());
    let present: BTreeSet<Labels> = labels.collect();
    let gone = former.difference(&present);
    members.extend(gone.map(|labels| finder.former(labels)));
    let mut prefixes = Vec::new();
    members.extend(finder.prefixes(&mut prefixes));
    members.extend(finder.entities());
    Found {
        members,
        unmatched,
        prefixes,
        owners: finder.owners,
        known: finder.known,
    }
}

struct Finder<const N: usize> {
    known: [KnownIdentities; N],
    owners: [BTreeMap<TableOwner, u32>; N],
}

impl<const N: usize> Finder<N> {
    /// Puts pods together that are of a workload and alike in all clusters. A pod that is missing in a
    /// cluster is compared with another one of its workload there: pods come and go.
    fn pods(
        &mut self,
        contexts: [&PolicyContext<'_>; N],
        unmatched: &mut Vec<String>,
    ) -> Vec<Member<N>> {
        let pods = contexts.map(|context| &context.state().pods);
        let stand_ins = pods.map(|pods| {
            let mut first: BTreeMap<Owner, &Pod> = BTreeMap::new();
            for pod in pods.values().filter(|pod| !pod.host_network) {
                first.entry(Owner::new(pod)).or_insert(pod);
            }
            first
        });
        let mut alike: BTreeMap<(Owner, Vec<PodTraits>), BTreeSet<NamespacedName>> =
            BTreeMap::new();
        let names: BTreeSet<&NamespacedName> = pods.iter().flat_map(|pods| pods.keys()).collect();
        for name in names {
            let own = pods.map(|pods| pods.get(name).filter(|pod| !pod.host_network));
            let Some(some) = own.iter().flatten().next() else {
                continue;
            };
            let owner = Owner::new(some);
            let here = (0..N).map(|cluster| {
                let own = own[cluster].map(AsRef::as_ref);
                own.or_else(|| stand_ins[cluster].get(&owner).copied())
            });
            let Some(here) = here.collect::<Option<Vec<&Pod>>>() else {
                unmatched.push(name.to_string());
                continue;
            };
            let traits = here.iter().zip(contexts);
            let traits = traits
                .map(|(pod, context)| pod_traits(pod, context))
                .collect();
            alike
                .entry((owner, traits))
                .or_default()
                .insert(name.clone());
        }
        let mut parts: BTreeMap<Owner, usize> = BTreeMap::new();
        let mut names: BTreeMap<NamespacedName, usize> = BTreeMap::new();
        for (owner, _) in alike.keys() {
            *parts.entry(owner.clone()).or_default() += 1;
        }
        for owner in parts.keys() {
            *names.entry(owner.full_name()).or_default() += 1;
        }
        let mut groups = Vec::new();
        for ((owner, traits), pods) in alike {
            let mut name = owner.full_name().to_string();
            if names[&owner.full_name()] > 1 {
                name.push_str(&format!(" ({})", owner.kind.as_deref().unwrap_or("Pod")));
            }
            if parts[&owner] > 1 {
                let pods: Vec<&str> = pods.iter().map(|pod| &*pod.name).collect();
                name.push_str(&format!(" [{}]", bounded::list(&pods, ", ")));
            }
            let ends = std::array::from_fn(|cluster| self.pod(cluster, &traits[cluster]));
            let group = PeerGroup {
                kind: PeerKind::Pods,
                name,
                workload: owner.kind.map(|kind| Workload {
                    kind,
                    name: owner.name,
                }),
                pods: pods.into_iter().collect(),
            };
            groups.push(Member {
                group: Arc::new(group),
                labels: std::array::from_fn(|cluster| traits[cluster].0.clone()),
                selectors: BTreeSet::new(),
                ends,
            });
        }
        groups
    }

    /// What a pod is to the tables of a cluster.
    fn pod(&mut self, cluster: usize, (labels, ports): &PodTraits) -> End {
        let identity = self.known[cluster].add(labels, ports.iter().cloned());
        let owners = &mut self.owners[cluster];
        let next = u32::try_from(owners.len()).expect("fewer pods than memory has bytes") + 1;
        let owner = TableOwner {
            identity: identity.0,
            ports: ports.clone(),
        };
        End {
            identity,
            table: Some(*owners.entry(owner).or_insert(next)),
        }
    }

    fn former(&mut self, labels: &Labels) -> Member<N> {
        let traits = (labels.clone(), Vec::new());
        let namespace = labels.get(Some("k8s"), NAMESPACE).unwrap_or_default();
        let own = labels.iter().filter(|label| {
            &*label.source == "k8s"
                && !label.key.starts_with("io.cilium.")
                && &*label.key != NAMESPACE
        });
        let own: Vec<String> = own
            .map(|label| format!("{}={}", label.key, label.value))
            .collect();
        let group = PeerGroup {
            kind: PeerKind::FormerPods,
            name: format!(
                "former pods of {namespace} with {}",
                bounded::list(&own, ",")
            ),
            workload: None,
            pods: Vec::new(),
        };
        Member {
            group: Arc::new(group),
            labels: std::array::from_fn(|_| labels.clone()),
            selectors: BTreeSet::new(),
            ends: std::array::from_fn(|cluster| self.pod(cluster, &traits)),
        }
    }

    /// Every prefix that is told apart in some cluster.
    fn prefixes(&self, named: &mut Vec<(IpNet, String)>) -> Vec<Member<N>> {
        let all = self.known.iter().flat_map(|known| known.prefixes.keys());
        let all: BTreeSet<IpNet> = all.copied().collect();
        let unmanaged = Identity(abi::identity::UNMANAGED);
        let mut groups = Vec::new();
        for prefix in &all {
            let ipv6 = matches!(prefix, IpNet::V6(_));
            let identities: [Identity; N] =
                std::array::from_fn(|cluster| self.known[cluster].for_prefix(*prefix));
            let is_world = identities
                .iter()
                .zip(&self.known)
                .all(|(identity, known)| *identity == known.identities.world(ipv6));
            // Those inside stand behind it.
            let behind = all.range((Bound::Excluded(*prefix), Bound::Unbounded));
            let inside = behind.take_while(|other| prefix.contains(*other));
            let inside: Vec<IpNet> = inside.copied().collect();
            let is_empty = IpNet::aggregate(&inside) == [*prefix];
            let name = match (is_world, identities == [unmanaged; N]) {
                (true, _) => self.world(ipv6).0,
                (false, true) => "unmanaged".to_owned(),
                (false, false) => prefix.to_string(),
            };
            named.push((*prefix, name.clone()));
            if !is_empty && name == prefix.to_string() {
                groups.push(self.outsider(PeerKind::Prefix, name, identities));
            }
        }
        groups
    }

    fn entities(&self) -> Vec<Member<N>> {
        let mut groups = Vec::new();
        for name in ENTITIES {
            let identity = Identity::reserved().find(|identity| identity.name() == Some(name));
            if let Some(identity) = identity {
                groups.push(self.outsider(PeerKind::Entity, name.to_owned(), [identity; N]));
            }
        }
        let worlds = BTreeMap::from([false, true].map(|ipv6| self.world(ipv6)));
        for (name, identities) in worlds {
            groups.push(self.outsider(PeerKind::Entity, name, identities));
        }
        groups
    }

    /// What the rest of the addresses of a family are called, and their identity in each cluster.
    fn world(&self, ipv6: bool) -> (String, [Identity; N]) {
        let world = |ipv6| -> [Identity; N] {
            std::array::from_fn(|cluster| self.known[cluster].identities.world(ipv6))
        };
        let name = match (world(false) == world(true), ipv6) {
            (true, _) => "world",
            (false, false) => "world-ipv4",
            (false, true) => "world-ipv6",
        };
        (name.to_owned(), world(ipv6))
    }

    fn outsider(&self, kind: PeerKind, name: String, identities: [Identity; N]) -> Member<N> {
        let group = PeerGroup {
            kind,
            name,
            workload: None,
            pods: Vec::new(),
        };
        Member {
            group: Arc::new(group),
            labels: std::array::from_fn(|cluster| {
                let labels = self.known[cluster].identities.labels(identities[cluster]);
                labels.cloned().unwrap_or_default()
            }),
            selectors: BTreeSet::new(),
            ends: identities.map(|identity| End {
                identity,
                table: None,
            }),
        }
    }
}

fn pod_traits(pod: &Pod, context: &PolicyContext<'_>) -> PodTraits {
    let labels = context
        .state()
        .identity_labels(pod, &context.config().cluster);
    let mut ports: Vec<NamedPort> = ports_of(pod).collect();
    ports.sort();
    ports.dedup();
    (labels, ports)
}
