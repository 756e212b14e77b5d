//! Addresses of names put into the maps while no agent runs, by a process that has just been told them.
//!
//! Only what is outside of the cluster gets another identity, only one that the policies in the maps know already,
//! and only until a time after which the programs no longer count it. The next agent finds what is there, and makes
//! of it what it has learned of it.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;

use abi::addr::{self, Addr, Addr4, Addr6};
use abi::identity::{FIRST_LOCAL, LAST_LOCAL, WORLD, WORLD_IPV4, WORLD_IPV6};
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

/// The maps, of which this process is the only writer until this is dropped.
#[derive(Debug)]
pub struct Unattended {
    maps: Maps,
    /// Keeps agents waiting.
    _lock: File,
}

impl Unattended {
    /// Opens the maps in a bpffs for writing. `None`: an agent runs, or is about to. What the last one removed is
    /// read by nobody any more when this returns, which takes some ten ms.
    ///
    /// # Errors
    /// There are none, or of another version; or no right to it.
    pub fn lock(bpffs: &Path) -> Result<Option<Self>, Error> {
        let Some(lock) = pins::try_lock(bpffs)? else {
            return Ok(None);
        };
        let maps = Maps::open(bpffs)?;
        sys::grace_period().map_err(Error::GracePeriod)?;
        Ok(Some(Self { maps, _lock: lock }))
    }

    /// The identity of an address outside of the cluster: by its names, or else that of what is around it. `None`: it
    /// is a pod's or a node's, and no name makes it another one.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn identity(&self, address: IpAddr) -> Result<Option<u32>, Error> {
        let identity = self.maps.end(address)?.identity;
        let is_outside = matches!(identity, WORLD | WORLD_IPV4 | WORLD_IPV6)
            || (FIRST_LOCAL..=LAST_LOCAL).contains(&identity);
        Ok(is_outside.then_some(identity))
    }

    /// Gives an address outside of the cluster an identity, for so many seconds; it keeps that for longer if it has
    /// it for longer.
    ///
    /// # Errors
    /// The map is full, or an agent ended in the middle of a change of this address.
    pub fn put(&self, address: IpAddr, identity: u32, seconds: u64) -> Result<(), Error> {
        match address {
            IpAddr::V4(address) => {
                let key: Addr4 = u32::from_ne_bytes(address.octets());
                put(&self.maps.addr4, key, identity, seconds)
            }
            IpAddr::V6(address) => {
                let key: Addr6 = datapath_host::addr6(address.octets());
                put(&self.maps.addr6, key, identity, seconds)
            }
        }
    }

    /// Removes an address that counts no longer by its time. Others stay.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn remove_expired(&self, address: IpAddr) -> Result<(), Error> {
        match address {
            IpAddr::V4(address) => {
                remove_expired(&self.maps.addr4, u32::from_ne_bytes(address.octets()))
            }
            IpAddr::V6(address) => {
                remove_expired(&self.maps.addr6, datapath_host::addr6(address.octets()))
            }
        }
    }
}

fn now() -> u32 {
    tick(sys::monotonic_ns())
}

fn is_over(addr: &Addr) -> bool {
    addr.expires != 0 && expired(addr.expires, now())
}

type AddrMap<K> = Map<K, Staged<Addr>>;

fn put<K: Plain + std::fmt::Debug>(
    map: &AddrMap<K>,
    key: K,
    identity: u32,
    seconds: u64,
) -> Result<(), Error> {
    // Never 0, which is for ever.
    let expires = now().wrapping_add(ticks(seconds.min(LONGEST))).max(1);
    let new = Addr {
        identity,
        expires,
        flags: addr::PRESENT,
        ..Addr::default()
    };
    let Some(entry) = map.get(&key)? else {
        // Nobody else writes.
        map.put_new(&key, &Staged::steady(new))?;
        return Ok(());
    };
    let present = entry.now;
    if entry.from != NEVER || present.flags & addr::PRESENT == 0 {
        return Err(Error::Unsettled {
            map: map.name(),
            entry: format!("{key:?}"),
        });
    }
    if is_over(&present) {
        // Entries are changed in place, and a program may see old words beside new ones: not the old identity with
        // the new time.
        let closed = Addr {
            expires: present.expires,
            ..new
        };
        map.put(&key, &Staged::steady(closed))?;
        sys::grace_period().map_err(Error::GracePeriod)?;
        return map.put(&key, &Staged::steady(new));
    }
    let is_longer = present.expires != 0 && expired(present.expires, expires);
    let new = Addr {
        expires: if is_longer { expires } else { present.expires },
        ..new
    };
    // Either identity is right with either time.
    map.put(&key, &Staged::steady(new))
}

fn remove_expired<K: Plain>(map: &AddrMap<K>, key: K) -> Result<(), Error> {
    let entry = map.get(&key)?;
    if entry.is_some_and(|entry| entry.from == NEVER && is_over(&entry.now)) {
        map.delete(&key)?;
    }
    Ok(())
}
