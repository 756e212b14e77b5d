//! Policies that somebody writes: what is wrong with them, what they mean, and what they would change.
//! Nothing is applied, and nothing of the text is kept or logged.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use explain::cancel::{Cancel, Cancelled};
use explain::diff::{Became, Change, ChangedEnd, FlowImpact};
use explain::diff_report::{Names, ObjectChange, Report, connections, markdown, reason_text};
use explain::policy_inputs::PolicyInputs;
use explain::validate::{File, Severity, propose};
use policy::{Config, Direction};
use proto::flows::v1 as wire;
use serde::{Deserialize, Serialize};

use super::{Answer, sent};
use crate::app_state::{AppState, Busy, ClusterView, RecordedFlows, Unanswered};
use crate::auth::User;
use crate::problem::Problem;

/// The longest request, bytes.
const LONGEST: usize = 1 << 20;
/// Of each list so many are answered; the others are counted.
const MOST: usize = 200;
/// Name of the text in the report.
const NAME: &str = "policy.yaml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyText {
    yaml: String,
}

#[derive(Serialize)]
pub(super) struct PolicyCheck {
    documents: u32,
    policies: u32,
    /// Whether it was checked beside the objects of a cluster.
    cluster: bool,
    diagnostics: Vec<Diagnostic>,
    more_diagnostics: usize,
    meanings: Vec<Meaning>,
    more_meanings: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Diff>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_diff: Option<String>,
}

#[derive(Serialize)]
struct Diagnostic {
    severity: &'static str,
    code: String,
    line: u32,
    column: u32,
    object: String,
    field: String,
    problem: String,
    remedy: String,
}

#[derive(Serialize)]
struct Meaning {
    policy: String,
    line: u32,
    text: String,
}

#[derive(Serialize)]
struct Diff {
    summary: String,
    /// Pairs of which some connection becomes so.
    denied: u64,
    allowed: u64,
    objects: Vec<Object>,
    changes: Vec<Row>,
    more_changes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Recorded>,
    warnings: usize,
    not_compared: Vec<String>,
    markdown: String,
}

#[derive(Serialize)]
struct Object {
    change: ObjectChange,
    object: String,
}

#[derive(Serialize)]
struct Row {
    becomes: &'static str,
    sources: String,
    destinations: String,
    ports: String,
    ends: Vec<End>,
}

#[derive(Serialize)]
struct End {
    direction: Direction,
    before: String,
    after: String,
}

#[derive(Serialize)]
struct Recorded {
    summary: String,
    connections: u64,
    denied: u64,
    allowed: u64,
    changes: Vec<RecordedRow>,
    more_changes: usize,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct RecordedRow {
    becomes: &'static str,
    text: String,
    ends: Vec<End>,
}

pub(super) async fn post(
    State(app): State<Arc<AppState>>,
    user: Option<Extension<User>>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
) -> Answer<PolicyCheck> {
    // Whoever is known by name, else the machine that asks.
    let client = match (user, peer) {
        (Some(Extension(User(name))), _) => format!("user {name}"),
        (None, Some(Extension(ConnectInfo(peer)))) => format!("address {}", peer.ip()),
        (None, None) => String::new(),
    };
    let busy = |busy: Busy| Problem::new(StatusCode::TOO_MANY_REQUESTS, busy.to_string());
    let begun = app.checks.begin(client).map_err(busy)?;
    let PolicyText { yaml } = sent(request, LONGEST).await?;
    let cluster = app.cluster_view().await;
    let place = begun.place().await;
    let cancel = Cancel::default();
    // The server drops this where it has taken too long, and where the client is gone: the work ends with it.
    let waits = cancel.on_drop();
    let done = tokio::task::spawn_blocking(move || {
        let answer = check(&app, cluster, yaml, &cancel);
        // Held as long as this works, which may be a moment longer than somebody waits for it.
        drop((place, begun));
        answer
    });
    let failed = |error: &dyn std::error::Error| {
        tracing::error!(%error, "a check of policies failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the policies could not be checked",
        )
    };
    let answer = done.await.map_err(|error| failed(&error))?;
    drop(waits);
    answer.map(Json).map_err(|cancelled| failed(&cancelled))
}

fn check(
    app: &AppState,
    cluster: Result<Arc<ClusterView>, Unanswered>,
    yaml: String,
    cancel: &Cancel,
) -> Result<PolicyCheck, Cancelled> {
    let files = [File {
        name: NAME.into(),
        text: yaml,
    }];
    let none = PolicyInputs::new(Arc::default(), Config::default());
    let inputs = cluster.as_ref().map(|cluster| &cluster.inputs);
    let present = inputs.unwrap_or(&none);
    let (report, state) = propose(&files, &present.state, &present.config, cancel);
    cancel.check()?;
    let mut answer = PolicyCheck::new(&explain::proto::report(&report), cluster.is_ok());
    let before = match inputs {
        _ if report.count(Severity::Error) > 0 => {
            Err("there are errors: mend them first".to_owned())
        }
        _ if report.documents == 0 => Err("there is nothing in the text yet".to_owned()),
        Ok(inputs) if inputs.state.pods.is_empty() => {
            Err("the cluster has no pods: policies without pods decide nothing".to_owned())
        }
        Ok(inputs) => Ok(inputs),
        Err(unanswered) => Err(unanswered.why.clone()),
    };
    match before {
        Ok(before) => {
            let after = PolicyInputs::new(state.into(), before.config.clone());
            let recorded = app.recorded.get(&app.store, app.present());
            let RecordedFlows { groups, origin } = &*recorded;
            let flows = Some((groups, origin.clone()));
            let compared = Report::new(before, &after, &report, flows, cancel)?;
            answer.diff = Some(Diff::new(&compared));
        }
        Err(why) => answer.no_diff = Some(why),
    }
    Ok(answer)
}

impl PolicyCheck {
    fn new(report: &wire::ValidateResponse, cluster: bool) -> Self {
        let diagnostics = report.diagnostics.iter().take(MOST);
        let meanings = report.meanings.iter().take(MOST);
        Self {
            documents: report.documents,
            policies: report.policies,
            cluster,
            diagnostics: diagnostics.map(Diagnostic::new).collect(),
            more_diagnostics: report.diagnostics.len().saturating_sub(MOST),
            meanings: meanings
                .map(|meaning| Meaning {
                    policy: meaning.policy.clone(),
                    line: meaning.line,
                    text: meaning.text.clone(),
                })
                .collect(),
            more_meanings: report.meanings.len().saturating_sub(MOST),
            diff: None,
            no_diff: None,
        }
    }
}

impl Diagnostic {
    fn new(found: &wire::Diagnostic) -> Self {
        Self {
            severity: match found.severity() {
                wire::diagnostic::Severity::Error => "error",
                wire::diagnostic::Severity::Warning => "warning",
                wire::diagnostic::Severity::Note | wire::diagnostic::Severity::Unspecified => {
                    "note"
                }
            },
            code: found.code.clone(),
            line: found.line,
            column: found.column,
            object: found.object.clone(),
            field: found.field.clone(),
            problem: found.problem.clone(),
            remedy: found.remedy.clone(),
        }
    }
}

impl Diff {
    fn new(report: &Report) -> Self {
        let names = Names::new(&report.groups);
        let objects = report.objects.iter().map(|object| Object {
            change: object.change,
            object: object.name.to_string(),
        });
        let changes = report.changes.iter().take(MOST);
        let not_compared = report.unmatched.iter().take(MOST);
        Self {
            summary: report.summary(),
            denied: report.pairs(Became::Denied),
            allowed: report.pairs(Became::Allowed),
            objects: objects.take(MOST).collect(),
            changes: changes.map(|change| Row::new(change, &names)).collect(),
            more_changes: report.changes.len().saturating_sub(MOST),
            recorded: report
                .impact
                .as_ref()
                .map(|(impact, _)| Recorded::new(report, impact)),
            warnings: report.warnings.len(),
            not_compared: not_compared.cloned().collect(),
            markdown: markdown(report),
        }
    }
}

impl Row {
    fn new(change: &Change, names: &Names) -> Self {
        Self {
            becomes: becomes(change.became),
            sources: names.list(&change.sources),
            destinations: names.list(&change.destinations),
            ports: change.ports.to_string(),
            ends: change.ends.iter().map(End::new).collect(),
        }
    }
}

fn becomes(became: Became) -> &'static str {
    match became {
        Became::Denied => "denied",
        Became::Allowed => "allowed",
    }
}

impl End {
    fn new(end: &ChangedEnd) -> Self {
        Self {
            direction: end.direction,
            before: reason_text(end.before.as_ref()),
            after: reason_text(end.after.as_ref()),
        }
    }
}

impl Recorded {
    fn new(report: &Report, impact: &FlowImpact) -> Self {
        let changes = impact.changes.iter().take(MOST);
        Self {
            summary: report.impact_summary().unwrap_or_default(),
            connections: impact.connections,
            denied: impact.connections(Became::Denied),
            allowed: impact.connections(Became::Allowed),
            changes: changes
                .map(|change| RecordedRow {
                    becomes: becomes(change.became),
                    text: connections(change),
                    ends: change.ends.iter().map(End::new).collect(),
                })
                .collect(),
            more_changes: impact.changes.len().saturating_sub(MOST),
            notes: report.impact_notes(),
        }
    }
}
