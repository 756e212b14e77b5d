//! When and where a packet was seen, what it is, and how it was judged.

use proto::flow::{IpVersion, TrafficDirection, Verdict};
use proto::google::Timestamp;

use super::super::cell::{protocol, reason, show, write_kind, write_source};
use super::super::names::{self, Known};
use super::super::read::{Read, policies, text};
use super::{Section, attribute, left, shows};
use crate::attribute::{Attribute, AttributeId as Id, ValueType};
use crate::format;
use crate::monitor_api::event;
use crate::view::{Side, tcp};

pub(in crate::attribute) static PACKET: &[Attribute] = &[
    Attribute {
        column: left(Section::Title, "TIMESTAMP", 12, 19),
        cell: Some(|flow, _, cells, out| {
            let time = flow.time_ns().map(Timestamp::from_unix_nanos);
            cells.time.write(time.as_ref(), &cells.zone, out);
        }),
        ..attribute(
            Id::Timestamp,
            "timestamp",
            ValueType::Time,
            "when it happened",
            Read::No,
        )
    },
    Attribute {
        aliases: &["node.name"],
        column: left(Section::Observation, "NODE", 6, 8),
        ..attribute(
            Id::Node,
            "node",
            ValueType::Text,
            "node that saw the packet, with or without its cluster",
            Read::Text(|flow, _, is| text(flow.node(), is)),
        )
    },
    Attribute {
        aliases: &["node.labels"],
        ..attribute(
            Id::NodeLabel,
            "node.label",
            ValueType::Labels,
            "labels of the node",
            Read::Text(|flow, _, is| flow.any_node_label(is)),
        )
    },
    Attribute {
        column: left(Section::Title, "SOURCE", 12, 32),
        cell: Some(|flow, _, cells, out| write_source(flow, cells, out)),
        ..attribute(
            Id::Source,
            "source",
            ValueType::Text,
            "who opened the connection; the arrow is the packet's direction",
            Read::No,
        )
    },
    Attribute {
        column: left(Section::Title, "DESTINATION", 12, 40),
        cell: Some(|flow, _, cells, out| {
            let side = match flow.is_reply() {
                Some(true) => Side::Source,
                Some(false) | None => Side::Destination,
            };
            show(out, format::host_port(flow, side, cells.translate));
        }),
        ..attribute(
            Id::Destination,
            "destination",
            ValueType::Text,
            "who the connection was opened to",
            Read::No,
        )
    },
    Attribute {
        aliases: &["event.type"],
        column: shows(
            left(Section::Packet, "TYPE", 7, 11),
            "layer, kind of event, protocol",
        ),
        known: Known::Texts(names::event_types),
        cell: Some(|flow, _, _, out| write_kind(flow, out)),
        ..attribute(
            Id::Type,
            "type",
            ValueType::Name,
            "kind of event, with :POINT or :NUMBER for its sub type",
            Read::Special,
        )
    },
    Attribute {
        column: left(Section::Title, "VERDICT", 7, 7),
        known: Known::Names(names::verdicts),
        cell: Some(
            |flow, _, _, out| match Verdict::try_from(flow.verdict_number()) {
                Ok(verdict) => out.push_str(verdict.as_str_name()),
                Err(_) => show(out, flow.verdict_number()),
            },
        ),
        ..attribute(
            Id::Verdict,
            "verdict",
            ValueType::Name,
            "how the packet was judged",
            Read::Special,
        )
    },
    Attribute {
        aliases: &["drop.reason", "drop_reason"],
        column: shows(
            left(Section::Packet, "REASON", 8, 13),
            "why it was dropped, or what allowed it",
        ),
        known: Known::Names(names::reasons),
        cell: Some(|flow, _, _, out| out.push_str(&reason(flow))),
        ..attribute(
            Id::Reason,
            "reason",
            ValueType::Name,
            "why it was dropped",
            Read::Special,
        )
    },
    Attribute {
        aliases: &["policy.name"],
        column: shows(
            left(Section::Policy, "POLICY", 6, 6),
            "the policies that decided, with their rules",
        ),
        cell: Some(|flow, _, _, out| format::write_policy(flow, out)),
        ..attribute(
            Id::Policy,
            "policy",
            ValueType::Scoped,
            "policies that decided",
            Read::Pair(|flow, _, is| policies(flow, is)),
        )
    },
    Attribute {
        column: left(Section::Policy, "POLICY NAME", 8, 24),
        cell: Some(|flow, _, _, out| out.push_str(&format::policy_names_of(flow).join(", "))),
        ..attribute(
            Id::PolicyName,
            "policy.name",
            ValueType::Scoped,
            "the names of the policies that decided",
            Read::No,
        )
    },
    Attribute {
        aliases: &["policy_log"],
        column: left(Section::Policy, "POLICY LOG", 8, 16),
        ..attribute(
            Id::PolicyLog,
            "policy.log",
            ValueType::Text,
            "what the policies write to the log (`spec.log.value`)",
            Read::Text(|flow, _, is| flow.any_policy_log(is)),
        )
    },
    Attribute {
        aliases: &["match.type"],
        known: Known::Names(names::match_types),
        max: u32::MAX as u64,
        ..attribute(
            Id::Match,
            "match",
            ValueType::Name,
            "what a policy verdict matched on",
            Read::Number(|flow, _| {
                let kind = flow.event_type().map(|(kind, _)| kind);
                (kind == Some(event::POLICY_VERDICT)).then(|| flow.match_type().into())
            }),
        )
    },
    Attribute {
        aliases: &["traffic.direction"],
        column: left(Section::Connection, "DIRECTION", 7, 9),
        known: Known::Names(names::directions),
        cell: Some(|flow, _, _, out| {
            out.push_str(match flow.direction() {
                TrafficDirection::Ingress => "ingress",
                TrafficDirection::Egress => "egress",
                TrafficDirection::Unknown => "",
            });
        }),
        ..attribute(
            Id::Direction,
            "direction",
            ValueType::Name,
            "direction of the traffic, as seen by the pod that reports",
            Read::Special,
        )
    },
    Attribute {
        aliases: &["is_reply"],
        column: left(Section::Connection, "REPLY", 5, 5),
        cell: Some(|flow, _, _, out| {
            if let Some(reply) = flow.is_reply() {
                show(out, reply);
            }
        }),
        ..attribute(
            Id::Reply,
            "reply",
            ValueType::Bool,
            "the packet goes against the connection's direction",
            Read::Special,
        )
    },
    Attribute {
        aliases: &["proto"],
        column: left(Section::Packet, "PROTOCOL", 4, 8),
        known: Known::Texts(names::protocols),
        cell: Some(|flow, _, _, out| out.push_str(protocol(flow))),
        ..attribute(
            Id::Protocol,
            "protocol",
            ValueType::Name,
            "protocol above IP, or the one that a proxy saw",
            Read::Special,
        )
    },
    Attribute {
        aliases: &["flags"],
        column: left(Section::Packet, "FLAGS", 5, 10),
        known: Known::Texts(names::tcp_flags),
        cell: Some(|flow, _, _, out| {
            if let Some(bits) = flow.tcp_flags() {
                out.push_str(&format::flags(bits));
            }
        }),
        ..attribute(
            Id::TcpFlags,
            "tcp.flags",
            ValueType::Flags,
            "TCP flags of the packet",
            Read::Special,
        )
    },
    flag(
        tcp::SYN,
        "tcp.syn",
        &["tcp.flags.syn"],
        "the packet has SYN",
    ),
    flag(
        tcp::ACK,
        "tcp.ack",
        &["tcp.flags.ack"],
        "the packet has ACK",
    ),
    flag(
        tcp::FIN,
        "tcp.fin",
        &["tcp.flags.fin"],
        "the packet has FIN",
    ),
    flag(
        tcp::RST,
        "tcp.rst",
        &["tcp.flags.rst", "tcp.flags.reset"],
        "the packet has RST",
    ),
    flag(
        tcp::PSH,
        "tcp.psh",
        &["tcp.flags.psh", "tcp.flags.push"],
        "the packet has PSH",
    ),
    flag(
        tcp::URG,
        "tcp.urg",
        &["tcp.flags.urg"],
        "the packet has URG",
    ),
    attribute(
        Id::IcmpType,
        "icmp.type",
        ValueType::Number,
        "ICMP type",
        Read::Number(|flow, _| flow.icmp().map(|(kind, _)| kind.into())),
    ),
    attribute(
        Id::IcmpCode,
        "icmp.code",
        ValueType::Number,
        "ICMP code",
        Read::Number(|flow, _| flow.icmp().map(|(_, code)| code.into())),
    ),
    Attribute {
        aliases: &["ipversion"],
        known: Known::Spelled(names::ip_versions, 3),
        cell: Some(|flow, _, _, out| {
            out.push_str(match flow.ip_version() {
                IpVersion::IPv4 => "4",
                IpVersion::IPv6 => "6",
                IpVersion::IpNotUsed => "none",
            });
        }),
        ..attribute(
            Id::IpVersion,
            "ip.version",
            ValueType::Name,
            "version of IP",
            Read::Special,
        )
    },
    Attribute {
        aliases: &["src.ip.xlated"],
        cell: Some(|flow, _, _, out| {
            if let Some(ip) = flow.source_xlated() {
                show(out, ip);
            }
        }),
        ..attribute(
            Id::SnatIp,
            "snat.ip",
            ValueType::Ip,
            "source address after translation",
            Read::Special,
        )
    },
    Attribute {
        cell: Some(|flow, _, _, out| show(out, flow.encrypted())),
        ..attribute(
            Id::Encrypted,
            "encrypted",
            ValueType::Bool,
            "the packet was encrypted between nodes",
            Read::Special,
        )
    },
];

/// One TCP flag.
const fn flag(
    bit: u16,
    name: &'static str,
    aliases: &'static [&'static str],
    doc: &'static str,
) -> Attribute {
    Attribute {
        aliases,
        ..attribute(Id::TcpFlag(bit), name, ValueType::Bool, doc, Read::Special)
    }
}
