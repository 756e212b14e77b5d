//! The words for a flow: who, what, how it was judged, and by which policy.

mod packet;
mod policy;
mod quantity;

use proto::flow::layer7::Record;
use proto::flow::{
    AuthType, DebugCapturePoint, Flow, L7FlowType, Layer7, SocketTranslationPoint,
    TrafficDirection, Verdict,
};

pub(crate) use packet::FLAGS;
pub use packet::{flags, l7_summary, packet, protocol};
pub use policy::{policy, policy_names_of, policy_reference};
pub use quantity::{bytes, micros};

use crate::view::{FlowView, Side, message_policies};
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
pub fn host<V: FlowView>(flow: &V, side: Side, translate: bool) -> Host {
    let address = flow.address(side);
    if !address.is_ip() {
        return Host {
            name: address.to_string(),
            port: 0,
        };
    }
    let port = flow.port(side).unwrap_or(0);
    let name = match translate {
        true => name(flow, side),
        false => None,
    };
    Host {
        name: name.unwrap_or_else(|| address.to_string()),
        port,
    }
}

/// The best name of an end: pod, service or DNS names.
fn name<V: FlowView>(flow: &V, side: Side) -> Option<String> {
    let (namespace, service) = match flow.service(side) {
        Some((namespace, name)) => (namespace, name),
        None => (flow.namespace(side), ""),
    };
    let within = |name: &str| match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    };
    match flow.pod(side) {
        "" if service.is_empty() => names(flow, side),
        "" => Some(within(service)),
        pod => Some(within(pod)),
    }
}

/// The DNS names of an end, joined by commas.
pub fn names<V: FlowView>(flow: &V, side: Side) -> Option<String> {
    let mut names: Option<String> = None;
    flow.any_name(side, &mut |name| {
        match &mut names {
            Some(names) => {
                names.push(',');
                names.push_str(name);
            }
            None => names = Some(name.to_owned()),
        }
        false
    });
    names
}

/// The name of an enum value, or its number.
fn named<T: TryFrom<i32>>(number: i32, name: impl Fn(&T) -> &'static str) -> String {
    match T::try_from(number) {
        Ok(value) => name(&value).to_owned(),
        Err(_) => number.to_string(),
    }
}

/// What kind of record of a proxy this is, as Hubble says it.
pub fn l7_kind(l7: &Layer7) -> String {
    let kind = named(l7.r#type, L7FlowType::as_str_name).to_lowercase();
    match &l7.record {
        Some(Record::Http(_)) => format!("http-{kind}"),
        Some(Record::Kafka(_)) => format!("kafka-{kind}"),
        Some(Record::Dns(dns)) => format!("dns-{kind} {}", dns.observation_source),
        None => format!("l7-{kind}"),
    }
}

/// What kind of event this is, as Hubble says it.
pub fn kind(flow: &Flow) -> String {
    if let Some(l7) = &flow.l7 {
        return l7_kind(l7);
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

/// `name (Kind), name2 (Kind)`, or nothing.
pub fn policy_names(flow: &Flow) -> String {
    if !is_policy_verdict(flow) || flow.verdict() == Verdict::Audit {
        return String::new();
    }
    let names: Vec<String> = message_policies(flow)
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
