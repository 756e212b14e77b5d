//! The table of connections.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use client::connections::{Entry, Told, denied_request, view};
use client::view::Match;
use client::{Row as FlowRow, Snapshot};
use flow::FlowView as _;
use flow::attribute::{AttributeId, SortKey};
use flow::connection::{Connection, ConnectionView};
use flow::print::csv;
use flow::quantity;
use flow::request::RequestView;
use flow::rows::{Judged, Row as FlowsRow};

use super::flow_query::{self, Times, for_connections};
use super::rows::{self, Carried, Row, Rows, Sort};
use super::{Answer, compute, milliseconds};
use crate::app_state::{AppState, ConnectionQuery, ConnectionSnapshot, Generation};
use crate::flow_id::{ConnectionId, FlowId};
use crate::params::Params;
use crate::problem::Problem;

/// Entries whose keys are read at once.
const PART: usize = 20_000;
/// How often a table is begun again because older flows were put before all others.
pub(super) const TRIES: usize = 4;

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Rows> {
    let known = ["at", "sort", "offset", "limit", "columns", "fold"];
    let known = [&flow_query::PARAMETERS[..], &known].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    for_connections(&flow_query)?;
    let times = Times::read(&params)?;
    let columns = rows::chosen(&params, rows::CONNECTION)?;
    let sort = Sort::read(&params, "-timestamp")?;
    let at: Option<u64> = params.value("at")?;
    let offset: usize = params.value("offset")?.unwrap_or(0);
    let limit = params.number("limit", 100, 1..=1000)?;
    let fold = params.value("fold")?.unwrap_or(false);
    let rows = compute(app, move |app| {
        let wanted = app.connections(&flow_query, at)?;
        for _ in 0..TRIES {
            let held = (&times, at.is_some());
            let Some(picked) = Picked::read(app, &wanted, held, sort, fold) else {
                continue;
            };
            let entries = &picked.entries;
            let found = app.look(&wanted, |known| {
                let part = entries.iter().skip(offset).take(limit);
                (known.generation == picked.generation).then(|| Rows {
                    rows: part
                        .filter_map(|entry| match fold {
                            true => told(known, &times, entry, &columns),
                            false => row(known, entry, &columns),
                        })
                        .collect(),
                    columns: rows::names(&columns),
                    total: entries.len(),
                    flows: picked.flows,
                    first: known.snapshot.range().start,
                    at: picked.at,
                })
            });
            if let Some(rows) = found {
                return Ok(rows);
            }
        }
        Err(moved())
    });
    Ok(Json(rows.await?))
}

/// A table: its entries in their order.
pub(super) struct Picked {
    pub(super) entries: Vec<Entry>,
    /// How many connections and requests they stand for.
    flows: usize,
    /// What they mean something in.
    pub(super) generation: Generation,
    pub(super) snapshot: Snapshot,
    /// The last number that was looked at.
    at: u64,
}

impl Picked {
    /// Those that lived in a time, sorted. They are sorted with nothing locked, and what they are sorted by is
    /// read a part at a time: who has new flows to join doesn't wait for a long table. `None`: all were joined
    /// anew meanwhile. `is_held`: the present is the moment that is looked at; `fold`: what is alike is one.
    pub(super) fn read(
        app: &AppState,
        wanted: &ConnectionQuery,
        (times, is_held): (&Times, bool),
        sort: Sort,
        fold: bool,
    ) -> Option<Self> {
        let mut this = app.look(wanted, |known| {
            let mut times = times.clone();
            if is_held {
                times.hold_at(known.now);
            }
            let entries: Vec<Entry> = picked(known, &times).into_iter().copied().collect();
            Self {
                flows: entries.iter().filter(|entry| !entry.is_mark()).count(),
                entries: match fold {
                    true => folded(&entries).collect(),
                    false => entries,
                },
                generation: known.generation,
                snapshot: known.snapshot.clone(),
                at: known.at,
            }
        });
        // In the order in which they began they are already.
        if sort.column != AttributeId::Timestamp {
            let mut keyed: Vec<(SortKey, Entry)> = Vec::with_capacity(this.entries.len());
            for part in this.entries.chunks(PART) {
                app.look(wanted, |known| {
                    let key = |entry: &Entry| {
                        let shown = Shown::read(known, entry);
                        shown.map_or(SortKey::None, |shown| shown.key(sort.column))
                    };
                    let same = known.generation == this.generation;
                    same.then(|| keyed.extend(part.iter().map(|entry| (key(entry), *entry))))
                })?;
            }
            // What is equal stays in the order in which it began.
            keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
            this.entries = keyed.into_iter().map(|(_, entry)| entry).collect();
        }
        if sort.down {
            this.entries.reverse();
        }
        Some(this)
    }
}

/// Older flows come again and again.
pub(super) fn moved() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "older flows were added meanwhile, retry",
    )
}

/// Those that lived in a time, and the marks of it; the oldest first.
pub(super) fn picked<'a>(known: &ConnectionSnapshot<'a>, times: &Times) -> Vec<&'a Entry> {
    let lived = lived(times);
    let entries = known.list.entries().iter();
    entries.filter(|entry| lived(entry)).collect()
}

/// The same where those that are alike are one, in the place of the first.
fn folded(entries: &[Entry]) -> impl Iterator<Item = Entry> {
    let told = Told::of(entries);
    (0..told.len()).filter_map(move |at| told.get(entries, at))
}

/// The newest rows of a time, the newest first, and how many there are, and of how many connections.
pub(super) fn newest(
    known: &ConnectionSnapshot<'_>,
    times: &Times,
    most: usize,
) -> (Vec<Entry>, usize, usize) {
    let read = |entries: &[Entry], told: &Told| {
        let rows = (0..told.len()).rev().take(most);
        let rows = rows.filter_map(|at| told.get(entries, at)).collect();
        (rows, told.len())
    };
    if times.is_all() {
        let list = known.list;
        let (rows, total) = read(list.entries(), list.told());
        return (rows, total, list.connections());
    }
    let entries: Vec<Entry> = picked(known, times).into_iter().copied().collect();
    let flows = entries.iter().filter(|entry| !entry.is_mark()).count();
    let (rows, total) = read(&entries, &Told::of(&entries));
    (rows, total, flows)
}

/// Whether one lived in a time.
pub(super) fn lived(times: &Times) -> impl Fn(&Entry) -> bool + use<> {
    let (from, to) = times.bounds();
    move |entry| entry.start <= 0 || entry.start <= to && entry.last >= from
}

/// What an entry stands for, as it is shown.
pub(super) enum Shown<'a> {
    Connection(Box<(Connection<'a, u64>, ConnectionView<'a, FlowRow>)>),
    /// A denied one.
    Request(RequestView<'a, FlowRow>),
}

impl<'a> Shown<'a> {
    /// `None` of a mark, and of what is held no longer.
    pub(super) fn read(known: &ConnectionSnapshot<'a>, entry: &Entry) -> Option<Self> {
        if entry.is_request() {
            return denied_request(known.snapshot, entry.number).map(Self::Request);
        }
        let (connection, view) = read(known, entry)?;
        Some(Self::Connection(Box::new((connection, view))))
    }

    fn key(&self, column: AttributeId) -> SortKey {
        match self {
            Self::Connection(shown) => column.key(&shown.1),
            Self::Request(view) => column.key(view),
        }
    }

    /// A line of CSV.
    pub(super) fn csv(&self, columns: &[AttributeId]) -> String {
        match self {
            Self::Connection(shown) => csv::row(&shown.1, columns),
            Self::Request(view) => csv::row(view, columns),
        }
    }
}

/// The connection of an entry, as it is shown: with the time at which it began. `None` of what is none, and of
/// one whose flows are held no longer.
pub(super) fn read<'a>(
    known: &ConnectionSnapshot<'a>,
    entry: &Entry,
) -> Option<(Connection<'a, u64>, ConnectionView<'a, FlowRow>)> {
    let connection = known.connection(entry)?;
    let view = view(&connection, known.snapshot, known.now)?.begun(connection.start());
    Some((connection, view))
}

/// The row of an entry.
pub(super) fn row(
    known: &ConnectionSnapshot<'_>,
    entry: &Entry,
    columns: &[AttributeId],
) -> Option<Row> {
    if entry.is_mark() {
        return Row::of(known.snapshot, entry.number, columns);
    }
    Some(match Shown::read(known, entry)? {
        Shown::Connection(shown) => of(&shown.0, &shown.1, columns),
        Shown::Request(view) => {
            of_request(known.snapshot.row(entry.number)?, &view, entry, columns)
        }
    })
}

/// The row of an entry and of all that are alike and lived in a time.
pub(super) fn told(
    known: &ConnectionSnapshot<'_>,
    times: &Times,
    entry: &Entry,
    columns: &[AttributeId],
) -> Option<Row> {
    let mut row = row(known, entry, columns)?;
    let within = (!times.is_all()).then(|| times.bounds());
    let all = known
        .list
        .row(entry, within, known.joined, known.snapshot, known.now);
    let Some(all) = all.filter(|all| all.connections > 1) else {
        return Some(row);
    };
    for (column, cell) in columns.iter().zip(&mut row.cells) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are alike, or those of the first"
        )]
        let text = match column {
            AttributeId::Source => format!("{} ->", all.source.full()),
            AttributeId::Why => all.why_asked().unwrap_or_else(|| all.why.clone()),
            AttributeId::State => all.state(),
            AttributeId::Bytes => quantity::bytes(all.bytes),
            AttributeId::Rtt => String::new(),
            AttributeId::Age => quantity::span(all.facts.age_ns),
            _ => continue,
        };
        *cell = text;
    }
    row.requests = Carried::of_row(&all);
    row.connections = Some(all.connections);
    Some(row)
}

/// The row of a denied request.
fn of_request(
    row: &FlowRow,
    view: &RequestView<'_, FlowRow>,
    entry: &Entry,
    columns: &[AttributeId],
) -> Row {
    Row {
        seq: entry.number,
        id: Some(FlowId::of(row).to_string()),
        time: milliseconds(entry.start),
        kind: "request",
        verdict: Some(view.verdict().as_str_name()),
        judged: Some(Judged::of(view).name()),
        cells: rows::cells_with(view, columns, |column| {
            // What was asked, too; the reason is in its details.
            (column == AttributeId::Why)
                .then(|| FlowsRow::of_request(view, true).map(|row| row.why))
                .flatten()
        }),
        ..Row::default()
    }
}

/// The row of a connection.
pub(super) fn of(
    connection: &Connection<'_, u64>,
    view: &ConnectionView<'_, FlowRow>,
    columns: &[AttributeId],
) -> Row {
    Row {
        seq: *connection.deciding(),
        id: Some(ConnectionId::of(connection).to_string()),
        time: milliseconds(connection.start()),
        kind: "connection",
        verdict: Some(view.verdict().as_str_name()),
        judged: Some(Judged::of(view).name()),
        cells: rows::cells_with(view, columns, |column| {
            let is_other = matches!(column, AttributeId::State | AttributeId::Why);
            let row = (is_other && view.requests().total > 0)
                .then(|| FlowsRow::new(connection, view, true))??;
            match column == AttributeId::State {
                true => Some(row.state()),
                false => row.why_asked(),
            }
        }),
        requests: Carried::of(view),
        ..Row::default()
    }
}

/// For counts over time: when each began.
pub(super) fn matches<'a>(
    known: &ConnectionSnapshot<'a>,
) -> impl Iterator<Item = Match> + Clone + use<'a> {
    known.list.entries().iter().map(Entry::as_match)
}
