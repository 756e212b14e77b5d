//! Maps that share with their copies: they hold what others would, and a change costs what it touches.

use std::cell::Cell;
use std::collections::BTreeMap;

use flows_cluster::differ;
use flows_cluster::{SharedMap, SharedTable};
use proptest::prelude::*;

/// Keys, so that there are many blocks, and most steps meet a key that is there.
const KEYS: u16 = 600;

/// Under a key a value, or nothing any more.
fn step() -> impl Strategy<Value = (u16, Option<u8>)> {
    (0..KEYS, proptest::option::weighted(0.6, 0..4_u8))
}

/// What many steps make: keys in runs, which fill blocks and empty them.
fn steps() -> impl Strategy<Value = Vec<(u16, Option<u8>)>> {
    let run = (
        0..KEYS,
        0..200_u16,
        proptest::option::weighted(0.6, 0..4_u8),
    )
        .prop_map(|(first, count, value)| {
            let keys = first..(first + count).min(KEYS);
            keys.map(|key| (key, value)).collect::<Vec<_>>()
        });
    let one = step().prop_map(|step| vec![step]);
    let some = proptest::collection::vec(prop_oneof![run, one], 0..40);
    some.prop_map(|runs| runs.concat())
}

#[derive(Clone, Default)]
struct Maps {
    plain: BTreeMap<u16, u8>,
    map: SharedMap<u16, u8>,
    table: SharedTable<u16, u8>,
}

impl Maps {
    fn take(&mut self, steps: &[(u16, Option<u8>)]) {
        for (key, value) in steps {
            let before = match value {
                Some(value) => [
                    self.plain.insert(*key, *value),
                    self.map.insert(*key, *value),
                    self.table.insert(*key, *value),
                ],
                None => [
                    self.plain.remove(key),
                    self.map.remove(key),
                    self.table.remove(key),
                ],
            };
            assert_eq!(before, [before[0]; 3], "{key}");
        }
    }

    /// All three hold the same.
    fn check(&self) {
        assert!(self.map.iter().eq(&self.plain));
        assert_eq!(self.map.len(), self.plain.len());
        assert_eq!(self.map.is_empty(), self.plain.is_empty());
        for key in 0..KEYS {
            let wanted = self.plain.get(&key);
            assert_eq!((self.map.get(&key), self.table.get(&key)), (wanted, wanted));
        }
        for first in (0..KEYS).step_by(37) {
            assert!(self.map.range_from(&first).eq(self.plain.range(first..)));
        }
        // And nothing else.
        let mut all: Vec<_> = self.table.iter().collect();
        all.sort();
        assert!(all.into_iter().eq(&self.plain));
    }

    fn check_changes(before: &Self, now: &Self) {
        let equal = |one: &u8, other: &u8| one == other;
        let wanted = differ::changed(&before.plain, &now.plain, equal);
        assert_eq!(SharedMap::changed(&before.map, &now.map, equal), wanted);
        let mut changed: Vec<_> = SharedTable::changed(&before.table, &now.table)
            .filter(|(_, before, now)| before != now)
            .collect();
        changed.sort();
        assert_eq!(changed, wanted);
        let is_equal = before.plain == now.plain;
        assert_eq!(before.map == now.map, is_equal);
        assert_eq!(before.table == now.table, is_equal);
    }
}

proptest! {
    #[test]
    fn hold_what_others_would(first in steps(), one in steps(), other in steps()) {
        let mut before = Maps::default();
        before.take(&first);
        before.check();
        let (mut left, mut right) = (before.clone(), before.clone());
        left.take(&one);
        right.take(&other);
        // A copy's changes are its own.
        before.check();
        left.check();
        right.check();
        Maps::check_changes(&before, &left);
        Maps::check_changes(&left, &right);
        Maps::check_changes(&right, &Maps::default());
    }
}

#[test]
fn a_comparison_looks_at_what_was_touched() {
    let mut before = Maps::default();
    let all: Vec<_> = (0..10_000).map(|key| (key * 2, Some(0))).collect();
    before.take(&all);
    for change in [(5_000, Some(1)), (5_001, Some(1)), (5_000, None)] {
        let mut now = before.clone();
        now.take(&[change]);
        let looks = Cell::new(0);
        let found = SharedMap::changed(&before.map, &now.map, |one, other| {
            looks.set(looks.get() + 1);
            one == other
        });
        assert_eq!(found.len(), 1);
        assert!(looks.get() < 100, "{change:?}: {}", looks.get());
        let looks = SharedTable::changed(&before.table, &now.table).count();
        assert!((1..200).contains(&looks), "{change:?}: {looks}");
    }
    assert!(SharedMap::changed(&before.map, &before.clone().map, |_, _| false).is_empty());
}

/// Whatever goes, blocks don't become many and small.
#[test]
fn what_is_taken_out_leaves_no_blocks_behind() {
    let mut map: SharedMap<u16, u16> = SharedMap::default();
    for key in 0..10_000 {
        map.insert(key, key);
    }
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        map.remove(&key);
    }
    let before = map.clone();
    map.insert(1, 1);
    let looks = Cell::new(0);
    SharedMap::changed(&before, &map, |_, _| {
        looks.set(looks.get() + 1);
        true
    });
    // The block of the entry has others, too.
    assert!(looks.get() >= 8, "{}", looks.get());
}
