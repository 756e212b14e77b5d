//! Connections whose requests are alike, as one row of a table.
//!
//! Which are alike is what [`flow::rows::Row::cause`] says, of those that began in the same minute: so a row
//! stays where it is, has an end, and doesn't depend on what was heard first. It stands where the first of
//! them began.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::LazyLock,
};

use flow::{
    connection::{Connection, ConnectionView, Connections},
    rows::Row,
};
use foldhash::fast::RandomState as FastState;

use super::entry::Entry;
use crate::store::{Row as FlowRow, Snapshot};

/// Those that began in the same one (ns) are one row.
const MINUTE: i64 = 60_000_000_000;

/// A number that all have that are one row; `None`: it is one by itself.
pub(super) fn cause(
    connection: &Connection<'_, u64>,
    view: &ConnectionView<'_, FlowRow>,
) -> Option<u64> {
    // Names are chosen by who asks: nobody can choose what has the same number.
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    // Most carry no requests, or several.
    view.requests().alike?;
    let cause = Row::new(connection, view, true)?.cause()?;
    Some(KEY.hash_one((cause, connection.start().div_euclid(MINUTE))))
}

/// The rows of a table that some entries are, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Of each row the place of its first entry.
    firsts: Vec<u32>,
    /// By cause: the places of those that are one row, in order.
    alike: HashMap<u64, Vec<u32>, FastState>,
}

impl Told {
    /// The rows of entries, the oldest of which are first.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut told = Self::default();
        for (entry, place) in entries.iter().zip(0_u32..) {
            let Some(cause) = entry.cause else {
                told.firsts.push(place);
                continue;
            };
            let places = told.alike.entry(cause).or_default();
            if places.is_empty() {
                told.firsts.push(place);
            }
            places.push(place);
        }
        told
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.firsts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.firsts.is_empty()
    }

    /// A row, among the entries that all are of: the first entry with the time of the last event of all.
    #[must_use]
    pub fn get(&self, entries: &[Entry], at: usize) -> Option<Entry> {
        let first = *entries.get(place(*self.firsts.get(at)?))?;
        let last = self.members(entries, &first).map(|entry| entry.last).max();
        Some(Entry {
            last: last.unwrap_or(first.last),
            ..first
        })
    }

    /// The place of the row that an entry is of, by the place of that.
    #[must_use]
    pub fn row_of(&self, entries: &[Entry], at: usize) -> usize {
        let cause = entries.get(at).and_then(|entry| entry.cause);
        let first = cause.and_then(|cause| self.alike.get(&cause)?.first());
        let first = first.map_or(at, |first| place(*first));
        self.firsts.partition_point(|known| place(*known) < first)
    }

    /// The entries that are one row with this one, itself among them, the oldest first; none if it is a row by
    /// itself.
    pub fn members<'a>(
        &'a self,
        entries: &'a [Entry],
        of: &Entry,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> + use<'a> {
        let places = of.cause.and_then(|cause| self.alike.get(&cause));
        let places = places.map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|at| entries.get(place(*at)))
    }
}

/// Connections that are one row of a table, as that row; `now`: Unix ns. `None` if none is held any more.
pub fn told_row<'a>(
    members: impl Iterator<Item = &'a Entry>,
    joined: &Connections<u64>,
    snapshot: &Snapshot,
    now: i64,
) -> Option<Row> {
    let mut rows = members.filter_map(|entry| {
        let connection = joined.get(entry.id?)?;
        let view = super::view(&connection, snapshot, now)?;
        Row::new(&connection, &view, true)
    });
    let mut all = rows.next()?;
    rows.for_each(|row| all.add(&row));
    Some(all)
}

fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
