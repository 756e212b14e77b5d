//! Flows to be explained, and what is said of them.

use cluster::Kind;
use policy::{Direction, rule::protocol};
use proto::flow as pb;
use proto::flows::v1 as wire;

use super::request::recorded_request;
use super::{drop_reason, path, path_of};
use crate::explain_flow::{
    EndpointDecision, FlowExplanation, InvolvedPolicy, RecordedDecision, RecordedEnd,
    RecordedEndpoint, RecordedFlow, RecordedPolicies, RecordedPolicy, RecordedRequest,
    RecordedRule, Responder, Transport, Verdict, explain,
};
use crate::trace::PolicyContext;

/// Answers for any flow, see [`explain`].
pub fn explain_flow(
    context: &PolicyContext<'_>,
    flow: &pb::Flow,
    responder: &Responder,
) -> wire::ExplainResponse {
    let FlowExplanation {
        headline,
        recorded,
        now,
        differs,
        changes,
        policies,
        command,
        notes,
        not_policy,
    } = explain(context, &recorded_flow(flow), responder);
    wire::ExplainResponse {
        headline,
        recorded: recorded.map(|recorded| wire::RecordedDecision {
            time: flow.time,
            ..decision(recorded)
        }),
        now: now.map(|now| wire::TraceResponse {
            node_name: responder.node_name.clone(),
            revision: responder.revision,
            ..super::trace(&now)
        }),
        differs,
        changes,
        policies: policies.into_iter().map(involved).collect(),
        command,
        notes,
        node_name: responder.node_name.clone(),
        revision: responder.revision,
        not_policy,
    }
}

/// What a message says of a flow, with the extension of servers of ours.
fn recorded_flow(flow: &pb::Flow) -> RecordedFlow {
    let extension = flow.extension().unwrap_or_default();
    let ends = [&extension.egress, &extension.ingress].into_iter();
    let why = ends.flatten().map(|end| end.why.clone()).collect();
    let ip = flow.ip.clone().unwrap_or_default();
    let reason = match flow.drop_reason_desc {
        0 => i32::try_from(flow.drop_reason).unwrap_or_default(),
        reason => reason,
    };
    RecordedFlow {
        verdict: verdict(flow.verdict()),
        drop_reason: drop_reason::from_number(reason),
        direction: match flow.traffic_direction() {
            pb::TrafficDirection::Unknown => None,
            pb::TrafficDirection::Ingress => Some(Direction::Ingress),
            pb::TrafficDirection::Egress => Some(Direction::Egress),
        },
        reply: flow.is_reply.is_some_and(|reply| reply.value) || flow.reply,
        source: end(ip.source, flow.source.as_ref()),
        destination: end(ip.destination, flow.destination.as_ref()),
        transport: flow.l4.as_ref().and_then(transport),
        node_name: flow.node_name.clone(),
        interface: flow
            .interface
            .as_ref()
            .map(|interface| interface.name.clone())
            .unwrap_or_default(),
        match_type: flow.policy_match_type,
        egress: RecordedPolicies {
            allowed_by: policies(&flow.egress_allowed_by),
            denied_by: policies(&flow.egress_denied_by),
            decision: extension.egress.map(endpoint_decision),
        },
        ingress: RecordedPolicies {
            allowed_by: policies(&flow.ingress_allowed_by),
            denied_by: policies(&flow.ingress_denied_by),
            decision: extension.ingress.map(endpoint_decision),
        },
        revision: extension.revision,
        layer7: flow.l7.as_ref().map(|seen| RecordedRequest {
            request: recorded_request(seen),
            why,
        }),
    }
}

fn verdict(verdict: pb::Verdict) -> Verdict {
    match verdict {
        pb::Verdict::Unknown => Verdict::Unknown,
        pb::Verdict::Forwarded => Verdict::Forwarded,
        pb::Verdict::Dropped => Verdict::Dropped,
        pb::Verdict::Error => Verdict::Error,
        pb::Verdict::Audit => Verdict::Audit,
        pb::Verdict::Redirected => Verdict::Redirected,
        pb::Verdict::Traced => Verdict::Traced,
        pb::Verdict::Translated => Verdict::Translated,
    }
}

fn wire_verdict(verdict: Verdict) -> pb::Verdict {
    match verdict {
        Verdict::Unknown => pb::Verdict::Unknown,
        Verdict::Forwarded => pb::Verdict::Forwarded,
        Verdict::Dropped => pb::Verdict::Dropped,
        Verdict::Error => pb::Verdict::Error,
        Verdict::Audit => pb::Verdict::Audit,
        Verdict::Redirected => pb::Verdict::Redirected,
        Verdict::Traced => pb::Verdict::Traced,
        Verdict::Translated => pb::Verdict::Translated,
    }
}

fn end(ip: String, endpoint: Option<&pb::Endpoint>) -> RecordedEnd {
    RecordedEnd {
        ip,
        endpoint: endpoint.map(|endpoint| RecordedEndpoint {
            namespace: endpoint.namespace.clone(),
            pod_name: endpoint.pod_name.clone(),
            labels: endpoint.labels.clone(),
        }),
    }
}

fn transport(l4: &pb::Layer4) -> Option<Transport> {
    use pb::layer4::Protocol;
    let (protocol, source_port, destination_port) = match l4.protocol.as_ref()? {
        Protocol::Tcp(tcp) => (protocol::TCP, tcp.source_port, tcp.destination_port),
        Protocol::Udp(udp) => (protocol::UDP, udp.source_port, udp.destination_port),
        Protocol::Sctp(sctp) => (protocol::SCTP, sctp.source_port, sctp.destination_port),
        Protocol::IcmPv4(icmp) => {
            return Some(Transport::IcmpV4 {
                message_type: icmp.r#type,
            });
        }
        Protocol::IcmPv6(icmp) => {
            return Some(Transport::IcmpV6 {
                message_type: icmp.r#type,
            });
        }
        Protocol::Vrrp(_) | Protocol::Igmp(_) => return None,
    };
    Some(Transport::Ports {
        protocol,
        source_port,
        destination_port,
    })
}

fn policies(policies: &[pb::Policy]) -> Vec<RecordedPolicy> {
    let read = |policy: &pb::Policy| RecordedPolicy {
        kind: named_kind(policy),
        namespace: policy.namespace.clone(),
        name: policy.name.clone(),
        labels: policy.labels.clone(),
        revision: policy.revision,
    };
    policies.iter().map(read).collect()
}

/// A policy's kind; older servers leave it to the labels.
fn named_kind(policy: &pb::Policy) -> Option<Kind> {
    const DERIVED_FROM: &str = "k8s:io.cilium.k8s.policy.derived-from=";
    let mut labels = policy.labels.iter();
    let label = labels.find_map(|label| label.strip_prefix(DERIVED_FROM));
    let name = match policy.kind.as_str() {
        "" => label.unwrap_or_default(),
        kind => kind,
    };
    kind(wire::PolicyKind::from_str_name(name).unwrap_or_default())
}

fn kind(kind: wire::PolicyKind) -> Option<Kind> {
    match kind {
        wire::PolicyKind::Unknown => None,
        wire::PolicyKind::CiliumNetworkPolicy => Some(Kind::CiliumNetworkPolicy),
        wire::PolicyKind::CiliumClusterwideNetworkPolicy => {
            Some(Kind::CiliumClusterwideNetworkPolicy)
        }
        wire::PolicyKind::NetworkPolicy => Some(Kind::NetworkPolicy),
    }
}

fn wire_kind(kind: Option<Kind>) -> i32 {
    kind.map(super::policy_kind).unwrap_or_default().into()
}

fn endpoint_decision(decision: wire::Decision) -> EndpointDecision {
    EndpointDecision {
        verdict: verdict(decision.verdict()),
        drop_reason: drop_reason::from_number(decision.drop_reason),
        match_type: decision.match_type,
        default_deny: decision.default_deny,
        rules: decision.rules.into_iter().map(rule).collect(),
    }
}

fn rule(rule: wire::Rule) -> RecordedRule {
    RecordedRule {
        kind: kind(rule.kind()),
        path: path_of(rule.path.as_ref()),
        namespace: rule.namespace,
        name: rule.name,
        text: rule.text,
        version: rule.resource_version,
        labels: rule.labels,
    }
}

fn decision(recorded: RecordedDecision) -> wire::RecordedDecision {
    let rules = recorded.decided_by.into_iter().map(|rule| wire::Rule {
        kind: wire_kind(rule.kind),
        namespace: rule.namespace,
        name: rule.name,
        path: rule.path.map(path),
        text: rule.text,
        resource_version: rule.version,
        labels: rule.labels,
    });
    wire::RecordedDecision {
        verdict: wire_verdict(recorded.verdict).into(),
        drop_reason: recorded.drop_reason.number,
        direction: recorded
            .direction
            .map(super::direction)
            .unwrap_or_default()
            .into(),
        end: recorded.end,
        match_type: recorded.match_type,
        default_deny: recorded.default_deny,
        decided_by: rules.collect(),
        text: recorded.text,
        node_name: recorded.node_name,
        revision: recorded.revision,
        time: None,
    }
}

fn involved(policy: InvolvedPolicy) -> wire::InvolvedPolicy {
    wire::InvolvedPolicy {
        policy: policy.policy,
        kind: wire_kind(policy.kind),
        namespace: policy.namespace,
        name: policy.name,
        decided: policy.decided,
        version: policy.version,
        present_version: policy.present_version,
        in_force: policy.in_force,
        stale: policy.stale,
        place: policy.place,
        yaml: policy.yaml,
        meaning: policy.summary,
    }
}
