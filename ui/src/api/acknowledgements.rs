//! The incidents that somebody knows of: the only thing that a page can write.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use client::RequestError;
use proto::flows::v1::Acknowledgement as Said;
use proto::google::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::flow_query::now;
use super::{Answer, milliseconds, sent};
use crate::app_state::{AppState, Unanswered};
use crate::auth::User;
use crate::config::Acknowledging;
use crate::problem::Problem;

/// The longest request, bytes: its texts may have 500 each.
const LONGEST: usize = 16 * 1024;
/// Nanoseconds of a millisecond.
const MS: i64 = 1_000_000;

#[derive(Serialize)]
pub(super) struct Acknowledgements {
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    writable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<&'static str>,
    acknowledgements: Vec<Acknowledgement>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Acknowledgement {
    incident: String,
    until: f64,
    by: String,
    reason: String,
    time: f64,
}

/// What is to be said of an incident.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledge {
    incident: String,
    /// Milliseconds of Unix time.
    until: Option<i64>,
    #[serde(default)]
    by: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    about: String,
}

#[derive(Serialize)]
pub(super) struct Acknowledged {
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement: Option<Acknowledgement>,
    nodes: Vec<String>,
    notes: Vec<String>,
}

impl Acknowledging {
    /// Why it isn't possible.
    fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::ReadOnly => Some("this flows-ui was started with --read-only"),
            Self::Anonymous => Some(
                "anybody can reach this flows-ui: it acknowledges with --token-file or --trust-proxy-header",
            ),
        }
    }
}

pub(super) async fn get(State(app): State<Arc<AppState>>) -> Json<Acknowledgements> {
    let why_not = app.acknowledging.why_not();
    let none = |why: String| Acknowledgements {
        available: false,
        why: Some(why),
        writable: false,
        why_not: None,
        acknowledgements: Vec::new(),
        notes: Vec::new(),
    };
    let answer = match app.acknowledged.get(app.server.as_ref()).await {
        Ok(answer) => answer,
        Err(unanswered) => return Json(none(unanswered.why)),
    };
    let now = now();
    Json(Acknowledgements {
        available: true,
        why: None,
        writable: why_not.is_none(),
        why_not,
        acknowledgements: answer
            .acknowledgements
            .iter()
            .filter_map(|said| holding(said, now))
            .collect(),
        notes: answer.notes.clone(),
    })
}

/// `None` if it is over, or taken back.
fn holding(said: &Said, now: i64) -> Option<Acknowledgement> {
    let until = said.until?.unix_nanos();
    (until > now).then(|| Acknowledgement {
        incident: said.incident.clone(),
        until: milliseconds(until),
        by: said.by.clone(),
        reason: said.reason.clone(),
        time: milliseconds(said.time.unwrap_or_default().unix_nanos()),
    })
}

pub(super) async fn post(
    State(app): State<Arc<AppState>>,
    user: Option<Extension<User>>,
    request: Request,
) -> Answer<Acknowledged> {
    if let Some(why) = app.acknowledging.why_not() {
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    }
    let Some(server) = &app.server else {
        return Err(Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            Unanswered::file().why,
        ));
    };
    let wanted: Acknowledge = sent(request, LONGEST).await?;
    // Whom the proxy knows needs not be believed.
    let by = match user {
        Some(Extension(User(name))) => name,
        None => wanted.by.trim().to_owned(),
    };
    if by.is_empty() {
        return Err(Problem::parameter("by", "say who acknowledges it"));
    }
    let until = wanted.until.map(|until| until.saturating_mul(MS));
    let said = Said {
        incident: wanted.incident,
        until: until.map(Timestamp::from_unix_nanos),
        by,
        reason: wanted.reason.trim().to_owned(),
        time: None,
        about: wanted.about.trim().to_owned(),
    };
    let answer = app.acknowledged.put(server, said).await;
    let answer = answer.map_err(|error| refusal(&error))?;
    // What the servers kept has nothing in it that could steer a terminal.
    if let Some(kept) = &answer.acknowledgement {
        info!(
            incident = %kept.incident,
            by = %kept.by,
            withdrawn = kept.until.is_none(),
            "an incident was acknowledged"
        );
    }
    let now = now();
    Ok(Json(Acknowledged {
        acknowledgement: answer.acknowledgement.and_then(|said| holding(&said, now)),
        nodes: answer.node_names,
        notes: answer.notes,
    }))
}

fn refusal(error: &RequestError) -> Problem {
    let status = match error {
        _ if error.is_unsupported() => StatusCode::NOT_IMPLEMENTED,
        _ if error.is_invalid() => StatusCode::BAD_REQUEST,
        _ => StatusCode::BAD_GATEWAY,
    };
    Problem::new(status, error.to_string())
}
