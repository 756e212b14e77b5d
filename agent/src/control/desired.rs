//! What the maps shall hold: what was compiled, and what only this node can tell.

use std::net::IpAddr;

use abi::node::ticks;
use loader::{Desired, Settings};
use policy::{Compiled, Here, Place};

use super::endpoints::Endpoints;
use crate::config::Config;

/// All of it.
pub(super) fn desired(config: &Config, compiled: &Compiled, here: &Here) -> Desired {
    Desired {
        settings: Settings {
            report_every: ticks(u64::from(config.report_every)),
            drops_per_second: config.drop_events,
            flags: 0,
        },
        ..compiled.desired(here)
    }
}

/// What only this node can tell.
pub(super) fn here(endpoints: &Endpoints) -> Here {
    let places = endpoints.iter().map(|(name, known)| {
        let place = Place {
            index: known.index,
            interface: known.interface.as_ref().map(|interface| interface.index.0),
        };
        (name.clone(), place)
    });
    Here {
        own: own_addresses(),
        places: places.collect(),
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
