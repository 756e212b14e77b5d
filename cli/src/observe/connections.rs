//! Connections instead of events: one row each.
//!
//! On a terminal rows fit the line, denials of one cause are one row, and with `-f` what isn't over is
//! kept up to date below what is. Elsewhere each connection is one line, in full, with `-f` as soon as
//! its fate is known. With `--aggregate-by` they are counted in groups. A denied request of layer 7 is a row
//! of its own, as if it were a denied connection.

mod live;
mod requests;
mod rows;
mod sums;

use std::{
    collections::HashSet,
    io::{self, Write},
    time::{Duration, Instant, SystemTime},
};

use flow::{
    Filter,
    aggregate::Aggregator,
    connection::{Connection, ConnectionView, Connections, State, TupleId},
    filter::Program,
    rows::{Row, by_time, folded},
};
use proto::{
    flow::{Flow, LostEvent},
    google::Timestamp,
    observer::{GetFlowsRequest, GetFlowsResponse},
};

use super::{groups::Groups, request::Selection, view::View};
use crate::text::grouped;
use live::Live;
use requests::DeniedRequests;
use rows::{RowId, Table, Told};
use sums::{Held, Sums};

/// Between two refreshes on a terminal.
const REFRESH: Duration = Duration::from_millis(250);
/// Between two looks for what has become of connections, elsewhere.
const LOOK: Duration = Duration::from_secs(1);
/// What is open is told after so long (ns), though it isn't over.
const OPEN: i64 = 5_000_000_000;
/// What isn't TCP and has been answered is taken to be over after so long (ns).
const ANSWERED: i64 = 1_000_000_000;
/// What is over and told is forgotten after so long (ns).
const LINGER: i64 = 30_000_000_000;

/// How many rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Most {
    /// All.
    All,
    /// The oldest.
    First(u64),
    /// The newest.
    Last(u64),
}

impl Most {
    /// As the flags say; of groups that of which nothing is said are all that came.
    pub(super) fn of(selection: &Selection, request: &GetFlowsRequest, in_groups: bool) -> Self {
        match (selection.first, request.number) {
            (0, _) if in_groups && selection.last == 0 => Self::All,
            (0, 0 | u64::MAX) => Self::All,
            (0, last) => Self::Last(last),
            (first, _) => Self::First(first),
        }
    }

    /// How many; `None` of all.
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::All => None,
            Self::First(number) | Self::Last(number) => Some(number),
        }
    }
}

/// What the present is, for flows of the past.
#[derive(Clone, Copy, Debug)]
pub(super) enum Present {
    /// That of the clock.
    Now,
    /// The end of what was asked for (Unix ns).
    Until(i64),
    /// The time of the newest flow: of a file.
    Newest,
}

impl Present {
    /// Of a request to a server, or of a file.
    pub(super) fn of(request: &GetFlowsRequest, is_file: bool) -> Self {
        match (is_file, request.until) {
            (true, _) => Self::Newest,
            (false, Some(until)) => Self::Until(until.unix_nanos()),
            (false, None) => Self::Now,
        }
    }
}

/// Joins events, and shows the connections.
pub(crate) struct ConnectionRows {
    joined: Connections<Box<Flow>>,
    /// Requests that the filter lets through.
    requests: DeniedRequests,
    filter: Program,
    table: Table,
    live: Option<Live>,
    /// What they are counted in, if they are not to be seen one by one.
    sums: Option<Sums>,
    follow: bool,
    present: Present,
    is_terminal: bool,
    most: Most,
    translate: bool,
    looked: Instant,
    /// Whose events came since the last look.
    touched: Vec<TupleId>,
    /// What there was of the history has been shown.
    has_looked: bool,
    /// Events that came.
    events: u64,
    /// Why nothing came, if that is known.
    why_nothing: Option<String>,
    /// Connections that came through the filter, at the end.
    shown: u64,
}

impl ConnectionRows {
    pub(super) fn new(
        view: &View,
        filter: &Filter,
        follow: bool,
        present: Present,
        most: Most,
        groups: Option<(Groups, Aggregator)>,
    ) -> Self {
        let is_terminal = view.is_terminal;
        Self {
            joined: Connections::default(),
            requests: DeniedRequests::default(),
            filter: filter.program(),
            table: Table::new(view),
            live: (follow && is_terminal).then(Live::default),
            sums: groups.map(Sums::new),
            follow,
            present,
            is_terminal,
            most,
            translate: view.options.translate,
            looked: Instant::now(),
            touched: Vec::new(),
            has_looked: false,
            events: 0,
            why_nothing: None,
            shown: 0,
        }
    }

    /// Takes an event in.
    pub(crate) fn push(&mut self, flow: &Flow) {
        self.events += 1;
        if self.sums.is_none() {
            self.requests.push(flow, &mut self.filter, self.translate);
        }
        if let Some(id) = self.joined.push(flow, || Box::new(flow.clone()))
            && self.touched.last() != Some(&id)
            && self.follow
            && self.sums.is_none()
        {
            self.touched.push(id);
        }
        if self.follow && self.sums.is_some() && self.events.is_multiple_of(sums::LOOK) {
            let now = self.now();
            if let Some((sums, mut held)) = self.held(now) {
                sums.make_room(&mut held);
            }
        }
    }

    /// What is counted in groups, if anything is, and all that is held.
    fn held(&mut self, now: i64) -> Option<(&mut Sums, Held<'_>)> {
        let Self {
            sums,
            joined,
            filter,
            ..
        } = self;
        let held = Held {
            joined,
            filter,
            now,
        };
        Some((sums.as_mut()?, held))
    }

    /// Takes note of what a node lost.
    pub(crate) fn lost(&mut self, response: &GetFlowsResponse, lost: &LostEvent) {
        let last = lost.last.or(response.time).unwrap_or_default();
        let first = lost.first.unwrap_or(last);
        let time = (first.unix_nanos(), last.unix_nanos());
        self.joined
            .lost(&response.node_name, time, lost.num_events_lost);
    }

    /// How many connections are there that the filter lets through: rows, as they are shown.
    pub(crate) fn count(&mut self) -> u64 {
        let now = self.now();
        if let Some((_, mut held)) = self.held(now) {
            return u64::try_from(held.matching().len()).unwrap_or(u64::MAX);
        }
        let rows = self.rows();
        u64::try_from(rows.len()).unwrap_or(u64::MAX)
    }

    /// What is to be said at the end: why nothing is there, or not all.
    pub(crate) fn note(&self) -> Option<String> {
        if self.follow && self.sums.is_none() {
            return None;
        }
        let forgotten = self.joined.forgotten() + self.requests.forgotten();
        if forgotten > 0 {
            let forgotten = grouped(forgotten);
            return Some(format!(
                "{forgotten} connections were left out for want of room: narrow the time or the filter"
            ));
        }
        (self.shown == 0 && !self.follow).then(|| match self.joined.len() {
            0 => {
                let why = self.why_nothing.as_deref();
                why.unwrap_or("0 connections").to_owned()
            }
            looked_at => format!(
                "0 connections match; {} that came near the filter don't",
                grouped(u64::try_from(looked_at).unwrap_or(u64::MAX))
            ),
        })
    }

    /// Whether no connection came near the filter.
    pub(super) fn is_empty(&self) -> bool {
        self.joined.is_empty()
    }

    /// What to say if nothing is shown, in more words.
    pub(super) fn explain_nothing(&mut self, why: Option<String>) {
        self.why_nothing = why;
    }

    /// How many are wanted.
    pub(super) fn most(&self) -> Most {
        self.most
    }

    /// Starts again, for an answer that has more.
    pub(super) fn clear(&mut self) {
        self.joined = Connections::default();
        self.requests = DeniedRequests::default();
        self.events = 0;
    }

    /// When the next look is due.
    pub(crate) fn refreshes_in(&self) -> Option<Duration> {
        if let Some(sums) = &self.sums {
            return sums.refreshes_in();
        }
        let every = if self.live.is_some() { REFRESH } else { LOOK };
        let left = every.saturating_sub(self.looked.elapsed());
        self.follow.then(|| left.max(Duration::from_millis(10)))
    }

    /// Shows what has become of connections, if it is time.
    pub(crate) fn refresh(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let every = if self.live.is_some() { REFRESH } else { LOOK };
        let is_due = match &self.sums {
            Some(sums) => sums.is_due(),
            None => self.looked.elapsed() >= every,
        };
        if !self.follow || !is_due {
            return Ok(());
        }
        self.looked = Instant::now();
        self.look(out, false)
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.follow {
            return self.look(out, true);
        }
        let (most, now) = (self.most, self.now());
        if let Some((sums, held)) = self.held(now) {
            self.shown = sums.finish(most, held, out)?;
            return Ok(());
        }
        let mut rows = self.rows();
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match self.most {
            Most::All => {}
            Most::First(first) => rows.truncate(number(first)),
            Most::Last(last) => {
                rows.drain(..rows.len().saturating_sub(number(last)));
            }
        }
        self.shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        self.table.print(&rows, out)
    }

    /// All rows, by time.
    fn rows(&mut self) -> Vec<Row> {
        let now = self.now();
        let mut rows: Vec<Row> = self.requests.rows().cloned().collect();
        for connection in self.joined.iter() {
            rows.extend(row(&connection, now, &mut self.filter, self.translate));
        }
        match self.is_terminal {
            true => folded(rows),
            false => {
                by_time(&mut rows);
                rows
            }
        }
    }

    /// The present or, of flows up to a moment or of a file, that moment or the time of the newest: what
    /// was open then is open.
    fn now(&self) -> i64 {
        let newest = self.joined.newest().unwrap_or(0);
        let present = Timestamp::from(SystemTime::now()).unix_nanos();
        match self.present {
            Present::Newest => newest,
            Present::Until(until) => newest.max(until.min(present)),
            Present::Now => newest.max(present),
        }
    }

    /// Of the history only so many are wanted: the others are taken for told.
    fn leave_out_history(&mut self, rows: &mut Vec<Told>) {
        rows.sort_by_key(|(_, row, _)| row.last);
        let last = match self.most {
            Most::Last(last) => usize::try_from(last).unwrap_or(usize::MAX),
            Most::All | Most::First(_) => return,
        };
        let older = rows.len().saturating_sub(last);
        for (id, row, _) in rows.drain(..older) {
            match &mut self.live {
                Some(live) => live.is_done(id, &row),
                None => self.table.is_told(id, &row),
            }
        }
    }

    /// With `-f`: shows what is new.
    fn look(&mut self, out: &mut dyn Write, is_end: bool) -> io::Result<()> {
        let now = self.now();
        let (most, has_looked) = (self.most, self.has_looked);
        if let Some((sums, mut held)) = self.held(now) {
            if !has_looked {
                Sums::leave_out(most, &mut held);
            }
            sums.look(held, out)?;
            self.has_looked = true;
            return Ok(());
        }
        self.touched.sort_unstable();
        self.touched.dedup();
        // What waits for its fate is looked at again.
        let mut waiting = Vec::new();
        let requests = self.requests.take();
        let mut new: Vec<Told> = requests
            .map(|(number, row)| (RowId::Request(number), row, true))
            .collect();
        let looked: HashSet<TupleId> = self.touched.iter().copied().collect();
        for id in std::mem::take(&mut self.touched) {
            let connections = self.joined.of(id);
            // Of what a proxy told first the packets are still to come.
            let last = self.joined.last_of(id).unwrap_or(i64::MIN);
            let mut is_over = !connections.is_empty() || now.saturating_sub(last) > LINGER;
            for connection in &connections {
                let state = connection.state(now);
                let is_told = is_end || is_told(connection, state, now);
                is_over &= is_past(connection, now, LINGER);
                let row = row(connection, now, &mut self.filter, self.translate);
                new.extend(row.map(|row| (RowId::Connection(connection.id()), row, is_told)));
            }
            match is_over {
                true => self.joined.forget(id),
                false => waiting.push(id),
            }
        }
        self.touched = waiting;
        if !std::mem::replace(&mut self.has_looked, true) {
            self.leave_out_history(&mut new);
        }
        let joined = &self.joined;
        let is_held = |tuple| joined.holds(tuple);
        match &mut self.live {
            Some(live) => {
                live.forget(is_held);
                live.show(new, &looked, &mut self.table, out, now, is_end)
            }
            None => {
                self.table.forget(is_held);
                self.table.append(new, out)
            }
        }
    }
}

/// Whether a connection has been over for longer than so long (ns).
fn is_past(connection: &Connection<'_, Box<Flow>>, now: i64, linger: i64) -> bool {
    let state = connection.state(now);
    let ends = state.is_final() || state == State::Answered;
    ends && now.saturating_sub(connection.last()) > linger
}

/// Whether enough is known to tell of a connection.
fn is_told(connection: &Connection<'_, Box<Flow>>, state: State, now: i64) -> bool {
    match state {
        State::Denied | State::NoAnswer | State::Refused | State::Reset | State::Closed => true,
        State::Opening => false,
        State::Open => now.saturating_sub(connection.start()) > OPEN,
        State::Answered => now.saturating_sub(connection.last()) > ANSWERED,
    }
}

/// The row of a connection, if the filter lets it through.
fn row(
    connection: &Connection<'_, Box<Flow>>,
    now: i64,
    filter: &mut Program,
    translate: bool,
) -> Option<Row> {
    let view = ConnectionView::new(connection, now, |flow| Some(&**flow))?;
    filter.matches(&view).then_some(())?;
    Row::new(connection, &view, translate)
}
