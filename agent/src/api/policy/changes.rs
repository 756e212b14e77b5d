//! Answers about what changed.

use cluster::{NamespacedName, Object, ObjectChange};
use explain::changes::PodScope;
use policy::Language;
use prost::Message as _;
use proto::flows::v1::{
    Change, ChangeOnNode, FirstState, GetChangesRequest, GetChangesResponse, change::Action,
};
use tonic::Status;

use super::super::request::ns;
use crate::changes::{ChangeLog, Changes, Entry, Recorded, What};
use crate::hubble::timestamp;
use crate::node::AppliedState;

/// The most changes of an answer. One from a node is about 500 bytes without objects.
const MOST: usize = 1_000;
/// The most that they may take with their objects, bytes.
const LARGEST: usize = 2 << 20;

/// A checked request.
pub(super) struct ChangesQuery {
    since: u64,
    until: u64,
    pod: Option<NamespacedName>,
    kind: String,
    namespace: String,
    name: String,
    number: usize,
    without_objects: bool,
}

impl ChangesQuery {
    /// Checks a request.
    ///
    /// # Errors
    /// A moment or a name that is none.
    pub(super) fn new(request: GetChangesRequest) -> Result<Self, Status> {
        let invalid = |error: crate::api::RequestError| Status::invalid_argument(error.to_string());
        let since = request.since.map(|time| ns("since", time)).transpose();
        let until = request.until.map(|time| ns("until", time)).transpose();
        let pod = match request.pod.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                Some(NamespacedName::new(namespace, name))
            }
            None if request.pod.is_empty() => None,
            Some(_) | None => {
                return Err(Status::invalid_argument(format!(
                    "{:?} is not a pod: write NAMESPACE/NAME",
                    request.pod
                )));
            }
        };
        let number = usize::try_from(request.number).unwrap_or(MOST);
        Ok(Self {
            since: since.map_err(invalid)?.unwrap_or(0),
            until: until.map_err(invalid)?.unwrap_or(u64::MAX),
            pod,
            kind: request.kind,
            namespace: request.namespace,
            name: request.name,
            number: if number == 0 { MOST } else { number.min(MOST) },
            without_objects: request.without_objects,
        })
    }

    /// Whether the present state is needed to answer.
    pub(super) fn is_about_pod(&self) -> bool {
        self.pod.is_some()
    }

    fn wants(&self, change: &ObjectChange) -> bool {
        let object = &change.name;
        let is_kind = |kind: &str| {
            kind.is_empty()
                || kind.eq_ignore_ascii_case(object.kind.name())
                || kind.eq_ignore_ascii_case(object.kind.short())
        };
        let namespace = object.namespace.as_deref().unwrap_or_default();
        is_kind(&self.kind)
            && (self.namespace.is_empty() || self.namespace == namespace)
            && (self.name.is_empty() || *self.name == *object.name)
    }

    fn is_about_object(&self) -> bool {
        !(self.kind.is_empty() && self.namespace.is_empty() && self.name.is_empty())
    }
}

/// Answers. `known` is what is in force now, for a query about a pod.
///
/// # Errors
/// The pod isn't known.
pub(super) fn answer(
    query: &ChangesQuery,
    changes: &Changes,
    known: Option<&AppliedState>,
    node_name: &str,
) -> Result<GetChangesResponse, Status> {
    let log = changes.log();
    let scope = match (&query.pod, known) {
        (Some(pod), Some(known)) => {
            let all = log.entries.iter().flat_map(|entry| entry.changes());
            let all: Vec<&ObjectChange> = all.map(|recorded| &recorded.change).collect();
            let scope = PodScope::new(
                pod.clone(),
                &known.state,
                &known.policies,
                &all,
                changes.language(),
            );
            Some(scope.map_err(|error| Status::not_found(error.to_string()))?)
        }
        (Some(_), None) | (None, _) => None,
    };
    let mut found = Vec::new();
    let (mut left_out, mut bytes) = (0, 0);
    let mut add = |change: &mut dyn FnMut() -> Change| {
        if left_out > 0 || found.len() >= query.number {
            left_out += 1;
            return;
        }
        let change = change();
        bytes += change.encoded_len();
        if bytes > LARGEST {
            left_out += 1;
        } else {
            found.push(change);
        }
    };
    let entries = log.entries.iter().rev();
    for entry in entries.filter(|entry| (query.since..=query.until).contains(&entry.time)) {
        match &entry.what {
            What::FirstState(first) if !query.is_about_object() && scope.is_none() => {
                add(&mut || first_state(first, entry, node_name));
            }
            What::FirstState(_) => {}
            What::Changes(recorded) => {
                for recorded in recorded.iter().rev().filter(|it| query.wants(&it.change)) {
                    let concern = scope.as_ref().map(|scope| scope.concern(&recorded.change));
                    if let Some(None) = concern {
                        continue;
                    }
                    add(&mut || Change {
                        concerns: concern.clone().flatten().unwrap_or_default(),
                        ..change(recorded, entry, query, changes.language(), node_name)
                    });
                }
            }
        }
    }
    found.reverse();
    Ok(GetChangesResponse {
        changes: found,
        node_name: node_name.to_owned(),
        complete_since: (log.complete_since > 0).then(|| timestamp(log.complete_since)),
        left_out,
        notes: notes(&log),
        node_names: vec![node_name.to_owned()],
    })
}

fn notes(log: &ChangeLog) -> Vec<String> {
    let problem = log.problem.as_ref();
    let note = problem.map(|problem| {
        format!("the newest changes are in memory only, and end with the agent: {problem}")
    });
    note.into_iter().collect()
}

fn on_node(entry: &Entry, node_name: &str) -> ChangeOnNode {
    let since = entry.found.map_or(0, |found| found.since);
    ChangeOnNode {
        node_name: node_name.to_owned(),
        revision: entry.revision,
        time: Some(timestamp(entry.time)),
        found_at_start: entry.found.is_some(),
        found_after: (since > 0).then(|| timestamp(since)),
        sequence: entry.sequence,
    }
}

fn first_state(first: &crate::changes::FirstState, entry: &Entry, node_name: &str) -> Change {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let state = FirstState {
        policies: number(first.policies),
        pods: number(first.pods),
        namespaces: number(first.namespaces),
        nodes: number(first.nodes),
        cidr_groups: number(first.cidr_groups),
        services: number(first.services),
    };
    Change {
        action: Action::FirstState.into(),
        time: Some(timestamp(entry.time)),
        last_time: Some(timestamp(entry.time)),
        nodes: vec![on_node(entry, node_name)],
        summary: format!(
            "{}, {}",
            count(state.policies, "policy", "policies"),
            count(state.pods, "pod", "pods")
        ),
        first_state: Some(state),
        ..Change::default()
    }
}

fn count(number: u64, one: &str, more: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{} {more}", cluster::quantity::grouped(number)),
    }
}

fn change(
    recorded: &Recorded,
    entry: &Entry,
    query: &ChangesQuery,
    language: Language<'_>,
    node_name: &str,
) -> Change {
    let Recorded { origin, change } = recorded;
    let object = |form: &Option<Object>| match query.without_objects {
        true => None,
        false => form.as_ref().map(explain::proto::object_state),
    };
    Change {
        time: Some(timestamp(entry.time)),
        last_time: Some(timestamp(entry.time)),
        nodes: vec![on_node(entry, node_name)],
        place: origin.as_ref().map(ToString::to_string).unwrap_or_default(),
        before_version: version(change.before.as_ref()),
        after_version: version(change.after.as_ref()),
        before: object(&change.before),
        after: object(&change.after),
        ..explain::proto::change(change, language)
    }
}

/// What tells forms of an object apart.
fn version(form: Option<&Object>) -> String {
    match form {
        None => String::new(),
        Some(Object::Policy(policy)) => policy.version.to_string(),
        Some(object) => {
            let text = serde_json::to_vec(object).unwrap_or_default();
            format!("{:016x}", durable::checksum(0, &text))
        }
    }
}
