//! Which connections of a store match a filter, kept up to date.

use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
};

use flow::{
    Filter, FlowView as _, Program,
    connection::{Connection, ConnectionId, State, TupleId},
    request::RequestView,
    rows::Row,
};

use super::{
    alike::{self, Told},
    entry::Entry,
    joined::{Joined, Position},
    sums::{self, Sums},
    view,
};
use crate::{
    store::{Item, Marker, Snapshot},
    view::Kind,
};

/// After so long (ns) a narrowed list looks at everything again: a filter may ask for an age, which
/// changes without an event.
const AGES: i64 = 10_000_000_000;

/// The connections that match a filter and the places where something is missing, the oldest first:
/// by when they began. If asked, denied requests of layer 7 are among them.
///
/// A connection stays where it is while events of it come. It leaves when the store holds none of them
/// any more.
#[derive(Debug)]
pub struct ConnectionList {
    program: Program,
    /// Whether there are connections that don't match.
    narrowed: bool,
    /// Connections that lived in a time (Unix ns, both included).
    within: Option<(i64, i64)>,
    entries: Vec<Entry>,
    /// The entries as rows of a table.
    told: Told,
    /// Of rows that are several entries.
    sums: Sums,
    /// How often it was looked.
    looks: u64,
    /// Denied requests are entries, too.
    with_requests: bool,
    position: Position,
    /// Those that become something else by waiting.
    waiting: BTreeSet<TupleId>,
    /// Numbers of the store whose marks have been looked at.
    marks: Range<u64>,
    /// When everything was looked at last, Unix ns.
    looked: i64,
    denied: usize,
    connections: usize,
    /// Connections and denied requests that came to match so far.
    entered: u64,
    /// When the newest one began, Unix ns.
    newest: i64,
}

/// What became of a list since it was looked at last.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Connections that are no longer as they were: they left, or are among the fresh ones.
    pub gone: Vec<ConnectionId>,
    /// Connections that came, or are another way now; marks that came.
    pub fresh: Vec<Entry>,
}

impl ConnectionList {
    /// A list that has seen nothing yet. The filter is held against whole connections: what it asks of
    /// single packets ([`Filter::for_connections`] is `None`) matches the event that explains them.
    #[must_use]
    pub fn new(filter: &Filter) -> Self {
        Self {
            program: filter.program(),
            narrowed: !filter.is_everything(),
            within: None,
            entries: Vec::new(),
            told: Told::default(),
            sums: Sums::default(),
            looks: 0,
            with_requests: false,
            position: Position::default(),
            waiting: BTreeSet::new(),
            marks: 0..0,
            looked: i64::MIN,
            denied: 0,
            connections: 0,
            entered: 0,
            newest: i64::MIN,
        }
    }

    /// With the denied requests of layer 7.
    #[must_use]
    pub fn with_requests(mut self) -> Self {
        self.with_requests = true;
        self
    }

    /// Only connections that lived in a time (Unix ns, both included), and marks of it.
    #[must_use]
    pub fn within(mut self, time: Option<(i64, i64)>) -> Self {
        self.within = time;
        self
    }

    /// Looks at what has become of the connections; `now`: Unix ns. Says what changed in the list.
    pub fn advance(&mut self, joined: &Joined, snapshot: &Snapshot, now: i64) -> Changes {
        self.looks += 1;
        let aged = self.narrowed && now.saturating_sub(self.looked) > AGES;
        let changed = joined.since(self.position).filter(|_| !aged);
        let mut fresh = Vec::new();
        let touched = match changed {
            Some(changed) => {
                let mut touched: BTreeSet<TupleId> = changed.collect();
                touched.extend(std::mem::take(&mut self.waiting));
                for of in &touched {
                    self.read(joined, snapshot, *of, now, &mut fresh);
                }
                Some(touched)
            }
            None => {
                self.waiting.clear();
                self.looked = now;
                for connection in joined.connections().iter() {
                    self.read_one(&connection, snapshot, now, &mut fresh);
                }
                None
            }
        };
        let is_continued = joined.is_continued(self.position);
        let known = self.marks.end;
        self.position = joined.position();
        self.put_marks(joined, snapshot, touched.is_none(), &mut fresh);
        fresh.sort_unstable_by_key(Entry::order);
        let first = snapshot.range().start;
        let stays = |entry: &Entry| {
            entry.number >= first
                && match (entry.id, &touched) {
                    (Some(id), Some(touched)) => !touched.contains(&id.tuple),
                    (Some(_), None) => false,
                    (None, touched) => touched.is_some(),
                }
        };
        let mut gone = Vec::new();
        let held = self.entries.len();
        self.entries.retain(|entry| {
            let stays = stays(entry);
            if !stays {
                gone.extend(entry.id);
            }
            stays
        });
        let changes = Changes {
            gone,
            fresh: fresh.clone(),
        };
        self.count_entered(&changes, is_continued, known);
        let is_same = self.entries.len() == held && fresh.is_empty();
        merge(&mut self.entries, fresh);
        if !is_same {
            self.told = Told::of(&self.entries);
            self.sums.keep(|cause| self.told.has(cause));
        }
        let is_connection = |entry: &&Entry| matches!(entry.kind, Kind::Flow(_));
        self.connections = self.entries.iter().filter(is_connection).count();
        self.denied = self.entries.iter().filter(|entry| entry.is_bad()).count();
        changes
    }

    fn read(
        &mut self,
        joined: &Joined,
        snapshot: &Snapshot,
        of: TupleId,
        now: i64,
        fresh: &mut Vec<Entry>,
    ) {
        for connection in joined.connections().of(of) {
            self.read_one(&connection, snapshot, now, fresh);
        }
    }

    fn read_one(
        &mut self,
        connection: &Connection<'_, u64>,
        snapshot: &Snapshot,
        now: i64,
        fresh: &mut Vec<Entry>,
    ) {
        let Some(view) = view(connection, snapshot, now) else {
            return;
        };
        if connection.state(now) == State::Opening {
            self.waiting.insert(connection.id().tuple);
        }
        let (start, last) = (connection.start(), connection.last());
        let lived = |(from, to): (i64, i64)| start <= to && last >= from;
        if self.within.is_none_or(lived) && self.program.matches(&view) {
            let (cause, only_denied) = alike::of_connection(connection, &view);
            fresh.push(Entry {
                start,
                id: Some(connection.id()),
                last,
                number: held(connection, snapshot),
                kind: Kind::Flow(view.verdict()),
                cause,
                only_denied,
                ends: None,
                read: self.looks,
            });
        }
    }

    /// Counts those that were not there before; `is_continued`: connections have the ids that they had; `known`:
    /// the first number that had not been looked at.
    fn count_entered(&mut self, Changes { gone, fresh }: &Changes, is_continued: bool, known: u64) {
        let gone: HashSet<&ConnectionId> = gone.iter().collect();
        let is_new = |entry: &&Entry| match (&entry.id, is_continued) {
            (None, _) => entry.is_request() && entry.number >= known,
            (Some(id), true) => !gone.contains(id),
            // All were joined anew: older ones were put before them.
            (Some(_), false) => entry.start > self.newest,
        };
        self.entered += fresh.iter().filter(is_new).count() as u64;
        let connections = fresh.iter().filter(|entry| entry.id.is_some());
        let newest = connections.map(|entry| entry.start).max();
        self.newest = self.newest.max(newest.unwrap_or(i64::MIN));
    }

    /// Marks and denied requests that have come, or all of them.
    fn put_marks(
        &mut self,
        joined: &Joined,
        snapshot: &Snapshot,
        all: bool,
        fresh: &mut Vec<Entry>,
    ) {
        let seen = joined.seen();
        let from = match all {
            true => seen.start,
            false => self.marks.end.max(seen.start),
        };
        self.marks = seen.clone();
        // Time of the last item that has one.
        let mut known = None;
        for (number, item) in snapshot.iter(from..seen.end) {
            let time = item.time();
            let outside = |(from, to)| time > 0 && (time < from || time > to);
            let mark = match item {
                Item::Flow(row) => {
                    known = Some(time).filter(|time| *time > 0).or(known);
                    if self.with_requests
                        && let Some(view) = RequestView::denied(row)
                        && !self.within.is_some_and(outside)
                        && self.program.matches(&view)
                    {
                        fresh.push(Entry {
                            start: time,
                            id: None,
                            last: time,
                            number,
                            kind: Kind::Flow(view.verdict()),
                            cause: alike::of_request(&view, time),
                            only_denied: 0,
                            ends: joined.connections().id_of(row),
                            read: self.looks,
                        });
                    }
                    continue;
                }
                Item::Marker(mark) => mark,
            };
            // That a node came or went is of no connection in particular.
            let is_note = matches!(**mark, Marker::Nodes { .. });
            if is_note && self.narrowed || self.within.is_some_and(outside) {
                continue;
            }
            // Without a time of its own it stands behind what came before it.
            let start = match time {
                0 => *known.get_or_insert_with(|| before(snapshot, number)),
                time => time,
            };
            known = Some(start);
            fresh.push(Entry {
                start,
                id: None,
                last: start,
                number,
                kind: Kind::Marker(mark.lost()),
                cause: None,
                only_denied: 0,
                ends: None,
                read: self.looks,
            });
        }
    }

    /// What matches, the oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The same as rows of a table: those that are alike are one.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// A row of [`Self::told`] with all entries that are one with it, or those that lived in a time (Unix ns, both
    /// included); `now`: Unix ns. `None` of an entry that is a row by itself, and if none is held any more.
    ///
    /// Of many only what has changed since it was asked last is read.
    #[must_use]
    pub fn row(
        &self,
        of: &Entry,
        within: Option<(i64, i64)>,
        joined: &Joined,
        snapshot: &Snapshot,
        now: i64,
    ) -> Option<Row> {
        let lived = |entry: &&Entry| {
            within.is_none_or(|(from, to)| entry.start <= to && entry.last >= from)
        };
        let members = || self.told.members(&self.entries, of);
        let read = |entry: &Entry| entry.row(joined.connections(), snapshot, now);
        match self.told.cause(of) {
            Some(cause) if members().all(|entry| lived(&entry)) => {
                self.sums.row(cause, members(), read)
            }
            Some(_) | None => sums::sum(members().filter(lived).filter_map(read)),
        }
    }

    /// How many of the entries are connections or denied requests, and no marks.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// How many have come to match so far, whenever they began; those that have left are counted, older ones
    /// that were put before all others are not.
    #[must_use]
    pub fn entered(&self) -> u64 {
        self.entered
    }

    /// How many of them were denied or dropped.
    #[must_use]
    pub fn denied(&self) -> usize {
        self.denied
    }
}

/// Number of the flow that explains a connection, of those that are held.
fn held(connection: &Connection<'_, u64>, snapshot: &Snapshot) -> u64 {
    let first = snapshot.range().start;
    let deciding = *connection.deciding();
    match deciding >= first {
        true => deciding,
        false => connection.witnesses().copied().max().unwrap_or(deciding),
    }
}

/// Time of the last item with one before a number, Unix ns; 0 if there is none.
fn before(snapshot: &Snapshot, number: u64) -> i64 {
    let first = snapshot.range().start;
    let times = snapshot.iter(first..number).rev();
    let mut times = times.map(|(_, item)| item.time());
    times.find(|time| *time > 0).unwrap_or(0)
}

/// Puts sorted entries between sorted ones. Most come after all others.
fn merge(entries: &mut Vec<Entry>, fresh: Vec<Entry>) {
    let Some(first) = fresh.first().map(Entry::order) else {
        return;
    };
    let from = entries.partition_point(|entry| entry.order() < first);
    entries.extend(fresh);
    // Two runs, each in order: a stable sort is one pass over them.
    entries[from..].sort_by_key(Entry::order);
}
