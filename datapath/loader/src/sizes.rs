//! How large maps are made.

use std::collections::BTreeMap;

use abi::maps::{self, Declaration, Flag, Size};

use crate::shares;

/// Sizes of the maps that have a flag, by flag. An adopted map of another size is replaced, with its
/// content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(BTreeMap<&'static str, u32>);

impl Default for Sizes {
    /// The flags' defaults.
    fn default() -> Self {
        let flags = maps::ALL.iter().filter_map(Declaration::flag);
        Self(flags.map(|flag| (flag.name, flag.default)).collect())
    }
}

impl Sizes {
    /// Sets what a flag says.
    pub fn set(&mut self, flag: Flag, entries: u32) {
        self.0.insert(flag.name, entries);
    }

    /// With room for so many entries (connections) in a map, and in those that its flag sets as well. A map
    /// without a flag stays as it is.
    #[must_use]
    pub fn with(mut self, map: &Declaration, entries: u32) -> Self {
        if let Some(flag) = map.flag() {
            self.set(flag, entries);
        }
        self
    }

    /// The size that a map is made with, if a flag says it.
    pub fn of(&self, map: &Declaration) -> Option<u32> {
        let asked = |flag: Flag| self.0.get(flag.name).copied().unwrap_or(flag.default);
        match map.size {
            Size::Flag(flag) => Some(asked(flag)),
            Size::Connections(flag) => Some(shares::table_of(asked(flag))),
            // An array has at least one element.
            Size::Places(flag) => Some(shares::places_of(asked(flag)).max(1)),
            Size::Fixed(_) | Size::Numbers { .. } | Size::PerCpu => None,
        }
    }

    /// Places to be handed out, of a map of them; 0 = there are no shares.
    pub(crate) fn places(&self, map: &Declaration) -> u32 {
        self.of(map).filter(|places| *places > 1).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_sets_its_maps_and_no_others() {
        let usual = Sizes::default();
        for map in maps::ALL {
            let Some(flag) = map.flag() else {
                assert_eq!(usual.of(map), None, "{}", map.name);
                assert_eq!(usual.clone().with(map, 77), usual, "{}", map.name);
                continue;
            };
            let sizes = usual.clone().with(map, 4_096);
            for other in maps::ALL {
                let is_changed = sizes.of(other) != usual.of(other);
                assert_eq!(is_changed, other.flag() == Some(flag), "{}", other.name);
            }
        }
    }

    #[test]
    fn connections_have_a_table_and_places() {
        let sizes = Sizes::default();
        assert_eq!(sizes.of(&maps::CT4), Some(327_680));
        assert_eq!(sizes.of(&maps::CT_PLACES4), Some(262_144));
        assert_eq!(sizes.of(&maps::CT6), Some(163_840));
        assert_eq!(sizes.of(&maps::CT_PLACES6), Some(131_072));
        let few = sizes.with(&maps::CT4, 1_000);
        assert_eq!(few.of(&maps::CT4), Some(1_000));
        assert_eq!(few.of(&maps::CT_PLACES4), Some(1));
        assert_eq!(few.places(&maps::CT_PLACES4), 0);
    }
}
