//! What is denied, by cause.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::connections::{Entry, allowed_requests};
use client::incidents::pair;
use flow::aggregate::Trend;
use flow::incidents::{Incident as Found, Status, incidents};
use flow::rows::{Row, RowEnd};
use flow::{Filter, FlowView, filter_for};
use serde::Serialize;

use super::connections::{self, Shown};
use super::flow_query::{self, Times, for_connections};
use super::{Answer, compute, milliseconds};
use crate::app_state::{AppState, ConnectionSnapshot, FlowQuery, TooMany};
use crate::flow_id::{ConnectionId, FlowId};
use crate::params::Params;

/// Most of an answer; the others are counted.
const MOST: usize = 500;
/// Bars of a trend at least, so that one is no block.
const FEWEST_BARS: usize = 8;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Incidents {
    incidents: Vec<Incident>,
    hidden: usize,
    /// Connections that were looked at.
    connections: usize,
    /// Denied requests that were.
    requests: usize,
    /// When each bar of a trend begins: the first one, and the time between.
    start: f64,
    step: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Incident {
    id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_since: Option<f64>,
    judged: &'static str,
    source: End,
    destination: End,
    port: String,
    why: String,
    /// Of requests: what was asked. Drops and connections are requests then.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Asked>,
    drops: u64,
    connections: u64,
    since: f64,
    last: f64,
    trend: Vec<u32>,
    /// The expression for its connections or requests.
    term: String,
    /// The newest of them, and the flow that explains it; of a request both are its flow.
    newest: String,
    flow: String,
}

impl Incidents {
    /// The one with an id.
    pub(super) fn find(self, id: &str) -> Option<Incident> {
        self.incidents
            .into_iter()
            .find(|incident| incident.id == id)
    }
}

/// What is asked for in vain.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Asked {
    subject: String,
    /// Why it was denied, with the rule that came nearest; may be empty.
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct End {
    kind: &'static str,
    namespace: String,
    name: String,
    pods: Vec<String>,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Incidents> {
    let known = [&flow_query::PARAMETERS[..], &["at"]].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    for_connections(&flow_query)?;
    let times = Times::read(&params)?;
    let at: Option<u64> = params.value("at")?;
    // They are looked at with the incidents; that there are none is no trouble.
    drop(app.changes.get(app.server.as_ref()).await);
    let found = compute(app, move |app| Ok(of(app, &flow_query, &times, at)?));
    Ok(Json(found.await?))
}

/// One connection or request of those that are looked at.
struct Candidate {
    row: Row,
    /// Its id.
    id: String,
    flow: FlowId,
    term: String,
    /// Ends and port of a connection.
    pair: Option<u64>,
}

/// Of a question, as of the number `at` or of now.
pub(super) fn of(
    app: &AppState,
    query: &FlowQuery,
    times: &Times,
    at: Option<u64>,
) -> Result<Incidents, TooMany> {
    let mut times = times.clone();
    let wanted = app.connections(query, at)?;
    let (mut candidates, [connections, requests], now) = app.look(&wanted, |known| {
        if at.is_some() {
            times.hold_at(known.now);
        }
        let picked = connections::picked(known, &times);
        let denied = picked.iter().filter(|entry| entry.is_bad());
        let denied: Vec<Candidate> = denied.filter_map(|entry| candidate(known, entry)).collect();
        let connections = picked.iter().filter(|entry| entry.id.is_some()).count();
        let requests = picked.iter().filter(|entry| entry.is_request()).count();
        (denied, [connections, requests], known.now)
    });
    if !candidates.is_empty() {
        let allowed = allowed(app, &candidates, at)?;
        candidates.extend(allowed);
    }
    let rows: Vec<Row> = candidates.iter().map(|one| one.row.clone()).collect();
    let mut found = incidents(&rows, now);
    if let Some(changes) = app.changes.last() {
        client::incidents::follow(&mut found, &changes.changes, now);
    }
    let hidden = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    // All on one time axis, no longer than they are.
    let mut frame = Trend::default();
    let begin = found.iter().filter_map(|incident| incident.trend.start());
    frame.count(begin.min().unwrap_or(now));
    let last = found.iter().map(|incident| incident.row.last).max();
    frame.count(last.unwrap_or(now));
    let last_bar = |incident: &Found| {
        let counts = incident.trend.within(&frame);
        counts.iter().rposition(|count| *count > 0)
    };
    let bars = found.iter().filter_map(last_bar).max();
    let bars = bars.map_or(0, |last| (last + 1).max(FEWEST_BARS));
    let found = found.into_iter().filter_map(|found| {
        let newest = candidates.get(found.newest)?;
        Some(incident(found, newest, &frame, bars))
    });
    Ok(Incidents {
        incidents: found.collect(),
        hidden,
        connections,
        requests,
        start: milliseconds(frame.start().unwrap_or(0)),
        step: frame.step().as_secs_f64() * 1000.0,
    })
}

/// Connections that were allowed between the same ends to the same ports, and requests that asked the same: whether they
/// are so since. Whatever the filter says: who looks at what is denied alone wants to know it, too.
fn allowed(
    app: &AppState,
    denied: &[Candidate],
    at: Option<u64>,
) -> Result<Vec<Candidate>, TooMany> {
    let pairs: HashSet<u64> = denied.iter().filter_map(|one| one.pair).collect();
    let asked = denied.iter().map(|one| &one.row);
    let asked: Vec<&Row> = asked.filter(|row| row.request.is_some()).collect();
    let first = denied.iter().map(|one| one.row.start).min();
    let all = FlowQuery {
        key: String::new(),
        filter: Filter::default(),
    };
    let wanted = app.connections(&all, at)?;
    Ok(app.look(&wanted, |known| {
        let entries = known.list.entries();
        let from = entries.partition_point(|entry| Some(entry.start) < first);
        let entries = entries[from..].iter().filter(|entry| !entry.is_bad());
        // The texts of a row are made of those alone that may have ended one.
        let same = entries.filter(|entry| {
            let read = connections::read(known, entry);
            read.is_some_and(|(_, view)| pairs.contains(&pair(&view)))
        });
        let mut allowed: Vec<Candidate> =
            same.filter_map(|entry| candidate(known, entry)).collect();
        let requests = allowed_requests(known.snapshot, &asked).into_iter();
        let requests = requests.filter(|(_, number)| *number <= known.at);
        allowed.extend(requests.filter_map(|(row, number)| {
            let flow = FlowId::of(known.snapshot.row(number)?);
            Some(Candidate::of_request(row, flow, String::new()))
        }));
        allowed
    }))
}

impl Candidate {
    fn of_request(row: Row, flow: FlowId, term: String) -> Self {
        Self {
            row,
            id: flow.to_string(),
            flow,
            term,
            pair: None,
        }
    }
}

fn candidate(known: &ConnectionSnapshot<'_>, entry: &Entry) -> Option<Candidate> {
    let (connection, view) = match Shown::read(known, entry)? {
        Shown::Connection(shown) => *shown,
        Shown::Request(view) => {
            let row = Row::of_request(&view, true)?;
            let flow = FlowId::of(known.snapshot.row(entry.number)?);
            return Some(Candidate::of_request(row, flow, term(&view)));
        }
    };
    Some(Candidate {
        row: Row::new(&connection, &view, true)?,
        id: ConnectionId::of(&connection).to_string(),
        flow: FlowId::of(view.event()),
        pair: Some(pair(&view)),
        term: match entry.is_bad() {
            true => term(&view),
            false => String::new(),
        },
    })
}

/// What is denied like a flow between the same ends; of a request what asks the same.
fn term<V: FlowView>(view: &V) -> String {
    let verdict = view.verdict().as_str_name();
    let same = filter_for::request(view).unwrap_or_else(|| filter_for::ends(view));
    format!("verdict == {verdict} and {same}")
}

fn incident(found: Found, newest: &Candidate, frame: &Trend, bars: usize) -> Incident {
    let (status, allowed_since) = match found.status {
        Status::Ongoing => ("ongoing", None),
        Status::Allowed(since) => ("allowed", Some(milliseconds(since))),
        Status::Quiet => ("quiet", None),
    };
    let end = |end: &RowEnd, pods: &std::collections::BTreeSet<String>| End {
        kind: end.who.kind.name(),
        namespace: end.who.namespace.clone(),
        name: match end.outside.is_empty() {
            true => end.who.name.clone(),
            false => end.outside.clone(),
        },
        pods: pods.iter().cloned().collect(),
    };
    Incident {
        id: found.id(),
        status,
        allowed_since,
        judged: found.row.judged.name(),
        source: end(&found.row.source, &found.sources),
        destination: end(&found.row.destination, &found.destinations),
        port: found.row.port.trim_start_matches([':', ' ']).to_owned(),
        trend: found.trend.within(frame)[..bars].to_vec(),
        drops: found.row.facts.drops,
        connections: found.row.connections,
        since: milliseconds(found.row.start),
        last: milliseconds(found.row.last),
        why: found.row.why,
        request: found.row.request.map(|asked| Asked {
            subject: asked.subject,
            reason: asked.reason,
        }),
        term: newest.term.clone(),
        newest: newest.id.clone(),
        flow: newest.flow.to_string(),
    }
}
