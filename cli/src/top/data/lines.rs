//! What matches: connections, or packets' events, in the order of time.

use client::{
    Snapshot, View,
    connections::{ConnectionList, Entry, Joined},
    view::{Kind, Match},
};
use flow::{Filter, Verdict, connection::ConnectionId};

use crate::text;

/// What a line of the table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A connection, with what both ends told of it, or a denied request.
    #[default]
    Connections,
    /// What was told of a packet.
    Events,
}

impl Unit {
    /// What one of them is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connection",
            Self::Events => "event",
        }
    }

    /// `1 connection`, `2 connections`.
    pub(crate) fn many(self, number: u64) -> String {
        text::many(number, self.name())
    }

    /// What several of them are called.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Events => "events",
        }
    }
}

/// What stands in a line, wherever that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineId {
    /// An item of the store: an event, a denied request among connections, or a mark.
    Item(u64),
    /// A connection.
    Connection(ConnectionId),
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) id: LineId,
    /// Number in the store: of a connection that of the event that explains it.
    pub(crate) number: u64,
    /// Unix ns; of a connection when it began.
    pub(crate) time: i64,
    /// Of its last event, Unix ns.
    pub(crate) last: i64,
    pub(crate) kind: Kind,
}

impl Line {
    /// Whether it is a connection or an event, and no mark.
    pub(crate) fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Flow(_))
    }

    /// Whether it was denied or dropped.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.kind, Kind::Flow(Verdict::Dropped | Verdict::Error))
    }

    /// For counts over time.
    pub(crate) fn as_match(&self) -> Match {
        Match {
            number: self.number,
            time: self.time,
            kind: self.kind,
        }
    }

    /// Its place among those that are flows: it stays while nothing older comes.
    pub(crate) fn order(&self) -> (i64, Option<ConnectionId>, u64) {
        match self.id {
            LineId::Item(number) => (0, None, number),
            LineId::Connection(id) => (self.time, Some(id), 0),
        }
    }
}

impl From<&Match> for Line {
    fn from(found: &Match) -> Self {
        Self {
            id: LineId::Item(found.number),
            number: found.number,
            time: found.time,
            last: found.time,
            kind: found.kind,
        }
    }
}

impl From<&Entry> for Line {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry
                .id
                .map_or(LineId::Item(entry.number), LineId::Connection),
            number: entry.number,
            time: entry.start,
            last: entry.last,
            kind: entry.kind,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) enum Lines {
    Connections(ConnectionList),
    Events(View),
}

impl Lines {
    pub(super) fn new(unit: Unit, filter: &Filter, within: Option<(i64, i64)>) -> Self {
        match unit {
            Unit::Connections => {
                let list = ConnectionList::new(filter).within(within);
                Self::Connections(list.with_requests())
            }
            Unit::Events => Self::Events(View::new(filter, true).within(within)),
        }
    }

    /// Looks at what is different; `joined` are the connections of the snapshot, `now`: Unix ns.
    pub(super) fn advance(&mut self, snapshot: &Snapshot, joined: &Joined, now: i64) {
        match self {
            Self::Connections(list) => {
                list.advance(joined, snapshot, now);
            }
            Self::Events(view) => {
                view.advance(snapshot);
            }
        }
    }

    /// Lines of the table: what is alike is one.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Connections(list) => list.told().len(),
            Self::Events(view) => view.matches().len(),
        }
    }

    /// How many are no marks.
    pub(super) fn flows(&self) -> usize {
        match self {
            Self::Connections(list) => list.connections(),
            Self::Events(view) => view.flows(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Line> {
        match self {
            Self::Connections(list) => {
                let entry = list.told().get(list.entries(), at)?;
                Some(Line::from(&entry))
            }
            Self::Events(view) => view.matches().get(at).map(Line::from),
        }
    }

    /// Every connection or event, whichever line it is in.
    pub(super) fn each(&self) -> impl DoubleEndedIterator<Item = Line> + ExactSizeIterator {
        let number = match self {
            Self::Connections(list) => list.entries().len(),
            Self::Events(view) => view.matches().len(),
        };
        let get = |at| match self {
            Self::Connections(list) => list.entries().get(at).map(Line::from),
            Self::Events(view) => view.matches().get(at).map(Line::from),
        };
        (0..number).map(move |at| get(at).expect("it is below the length"))
    }

    /// What is one line with this, itself among them; none if it is a line by itself. `start`: when a connection
    /// began.
    pub(super) fn alike(&self, id: LineId, start: Option<i64>) -> impl Iterator<Item = &Entry> {
        let found = match self {
            Self::Connections(list) => {
                let entry = self.entry(id, start);
                entry.map(|entry| list.told().members(list.entries(), entry))
            }
            Self::Events(_) => None,
        };
        found.into_iter().flatten()
    }

    /// The list of connections, if lines are such, and of what is in a line its entry.
    pub(super) fn of_connections(
        &self,
        id: LineId,
        start: Option<i64>,
    ) -> Option<(&ConnectionList, &Entry)> {
        match self {
            Self::Connections(list) => Some((list, self.entry(id, start)?)),
            Self::Events(_) => None,
        }
    }

    fn entry(&self, id: LineId, start: Option<i64>) -> Option<&Entry> {
        let Self::Connections(list) = self else {
            return None;
        };
        let entry = list.entries().get(self.place_of_each(id, start))?;
        (Line::from(entry).id == id).then_some(entry)
    }

    /// The place of a line or, if it isn't there, of what comes behind it. `start`: when it
    /// began, if that is known.
    pub(super) fn place(&self, id: LineId, start: Option<i64>) -> usize {
        self.line_of(self.place_of_each(id, start))
    }

    /// The line of what is at a place among each.
    pub(super) fn line_of(&self, at: usize) -> usize {
        match self {
            Self::Connections(list) => list.told().row_of(list.entries(), at),
            Self::Events(_) => at,
        }
    }

    fn place_of_each(&self, id: LineId, start: Option<i64>) -> usize {
        match (self, id) {
            (Self::Events(view), LineId::Item(number)) => view.place(number),
            (Self::Connections(list), LineId::Connection(id)) => {
                let entries = list.entries();
                let wanted = Some(id);
                let from = start.map_or(0, |start| {
                    entries.partition_point(|entry| (entry.start, entry.id) < (start, wanted))
                });
                let is = |entry: &Entry| entry.id == wanted;
                match entries.get(from) {
                    Some(entry) if is(entry) => from,
                    _ => entries.iter().position(is).unwrap_or(from),
                }
            }
            // A mark or a denied request among connections.
            (Self::Connections(list), LineId::Item(number)) => {
                let entries = list.entries();
                let is = |entry: &Entry| entry.id.is_none() && entry.number == number;
                let from = start.map_or(0, |start| {
                    entries.partition_point(|entry| entry.start < start)
                });
                let found = entries[from..].iter().position(is).map(|at| from + at);
                found.or_else(|| entries.iter().position(is)).unwrap_or(0)
            }
            (Self::Events(_), LineId::Connection(_)) => 0,
        }
    }
}
