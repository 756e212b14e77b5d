//! Pinned maps get other sizes, without a moment in which nothing or something else is enforced.
//!
//! ```text
//!  old map --content in force--> new map --takes the pin--> programs loaded with it --> links
//! ```
//!
//! A map's size is fixed when it is made, and a program's maps when it is loaded. Until a link has its
//! new program, the old one judges by the old map, which says the same. Connections go on being made
//! meanwhile: they are carried over before the links change, and those of the last moment after that.
//! Wherever this is cut off, the next opening goes on: what links use that isn't pinned is found by
//! asking the kernel for their programs' maps.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use abi::conntrack::{CtEntry, CtKey4, CtKey6, FragEntry, FragKey};
use abi::maps;
use abi::policy::{PolicyEntry, PolicyKey};
use abi::staged::Staged;
use aya::maps::MapInfo;
use tracing::{info, warn};

use crate::datapath::{Sizes, open};
use crate::links;
use crate::map::{Kind, Map};
use crate::pins::Pins;
use crate::prefix::Key;
use crate::record::{Plain, Record};
use crate::staged::Value;
use crate::{Error, shares, sys};

/// Puts maps of the sizes in place of those that are pinned with others. `revision` is the node's.
pub(crate) fn resize(pins: &Pins, sizes: &Sizes, revision: u32) -> Result<(), Error> {
    staged::<Addr4, Addr>(pins, maps::ADDR4, Kind::Hash, sizes.addr4, revision)?;
    staged::<Addr6, Addr>(pins, maps::ADDR6, Kind::Hash, sizes.addr6, revision)?;
    staged::<Cidr4, Addr>(pins, maps::CIDR4, Kind::PrefixTrie, sizes.cidr4, revision)?;
    staged::<Cidr6, Addr>(pins, maps::CIDR6, Kind::PrefixTrie, sizes.cidr6, revision)?;
    staged::<PolicyKey, PolicyEntry>(pins, maps::POLICY, Kind::Hash, sizes.policy, revision)?;
    // Their entries come later, or are gone within seconds (fragments).
    tracked::<CtKey4, CtEntry>(pins, maps::CT4, shares::table_of(sizes.ct4))?;
    tracked::<CtKey6, CtEntry>(pins, maps::CT6, shares::table_of(sizes.ct6))?;
    places::<CtKey4>(pins, maps::CT_PLACES4, sizes.ct4)?;
    places::<CtKey6>(pins, maps::CT_PLACES6, sizes.ct6)?;
    tracked::<FragKey, FragEntry>(pins, maps::FRAGS, sizes.frags)
}

/// What is pinned under a name, if its size is another.
fn other_size<K: Plain, V: Record>(
    pins: &Pins,
    name: &'static str,
    kind: Kind,
    size: u32,
) -> Result<Option<Map<K, V>>, Error> {
    if !pins.versioned(name).exists() {
        return Ok(None);
    }
    let map = open(pins, name, kind)?;
    Ok((map.max() != size).then_some(map))
}

fn staged<K: Key, T: Value>(
    pins: &Pins,
    name: &'static str,
    kind: Kind,
    size: u32,
    revision: u32,
) -> Result<(), Error>
where
    Staged<T>: Plain,
{
    let Some(old) = other_size::<K, Staged<T>>(pins, name, kind, size)? else {
        return Ok(());
    };
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    old.for_each(|key, entry| {
        let value = *entry.at(revision);
        if value.present() {
            keys.push(key);
            values.push(Staged::steady(value));
        }
    })?;
    let (from, entries) = (old.max(), keys.len());
    if entries > size as usize {
        warn!(
            map = name,
            size = from,
            wanted = size,
            entries,
            "the map keeps its size: what is in force would not fit; once it does, start again"
        );
        return Ok(());
    }
    let new = old.sibling(size)?;
    new.put_many(&keys, &values)
        .map_err(|stopped| stopped.error)?;
    pins.replace(new.fd(), &pins.versioned(name))?;
    info!(
        map = name,
        from,
        to = size,
        entries,
        "the map has a new size"
    );
    Ok(())
}

fn tracked<K: Plain, V: Record>(pins: &Pins, name: &'static str, size: u32) -> Result<(), Error> {
    if let Some(old) = other_size::<K, V>(pins, name, Kind::LruHash, size)? {
        pins.replace(old.sibling(size)?.fd(), &pins.versioned(name))?;
        info!(
            map = name,
            from = old.max(),
            to = size,
            "the map has a new size"
        );
    }
    Ok(())
}

/// Places of another number are made anew when the programs are loaded, and handed out again then.
fn places<K: Record>(pins: &Pins, name: &'static str, connections: u32) -> Result<(), Error> {
    let size = shares::places_of(connections).max(1);
    if other_size::<u32, K>(pins, name, Kind::Array, size)?.is_some() {
        Pins::remove(&pins.versioned(name))?;
    }
    Ok(())
}

/// Maps of connections that programs in links use, and that aren't the pinned ones.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    ct4: Vec<Map<CtKey4, CtEntry>>,
    ct6: Vec<Map<CtKey6, CtEntry>>,
}

impl Leaving {
    /// Looks for them. What can't be looked at is left out: the connections in it begin anew.
    pub(crate) fn find(pins: &Pins) -> Result<Self, Error> {
        let programs = links::programs(pins)?;
        let mut ids = BTreeSet::new();
        if !programs.is_empty() {
            let loaded = aya::programs::loaded_programs().flatten();
            for program in loaded.filter(|program| programs.contains(&program.id())) {
                ids.extend(program.map_ids().ok().flatten().into_iter().flatten());
            }
        }
        let mut leaving = Self::default();
        for info in ids.into_iter().filter_map(|id| MapInfo::from_id(id).ok()) {
            match info.name_as_str() {
                Some(maps::CT4) => leaving.ct4.extend(unpinned(&info, pins, maps::CT4)?),
                Some(maps::CT6) => leaving.ct6.extend(unpinned(&info, pins, maps::CT6)?),
                Some(_) | None => {}
            }
        }
        Ok(leaving)
    }

    /// Copies connections that the pinned maps don't know.
    pub(crate) fn carry_over(&self, pins: &Pins) -> Result<(), Error> {
        let mut copied = 0;
        for old in &self.ct4 {
            copied += copy(old, &open(pins, maps::CT4, Kind::LruHash)?)?;
        }
        for old in &self.ct6 {
            copied += copy(old, &open(pins, maps::CT6, Kind::LruHash)?)?;
        }
        if copied > 0 {
            info!(connections = copied, "connections go on in the new map");
        }
        Ok(())
    }
}

fn unpinned<K: Plain>(
    info: &MapInfo,
    pins: &Pins,
    name: &'static str,
) -> Result<Option<Map<K, CtEntry>>, Error> {
    let pinned = MapInfo::from_pin(pins.versioned(name)).map(|pinned| pinned.id());
    let Ok(fd) = info.fd() else {
        return Ok(None);
    };
    if pinned.is_ok_and(|pinned| pinned == info.id()) {
        return Ok(None);
    }
    let fd = fd.as_fd().try_clone_to_owned();
    let fd = fd.map_err(|source| Error::Map {
        action: "opening the former",
        map: name,
        source,
    })?;
    // One of another version has another form, and its connections mean nothing here.
    Ok(Map::of(fd, name, Kind::LruHash).ok())
}

fn copy<K: Plain>(old: &Map<K, CtEntry>, new: &Map<K, CtEntry>) -> Result<usize, Error> {
    let now = abi::node::tick(sys::monotonic_ns());
    let mut alive = Vec::new();
    old.for_each(|key, entry| {
        if crate::stats::is_alive(&entry, now) {
            // Judged again: by the number of a revision alone it could pass for one of this map's.
            let entry = CtEntry {
                revision: 0,
                ..entry
            };
            alive.push((key, entry));
        }
    })?;
    let mut copied = 0;
    for (key, entry) in &alive {
        copied += usize::from(new.put_new(key, entry)?);
    }
    Ok(copied)
}
