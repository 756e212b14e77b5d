//! Addresses that pods were told for names, in bounded memory that pods share fairly.
//!
//! ```text
//!  (pod, name, address) -> until when        each pod has its own; an address stands as long as one pod has it
//! ```
//!
//! A full book has room for a pod that has less than others: the pod that has most of it loses what would run out
//! first. So none can keep another one from being told names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

pub use l7::learned::{Entry, Seconds};

/// Names of one address that a pod has; the one that runs out first makes room for more.
const NAMES: usize = 16;

/// What others lose at most for one entry; the next try goes on.
const EVICTIONS: usize = 256;

/// The time of day.
pub fn now() -> Seconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// How much fits into a book.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Addresses of IPv4.
    pub ipv4: usize,
    /// Addresses of IPv6.
    pub ipv6: usize,
    /// Entries.
    pub entries: usize,
    /// A pod for which there is no more room loses its own instead of being refused.
    pub loses_own: bool,
}

/// There is no room that the pod may have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "pod {pod} has {held} addresses of names, its share of what this node has room for: {room}; it has to wait until \
     some run out"
)]
pub struct Full {
    /// The pod's address.
    pub pod: IpAddr,
    /// Its entries.
    pub held: usize,
    /// What fits, of what there is no more: addresses of the family, or entries.
    pub room: usize,
}

/// When an entry runs out, and which of a pod it is.
type Place = (Seconds, IpAddr, Arc<str>);

/// See the module.
#[derive(Debug)]
pub struct NameBook {
    bounds: Bounds,
    addresses: BTreeMap<IpAddr, Vec<Entry>>,
    /// What each pod has, in the order in which it runs out.
    pods: BTreeMap<IpAddr, BTreeSet<Place>>,
    entries: usize,
    ipv4: usize,
    /// Entries that made room for others', ever.
    evicted: u64,
}

impl NameBook {
    /// An empty book.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            addresses: BTreeMap::new(),
            pods: BTreeMap::new(),
            entries: 0,
            ipv4: 0,
            evicted: 0,
        }
    }

    /// Number of addresses.
    pub fn addresses(&self) -> usize {
        self.addresses.len()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// How many entries made room for others', ever.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The entries of an address.
    pub fn of(&self, address: &IpAddr) -> &[Entry] {
        self.addresses.get(address).map_or(&[], Vec::as_slice)
    }

    /// All entries, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.addresses.values().flatten()
    }

    /// Takes an entry in; one that is there holds for as long as the later of both. `changed` gets the addresses that
    /// have another set of names than before. Returns whether the entry is new.
    ///
    /// # Errors
    /// The pod has its share. What is there stays.
    pub fn add(&mut self, entry: Entry, changed: &mut BTreeSet<IpAddr>) -> Result<bool, Full> {
        if let Some(known) = self.find(&entry) {
            let before = known.until;
            known.expires = known.expires.max(entry.expires);
            known.until = known.until.max(entry.until);
            known.is_alias &= entry.is_alias;
            let (until, name) = (known.until, Arc::clone(&known.name));
            if until != before {
                self.move_place(&entry, before, until, name);
            }
            return Ok(false);
        }
        self.make_room(&entry, changed)?;
        let place = (entry.until, entry.address, Arc::clone(&entry.name));
        self.pods.entry(entry.pod).or_default().insert(place);
        let entries = self.addresses.entry(entry.address).or_default();
        if entries.is_empty() && entry.address.is_ipv4() {
            self.ipv4 += 1;
        }
        self.entries += 1;
        changed.insert(entry.address);
        entries.reserve_exact(1);
        entries.push(entry);
        Ok(true)
    }

    fn find(&mut self, like: &Entry) -> Option<&mut Entry> {
        let mut entries = self.addresses.get_mut(&like.address)?.iter_mut();
        entries.find(|entry| entry.pod == like.pod && entry.name == like.name)
    }

    fn move_place(&mut self, of: &Entry, before: Seconds, until: Seconds, name: Arc<str>) {
        if let Some(places) = self.pods.get_mut(&of.pod) {
            places.remove(&(before, of.address, Arc::clone(&name)));
            places.insert((until, of.address, name));
        }
    }

    fn make_room(&mut self, entry: &Entry, changed: &mut BTreeSet<IpAddr>) -> Result<(), Full> {
        let own = self.of(&entry.address).iter();
        let own: Vec<_> = own.filter(|known| known.pod == entry.pod).collect();
        if own.len() >= NAMES {
            let first = own.into_iter().min_by_key(|known| known.until).cloned();
            self.evict(first, changed);
        }
        for _ in 0..EVICTIONS {
            let Some(room) = self.missing(entry) else {
                return Ok(());
            };
            let held = self.pods.get(&entry.pod).map_or(0, BTreeSet::len);
            let most = self.pods.iter().map(|(pod, held)| (held.len(), *pod));
            let loser = match most.max() {
                Some((most, pod)) if most > held + 1 => pod,
                _ if self.bounds.loses_own && held > 0 => entry.pod,
                Some((_, pod)) if self.bounds.loses_own => pod,
                _ => {
                    return Err(Full {
                        pod: entry.pod,
                        held,
                        room,
                    });
                }
            };
            let first = self.pods.get(&loser).and_then(BTreeSet::first);
            let first = first.and_then(|(_, address, name)| {
                let mut entries = self.of(address).iter();
                entries.find(|known| known.pod == loser && known.name == *name)
            });
            self.evict(first.cloned(), changed);
        }
        match self.missing(entry) {
            None => Ok(()),
            Some(room) => Err(Full {
                pod: entry.pod,
                held: self.pods.get(&entry.pod).map_or(0, BTreeSet::len),
                room,
            }),
        }
    }

    /// What of the room is taken that an entry needs; `None`: there is some.
    fn missing(&self, entry: &Entry) -> Option<usize> {
        if self.entries >= self.bounds.entries {
            return Some(self.bounds.entries);
        }
        if self.addresses.contains_key(&entry.address) {
            return None;
        }
        let (taken, room) = if entry.address.is_ipv4() {
            (self.ipv4, self.bounds.ipv4)
        } else {
            (self.addresses.len() - self.ipv4, self.bounds.ipv6)
        };
        (taken >= room).then_some(room)
    }

    fn evict(&mut self, entry: Option<Entry>, changed: &mut BTreeSet<IpAddr>) {
        if let Some(entry) = entry {
            self.remove(&entry, changed);
            self.evicted += 1;
        }
    }

    /// Removes an entry. `changed` gets its address.
    pub fn remove(&mut self, entry: &Entry, changed: &mut BTreeSet<IpAddr>) {
        let Some(entries) = self.addresses.get_mut(&entry.address) else {
            return;
        };
        let place = entries
            .iter()
            .position(|known| known.pod == entry.pod && known.name == entry.name);
        let Some(place) = place else {
            return;
        };
        let entry = entries.remove(place);
        if entries.is_empty() {
            self.addresses.remove(&entry.address);
            if entry.address.is_ipv4() {
                self.ipv4 -= 1;
            }
        }
        self.entries -= 1;
        changed.insert(entry.address);
        if let Some(places) = self.pods.get_mut(&entry.pod) {
            places.remove(&(entry.until, entry.address, entry.name));
            if places.is_empty() {
                self.pods.remove(&entry.pod);
            }
        }
    }

    /// What has run out.
    pub fn due(&self, now: Seconds) -> Vec<Entry> {
        let due = self.pods.iter().flat_map(|(pod, places)| {
            let due = places.iter().take_while(move |place| place.0 <= now);
            due.map(move |(_, address, name)| (pod, address, name))
        });
        let entries = due.filter_map(|(pod, address, name)| {
            let mut entries = self.of(address).iter();
            entries.find(|entry| entry.pod == *pod && entry.name == *name)
        });
        entries.cloned().collect()
    }
}

#[cfg(test)]
mod tests;
