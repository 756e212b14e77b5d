//! The details of a connection or an event: what happened, why, since when, what would allow it; then
//! everything.

mod document;
mod fields;
mod history;
mod lines;
mod outcome;
mod related;
mod requests;

use std::collections::HashSet;

use flow::{
    rows::{Judged, Row},
    time::Zone,
};
use proto::{
    flow::Flow,
    flows::v1::{ExplainResponse, Suggestion},
};

use history::History;
pub(crate) use lines::{Document, Span, Style};
pub(crate) use related::Related;

use super::{
    changes::Changes,
    data::{ConnectionEnds, Data, EndsKey, LineId},
    incidents::Cause,
    source::FlowSource,
};

/// Time without a change of the selection before a server is asked, ns.
const QUIET: i64 = 120_000_000;

/// Least time between two looks for what is related, ns.
const LOOK: i64 = 1_000_000_000;

/// What a server says of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Explained {
    /// Nobody was asked yet.
    #[default]
    NotAsked,
    /// The answer is on its way.
    Asked,
    /// The answer.
    Answer(Box<ExplainResponse>),
    /// There is none, and why.
    None(String),
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    /// What stands in the line.
    pub(crate) line: LineId,
    /// Number of the event that explains it.
    pub(crate) number: u64,
    /// If it is a connection or a denied request: how it stands, as far as that could still be read.
    pub(crate) connection: Option<Whole>,
    /// What became of others of its pair, as far as they are held.
    history: Option<History>,
    /// If they are of an incident: which.
    incident: Option<Box<Cause>>,
    /// All of it; `None` if it has left the store.
    pub(crate) flow: Option<Box<Flow>>,
    pub(crate) explained: Explained,
    pub(crate) related: Related,
    /// Lines above the first one that is seen.
    pub(crate) scroll: usize,
    /// Keys move here, not in the table.
    pub(crate) focus: bool,
    /// The table is hidden.
    pub(crate) zoom: bool,
    /// When this flow was selected.
    since: i64,
    /// Version of the data that was looked through for what is related, and when.
    looked: (u64, i64),
    /// Which ids connections had.
    ids: (u64, u64),
}

/// What the details are written with.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) data: &'a Data,
    pub(crate) changes: &'a Changes,
    pub(crate) from: &'a FlowSource,
    pub(crate) zone: &'a Zone,
    /// Unix ns.
    pub(crate) now: i64,
}

fn history(line: LineId, data: &Data) -> Option<History> {
    match line {
        LineId::Connection(id) => History::of(id, data),
        LineId::Item(_) => None,
    }
}

/// Between which ends the connections are that are one line, or that carried the requests which are.
fn alike(line: LineId, data: &Data) -> HashSet<EndsKey> {
    let ends = |line: LineId| match line {
        LineId::Connection(id) => data.ends(id),
        LineId::Item(number) => Some(ConnectionEnds::of_event(data.row(number)?)?[0]),
    };
    let ends = data.alike(line).filter_map(ends);
    ends.map(|ends| ends.key()).collect()
}

/// A connection, or a denied request, as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    pub(crate) row: Row,
    ends: ConnectionEnds,
    /// How it was judged when it was explained.
    judged: Judged,
}

impl Whole {
    fn of(line: LineId, data: &Data) -> Option<Self> {
        let row = data.line_row(line)?;
        let ends = match line {
            LineId::Connection(id) => data.ends(id)?,
            LineId::Item(number) => ConnectionEnds::of_event(data.row(number)?)?[0],
        };
        Some(Self {
            judged: row.judged,
            ends,
            row,
        })
    }
}

impl Details {
    pub(crate) fn new(line: LineId, data: &Data, now: i64) -> Self {
        let number = data.number(line).unwrap_or_default();
        Self {
            line,
            number,
            connection: Whole::of(line, data),
            history: history(line, data),
            incident: None,
            flow: data.snapshot().message(number).map(Box::new),
            explained: Explained::default(),
            related: Related::of(number, &alike(line, data), data),
            scroll: 0,
            focus: false,
            zoom: false,
            since: now - QUIET,
            looked: (data.version(), now),
            ids: data.ids(),
        }
    }

    /// Of an incident: those of its last connection, which stay while others come.
    pub(crate) fn of_incident(cause: &Cause, data: &Data, now: i64) -> Self {
        Self {
            incident: Some(Box::new(cause.clone())),
            ..Self::new(cause.newest, data, now)
        }
    }

    /// Shows another incident, or what the same one has become.
    pub(crate) fn change_incident(&mut self, cause: &Cause, data: &Data, now: i64) {
        match &mut self.incident {
            // Another store has other ids.
            Some(known) if known.id == cause.id && self.ids == data.ids() => {
                **known = cause.clone();
            }
            _ => {
                *self = Self {
                    focus: self.focus,
                    zoom: self.zoom,
                    since: now,
                    ..Self::of_incident(cause, data, now)
                };
            }
        }
    }

    /// Shows another line, or what the same one has become.
    pub(crate) fn change(&mut self, line: LineId, data: &Data, now: i64) {
        if line == self.line && self.connection.is_none() {
            return;
        }
        let whole = Whole::of(line, data);
        let same = match (&whole, &self.connection) {
            // Younger events of it explain the same.
            (Some(new), Some(old)) => new.ends.is_same(&old.ends) && new.judged == old.judged,
            (None, _) => line == self.line,
            (Some(_), None) => false,
        };
        if same {
            self.moved(line, data);
            self.connection = whole.or(self.connection.take());
            return;
        }
        *self = Self {
            focus: self.focus,
            zoom: self.zoom,
            since: now,
            ..Self::new(line, data, now)
        };
    }

    /// Shows the same, which is another line of perhaps another store.
    pub(crate) fn moved(&mut self, line: LineId, data: &Data) {
        if std::mem::replace(&mut self.ids, data.ids()) != self.ids {
            self.number = data.number(line).unwrap_or(self.number);
            // The answer on its way is about another number.
            if self.explained == Explained::Asked {
                self.explained = Explained::NotAsked;
            }
        }
        self.line = line;
    }

    /// Looks for what is related among what came since.
    pub(crate) fn refresh(&mut self, data: &Data, now: i64) {
        let (version, then) = self.looked;
        if version != data.version() && now - then >= LOOK && data.row(self.number).is_some() {
            self.related = Related::of(self.number, &alike(self.line, data), data);
            self.history = history(self.line, data).or(self.history);
            self.looked = (data.version(), now);
        }
    }

    /// The flow to ask a server about, once the selection rests.
    pub(crate) fn ask(&mut self, now: i64) -> Option<Box<Flow>> {
        if self.explained != Explained::NotAsked || now - self.since < QUIET {
            return None;
        }
        let flow = self.flow.clone()?;
        self.explained = Explained::Asked;
        Some(flow)
    }

    fn answer(&self) -> Option<&ExplainResponse> {
        match &self.explained {
            Explained::Answer(answer) => Some(answer),
            Explained::NotAsked | Explained::Asked | Explained::None(_) => None,
        }
    }

    /// The smallest rules that would allow it, as the server says.
    pub(crate) fn suggestions(&self) -> &[Suggestion] {
        let now = self.answer().and_then(|answer| answer.now.as_ref());
        now.map_or(&[], |now| &now.suggestions)
    }

    /// The command that asks for the decision again.
    pub(crate) fn command(&self) -> Option<&str> {
        let command = self.answer().map(|answer| answer.command.as_str());
        command.filter(|command| !command.is_empty())
    }

    /// All of it, in words.
    pub(crate) fn document(&self, known: &Known<'_>) -> Document {
        document::write(self, known)
    }
}
