//! One staged map: its shadow in user space, the changes to it, and their writes in the order that
//! [`abi::staged`] asks for.

mod resize;

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::AddAssign;

use abi::addr::{self, Addr};
use abi::endpoint::{self, Endpoint};
use abi::maps::{self, Kind};
use abi::policy::{self, PolicyEntry, Table};
use abi::staged::{NEVER, Staged};

use crate::Error;
use crate::map::{Map, MapUsage};
use crate::pins::Pins;
use crate::pod_types::Plain;
use crate::prefix::Key;

pub(crate) use resize::resize;

/// A value of a staged map. The default is the absent value.
pub(crate) trait Value: Plain + Default + PartialEq + Debug + Send {
    /// Whether the value has its `PRESENT` bit.
    fn present(&self) -> bool;
}

impl Value for Addr {
    fn present(&self) -> bool {
        self.flags & addr::PRESENT != 0
    }
}

impl Value for Endpoint {
    fn present(&self) -> bool {
        self.flags & endpoint::PRESENT != 0
    }
}

impl Value for Table {
    fn present(&self) -> bool {
        self.flags & policy::TABLE_PRESENT != 0
    }
}

impl Value for PolicyEntry {
    fn present(&self) -> bool {
        self.flags & policy::ENTRY_PRESENT != 0
    }
}

/// What becomes of a key; at least one of the two is there, and they differ.
#[derive(Clone, Copy, Debug)]
struct Change<K, T> {
    key: K,
    old: Option<T>,
    new: Option<T>,
}

/// Counts of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) written: usize,
    pub(crate) removed: usize,
    pub(crate) unchanged: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.removed += other.removed;
        self.unchanged += other.unchanged;
    }
}

/// A staged map and its shadow.
#[derive(Debug)]
pub(crate) struct StagedMap<K, T: Copy> {
    map: Map<K, Staged<T>>,
    /// What counts at the node's revision.
    shadow: HashMap<K, T>,
    pending: Vec<Change<K, T>>,
    /// How many of the pending changes, from the front, are in the map.
    staged: usize,
    /// Entries of a hash were removed, and nobody has asked yet.
    has_removed: Cell<bool>,
}

impl<K: Key, T: Value> StagedMap<K, T> {
    /// The shadow is empty until [`Stageable::recover`] has run.
    pub(crate) fn open(pins: &Pins, map: &'static maps::Map<K, Staged<T>>) -> Result<Self, Error> {
        Ok(Self {
            map: Map::open(pins, map)?,
            shadow: HashMap::new(),
            pending: Vec::new(),
            staged: 0,
            has_removed: Cell::new(false),
        })
    }

    /// What counts at the node's revision.
    pub(crate) fn in_force(&self) -> &HashMap<K, T> {
        &self.shadow
    }

    /// The planned changes: key, what counts now, what shall count.
    pub(crate) fn planned(&self) -> impl Iterator<Item = (K, Option<T>, Option<T>)> + '_ {
        self.pending
            .iter()
            .map(|change| (change.key, change.old, change.new))
    }

    fn check(&self, key: &K, value: Option<&T>) -> Result<(), Error> {
        let map = self.map.name();
        let malformed = |reason| Error::Malformed {
            map,
            entry: format!("{key:?}"),
            reason,
        };
        if let Some(reason) = key.fault() {
            return Err(malformed(reason));
        }
        if value.is_some_and(|value| !value.present()) {
            return Err(malformed("the value lacks its PRESENT bit"));
        }
        if self.map.kind() == Kind::Array {
            let index = crate::pod_types::read(crate::pod_types::bytes(key)).unwrap_or(0);
            if index == 0 || index >= self.map.max() {
                return Err(Error::OutOfRange {
                    map,
                    index,
                    last: self.map.max() - 1,
                });
            }
        }
        Ok(())
    }

    /// Plans the way from what is to the whole of `desired`.
    pub(crate) fn plan(&mut self, desired: &HashMap<K, T>) -> Result<Counts, Error> {
        self.forget();
        let mut pending = Vec::new();
        let mut counts = Counts::default();
        #[expect(
            clippy::iter_over_hash_type,
            reason = "one flip makes all writes true at once"
        )]
        for (key, new) in desired {
            let old = self.shadow.get(key);
            if old == Some(new) {
                counts.unchanged += 1;
                continue;
            }
            self.check(key, Some(new))?;
            counts.written += 1;
            pending.push(Change {
                key: *key,
                old: old.copied(),
                new: Some(*new),
            });
        }
        let kept = counts.unchanged + pending.iter().filter(|change| change.old.is_some()).count();
        if kept < self.shadow.len() {
            let gone = self
                .shadow
                .iter()
                .filter(|(key, _)| !desired.contains_key(key));
            pending.extend(gone.map(|(&key, &old)| Change {
                key,
                old: Some(old),
                new: None,
            }));
            counts.removed = self.shadow.len() - kept;
        }
        self.pending = pending;
        Ok(counts)
    }

    /// Plans some changes.
    pub(crate) fn plan_changes(
        &mut self,
        changes: &HashMap<K, Option<T>>,
    ) -> Result<Counts, Error> {
        self.forget();
        let mut pending = Vec::new();
        let mut counts = Counts::default();
        #[expect(
            clippy::iter_over_hash_type,
            reason = "one flip makes all writes true at once"
        )]
        for (&key, &new) in changes {
            let old = self.shadow.get(&key).copied();
            if old == new {
                counts.unchanged += 1;
                continue;
            }
            self.check(&key, new.as_ref())?;
            if new.is_some() {
                counts.written += 1;
            } else {
                counts.removed += 1;
            }
            pending.push(Change { key, old, new });
        }
        self.pending = pending;
        Ok(counts)
    }

    /// The value that a packet finds for `key` while no entry of its own is there: that of the
    /// longest covering prefix, before or after the pending change.
    fn without(&self, key: &K, changed: &HashMap<K, Option<T>>) -> T {
        let value = |prefix: K| match changed.get(&prefix) {
            Some(new) => *new,
            None => self.shadow.get(&prefix).copied(),
        };
        key.covering().find_map(value).unwrap_or_default()
    }

    fn write(&self, entries: &[(K, Staged<T>)]) -> Result<(), (usize, Error)> {
        let (keys, values): (Vec<_>, Vec<_>) = entries.iter().copied().unzip();
        self.map
            .put_many(&keys, &values)
            .map_err(|stopped| (stopped.done, stopped.error))
    }

    /// Makes entries steady. Where they are changed in place, a reader may see old and new words mixed: there,
    /// both forms become equal before `from` is reset.
    fn settle(&self, entries: &[(K, T)], from: u32) -> Result<(), Error> {
        if self.map.kind() != Kind::PrefixTrie {
            let equal = |&(key, now): &(K, T)| (key, Staged::switching(now, now, from));
            let equal: Vec<_> = entries.iter().map(equal).collect();
            self.write(&equal).map_err(|(_, error)| error)?;
        }
        let steady = |&(key, now): &(K, T)| (key, Staged::steady(now));
        let steady: Vec<_> = entries.iter().map(steady).collect();
        self.write(&steady).map_err(|(_, error)| error)
    }

    /// Gives keys the value that they have in the end; a key without one leaves the map.
    fn resolve(
        &self,
        entries: impl Iterator<Item = (K, Option<T>)>,
        from: u32,
    ) -> Result<(), Error> {
        let (mut steady, mut gone) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            match value {
                Some(value) => steady.push((key, value)),
                // Elements of an array can't leave it.
                None if self.map.kind() == Kind::Array => steady.push((key, T::default())),
                None => gone.push(key),
            }
        }
        self.settle(&steady, from)?;
        // A trie waits by itself before it uses an entry's memory again.
        if self.map.kind() == Kind::Hash && !gone.is_empty() {
            self.has_removed.set(true);
        }
        self.map.delete_many(&gone)
    }
}

/// A staged map, whatever its types. The order of calls is that of the methods.
pub(crate) trait Stageable: Debug + Send {
    /// Reads the whole map into the shadow. What a dead agent left is brought to an end: staged for
    /// a later revision, it is taken back; for this or an earlier one, completed. No run that began
    /// at an earlier revision may be under way. Returns how many entries were half-way.
    fn recover(&mut self, revision: u32) -> Result<usize, Error>;
    /// Whether a change is planned.
    fn is_planned(&self) -> bool;
    /// Refuses a plan that the map has no room for.
    fn check_room(&self) -> Result<(), Error>;
    /// Writes the plan, to count from revision `from`.
    fn stage(&mut self, from: u32) -> Result<(), Error>;
    /// Takes back what of the plan is written. Revision `from` must not have begun.
    fn unstage(&mut self, from: u32) -> Result<(), Error>;
    /// The plan has become true and no run at an earlier revision is under way: cleans up.
    fn finish(&mut self, from: u32) -> Result<(), Error>;
    /// The plan has become true: the shadow follows.
    fn accept(&mut self);
    /// Whether entries of a hash were removed since this was asked last: [`crate::removals`].
    fn has_removed(&mut self) -> bool;
    /// Forgets the plan.
    fn forget(&mut self);
    /// How full the map is, by what counts.
    fn fill(&self) -> MapUsage;
}

impl<K: Key, T: Value> Stageable for StagedMap<K, T> {
    fn recover(&mut self, revision: u32) -> Result<usize, Error> {
        self.forget();
        let mut shadow = HashMap::new();
        let mut partial: HashMap<u32, Vec<(K, Option<T>)>> = HashMap::new();
        let mut count = 0;
        self.map.for_each(|key, entry| {
            let value = Some(*entry.at(revision)).filter(Value::present);
            if let Some(value) = value {
                shadow.insert(key, value);
            }
            // An absent value that isn't staged hides a prefix that covers it, in a trie.
            let stray = value.is_none() && self.map.kind() != Kind::Array;
            if entry.from != NEVER || entry.now != entry.next || stray {
                // A new array is all zero, which isn't the work of a dead agent.
                count += usize::from(entry != Staged::default());
                partial.entry(entry.from).or_default().push((key, value));
            }
        })?;
        #[expect(
            clippy::iter_over_hash_type,
            reason = "the groups are independent of each other"
        )]
        for (from, entries) in partial {
            self.resolve(entries.into_iter(), from)?;
        }
        self.shadow = shadow;
        Ok(count)
    }

    fn is_planned(&self) -> bool {
        !self.pending.is_empty()
    }

    fn check_room(&self) -> Result<(), Error> {
        if self.map.kind() == Kind::Array {
            return Ok(());
        }
        let count = |of: fn(&Change<K, T>) -> bool| self.pending.iter().filter(|c| of(c)).count();
        let peak = self.shadow.len() + count(|change| change.old.is_none());
        let max = self.map.max() as usize;
        if peak > max {
            return Err(Error::Full {
                map: self.map.name(),
                wanted: peak - count(|change| change.new.is_none()),
                peak,
                max,
            });
        }
        Ok(())
    }

    fn stage(&mut self, from: u32) -> Result<(), Error> {
        let before = HashMap::new();
        let after: HashMap<_, _> = if self.map.kind() == Kind::PrefixTrie {
            self.pending
                .iter()
                .map(|change| (change.key, change.new))
                .collect()
        } else {
            HashMap::new()
        };
        let entry = |change: &Change<K, T>| {
            let key = change.key;
            let now = change.old.unwrap_or_else(|| self.without(&key, &before));
            let next = change.new.unwrap_or_else(|| self.without(&key, &after));
            (key, Staged::switching(now, next, from))
        };
        let entries: Vec<_> = self.pending.iter().map(entry).collect();
        match self.write(&entries) {
            Ok(()) => {
                self.staged = entries.len();
                Ok(())
            }
            Err((done, error)) => {
                self.staged = done;
                Err(error)
            }
        }
    }

    fn unstage(&mut self, from: u32) -> Result<(), Error> {
        let staged = self.pending.iter().take(self.staged);
        self.resolve(staged.map(|change| (change.key, change.old)), from)?;
        self.forget();
        Ok(())
    }

    fn finish(&mut self, from: u32) -> Result<(), Error> {
        self.resolve(
            self.pending.iter().map(|change| (change.key, change.new)),
            from,
        )
    }

    fn accept(&mut self) {
        for change in self.pending.drain(..) {
            match change.new {
                Some(new) => self.shadow.insert(change.key, new),
                None => self.shadow.remove(&change.key),
            };
        }
        self.staged = 0;
    }

    fn has_removed(&mut self) -> bool {
        self.has_removed.take()
    }

    fn forget(&mut self) {
        self.pending.clear();
        self.staged = 0;
    }

    fn fill(&self) -> MapUsage {
        self.map.fill(self.shadow.len())
    }
}
