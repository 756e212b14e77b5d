//! What is shown, as a file: JSON lines, which `flows observe --input-file` reads, or CSV.
//!
//! It is made as fast as it is read: a part at a time.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use client::connections::Entry;
use client::{Item, Snapshot, View};
use flow::attribute::{Attribute, AttributeId};
use flow::print::csv;
use flow::time::{TimeFormat, Zone};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::connections::{self, Picked};
use super::flow_query::{self, Times, Unit};
use super::{compute, rows};
use crate::app_state::{AppState, CachedView, ConnectionQuery, FlowQuery, Generation};
use crate::params::Params;
use crate::problem::Problem;

/// Rows that are written at once.
const PART: usize = 2000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// What is left to write.
struct Export {
    app: Arc<AppState>,
    snapshot: Snapshot,
    left: Left,
    form: Form,
    columns: Vec<AttributeId>,
    begun: bool,
}

enum Left {
    /// Of the store.
    Numbers(std::vec::IntoIter<u64>),
    Connections(ConnectionQuery, Generation, std::vec::IntoIter<Entry>),
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known = [
        &flow_query::PARAMETERS[..],
        &["at", "sort", "columns", "format", "unit"],
    ]
    .concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    let unit = Unit::read(&params, &flow_query)?;
    let mut times = Times::read(&params)?;
    let columns = match unit {
        Unit::Events => rows::chosen(&params, Attribute::WIDE)?,
        Unit::Connections => rows::chosen(&params, rows::CONNECTION)?,
    };
    // A file is read from its beginning: the oldest first.
    let sort = rows::Sort::read(&params, "timestamp")?;
    let at: Option<u64> = params.value("at")?;
    let (form, media, end) = match params.text("format").unwrap_or("json") {
        "json" => (Form::Json, "application/x-ndjson", "json"),
        "csv" => (Form::Csv, "text/csv; charset=utf-8", "csv"),
        _ => return Err(Problem::parameter("format", "must be json or csv")),
    };
    let of = Arc::clone(&app);
    let export = compute(app, move |app| {
        let (left, snapshot) = match unit {
            Unit::Events => {
                let at = at.unwrap_or(u64::MAX);
                let looked = app.view(&flow_query)?;
                let (looked, snapshot) = CachedView::advanced(&looked, &app.store, false);
                times.hold(&snapshot, at);
                let numbers = rows::select(&looked.view, &times, None, at).numbers;
                drop(looked);
                let numbers = rows::sorted(numbers, &snapshot, sort);
                (Left::Numbers(numbers.into_iter()), snapshot)
            }
            Unit::Connections => of_connections(app, &flow_query, (&times, at), sort, form)?,
        };
        Ok(Export {
            app: of,
            left,
            snapshot,
            form,
            columns,
            begun: false,
        })
    });
    let parts = futures::stream::try_unfold(export.await?, next);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media)),
        (header::CONTENT_DISPOSITION, name(end)),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// As CSV the connections themselves; as JSON their events, of which whoever reads them joins the same.
fn of_connections(
    app: &AppState,
    query: &FlowQuery,
    (times, at): (&Times, Option<u64>),
    sort: rows::Sort,
    form: Form,
) -> Result<(Left, Snapshot), Problem> {
    let wanted = app.connections(query, at)?;
    let held = (times, at.is_some());
    let mut picked = (0..connections::TRIES).map(|_| Picked::read(app, &wanted, held, sort, false));
    let picked = picked.find_map(|picked| picked);
    let Picked {
        entries,
        generation,
        snapshot,
        ..
    } = picked.ok_or_else(connections::moved)?;
    if form == Form::Csv {
        let left = Left::Connections(wanted, generation, entries.into_iter());
        return Ok((left, snapshot));
    }
    let time = |entry: &Entry| (entry.start, entry.last);
    let lived = entries.iter().filter(|entry| !entry.is_mark()).map(time);
    let lived = lived.reduce(|(from, to), (start, last)| (from.min(start), to.max(last)));
    let mut view = View::new(&flow_query::for_connections(query)?, false).within(lived);
    if lived.is_some() {
        view.advance(&snapshot);
    }
    let matches = view.matches().iter().map(|found| found.number);
    let numbers: Vec<u64> = matches
        .filter(|number| at.is_none_or(|at| *number <= at))
        .collect();
    Ok((Left::Numbers(numbers.into_iter()), snapshot))
}

/// `flows-20260102T030405Z.json`.
fn name(end: &str) -> HeaderValue {
    let now = Timestamp::from_unix_nanos(flow_query::now());
    let now = TimeFormat::Rfc3339.text(Some(&now), &Zone::UTC);
    let now: String = now.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let text = format!("attachment; filename=\"flows-{now}.{end}\"");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// The next part; `None` after the last.
async fn next(export: Export) -> io::Result<Option<(Vec<u8>, Export)>> {
    let app = Arc::clone(&export.app);
    let done = compute(app, move |_| {
        let mut export = export;
        Ok(export.part().map(|bytes| (bytes, export)))
    });
    // What has been sent can't be taken back: the connection breaks, and who reads sees that.
    let done = done
        .await
        .map_err(|problem| io::Error::other(problem.detail))?;
    let Some((part, export)) = done else {
        return Ok(None);
    };
    Ok(Some((part?, export)))
}

impl Export {
    fn part(&mut self) -> Option<io::Result<Vec<u8>>> {
        self.written().transpose()
    }

    fn written(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.begun, true) && self.form == Form::Csv {
            line(&mut out, &csv::heading(&self.columns));
        }
        let written = match &mut self.left {
            Left::Connections(wanted, generation, entries) => {
                let part: Vec<Entry> = entries.by_ref().take(PART).collect();
                self.app.look(wanted, |known| {
                    // The rest would be other connections.
                    if known.generation != *generation {
                        return Err(io::Error::other("older flows were added meanwhile"));
                    }
                    for entry in &part {
                        if let Some(shown) = connections::Shown::read(known, entry) {
                            line(&mut out, &shown.csv(&self.columns));
                        }
                    }
                    Ok(())
                })?;
                part.len()
            }
            Left::Numbers(numbers) => {
                let part: Vec<u64> = numbers.by_ref().take(PART).collect();
                self.events(&part, &mut out)?;
                part.len()
            }
        };
        Ok((written > 0 || !out.is_empty()).then_some(out))
    }

    fn events(&self, numbers: &[u64], out: &mut Vec<u8>) -> io::Result<()> {
        let mut messages = self.snapshot.messages();
        for &number in numbers {
            match (self.form, self.snapshot.get(number)) {
                (Form::Csv, Some(Item::Flow(row))) => line(out, &csv::row(row, &self.columns)),
                (Form::Json, Some(Item::Flow(_))) => {
                    if let Some(flow) = messages.get(number) {
                        let response = GetFlowsResponse {
                            node_name: flow.node_name.clone(),
                            time: flow.time,
                            response_types: Some(ResponseTypes::Flow(flow)),
                        };
                        json(out, &response)?;
                    }
                }
                (Form::Json, Some(Item::Marker(mark))) => {
                    if let Some(lost) = mark.response() {
                        json(out, &lost)?;
                    }
                }
                // A loss has no columns.
                (Form::Csv, Some(Item::Marker(_))) | (_, None) => {}
            }
        }
        Ok(())
    }
}

fn json(out: &mut Vec<u8>, response: &GetFlowsResponse) -> io::Result<()> {
    proto::json::write(&mut *out, response)?;
    out.push(b'\n');
    Ok(())
}

fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}
