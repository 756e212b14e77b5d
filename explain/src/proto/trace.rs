//! Questions and answers of a trace.

use abi::event;
use policy::{Direction, ReasonKind};
use proto::flow as pb;
use proto::flows::v1 as wire;

use super::request::{name_resolution, request_judgement};
use super::{direction, path, rules};
use crate::trace::{
    AllowedPorts, End, EndpointVerdict, Explanation, PolicyFinding, Port, QueryError, ResolvedPeer,
    Suggestion, TraceQuery, protocol_name,
};

/// Reads a question.
///
/// # Errors
/// An end is missing, or is not of its form.
pub fn trace_query(request: &wire::TraceRequest) -> Result<TraceQuery, QueryError> {
    Ok(TraceQuery {
        source: end(request.source.as_ref(), "source")?,
        destination: end(request.destination.as_ref(), "destination")?,
        port: Port::parse(&request.port)?,
    })
}

fn end(end: Option<&wire::End>, which: &'static str) -> Result<End, QueryError> {
    use wire::end::Of as Wire;
    match end.and_then(|end| end.of.as_ref()) {
        None => Err(QueryError::Missing(which)),
        Some(Wire::Pod(text)) => End::pod(text),
        Some(Wire::Labels(text)) => End::labels(text),
        Some(Wire::Ip(text)) => End::ip(text),
        Some(Wire::Entity(text)) => End::entity(text),
        Some(Wire::Fqdn(_)) if which == "source" => Err(QueryError::FqdnSource),
        Some(Wire::Fqdn(text)) => End::fqdn(text),
    }
}

/// An explanation; `node_name` and `revision` are left to whoever answers.
pub fn trace(explanation: &Explanation) -> wire::TraceResponse {
    wire::TraceResponse {
        verdict: match explanation.allowed() {
            true => wire::trace_response::Verdict::Allowed.into(),
            false => wire::trace_response::Verdict::Denied.into(),
        },
        source: Some(wire_peer(&explanation.source)),
        destination: Some(wire_peer(&explanation.destination)),
        protocol: protocol_name(explanation.protocol),
        port: explanation.port.into(),
        egress: explanation.egress.as_ref().map(endpoint_verdict),
        ingress: explanation.ingress.as_ref().map(endpoint_verdict),
        notes: explanation.notes.clone(),
        suggestions: explanation
            .verdicts()
            .flat_map(|verdict| {
                let one = |one| suggestion(one, verdict.direction);
                verdict.suggestions.iter().map(one)
            })
            .collect(),
        any_port: explanation.ports.is_some(),
        allowed_ports: ports_of(&explanation.ports, |ports| &ports.allowed),
        denied_ports: ports_of(&explanation.ports, |ports| &ports.denied),
        cases: explanation.cases.iter().map(trace).collect(),
        request: explanation
            .request
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        resolution: explanation.resolution.as_ref().map(name_resolution),
        ..wire::TraceResponse::default()
    }
}

fn ports_of(ports: &Option<AllowedPorts>, which: fn(&AllowedPorts) -> &Vec<String>) -> Vec<String> {
    ports.as_ref().map(which).cloned().unwrap_or_default()
}

fn wire_peer(peer: &ResolvedPeer) -> wire::Party {
    wire::Party {
        name: peer.name.clone(),
        identity: peer.identity.0,
        labels: peer.labels.to_strings(),
        judged: peer.judged,
        node_name: peer.node.as_deref().unwrap_or_default().to_owned(),
        pods: peer.spread.iter().map(ToString::to_string).collect(),
    }
}

fn endpoint_verdict(verdict: &EndpointVerdict) -> wire::Judgement {
    let decision = &verdict.decision;
    let (packet, drop_reason) = match decision.verdict {
        event::FORWARDED => (pb::Verdict::Forwarded, 0),
        event::REDIRECTED => (pb::Verdict::Redirected, 0),
        reason => (pb::Verdict::Dropped, reason.into()),
    };
    let reason = decision.reason.as_deref();
    wire::Judgement {
        direction: direction(verdict.direction).into(),
        verdict: packet.into(),
        drop_reason,
        match_type: decision.match_type.into(),
        reason: reason
            .map(|reason| reason_kind(reason.kind))
            .unwrap_or_default()
            .into(),
        text: reason.map(ToString::to_string).unwrap_or_default(),
        decided_by: reason.map(rules).unwrap_or_default(),
        policies: verdict.policies.iter().map(finding).collect(),
        allowed_ports: ports_of(&verdict.ports, |ports| &ports.allowed),
        denied_ports: ports_of(&verdict.ports, |ports| &ports.denied),
        request: verdict.request.as_ref().map(request_judgement),
        ..wire::Judgement::default()
    }
}

fn reason_kind(kind: ReasonKind) -> wire::judgement::Reason {
    use wire::judgement::Reason as Wire;
    match kind {
        ReasonKind::AllowAny => Wire::AllowAny,
        ReasonKind::AllowLocalhost => Wire::AllowLocalhost,
        ReasonKind::Allow => Wire::Allow,
        ReasonKind::Deny => Wire::Deny,
        ReasonKind::DefaultDeny => Wire::DefaultDeny,
        ReasonKind::AlwaysEnforced => Wire::AlwaysEnforced,
        ReasonKind::Init => Wire::Init,
    }
}

fn finding(finding: &PolicyFinding) -> wire::PolicyFinding {
    wire::PolicyFinding {
        policy: finding.policy.to_string(),
        version: finding.version.to_string(),
        place: finding
            .origin
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        default_deny: finding.default_deny,
        rules: finding
            .rules
            .iter()
            .map(|rule| wire::RuleFinding {
                path: Some(path(rule.path)),
                deny: rule.deny,
                text: rule.text.to_string(),
                matched: rule.matched(),
                failed: rule.failed.clone(),
            })
            .collect(),
    }
}

fn suggestion(suggestion: &Suggestion, end: Direction) -> wire::Suggestion {
    wire::Suggestion {
        policy: suggestion
            .policy
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        text: suggestion.text.clone(),
        yaml: suggestion.yaml.clone(),
        direction: direction(end).into(),
    }
}
