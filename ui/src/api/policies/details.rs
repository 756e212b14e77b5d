//! All about one policy: its rules with what each decided, its manifest, whom it selects, and its versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use client::policy_history::{self, LineKind, PolicyVersion};
use explain::proto::{direction_text, path_text};
use proto::flows::v1::{GetChangesResponse, PolicyState, RuleState};
use serde::Serialize;

use super::super::{Answer, changes, milliseconds};
use super::{Entry, Named, gather};
use crate::app_state::{AppState, ClusterView};
use crate::params::Params;
use crate::problem::Problem;

/// Most workloads that are named.
const WORKLOADS: usize = 200;
/// Most lines of a difference.
const LINES: usize = 400;
/// Most rules that are told.
const RULES: usize = 500;
/// Most bytes of a manifest.
const MANIFEST: usize = 512 * 1024;

#[derive(Serialize)]
pub(in crate::api) struct Details {
    entry: Entry,
    /// As in the list.
    counted: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Of the form that is in force.
    version: String,
    place: String,
    rules: Vec<Rule>,
    rules_hidden: usize,
    /// As it is in force; absent if nothing is, or the server doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    yaml: Option<String>,
    workloads: Vec<Named>,
    workloads_hidden: usize,
    /// The newest first.
    versions: Vec<Version>,
    /// Why there are none, or not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions_why: Option<String>,
}

#[derive(Serialize)]
struct Rule {
    /// `spec.ingress[0]`
    path: String,
    direction: &'static str,
    deny: bool,
    text: String,
    decisions: u64,
    open: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Version {
    number: usize,
    /// Since when it is in force; absent: since before changes were recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<f64>,
    revision: u32,
    /// From then on the policy was gone.
    removed: bool,
    /// What it changed, in words.
    summary: String,
    place: String,
    /// Rules that were lost (`-`) or came (`+`).
    rules: Vec<DiffLine>,
    diff: Vec<Hunk>,
    /// Lines of the difference that are left out.
    diff_hidden: usize,
}

#[derive(Serialize)]
struct Hunk {
    header: String,
    lines: Vec<DiffLine>,
}

#[derive(Serialize)]
struct DiffLine {
    kind: &'static str,
    text: String,
}

pub(in crate::api) async fn get(
    State(app): State<Arc<AppState>>,
    RawQuery(query): RawQuery,
) -> Answer<Details> {
    let params = Params::read(query.as_deref(), &["name"], &[])?;
    let name = params.text("name").ok_or_else(|| {
        let what = "which policy is meant, such as cnp shop/web";
        Problem::parameter("name", what)
    })?;
    let gathered = gather(&app).await?;
    let entry = gathered.entries.into_iter().find(|of| of.policy == name);
    let (versions, versions_why) = match app.policy_history(name).await {
        Ok(answer) => (versions(&answer), left_out(&answer)),
        // That is said above already.
        Err(none) => (Vec::new(), (!none.never).then_some(none.why)),
    };
    // One that is gone has its versions still.
    let entry = entry.or_else(|| {
        (!versions.is_empty()).then(|| Entry {
            state: "gone",
            ..Entry::named(name)
        })
    });
    let Some(entry) = entry else {
        let name: String = name.chars().take(80).collect();
        let detail = format!("there is no policy {name}: nothing of it is in force or recorded");
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    let answer = app.policies.get(app.server.as_ref()).await.ok();
    let policies = answer.iter().flat_map(|answer| &answer.policies);
    let mut policies = policies.map(|(policy, _)| policy);
    let policy = policies.find(|policy| policy.policy == name);
    let cluster = gathered.cluster.as_deref();
    let manifest = cluster.and_then(|cluster| cluster.manifests.get(name));
    let (workloads, workloads_hidden) = selected(policy, cluster);
    let rules = policy.map_or(&[][..], |policy| &policy.rules);
    let yaml = manifest.map(|manifest| manifest.yaml.as_str());
    Ok(Json(Details {
        entry,
        counted: match gathered.is_counted {
            true => "kernel",
            false => "connections",
        },
        why: gathered.why,
        version: policy.map_or_else(String::new, |policy| policy.version.clone()),
        place: match (policy, manifest) {
            (Some(policy), _) => policy.place.clone(),
            (None, Some(manifest)) => manifest.place.clone(),
            (None, None) => String::new(),
        },
        rules: rules.iter().take(RULES).map(rule).collect(),
        rules_hidden: rules.len().saturating_sub(RULES),
        yaml: yaml
            .filter(|yaml| yaml.len() <= MANIFEST)
            .map(str::to_owned),
        workloads,
        workloads_hidden,
        versions,
        versions_why,
    }))
}

fn left_out(answer: &GetChangesResponse) -> Option<String> {
    let since = answer.complete_since?;
    if answer.left_out > 0 {
        return Some(format!("{} older changes are left out.", answer.left_out));
    }
    let since = flow::time::TimeFormat::Rfc3339.text(Some(&since), &flow::time::Zone::UTC);
    Some(match answer.changes.is_empty() {
        true => format!("It has not changed since {since}, as far back as changes are recorded."),
        false => format!("Changes are recorded since {since}."),
    })
}

fn versions(answer: &GetChangesResponse) -> Vec<Version> {
    let known = policy_history::versions(&answer.changes);
    let before = std::iter::once(None).chain(known.iter().map(Some));
    let mut versions: Vec<Version> = before
        .zip(&known)
        .map(|(before, version)| of_version(before, version))
        .collect();
    versions.reverse();
    versions
}

fn of_version(before: Option<&PolicyVersion<'_>>, version: &PolicyVersion<'_>) -> Version {
    let old = before.and_then(|before| before.yaml).unwrap_or_default();
    let mut left = LINES;
    let mut diff_hidden = 0;
    let mut diff = Vec::new();
    // Of the first form that is known nobody knows what it changed.
    let hunks = match version.change {
        Some(_) => policy_history::diff(old, version.yaml.unwrap_or_default()),
        None => Vec::new(),
    };
    for hunk in hunks {
        let shown = hunk.lines.len().min(left);
        left -= shown;
        diff_hidden += hunk.lines.len() - shown;
        if shown > 0 {
            let lines = hunk.lines.into_iter().take(shown);
            diff.push(Hunk {
                header: hunk.header,
                lines: lines.map(diff_line).collect(),
            });
        }
    }
    let change = version.change;
    let rules = change.into_iter().flat_map(|change| &change.rules);
    let rules = rules.map(|rule| DiffLine {
        kind: if rule.gained { "added" } else { "removed" },
        text: format!(
            "{} {} {} {}",
            path_text(rule.path.as_ref()),
            if rule.deny { "denies" } else { "allows" },
            direction_text(rule.direction()),
            rule.text
        ),
    });
    let nodes = change.into_iter().flat_map(|change| &change.nodes);
    Version {
        number: version.number,
        time: change.map(|change| milliseconds(changes::time(change.time))),
        revision: nodes.map(|node| node.revision).max().unwrap_or(0),
        removed: version.yaml.is_none(),
        summary: change.map_or_else(String::new, |change| change.summary.clone()),
        place: change.map_or_else(String::new, |change| change.place.clone()),
        rules: rules.collect(),
        diff,
        diff_hidden,
    }
}

fn diff_line((kind, text): (LineKind, String)) -> DiffLine {
    DiffLine {
        kind: match kind {
            LineKind::Same => "same",
            LineKind::Removed => "removed",
            LineKind::Added => "added",
        },
        text,
    }
}

fn rule(rule: &RuleState) -> Rule {
    Rule {
        path: path_text(rule.path.as_ref()),
        direction: direction_text(rule.direction()),
        deny: rule.deny,
        text: rule.text.clone(),
        decisions: rule.decisions,
        open: rule.connections,
        bytes: rule.bytes,
    }
}

/// The workloads whose pods a policy selects, and how many more there are.
fn selected(policy: Option<&PolicyState>, cluster: Option<&ClusterView>) -> (Vec<Named>, usize) {
    let pods = policy.into_iter().flat_map(|policy| &policy.selects);
    let mut workloads = BTreeMap::<String, usize>::new();
    for pod in pods {
        let owner = cluster.map_or_else(|| pod.clone(), |cluster| cluster.owner(pod));
        *workloads.entry(owner).or_default() += 1;
    }
    let hidden = workloads.len().saturating_sub(WORKLOADS);
    let named = workloads.into_iter().take(WORKLOADS);
    let named = named.map(|(name, pods)| Named { name, pods });
    (named.collect(), hidden)
}
