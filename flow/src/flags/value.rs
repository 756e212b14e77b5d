//! The values of the flags.

use proto::flow::{
    DropReason, HttpHeader, IpVersion, TcpFlags, TrafficDirection, Verdict, Workload,
};

use crate::filter::{EventTypeError, NotANumber};
use crate::identity::Identity;
use crate::monitor_api::event;
use crate::spelling::closest;

/// What is wrong with a flag's value, or with the flag in that place. The texts are Hubble's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Two flags that exclude each other.
    #[error("filters --{0} and --{1} cannot be combined")]
    Combination(&'static str, &'static str),
    /// A name in another namespace than the one asked for.
    #[error("namespace conflict: \"{namespaces}\" does not contain \"{name}\"")]
    Namespace {
        /// What was asked for.
        namespaces: String,
        /// The name.
        name: String,
    },
    /// A service and a pod in different namespaces.
    #[error("namespace of service \"{service}\" conflict with pod \"{pod}\"")]
    ServiceNamespace {
        /// The service.
        service: String,
        /// The pod.
        pod: String,
    },
    /// `--not --not`.
    #[error("consecutive --not statements")]
    ConsecutiveNot,
    /// `--from` and `--to` need to know what their value is.
    #[error("\"{0}\" does not say what it is, expected KIND:VALUE as in pod:shop/cart")]
    NoKind(String),
    /// Not a verdict.
    #[error("invalid --verdict value: {0}")]
    Verdict(String),
    /// Not a drop reason.
    #[error("invalid --drop-reason-desc value: {0}")]
    DropReason(String),
    /// No drop reason at all.
    #[error("empty --drop-reason-desc value")]
    NoDropReason,
    /// Not an event type, or not a sub type.
    #[error(transparent)]
    EventType(#[from] EventTypeError),
    /// Not a header.
    #[error("invalid http-header value \"{0}\", expected name:value")]
    Header(String),
    /// Not a TCP flag.
    #[error("unknown tcp flag: {0}")]
    TcpFlag(String),
    /// Not an identity.
    #[error(
        "invalid security identity, expected one of [host world unmanaged health init remote-node kube-apiserver ingress world-ipv4 world-ipv6 11] or a numeric value"
    )]
    Identity,
    /// Not a direction.
    #[error("{0}: invalid traffic direction, expected ingress or egress")]
    Direction(String),
    /// Not a trace id.
    #[error("invalid --ip-trace-id value: {0}")]
    IpTraceId(#[from] NotANumber),
    /// Zero is no trace id.
    #[error("invalid --ip-trace-id value; must be greater than 0")]
    NoIpTraceId,
    /// Neither true nor false.
    #[error("strconv.ParseBool: parsing \"{0}\": invalid syntax")]
    Boolean(String),
    /// A flag that is listed but not built in, which would be our own mistake.
    #[error("flag is not supported")]
    NotTaken,
}

impl ValueError {
    /// What there is instead of `value`.
    pub(super) fn hint(&self, value: &str) -> Option<String> {
        let names: Vec<&str> = match self {
            Self::Verdict(_) => (1..)
                .map_while(|number| Verdict::try_from(number).ok())
                .map(|verdict| verdict.as_str_name())
                .collect(),
            Self::DropReason(_) | Self::NoDropReason => (0..)
                .take(400)
                .filter_map(|number| DropReason::try_from(number).ok())
                .map(|reason| reason.as_str_name())
                .collect(),
            Self::EventType(EventTypeError::Type { .. }) => {
                event::NAMES.iter().map(|(name, _)| *name).collect()
            }
            Self::NoKind(_) => {
                return Some("for example pod:shop/cart, ns:shop, ip:10.0.0.1".to_owned());
            }
            Self::Combination(..)
            | Self::Namespace { .. }
            | Self::ServiceNamespace { .. }
            | Self::ConsecutiveNot
            | Self::EventType(EventTypeError::SubType { .. })
            | Self::Header(_)
            | Self::TcpFlag(_)
            | Self::Identity
            | Self::Direction(_)
            | Self::IpTraceId(_)
            | Self::NoIpTraceId
            | Self::Boolean(_)
            | Self::NotTaken => return None,
        };
        Some(match closest(value, names.iter().copied()) {
            Some(name) => format!("did you mean {name}?"),
            None if names.len() <= 10 => format!("one of {}", names.join(", ")),
            None => "such as POLICY_DENIED".to_owned(),
        })
    }
}

/// Rows say DENIED of a drop that a policy made.
pub(super) fn verdict(text: &str) -> Result<i32, ValueError> {
    if text.eq_ignore_ascii_case("DENIED") {
        return Ok(Verdict::Dropped as i32);
    }
    Verdict::from_str_name(text)
        .map(|verdict| verdict as i32)
        .ok_or_else(|| ValueError::Verdict(text.to_owned()))
}

pub(super) fn drop_reason(text: &str) -> Result<i32, ValueError> {
    if text.is_empty() {
        return Err(ValueError::NoDropReason);
    }
    DropReason::from_str_name(text)
        .map(|reason| reason as i32)
        .ok_or_else(|| ValueError::DropReason(text.to_owned()))
}

pub(super) fn header(text: &str) -> Result<HttpHeader, ValueError> {
    let (key, value) = text
        .split_once(':')
        .ok_or_else(|| ValueError::Header(text.to_owned()))?;
    Ok(HttpHeader {
        key: key.to_owned(),
        value: value.to_owned(),
    })
}

/// `syn,ack`, in any case.
pub(super) fn tcp_flags(text: &str) -> Result<TcpFlags, ValueError> {
    let mut flags = TcpFlags::default();
    for name in text.split(',') {
        let flag = match name.to_ascii_uppercase().as_str() {
            "FIN" => &mut flags.fin,
            "SYN" => &mut flags.syn,
            "RST" => &mut flags.rst,
            "PSH" => &mut flags.psh,
            "ACK" => &mut flags.ack,
            "URG" => &mut flags.urg,
            "ECE" => &mut flags.ece,
            "CWR" => &mut flags.cwr,
            "NS" => &mut flags.ns,
            _ => return Err(ValueError::TcpFlag(name.to_owned())),
        };
        *flag = true;
    }
    Ok(flags)
}

/// `name`, `Kind/name` or `Kind/`.
pub(super) fn workload(text: &str) -> Workload {
    let (kind, name) = text.split_once('/').unwrap_or(("", text));
    Workload {
        name: name.to_owned(),
        kind: kind.to_owned(),
    }
}

/// A reserved name or a number, as Go writes them.
pub(super) fn identity(text: &str) -> Result<u32, ValueError> {
    match Identity::named(text) {
        Some(identity) if identity.0 != 0 => Ok(identity.0),
        _ => NotANumber::read_literal(text, u32::MAX.into())
            .ok()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or(ValueError::Identity),
    }
}

pub(super) fn direction(text: &str) -> Result<i32, ValueError> {
    match text.to_ascii_lowercase().as_str() {
        "ingress" => Ok(TrafficDirection::Ingress as i32),
        "egress" => Ok(TrafficDirection::Egress as i32),
        _ => Err(ValueError::Direction(text.to_owned())),
    }
}

pub(super) fn ip_trace_id(text: &str) -> Result<u64, ValueError> {
    match NotANumber::read(text, u64::MAX)? {
        0 => Err(ValueError::NoIpTraceId),
        id => Ok(id),
    }
}

/// As Hubble, takes any word that it doesn't know for "no IP".
pub(super) fn ip_version(text: &str) -> i32 {
    let version = match text.to_ascii_lowercase().as_str() {
        "4" | "v4" | "ipv4" | "ip4" => IpVersion::IPv4,
        "6" | "v6" | "ipv6" | "ip6" => IpVersion::IPv6,
        _ => IpVersion::IpNotUsed,
    };
    version as i32
}

pub(super) fn boolean(text: &str) -> Result<bool, ValueError> {
    match text {
        "true" | "1" | "t" | "TRUE" | "True" => Ok(true),
        "false" | "0" | "f" | "FALSE" | "False" => Ok(false),
        _ => Err(ValueError::Boolean(text.to_owned())),
    }
}
