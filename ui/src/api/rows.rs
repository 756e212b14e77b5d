//! The table: columns and rows.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::view::Match;
use client::{Item, Marker, Row as FlowRow, Snapshot, View};
use flow::FlowView;
use flow::attribute::{Align, Attribute, AttributeId, Cells, SortKey};
use flow::connection::ConnectionView;
use flow::time::{TimeFormat, Zone};
use serde::Serialize;

use super::flow_query::{self, Times};
use super::{Answer, compute, milliseconds};
use crate::app_state::{AppState, CachedView};
use crate::flow_id::FlowId;
use crate::params::Params;
use crate::problem::Problem;

/// Columns of a table of connections, if nothing is said.
pub(super) const CONNECTION: &[AttributeId] = &[
    AttributeId::Timestamp,
    AttributeId::Source,
    AttributeId::Destination,
    AttributeId::Verdict,
    AttributeId::Why,
    AttributeId::State,
    AttributeId::Bytes,
    AttributeId::Rtt,
    AttributeId::Age,
];

#[derive(Serialize)]
pub(super) struct Columns {
    columns: Vec<AboutColumn>,
    connections: Vec<&'static str>,
}

#[derive(Serialize)]
struct AboutColumn {
    name: &'static str,
    heading: &'static str,
    width: usize,
    help: &'static str,
    default: bool,
    number: bool,
}

pub(super) async fn columns() -> Json<Columns> {
    let columns = Attribute::columns().map(|about| AboutColumn {
        name: about.name,
        heading: about.layout().heading,
        width: about.layout().width,
        help: about.help(),
        default: Attribute::WIDE.contains(&about.id),
        number: about.layout().align == Align::Right,
    });
    Json(Columns {
        columns: columns.collect(),
        connections: names(CONNECTION),
    })
}

/// A row of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Row {
    /// Of a connection that of the flow which explains it.
    pub(super) seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) time: f64,
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<&'static str>,
    /// Of a connection: how it was judged, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) judged: Option<&'static str>,
    pub(super) cells: Vec<String>,
    /// Of a connection on which a proxy read requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requests: Option<Carried>,
    /// Of several connections that are alike: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) connections: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lost: Option<u64>,
}

/// How many requests a connection carried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Carried {
    total: u64,
    denied: u64,
    failed: u64,
}

impl Carried {
    pub(super) fn of(view: &ConnectionView<'_, FlowRow>) -> Option<Self> {
        let carried = view.requests();
        (carried.total > 0).then_some(Self {
            total: carried.total,
            denied: carried.denied,
            failed: carried.failed,
        })
    }

    pub(super) fn of_row(row: &flow::rows::Row) -> Option<Self> {
        let carried = &row.requests;
        (carried.total > 0).then_some(Self {
            total: carried.total,
            denied: carried.denied,
            failed: carried.failed,
        })
    }
}

impl Row {
    /// Of what has this number.
    pub(super) fn of(snapshot: &Snapshot, number: u64, columns: &[AttributeId]) -> Option<Self> {
        let item = snapshot.get(number)?;
        let time = milliseconds(item.time());
        Some(match item {
            Item::Flow(row) => Self {
                seq: number,
                id: Some(FlowId::of(row).to_string()),
                time,
                kind: "flow",
                verdict: Some(row.verdict().as_str_name()),
                cells: cells(row, columns),
                ..Self::default()
            },
            Item::Marker(mark) => Self {
                seq: number,
                time,
                kind: "loss",
                cells: vec![said(mark)],
                lost: Some(mark.lost()),
                ..Self::default()
            },
        })
    }
}

/// The texts of a flow. Times are in UTC, and say so: who shows them to people has `time`.
pub(super) fn cells<V: FlowView>(row: &V, columns: &[AttributeId]) -> Vec<String> {
    cells_with(row, columns, |_| None)
}

/// The same, where `other` has another text for some columns.
pub(super) fn cells_with<V: FlowView>(
    row: &V,
    columns: &[AttributeId],
    other: impl Fn(AttributeId) -> Option<String>,
) -> Vec<String> {
    let cells = Cells {
        time: TimeFormat::Rfc3339Milli,
        zone: Zone::UTC,
        ..Cells::default()
    };
    let text = |column: &AttributeId| other(*column).unwrap_or_else(|| column.text(row, &cells));
    columns.iter().map(text).collect()
}

fn said(mark: &Marker) -> String {
    match mark {
        Marker::Lost { node, stage, .. } => {
            let stage = stage.as_str_name().to_lowercase().replace('_', " ");
            match node.as_str() {
                "" => format!("in {stage}"),
                node => format!("in {stage} of {node}"),
            }
        }
        Marker::Nodes {
            state,
            nodes,
            message,
            ..
        } => {
            let state = state.as_str_name().to_lowercase().replace('_', " ");
            let text = format!("{}: {state}", nodes.join(", "));
            if message.is_empty() {
                text
            } else {
                format!("{text} ({message})")
            }
        }
        Marker::Reconnected { why, complete, .. } => {
            let rest = match complete {
                true => "flows since then were read from the server's history",
                false => "some flows were evicted before reconnecting",
            };
            format!("Reconnected ({why}); {rest}")
        }
        Marker::Unreadable { line, why } => format!("Line {line} is not a flow: {why}"),
    }
}

/// The columns of a request; `usual` if it names none.
pub(super) fn chosen(params: &Params, usual: &[AttributeId]) -> Result<Vec<AttributeId>, Problem> {
    let names = params.words("columns");
    if names.is_empty() {
        return Ok(usual.to_vec());
    }
    let named = |name: &&str| {
        AttributeId::column(name).ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            Problem::parameter("columns", format!("there is no column {name:?}"))
        })
    };
    names.iter().map(named).collect()
}

pub(super) fn names(columns: &[AttributeId]) -> Vec<&'static str> {
    columns.iter().map(|column| column.name()).collect()
}

/// A column, and whether from the greatest down.
#[derive(Clone, Copy)]
pub(super) struct Sort {
    pub(super) column: AttributeId,
    pub(super) down: bool,
}

impl Sort {
    pub(super) fn read(params: &Params, default: &str) -> Result<Self, Problem> {
        let text = params.text("sort").unwrap_or(default);
        let (name, down) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        match AttributeId::column(name) {
            Some(column) => Ok(Self { column, down }),
            None => Err(Problem::parameter("sort", "there is no such column")),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) columns: Vec<&'static str>,
    pub(super) total: usize,
    pub(super) flows: usize,
    pub(super) first: u64,
    pub(super) at: u64,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Rows> {
    let known = ["at", "after", "sort", "offset", "limit", "columns"];
    let known = [&flow_query::PARAMETERS[..], &known].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    let mut times = Times::read(&params)?;
    let columns = chosen(&params, Attribute::WIDE)?;
    let sort = Sort::read(&params, "-timestamp")?;
    let at: u64 = params.value("at")?.unwrap_or(u64::MAX);
    let after: Option<u64> = params.value("after")?;
    let offset: usize = params.value("offset")?.unwrap_or(0);
    let limit = params.number("limit", 100, 1..=1000)?;
    let rows = compute(app, move |app| {
        let looked = app.view(&flow_query)?;
        let (Selected { numbers, flows }, snapshot) = {
            let (looked, snapshot) = CachedView::advanced(&looked, &app.store, false);
            times.hold(&snapshot, at);
            (select(&looked.view, &times, after, at), snapshot)
        };
        let range = snapshot.range();
        let numbers = sorted(numbers, &snapshot, sort);
        let part = numbers.iter().skip(offset).take(limit);
        Ok(Rows {
            rows: part
                .filter_map(|number| Row::of(&snapshot, *number, &columns))
                .collect(),
            columns: names(&columns),
            total: numbers.len(),
            flows,
            first: range.start,
            at: at.min(range.end.saturating_sub(1)),
        })
    });
    Ok(Json(rows.await?))
}

/// What a table shows.
pub(super) struct Selected {
    /// In the order of the store.
    pub(super) numbers: Vec<u64>,
    /// How many of them are flows, and no marks.
    flows: usize,
}

/// The matches after one and up to another, of a time.
pub(super) fn select(view: &View, times: &Times, after: Option<u64>, at: u64) -> Selected {
    let matches = view.matches();
    let start = after.map_or(0, |after| view.place(after.saturating_add(1)));
    let end = view.place(at.saturating_add(1)).max(start);
    let (from, to) = times.bounds();
    let within = |found: &&Match| times.is_all() || (from..=to).contains(&found.time);
    let mut flows = 0;
    let numbers = matches.range(start..end).filter(within).map(|found| {
        flows += usize::from(found.is_flow());
        found.number
    });
    Selected {
        numbers: numbers.collect(),
        flows,
    }
}

/// In the order of a column; what is equal there stays in the order in which it came.
pub(super) fn sorted(mut numbers: Vec<u64>, snapshot: &Snapshot, sort: Sort) -> Vec<u64> {
    if sort.column != AttributeId::Timestamp {
        let key = |number: &u64| {
            let row = snapshot.row(*number);
            row.map_or(SortKey::None, |row| sort.column.key(row))
        };
        numbers.sort_by_cached_key(key);
    }
    if sort.down {
        numbers.reverse();
    }
    numbers
}
