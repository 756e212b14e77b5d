//! Whom the flows come from, what is held, what was lost where.

mod losses;
mod nodes;

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::{Extension, Json};
use client::{ConnectionState, Health};
use proto::google::Timestamp;
use serde::Serialize;

use super::{flow_query, milliseconds};
use crate::app_state::{self, AppState, Older};
use crate::auth::User;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Status {
    /// When this program began to listen: sequence numbers are of one run.
    started: f64,
    source: String,
    link: LinkState,
    server: ServerKind,
    held: Held,
    /// Events that are missing.
    lost: u64,
    /// How many of them the stream told of: they have marks in the table and on the time axis.
    marked: u64,
    losses: Vec<losses::Loss>,
    nodes: Vec<nodes::Node>,
    /// Lines of the file that are marked as unreadable.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
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
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<f64>,
    older: Older,
    capacity: usize,
    first: u64,
    at: u64,
    evicted: u64,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    user: Option<Extension<User>>,
) -> Json<Status> {
    Json(now(&app, user.map(|Extension(User(name))| name)))
}

/// As of now.
pub(super) fn now(app: &AppState, user: Option<String>) -> Status {
    let known = app.health();
    let health = known.health.as_ref();
    let snapshot = app.store.snapshot();
    let (range, counts) = (snapshot.range(), snapshot.counts());
    let ours = health.and_then(|health| health.ours.as_ref());
    let kind = match health {
        _ if app.is_file => "file",
        Some(Health { ours: Some(_), .. }) => "flows",
        Some(_) => "hubble",
        None => "unknown",
    };
    let mut warnings: Vec<String> = known.error.iter().cloned().collect();
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
    let losses = losses::of_all(health, counts.lost);
    let state = app.link();
    let mut nodes = nodes::all(health, &app.came(), flow_query::now());
    if matches!(
        state,
        ConnectionState::Lost { .. } | ConnectionState::Failed(_)
    ) {
        // What was said last needn't hold any more.
        nodes.iter_mut().for_each(nodes::Node::forget);
    }
    Status {
        started: unix(app.started),
        source: app.source.clone(),
        link: link(state),
        server: ServerKind {
            kind,
            version: health.map_or_else(String::new, |health| health.server.version.clone()),
        },
        held: Held {
            flows: range.end - range.start,
            oldest: app_state::oldest(&app.store).map(milliseconds),
            newest: app_state::newest(&app.store).map(milliseconds),
            older: app.older(),
            capacity: app.store.capacity(),
            first: range.start,
            at: range.end.saturating_sub(1),
            evicted: counts.evicted,
        },
        // A mark may be here before the servers are asked for their counts again.
        lost: losses::sum(&losses).max(counts.lost),
        marked: counts.lost,
        losses,
        nodes,
        unreadable: app.unreadable(),
        warnings,
        user,
    }
}

fn unix(time: SystemTime) -> f64 {
    milliseconds(Timestamp::from(time).unix_nanos())
}

fn link(link: ConnectionState) -> LinkState {
    match link {
        ConnectionState::Connecting => LinkState {
            state: "connecting",
            ..LinkState::default()
        },
        ConnectionState::Live { since } => LinkState {
            state: "live",
            since: Some(unix(since)),
            ..LinkState::default()
        },
        ConnectionState::Lost {
            since,
            why,
            retry_in,
        } => LinkState {
            state: "lost",
            since: Some(unix(since)),
            retry_in: Some(retry_in.as_secs_f64() * 1000.0),
            why: Some(why),
        },
        ConnectionState::Ended => LinkState {
            state: "ended",
            ..LinkState::default()
        },
        ConnectionState::Failed(why) => LinkState {
            state: "failed",
            why: Some(why),
            ..LinkState::default()
        },
    }
}
