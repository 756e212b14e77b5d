//! Connections of an address go with its pod: whoever gets the address next starts with none. A thread of
//! its own does it; until then the kernel doesn't take an entry of another interface for one's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use abi::{addr::LOCAL, conntrack::CtEntry};
use loader::{Desired, Error, Stats};
use tracing::{debug, warn};

use super::endpoints::Endpoints;
use crate::{error::chain, node::clock};

/// Until what failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Endpoint index and interface of an address.
type Owner = (u32, u32);

/// Addresses without their owner, and since when (monotonic, ns).
type Gone = (BTreeSet<IpAddr>, u64);

/// Follows whose the node's addresses are.
#[derive(Debug)]
pub(super) struct Sweeper {
    owners: BTreeMap<IpAddr, Owner>,
    gone: Sender<Gone>,
}

/// The time by which connections are told apart; 0, which is before all of them, if there is none.
pub(super) fn now() -> u64 {
    clock::monotonic().unwrap_or(0)
}

impl Sweeper {
    /// Starts the thread. `in_force` is what a predecessor left behind.
    ///
    /// # Errors
    /// No thread is to be had.
    pub(super) fn start(stats: Arc<Stats>, in_force: &Desired) -> io::Result<Self> {
        let (gone, swept) = channel();
        thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(move || sweep_all(&stats, &swept))?;
        let interface = |index: u32| {
            let endpoint = in_force.endpoints.get(&index);
            endpoint.map_or(0, |endpoint| endpoint.ifindex)
        };
        let v4 = in_force.addr4.iter().map(|(address, value)| {
            let address = IpAddr::from(address.to_ne_bytes());
            (address, value)
        });
        let v6 = in_force
            .addr6
            .iter()
            .map(|(address, value)| (v6(address), value));
        let owners = v4
            .chain(v6)
            .filter(|(_, value)| value.flags & LOCAL != 0 && value.endpoint != 0)
            .map(|(address, value)| (address, (value.endpoint, interface(value.endpoint))));
        Ok(Self {
            owners: owners.collect(),
            gone,
        })
    }

    /// Takes whose the addresses are now: connections that addresses had before with another owner, or
    /// when they still had one, are swept. `when` is a moment before the change.
    pub(super) fn follow(&mut self, endpoints: &Endpoints, when: u64) {
        let owners: BTreeMap<IpAddr, Owner> = endpoints
            .iter()
            .flat_map(|(_, known)| {
                let interface = known
                    .interface
                    .as_ref()
                    .map_or(0, |interface| interface.index.0);
                known
                    .ips
                    .iter()
                    .map(move |ip| (*ip, (known.index, interface)))
            })
            .collect();
        let gone = self.owners.iter().filter(|(address, owner)| {
            // An address that had no interface had no connections.
            owner.1 != 0 && owners.get(address) != Some(owner)
        });
        let gone: BTreeSet<IpAddr> = gone.map(|(address, _)| *address).collect();
        self.owners = owners;
        if !gone.is_empty() && self.gone.send((gone, when)).is_err() {
            warn!("connections of addresses that are gone are not swept: the thread ended");
        }
    }
}

fn v6(words: &[u32; 4]) -> IpAddr {
    let mut octets = [0; 16];
    for (to, word) in octets.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    IpAddr::from(octets)
}

fn sweep_all(stats: &Stats, gone: &Receiver<Gone>) {
    // What could not be swept is tried again.
    let mut addresses: BTreeMap<IpAddr, u64> = BTreeMap::new();
    loop {
        let next = match addresses.is_empty() {
            true => gone.recv().map_err(RecvTimeoutError::from),
            false => gone.recv_timeout(AGAIN),
        };
        let first = match next {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // One walk for all that came meanwhile.
        for (gone, when) in first.into_iter().chain(gone.try_iter()) {
            addresses.extend(gone.into_iter().map(|address| (address, when)));
        }
        match sweep(stats, &addresses) {
            Ok(swept) => {
                debug!(addresses = addresses.len(), swept, "connections are swept");
                addresses.clear();
            }
            Err(error) => {
                warn!(error = %chain(&error), "connections are not swept; this is tried again");
            }
        }
    }
}

/// Removes the connections that these addresses had before these moments.
fn sweep(stats: &Stats, gone: &BTreeMap<IpAddr, u64>) -> Result<usize, Error> {
    let is_old = |address: IpAddr, entry: &CtEntry| {
        gone.get(&address).is_some_and(|when| entry.created < *when)
    };
    let (mut old4, mut old6) = (Vec::new(), Vec::new());
    stats.connections4(|key, entry| {
        let sides = [key.a, key.b].map(|side| IpAddr::from(side.to_ne_bytes()));
        if sides.into_iter().any(|side| is_old(side, &entry)) {
            old4.push(key);
        }
    })?;
    stats.connections6(|key, entry| {
        if [key.a, key.b].iter().any(|side| is_old(v6(side), &entry)) {
            old6.push(key);
        }
    })?;
    for key in &old4 {
        stats.forget_connection4(key)?;
    }
    for key in &old6 {
        stats.forget_connection6(key)?;
    }
    Ok(old4.len() + old6.len())
}
