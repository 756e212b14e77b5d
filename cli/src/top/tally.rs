//! What each flow that is shown counts as, filter_history: working that out is what costs, so that it is
//! done once for each flow, as it comes. Sums are then made anew of small entries, and are always of
//! exactly what is shown.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    ops::Range,
};

use client::{Row, view::Kind};
use flow::Verdict;

use super::data::Data;

/// Keys that nothing counts as any more are kept up to so many times those that are used,
const UNUSED: usize = 4;
/// and so many more.
const FEW: usize = 1024;

/// What a flow counts as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Of the flow.
    pub(crate) number: u64,
    /// Unix ns.
    pub(crate) time: i64,
    /// Place of its key in [`Tally::keys`].
    pub(crate) key: u32,
    pub(crate) dropped: bool,
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
    /// In the order of the flows.
    entries: VecDeque<Entry>,
    /// Numbers that have been looked at, and under which filters.
    seen: Range<u64>,
    filtered: u64,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            places: HashMap::new(),
            entries: VecDeque::new(),
            seen: 0..0,
            filtered: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Tally<K> {
    /// Everything is to be looked at anew.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Looks at what has come, and lets go of what has left; flows for which `count` gives nothing are
    /// in no sum.
    pub(crate) fn advance(&mut self, data: &Data, count: impl Fn(&Row) -> Option<Counted<K>>) {
        let now = data.numbers();
        if self.filtered != data.filtered() || now.is_empty() || now.end < self.seen.end {
            self.forget();
            self.filtered = data.filtered();
        }
        if self.seen.is_empty() {
            self.seen = now.start..now.start;
        }
        while let Some(first) = self.entries.front()
            && first.number < now.start
        {
            self.entries.pop_front();
        }
        // The newest one may have been taken back: another flow tells its packet better.
        if let Some(last) = self.entries.back()
            && !data.shows(last.number)
        {
            self.entries.pop_back();
        }
        self.seen.start = self.seen.start.max(now.start);
        self.seen.end = self.seen.end.max(self.seen.start);
        for found in data.matches_in(now.start..self.seen.start).rev() {
            if let Some(entry) = self.entry(data, found, &count) {
                self.entries.push_front(entry);
            }
        }
        for found in data.matches_in(self.seen.end..now.end) {
            if let Some(entry) = self.entry(data, found, &count) {
                self.entries.push_back(entry);
            }
        }
        self.seen = now;
    }

    fn entry(
        &mut self,
        data: &Data,
        found: &client::view::Match,
        count: &impl Fn(&Row) -> Option<Counted<K>>,
    ) -> Option<Entry> {
        let Kind::Flow(verdict) = found.kind else {
            return None;
        };
        let counted = count(data.row(found.number)?)?;
        let key = if let Some(key) = self.places.get(&counted.key) {
            *key
        } else {
            let key = u32::try_from(self.keys.len()).ok()?;
            self.keys.push(counted.key.clone());
            self.places.insert(counted.key, key);
            key
        };
        Some(Entry {
            number: found.number,
            time: found.time,
            key,
            dropped: matches!(verdict, Verdict::Dropped | Verdict::Error),
            bytes: counted.bytes,
            connection: counted.connection,
        })
    }

    /// All of them, the oldest first.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
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
        for entry in &mut self.entries {
            // A key has a place in the list as long as entries name it.
            let old = usize::try_from(entry.key).unwrap_or(0);
            entry.key = *places[old].get_or_insert_with(|| {
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
