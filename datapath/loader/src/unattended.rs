//! Addresses of names put into the maps while no agent runs, by a process that has just been told them.
//!
//! Only what is outside of the cluster gets another identity, only one that the policies in the maps know already,
//! and only until a time after which the programs no longer count it. The next agent finds what is there, and makes
//! of it what it has learned of it.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::IpAddr;
use std::path::Path;

use abi::addr::{self, Addr, Addr4, Addr6};
use abi::identity::{WORLD, is_local, is_outside};
use abi::node::{tick, ticks};
use abi::staged::{NEVER, Staged};
use datapath_core::conntrack::expired;

use crate::Error;
use crate::ends::Maps;
use crate::map::Map;
use crate::pins;
use crate::pod_types::Plain;
use crate::sys;

/// No name opens an address for longer without being asked for again, seconds.
const LONGEST: u64 = 7 * 24 * 3_600;

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// A pod's, a node's, or in the range of pods: no name makes it another one.
    Cluster,
    /// Nobody's, with the identity of what is around it.
    Outside(u32),
    /// One that has an identity by its names, which runs out.
    Given(u32),
    /// One to which an agent gave an identity by its names, which stays until an agent takes it.
    Kept(u32),
}

/// The maps, of which this process is the only writer until this is dropped.
#[derive(Debug)]
pub struct Unattended {
    maps: Maps,
    /// Keeps agents waiting.
    _lock: File,
}

impl Unattended {
    /// Opens the maps in a bpffs for writing. `None`: an agent runs, or is about to.
    ///
    /// # Errors
    /// There are none, or of another version; or no right to it.
    pub fn lock(bpffs: &Path) -> Result<Option<Self>, Error> {
        let Some(lock) = pins::try_lock(bpffs)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            maps: Maps::open(bpffs)?,
            _lock: lock,
        }))
    }

    /// Removes those of some addresses that have run out, and returns those of them that are in the maps still. Nobody
    /// reads what was removed any more when this returns, here or by the last agent, which takes some ten ms. To be
    /// called before anything is put.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn begin(&self, addresses: &BTreeSet<IpAddr>) -> Result<BTreeSet<IpAddr>, Error> {
        let mut there = BTreeSet::new();
        for address in addresses {
            let is_there = match address {
                IpAddr::V4(v4) => still_there(&self.maps.addr4, key4(*v4)),
                IpAddr::V6(v6) => still_there(&self.maps.addr6, key6(*v6)),
            };
            if is_there? {
                there.insert(*address);
            }
        }
        sys::grace_period().map_err(Error::GracePeriod)?;
        Ok(there)
    }

    /// What an address is.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn present(&self, address: IpAddr) -> Result<Present, Error> {
        let (exact, covering) = self.maps.known(address)?;
        Ok(match (exact, covering) {
            (Some(addr), _) if !is_local(addr.identity) => Present::Cluster,
            (Some(addr), _) if addr.expires == 0 => Present::Kept(addr.identity),
            (Some(addr), _) => Present::Given(addr.identity),
            (None, covering) => {
                let identity = covering.map_or(WORLD, |addr| addr.identity);
                if is_outside(identity) {
                    Present::Outside(identity)
                } else {
                    Present::Cluster
                }
            }
        })
    }

    /// Gives an address outside of the cluster an identity, from now on for so many seconds; one that an agent gave
    /// one keeps the new one until an agent takes it.
    ///
    /// # Errors
    /// The map is full; or the entry is between two forms, or ran out since [`Self::begin`].
    pub fn put(&self, address: IpAddr, identity: u32, seconds: u64) -> Result<(), Error> {
        match address {
            IpAddr::V4(v4) => put(&self.maps.addr4, key4(v4), identity, seconds),
            IpAddr::V6(v6) => put(&self.maps.addr6, key6(v6), identity, seconds),
        }
    }
}

fn key4(address: std::net::Ipv4Addr) -> Addr4 {
    u32::from_ne_bytes(address.octets())
}

fn key6(address: std::net::Ipv6Addr) -> Addr6 {
    datapath_host::addr6(address.octets())
}

fn now() -> u32 {
    tick(sys::monotonic_ns())
}

fn is_over(addr: &Addr) -> bool {
    addr.expires != 0 && expired(addr.expires, now())
}

type AddrMap<K> = Map<K, Staged<Addr>>;

/// Removes an entry that has run out. Whether there is one still.
fn still_there<K: Plain>(map: &AddrMap<K>, key: K) -> Result<bool, Error> {
    let Some(entry) = map.get(&key)? else {
        return Ok(false);
    };
    if entry.from == NEVER && is_over(&entry.now) {
        map.delete(&key)?;
        return Ok(false);
    }
    Ok(true)
}

fn put<K: Plain + std::fmt::Debug>(
    map: &AddrMap<K>,
    key: K,
    identity: u32,
    seconds: u64,
) -> Result<(), Error> {
    let new = |expires| {
        Staged::steady(Addr {
            identity,
            expires,
            flags: addr::PRESENT,
            ..Addr::default()
        })
    };
    // Never 0, which is for ever.
    let expires = now().wrapping_add(ticks(seconds.min(LONGEST))).max(1);
    let Some(entry) = map.get(&key)? else {
        // Nobody else writes.
        map.put_new(&key, &new(expires))?;
        return Ok(());
    };
    let present = entry.now;
    let is_whole = entry.from == NEVER && present.flags & addr::PRESENT != 0;
    // Entries are changed in place, and a program may see old words beside new ones. The old identity may have the new
    // time: it counted until now. One that has run out must not.
    if !is_whole || is_over(&present) {
        return Err(Error::Unsettled {
            map: map.name(),
            entry: format!("{key:?}"),
        });
    }
    let keeps = present.expires == 0;
    map.put(&key, &new(if keeps { 0 } else { expires }))
}
