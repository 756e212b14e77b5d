//! A hash table whose copies share what they have in common; see [`crate::shared_map`] for one in order.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// Into how many parts a table is cut: of 10,000 entries a part has 40, of 100,000 it has 400.
const PARTS: usize = 256;

type HashMap<K, V, S> = std::collections::HashMap<K, V, S>;

/// Entries in parts, by their key's hash. A copy costs one reference count for each part, a change of it
/// the part that the entry is in, and what differs between two is found without a look at the parts that
/// both have.
#[derive(Clone, Debug)]
pub struct SharedTable<K, V, S = RandomState> {
    hasher: S,
    parts: Box<[Arc<HashMap<K, V, S>>]>,
}

/// A key, and what stands there in the one table and in the other.
pub type Differing<'a, K, V> = (&'a K, Option<&'a V>, Option<&'a V>);

impl<K, V, S: Default> Default for SharedTable<K, V, S> {
    fn default() -> Self {
        Self {
            hasher: S::default(),
            parts: vec![Arc::default(); PARTS].into(),
        }
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> SharedTable<K, V, S> {
    /// What stands under a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts[self.part_of(key)].get(key)
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// What may differ between two tables, in no order: all entries of parts that they don't share.
    pub fn changed<'a>(old: &'a Self, new: &'a Self) -> impl Iterator<Item = Differing<'a, K, V>> {
        let gone = old.unshared(new).filter_map(|(key, before)| {
            let is_gone = new.get(key).is_none();
            is_gone.then_some((key, Some(before), None))
        });
        let there = new.unshared(old);
        gone.chain(there.map(|(key, now)| (key, old.get(key), Some(now))))
    }

    fn unshared<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a K, &'a V)> {
        let parts = self.parts.iter().zip(&other.parts);
        let unshared = parts.filter(|(own, other)| !Arc::ptr_eq(own, other));
        unshared.flat_map(|(own, _)| own.iter())
    }

    fn part_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The upper bits; where the lower ones matter, those of the part's own hash do.
        let [.., upper] = self.hasher.hash_one(key).to_le_bytes();
        usize::from(upper)
    }
}

impl<K: Clone + Eq + Hash, V: Clone, S: BuildHasher + Clone> SharedTable<K, V, S> {
    /// Puts a value under a key. Returns what stood there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let part = self.part_of(&key);
        Arc::make_mut(&mut self.parts[part]).insert(key, value)
    }

    /// Removes what stands under a key, and returns it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let part = self.part_of(key);
        // One in which it isn't stays shared.
        self.parts[part].get(key)?;
        Arc::make_mut(&mut self.parts[part]).remove(key)
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher> PartialEq for SharedTable<K, V, S> {
    fn eq(&self, other: &Self) -> bool {
        Self::changed(self, other).all(|(_, one, other)| one == other)
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher> Eq for SharedTable<K, V, S> {}
