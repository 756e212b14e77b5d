//! Entries and headers, written one by one: what was touched, and which cookies are in use.

use std::collections::BTreeSet;
use std::sync::Arc;

use abi::policy::{EGRESS, PolicyEntry, PolicyKey, TABLE_PRESENT, Table};

use crate::attribution::Direction;
use crate::compiler::Compiler;
use crate::layer7::PortSets;
use crate::output::{ChangeSet, Compiled};
use crate::table::Shapes;

impl Compiler {
    /// Makes an entry what it shall be.
    pub(super) fn set(
        &mut self,
        key: PolicyKey,
        entry: Option<PolicyEntry>,
        shapes: &mut Shapes,
        touched: &mut ChangeSet,
    ) {
        let entries = &mut self.compiled.entries;
        let before = match entry {
            Some(entry) => entries.insert(key, entry),
            None => entries.remove(&key),
        };
        if before == entry {
            return;
        }
        touched.entries.insert(key);
        if let Some(before) = before {
            shapes.remove(&key, &before);
            self.release(before.cookie);
        }
        if let Some(entry) = entry {
            shapes.add(&key, &entry);
            self.hold(entry.cookie);
        }
    }

    /// Makes one half of a table's header what it shall be.
    pub(super) fn set_header(
        &mut self,
        table: u32,
        direction: Direction,
        header: abi::policy::Direction,
        touched: &mut ChangeSet,
    ) {
        let table_header = self.compiled.tables.entry(table).or_insert(Table {
            flags: TABLE_PRESENT,
            ..Table::default()
        });
        let half = match direction {
            Direction::Ingress => &mut table_header.ingress,
            Direction::Egress => &mut table_header.egress,
        };
        let before = std::mem::replace(half, header);
        if before != header {
            touched.tables.insert(table);
        }
        if before.default_cookie != header.default_cookie {
            self.hold(header.default_cookie);
            // A new header names nothing yet.
            if before.default_cookie != abi::policy::COOKIE_NONE {
                self.release(before.default_cookie);
            }
        }
    }

    /// Makes what is judged of one half of a table what it shall be. What stays as it was stays shared.
    pub(super) fn set_layer7(
        &mut self,
        table: u32,
        direction: Direction,
        sets: Option<PortSets>,
        touched: &mut ChangeSet,
    ) {
        let key = (table, direction);
        let before = self.compiled.layer7.get(&key).map(Arc::clone);
        if before.as_deref() == sets.as_ref() {
            return;
        }
        touched.layer7.insert(key);
        sets.iter()
            .flat_map(PortSets::cookies)
            .for_each(|cookie| self.hold(cookie));
        before
            .iter()
            .flat_map(|sets| sets.cookies())
            .for_each(|cookie| self.release(cookie));
        match sets {
            Some(sets) => drop(self.compiled.layer7.insert(key, Arc::new(sets))),
            None => drop(self.compiled.layer7.remove(&key)),
        }
    }

    fn hold(&mut self, cookie: u32) {
        *self.cookie_uses.entry(cookie).or_default() += 1;
    }

    pub(super) fn release(&mut self, cookie: u32) {
        if let Some(uses) = self.cookie_uses.get_mut(&cookie) {
            *uses -= 1;
            if *uses == 0 {
                self.cookie_uses.remove(&cookie);
                self.cookies_used.insert(cookie, self.compilations);
            }
        }
    }
}

/// Which direction an entry belongs to.
pub(super) fn direction_of(key: &PolicyKey) -> Direction {
    if key.shape & EGRESS == 0 {
        Direction::Ingress
    } else {
        Direction::Egress
    }
}

/// Keys of a table's entries, or of those in some columns.
pub(super) fn keys_of(
    compiled: &Compiled,
    table: u32,
    only: Option<&BTreeSet<u32>>,
) -> Vec<PolicyKey> {
    let key = |identity, last| PolicyKey {
        table,
        identity,
        port: if last { u16::MAX } else { 0 },
        proto: if last { u8::MAX } else { 0 },
        shape: if last { u8::MAX } else { 0 },
    };
    let range = |first, last| {
        let range = compiled.entries.range(key(first, false)..=key(last, true));
        range.map(|(key, _)| *key)
    };
    match only {
        None => range(0, u32::MAX).collect(),
        Some(columns) => columns
            .iter()
            .flat_map(|column| range(*column, *column))
            .collect(),
    }
}
