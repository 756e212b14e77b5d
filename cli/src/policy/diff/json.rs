//! A difference as JSON.

use std::sync::Arc;

use explain::connectivity::{PeerGroup, PeerKind};
use explain::diff::{Became, Change};
use policy::{Direction, Reason, ReasonKind};
use proto::flows::v1::Diagnostic;
use serde::Serialize;

use super::report::{ObjectChange, Report};

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Diff {
    objects: Vec<JsonObject>,
    changes: Vec<JsonChange>,
    warnings: Vec<Diagnostic>,
    /// Pods that are in one of the states only.
    not_compared: Vec<String>,
    summary: Summary,
}

#[derive(Serialize)]
struct JsonObject {
    change: ObjectChange,
    object: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
}

/// Pairs of peers.
#[derive(Serialize)]
struct Summary {
    become_denied: u64,
    become_allowed: u64,
}

#[derive(Serialize)]
struct JsonChange {
    became: &'static str,
    sources: Vec<JsonPeer>,
    destinations: Vec<JsonPeer>,
    ports: Vec<String>,
    decided: Vec<JsonEnd>,
}

/// A workload, a prefix or an entity.
#[derive(Serialize)]
pub(in crate::policy) struct JsonPeer {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pods: Vec<String>,
}

#[derive(Serialize)]
struct JsonEnd {
    direction: Direction,
    before: JsonReason,
    after: JsonReason,
}

/// What decides.
#[derive(Serialize)]
pub(in crate::policy) struct JsonReason {
    kind: Option<ReasonKind>,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<JsonRule>,
}

#[derive(Serialize)]
struct JsonRule {
    policy: String,
    path: String,
    text: String,
}

impl Diff {
    pub(super) fn new(report: &Report) -> Self {
        let objects = report.objects.iter().map(|(change, name, place)| JsonObject {
            change: *change,
            object: name.to_string(),
            place: place.clone(),
        });
        Self {
            objects: objects.collect(),
            changes: report.changes.iter().map(JsonChange::new).collect(),
            warnings: report.warnings.clone(),
            not_compared: report.unmatched.clone(),
            summary: Summary {
                become_denied: report.pairs(Became::Denied),
                become_allowed: report.pairs(Became::Allowed),
            },
        }
    }
}

impl JsonChange {
    fn new(change: &Change) -> Self {
        let peers = |groups: &[Arc<PeerGroup>]| groups.iter().map(JsonPeer::new).collect();
        Self {
            became: match change.became {
                Became::Denied => "denied",
                Became::Allowed => "allowed",
            },
            sources: peers(&change.sources),
            destinations: peers(&change.destinations),
            ports: change.ports.texts(),
            decided: change
                .ends
                .iter()
                .map(|end| JsonEnd {
                    direction: end.direction,
                    before: JsonReason::new(end.before.as_ref()),
                    after: JsonReason::new(end.after.as_ref()),
                })
                .collect(),
        }
    }
}

impl JsonPeer {
    pub(in crate::policy) fn new(group: &Arc<PeerGroup>) -> Self {
        Self {
            kind: match (group.kind, &group.workload) {
                (PeerKind::Pods, Some(_)) => "workload",
                (PeerKind::Pods, None) => "pod",
                (PeerKind::FormerPods, _) => "former-pods",
                (PeerKind::Prefix, _) => "cidr",
                (PeerKind::Entity, _) => "entity",
            },
            name: group.name.clone(),
            pods: group.pods.iter().map(ToString::to_string).collect(),
        }
    }
}

impl JsonReason {
    pub(in crate::policy) fn new(reason: Option<&Arc<Reason>>) -> Self {
        let origins = reason.map(|reason| reason.origins.as_slice());
        let rules = origins.unwrap_or_default().iter().map(|origin| JsonRule {
            policy: origin.policy.to_string(),
            path: origin.rule.to_string(),
            text: origin.text.to_string(),
        });
        Self {
            kind: reason.map(|reason| reason.kind),
            text: super::report::reason_text(reason),
            rules: rules.collect(),
        }
    }
}
