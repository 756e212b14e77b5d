//! What the maps shall hold: what was compiled, and what only this node can tell.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use abi::node::ticks;
use cluster::{Labels, SharedMap};
use loader::{Desired, Settings};
use policy::{Compiled, LocalEndpoint, LocalNode};

use super::endpoints::Endpoints;
use crate::config::Config;

/// All of it.
pub(super) fn desired(config: &Config, compiled: &Compiled, here: &LocalNode) -> Desired {
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
pub(super) fn here(
    endpoints: &Endpoints,
    own: Vec<IpAddr>,
    names: SharedMap<IpAddr, Labels>,
) -> LocalNode {
    let places = endpoints.iter().map(|(name, known)| {
        let place = LocalEndpoint {
            index: known.index,
            interface: known.interface.as_ref().map(|interface| interface.index.0),
        };
        (name.clone(), place)
    });
    LocalNode {
        own,
        places: places.collect(),
        names,
    }
}

/// Addresses of the node's own interfaces, read again when routes or links changed, and now and then.
#[derive(Debug, Default)]
pub(super) struct OwnAddresses(Option<(Instant, Vec<IpAddr>)>);

/// How long they are believed.
const BELIEVED: Duration = Duration::from_secs(10);

impl OwnAddresses {
    /// They may be others by now.
    pub(super) fn doubt(&mut self) {
        self.0 = None;
    }

    /// The addresses: the node, whether or not its manifest names them all.
    pub(super) fn get(&mut self) -> Vec<IpAddr> {
        let known = self.0.take();
        let (when, addresses) = known
            .filter(|(when, _)| when.elapsed() < BELIEVED)
            .unwrap_or_else(|| (Instant::now(), own_addresses()));
        self.0.insert((when, addresses)).1.clone()
    }
}

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
