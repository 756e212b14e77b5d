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

use abi::conntrack::{CtEntry, CtKey4, CtKey6};
use abi::maps::{self, Size};
use aya::maps::MapInfo;
use tracing::info;

use crate::content::StagedMaps;
use crate::map::{self, Map};
use crate::pins::Pins;
use crate::pod_types::Plain;
use crate::sizes::Sizes;
use crate::{Error, links, sys};

/// Puts maps of the sizes in place of those that are pinned with others. `revision` is the node's.
pub(crate) fn resize(pins: &Pins, sizes: &Sizes, revision: u32) -> Result<(), Error> {
    StagedMaps::resize(pins, sizes, revision)?;
    let plain = maps::ALL.iter().filter(|map| !map.is_staged);
    for (map, size) in plain.filter_map(|map| Some((map, sizes.of(map)?))) {
        let path = pins.versioned(map.name);
        if !path.exists() {
            continue;
        }
        let (_, info) = map::open(pins, map)?;
        if info.max_entries == size {
            continue;
        }
        if matches!(map.size, Size::Places(_)) {
            // Made anew when the programs are loaded, and handed out again then.
            Pins::remove(&path)?;
            continue;
        }
        // Its entries come later (connections), or are gone within seconds (fragments).
        let new = map::sibling(map, &info, size)?;
        pins.replace(new.as_fd(), &path)?;
        info!(
            map = map.name,
            from = info.max_entries,
            to = size,
            "the map has a new size"
        );
    }
    Ok(())
}

/// Maps of connections that programs in links use, and that aren't the pinned ones.
#[derive(Debug, Default)]
pub(crate) struct ReplacedMaps {
    ct4: Vec<Map<CtKey4, CtEntry>>,
    ct6: Vec<Map<CtKey6, CtEntry>>,
}

impl ReplacedMaps {
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
        let mut replaced = Self::default();
        for info in ids.into_iter().filter_map(|id| MapInfo::from_id(id).ok()) {
            let name = info.name_as_str().unwrap_or_default();
            if name == maps::CT4.name {
                replaced.ct4.extend(unpinned(&info, pins, &maps::CT4)?);
            } else if name == maps::CT6.name {
                replaced.ct6.extend(unpinned(&info, pins, &maps::CT6)?);
            }
        }
        Ok(replaced)
    }

    /// Copies connections that the pinned maps don't know.
    pub(crate) fn carry_over(&self, pins: &Pins) -> Result<(), Error> {
        let mut copied = 0;
        for old in &self.ct4 {
            copied += copy(old, &Map::open(pins, &maps::CT4)?)?;
        }
        for old in &self.ct6 {
            copied += copy(old, &Map::open(pins, &maps::CT6)?)?;
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
    map: &'static maps::Map<K, CtEntry>,
) -> Result<Option<Map<K, CtEntry>>, Error> {
    let pinned = MapInfo::from_pin(pins.versioned(map.name)).map(|pinned| pinned.id());
    let Ok(fd) = info.fd() else {
        return Ok(None);
    };
    if pinned.is_ok_and(|pinned| pinned == info.id()) {
        return Ok(None);
    }
    let fd = fd.as_fd().try_clone_to_owned();
    let fd = fd.map_err(|source| Error::Map {
        action: "opening the former",
        map: map.name,
        source,
    })?;
    // One of another version has another form, and its connections mean nothing here.
    Ok(Map::of(fd, map).ok())
}

fn copy<K: Plain>(old: &Map<K, CtEntry>, new: &Map<K, CtEntry>) -> Result<usize, Error> {
    let now = abi::node::tick(sys::monotonic_ns());
    let mut alive = Vec::new();
    old.for_each(|key, entry| {
        if entry.is_alive(now) {
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
