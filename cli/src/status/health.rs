//! Whether all is well: what a server's answers say of nodes that are away, of changes that are not in
//! force, and of manifests that are refused or left out.

use std::collections::BTreeSet;

use proto::{
    flows::v1::{GetStatusResponse, ManifestProblem},
    observer::ServerStatusResponse,
};

use crate::text;

/// The most lines of what is wrong, and names in one of them.
const SHOWN: usize = 10;

/// What is wrong, a line each; empty if nothing is.
pub(crate) fn degraded(
    status: Option<&ServerStatusResponse>,
    ours: Option<&GetStatusResponse>,
) -> Vec<String> {
    let mut lines: Vec<String> = status.and_then(away).into_iter().collect();
    let known_away: BTreeSet<&str> = status
        .iter()
        .flat_map(|status| &status.unavailable_nodes)
        .map(String::as_str)
        .collect();
    if let Some(ours) = ours {
        let nodes = match ours.nodes.as_slice() {
            [] => std::slice::from_ref(ours),
            nodes => nodes,
        };
        let failed = nodes.iter().filter(|node| {
            !node.failure.is_empty() && !known_away.contains(node.node_name.as_str())
        });
        lines.extend(failed.map(|node| failure(&node.node_name, &node.failure)));
        // An older relay names only what failed.
        if lines.is_empty() && !ours.failure.is_empty() {
            lines.push(ours.failure.clone());
        }
        lines.extend(ours.problems.iter().map(problem));
    }
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn away(status: &ServerStatusResponse) -> Option<String> {
    let number = |number: Option<proto::google::UInt32Value>| number.map_or(0, |n| n.value);
    let away = number(status.num_unavailable_nodes)
        .max(u32::try_from(status.unavailable_nodes.len()).unwrap_or(u32::MAX));
    if away == 0 {
        return None;
    }
    let all = number(status.num_connected_nodes).saturating_add(away);
    let is = if away == 1 { "is" } else { "are" };
    let named: Vec<&str> = status
        .unavailable_nodes
        .iter()
        .map(String::as_str)
        .collect();
    let shown = named[..named.len().min(SHOWN)].join(", ");
    let names = match (
        named.is_empty(),
        usize::try_from(away).unwrap_or(0) - named.len().min(SHOWN),
    ) {
        (true, _) => String::new(),
        (false, 0) => format!(": {shown}"),
        (false, more) => format!(": {shown} and {more} more"),
    };
    Some(format!(
        "{away} of {} {is} away{names}",
        text::many(u64::from(all), "node")
    ))
}

fn failure(node: &str, why: &str) -> String {
    match (node, why) {
        ("", why) => format!("the manifests are not in force: {why}"),
        (node, "not connected") => format!("{node} is not connected"),
        (node, why) => format!("{node} does not enforce the manifests: {why}"),
    }
}

/// What is wrong with a manifest, in short: what of it is in force, and where it stands.
pub(crate) fn problem(problem: &ManifestProblem) -> String {
    let place = place(problem);
    let at = match (problem.object.is_empty(), place.is_empty()) {
        (false, false) => format!(" ({place})"),
        _ => String::new(),
    };
    if is_about_datapath(problem) {
        return format!("the datapath: {}", problem.problem);
    }
    let what = match problem.object.as_str() {
        "" => &place,
        object => object,
    };
    match meaning(problem) {
        Some(meaning) => format!("{what}{at}: {meaning}"),
        None => format!("{what}{at}: {}", problem.problem),
    }
}

/// What follows from a problem for enforcement, where something is known of it.
pub(crate) fn meaning(problem: &ManifestProblem) -> Option<&'static str> {
    match (problem.not_enforced, problem.stale) {
        (true, _) => Some("NOT ENFORCED, no version of it is in force"),
        (false, true) => Some("the last good version stays enforced"),
        (false, false) => None,
    }
}

/// Whether it is about programs and maps, not about what somebody wrote.
pub(crate) fn is_about_datapath(problem: &ManifestProblem) -> bool {
    problem.object.is_empty() && problem.file.is_empty()
}

/// `file:line:column` as far as it is known.
pub(crate) fn place(problem: &ManifestProblem) -> String {
    match (problem.line, problem.column) {
        (0, _) => problem.file.clone(),
        (line, 0) => format!("{}:{line}", problem.file),
        (line, column) => format!("{}:{line}:{column}", problem.file),
    }
}
