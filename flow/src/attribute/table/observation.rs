//! How a packet was observed, and what is known of its connection.

use proto::flows::v1::Cause;

use super::super::cell::{show, write_age, write_state};
use super::super::names::{self, Known};
use super::super::read::{Read, extension, text};
use super::{Section, attribute, left, right, shows};
use crate::attribute::{Attribute, AttributeId as Id, ValueType};
use crate::format;
use crate::view::Extension;

pub(in crate::attribute) static OBSERVATION: &[Attribute] = &[
    Attribute {
        aliases: &["connection.state"],
        column: left(Section::Connection, "STATE", 5, 9),
        known: Known::Texts(names::states),
        cell: Some(|flow, _, cells, out| write_state(flow, cells, out)),
        ..attribute(
            Id::State,
            "state",
            ValueType::Text,
            "how the connection stands; of single flows nothing",
            Read::Text(|flow, _, is| flow.connection().is_some_and(|of| is(of.state.name()))),
        )
    },
    Attribute {
        aliases: &["duration"],
        column: right(Section::Connection, "AGE", 3, 6),
        cell: Some(|flow, _, cells, out| write_age(flow, cells, out)),
        ..attribute(
            Id::Age,
            "age",
            ValueType::Time,
            "how long the connection lived or, if it is open, has lived; of single flows nothing",
            Read::Number(|flow, _| {
                let age = flow.connection()?.age_ns / 1_000;
                u64::try_from(age).ok()
            }),
        )
    },
    attribute(
        Id::Drops,
        "drops",
        ValueType::Number,
        "packets of the connection that were dropped; of single flows nothing",
        Read::Number(|flow, _| flow.connection().map(|of| of.drops)),
    ),
    Attribute {
        column: left(Section::Policy, "WHY", 12, 40),
        cell: Some(|flow, _, _, out| format::write_why(flow, out)),
        ..attribute(
            Id::Why,
            "why",
            ValueType::Text,
            "who decided: the policy first, then what its rule says",
            Read::No,
        )
    },
    Attribute {
        aliases: &["ct.state"],
        known: Known::Names(names::trace_reasons),
        max: u32::MAX as u64,
        ..attribute(
            Id::TraceReason,
            "trace.reason",
            ValueType::Name,
            "place of the packet in its connection",
            Read::Number(|flow, _| {
                let number = u64::try_from(flow.trace_reason() as i32).ok();
                number.filter(|reason| *reason != 0)
            }),
        )
    },
    Attribute {
        column: right(Section::Connection, "BYTES", 6, 8),
        ..attribute(
            Id::Bytes,
            "bytes",
            ValueType::Bytes,
            "bytes of the connection so far, both directions",
            Read::Number(|flow, _| {
                extension(flow, |extension| {
                    extension.volume().map(|volume| volume.bytes)
                })
            }),
        )
    },
    Attribute {
        column: right(Section::Connection, "PACKETS", 6, 8),
        ..attribute(
            Id::Packets,
            "packets",
            ValueType::Number,
            "packets of the connection so far, both directions",
            Read::Number(|flow, _| {
                extension(flow, |extension| {
                    extension.volume().map(|volume| volume.packets)
                })
            }),
        )
    },
    Attribute {
        column: right(Section::Connection, "RTT", 6, 8),
        max: u32::MAX as u64,
        ..attribute(
            Id::Rtt,
            "rtt",
            ValueType::Time,
            "round trip of the TCP handshake",
            Read::Number(|flow, _| extension(flow, |extension| extension.rtt_us.map(u64::from))),
        )
    },
    Attribute {
        column: right(Section::Policy, "REVISION", 4, 8),
        max: u32::MAX as u64,
        ..attribute(
            Id::Revision,
            "revision",
            ValueType::Number,
            "policy revision of the node",
            Read::Number(|flow, _| {
                let revision = extension(flow, |extension| Some(extension.revision.into()));
                revision.filter(|revision| *revision != 0)
            }),
        )
    },
    attribute(
        Id::Limited,
        "limited",
        ValueType::Number,
        "further packets dropped alike, which the flow stands for",
        Read::Number(|flow, _| extension(flow, |extension| Some(extension.limited))),
    ),
    attribute(
        Id::Late,
        "late",
        ValueType::Bool,
        "the relay delivered it behind a flow that happened later",
        Read::Bool(|flow| Extension::read(flow, |extension| extension.late)),
    ),
    Attribute {
        column: shows(
            left(Section::Observation, "CAUSE", 4, 7),
            "why the event was sent: new, drop, changed, flags, end, active, packet",
        ),
        known: Known::Names(names::causes),
        cell: Some(|flow, _, _, out| {
            let cause = Extension::read(flow, |extension| extension.cause);
            if let Some(cause) = cause.filter(|cause| *cause != Cause::Unknown) {
                out.push_str(names::cause(cause).0);
            }
        }),
        max: u32::MAX as u64,
        ..attribute(
            Id::Cause,
            "cause",
            ValueType::Name,
            "why the event was sent",
            Read::Number(|flow, _| {
                extension(flow, |extension| u64::try_from(extension.cause as i32).ok())
            }),
        )
    },
    Attribute {
        aliases: &["iface"],
        column: left(Section::Observation, "INTERFACE", 6, 12),
        cell: Some(|flow, _, _, out| match flow.interface() {
            Some((index, "")) => show(out, index),
            Some((_, name)) => out.push_str(name),
            None => {}
        }),
        ..attribute(
            Id::Interface,
            "interface",
            ValueType::Text,
            "network interface",
            Read::Text(|flow, _, is| flow.interface().is_some_and(|(_, name)| text(name, is))),
        )
    },
];
