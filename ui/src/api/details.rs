//! All that is known of a flow.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use client::connections::denied_request;
use client::{Item, Row as FlowRow, Snapshot};
use flow::attribute::Attribute;
use flow::dedup::{self, Dedup};
use flow::time::{TimeFormat, Zone};
use flow::{FlowView as _, Side};
use proto::flow::Flow;
use proto::flows::v1::FlowExtension;
use proto::google::Timestamp;
use serde::Serialize;

use super::requests::{self, AboutRequest};
use super::rows::{self, Row};
use super::{Answer, compute, fields};
use crate::app_state::AppState;
use crate::flow_id::{FlowId, NoId};
use crate::problem::Problem;

/// Flows of the same connection that are shown, and among how many neighbours they are looked for.
const CONNECTION: usize = 50;
const NEIGHBOURS: u64 = 200_000;

/// Before this (Unix ns, the begin of 2000) nobody recorded flows.
const PLAUSIBLE: i64 = 946_684_800_000_000_000;

#[derive(Serialize)]
pub(super) struct Details {
    row: Row,
    columns: Vec<&'static str>,
    flow: Flow,
    extension: Option<FlowExtension>,
    facts: Vec<fields::FieldValue>,
    terms: std::collections::BTreeMap<&'static str, Vec<String>>,
    /// Of a request of layer 7.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<AboutRequest>,
    connection: Vec<Row>,
}

/// What a request names a flow by.
pub(super) enum Named {
    Number(u64),
    Id(FlowId),
}

impl Named {
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let id = text.parse().map(Self::Id);
        id.map_err(|error: NoId| Problem::parameter("flow", error))
    }

    /// Its number, if it is held.
    pub(super) fn find(&self, snapshot: &Snapshot) -> Result<u64, Problem> {
        let found = match self {
            Self::Number(number) => snapshot.row(*number).map(|_| *number),
            Self::Id(id) => id.find(snapshot),
        };
        found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, self.gone(snapshot)))
    }

    /// Why it isn't there.
    fn gone(&self, snapshot: &Snapshot) -> String {
        let times = snapshot
            .iter(snapshot.range())
            .filter_map(|(_, item)| match item {
                Item::Flow(row) => Some(row.time()),
                Item::Marker(_) => None,
            });
        match (self, times.min()) {
            (Self::Number(_), _) => "no flow has this number: it was evicted, \
                or flows-ui was restarted"
                .to_owned(),
            (Self::Id(_), None) => "this flow is not in memory: no flow is, yet".to_owned(),
            (Self::Id(id), Some(_)) if id.time < PLAUSIBLE => {
                "no flow has this id: the link may be incomplete".to_owned()
            }
            (Self::Id(id), Some(oldest)) if id.time < oldest => format!(
                "this flow is no longer in memory: it happened at {}, and the flows in memory begin at {}",
                said(id.time),
                said(oldest)
            ),
            (Self::Id(id), Some(_)) => format!(
                "no flow of {} in memory has this id: it came from another server, or was \
                lost on the way",
                said(id.time)
            ),
        }
    }
}

fn said(time: i64) -> String {
    TimeFormat::Rfc3339Milli.text(Some(&Timestamp::from_unix_nanos(time)), &Zone::UTC)
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
) -> Answer<Details> {
    let named = Named::read(&name)?;
    let details = compute(app, move |app| {
        let snapshot = app.store.snapshot();
        let number = named.find(&snapshot)?;
        let gone = || Problem::new(StatusCode::NOT_FOUND, named.gone(&snapshot));
        let (Some(Item::Flow(row)), Some(mut flow)) =
            (snapshot.get(number), snapshot.message(number))
        else {
            return Err(gone());
        };
        let columns = Attribute::WIDE;
        let extension = flow.extension();
        // It stands beside the flow, readable.
        if extension.is_some() {
            flow.extensions = None;
        }
        Ok(Details {
            row: Row::of(&snapshot, number, columns).ok_or_else(gone)?,
            columns: rows::names(columns),
            extension,
            facts: fields::of(row),
            // Among connections it is a row, with cells of its own.
            terms: match denied_request(&snapshot, number) {
                Some(denied) => fields::terms(&denied),
                None => fields::terms(row),
            },
            request: requests::about(app, &snapshot, number)?,
            connection: connection(&snapshot, number, row),
            flow,
        })
    });
    Ok(Json(details.await?))
}

/// The connection's flows around this one, in order.
pub(super) fn connection(snapshot: &Snapshot, number: u64, row: &FlowRow) -> Vec<Row> {
    let ends = |row: &FlowRow| {
        let end = |side| (row.ip(side), row.port(side));
        let (a, b) = (end(Side::Source), end(Side::Destination));
        (a.min(b), a.max(b), row.transport())
    };
    let wanted = ends(row);
    if wanted.0.0.is_none() {
        return Vec::new();
    }
    let range = snapshot.range();
    let from = number.saturating_sub(NEIGHBOURS).max(range.start);
    let to = number.saturating_add(NEIGHBOURS).min(range.end);
    let same = |found: &(u64, &Item)| matches!(found.1, Item::Flow(row) if ends(row) == wanted);
    // The several flows of one packet are one row, as in the table.
    let most = CONNECTION * 3;
    let before = snapshot
        .iter(from..number)
        .rev()
        .filter(same)
        .take(most / 2);
    let mut numbers: Vec<u64> = before.map(|(number, _)| number).collect();
    numbers.reverse();
    let after = snapshot.iter(number..to).filter(same).take(most / 2);
    numbers.extend(after.map(|(number, _)| number));
    let rows = folded(snapshot, &numbers, number);
    let place = rows.partition_point(|found| *found < number);
    let start = place.saturating_sub(CONNECTION / 2);
    let rows = rows.into_iter().skip(start).take(CONNECTION);
    rows.filter_map(|number| Row::of(snapshot, number, Attribute::WIDE))
        .collect()
}

/// Those of some flows that are rows; the one that is shown is, whatever the others say.
fn folded(snapshot: &Snapshot, numbers: &[u64], shown: u64) -> Vec<u64> {
    let mut dedup = Dedup::default();
    let mut held = None;
    let mut rows = BTreeSet::from([shown]);
    for &number in numbers {
        let Some(row) = snapshot.row(number) else {
            continue;
        };
        let step = dedup.push(row);
        if step.pending_is_row {
            rows.extend(held);
        }
        held = (step.row == dedup::Row::Pending).then_some(number);
        if step.row == dedup::Row::New {
            rows.insert(number);
        }
    }
    if dedup.settle() {
        rows.extend(held);
    }
    rows.into_iter().collect()
}
