//! The words for a flow: who, what, how it was judged, and by which policy.

mod packet;
mod policy;

use std::borrow::Cow;
use std::fmt;

use proto::flow::layer7::Record;
use proto::flow::{
    AuthType, DebugCapturePoint, Flow, L7FlowType, Layer7, SocketTranslationPoint,
    TrafficDirection, Verdict,
};

pub(crate) use packet::FLAGS;
pub use packet::{flags, l7_summary, packet, protocol, request};
pub use policy::{decision, policy, policy_names_of, policy_reference, short_kind};
pub(crate) use policy::{drop_reason, write_policy, write_why};

use crate::monitor_api::{drop_reason_text, event, match_type_text, observation_point};
use crate::view::{Address, FlowView, Side, message_policies};

/// Who is at one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort<'a> {
    /// Its best name.
    pub name: Name<'a>,
    /// Zero if there is none.
    pub port: u16,
}

/// What an end is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name<'a> {
    /// A pod or a service and its namespace, which may be empty.
    Within(&'a str, &'a str),
    /// DNS names, joined by commas.
    Names(String),
    /// An address of IP, a MAC address, or nothing.
    Address(Address<'a>),
}

impl Name<'_> {
    fn has_colon(&self) -> bool {
        match self {
            Self::Within(namespace, name) => namespace.contains(':') || name.contains(':'),
            Self::Names(names) => names.contains(':'),
            Self::Address(address) => address.has_colon(),
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within("", name) => f.write_str(name),
            Self::Within(namespace, name) => {
                f.write_str(namespace)?;
                f.write_str("/")?;
                f.write_str(name)
            }
            Self::Names(names) => f.write_str(names),
            Self::Address(address) => fmt::Display::fmt(address, f),
        }
    }
}

impl fmt::Display for HostPort<'_> {
    /// `name:port`, with brackets around a name that has colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => fmt::Display::fmt(&self.name, f),
            port if self.name.has_colon() => write!(f, "[{}]:{port}", self.name),
            port => write!(f, "{}:{port}", self.name),
        }
    }
}

/// Who is at an end of the flow; `translate`: by name, if there is one, instead of by address.
pub fn host_port<V: FlowView + ?Sized>(flow: &V, side: Side, translate: bool) -> HostPort<'_> {
    let address = flow.address(side);
    if !address.is_ip() {
        return HostPort {
            name: Name::Address(address),
            port: 0,
        };
    }
    let name = match translate {
        true => name(flow, side),
        false => None,
    };
    HostPort {
        name: name.unwrap_or(Name::Address(address)),
        port: flow.port(side).unwrap_or(0),
    }
}

/// The best name of an end: pod, service or DNS names.
fn name<V: FlowView + ?Sized>(flow: &V, side: Side) -> Option<Name<'_>> {
    let (namespace, service) = match flow.service(side) {
        Some((namespace, name)) => (namespace, name),
        None => (flow.namespace(side), ""),
    };
    match flow.pod(side) {
        "" if service.is_empty() => names(flow, side).map(Name::Names),
        "" => Some(Name::Within(namespace, service)),
        pod => Some(Name::Within(namespace, pod)),
    }
}

/// The DNS names of an end, joined by commas.
fn names<V: FlowView + ?Sized>(flow: &V, side: Side) -> Option<String> {
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
fn named<T: TryFrom<i32>>(number: i32, name: impl Fn(&T) -> &'static str) -> Cow<'static, str> {
    match T::try_from(number) {
        Ok(value) => name(&value).into(),
        Err(_) => number.to_string().into(),
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
pub fn kind(flow: &Flow) -> Cow<'static, str> {
    if let Some(l7) = &flow.l7 {
        return l7_kind(l7).into();
    }
    let (kind, sub_type) = flow.event_type().unwrap_or_default();
    match kind {
        event::TRACE => {
            observation_point(sub_type).map_or_else(|| sub_type.to_string().into(), Cow::Borrowed)
        }
        event::DROP => u8::try_from(sub_type)
            .ok()
            .and_then(drop_reason_text)
            .map_or_else(|| format!("{sub_type}, 0").into(), Cow::Borrowed),
        event::POLICY_VERDICT => format!(
            "policy-verdict:{} {}",
            match_type_text(flow.policy_match_type),
            named(flow.traffic_direction, TrafficDirection::as_str_name)
        )
        .into(),
        event::CAPTURE => named(flow.debug_capture_point, DebugCapturePoint::as_str_name),
        event::TRACE_SOCK => match SocketTranslationPoint::try_from(flow.sock_xlate_point) {
            Ok(SocketTranslationPoint::SockXlatePointPreDirectionFwd) => "pre-xlate-fwd".into(),
            Ok(SocketTranslationPoint::SockXlatePointPostDirectionFwd) => "post-xlate-fwd".into(),
            Ok(SocketTranslationPoint::SockXlatePointPreDirectionRev) => "pre-xlate-rev".into(),
            Ok(SocketTranslationPoint::SockXlatePointPostDirectionRev) => "post-xlate-rev".into(),
            Ok(other @ SocketTranslationPoint::SockXlatePointUnknown) => other.as_str_name().into(),
            Err(_) => flow.sock_xlate_point.to_string().into(),
        },
        _ => "UNKNOWN".into(),
    }
}

/// Whether this is an event of policy being asked.
pub fn is_policy_verdict(flow: &Flow) -> bool {
    flow.event_type()
        .is_some_and(|(kind, _)| kind == event::POLICY_VERDICT)
}

/// The verdict as Hubble says it: of policy verdicts, what policy said.
pub fn verdict(flow: &Flow) -> Cow<'static, str> {
    if is_policy_verdict(flow) {
        match flow.verdict() {
            Verdict::Forwarded | Verdict::Redirected => return "ALLOWED".into(),
            Verdict::Dropped | Verdict::Error => return "DENIED".into(),
            Verdict::Audit => return "AUDITED".into(),
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
pub fn auth(flow: &Flow) -> Option<Cow<'static, str>> {
    (flow.auth_type != AuthType::Disabled as i32)
        .then(|| named(flow.auth_type, AuthType::as_str_name))
}

/// The summary, with the IP trace id before it.
pub fn summary(flow: &Flow) -> Cow<'_, str> {
    match flow.ip_trace_id() {
        0 => flow.summary.as_str().into(),
        id => format!("IP Trace ID: {id}; {}", flow.summary).into(),
    }
}
