//! Entries that are one row of a table: denied requests of one cause, and connections whose requests are alike.
//!
//! Which are alike is what [`flow::rows::Row::cause`] says, of those that began in the same minute: so a row
//! stays where it is, has an end, and doesn't depend on what was heard first. It stands where the first of
//! them began. A connection that carried nothing but denied requests is no row where these are: it is one with the
//! first of them.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::LazyLock,
};

use flow::{
    connection::{Connection, ConnectionId, ConnectionView, Connections, TupleId},
    request::RequestView,
    rows::{Cause, Row, may_carry},
};
use foldhash::fast::RandomState as FastState;

use super::entry::Entry;
use crate::store::{Row as FlowRow, Snapshot};

/// Those that began in the same one (ns) are one row.
const MINUTE: i64 = 60_000_000_000;

// Names are chosen by who asks: nobody can choose what has the same number.
static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A number that all have that are one row (`None`: it is one by itself), and how many requests were denied of a
/// connection that carried no others.
pub(super) fn of_connection(
    connection: &Connection<'_, u64>,
    view: &ConnectionView<'_, FlowRow>,
) -> (Option<u64>, u32) {
    let requests = view.requests();
    // Most carried no requests, or several. One that was denied itself is a row: in lists that go on what is denied
    // now is to be seen among the newest.
    if requests.alike.is_none() && requests.denied == 0 {
        return (None, 0);
    }
    let Some(row) = Row::new(connection, view, true) else {
        return (None, 0);
    };
    let denied = row.only_denied().unwrap_or(0);
    let cause = row.cause().map(|cause| number(&cause, connection.start()));
    (cause, u32::try_from(denied).unwrap_or(u32::MAX))
}

/// The same of a denied request; `time`: Unix ns.
pub(super) fn of_request(view: &RequestView<'_, FlowRow>, time: i64) -> Option<u64> {
    let cause = Row::of_request(view, true)?.cause()?;
    Some(number(&cause, time))
}

fn number(cause: &Cause, start: i64) -> u64 {
    KEY.hash_one((cause, start.div_euclid(MINUTE)))
}

/// The rows of a table that some entries are, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Of each row the place of its first entry.
    firsts: Vec<u32>,
    /// By cause: the places of those that are one row, in order.
    alike: HashMap<u64, Vec<u32>, FastState>,
    /// By cause of denied requests: the places of the connections that carried no others.
    carriers: HashMap<u64, Vec<u32>, FastState>,
    /// Of these the cause.
    carried: HashMap<ConnectionId, u64, FastState>,
}

impl Told {
    /// The rows of entries, the oldest of which are first.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut told = Self::default();
        let requests = requests(entries);
        for (entry, place) in entries.iter().zip(0_u32..) {
            if let (Some(id), Some(cause)) = (entry.id, carried_with(entry, entries, &requests)) {
                told.carriers.entry(cause).or_default().push(place);
                told.carried.insert(id, cause);
                continue;
            }
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

    pub(super) fn has(&self, cause: u64) -> bool {
        self.alike.contains_key(&cause)
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
        let cause = entries.get(at).and_then(|entry| self.cause(entry));
        let first = cause.and_then(|cause| self.alike.get(&cause)?.first());
        let first = first.map_or(at, |first| place(*first));
        self.firsts.partition_point(|known| place(*known) < first)
    }

    /// The entries that are one row with this one, itself among them, the oldest first, and behind them the
    /// connections that carried no more than these denied requests; none if it is a row by itself.
    pub fn members<'a>(
        &'a self,
        entries: &'a [Entry],
        of: &Entry,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> + use<'a> {
        let cause = self.cause(of);
        let of = |places: &'a HashMap<u64, Vec<u32>, FastState>| {
            let places = cause.and_then(|cause| places.get(&cause));
            places.map_or(&[][..], Vec::as_slice)
        };
        let places = of(&self.alike).iter().chain(of(&self.carriers));
        places.filter_map(|at| entries.get(place(*at)))
    }

    /// Alike for all that are one row with an entry.
    pub(super) fn cause(&self, of: &Entry) -> Option<u64> {
        let carried = of.id.and_then(|id| self.carried.get(&id).copied());
        carried.or(of.cause)
    }
}

/// The denied requests among entries, by their ends.
fn requests(entries: &[Entry]) -> HashMap<TupleId, Vec<u32>, FastState> {
    let mut requests: HashMap<TupleId, Vec<u32>, FastState> = HashMap::default();
    for (entry, place) in entries.iter().zip(0_u32..) {
        if let Some(ends) = entry.ends {
            requests.entry(ends).or_default().push(place);
        }
    }
    requests
}

/// The cause of the denied requests that a connection is one row with: all that it carried are entries.
fn carried_with(
    entry: &Entry,
    entries: &[Entry],
    requests: &HashMap<TupleId, Vec<u32>, FastState>,
) -> Option<u64> {
    let wanted = usize::try_from(entry.only_denied)
        .ok()
        .filter(|wanted| *wanted > 0)?;
    let own = requests.get(&entry.id?.tuple)?.iter();
    let own = own.filter_map(|at| entries.get(place(*at)));
    let mut own = own.filter(|of| may_carry((entry.start, entry.last), of.start));
    let cause = own.next()?.cause?;
    (own.count() + 1 >= wanted).then_some(cause)
}

impl Entry {
    /// What it is by itself, as a row; `now`: Unix ns. `None` of a mark, and of what is held no longer.
    #[must_use]
    pub fn row(&self, joined: &Connections<u64>, snapshot: &Snapshot, now: i64) -> Option<Row> {
        let Some(id) = self.id else {
            return Row::of_request(&super::denied_request(snapshot, self.number)?, true);
        };
        let connection = joined.get(id)?;
        let view = super::view(&connection, snapshot, now)?;
        Row::new(&connection, &view, true)
    }
}

fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
