//! From what was compiled to what a node's maps shall hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use abi::addr::{Addr, Cidr4, Cidr6, LOCAL, PRESENT};
use abi::endpoint::{self, Endpoint};
use abi::identity;
use cluster::{Identity, NamespacedName};
use datapath_host::{Desired, addr4, addr6};
use ipnet::IpNet;

use crate::compiled::{Address, Compiled};

/// Where a pod of the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index under which the datapath knows it, not 0.
    pub index: u32,
    /// Index of its interface on the node's side; `None`: it has none yet, and nothing to judge.
    pub interface: Option<u32>,
}

/// What only the node itself can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// Addresses of the node's own interfaces: the node, whether or not its manifest names them all.
    pub own: Vec<IpAddr>,
    /// Where its pods are. One that is missing stays cut off.
    pub places: BTreeMap<NamespacedName, Place>,
}

impl Compiled {
    /// What the maps of the node shall hold. The settings are the default ones.
    pub fn desired(&self, here: &Here) -> Desired {
        let mut desired = Desired {
            tables: self
                .tables
                .iter()
                .map(|(id, table)| (*id, *table))
                .collect(),
            policy: self.entries.iter().copied().collect(),
            ..Desired::default()
        };
        for ip in &here.own {
            put(&mut desired, *ip, plain(Identity(identity::HOST)));
        }
        for (ip, known) in &self.addresses {
            put(&mut desired, *ip, here.value(known));
        }
        for (prefix, identity) in &self.prefixes {
            put_prefix(&mut desired, *prefix, plain(*identity));
        }
        for (name, known) in &self.endpoints {
            if let Some(place) = here.places.get(name)
                && let Some(interface) = place.interface
            {
                let value = Endpoint {
                    ifindex: interface,
                    identity: known.identity.0,
                    table: known.table,
                    flags: endpoint::PRESENT,
                    ..Endpoint::default()
                };
                desired.endpoints.insert(place.index, value);
            }
        }
        desired
    }
}

impl Here {
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
    let prefix_len = u32::from(prefix.prefix_len());
    match prefix.trunc() {
        IpNet::V4(net) => {
            let addr = addr4(net.addr().octets());
            desired.cidr4.insert(Cidr4 { prefix_len, addr }, value);
        }
        IpNet::V6(net) => {
            let addr = addr6(net.addr().octets());
            desired.cidr6.insert(Cidr6 { prefix_len, addr }, value);
        }
    }
}
