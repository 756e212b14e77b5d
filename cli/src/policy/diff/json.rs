//! A difference as JSON.

use std::sync::Arc;

use explain::connectivity::{PeerGroup, PeerKind};
use explain::diff::{
    Became, Change, ChangedEnd, ChangedRequests, FlowChange, FlowImpact, RecordedRequestChange,
    RequestChange, RequestImpact, RequestsBecame,
};
use explain::diff_report::{ObjectChange, Report, reason_text};
use explain::flow_groups::RecordedPeer;
use explain::trace::PortText;
use policy::{Direction, Reason, ReasonKind};
use proto::flows::v1::Diagnostic;
use serde::Serialize;

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Diff {
    objects: Vec<JsonObject>,
    changes: Vec<JsonChange>,
    /// On connections that stay allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    request_changes: Vec<JsonRequestChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Recorded>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_requests: Option<RecordedRequests>,
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

/// What would have become of recorded connections.
#[derive(Serialize)]
struct Recorded {
    origin: String,
    connections: u64,
    flows: u64,
    would_be_denied: u64,
    would_be_allowed: u64,
    changes: Vec<RecordedChange>,
    /// Connections.
    decided_otherwise: u64,
    /// Flows.
    not_looked_at: u64,
    /// There were more connections than `connections`.
    is_lower_bound: bool,
}

#[derive(Serialize)]
struct RecordedChange {
    became: &'static str,
    source: JsonPeer,
    destination: JsonPeer,
    port: String,
    connections: u64,
    flows: u64,
    example_source: Example,
    example_destination: Example,
    decided: Vec<JsonEnd>,
}

/// What would have become of recorded requests.
#[derive(Serialize)]
struct RecordedRequests {
    requests: u64,
    would_be_denied: u64,
    would_be_allowed: u64,
    changes: Vec<JsonRecordedRequest>,
    /// Requests that depend on values of headers, which are not recorded.
    unknown: u64,
    not_looked_at: u64,
}

#[derive(Serialize)]
struct JsonRecordedRequest {
    became: &'static str,
    source: JsonPeer,
    destination: JsonPeer,
    port: String,
    request: String,
    requests: u64,
    example_source: Example,
    example_destination: Example,
    judged: Vec<JsonJudged>,
}

/// What an end says of a request after the change.
#[derive(Serialize)]
struct JsonJudged {
    direction: Direction,
    after: String,
}

/// An end of one of the flows.
#[derive(Serialize)]
struct Example {
    #[serde(skip_serializing_if = "String::is_empty")]
    pod: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ip: String,
}

/// Pairs of peers.
#[derive(Serialize)]
struct Summary {
    become_denied: u64,
    become_allowed: u64,
    requests_become_restricted: u64,
    requests_become_denied: u64,
    requests_become_allowed: u64,
}

#[derive(Serialize)]
struct JsonRequestChange {
    became: &'static str,
    sources: Vec<JsonPeer>,
    destinations: Vec<JsonPeer>,
    ports: Vec<String>,
    decided: Vec<JsonRequestEnd>,
}

/// An end whose rules of layer 7 change.
#[derive(Serialize)]
struct JsonRequestEnd {
    #[serde(flatten)]
    end: JsonEnd,
    /// Those that are gone, or that there are now; none: nothing, or everything, is allowed now.
    requests: Vec<String>,
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
        let objects = report.objects.iter().map(|one| JsonObject {
            change: one.change,
            object: one.name.to_string(),
            place: one.place.clone(),
        });
        Self {
            objects: objects.collect(),
            changes: report.changes.iter().map(JsonChange::new).collect(),
            request_changes: report.requests.iter().map(JsonRequestChange::new).collect(),
            recorded: report.impact.as_ref().map(Recorded::new),
            recorded_requests: report
                .request_impact
                .as_ref()
                .filter(|impact| impact.requests > 0 || impact.not_looked_at > 0)
                .map(RecordedRequests::new),
            warnings: report.warnings.clone(),
            not_compared: report.unmatched.clone(),
            summary: Summary {
                become_denied: report.pairs(Became::Denied),
                become_allowed: report.pairs(Became::Allowed),
                requests_become_restricted: report.request_pairs(RequestsBecame::Restricted),
                requests_become_denied: report.request_pairs(RequestsBecame::Denied),
                requests_become_allowed: report.request_pairs(RequestsBecame::Allowed),
            },
        }
    }
}

impl JsonChange {
    fn new(change: &Change) -> Self {
        let peers = |groups: &[Arc<PeerGroup>]| groups.iter().map(JsonPeer::new).collect();
        Self {
            became: became(change.became),
            sources: peers(&change.sources),
            destinations: peers(&change.destinations),
            ports: change.ports.texts(),
            decided: change.ends.iter().map(JsonEnd::new).collect(),
        }
    }
}

fn became(became: Became) -> &'static str {
    match became {
        Became::Denied => "denied",
        Became::Allowed => "allowed",
    }
}

impl JsonEnd {
    fn new(end: &ChangedEnd) -> Self {
        Self {
            direction: end.direction,
            before: JsonReason::new(end.before.as_ref()),
            after: JsonReason::new(end.after.as_ref()),
        }
    }
}

impl Recorded {
    fn new((impact, origin): &(FlowImpact, String)) -> Self {
        Self {
            origin: origin.clone(),
            connections: impact.connections,
            flows: impact.flows,
            would_be_denied: impact.connections(Became::Denied),
            would_be_allowed: impact.connections(Became::Allowed),
            changes: impact.changes.iter().map(RecordedChange::new).collect(),
            decided_otherwise: impact.decided_otherwise,
            not_looked_at: impact.unknown + impact.beyond,
            is_lower_bound: impact.is_lower_bound,
        }
    }
}

fn requests_became(became: RequestsBecame) -> &'static str {
    match became {
        RequestsBecame::Restricted => "restricted",
        RequestsBecame::Denied => "denied",
        RequestsBecame::Allowed => "allowed",
    }
}

impl JsonRequestChange {
    fn new(change: &RequestChange) -> Self {
        let peers = |groups: &[Arc<PeerGroup>]| groups.iter().map(JsonPeer::new).collect();
        let end = |ChangedRequests { end, rules }: &ChangedRequests| JsonRequestEnd {
            end: JsonEnd::new(end),
            requests: rules.clone(),
        };
        Self {
            became: requests_became(change.became),
            sources: peers(&change.sources),
            destinations: peers(&change.destinations),
            ports: change.ports.texts(),
            decided: change.ends.iter().map(end).collect(),
        }
    }
}

impl RecordedRequests {
    fn new(impact: &RequestImpact) -> Self {
        Self {
            requests: impact.requests,
            would_be_denied: impact.requests(RequestsBecame::Denied),
            would_be_allowed: impact.requests(RequestsBecame::Allowed),
            changes: impact
                .changes
                .iter()
                .map(JsonRecordedRequest::new)
                .collect(),
            unknown: impact.unknown,
            not_looked_at: impact.not_looked_at,
        }
    }
}

impl JsonRecordedRequest {
    fn new(change: &RecordedRequestChange) -> Self {
        let port = PortText {
            protocol: change.protocol,
            port: change.port,
        };
        let [source, destination] = &change.example;
        let judged = change.ends.iter().map(|(direction, after)| JsonJudged {
            direction: *direction,
            after: after.clone(),
        });
        Self {
            became: requests_became(change.became),
            source: JsonPeer::new(&change.source),
            destination: JsonPeer::new(&change.destination),
            port: port.to_string(),
            request: change.request.clone(),
            requests: change.requests,
            example_source: example(source),
            example_destination: example(destination),
            judged: judged.collect(),
        }
    }
}

fn example(peer: &RecordedPeer) -> Example {
    Example {
        pod: match peer.pod_name.as_str() {
            "" => String::new(),
            pod => format!("{}/{pod}", peer.namespace),
        },
        ip: peer.ip.clone(),
    }
}

impl RecordedChange {
    fn new(change: &FlowChange) -> Self {
        let port = PortText {
            protocol: change.protocol,
            port: change.port,
        };
        let [source, destination] = &change.example;
        Self {
            became: became(change.became),
            source: JsonPeer::new(&change.source),
            destination: JsonPeer::new(&change.destination),
            port: port.to_string(),
            connections: change.connections,
            flows: change.flows,
            example_source: example(source),
            example_destination: example(destination),
            decided: change.ends.iter().map(JsonEnd::new).collect(),
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
                (PeerKind::Name, _) => "fqdn",
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
            text: reason_text(reason),
            rules: rules.collect(),
        }
    }
}
