//! Answers as messages of `flows.v1`, so that a directory and an agent are shown alike.

use abi::event;
use abi::policy::{EGRESS, PolicyKey, SHAPE_ALL, SHAPE_PROTO};
use cluster::{Kind, ObjectName};
use proto::flow as pb;
use proto::flows::v1 as wire;

use crate::trace::{
    Asked, End, Explanation, Judgement, Party, PolicyFinding, Port, Reach, Suggestion,
    Unanswerable, protocol_name,
};
use crate::validate::{Report, Severity};
use policy::{Direction, Origin, Reason, ReasonKind};
use policy::{RuleItem, RuleList, RulePath};

/// Reads a question.
///
/// # Errors
/// An end is missing, or is not of its form.
pub fn asked(request: &wire::TraceRequest) -> Result<Asked, Unanswerable> {
    Ok(Asked {
        source: end(request.source.as_ref(), "source")?,
        destination: end(request.destination.as_ref(), "destination")?,
        port: Port::parse(&request.port)?,
    })
}

fn end(end: Option<&wire::End>, which: &'static str) -> Result<End, Unanswerable> {
    use wire::end::Of as Wire;
    match end.and_then(|end| end.of.as_ref()) {
        None => Err(Unanswerable::Missing(which)),
        Some(Wire::Pod(text)) => End::pod(text),
        Some(Wire::Labels(text)) => End::labels(text),
        Some(Wire::Ip(text)) => End::ip(text),
        Some(Wire::Entity(text)) => End::entity(text),
    }
}

/// An explanation; `node_name` and `revision` are left to whoever answers.
pub fn trace(explanation: &Explanation) -> wire::TraceResponse {
    wire::TraceResponse {
        verdict: match explanation.allowed() {
            true => wire::trace_response::Verdict::Allowed.into(),
            false => wire::trace_response::Verdict::Denied.into(),
        },
        source: Some(party(&explanation.source)),
        destination: Some(party(&explanation.destination)),
        protocol: protocol_name(explanation.protocol),
        port: explanation.port.into(),
        egress: explanation.egress.as_ref().map(judgement),
        ingress: explanation.ingress.as_ref().map(judgement),
        notes: explanation.notes.clone(),
        suggestions: explanation
            .judgements()
            .flat_map(|judgement| {
                let one = |one| suggestion(one, judgement.direction);
                judgement.suggestions.iter().map(one)
            })
            .collect(),
        any_port: explanation.reach.is_some(),
        allowed_ports: ports_of(&explanation.reach, |reach| &reach.allowed),
        denied_ports: ports_of(&explanation.reach, |reach| &reach.denied),
        cases: explanation.cases.iter().map(trace).collect(),
        ..wire::TraceResponse::default()
    }
}

fn ports_of(reach: &Option<Reach>, which: fn(&Reach) -> &Vec<String>) -> Vec<String> {
    reach.as_ref().map(which).cloned().unwrap_or_default()
}

fn party(party: &Party) -> wire::Party {
    wire::Party {
        name: party.name.clone(),
        identity: party.identity.0,
        labels: party.labels.to_strings(),
        judged: party.judged,
        node_name: party.node.as_deref().unwrap_or_default().to_owned(),
        pods: party.spread.iter().map(ToString::to_string).collect(),
    }
}

fn judgement(judgement: &Judgement) -> wire::Judgement {
    let decision = &judgement.decision;
    let (verdict, drop_reason) = match decision.verdict {
        event::FORWARDED => (pb::Verdict::Forwarded, 0),
        event::REDIRECTED => (pb::Verdict::Redirected, 0),
        reason => (pb::Verdict::Dropped, reason.into()),
    };
    let reason = decision.reason.as_deref();
    wire::Judgement {
        direction: direction(judgement.direction).into(),
        verdict: verdict.into(),
        drop_reason,
        match_type: decision.match_type.into(),
        reason: reason
            .map(|reason| reason_kind(reason.kind))
            .unwrap_or_default()
            .into(),
        text: reason.map(ToString::to_string).unwrap_or_default(),
        decided_by: reason.map(rules).unwrap_or_default(),
        policies: judgement.policies.iter().map(finding).collect(),
        allowed_ports: ports_of(&judgement.reach, |reach| &reach.allowed),
        denied_ports: ports_of(&judgement.reach, |reach| &reach.denied),
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

/// A direction as messages have it.
pub fn direction(direction: Direction) -> pb::TrafficDirection {
    match direction {
        Direction::Ingress => pb::TrafficDirection::Ingress,
        Direction::Egress => pb::TrafficDirection::Egress,
    }
}

/// A direction for people: `ingress`; empty if it isn't known.
pub fn direction_text(direction: pb::TrafficDirection) -> &'static str {
    match direction {
        pb::TrafficDirection::Unknown => "",
        pb::TrafficDirection::Ingress => "ingress",
        pb::TrafficDirection::Egress => "egress",
    }
}

/// A kind of policy as messages have it.
pub fn policy_kind(kind: Kind) -> wire::PolicyKind {
    match kind {
        Kind::CiliumNetworkPolicy => wire::PolicyKind::CiliumNetworkPolicy,
        Kind::CiliumClusterwideNetworkPolicy => wire::PolicyKind::CiliumClusterwideNetworkPolicy,
        Kind::NetworkPolicy => wire::PolicyKind::NetworkPolicy,
        Kind::Node
        | Kind::Namespace
        | Kind::Pod
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::CiliumCidrGroup => wire::PolicyKind::Unknown,
    }
}

/// The rules behind a reason.
pub fn rules(reason: &Reason) -> Vec<wire::Rule> {
    reason.origins.iter().map(rule).collect()
}

/// The rules behind a reason by policy and path alone, for what is repeated many times.
pub fn rule_references(reason: &Reason) -> Vec<wire::Rule> {
    /// Those of one entry.
    const MOST: usize = 16;
    let origins = reason.origins.iter().take(MOST);
    origins
        .map(|origin| wire::Rule {
            text: String::new(),
            resource_version: String::new(),
            labels: Vec::new(),
            ..rule(origin)
        })
        .collect()
}

fn rule(origin: &Origin) -> wire::Rule {
    let ObjectName {
        kind,
        namespace,
        name,
    } = &origin.policy;
    wire::Rule {
        kind: policy_kind(*kind).into(),
        namespace: namespace.as_deref().unwrap_or_default().to_owned(),
        name: name.to_string(),
        path: Some(path(origin.rule)),
        text: origin.text.to_string(),
        resource_version: origin.version.to_string(),
        labels: origin.policy_labels(),
    }
}

/// Where a rule stands, as messages have it.
pub fn path(path: RulePath) -> wire::RulePath {
    use wire::rule_path::List;
    let (list, index) = match path.item {
        None => (List::Spec, 0),
        Some(RuleItem { list, index }) => match list {
            RuleList::Ingress => (List::Ingress, index),
            RuleList::IngressDeny => (List::IngressDeny, index),
            RuleList::Egress => (List::Egress, index),
            RuleList::EgressDeny => (List::EgressDeny, index),
        },
    };
    wire::RulePath {
        spec_index: path.spec,
        list: list.into(),
        index,
    }
}

/// Where a rule stands, from a message; `None` if that doesn't tell, or in a way that isn't known.
pub fn path_of(path: Option<&wire::RulePath>) -> Option<RulePath> {
    use wire::rule_path::List;
    let path = path?;
    let list = match List::try_from(path.list).ok()? {
        List::Spec if path.index == 0 => None,
        List::Spec => return None,
        List::Ingress => Some(RuleList::Ingress),
        List::IngressDeny => Some(RuleList::IngressDeny),
        List::Egress => Some(RuleList::Egress),
        List::EgressDeny => Some(RuleList::EgressDeny),
    };
    let index = path.index;
    Some(RulePath {
        spec: path.spec_index,
        item: list.map(|list| RuleItem { list, index }),
    })
}

/// The same for people: `spec.ingress[0]`; empty if it isn't known.
pub fn path_text(path: Option<&wire::RulePath>) -> String {
    path_of(path)
        .map(|path| path.to_string())
        .unwrap_or_default()
}

/// Protocol and ports of a key of a table: `8080/TCP`, `64-127/UDP`, `TCP`, `all`.
pub fn ports(key: &PolicyKey) -> String {
    let shape = key.shape & !EGRESS;
    if shape == SHAPE_ALL {
        return "all".to_owned();
    }
    let protocol = protocol_name(key.proto);
    let fixed = shape.saturating_sub(SHAPE_PROTO).min(16);
    if fixed == 0 {
        return protocol;
    }
    // The open bits of a key's port are 0.
    let last = key.port | u16::MAX.checked_shr(fixed.into()).unwrap_or(0);
    match last == key.port {
        true => format!("{last}/{protocol}"),
        false => format!("{}-{last}/{protocol}", key.port),
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

fn severity(severity: Severity) -> wire::diagnostic::Severity {
    match severity {
        Severity::Error => wire::diagnostic::Severity::Error,
        Severity::Warning => wire::diagnostic::Severity::Warning,
        Severity::Note => wire::diagnostic::Severity::Note,
    }
}

/// A report on manifests; `node_name` is left to whoever answers.
pub fn report(report: &Report) -> wire::ValidateResponse {
    let diagnostics = report.diagnostics.iter().map(|diagnostic| {
        let problem = &diagnostic.problem;
        let file = problem.file().cloned().unwrap_or_default();
        wire::Diagnostic {
            severity: severity(diagnostic.severity).into(),
            code: diagnostic.code.to_owned(),
            file: file.path.to_string(),
            line: file.at.line,
            column: file.at.column,
            object: problem
                .object
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            field: problem.field.clone(),
            problem: problem.problem.clone(),
            remedy: problem.remedy.clone(),
        }
    });
    let meanings = report.meanings.iter().map(|meaning| {
        let file = meaning.origin.as_file().cloned().unwrap_or_default();
        wire::Meaning {
            policy: meaning.policy.to_string(),
            file: file.path.to_string(),
            line: file.at.line,
            text: meaning.text.clone(),
        }
    });
    wire::ValidateResponse {
        diagnostics: diagnostics.collect(),
        meanings: meanings.collect(),
        node_name: String::new(),
        documents: u32::try_from(report.documents).unwrap_or(u32::MAX),
        policies: u32::try_from(report.policies).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_as_they_went() {
        let mut lists: Vec<Option<RuleList>> = RuleList::ALL.map(Some).to_vec();
        lists.push(None);
        let mut seen = Vec::new();
        for spec in [None, Some(0), Some(7)] {
            for list in &lists {
                let item = list.map(|list| RuleItem { list, index: 2 });
                let here = RulePath { spec, item };
                let told = path(here);
                assert_eq!(path_of(Some(&told)), Some(here));
                assert_eq!(path_text(Some(&told)), here.to_string());
                assert!(!seen.contains(&told), "{here} is told like another");
                seen.push(told);
            }
        }
        for (list, index) in [(0, 1), (5, 0), (-1, 0)] {
            let told = wire::RulePath {
                list,
                index,
                ..wire::RulePath::default()
            };
            assert_eq!(path_of(Some(&told)), None);
            assert_eq!(path_text(Some(&told)), "");
        }
    }

    #[test]
    fn ports_of_keys() {
        for (shape, proto, port, wanted) in [
            (SHAPE_ALL, 0, 0, "all"),
            (SHAPE_PROTO, 6, 0, "TCP"),
            (SHAPE_PROTO + 16, 6, 8080, "8080/TCP"),
            ((SHAPE_PROTO + 10) | EGRESS, 17, 64, "64-127/UDP"),
            (SHAPE_PROTO + 1, 132, 0x8000, "32768-65535/SCTP"),
        ] {
            let key = PolicyKey {
                shape,
                proto,
                port,
                ..PolicyKey::default()
            };
            assert_eq!(ports(&key), wanted);
        }
    }
}
