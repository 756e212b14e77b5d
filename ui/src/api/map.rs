//! The service map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::{Item, Snapshot, View};
use serde::Serialize;

use super::flow_query::{self, Times};
use super::{Answer, compute};
use crate::app_state::{AppState, CachedView};
use crate::map::{Counts, Edge, Traffic, reasons};
use crate::params::Params;

/// Edges of an answer; of more, those with drops and the busiest.
const EDGES: usize = 10_000;
/// Kinds of requests of an edge.
const REQUESTS: usize = 6;

#[derive(Clone, Debug, PartialEq, Serialize)]
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
    term: String,
}

/// What a proxy read that was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Request {
    name: String,
    flows: u64,
}

/// The most frequent ones, by name: what changes places whenever another gets busier can't be read.
fn requests(traffic: &Traffic, asked: Option<BTreeMap<u32, u64>>) -> Vec<Request> {
    let asked = asked.into_iter().flatten();
    let mut requests: Vec<Request> = asked
        .map(|(number, flows)| Request {
            name: traffic.request(number).to_owned(),
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
    let known = [&flow_query::PARAMETERS[..], &["at"]].concat();
    let params = Params::read(query.as_deref(), &known, &flow_query::REPEATED)?;
    let flow_query = flow_query::flow_query(&params)?;
    let mut times = Times::read(&params)?;
    let at: Option<u64> = params.value("at")?;
    let map = compute(app, move |app| {
        let looked = app.view(&flow_query)?;
        let (looked, snapshot) = CachedView::advanced(&looked, &app.store, at.is_none());
        if let Some(at) = at {
            times.hold(&snapshot, at);
            return Ok(held(&looked.view, &snapshot, &times, at));
        }
        let nothing = Traffic::default();
        let traffic = looked.traffic.as_ref().unwrap_or(&nothing);
        Ok(of(traffic, &times, stretch(&snapshot, u64::MAX)))
    });
    Ok(Json(map.await?))
}

/// The time that the flows up to a number are of, Unix ns, both included.
pub(super) fn stretch(snapshot: &Snapshot, at: u64) -> Option<(i64, i64)> {
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

/// Of what was there at the moment of a number.
pub(super) fn held(view: &View, snapshot: &Snapshot, times: &Times, at: u64) -> Map {
    let (from, to) = times.bounds();
    let traffic = Traffic::held(view, snapshot, at, from..=to);
    of(&traffic, times, stretch(snapshot, at))
}

/// Seconds that the counts of a time are of, at least one: nothing was seen before and after what is
/// known.
#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds(traffic: &Traffic, (from, to): (i64, i64), known: Option<(i64, i64)>) -> f64 {
    let Some(known) = known else {
        return 1.0;
    };
    let (oldest, newest) = traffic.known(known);
    let (from, to) = traffic.covered(from, to);
    let counted = to.min(newest).saturating_sub(from.max(oldest));
    (counted as f64 / 1e9).max(1.0)
}

/// Of what was counted, within a time. `known` is the time that the store's flows are of.
pub(super) fn of(traffic: &Traffic, times: &Times, known: Option<(i64, i64)>) -> Map {
    let (from, to) = times.bounds();
    let mut edges = traffic.within(from, to);
    let seconds = seconds(traffic, (from, to), known);
    let hidden = edges.len().saturating_sub(EDGES);
    if hidden > 0 {
        let rank =
            |(_, counts): &(Edge, Counts)| std::cmp::Reverse((counts.dropped > 0, counts.flows));
        edges.sort_by_key(rank);
        edges.truncate(EDGES);
    }
    let mut asked = traffic.asked(from, to);
    let numbers: BTreeSet<u32> = edges
        .iter()
        .flat_map(|(edge, _)| [edge.source, edge.destination])
        .collect();
    let nodes = numbers.into_iter().filter_map(|number| traffic.end(number));
    let nodes = nodes.map(|end| MapNode {
        id: end.id(),
        kind: end.kind.name(),
        namespace: end.namespace.clone(),
        name: end.name.clone(),
        term: end.term(),
    });
    let nodes = nodes.collect();
    let edges = edges.iter().filter_map(|(edge, counts)| {
        let (source, destination) = (traffic.end(edge.source)?, traffic.end(edge.destination)?);
        let port = traffic.port(edge.port);
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
            requests: requests(traffic, asked.remove(edge)),
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
