//! Changes that several nodes tell of, as one each.
//!
//! A node tells of a change once, so two of the same object between the same forms that two nodes tell of
//! are one. An object may go back and forth: so they are one only if they came into force within some
//! time of each other, or if the node found it at its start and doesn't know when it was.

use std::collections::HashMap;

use proto::flows::v1::{Change, FirstState, GetChangesResponse};
use proto::google::Timestamp;

/// A node that runs puts a change into force within so long (ns) of the others.
const APART: i64 = 600_000_000_000;

/// What tells changes apart: object, forms before and after; of a first state what it had.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    action: i32,
    object: String,
    before: String,
    after: String,
    first: [u64; 6],
}

impl Key {
    fn new(change: &Change) -> Self {
        let first = change.first_state.unwrap_or_default();
        let FirstState {
            policies,
            pods,
            namespaces,
            nodes,
            cidr_groups,
            services,
        } = first;
        Self {
            action: change.action,
            object: change.object.clone(),
            before: change.before_version.clone(),
            after: change.after_version.clone(),
            first: [policies, pods, namespaces, nodes, cidr_groups, services],
        }
    }
}

/// The answers in one: the newest `number` changes, the oldest of them first.
pub(super) fn merged(answers: Vec<GetChangesResponse>, number: usize) -> GetChangesResponse {
    let mut left_out = 0;
    let mut complete_since: Option<Timestamp> = None;
    // What a node left out, others may tell: from its oldest one on the answer has all.
    let mut all_since: Option<Timestamp> = None;
    let mut told: Vec<Change> = Vec::new();
    let mut node_names = Vec::new();
    for answer in answers {
        node_names.push(answer.node_name);
        complete_since = complete_since.max(answer.complete_since);
        if answer.left_out > 0 {
            left_out = left_out.max(answer.left_out);
            all_since = all_since.max(answer.changes.first().and_then(|change| change.time));
        }
        told.extend(answer.changes);
    }
    node_names.sort();
    told.sort_by(|one, other| order(one).cmp(&order(other)));
    let mut merged: Vec<Change> = Vec::new();
    let mut known: HashMap<Key, Vec<usize>> = HashMap::new();
    for change in told {
        let places = known.entry(Key::new(&change)).or_default();
        let is_on = |place: &&usize| {
            let nodes = merged[**place].nodes.iter();
            let mut nodes = nodes.flat_map(|on| change.nodes.iter().map(move |own| (on, own)));
            nodes.any(|(on, own)| on.node_name == own.node_name)
        };
        let fits = |place: &&usize| !is_on(place) && is_near(&merged[**place], &change);
        match places.iter().rev().find(fits) {
            Some(place) => add(&mut merged[*place], change),
            None => {
                places.push(merged.len());
                merged.push(change);
            }
        }
    }
    merged.sort_by(|one, other| order(one).cmp(&order(other)));
    let whole = merged.len();
    if let Some(since) = all_since {
        merged.retain(|change| change.last_time >= Some(since));
    }
    let surplus = merged.len().saturating_sub(number);
    merged.drain(..surplus);
    let dropped = u64::try_from(whole - merged.len()).unwrap_or(u64::MAX);
    GetChangesResponse {
        changes: merged,
        complete_since,
        // What is dropped here may be what a node left out.
        left_out: left_out.max(dropped),
        node_names,
        ..GetChangesResponse::default()
    }
}

/// Whether a node's change, not older than what others told, may be the same.
fn is_near(known: &Change, change: &Change) -> bool {
    let ns = |time: Option<Timestamp>| time.unwrap_or_default().unix_nanos();
    let found = change.nodes.iter().find(|on| on.found_at_start);
    // It may have happened at any time since then.
    let from = match found {
        Some(on) => ns(on.found_after),
        None => ns(change.time).saturating_sub(APART),
    };
    ns(known.last_time.or(known.time)) >= from
}

/// By time; at one moment by object, so that the order is the same each time.
fn order(change: &Change) -> (Option<Timestamp>, &str, &str) {
    let node = change.nodes.first();
    let node = node.map_or("", |on| &*on.node_name);
    (change.time, &change.object, node)
}

/// A node's word of a change that others told of already.
fn add(known: &mut Change, change: Change) {
    known.time = known.time.min(change.time);
    known.last_time = known.last_time.max(change.last_time);
    if known.place.is_empty() {
        known.place = change.place;
    }
    known.before = known.before.take().or(change.before);
    known.after = known.after.take().or(change.after);
    if known.concerns.is_empty() {
        known.concerns = change.concerns;
    }
    known.nodes.extend(change.nodes);
    known
        .nodes
        .sort_by(|one, other| one.node_name.cmp(&other.node_name));
}
