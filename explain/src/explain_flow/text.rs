//! What is said of a flow in a line, and how to ask again.

use cluster::Kind;

use super::connection::{Argument, Connection, FlowEnd};
use super::flow::{RecordedDecision, RecordedRule, Verdict};
use super::request_flags::{quoted, request_flags};
use super::sanitize::plain;
use crate::trace::{EndpointVerdict, Explanation, Port, PortText, RequestVerdict, protocol_name};
use policy::{Reason, ReasonKind};

/// `cnp production/db`, as [`cluster::ObjectName`] writes it.
pub(super) fn policy_name(rule: &RecordedRule) -> String {
    let kind = rule.kind.map_or("policy", Kind::short);
    match rule.namespace.as_str() {
        "" => format!("{kind} {}", rule.name),
        namespace => format!("{kind} {namespace}/{}", rule.name),
    }
}

/// Names of the policies behind rules, each once.
fn policy_names(rules: &[RecordedRule]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in rules.iter().map(policy_name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The first few of a list.
fn listed(texts: &[String], between: &str) -> String {
    const SHOWN: usize = 4;
    let shown = texts.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    match texts.len().saturating_sub(SHOWN) {
        0 => shown.join(between),
        more => format!("{}{between}{more} more", shown.join(between)),
    }
}

/// ` on 5432/TCP`; nothing if the flow tells no port.
fn on_port(connection: &Connection) -> String {
    match connection.port {
        Some(Port::Number { protocol, port }) => format!(" on {}", PortText { protocol, port }),
        _ => String::new(),
    }
}

/// The line for people on a drop that no policy made.
pub(super) fn not_policy(connection: &Connection, sentence: &str) -> String {
    let (source, destination) = (&connection.source.name, &connection.destination.name);
    let port = on_port(connection);
    format!("{source} -> {destination}{port} was dropped, but not by a policy: {sentence}")
}

/// The line for people.
pub(super) fn headline(
    connection: &Connection,
    recorded: Option<&RecordedDecision>,
    now: Option<&Explanation>,
    differs: bool,
) -> String {
    let (source, destination) = (&connection.source.name, &connection.destination.name);
    let port = on_port(connection);
    let does = match &connection.request {
        None => format!("reach {destination}{port}"),
        Some(request) => format!(
            "send {} to {destination}{port}",
            plain(&request.to_string())
        ),
    };
    let may = |allowed: bool, why: &str| match allowed {
        true => format!("{source} may {does}: {why}"),
        false => format!("{source} may not {does}: {why}"),
    };
    let known = recorded.and_then(|recorded| Some((recorded, recorded.verdict.allows()?)));
    match (known, now) {
        (Some((recorded, allowed)), now) => {
            let mut text = may(allowed, &decision_text(recorded));
            if differs && let Some(now) = now {
                text.push_str(match now.allowed() {
                    true => "; now it is allowed",
                    false => "; now it is denied",
                });
            }
            let denying = now.filter(|_| !allowed && !differs).and_then(denying);
            let request = denying.and_then(|verdict| verdict.request.as_ref());
            if let Some(nearest) = request.and_then(RequestVerdict::nearest) {
                text.push_str(&format!("; nearest: {nearest}"));
            } else if let Some(nearest) = denying.and_then(EndpointVerdict::nearest_rule) {
                text.push_str(&format!("; nearest: {nearest}"));
            } else if !connection.why.is_empty() && !allowed && !differs {
                text.push_str(&format!(" ({})", connection.why));
            }
            text
        }
        (None, Some(now))
            if now
                .ports
                .as_ref()
                .is_some_and(|ports| !ports.allowed.is_empty() && !ports.denied.is_empty()) =>
        {
            format!("{source} may reach {destination} on some ports only")
        }
        (None, Some(now)) => {
            let telling = denying(now)
                .or(now.ingress.as_ref())
                .or(now.egress.as_ref());
            let why = telling.map_or_else(
                || "neither end is a pod, no policy applies".to_owned(),
                verdict_text,
            );
            may(now.allowed(), &why)
        }
        (None, None) => format!(
            "{source} -> {destination}{port}: the flow records no decision, and none can be made now"
        ),
    }
}

fn denying(now: &Explanation) -> Option<&EndpointVerdict> {
    now.verdicts().find(|verdict| !verdict.allows())
}

/// Why a flow was decided as it records.
pub(super) fn decision_text(recorded: &RecordedDecision) -> String {
    let direction = match recorded.direction {
        None => String::new(),
        Some(direction) => format!("{direction} "),
    };
    let dropped = recorded.verdict == Verdict::Dropped;
    if dropped && recorded.drop_reason.number == 0 && recorded.decided_by.is_empty() {
        return "no reason was recorded".to_owned();
    }
    let names = policy_names(&recorded.decided_by);
    if recorded.default_deny {
        return match &names[..] {
            [] => format!("no {direction}rule allows it"),
            names => format!("no {direction}rule of {} allows it", listed(names, " or ")),
        };
    }
    let rules: Vec<String> = recorded
        .decided_by
        .iter()
        .map(|rule| match rule.text.as_str() {
            "" => policy_name(rule),
            text => format!("{} {text}", policy_name(rule)),
        })
        .collect();
    match (recorded.verdict.allows(), rules.is_empty()) {
        (Some(false), true) => format!("a {direction}rule denies it"),
        (Some(false), false) if rules == names => format!("denied by {}", listed(&rules, "; ")),
        (_, true) if recorded.tells_rules() => match recorded.direction {
            None => "no policy restricts it".to_owned(),
            Some(direction) => format!("no policy enforces {direction}"),
        },
        (_, true) => "no rule was recorded".to_owned(),
        (_, false) if rules == names => format!("allowed by {}", listed(&rules, "; ")),
        (_, false) => listed(&rules, "; "),
    }
}

/// Why an end judges as it does now.
fn verdict_text(verdict: &EndpointVerdict) -> String {
    if let Some(request) = &verdict.request {
        return request.to_string();
    }
    let Some(reason) = verdict.decision.reason.as_deref() else {
        return "the deciding rule is unknown".to_owned();
    };
    match reason.kind {
        ReasonKind::DefaultDeny => {
            let mut names: Vec<String> = origins(reason);
            names.dedup();
            format!(
                "no {} rule of {} allows it",
                reason.direction,
                listed(&names, " or ")
            )
        }
        ReasonKind::AllowAny
        | ReasonKind::AllowLocalhost
        | ReasonKind::Allow
        | ReasonKind::Deny
        | ReasonKind::AlwaysEnforced
        | ReasonKind::Init => reason.to_string(),
    }
}

fn origins(reason: &Reason) -> Vec<String> {
    let origins = reason.origins.iter();
    origins.map(|origin| origin.policy.to_string()).collect()
}

/// What the other end of the connection decided for the same packet.
pub(super) fn other_end_note(recorded: &RecordedDecision, other: &RecordedDecision) -> String {
    let at = |decision: &RecordedDecision| {
        let direction = decision
            .direction
            .map_or_else(String::new, |of| of.to_string());
        match decision.end.as_str() {
            "" => direction,
            end => format!("{direction} at {end}"),
        }
    };
    format!(
        "the flow records {}, which allowed it; {} did not: {}",
        at(recorded),
        at(other),
        decision_text(other)
    )
}

/// The command line that asks for the present decision.
pub(super) fn command(connection: &Connection) -> String {
    let mut words = vec!["flows policy trace".to_owned()];
    for (which, end) in [
        ("src", &connection.source),
        ("dst", &connection.destination),
    ] {
        let FlowEnd { argument, .. } = end;
        let (kind, value) = match argument {
            Some(Argument::Pod(name)) => ("pod", name.clone()),
            Some(Argument::Labels(labels)) => ("labels", labels.clone()),
            Some(Argument::Ip(ip)) => ("ip", ip.to_string()),
            Some(Argument::Entity(name)) => ("entity", (*name).to_owned()),
            None => continue,
        };
        words.push(format!("--{which}-{kind} {}", quoted(&value)));
    }
    if let Some(Port::Number { protocol, port }) = &connection.port {
        let protocol = protocol_name(*protocol).to_lowercase();
        words.push(format!("--dport {port}/{protocol}"));
    }
    words.extend(connection.request.iter().flat_map(request_flags));
    words.join(" ")
}
