//! The service map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::{Item, Snapshot};
use serde::Serialize;

use super::flow_query::{self, Times, Unit};
use super::{Answer, compute};
use crate::app_state::{AppState, CachedView, ConnectionSnapshot};
use crate::map::{Counted, Counts, Edge, EventTraffic, Latencies, Parties, median, reasons};
use crate::params::Params;

/// Edges of an answer; of more, those with drops and the busiest.
const EDGES: usize = 10_000;
/// Kinds of requests of an edge.
const REQUESTS: usize = 6;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Map {
    seconds: f64,
    nodes: Vec<MapNode>,
    edges: Vec<MapEdge>,
    hidden: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct MapNode {
    id: String,
    kind: &'static str,
    namespace: String,
    name: String,
    term: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct MapEdge {
    source: String,
    destination: String,
    port: String,
    flows: u64,
    dropped: u64,
    connections: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<Request>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<Carried>,
    term: String,
}

/// Requests that the connections carried, as a proxy judged them.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Carried {
    total: u64,
    denied: u64,
    failed: u64,
    /// Milliseconds that half of the answers didn't exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
}

impl Carried {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
    fn of(counts: &Counts, latencies: Option<&Latencies>) -> Option<Self> {
        (counts.requests > 0).then(|| Self {
            total: counts.requests,
            denied: counts.denied,
            failed: counts.failed,
            latency: latencies.and_then(median).map(|ns| ns as f64 / 1e6),
        })
    }
}

/// What a proxy read that was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Request {
    name: String,
    flows: u64,
}

/// The most frequent ones, by name: what changes places whenever another gets busier can't be read.
fn requests(parties: &Parties, asked: Option<BTreeMap<u32, u64>>) -> Vec<Request> {
    let asked = asked.into_iter().flatten();
    let mut requests: Vec<Request> = asked
        .map(|(number, flows)| Request {
            name: parties.request(number).to_owned(),
            flows,
        })
        .collect();
    requests.sort_by_key(|request| std::cmp::Reverse(request.flows));
    requests.truncate(REQUESTS);
    requests.sort_by(|a, b| a.name.cmp(&b.name));
    requests
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Map> {
    let known = [&flow_query::PARAMETERS[..], &["at", "unit"]].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    let unit = Unit::read(&params, &flow_query)?;
    let mut times = Times::read(&params)?;
    let at: Option<u64> = params.value("at")?;
    let map = compute(app, move |app| match unit {
        Unit::Connections => {
            let query = app.connections(&flow_query, at)?.with_traffic();
            Ok(app.look(&query, |known| of_connections(known, &times, at)))
        }
        Unit::Events => {
            let looked = app.view(&flow_query)?;
            let (looked, snapshot) = CachedView::advanced(&looked, &app.store, at.is_none());
            times.hold(&snapshot, at.unwrap_or(u64::MAX));
            Ok(of_events(&looked, &snapshot, &times, at))
        }
    });
    Ok(Json(map.await?))
}

/// The time that the flows up to a number are of, Unix ns, both included.
fn stretch(snapshot: &Snapshot, at: u64) -> Option<(i64, i64)> {
    let range = snapshot.range();
    let end = at.saturating_add(1).clamp(range.start, range.end);
    let time = |(_, item): (u64, &Item)| match item {
        Item::Flow(row) => Some(row.time()).filter(|time| *time > 0),
        Item::Marker(_) => None,
    };
    let first = snapshot.iter(range.start..end).find_map(time)?;
    let last = snapshot.iter(range.start..end).rev().find_map(time)?;
    // A file need not be in order.
    Some((first.min(last), first.max(last)))
}

/// Of connections, as they are or as they were known at the moment of a number.
pub(super) fn of_connections(
    known: &ConnectionSnapshot<'_>,
    times: &Times,
    at: Option<u64>,
) -> Map {
    let mut times = times.clone();
    if at.is_some() {
        times.hold_at(known.now);
    }
    let within = (!times.is_all()).then(|| times.bounds());
    let stretch = stretch(known.snapshot, at.unwrap_or(u64::MAX));
    match known.traffic {
        Some(traffic) => of(traffic.parties(), traffic.counted(within, stretch)),
        None => Map::default(),
    }
}

/// Of events, those that are there or those up to a number.
pub(super) fn of_events(
    looked: &CachedView,
    snapshot: &Snapshot,
    times: &Times,
    at: Option<u64>,
) -> Map {
    let within = times.bounds();
    let held = at.map(|at| {
        let (from, to) = within;
        EventTraffic::held(&looked.view, snapshot, at, from..=to)
    });
    let stretch = stretch(snapshot, at.unwrap_or(u64::MAX));
    match held.as_ref().or(looked.traffic.as_ref()) {
        Some(traffic) => of(traffic.parties(), traffic.counted(within, stretch)),
        None => Map::default(),
    }
}

/// Of what was counted.
fn of(parties: &Parties, counted: Counted) -> Map {
    let Counted {
        mut edges,
        mut asked,
        latencies,
        seconds,
    } = counted;
    let hidden = edges.len().saturating_sub(EDGES);
    if hidden > 0 {
        let rank = |(_, counts): &(Edge, Counts)| {
            std::cmp::Reverse((counts.dropped + counts.denied > 0, counts.flows))
        };
        edges.sort_by_key(rank);
        edges.truncate(EDGES);
    }
    let numbers: BTreeSet<u32> = edges
        .iter()
        .flat_map(|(edge, _)| [edge.source, edge.destination])
        .collect();
    let nodes = numbers.into_iter().filter_map(|number| parties.end(number));
    let nodes = nodes.map(|end| MapNode {
        id: end.id(),
        kind: end.kind.name(),
        namespace: end.namespace.clone(),
        name: end.name.clone(),
        term: end.term(),
    });
    let nodes = nodes.collect();
    let edges = edges.iter().filter_map(|(edge, counts)| {
        let (source, destination) = (parties.end(edge.source)?, parties.end(edge.destination)?);
        let port = parties.port(edge.port);
        let number = port
            .split_once('/')
            .and_then(|(number, _)| number.parse::<u16>().ok());
        let on = number.map_or_else(String::new, |port| format!(" and port == {port}"));
        Some(MapEdge {
            source: source.id(),
            destination: destination.id(),
            port: port.to_owned(),
            flows: counts.flows,
            dropped: counts.dropped,
            connections: counts.connections,
            bytes: counts.bytes,
            reasons: reasons(counts.reasons),
            requests: requests(parties, asked.remove(edge)),
            carried: Carried::of(counts, latencies.get(edge)),
            term: format!("{} and {}{on}", source.term(), destination.term()),
        })
    });
    Map {
        seconds,
        nodes,
        edges: edges.collect(),
        hidden,
    }
}
