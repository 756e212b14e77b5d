//! Rows that are several entries, as one: what has been read of them is kept, so that only what changes is read again.
//!
//! The entries of a row are summed in parts of about sixty-four neighbours, and a part's sum is kept for as long as
//! these are the same and as they were. Where a part ends its last entry says alone: what comes or leaves changes the
//! part that it is in, and no other.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
};

use flow::rows::Row;
use foldhash::fast::FixedState;

use super::entry::Entry;

/// One in so many entries ends a part.
const PART: u64 = 64;

/// By the number of what was summed.
type Parts = HashMap<u64, Row, FixedState>;

/// By cause: what was read.
#[derive(Debug, Default)]
pub(super) struct Sums(Mutex<HashMap<u64, Parts, FixedState>>);

impl Sums {
    /// The row of all members; `read`: what one is by itself.
    pub(super) fn row<'a>(
        &self,
        cause: u64,
        members: impl Iterator<Item = &'a Entry>,
        read: impl Fn(&Entry) -> Option<Row>,
    ) -> Option<Row> {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = sums.remove(&cause).unwrap_or_default();
        let (mut kept, mut all) = (Parts::default(), None);
        let mut members = members.peekable();
        while members.peek().is_some() {
            let part = part(&mut members);
            let number = seen(&part);
            let row = known
                .remove(&number)
                .or_else(|| sum(part.iter().filter_map(|entry| read(entry))));
            if let Some(row) = row {
                all = sum(all.into_iter().chain([row.clone()]));
                kept.insert(number, row);
            }
        }
        // A single part is what would be read without any of this.
        if kept.len() > 1 {
            sums.insert(cause, kept);
        }
        all
    }

    /// Forgets those that are no rows any more.
    pub(super) fn keep(&mut self, is_there: impl Fn(u64) -> bool) {
        let sums = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        sums.retain(|cause, _| is_there(*cause));
    }
}

/// Rows that are one; `None` of none.
pub(super) fn sum(rows: impl Iterator<Item = Row>) -> Option<Row> {
    rows.reduce(|mut sum, row| {
        sum.add(&row);
        sum
    })
}

/// The next entries, up to one that ends a part.
fn part<'a>(members: &mut impl Iterator<Item = &'a Entry>) -> Vec<&'a Entry> {
    let mut part = Vec::new();
    for entry in members {
        part.push(entry);
        // Of a connection the number changes, as events come.
        let number = if entry.id.is_some() { 0 } else { entry.number };
        if FixedState::default()
            .hash_one((entry.id, number))
            .is_multiple_of(PART)
        {
            break;
        }
    }
    part
}

/// A number of entries as they were read.
fn seen(entries: &[&Entry]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for entry in entries {
        (entry.id, entry.number, entry.read).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use flow::{Verdict, request::RequestView};
    use proto::{
        json::{self, Unknown},
        observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    };

    use super::*;
    use crate::view::Kind;

    /// A denied request of a recording.
    fn denied() -> Row {
        let flows = include_str!("../../../testdata/requests/flows.jsonl");
        let mut rows = flows.lines().filter_map(|line| {
            let response: GetFlowsResponse = json::read(line, Unknown::Ignore).ok()?;
            let Some(ResponseTypes::Flow(flow)) = response.response_types else {
                return None;
            };
            Row::of_request(&RequestView::denied(&flow)?, true)
        });
        rows.next().unwrap()
    }

    fn entry(number: u64) -> Entry {
        Entry {
            start: 0,
            id: None,
            last: 0,
            number,
            kind: Kind::Flow(Verdict::Dropped),
            cause: Some(1),
            only_denied: 0,
            ends: None,
            read: 0,
        }
    }

    /// Whatever comes, changes or leaves: a small part of ten thousand is read again, and the sum is exact.
    #[test]
    fn what_changes_is_read() {
        let (row, reads, sums) = (denied(), Cell::new(0_usize), Sums::default());
        let mut entries: Vec<Entry> = (0..10_000).map(entry).collect();
        let look = |entries: &[Entry]| {
            reads.set(0);
            let read = |_: &Entry| {
                reads.set(reads.get() + 1);
                Some(row.clone())
            };
            let sum = sums.row(1, entries.iter(), read).unwrap();
            assert_eq!(sum.connections, entries.len() as u64);
            reads.get()
        };
        assert_eq!(look(&entries), 10_000);
        assert_eq!(look(&entries), 0);
        entries[5_000].read = 1;
        assert!((1..1_000).contains(&look(&entries)));
        entries.push(entry(10_000));
        assert!((1..1_000).contains(&look(&entries)));
        entries.remove(0);
        assert!((1..1_000).contains(&look(&entries)));
        assert_eq!(look(&entries), 0);
    }

    #[test]
    fn what_is_no_row_any_more_is_forgotten() {
        let (row, mut sums) = (denied(), Sums::default());
        let entries: Vec<Entry> = (0..1_000).map(entry).collect();
        sums.row(1, entries.iter(), |_| Some(row.clone()));
        assert_eq!(sums.0.get_mut().unwrap().len(), 1);
        sums.keep(|cause| cause != 1);
        assert!(sums.0.get_mut().unwrap().is_empty());
    }
}
