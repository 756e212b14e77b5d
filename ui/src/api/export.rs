//! What is shown, as a file: JSON lines, which `flows observe --input-file` reads, or CSV.
//!
//! It is made as fast as it is read: a part at a time.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use client::{Item, Mark, Row as FlowRow, Snapshot};
use flow::columns::{Cells, Column};
use flow::time::TimeFormat;
use proto::flow::LostEvent;
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::question::{self, Times};
use super::{compute, rows};
use crate::desk::{Desk, Looked};
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
    desk: Arc<Desk>,
    snapshot: Snapshot,
    numbers: std::vec::IntoIter<u64>,
    form: Form,
    columns: Vec<Column>,
    begun: bool,
}

pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known = [
        &question::PARAMETERS[..],
        &["at", "sort", "columns", "format"],
    ]
    .concat();
    let params = Params::read(query.as_deref(), &known, &question::REPEATED)?;
    let question = question::question(&params)?;
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
    let of = Arc::clone(&desk);
    let export = compute(desk, move |desk| {
        let looked = desk.views.get(&question)?;
        let (numbers, snapshot) = {
            let (looked, snapshot) = Looked::advanced(&looked, &desk.store, false);
            times.hold(&snapshot, at);
            (rows::select(&looked.view, &times, None, at), snapshot)
        };
        Ok(Export {
            desk: of,
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
    let now = TimeFormat::Rfc3339.text(Some(&Timestamp::from_unix_nanos(question::now())));
    let now: String = now.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let text = format!("attachment; filename=\"flows-{now}.{end}\"");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// The next part; `None` after the last.
async fn next(export: Export) -> Result<Option<(Vec<u8>, Export)>, std::io::Error> {
    let desk = Arc::clone(&export.desk);
    let done = compute(desk, move |_| {
        let mut export = export;
        Ok(export.part().map(|bytes| (bytes, export)))
    });
    // What has been sent can't be taken back: the connection breaks, and who reads sees that.
    done.await
        .map_err(|problem| std::io::Error::other(problem.detail))
}

impl Export {
    fn part(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.begun, true) && self.form == Form::Csv {
            let names = self.columns.iter().map(|column| column.name().to_owned());
            line(&mut out, names);
        }
        let mut messages = self.snapshot.messages();
        let mut written = 0;
        for number in self.numbers.by_ref().take(PART) {
            written += 1;
            match (self.form, self.snapshot.get(number)) {
                (Form::Csv, Some(Item::Flow(row))) => {
                    line(
                        &mut out,
                        self.columns.iter().map(|column| text(row, *column)),
                    );
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
                        );
                    }
                }
                (Form::Json, Some(Item::Mark(mark))) => {
                    if let Some(lost) = lost(mark) {
                        json(&mut out, &lost);
                    }
                }
                // A loss has no columns.
                (Form::Csv, Some(Item::Mark(_))) | (_, None) => {}
            }
        }
        (written > 0 || !out.is_empty()).then_some(out)
    }
}

fn json(out: &mut Vec<u8>, response: &GetFlowsResponse) {
    let written = proto::json::write(&mut *out, response);
    written.expect("a message of this program has JSON, and a vector takes all of it");
    out.push(b'\n');
}

/// As a server says it.
fn lost(mark: &Mark) -> Option<GetFlowsResponse> {
    let Mark::Lost {
        time,
        node,
        events,
        stage,
    } = mark
    else {
        return None;
    };
    let time = Some(Timestamp::from_unix_nanos(*time));
    Some(GetFlowsResponse {
        node_name: node.clone(),
        time,
        response_types: Some(ResponseTypes::LostEvents(LostEvent {
            source: (*stage).into(),
            num_events_lost: *events,
            last: time,
            ..LostEvent::default()
        })),
    })
}

/// A cell as programs read it.
fn text(row: &FlowRow, column: Column) -> String {
    if column == Column::Timestamp {
        let time = Timestamp::from_unix_nanos(row.time());
        return TimeFormat::Rfc3339Nano.text(Some(&time));
    }
    let cells = Cells {
        plain: true,
        ..Cells::default()
    };
    column.text(row, &cells)
}

fn line(out: &mut Vec<u8>, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    let written = writeln!(out, "{}", cells.join(","));
    written.expect("a vector takes all of it");
}

/// As RFC 4180 has it; what a spreadsheet would take for a formula is kept from being one.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = format!("{}{text}", if formula { "'" } else { "" });
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_it_is_needed() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("-1,2", "\"'-1,2\""),
            ("", ""),
        ] {
            assert_eq!(quoted(text), wanted);
        }
    }
}
