//! Places of connections, from user space: how many there are, and who holds which when they are new
//! ([`datapath_core::shares`] says what they are for).

use abi::conntrack::CtEntry;
use abi::maps;
use datapath_core::family::{Family, V4, V6};
use datapath_core::shares::{ATTEMPTS, FEWEST_PLACES, place_of};
use tracing::info;

use crate::map::Map;
use crate::pins::Pins;
use crate::pod_types::Plain;
use crate::{Error, sys};

/// Number of places for so many connections: a power of two. A table that is too small for shares has
/// none; there the least recently used connection gives way, whosever it is.
pub(crate) fn places_of(connections: u32) -> u32 {
    let places = connections
        .checked_ilog2()
        .map_or(0, |bits| 1_u32 << bits.min(30));
    if places < FEWEST_PLACES { 0 } else { places }
}

/// Size of the table for so many connections: larger than the places, so that it never evicts one
/// that holds a place.
pub(crate) fn table_of(connections: u32) -> u32 {
    let places = places_of(connections);
    connections.max(places + places / 4)
}

/// Gives the connections that are known the places that new ones would take.
pub(crate) fn hand_out(pins: &Pins) -> Result<(), Error> {
    let v4 = hand_out_family::<V4>(
        &Map::open(pins, &maps::CT4)?,
        &Map::open(pins, &maps::CT_PLACES4)?,
    )?;
    let v6 = hand_out_family::<V6>(
        &Map::open(pins, &maps::CT6)?,
        &Map::open(pins, &maps::CT_PLACES6)?,
    )?;
    if v4 + v6 > 0 {
        info!(connections = v4 + v6, "connections have places in new maps");
    }
    Ok(())
}

fn hand_out_family<F: Family>(
    connections: &Map<F::CtKey, CtEntry>,
    places: &Map<u32, F::CtKey>,
) -> Result<usize, Error>
where
    F::CtKey: Plain + Eq + std::hash::Hash,
{
    let number = places.max();
    if number < FEWEST_PLACES {
        return Ok(0);
    }
    let now = abi::node::tick(sys::monotonic_ns());
    let mut held = std::collections::HashMap::new();
    connections.for_each(|key, entry| {
        if entry.is_alive(now) && entry.owner != 0 {
            let mut attempts =
                (0..ATTEMPTS).map(|probe| place_of::<F>(&key, entry.owner, probe, number));
            if let Some(place) = attempts.find(|place| !held.contains_key(place)) {
                held.insert(place, key);
            }
        }
    })?;
    let (indices, keys): (Vec<_>, Vec<_>) = held.into_iter().unzip();
    places
        .put_many(&indices, &keys)
        .map_err(|stopped| stopped.error)?;
    Ok(indices.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_larger_than_its_places() {
        // (connections asked for, places, size of the table)
        let rows = [
            (0, 0, 0),
            (1_023, 0, 1_023),
            (1_024, 1_024, 1_280),
            (262_144, 262_144, 327_680),
            (300_000, 262_144, 327_680),
            (500_000, 262_144, 500_000),
        ];
        for (connections, places, table) in rows {
            assert_eq!(places_of(connections), places, "{connections}");
            assert_eq!(table_of(connections), table, "{connections}");
        }
    }
}
