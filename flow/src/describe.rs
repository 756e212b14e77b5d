//! The words for a flow: who, what, how it was judged, and by which policy.

use proto::flow::layer7::Record;
use proto::flow::{
    AuthType, DebugCapturePoint, Flow, L7FlowType, Policy, SocketTranslationPoint,
    TrafficDirection, Verdict,
};
use proto::flows::v1::{Decision, Rule};

use crate::view::{FlowView as _, Side};
use crate::vocabulary::{drop_reason_text, event, match_type_text, observation_point};

/// Who is at one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// `namespace/pod`, a service, DNS names, an address, a MAC address, or nothing.
    pub name: String,
    /// Zero if there is none.
    pub port: u16,
}

impl std::fmt::Display for Host {
    /// `name:port`, with brackets around a name that has colons.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            0 => f.write_str(&self.name),
            port if self.name.contains(':') => write!(f, "[{}]:{port}", self.name),
            port => write!(f, "{}:{port}", self.name),
        }
    }
}

/// Who is at an end of the flow; `translate`: by name, if there is one, instead of by address.
pub fn host(flow: &Flow, side: Side, translate: bool) -> Host {
    let Some(ip) = &flow.ip else {
        let mac = flow.ethernet.as_ref().map(|ethernet| match side {
            Side::Source => &ethernet.source,
            Side::Destination => &ethernet.destination,
        });
        return Host {
            name: mac.cloned().unwrap_or_default(),
            port: 0,
        };
    };
    let (address, names) = match side {
        Side::Source => (&ip.source, &flow.source_names),
        Side::Destination => (&ip.destination, &flow.destination_names),
    };
    let port = flow.port(side).unwrap_or(0);
    let service = flow.service(side);
    let (namespace, service) = match service {
        Some((namespace, name)) => (namespace, name),
        None => (flow.namespace(side), ""),
    };
    let pod = flow.pod(side);
    let within = |name: &str| match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    };
    let name = match () {
        () if !translate => address.clone(),
        () if !pod.is_empty() => within(pod),
        () if !service.is_empty() => within(service),
        () if !names.is_empty() => names.join(","),
        () => address.clone(),
    };
    Host { name, port }
}

/// The name of an enum value, or its number.
fn named<T: TryFrom<i32>>(number: i32, name: impl Fn(&T) -> &'static str) -> String {
    match T::try_from(number) {
        Ok(value) => name(&value).to_owned(),
        Err(_) => number.to_string(),
    }
}

/// What kind of event this is, as Hubble says it.
pub fn kind(flow: &Flow) -> String {
    if let Some(l7) = &flow.l7 {
        let kind = named(l7.r#type, L7FlowType::as_str_name).to_lowercase();
        return match &l7.record {
            Some(Record::Http(_)) => format!("http-{kind}"),
            Some(Record::Kafka(_)) => format!("kafka-{kind}"),
            Some(Record::Dns(dns)) => format!("dns-{kind} {}", dns.observation_source),
            None => format!("l7-{kind}"),
        };
    }
    let (kind, sub_type) = flow.event_type().unwrap_or_default();
    match kind {
        event::TRACE => {
            observation_point(sub_type).map_or_else(|| sub_type.to_string(), ToOwned::to_owned)
        }
        event::DROP => u8::try_from(sub_type)
            .ok()
            .and_then(drop_reason_text)
            .map_or_else(|| format!("{sub_type}, 0"), ToOwned::to_owned),
        event::POLICY_VERDICT => format!(
            "policy-verdict:{} {}",
            match_type_text(flow.policy_match_type),
            named(flow.traffic_direction, TrafficDirection::as_str_name)
        ),
        event::CAPTURE => named(flow.debug_capture_point, DebugCapturePoint::as_str_name),
        event::TRACE_SOCK => match SocketTranslationPoint::try_from(flow.sock_xlate_point) {
            Ok(SocketTranslationPoint::SockXlatePointPreDirectionFwd) => "pre-xlate-fwd".to_owned(),
            Ok(SocketTranslationPoint::SockXlatePointPostDirectionFwd) => {
                "post-xlate-fwd".to_owned()
            }
            Ok(SocketTranslationPoint::SockXlatePointPreDirectionRev) => "pre-xlate-rev".to_owned(),
            Ok(SocketTranslationPoint::SockXlatePointPostDirectionRev) => {
                "post-xlate-rev".to_owned()
            }
            Ok(other @ SocketTranslationPoint::SockXlatePointUnknown) => {
                other.as_str_name().to_owned()
            }
            Err(_) => flow.sock_xlate_point.to_string(),
        },
        _ => "UNKNOWN".to_owned(),
    }
}

/// Whether this is an event of policy being asked.
pub fn is_policy_verdict(flow: &Flow) -> bool {
    flow.event_type()
        .is_some_and(|(kind, _)| kind == event::POLICY_VERDICT)
}

/// The verdict as Hubble says it: of policy verdicts, what policy said.
pub fn verdict(flow: &Flow) -> String {
    if is_policy_verdict(flow) {
        match flow.verdict() {
            Verdict::Forwarded | Verdict::Redirected => return "ALLOWED".to_owned(),
            Verdict::Dropped | Verdict::Error => return "DENIED".to_owned(),
            Verdict::Audit => return "AUDITED".to_owned(),
            Verdict::Unknown | Verdict::Traced | Verdict::Translated => {}
        }
    }
    named(flow.verdict, Verdict::as_str_name)
}

/// The policies of Hubble's lists that this flow's verdict is due to.
fn policies(flow: &Flow) -> &[Policy] {
    let allowed = matches!(flow.verdict(), Verdict::Forwarded | Verdict::Redirected);
    match (flow.traffic_direction(), allowed) {
        (TrafficDirection::Egress, true) => &flow.egress_allowed_by,
        (TrafficDirection::Ingress, true) => &flow.ingress_allowed_by,
        (TrafficDirection::Egress, false) => &flow.egress_denied_by,
        (TrafficDirection::Ingress, false) => &flow.ingress_denied_by,
        (TrafficDirection::Unknown, _) => &[],
    }
}

/// `name (Kind), name2 (Kind)`, or nothing.
pub fn policy_names(flow: &Flow) -> String {
    if !is_policy_verdict(flow) || flow.verdict() == Verdict::Audit {
        return String::new();
    }
    let names: Vec<String> = policies(flow)
        .iter()
        .filter(|policy| !policy.kind.is_empty() && !policy.name.is_empty())
        .map(|policy| format!("{} ({})", policy.name, policy.kind))
        .collect();
    names.join(", ")
}

/// Authentication, if there was any.
pub fn auth(flow: &Flow) -> Option<String> {
    (flow.auth_type != AuthType::Disabled as i32)
        .then(|| named(flow.auth_type, AuthType::as_str_name))
}

/// The summary, with the IP trace id before it.
pub fn summary(flow: &Flow) -> String {
    match flow.ip_trace_id() {
        0 => flow.summary.clone(),
        id => format!("IP Trace ID: {id}; {}", flow.summary),
    }
}

/// Short name of a kind of policy, as kubectl has it.
fn short_kind(kind: &str) -> &str {
    match kind {
        "CiliumNetworkPolicy" => "cnp",
        "CiliumClusterwideNetworkPolicy" => "ccnp",
        "NetworkPolicy" => "netpol",
        kind => kind,
    }
}

fn policy_ref(kind: &str, namespace: &str, name: &str) -> String {
    let kind = short_kind(kind);
    let space = if kind.is_empty() { "" } else { " " };
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind}{space}{namespace}{slash}{name}")
}

/// Each policy once, with what its rules say.
fn rules(rules: &[Rule], between: &str, before_text: &str) -> String {
    let mut policies: Vec<(String, Vec<&str>)> = Vec::new();
    for rule in rules {
        let policy = policy_ref(&rule.kind, &rule.namespace, &rule.name);
        let text = rule.text.as_str();
        match policies.iter_mut().find(|(known, _)| *known == policy) {
            Some((_, texts)) => texts.push(text),
            None => policies.push((policy, vec![text])),
        }
    }
    let policies = policies.into_iter().map(|(policy, mut texts)| {
        texts.retain(|text| !text.is_empty());
        texts.dedup();
        if texts.is_empty() {
            format!("{policy}{between}")
        } else {
            format!("{policy}{between}{before_text}{}", texts.join(", "))
        }
    });
    policies.collect::<Vec<_>>().join("; ")
}

/// Why one end was judged as it was, in one line.
fn decision(decision: &Decision, direction: &str) -> String {
    if !decision.why.is_empty() {
        return decision.why.clone();
    }
    let dropped = decision.verdict() == Verdict::Dropped;
    match (dropped, decision.default_deny) {
        (true, true) if decision.rules.is_empty() => format!("default deny {direction}"),
        (true, true) => format!(
            "default deny {direction}: {}",
            rules(&decision.rules, " selects it", ", ")
        ),
        _ => rules(&decision.rules, "", ": "),
    }
}

/// The policies behind a flow's verdict, with their rules if the flow carries our extension, else
/// from Hubble's lists. Empty if nothing is known.
pub fn policy(flow: &Flow) -> String {
    let Some(extension) = flow.extension() else {
        let names = policies(flow)
            .iter()
            .map(|policy| policy_ref(&policy.kind, &policy.namespace, &policy.name));
        return names.collect::<Vec<_>>().join(", ");
    };
    let ends = [
        (extension.egress.as_ref(), "egress"),
        (extension.ingress.as_ref(), "ingress"),
    ];
    // What allowed a packet does not explain its drop at the other end, nor the other way round.
    let dropped = flow.verdict() == Verdict::Dropped;
    let mut texts: Vec<String> = ends
        .iter()
        .filter_map(|(end, direction)| Some((((*end)?), *direction)))
        .filter(|(end, _)| (end.verdict() == Verdict::Dropped) == dropped)
        .map(|(end, direction)| decision(end, direction))
        .filter(|text| !text.is_empty())
        .collect();
    texts.dedup();
    texts.join("; ")
}
