//! All that is known of a connection, and since when it has been denied.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use client::connections::Entry;
use client::incidents::pair;
use flow::past::Attempt;
use flow::print::shell_word;
use flow::rows::{Judged, Row as FlowRows};
use flow::view::Direction;
use flow::{Filter, FlowView as _, Side, format};
use proto::flows::v1::Change as Told;
use serde::Serialize;

use super::changes::{self, Change};
use super::requests::{self, CarriedRequest};
use super::rows::{self, Row};
use super::{Answer, compute, connections, details, fields, milliseconds};
use crate::app_state::{AppState, ConnectionSnapshot, FlowQuery, PodQuery};
use crate::flow_id::{ConnectionId, FlowId, NoId};
use crate::params::Params;
use crate::problem::Problem;

/// How far (ns) a link's time may be from when the connection is known to have begun.
const NEAR: i64 = 10_000_000_000;
/// How long (ns) after a change has come into force it may be written down.
const SLACK: i64 = 500_000_000;
/// Connections that are looked at on each side of that.
const NEIGHBOURS: usize = 50_000;

#[derive(Serialize)]
pub(super) struct Details {
    row: Row,
    columns: Vec<&'static str>,
    state: &'static str,
    about: &'static str,
    ends: Vec<End>,
    /// The flow that explains it.
    flow: String,
    facts: Vec<fields::FieldValue>,
    terms: std::collections::BTreeMap<&'static str, Vec<String>>,
    /// The latest requests that it carried, and those that are one row with it.
    requests: Vec<CarriedRequest>,
    /// How many those are, itself among them.
    alike: usize,
    /// Its events.
    events: Vec<Row>,
    event_columns: Vec<&'static str>,
    last: f64,
    /// Of what is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    past: Option<Past>,
}

/// An end that judges, and what it said.
#[derive(Serialize)]
struct End {
    direction: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
}

/// Since when connections between the same ends to the same port are denied.
#[derive(Serialize)]
struct Past {
    /// Until when such connections worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    worked: Option<f64>,
    denied_since: f64,
    /// What changed between, as far as it can concern the end that denies.
    changes: Vec<Change>,
    /// Proves which of them did it.
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    #[serde(skip)]
    between: Option<(i64, i64)>,
    /// The pod that judged.
    #[serde(skip)]
    pod: String,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Details> {
    let params = Params::read(query.as_deref(), &["at"], &[])?;
    let at: Option<u64> = params.value("at")?;
    let id: ConnectionId = name
        .parse()
        .map_err(|error: NoId| Problem::parameter("connection", error))?;
    let of = Arc::clone(&app);
    let details = compute(app, move |app| {
        let wanted = app.connections(&everything(), at)?;
        app.look(&wanted, |known| read(known, id, &app.flags))
    });
    let mut details = details.await?;
    if let Some(past) = &mut details.past {
        past.changes = changed(&of, past).await;
    }
    Ok(Json(details))
}

fn everything() -> FlowQuery {
    FlowQuery {
        key: String::new(),
        filter: Filter::default(),
    }
}

/// The connection of a link: the one that began then, else the nearest of the same ends.
fn find<'a>(known: &ConnectionSnapshot<'a>, id: ConnectionId) -> Option<&'a Entry> {
    let entries = known.list.entries();
    let place = entries.partition_point(|entry| entry.start < id.start);
    let before = entries[..place].iter().rev().take(NEIGHBOURS);
    let after = entries[place..].iter().take(NEIGHBOURS);
    let near = |entry: &&Entry| (entry.start - id.start).abs() <= NEAR;
    let same = |entry: &&Entry| {
        let connection = known.connection(entry);
        connection.is_some_and(|connection| id.is_between(&connection))
    };
    let after = after.take_while(near).find(same);
    if after.is_some_and(|entry| entry.start == id.start) {
        return after;
    }
    let before = before.take_while(near).find(same);
    let away = |entry: &&Entry| (entry.start - id.start).abs();
    before.into_iter().chain(after).min_by_key(away)
}

fn read(known: &ConnectionSnapshot<'_>, id: ConnectionId, flags: &str) -> Result<Details, Problem> {
    let gone = || {
        let detail =
            "this connection is not in memory: its flows were evicted, or came from another server";
        Problem::new(StatusCode::NOT_FOUND, detail)
    };
    let entry = find(known, id).ok_or_else(gone)?;
    let (connection, view) = connections::read(known, entry).ok_or_else(gone)?;
    let state = connection.state(known.now);
    let ends = [Direction::Egress, Direction::Ingress].map(|direction| {
        let side = match direction {
            Direction::Egress => Side::Source,
            Direction::Ingress => Side::Destination,
        };
        let (verdict, text) = format::decision(&view, direction).unzip();
        let node = connection.node(direction).map(str::to_owned);
        let name = format::host_port(&view, side, true).name.to_string();
        let silent = view.connection().and_then(|facts| facts.silent) == Some(direction);
        End {
            direction: match direction {
                Direction::Egress => "EGRESS",
                Direction::Ingress => "INGRESS",
            },
            name,
            verdict: verdict.map(|verdict| verdict.as_str_name()),
            text: match (text, silent) {
                (Some(text), _) if !text.is_empty() => text,
                (Some(_), _) => "no policy selects it".to_owned(),
                (None, true) => "its node told nothing".to_owned(),
                (None, false) => String::new(),
            },
            node,
        }
    });
    let number = *connection.deciding();
    let event = view.event();
    let alike = known.list.told().members(known.list.entries(), entry);
    let mut alike = alike.peekable();
    // It is the row of all if it is the first.
    let is_row = alike.peek().is_some_and(|first| first.id == entry.id);
    let alike = alike.filter(|_| is_row).filter_map(|entry| entry.id);
    let alike: HashSet<_> = alike.collect();
    let shown = |end: &End| end.verdict.is_some() || !end.text.is_empty();
    Ok(Details {
        row: connections::of(&connection, &view, rows::CONNECTION),
        columns: rows::names(rows::CONNECTION),
        state: state.name(),
        about: state.about(),
        ends: ends.into_iter().filter(shown).collect(),
        flow: FlowId::of(event).to_string(),
        facts: fields::of(&view),
        terms: fields::terms(&view),
        requests: requests::latest(known, &connection, &alike),
        alike: alike.len().max(1),
        events: details::connection(known.snapshot, number, event),
        event_columns: rows::names(flow::attribute::Attribute::WIDE),
        last: milliseconds(connection.last()),
        past: entry.is_bad().then(|| past(known, entry, flags)).flatten(),
    })
}

/// Looks among all connections for those between the same ends.
fn past(known: &ConnectionSnapshot<'_>, entry: &Entry, flags: &str) -> Option<Past> {
    let (connection, view) = connections::read(known, entry)?;
    let this = FlowRows::new(&connection, &view, true)?;
    let wanted = pair(&view);
    let entries = known.list.entries();
    let mut attempts = Vec::new();
    for other in entries {
        let Some((connection, view)) = connections::read(known, other) else {
            continue;
        };
        // The texts of a row are made of those alone that may be alike.
        if pair(&view) != wanted {
            continue;
        }
        let Some(row) = FlowRows::new(&connection, &view, true) else {
            continue;
        };
        let ends = |row: &FlowRows| {
            [&row.source, &row.destination].map(|end| (end.who.clone(), end.outside.clone()))
        };
        if row.port != this.port || ends(&row) != ends(&this) {
            continue;
        }
        // Only what was before says since when.
        if row.judged == Judged::Allowed && row.start > this.last {
            continue;
        }
        let answered = connection.volume()[1].packets > 0;
        let span = (row.start, row.last);
        attempts.extend(Attempt::new(row.judged, span, row.facts.drops, answered));
    }
    let told = flow::past::Past::of(&attempts);
    let (began, since) = (
        told.began,
        told.denied.map_or(this.start, |(since, _)| since),
    );
    let by_policy = this.judged == Judged::Denied;
    let side = match format::decision(&view, Direction::Ingress) {
        Some((flow::Verdict::Dropped, _)) => Side::Destination,
        Some(_) | None => Side::Source,
    };
    let pod = match view.pod(side) {
        "" => String::new(),
        pod => format!("{}/{pod}", view.namespace(side)),
    };
    // Of what is outside the address is what policy judges.
    let name = |end: &flow::rows::RowEnd, side| match (end.outside.as_str(), view.ip(side)) {
        ("", _) => end.who.to_string(),
        (_, Some(std::net::IpAddr::V6(address))) if side == Side::Destination => {
            format!("[{address}]")
        }
        (_, Some(address)) => address.to_string(),
        (name, None) => name.to_owned(),
    };
    let flags = if flags.is_empty() {
        String::new()
    } else {
        format!("{flags} ")
    };
    let command = format!(
        "flows {flags}why {} {}",
        shell_word(&name(&this.source, Side::Source)),
        shell_word(&format!(
            "{}{}",
            name(&this.destination, Side::Destination),
            this.port.to_lowercase()
        ))
    );
    Some(Past {
        worked: told.worked.map(milliseconds),
        denied_since: milliseconds(since),
        changes: Vec::new(),
        command: match by_policy && this.port.starts_with(':') {
            true => command,
            false => String::new(),
        },
        // When the last one that was allowed began, the change had not been made. It is written down a
        // moment after it has come into force.
        between: began
            .filter(|_| by_policy)
            .map(|began| (began, since.max(began).saturating_add(SLACK))),
        pod,
    })
}

/// What changed between the last time that it worked and the first that it didn't, as far as it can
/// concern who denied it; nothing if nobody knows.
async fn changed(app: &AppState, past: &Past) -> Vec<Change> {
    let (Some((from, to)), Some(server)) = (past.between, &app.server) else {
        return Vec::new();
    };
    if past.pod.is_empty() {
        return Vec::new();
    }
    let query = PodQuery {
        pod: past.pod.clone(),
        from,
        to,
    };
    let Some(answer) = app.changes.of_pod(server, query).await else {
        return Vec::new();
    };
    let in_time = |change: &&Told| (from..=to).contains(&changes::time(change.time));
    answer
        .changes
        .iter()
        .filter(in_time)
        .filter_map(changes::of)
        .collect()
}
