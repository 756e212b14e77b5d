//! How full the kernel's maps are.

/// How full a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapUsage {
    /// Name of the map.
    pub map: &'static str,
    /// Entries in it.
    pub entries: u64,
    /// Entries that the manifests ask for; more than `max` are refused.
    pub wanted: u64,
    /// Its size.
    pub max: u32,
}

impl From<loader::MapUsage> for MapUsage {
    fn from(fill: loader::MapUsage) -> Self {
        Self {
            map: fill.map,
            entries: fill.entries as u64,
            wanted: fill.entries as u64,
            max: fill.max,
        }
    }
}
