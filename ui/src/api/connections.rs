//! The table of connections.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::Row as FlowRow;
use client::connections::{Entry, view};
use client::view::Match;
use flow::FlowView as _;
use flow::attribute::{AttributeId, SortKey};
use flow::connection::{Connection, ConnectionView};
use flow::rows::Judged;

use super::flow_query::{self, Times, for_connections};
use super::rows::{self, Row, Rows, Sort};
use super::{Answer, compute, milliseconds};
use crate::app_state::{AppState, ConnectionSnapshot};
use crate::flow_id::ConnectionId;
use crate::params::Params;

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Rows> {
    let known = ["at", "sort", "offset", "limit", "columns"];
    let known = [&flow_query::PARAMETERS[..], &known].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    for_connections(&flow_query)?;
    let mut times = Times::read(&params)?;
    let columns = rows::chosen(&params, rows::CONNECTION)?;
    let sort = Sort::read(&params, "-timestamp")?;
    let at: Option<u64> = params.value("at")?;
    let offset: usize = params.value("offset")?.unwrap_or(0);
    let limit = params.number("limit", 100, 1..=1000)?;
    let rows = compute(app, move |app| {
        let wanted = app.connections(&flow_query, at)?;
        Ok(app.look(&wanted, |known| {
            if at.is_some() {
                times.hold_at(known.now);
            }
            let picked = sorted(known, picked(known, &times), sort);
            let part = picked.iter().skip(offset).take(limit);
            Rows {
                rows: part
                    .filter_map(|entry| row(known, entry, &columns))
                    .collect(),
                columns: rows::names(&columns),
                total: picked.len(),
                flows: picked.iter().filter(|entry| entry.id.is_some()).count(),
                first: known.snapshot.range().start,
                at: known.at,
            }
        }))
    });
    Ok(Json(rows.await?))
}

/// Those that lived in a time, and the marks of it; the oldest first.
pub(super) fn picked<'a>(known: &ConnectionSnapshot<'a>, times: &Times) -> Vec<&'a Entry> {
    let lived = lived(times);
    let entries = known.cached.list.entries().iter();
    entries.filter(|entry| lived(entry)).collect()
}

/// Whether one lived in a time.
pub(super) fn lived(times: &Times) -> impl Fn(&Entry) -> bool + use<> {
    let (from, to) = times.bounds();
    move |entry| entry.start <= 0 || entry.start <= to && entry.last >= from
}

/// In the order of a column; what is equal there stays in the order in which it began.
pub(super) fn sorted<'a>(
    known: &ConnectionSnapshot<'_>,
    mut entries: Vec<&'a Entry>,
    sort: Sort,
) -> Vec<&'a Entry> {
    if sort.column != AttributeId::Timestamp {
        entries.sort_by_cached_key(|entry| {
            let read = read(known, entry);
            read.map_or(SortKey::None, |(_, view)| sort.column.key(&view))
        });
    }
    if sort.down {
        entries.reverse();
    }
    entries
}

/// What an entry stands for, as it is shown: with the time at which it began. `None` of a mark, and of
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
    if entry.id.is_none() {
        return Row::of(known.snapshot, entry.number, columns);
    }
    let (connection, view) = read(known, entry)?;
    Some(of(&connection, &view, columns))
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
        cells: rows::cells(view, columns),
        lost: None,
    }
}

/// For counts over time: when each began.
pub(super) fn matches<'a>(
    known: &ConnectionSnapshot<'a>,
) -> impl Iterator<Item = Match> + Clone + use<'a> {
    known.cached.list.entries().iter().map(Entry::as_match)
}
