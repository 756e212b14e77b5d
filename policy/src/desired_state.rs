//! From what was compiled to what a node's maps shall hold.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use abi::addr::{Addr, Cidr4, Cidr6, LOCAL, PRESENT};
use abi::endpoint::{self, Endpoint};
use abi::identity;
use cluster::{Identity, Labels, NamespacedName, SharedMap};
use datapath_host::{Changes, Desired, addr4, addr6};
use ipnet::IpNet;

use crate::output::{Address, ChangeSet, Compiled};

/// Where a pod of the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalEndpoint {
    /// Index under which the datapath knows it, not 0.
    pub index: u32,
    /// Index of its interface on the node's side; `None`: it has none yet, and nothing to judge.
    pub interface: Option<u32>,
}

/// What only the node itself can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalNode {
    /// Addresses of the node's own interfaces: the node, whether or not its manifest names them all.
    pub own: Vec<IpAddr>,
    /// Where its pods are. One that is missing stays cut off.
    pub places: BTreeMap<NamespacedName, LocalEndpoint>,
    /// Labels of addresses that were learned for names ([`crate::Compiler::set_names`]). What is a pod or a node
    /// is none of them.
    pub names: SharedMap<IpAddr, Labels>,
}

impl Compiled {
    /// What the maps of the node shall hold. The settings are the default ones.
    pub fn desired(&self, local: &LocalNode) -> Desired {
        let mut desired = Desired {
            tables: self
                .tables
                .iter()
                .map(|(id, table)| (*id, *table))
                .collect(),
            policy: self
                .entries
                .iter()
                .map(|(key, entry)| (*key, *entry))
                .collect(),
            ..Desired::default()
        };
        for (ip, labels) in local.names.iter() {
            if let Some(identity) = self.identities.find(labels) {
                put(&mut desired, *ip, plain(identity));
            }
        }
        for ip in &local.own {
            put(&mut desired, *ip, plain(Identity(identity::HOST)));
        }
        for (ip, known) in &self.addresses {
            put(&mut desired, *ip, local.value(known));
        }
        for (prefix, identity) in &self.prefixes {
            put_prefix(&mut desired, *prefix, plain(*identity));
        }
        for name in self.endpoints.keys() {
            if let Some((index, value)) = self.endpoint(name, local) {
                desired.endpoints.insert(index, value);
            }
        }
        desired
    }

    /// The way to [`Self::desired`] from what it was before a change: `before` is what the node told
    /// then, `touched` what the change touched since. `None`: everything, so it has to be compared as
    /// a whole.
    pub fn changes(
        &self,
        touched: &ChangeSet,
        before: &LocalNode,
        local: &LocalNode,
    ) -> Option<Changes> {
        if touched.all {
            return None;
        }
        let mut changes = Changes {
            tables: touched
                .tables
                .iter()
                .map(|id| (*id, self.tables.get(id).copied()))
                .collect(),
            policy: touched
                .entries
                .iter()
                .map(|key| (*key, self.entries.get(key).copied()))
                .collect(),
            ..Changes::default()
        };
        let mut moved: BTreeSet<&NamespacedName> = touched.endpoints.iter().collect();
        moved.extend(differing(&before.places, &local.places));
        let mut addresses: BTreeSet<IpAddr> = touched.addresses.clone();
        let (own_before, own): (BTreeSet<_>, BTreeSet<_>) =
            (before.own.iter().collect(), local.own.iter().collect());
        addresses.extend(own_before.symmetric_difference(&own).copied());
        let names = SharedMap::changed(&before.names, &local.names, PartialEq::eq);
        addresses.extend(names.into_iter().map(|(ip, ..)| *ip));
        for name in moved {
            let ips = self.endpoints.get(name).into_iter();
            addresses.extend(ips.flat_map(|endpoint| &endpoint.ips));
            // An index may be another pod's from now on, who stands below or has been here already.
            if let Some(place) = before.places.get(name) {
                changes.endpoints.entry(place.index).or_insert(None);
            }
            if let Some((index, value)) = self.endpoint(name, local) {
                changes.endpoints.insert(index, Some(value));
            }
        }
        for ip in addresses {
            let value = match self.addresses.get(&ip) {
                Some(known) => Some(local.value(known)),
                None if own.contains(&ip) => Some(plain(Identity(identity::HOST))),
                None => {
                    let labels = local.names.get(&ip);
                    let identity = labels.and_then(|labels| self.identities.find(labels));
                    identity.map(plain)
                }
            };
            match ip {
                IpAddr::V4(ip) => drop(changes.addr4.insert(addr4(ip.octets()), value)),
                IpAddr::V6(ip) => drop(changes.addr6.insert(addr6(ip.octets()), value)),
            }
        }
        for prefix in &touched.prefixes {
            let value = self.prefixes.get(prefix).map(|identity| plain(*identity));
            match key(*prefix) {
                Key::V4(key) => drop(changes.cidr4.insert(key, value)),
                Key::V6(key) => drop(changes.cidr6.insert(key, value)),
            }
        }
        Some(changes)
    }

    /// The endpoint that a pod is to the datapath, if it is one.
    fn endpoint(&self, name: &NamespacedName, local: &LocalNode) -> Option<(u32, Endpoint)> {
        let known = self.endpoints.get(name)?;
        let place = local.places.get(name)?;
        let value = Endpoint {
            ifindex: place.interface?,
            identity: known.identity.0,
            table: known.table,
            flags: endpoint::PRESENT,
            ..Endpoint::default()
        };
        Some((place.index, value))
    }
}

/// The keys under which two maps differ.
fn differing<'a, K: Ord, V: PartialEq>(
    one: &'a BTreeMap<K, V>,
    other: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    let gone_or_changed = one
        .iter()
        .filter(|(key, value)| other.get(*key) != Some(*value));
    let new = other.iter().filter(|(key, _)| !one.contains_key(*key));
    gone_or_changed.chain(new).map(|(key, _)| key)
}

impl LocalNode {
    fn value(&self, known: &Address) -> Addr {
        let mut value = plain(known.identity);
        let place = known.pod.as_ref().filter(|_| known.local);
        if let Some(place) = place.and_then(|pod| self.places.get(pod)) {
            value.endpoint = place.index;
            value.flags |= LOCAL;
        }
        value
    }
}

fn plain(identity: Identity) -> Addr {
    Addr {
        identity: identity.0,
        flags: PRESENT,
        ..Addr::default()
    }
}

fn put(desired: &mut Desired, ip: IpAddr, value: Addr) {
    match ip {
        IpAddr::V4(ip) => desired.addr4.insert(addr4(ip.octets()), value),
        IpAddr::V6(ip) => desired.addr6.insert(addr6(ip.octets()), value),
    };
}

fn put_prefix(desired: &mut Desired, prefix: IpNet, value: Addr) {
    match key(prefix) {
        Key::V4(key) => drop(desired.cidr4.insert(key, value)),
        Key::V6(key) => drop(desired.cidr6.insert(key, value)),
    }
}

enum Key {
    V4(Cidr4),
    V6(Cidr6),
}

fn key(prefix: IpNet) -> Key {
    let prefix_len = u32::from(prefix.prefix_len());
    match prefix.trunc() {
        IpNet::V4(net) => Key::V4(Cidr4 {
            prefix_len,
            addr: addr4(net.addr().octets()),
        }),
        IpNet::V6(net) => Key::V6(Cidr6 {
            prefix_len,
            addr: addr6(net.addr().octets()),
        }),
    }
}
