//! Whom the flows come from, what is held, what was lost where.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::{Extension, Json};
use client::{FromNode, Health, Link};
use proto::google::Timestamp;
use serde::Serialize;

use super::milliseconds;
use crate::desk::Desk;
use crate::guard::User;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Status {
    source: String,
    link: LinkState,
    server: ServerKind,
    held: Held,
    losses: Vec<Loss>,
    nodes: Vec<Node>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct LinkState {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ServerKind {
    kind: &'static str,
    version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Held {
    flows: u64,
    capacity: usize,
    first: u64,
    at: u64,
    evicted: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Loss {
    stage: &'static str,
    count: u64,
    text: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Node {
    name: String,
    state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows_held: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flows_seen: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
}

pub(super) async fn get(
    State(desk): State<Arc<Desk>>,
    user: Option<Extension<User>>,
) -> Json<Status> {
    Json(now(&desk, user.map(|Extension(User(name))| name)))
}

/// As of now.
pub(super) fn now(desk: &Desk, user: Option<String>) -> Status {
    let known = desk.health();
    let health = known.health.as_ref();
    let snapshot = desk.store.snapshot();
    let (range, counts) = (snapshot.range(), snapshot.counts());
    let ours = health.and_then(|health| health.ours.as_ref());
    let kind = match health {
        _ if desk.is_file => "file",
        Some(Health { ours: Some(_), .. }) => "flows",
        Some(_) => "hubble",
        None => "unknown",
    };
    let mut warnings: Vec<String> = known.error.into_iter().collect();
    if let Some(ours) = ours {
        let failure = Some(&ours.failure).filter(|text| !text.is_empty());
        warnings.extend(failure.cloned());
        warnings.extend(ours.problems.iter().map(|problem| {
            let place = match problem.line {
                0 => problem.file.clone(),
                line => format!("{}:{line}", problem.file),
            };
            let enforced = if problem.not_enforced {
                " (not enforced)"
            } else {
                ""
            };
            format!("{} {place}: {}{enforced}", problem.object, problem.problem)
        }));
    }
    Status {
        source: desk.source.clone(),
        link: link(desk.link()),
        server: ServerKind {
            kind,
            version: health.map_or_else(String::new, |health| health.server.version.clone()),
        },
        held: Held {
            flows: range.end - range.start,
            capacity: desk.store.capacity(),
            first: range.start,
            at: range.end.saturating_sub(1),
            evicted: counts.evicted,
        },
        losses: losses(health, counts.lost),
        nodes: nodes(health, &desk.store.nodes()),
        warnings,
        user,
    }
}

fn unix(time: SystemTime) -> f64 {
    milliseconds(Timestamp::from(time).unix_nanos())
}

fn link(link: Link) -> LinkState {
    match link {
        Link::Connecting => LinkState {
            state: "connecting",
            ..LinkState::default()
        },
        Link::Live { since } => LinkState {
            state: "live",
            since: Some(unix(since)),
            ..LinkState::default()
        },
        Link::Lost {
            since,
            why,
            retry_in,
        } => LinkState {
            state: "lost",
            since: Some(unix(since)),
            retry_in: Some(retry_in.as_secs_f64() * 1000.0),
            why: Some(why),
        },
        Link::Ended => LinkState {
            state: "ended",
            ..LinkState::default()
        },
        Link::Failed(why) => LinkState {
            state: "failed",
            why: Some(why),
            ..LinkState::default()
        },
    }
}

fn losses(health: Option<&Health>, told: u64) -> Vec<Loss> {
    let mut losses = Vec::new();
    if let Some(events) = health
        .and_then(|health| health.ours.as_ref())
        .and_then(|ours| ours.events.as_ref())
    {
        let mut loss = |stage, count, text| losses.push(Loss { stage, count, text });
        loss(
            "In the kernel",
            events.failed,
            "events that no ring had room for",
        );
        loss(
            "Left unread",
            events.left_unread,
            "events that an agent left in its rings when it ended",
        );
        loss(
            "In the agents' queues",
            events.queue_lost,
            "events between a ring's reader and the history",
        );
        loss(
            "Unreadable",
            events.malformed,
            "records that could not be read",
        );
        loss(
            "Evicted unread",
            events.evicted_unread,
            "flows that left a history before a reader had them",
        );
    }
    losses.push(Loss {
        stage: "Told in the stream",
        count: told,
        text: "events whose loss is marked in the table, where it happened",
    });
    losses
}

/// What the server says of its nodes, and what came from each.
fn nodes(health: Option<&Health>, came: &BTreeMap<String, FromNode>) -> Vec<Node> {
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    for node in health.map_or(&[][..], |health| &health.nodes[..]) {
        let state = node.state().as_str_name().to_lowercase();
        let known = Node {
            name: node.name.clone(),
            state: state
                .strip_prefix("node_")
                .unwrap_or(&state)
                .replace('_', " "),
            version: node.version.clone(),
            uptime_seconds: Some(std::time::Duration::from_nanos(node.uptime_ns).as_secs_f64()),
            flows_held: Some(node.num_flows),
            flows_max: Some(node.max_flows),
            flows_seen: Some(node.seen_flows),
            lag_ms: None,
            lost: None,
        };
        nodes.insert(node.name.clone(), known);
    }
    for (name, from) in came {
        // What is said of no node is in the losses.
        if name.is_empty() {
            continue;
        }
        let node = nodes.entry(name.clone()).or_insert_with(|| Node {
            name: name.clone(),
            state: "seen".to_owned(),
            flows_seen: Some(from.flows),
            ..Node::default()
        });
        node.lag_ms = from.delay.map(|delay| delay.as_secs_f64() * 1000.0);
        node.lost = Some(from.lost.values().sum());
    }
    nodes.into_values().collect()
}
