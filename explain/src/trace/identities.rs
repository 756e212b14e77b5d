//! Identities of everything that a query can meet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use cluster::{Identities, Identity, Labels, ObjectName, Pod, State};
use ipnet::{IpNet, Ipv4Net};

use policy::Config;
use policy::NamedPort;
use policy::ports_of;
use policy::rule::Policy;
use policy::{group_labels, named_prefixes};

/// Identities, and what has them.
#[derive(Clone, Debug)]
pub(crate) struct KnownIdentities {
    pub(crate) identities: Identities,
    pub(crate) in_use: BTreeSet<Identity>,
    /// Of all pods of each identity.
    pub(crate) named_ports: BTreeMap<Identity, BTreeSet<NamedPort>>,
    pub(crate) prefixes: BTreeMap<IpNet, Identity>,
}

impl KnownIdentities {
    pub(crate) fn new(
        state: &State,
        policies: &BTreeMap<ObjectName, Arc<Policy>>,
        config: &Config,
        identities: Identities,
    ) -> Self {
        let mut known = Self {
            identities,
            in_use: BTreeSet::new(),
            named_ports: BTreeMap::new(),
            prefixes: BTreeMap::new(),
        };
        known.identities.set_dual_stack(state.is_dual_stack());
        let mut by_labels: BTreeMap<Labels, Vec<&Pod>> = BTreeMap::new();
        for pod in state.pods.values().filter(|pod| !pod.host_network) {
            let labels = state.identity_labels(pod, &config.cluster);
            by_labels.entry(labels).or_default().push(pod);
        }
        for (labels, pods) in by_labels {
            known.add(&labels, pods.into_iter().flat_map(ports_of));
        }
        for prefix in named_prefixes(policies.values(), &state.cidr_groups) {
            let groups = state.cidr_groups.values();
            let further = groups
                .filter(|group| group.cidrs.iter().any(|cidr| cidr.contains(&prefix)))
                .flat_map(|group| group_labels(group).collect::<Vec<_>>());
            // Sixteen million prefixes don't come from files.
            if let Ok(identity) = known.identities.for_prefix(prefix, further) {
                known.in_use.insert(identity);
                known.prefixes.insert(prefix.trunc(), identity);
            }
        }
        let ranges = state.nodes.values().flat_map(|node| &node.pod_cidrs);
        let ranges: Vec<IpNet> = ranges.copied().collect();
        known
            .prefixes
            .retain(|prefix, _| !ranges.iter().any(|range| range.contains(prefix)));
        for range in ranges {
            let unmanaged = Identity(abi::identity::UNMANAGED);
            known.prefixes.insert(range.trunc(), unmanaged);
        }
        known
    }

    /// The number of a pod's labels. 0, the unknown, if all are taken.
    pub(crate) fn add(
        &mut self,
        labels: &Labels,
        ports: impl Iterator<Item = NamedPort>,
    ) -> Identity {
        let Ok(identity) = self.identities.for_labels(labels) else {
            return Identity(0);
        };
        self.in_use.insert(identity);
        self.named_ports.entry(identity).or_default().extend(ports);
        identity
    }

    /// The identity of an IPv4 address that no prefix is about but one that covers everything.
    pub(crate) fn anywhere(&self) -> Identity {
        self.for_prefix(IpNet::from(Ipv4Net::default()))
    }

    /// The identity of an address that is no pod's and no node's.
    pub(crate) fn for_address(&self, ip: IpAddr) -> Identity {
        self.for_prefix(IpNet::from(ip))
    }

    /// The identity of a prefix's addresses, apart from those of longer prefixes that are known.
    pub(crate) fn for_prefix(&self, wanted: IpNet) -> Identity {
        let longest = (0..=wanted.prefix_len()).rev().find_map(|length| {
            let prefix = IpNet::new(wanted.addr(), length).ok()?;
            self.prefixes.get(&prefix.trunc())
        });
        let world = || self.identities.world(matches!(wanted, IpNet::V6(_)));
        longest.copied().unwrap_or_else(world)
    }
}
