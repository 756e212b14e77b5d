//! An ordered map whose copies share what they have in common.
//!
//! ```text
//! SharedMap --> [ block, block, block, ... ]     each an Arc of up to 64 entries, in order
//! copy -------> [ block, BLOCK, block, ... ]     one insertion later
//! ```
//!
//! A copy costs one reference count for each block, a change of it the block that it is in, and what
//! differs between two is found without a look at the blocks that both have. Two levels suffice: of
//! 100,000 entries the upper one has about 2,000.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::differ::{Differing, merge};

/// Entries of a block at most.
const ROOM: usize = 64;

type Block<K, V> = Arc<Vec<(K, V)>>;

/// See the module.
#[derive(Clone)]
pub struct SharedMap<K, V> {
    /// In the order of keys; none is empty.
    blocks: Vec<Block<K, V>>,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<K, V> SharedMap<K, V> {
    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Number of entries. Looks at every block.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.len()).sum()
    }

    /// All entries, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        entries(self.blocks.iter())
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Whether both are one map, of which neither changed since it was copied.
    pub fn is_same(&self, other: &Self) -> bool {
        let mut pairs = self.blocks.iter().zip(&other.blocks);
        self.blocks.len() == other.blocks.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The entries of the blocks that another map doesn't have.
    fn unshared(&self, other: &Self) -> impl Iterator<Item = (&K, &V)> {
        let shared: HashSet<*const Vec<(K, V)>> = other.blocks.iter().map(Arc::as_ptr).collect();
        let blocks = self.blocks.iter();
        entries(blocks.filter(move |block| !shared.contains(&Arc::as_ptr(block))))
    }
}

impl<K: Ord, V> SharedMap<K, V> {
    /// What stands under a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let block = self.blocks.get(self.block_of(key))?;
        let at = find(block, key).ok()?;
        block.get(at).map(|(_, value)| value)
    }

    /// Whether anything stands under a key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The entries from a key on.
    pub fn range_from<'a>(&'a self, first: &'a K) -> impl Iterator<Item = (&'a K, &'a V)> {
        let blocks = self.blocks.iter().skip(self.block_of(first));
        entries(blocks).skip_while(move |(key, _)| *key < first)
    }

    /// What differs between two maps, by key. Blocks that both have are not looked at.
    pub fn changed<'a>(
        old: &'a Self,
        new: &'a Self,
        same: impl Fn(&V, &V) -> bool,
    ) -> Vec<Differing<'a, K, V>> {
        merge(old.unshared(new), new.unshared(old), same)
    }

    /// The block that has a key, or would have it.
    fn block_of(&self, key: &K) -> usize {
        let begins_before = |block: &Block<K, V>| block.first().is_some_and(|(own, _)| own <= key);
        self.blocks.partition_point(begins_before).saturating_sub(1)
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// Puts a value under a key. Returns what stood there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.block_of(&key);
        let Some(block) = self.blocks.get_mut(at).map(Arc::make_mut) else {
            self.blocks.push(Arc::new(vec![(key, value)]));
            return None;
        };
        match find(block, &key) {
            Ok(place) => Some(std::mem::replace(&mut block[place].1, value)),
            Err(place) => {
                block.insert(place, (key, value));
                if block.len() > ROOM {
                    let upper = block.split_off(ROOM / 2);
                    self.blocks.insert(at + 1, Arc::new(upper));
                }
                None
            }
        }
    }

    /// Removes what stands under a key, and returns it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.block_of(key);
        let block = self.blocks.get_mut(at)?;
        // A block in which it isn't stays shared.
        let place = find(block, key).ok()?;
        let block = Arc::make_mut(block);
        let (_, value) = block.remove(place);
        if block.is_empty() {
            self.blocks.remove(at);
        } else {
            self.join(at);
            self.join(at.saturating_sub(1));
        }
        Some(value)
    }

    /// Makes one block of two that have become small, this and the next.
    fn join(&mut self, at: usize) {
        let Some([one, next]) = self.blocks.get(at..at + 2) else {
            return;
        };
        if one.len() + next.len() <= ROOM / 2 {
            let next = self.blocks.remove(at + 1);
            let block = Arc::make_mut(&mut self.blocks[at]);
            block.extend(next.iter().cloned());
        }
    }
}

/// Where in a block a key stands, or would.
fn find<K: Ord, V>(block: &[(K, V)], key: &K) -> Result<usize, usize> {
    block.binary_search_by(|(known, _)| known.cmp(key))
}

fn entries<'a, K: 'a, V: 'a>(
    blocks: impl Iterator<Item = &'a Block<K, V>>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    blocks
        .flat_map(|block| block.iter())
        .map(|(key, value)| (key, value))
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<K: Serialize, V: Serialize> Serialize for SharedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K, V> Deserialize<'de> for SharedMap<K, V>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Clone,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

impl<K: Ord, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && Self::changed(self, other, V::eq).is_empty()
    }
}

impl<K: Ord, V: Eq> Eq for SharedMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
