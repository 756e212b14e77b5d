//! What changed in the cluster's state.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use client::Server;
use proto::flows::v1::{Change as Told, GetChangesRequest, GetChangesResponse, change::Action};
use proto::google::Timestamp;
use serde::Serialize;

use super::flow_query::Times;
use super::{Answer, milliseconds};
use crate::app_state::AppState;
use crate::params::Params;

/// The newest so many changes that concern a pod.
const OF_POD: u32 = 30;

#[derive(Debug, Serialize)]
pub(super) struct Changes {
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    changes: Vec<Change>,
    /// So many older ones are not among them.
    left_out: u64,
    /// All changes since are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_since: Option<f64>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Change {
    time: f64,
    action: &'static str,
    object: String,
    kind: String,
    summary: String,
    place: String,
    revision: u32,
    nodes: Vec<String>,
    /// It was made while no agent ran: at some time before.
    while_away: bool,
    /// If a pod was asked for, why this concerns it: `selects it`.
    #[serde(skip_serializing_if = "String::is_empty")]
    concerns: String,
}

pub(super) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Changes> {
    let params = Params::read(query.as_deref(), &["since", "until", "pod"], &[])?;
    let (from, to) = Times::read(&params)?.bounds();
    let answer = match (params.text("pod"), &app.server) {
        (Some(pod), Some(server)) => of_pod(server, pod).await,
        (None, _) | (_, None) => app.changes.get(app.server.as_ref()).await,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            return Ok(Json(Changes {
                available: false,
                why: Some(why),
                changes: Vec::new(),
                left_out: 0,
                complete_since: None,
                notes: Vec::new(),
            }));
        }
    };
    let within = |change: &&Told| (from..=to).contains(&time(change.time));
    Ok(Json(Changes {
        available: true,
        why: None,
        changes: answer
            .changes
            .iter()
            .filter(within)
            .filter_map(of)
            .collect(),
        left_out: answer.left_out,
        complete_since: answer
            .complete_since
            .map(|time| milliseconds(time.unix_nanos())),
        notes: answer.notes.clone(),
    }))
}

/// What can concern a pod.
async fn of_pod(server: &Server, pod: &str) -> Result<Arc<GetChangesResponse>, String> {
    let request = GetChangesRequest {
        pod: pod.to_owned(),
        number: OF_POD,
        without_objects: true,
        ..GetChangesRequest::default()
    };
    let answer = server.get_changes(request).await;
    answer.map(Arc::new).map_err(|error| error.to_string())
}

pub(super) fn time(time: Option<Timestamp>) -> i64 {
    time.map_or(0, Timestamp::unix_nanos)
}

/// A change; `None` of a first state, before which nothing was known.
pub(super) fn of(change: &Told) -> Option<Change> {
    let action = match change.action() {
        Action::Added => "added",
        Action::Changed => "changed",
        Action::Removed => "removed",
        Action::FirstState | Action::Unspecified => return None,
    };
    let nodes = change.nodes.iter();
    Some(Change {
        time: milliseconds(time(change.time)),
        action,
        object: change.object.clone(),
        kind: change.kind.clone(),
        concerns: change.concerns.clone(),
        summary: change.summary.clone(),
        place: change.place.clone(),
        revision: nodes.clone().map(|node| node.revision).max().unwrap_or(0),
        while_away: !change.nodes.is_empty() && nodes.clone().all(|node| node.found_at_start),
        nodes: nodes.map(|node| node.node_name.clone()).collect(),
    })
}
