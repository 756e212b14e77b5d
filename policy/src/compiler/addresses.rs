//! Who an address is.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use abi::identity as number;
use cluster::{Identities, Identity, Kind, NamespacedName, ObjectName, Problem, State};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::cidr::supernets;
use crate::output::Address;

/// Addresses of nodes and of pods, and who else claims one of them. Nodes come before pods, so that no
/// pod can take a node's name; of pods the one that has the address already keeps it (`before`), so that
/// no other can take its policies away; of those that claim it at once the first by name.
pub(super) fn addresses(
    state: &State,
    own: &str,
    pods: &BTreeMap<NamespacedName, Identity>,
    before: impl Fn(IpAddr) -> Option<NamespacedName>,
) -> (BTreeMap<IpAddr, Address>, Vec<Problem>) {
    let mut claims: Vec<(IpAddr, ObjectName, Address)> = Vec::new();
    let apiserver = apiserver_addresses(state);
    for node in state.nodes.values() {
        let local = &*node.name == own;
        for ip in &node.addresses {
            let identity = if local {
                number::HOST
            } else if apiserver.contains(ip) {
                number::KUBE_APISERVER
            } else {
                number::REMOTE_NODE
            };
            let claimer = ObjectName {
                kind: Kind::Node,
                namespace: None,
                name: Arc::clone(&node.name),
            };
            let address = Address {
                identity: Identity(identity),
                pod: None,
                local,
            };
            claims.push((*ip, claimer, address));
        }
    }
    let claimed = pods
        .iter()
        .filter_map(|(name, identity)| Some((name, identity, state.pods.get(name)?)))
        .flat_map(|(name, identity, pod)| pod.ips.iter().map(move |ip| (name, identity, pod, ip)));
    let (kept, new): (Vec<_>, Vec<_>) =
        claimed.partition(|(name, _, _, ip)| before(**ip).as_ref() == Some(*name));
    for (name, identity, pod, ip) in kept.into_iter().chain(new) {
        let claimer = ObjectName {
            kind: Kind::Pod,
            namespace: Some(Arc::clone(&name.namespace)),
            name: Arc::clone(&name.name),
        };
        let address = Address {
            identity: *identity,
            pod: Some(name.clone()),
            local: pod.node.as_deref() == Some(own),
        };
        claims.push((*ip, claimer, address));
    }
    let mut addresses = BTreeMap::new();
    let mut owners: BTreeMap<IpAddr, ObjectName> = BTreeMap::new();
    let mut problems = Vec::new();
    for (ip, claimer, address) in claims {
        match owners.entry(ip) {
            Entry::Vacant(vacant) => {
                vacant.insert(claimer);
                addresses.insert(ip, address);
            }
            Entry::Occupied(owner) => problems.push(Problem {
                origin: None,
                problem: format!(
                    "its address {ip} is that of {}, which keeps it",
                    owner.get()
                ),
                field: if claimer.kind == Kind::Node {
                    "status.addresses".to_owned()
                } else {
                    "status.podIP".to_owned()
                },
                object: Some(claimer),
                remedy: "give it another address, or delete one of the two".to_owned(),
            }),
        }
    }
    (addresses, problems)
}

/// Addresses behind the service `default/kubernetes`.
fn apiserver_addresses(state: &State) -> Vec<IpAddr> {
    state
        .endpoint_slices
        .values()
        .filter(|slice| {
            &*slice.name.namespace == "default" && slice.service.as_deref() == Some("kubernetes")
        })
        .flat_map(|slice| slice.addresses.iter().copied())
        .collect()
}

/// Adds the pods' ranges, in which an unknown address is an unmanaged pod and never the world, and the
/// world itself.
pub(super) fn complete(
    prefixes: &mut BTreeMap<IpNet, Identity>,
    state: &State,
    identities: &Identities,
) {
    let ranges: BTreeSet<IpNet> = state
        .nodes
        .values()
        .flat_map(|node: &Arc<cluster::Node>| node.pod_cidrs.iter().map(IpNet::trunc))
        .collect();
    // A rule's prefix inside of a pods' range can't make its addresses part of the world.
    prefixes.retain(|prefix, _| !supernets(*prefix).any(|net| ranges.contains(&net)));
    for range in ranges {
        prefixes.insert(range, Identity(number::UNMANAGED));
    }
    prefixes.insert(IpNet::V4(Ipv4Net::default()), identities.world(false));
    prefixes.insert(IpNet::V6(Ipv6Net::default()), identities.world(true));
}
