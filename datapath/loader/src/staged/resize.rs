//! A staged map of another size.

use abi::maps;
use abi::staged::Staged;
use tracing::{info, warn};

use super::Value;
use crate::Error;
use crate::map::Map;
use crate::pins::Pins;
use crate::pod_types::Plain;
use crate::prefix::Key;
use crate::sizes::Sizes;

/// Puts a staged map of the size in place of a pinned one of another, with what it holds.
pub(crate) fn resize<K: Key, T: Value>(
    pins: &Pins,
    map: &'static maps::Map<K, Staged<T>>,
    sizes: &Sizes,
    revision: u32,
) -> Result<(), Error>
where
    Staged<T>: Plain,
{
    let Some(size) = sizes.of(map) else {
        return Ok(());
    };
    if !pins.versioned(map.name).exists() {
        return Ok(());
    }
    let old = Map::open(pins, map)?;
    if old.max() == size {
        return Ok(());
    }
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
            map = map.name,
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
    pins.replace(new.fd(), &pins.versioned(map.name))?;
    info!(
        map = map.name,
        from,
        to = size,
        entries,
        "the map has a new size"
    );
    Ok(())
}
