//! What is shown, as a file: JSON lines, which `flows observe --input-file` reads, or CSV.
//!
//! It is made as fast as it is read: a part at a time.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use client::{Item, Snapshot};
use flow::attribute::AttributeId;
use flow::print::csv;
use flow::time::{TimeFormat, Zone};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::flow_query::{self, Times};
use super::{compute, rows};
use crate::app_state::{AppState, CachedView};
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
    numbers: std::vec::IntoIter<u64>,
    form: Form,
    columns: Vec<AttributeId>,
    begun: bool,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known = [
        &flow_query::PARAMETERS[..],
        &["at", "sort", "columns", "format"],
    ]
    .concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    let mut times = Times::read(&params)?;
    let columns = rows::chosen(&params)?;
    // A file is read from its beginning: the oldest first.
    let sort = rows::Sort::read(&params, "timestamp")?;
    let at: u64 = params.value("at")?.unwrap_or(u64::MAX);
    let (form, media, end) = match params.text("format").unwrap_or("json") {
        "json" => (Form::Json, "application/x-ndjson", "json"),
        "csv" => (Form::Csv, "text/csv; charset=utf-8", "csv"),
        _ => return Err(Problem::parameter("format", "must be json or csv")),
    };
    let of = Arc::clone(&app);
    let export = compute(app, move |app| {
        let looked = app.views.get(&flow_query)?;
        let (numbers, snapshot) = {
            let (looked, snapshot) = CachedView::advanced(&looked, &app.store, false);
            times.hold(&snapshot, at);
            (
                rows::select(&looked.view, &times, None, at).numbers,
                snapshot,
            )
        };
        Ok(Export {
            app: of,
            numbers: rows::sorted(numbers, &snapshot, sort).into_iter(),
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
        let mut messages = self.snapshot.messages();
        let mut written = 0;
        for number in self.numbers.by_ref().take(PART) {
            written += 1;
            match (self.form, self.snapshot.get(number)) {
                (Form::Csv, Some(Item::Flow(row))) => {
                    line(&mut out, &csv::row(row, &self.columns));
                }
                (Form::Json, Some(Item::Flow(_))) => {
                    if let Some(flow) = messages.get(number) {
                        json(
                            &mut out,
                            &GetFlowsResponse {
                                node_name: flow.node_name.clone(),
                                time: flow.time,
                                response_types: Some(ResponseTypes::Flow(flow)),
                            },
                        )?;
                    }
                }
                (Form::Json, Some(Item::Marker(mark))) => {
                    if let Some(lost) = mark.response() {
                        json(&mut out, &lost)?;
                    }
                }
                // A loss has no columns.
                (Form::Csv, Some(Item::Marker(_))) | (_, None) => {}
            }
        }
        Ok((written > 0 || !out.is_empty()).then_some(out))
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
