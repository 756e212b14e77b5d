//! The decision that a flow records.

use proto::flow as pb;
use proto::flow::TrafficDirection::{self, Egress, Ingress, Unknown};
use proto::flows::v1 as wire;

use super::ends::Connection;
use super::words::{self, plain};

/// The most rules that are repeated.
const MOST: usize = 64;

/// What the flow says was decided; `None` if it says nothing.
pub(super) fn decision(flow: &pb::Flow, connection: &Connection) -> Option<wire::RecordedDecision> {
    if flow.verdict() == pb::Verdict::Unknown {
        return None;
    }
    let extension = flow.extension();
    let mut direction = flow.traffic_direction();
    if direction == Unknown {
        let dropped = |decision: &Option<wire::Decision>| {
            decision
                .as_ref()
                .is_some_and(|d| d.verdict() == pb::Verdict::Dropped)
        };
        let ends = extension
            .as_ref()
            .map(|e| (dropped(&e.egress), dropped(&e.ingress)));
        direction = match ends {
            Some((true, false)) => Egress,
            Some((false, true)) => Ingress,
            Some(_) | None => Unknown,
        };
    }
    let told = extension.as_ref().and_then(|extension| match direction {
        Egress => extension.egress.clone(),
        Ingress => extension.ingress.clone(),
        Unknown => None,
    });
    let revision = extension.map_or(0, |extension| extension.revision);
    // The flow's own verdict is what counts.
    let told = told.filter(|told| super::lets_go(told.verdict()) == super::lets_go(flow.verdict()));
    Some(match told {
        Some(told) => of_decision(flow, connection, direction, told, revision),
        None => of_lists(flow, connection, direction),
    })
}

/// The decision of the other end than the one that the flow is about, if that end dropped the packet.
pub(super) fn other_end(
    flow: &pb::Flow,
    connection: &Connection,
) -> Option<wire::RecordedDecision> {
    super::lets_go(flow.verdict()).filter(|went| *went)?;
    let extension = flow.extension()?;
    let (direction, other) = match flow.traffic_direction() {
        Ingress => (Egress, extension.egress?),
        Egress => (Ingress, extension.ingress?),
        Unknown => return None,
    };
    (other.verdict() == pb::Verdict::Dropped)
        .then(|| of_decision(flow, connection, direction, other, extension.revision))
}

/// Whether it is a drop that no policy made. Where no reason is told it may have been one.
pub(super) fn not_policy(recorded: &wire::RecordedDecision) -> bool {
    let may_be_policys = [
        pb::DropReason::Unknown,
        pb::DropReason::PolicyDenied,
        pb::DropReason::PolicyDeny,
    ];
    recorded.verdict() == pb::Verdict::Dropped
        && !may_be_policys
            .iter()
            .any(|reason| i32::from(*reason) == recorded.drop_reason)
}

/// Whether the flow is one that would name the rules, if there had been any.
pub(super) fn tells_rules(recorded: &wire::RecordedDecision) -> bool {
    recorded.revision > 0 || !recorded.decided_by.is_empty()
}

fn of_decision(
    flow: &pb::Flow,
    connection: &Connection,
    direction: TrafficDirection,
    told: wire::Decision,
    revision: u32,
) -> wire::RecordedDecision {
    let rules = told.rules.into_iter().take(MOST).map(|rule| wire::Rule {
        kind: rule.kind,
        namespace: plain(&rule.namespace),
        name: plain(&rule.name),
        text: plain(&rule.text),
        resource_version: plain(&rule.resource_version),
        labels: rule
            .labels
            .iter()
            .take(MOST)
            .map(|label| plain(label))
            .collect(),
        path: rule.path,
    });
    finished(
        flow,
        connection,
        wire::RecordedDecision {
            verdict: told.verdict,
            drop_reason: told.drop_reason,
            direction: direction.into(),
            match_type: told.match_type,
            default_deny: told.default_deny,
            decided_by: rules.collect(),
            revision,
            ..wire::RecordedDecision::default()
        },
    )
}

/// What Hubble's own fields say.
fn of_lists(
    flow: &pb::Flow,
    connection: &Connection,
    direction: TrafficDirection,
) -> wire::RecordedDecision {
    let dropped = flow.verdict() == pb::Verdict::Dropped;
    let lists: &[&Vec<pb::Policy>] = match (direction, dropped) {
        (Egress, true) => &[&flow.egress_denied_by],
        (Egress, false) => &[&flow.egress_allowed_by],
        (Ingress, true) => &[&flow.ingress_denied_by],
        (Ingress, false) => &[&flow.ingress_allowed_by],
        (Unknown, true) => &[&flow.egress_denied_by, &flow.ingress_denied_by],
        (Unknown, false) => &[&flow.egress_allowed_by, &flow.ingress_allowed_by],
    };
    let policies = lists.iter().flat_map(|list| list.iter()).take(MOST);
    let rules: Vec<wire::Rule> = policies
        .map(|policy| wire::Rule {
            kind: kind(policy).into(),
            namespace: plain(&policy.namespace),
            name: plain(&policy.name),
            labels: policy
                .labels
                .iter()
                .take(MOST)
                .map(|label| plain(label))
                .collect(),
            ..wire::Rule::default()
        })
        .collect();
    let revisions = lists
        .iter()
        .flat_map(|list| list.iter())
        .map(|policy| policy.revision);
    let drop_reason = match flow.drop_reason_desc {
        0 => i32::try_from(flow.drop_reason).unwrap_or_default(),
        reason => reason,
    };
    finished(
        flow,
        connection,
        wire::RecordedDecision {
            verdict: flow.verdict,
            drop_reason: if dropped { drop_reason } else { 0 },
            direction: direction.into(),
            match_type: flow.policy_match_type,
            default_deny: dropped && drop_reason == i32::from(pb::DropReason::PolicyDenied),
            decided_by: rules,
            revision: revisions.max().and_then(|n| n.try_into().ok()).unwrap_or(0),
            ..wire::RecordedDecision::default()
        },
    )
}

/// A policy's kind; older servers leave it to the labels.
fn kind(policy: &pb::Policy) -> wire::PolicyKind {
    const DERIVED_FROM: &str = "k8s:io.cilium.k8s.policy.derived-from=";
    let mut labels = policy.labels.iter();
    let label = labels.find_map(|label| label.strip_prefix(DERIVED_FROM));
    let name = match policy.kind.as_str() {
        "" => label.unwrap_or_default(),
        kind => kind,
    };
    wire::PolicyKind::from_str_name(name).unwrap_or_default()
}

fn finished(
    flow: &pb::Flow,
    connection: &Connection,
    mut recorded: wire::RecordedDecision,
) -> wire::RecordedDecision {
    recorded.end = match recorded.direction() {
        Egress => connection.source.name.clone(),
        Ingress => connection.destination.name.clone(),
        Unknown => String::new(),
    };
    recorded.node_name = plain(&flow.node_name);
    recorded.time = flow.time;
    recorded.text = words::recorded_why(&recorded);
    recorded
}
