//! What differs between two snapshots that share what stayed as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether a shared object stayed as it was.
pub fn same<T: PartialEq>(a: &Arc<T>, b: &Arc<T>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// A key under which two maps differ, and what stands there in each.
pub type Differing<'a, K, V> = (&'a K, Option<&'a V>, Option<&'a V>);

/// What differs between two maps, by key.
pub fn changed<'a, K: Ord, V>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
    same: impl Fn(&V, &V) -> bool,
) -> Vec<Differing<'a, K, V>> {
    merge(old.iter(), new.iter(), same)
}

/// What differs between entries that come in the order of their keys.
pub(crate) fn merge<'a, K: Ord, V>(
    old: impl Iterator<Item = (&'a K, &'a V)>,
    new: impl Iterator<Item = (&'a K, &'a V)>,
    same: impl Fn(&V, &V) -> bool,
) -> Vec<Differing<'a, K, V>> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    let mut found = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let before = if order.is_le() { old.next() } else { None };
        let now = if order.is_ge() { new.next() } else { None };
        match (before, now) {
            (Some((_, before)), Some((_, now))) if same(before, now) => {}
            (Some((key, before)), now) => {
                found.push((key, Some(before), now.map(|(_, now)| now)));
            }
            (None, Some((key, now))) => found.push((key, None, Some(now))),
            (None, None) => {}
        }
    }
}
