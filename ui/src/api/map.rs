//! The service map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::{Snapshot, View};
use serde::Serialize;

use super::question::{self, Times};
use super::{Answer, compute};
use crate::desk::{Desk, Looked};
use crate::map::{Counts, Edge, Traffic, reasons};
use crate::params::Params;

/// Edges of an answer; of more, those with drops and the busiest.
const EDGES: usize = 10_000;
/// Kinds of requests of an edge.
const REQUESTS: usize = 6;
/// How much of the time before the newest flow is counted unless said otherwise, ns.
const WINDOW: i64 = 15 * 60 * 1_000_000_000;

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

pub(super) async fn get(State(desk): State<Arc<Desk>>, RawQuery(query): RawQuery) -> Answer<Map> {
    let known = [&question::PARAMETERS[..], &["at"]].concat();
    let params = Params::read(query.as_deref(), &known, &question::REPEATED)?;
    let question = question::question(&params)?;
    let mut times = Times::read(&params)?;
    let at: Option<u64> = params.value("at")?;
    let map = compute(desk, move |desk| {
        let looked = desk.views.get(&question)?;
        let (looked, snapshot) = Looked::advanced(&looked, &desk.store, at.is_none());
        if let Some(at) = at {
            times.hold(&snapshot, at);
            return Ok(Some(held(&looked.view, &snapshot, &times, at)));
        }
        Ok(looked.traffic.as_ref().map(|traffic| of(traffic, &times)))
    });
    Ok(Json(map.await?.unwrap_or_else(|| {
        of(&Traffic::default(), &Times::default())
    })))
}

/// Of what was there at the moment of a number.
pub(super) fn held(view: &View, snapshot: &Snapshot, times: &Times, at: u64) -> Map {
    let (from, _) = times.bounds();
    let from = match from {
        i64::MIN => view
            .matches()
            .range(..view.place(at.saturating_add(1)))
            .map(|found| found.time)
            .max()
            .map_or(i64::MIN, |newest| newest.saturating_sub(WINDOW)),
        from => from,
    };
    of(&Traffic::held(view, snapshot, at, from), times)
}

/// Of what was counted, within a time.
pub(super) fn of(traffic: &Traffic, times: &Times) -> Map {
    let (from, to) = times.bounds();
    let to = to.min(traffic.newest);
    let from = match from {
        i64::MIN => to.saturating_sub(WINDOW),
        from => from,
    };
    let (mut edges, seconds) = traffic.within(from, to);
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
