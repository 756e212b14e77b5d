//! What each line that is shown counts as: working that out is what costs, so that it is done once for
//! each line as it comes, and again for a connection that became something else. Sums are then made anew
//! of small entries, and are always of exactly what is shown.

use std::{collections::HashMap, hash::Hash};

use flow::view::AnyFlow;

use super::data::{Data, Line};

/// Keys that nothing counts as any more are kept up to so many times those that are used,
const UNUSED: usize = 4;
/// and so many more.
const FEW: usize = 1024;

/// What a line counts as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) line: Line,
    /// Place of its key in [`Tally::keys`]; `None`: it is in no sum.
    key: Option<u32>,
    /// Bytes of its connection so far; 0: it doesn't tell.
    pub(crate) bytes: u64,
    /// What tells its connection from others.
    pub(crate) connection: u64,
}

/// What a key is worked out to be.
#[derive(Clone, Debug)]
pub(crate) struct Counted<K> {
    pub(crate) key: K,
    pub(crate) bytes: u64,
    pub(crate) connection: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tally<K> {
    keys: Vec<K>,
    places: HashMap<K, u32>,
    /// In the order of the lines.
    entries: Vec<Entry>,
    /// Under which filters they were counted, and which ids connections had.
    counted: (u64, (u64, u64)),
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            places: HashMap::new(),
            entries: Vec::new(),
            counted: (0, (0, 0)),
        }
    }
}

impl<K: Clone + Eq + Hash> Tally<K> {
    /// Everything is to be looked at anew.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Looks at what has come or became something else, and lets go of what has left; lines for which
    /// `count` gives nothing are in no sum.
    pub(crate) fn advance(
        &mut self,
        data: &Data,
        count: impl Fn(&AnyFlow<'_>) -> Option<Counted<K>>,
    ) {
        let counted = (data.filtered(), data.ids());
        if self.counted != counted {
            self.forget();
            self.counted = counted;
        }
        let mut known = std::mem::take(&mut self.entries).into_iter().peekable();
        let lines = data.lines().filter(Line::is_flow);
        let mut entries = Vec::with_capacity(lines.size_hint().1.unwrap_or(0));
        // Both are in the same order.
        for line in lines {
            while known
                .next_if(|old| old.line.order() < line.order())
                .is_some()
            {}
            let same = |old: &Entry| {
                (old.line.id, old.line.number, old.line.kind) == (line.id, line.number, line.kind)
            };
            match known.next_if(same) {
                // Its last event may be a later one.
                Some(old) => entries.push(Entry { line, ..old }),
                None => entries.extend(self.entry(data, line, &count)),
            }
        }
        self.entries = entries;
    }

    fn entry(
        &mut self,
        data: &Data,
        line: Line,
        count: &impl Fn(&AnyFlow<'_>) -> Option<Counted<K>>,
    ) -> Option<Entry> {
        let none = Entry {
            line,
            key: None,
            bytes: 0,
            connection: 0,
        };
        let Some(counted) = data.with_flow(line.id, count)? else {
            return Some(none);
        };
        let key = if let Some(key) = self.places.get(&counted.key) {
            *key
        } else {
            let key = u32::try_from(self.keys.len()).ok()?;
            self.keys.push(counted.key.clone());
            self.places.insert(counted.key, key);
            key
        };
        Some(Entry {
            key: Some(key),
            bytes: counted.bytes,
            connection: counted.connection,
            ..none
        })
    }

    /// All of them, the oldest first, each with the place of its key among the keys.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = (usize, &Entry)> {
        let entries = self.entries.iter();
        entries.filter_map(|entry| Some((usize::try_from(entry.key?).ok()?, entry)))
    }

    /// The keys, by place; some may have no entry any more.
    pub(crate) fn keys(&self) -> &[K] {
        &self.keys
    }

    /// Lets go of keys, if many are unused: so many are used.
    pub(crate) fn tidy(&mut self, used: usize) {
        if self.keys.len() <= UNUSED * used + FEW {
            return;
        }
        let mut places: Vec<Option<u32>> = vec![None; self.keys.len()];
        let mut keys = Vec::new();
        for key in self
            .entries
            .iter_mut()
            .filter_map(|entry| entry.key.as_mut())
        {
            // A key has a place in the list as long as entries name it.
            let old = usize::try_from(*key).unwrap_or(0);
            *key = *places[old].get_or_insert_with(|| {
                keys.push(self.keys[old].clone());
                u32::try_from(keys.len() - 1).unwrap_or(0)
            });
        }
        self.places = (0..)
            .zip(&keys)
            .map(|(at, key)| (key.clone(), at))
            .collect();
        self.keys = keys;
    }
}
