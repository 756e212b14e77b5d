//! The decision that a flow records.

use policy::Direction;

use super::connection::Connection;
use super::flow::{
    EndpointDecision, RecordedDecision, RecordedFlow, RecordedPolicy, RecordedRule, Verdict,
};
use super::sanitize::plain;
use super::text;

/// The most rules that are repeated.
const MOST: usize = 64;

/// What the flow says was decided; `None` if it says nothing.
pub(super) fn decision(flow: &RecordedFlow, connection: &Connection) -> Option<RecordedDecision> {
    if flow.verdict == Verdict::Unknown {
        return None;
    }
    let direction = flow.direction.or_else(|| {
        let dropped = |decision: &Option<EndpointDecision>| {
            let verdict = decision.as_ref().map(|decision| decision.verdict);
            verdict == Some(Verdict::Dropped)
        };
        match (
            dropped(&flow.egress.decision),
            dropped(&flow.ingress.decision),
        ) {
            (true, false) => Some(Direction::Egress),
            (false, true) => Some(Direction::Ingress),
            (true, true) | (false, false) => None,
        }
    });
    let told = match direction {
        Some(Direction::Egress) => flow.egress.decision.as_ref(),
        Some(Direction::Ingress) => flow.ingress.decision.as_ref(),
        None => None,
    };
    // The flow's own verdict is what counts.
    let told = told.filter(|told| told.verdict.allows() == flow.verdict.allows());
    Some(match told {
        Some(told) => from_decision(flow, connection, direction, told),
        None => from_lists(flow, connection, direction),
    })
}

/// The decision of the other end than the one that the flow is about, if that end dropped the packet.
pub(super) fn other_end(flow: &RecordedFlow, connection: &Connection) -> Option<RecordedDecision> {
    flow.verdict.allows().filter(|allowed| *allowed)?;
    let (direction, other) = match flow.direction? {
        Direction::Ingress => (Direction::Egress, flow.egress.decision.as_ref()?),
        Direction::Egress => (Direction::Ingress, flow.ingress.decision.as_ref()?),
    };
    (other.verdict == Verdict::Dropped)
        .then(|| from_decision(flow, connection, Some(direction), other))
}

fn from_decision(
    flow: &RecordedFlow,
    connection: &Connection,
    direction: Option<Direction>,
    told: &EndpointDecision,
) -> RecordedDecision {
    let rules = told.rules.iter().take(MOST).map(|rule| RecordedRule {
        kind: rule.kind,
        namespace: plain(&rule.namespace),
        name: plain(&rule.name),
        path: rule.path,
        text: plain(&rule.text),
        version: plain(&rule.version),
        labels: labels(&rule.labels),
    });
    finished(
        flow,
        connection,
        RecordedDecision {
            verdict: told.verdict,
            drop_reason: told.drop_reason,
            direction,
            match_type: told.match_type,
            default_deny: told.default_deny,
            decided_by: rules.collect(),
            revision: flow.revision,
            ..RecordedDecision::default()
        },
    )
}

/// What Hubble's own fields say.
fn from_lists(
    flow: &RecordedFlow,
    connection: &Connection,
    direction: Option<Direction>,
) -> RecordedDecision {
    let dropped = flow.verdict == Verdict::Dropped;
    let lists: &[&Vec<RecordedPolicy>] = match (direction, dropped) {
        (Some(Direction::Egress), true) => &[&flow.egress.denied_by],
        (Some(Direction::Egress), false) => &[&flow.egress.allowed_by],
        (Some(Direction::Ingress), true) => &[&flow.ingress.denied_by],
        (Some(Direction::Ingress), false) => &[&flow.ingress.allowed_by],
        (None, true) => &[&flow.egress.denied_by, &flow.ingress.denied_by],
        (None, false) => &[&flow.egress.allowed_by, &flow.ingress.allowed_by],
    };
    let policies = || lists.iter().flat_map(|list| list.iter());
    let rules = policies().take(MOST).map(|policy| RecordedRule {
        kind: policy.kind,
        namespace: plain(&policy.namespace),
        name: plain(&policy.name),
        labels: labels(&policy.labels),
        ..RecordedRule::default()
    });
    let revision = policies().map(|policy| policy.revision).max();
    finished(
        flow,
        connection,
        RecordedDecision {
            verdict: flow.verdict,
            drop_reason: match dropped {
                true => flow.drop_reason,
                false => Default::default(),
            },
            direction,
            match_type: flow.match_type,
            default_deny: dropped && flow.drop_reason.is(abi::reason::POLICY_DENIED),
            decided_by: rules.collect(),
            revision: revision.and_then(|n| n.try_into().ok()).unwrap_or(0),
            ..RecordedDecision::default()
        },
    )
}

fn labels(labels: &[String]) -> Vec<String> {
    labels.iter().take(MOST).map(|label| plain(label)).collect()
}

fn finished(
    flow: &RecordedFlow,
    connection: &Connection,
    mut recorded: RecordedDecision,
) -> RecordedDecision {
    recorded.end = match recorded.direction {
        Some(Direction::Egress) => connection.source.name.clone(),
        Some(Direction::Ingress) => connection.destination.name.clone(),
        None => String::new(),
    };
    recorded.node_name = plain(&flow.node_name);
    recorded.text = text::decision_text(&recorded);
    recorded
}
