//! Requests of layer 7 in details: the latest ones of a connection, and what is told of a denied one.

use std::collections::HashSet;

use client::connections::{Exchange, asked, carrier, denied_request, exchanges};
use client::{Item, Row as FlowRow, Snapshot};
use flow::connection::{Connection, ConnectionId as Joined};
use flow::request::RequestView;
use flow::rows::Row;
use flow::view::Direction;
use flow::{Filter, FlowView as _};
use serde::Serialize;

use super::flow_query::Times;
use super::incidents::{self, Incident};
use super::milliseconds;
use crate::app_state::{AppState, ConnectionSnapshot, FlowQuery, TooMany};
use crate::flow_id::{ConnectionId, FlowId};

/// Most that are listed of a connection; the newest are.
const LISTED: usize = 20;
/// Of each request up to four flows: asked and answered, as judged at both ends.
const FLOWS: usize = 4 * LISTED;
/// Nodes' clocks differ by so much (ns).
const SLACK: i64 = 10_000_000_000;

/// A request of a connection, and what became of it.
#[derive(Debug, Serialize)]
pub(super) struct CarriedRequest {
    time: f64,
    /// Its flow.
    flow: String,
    verdict: &'static str,
    asked: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    policies: String,
    reason: String,
}

/// What is told of a request.
#[derive(Debug, Serialize)]
pub(super) struct AboutRequest {
    subject: String,
    asked: String,
    judged: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    judged_at: Option<&'static str>,
    policies: String,
    reason: String,
    /// The connection that carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// Of a denied one.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<Incident>,
}

/// The latest requests of a connection, and of those that are one row with it; the oldest of them first.
pub(super) fn latest(
    known: &ConnectionSnapshot<'_>,
    connection: &Connection<'_, u64>,
    alike: &HashSet<Joined>,
) -> Vec<CarriedRequest> {
    if connection.requests().total == 0 {
        return Vec::new();
    }
    let (snapshot, joined) = (known.snapshot, known.joined.connections());
    let range = snapshot.range();
    let end = known.at.saturating_add(1).clamp(range.start, range.end);
    let begin = connection.start().saturating_sub(SLACK);
    let items = snapshot.iter(range.start..end).rev();
    let items = items.take_while(|(_, item)| item.time() <= 0 || item.time() >= begin);
    let own = items.filter_map(|(number, item)| {
        let Item::Flow(row) = item else { return None };
        row.l7()?;
        let carrier = carrier(joined, row)?;
        (carrier.id() == connection.id() || alike.contains(&carrier.id())).then_some(number)
    });
    let mut numbers: Vec<u64> = own.take(FLOWS).collect();
    numbers.reverse();
    let all = exchanges(snapshot, &numbers);
    let more = all.len().saturating_sub(LISTED);
    let listed = all.into_iter().skip(more);
    listed.filter_map(|one| carried(snapshot, one)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
fn carried(snapshot: &Snapshot, one: Exchange) -> Option<CarriedRequest> {
    let row = snapshot.row(one.number)?;
    Some(CarriedRequest {
        time: milliseconds(one.time),
        flow: FlowId::of(row).to_string(),
        verdict: one.verdict.as_str_name(),
        asked: one.asked,
        answer: one.answer,
        latency: (one.latency_ns > 0).then(|| one.latency_ns as f64 / 1e6),
        policies: one.policies,
        reason: one.reason,
    })
}

/// What is told of the request whose flow has a number; `None` if it is of something else.
pub(super) fn about(
    app: &AppState,
    snapshot: &Snapshot,
    number: u64,
) -> Result<Option<AboutRequest>, TooMany> {
    let Some(row) = snapshot.row(number) else {
        return Ok(None);
    };
    let (Some(layer7), Some(view)) = (row.l7(), RequestView::new(row)) else {
        return Ok(None);
    };
    let everything = FlowQuery {
        key: String::new(),
        filter: Filter::default(),
    };
    let wanted = app.connections(&everything, None)?;
    let connection = app.look(&wanted, |known| {
        let carrier = carrier(known.joined.connections(), row)?;
        Some(ConnectionId::of(&carrier).to_string())
    });
    let incident = match denied_request(snapshot, number) {
        Some(denied) => incident(app, &everything, &denied)?,
        None => None,
    };
    Ok(Some(AboutRequest {
        subject: view.subject(),
        asked: asked(row, layer7),
        judged: flow::rows::Judged::of(&view).name(),
        judged_at: view.judged_at().map(|end| match end {
            Direction::Egress => "EGRESS",
            Direction::Ingress => "INGRESS",
        }),
        policies: view.policies(),
        reason: match view.is_denied() {
            true => view.reason(),
            false => String::new(),
        },
        connection,
        incident,
    }))
}

/// The incident that a denied request belongs to, of all that is known now.
fn incident(
    app: &AppState,
    everything: &FlowQuery,
    denied: &RequestView<'_, FlowRow>,
) -> Result<Option<Incident>, TooMany> {
    let Some(row) = Row::of_request(denied, true) else {
        return Ok(None);
    };
    let last = row.last;
    let own = flow::incidents::incidents(&[row], last);
    let Some(id) = own.first().map(flow::incidents::Incident::id) else {
        return Ok(None);
    };
    Ok(incidents::of(app, everything, &Times::default(), None)?.find(&id))
}
