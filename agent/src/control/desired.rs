//! What the maps shall hold, from what was compiled.

use std::net::IpAddr;

use abi::{
    addr::{self, Addr, Cidr4, Cidr6},
    endpoint::{self, Endpoint},
    identity,
    node::ticks,
};
use cluster::Identity;
use ipnet::IpNet;
use loader::{Desired, Settings};
use policy::Compiled;

use super::endpoints::Endpoints;
use crate::{config::Config, names::AddrKey};

pub(super) fn desired(config: &Config, compiled: &Compiled, endpoints: &Endpoints) -> Desired {
    let mut desired = Desired {
        tables: compiled
            .tables
            .iter()
            .map(|(id, table)| (*id, *table))
            .collect(),
        policy: compiled.entries.iter().copied().collect(),
        settings: Settings {
            report_every: ticks(u64::from(config.report_every)),
            drops_per_second: config.drop_events,
            flags: 0,
        },
        ..Desired::default()
    };
    for ip in own_addresses() {
        put(&mut desired, ip, plain(Identity(identity::HOST)));
    }
    for (ip, known) in &compiled.addresses {
        let index = known
            .pod
            .as_ref()
            .filter(|_| known.local)
            .and_then(|pod| endpoints.get(pod))
            .map(|endpoint| endpoint.index);
        let mut value = plain(known.identity);
        if let Some(index) = index {
            value.endpoint = index;
            value.flags |= addr::LOCAL;
        }
        put(&mut desired, *ip, value);
    }
    for (prefix, identity) in &compiled.prefixes {
        put_prefix(&mut desired, *prefix, plain(*identity));
    }
    for (name, known) in endpoints.iter() {
        // Without a veth there is nothing to judge yet.
        if let (Some(compiled), Some(interface)) = (compiled.endpoints.get(name), &known.interface)
        {
            let value = Endpoint {
                ifindex: interface.index.0,
                identity: compiled.identity.0,
                table: compiled.table,
                candidate: 0,
                flags: endpoint::PRESENT,
                reserved: [0; 3],
            };
            desired.endpoints.insert(known.index, value);
        }
    }
    desired
}

fn plain(identity: Identity) -> Addr {
    Addr {
        identity: identity.0,
        flags: addr::PRESENT,
        ..Addr::default()
    }
}

fn put(desired: &mut Desired, ip: IpAddr, value: Addr) {
    let words = AddrKey::from(ip).words();
    match ip {
        IpAddr::V4(_) => desired.addr4.insert(words[0], value),
        IpAddr::V6(_) => desired.addr6.insert(words, value),
    };
}

fn put_prefix(desired: &mut Desired, prefix: IpNet, value: Addr) {
    let prefix = prefix.trunc();
    let words = AddrKey::from(prefix.addr()).words();
    let prefix_len = u32::from(prefix.prefix_len());
    match prefix {
        IpNet::V4(_) => {
            let key = Cidr4 {
                prefix_len,
                addr: words[0],
            };
            desired.cidr4.insert(key, value);
        }
        IpNet::V6(_) => {
            let key = Cidr6 {
                prefix_len,
                addr: words,
            };
            desired.cidr6.insert(key, value);
        }
    }
}

/// Addresses of the node's own interfaces: the node, whether or not its manifest names them all.
fn own_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else {
        return vec![];
    };
    interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            if let Some(v4) = address.as_sockaddr_in() {
                Some(IpAddr::V4(v4.ip()))
            } else {
                address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))
            }
        })
        .collect()
}
