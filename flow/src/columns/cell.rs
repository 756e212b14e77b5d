//! Texts and sort keys of columns.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use proto::flow::layer7::Record;
use proto::flow::{TraceReason, TrafficDirection, Verdict};
use proto::flows::v1::Cause;
use proto::google::Timestamp;

use super::{Cells, Column, Part, SortKey};
use crate::describe;
use crate::view::{Extra, FlowView, Side, Transport};
use crate::vocabulary::{drop_reason_text, event, match_type_text};

/// Adds a column's text to what stands in `out`.
pub(super) fn write<V: FlowView>(column: Column, flow: &V, cells: &Cells, out: &mut String) {
    match column {
        Column::Timestamp => {
            let time = flow.time_ns().map(Timestamp::from_unix_nanos);
            cells.time.write(time.as_ref(), &cells.zone, out);
        }
        Column::Node => out.push_str(flow.node()),
        Column::Source => write_source(flow, cells, out),
        Column::Destination => {
            let side = match flow.is_reply() {
                Some(true) => Side::Source,
                Some(false) | None => Side::Destination,
            };
            show(out, describe::host(flow, side, cells.translate));
        }
        Column::Type => write_kind(flow, out),
        Column::Verdict => match Verdict::try_from(flow.verdict_number()) {
            Ok(verdict) => out.push_str(verdict.as_str_name()),
            Err(_) => show(out, flow.verdict_number()),
        },
        Column::Reason => out.push_str(&reason(flow)),
        Column::Policy => describe::write_policy(flow, out),
        Column::PolicyName => out.push_str(&describe::policy_names_of(flow).join(", ")),
        Column::Of(side, part) => write_part(flow, side, part, out),
        Column::Direction => out.push_str(match flow.direction() {
            TrafficDirection::Ingress => "ingress",
            TrafficDirection::Egress => "egress",
            TrafficDirection::Unknown => "",
        }),
        Column::Reply => {
            if let Some(reply) = flow.is_reply() {
                show(out, reply);
            }
        }
        Column::Protocol => out.push_str(protocol(flow)),
        Column::Flags => {
            if let Some(bits) = flow.tcp_flags() {
                out.push_str(&describe::flags(bits));
            }
        }
        Column::Bytes => match (bytes(flow), cells.plain) {
            (Some(bytes), true) => show(out, bytes),
            (Some(bytes), false) => out.push_str(&describe::bytes(bytes)),
            (None, _) => {}
        },
        Column::Packets => {
            let volume = Extra::read(flow, |extra| extra.volume()).flatten();
            if let Some(volume) = volume {
                show(out, volume.packets);
            }
        }
        Column::Rtt => match (
            Extra::read(flow, |extra| extra.rtt_us).flatten(),
            cells.plain,
        ) {
            (Some(us), true) => show(out, us),
            (Some(us), false) => out.push_str(&describe::micros(us)),
            (None, _) => {}
        },
        Column::Revision => {
            if let Some(revision) = revision(flow) {
                show(out, revision);
            }
        }
        Column::Cause => {
            out.push_str(Extra::read(flow, |extra| cause(extra.cause)).unwrap_or_default());
        }
        Column::Interface => match flow.interface() {
            Some((index, "")) => show(out, index),
            Some((_, name)) => out.push_str(name),
            None => {}
        },
        Column::TraceId => out.push_str(flow.trace_id()),
        Column::Uuid => flow.uuid(&mut |text| out.push_str(text)),
        Column::Summary => out.push_str(&describe::packet(flow)),
    }
}

/// Adds what has a text of its own.
fn show(out: &mut String, what: impl Display) {
    // Writing to a string can't fail.
    let _written = write!(out, "{what}");
}

pub(super) fn key<V: FlowView>(column: Column, flow: &V) -> SortKey {
    let number = |number: Option<u64>| match number {
        Some(number) => SortKey::Number(i64::try_from(number).unwrap_or(i64::MAX)),
        None => SortKey::None,
    };
    match column {
        Column::Timestamp => SortKey::Number(flow.time_ns().unwrap_or(0)),
        Column::Source => SortKey::Text(describe::host(flow, Side::Source, true).to_string()),
        Column::Destination => {
            SortKey::Text(describe::host(flow, Side::Destination, true).to_string())
        }
        Column::Of(side, Part::Ip) => flow.ip(side).map_or(SortKey::None, SortKey::Address),
        Column::Of(side, Part::Port) => number(flow.port(side).map(u64::from)),
        Column::Bytes => number(bytes(flow)),
        Column::Packets => {
            number(Extra::read(flow, |extra| extra.volume().map(|volume| volume.packets)).flatten())
        }
        Column::Rtt => number(Extra::read(flow, |extra| extra.rtt_us.map(u64::from)).flatten()),
        Column::Revision => number(revision(flow)),
        Column::Node
        | Column::Type
        | Column::Verdict
        | Column::Reason
        | Column::Policy
        | Column::PolicyName
        | Column::Of(..)
        | Column::Direction
        | Column::Reply
        | Column::Protocol
        | Column::Flags
        | Column::Cause
        | Column::Interface
        | Column::TraceId
        | Column::Uuid
        | Column::Summary => match column.text(flow, &Cells::default()) {
            none if none.is_empty() => SortKey::None,
            text => SortKey::Text(text),
        },
    }
}

fn bytes<V: FlowView>(flow: &V) -> Option<u64> {
    Extra::read(flow, |extra| extra.volume().map(|volume| volume.bytes)).flatten()
}

fn revision<V: FlowView>(flow: &V) -> Option<u64> {
    Extra::read(flow, |extra| u64::from(extra.revision)).filter(|revision| *revision != 0)
}

fn write_source<V: FlowView>(flow: &V, cells: &Cells, out: &mut String) {
    let (side, arrow) = match flow.is_reply() {
        Some(true) => (Side::Destination, " <-"),
        Some(false) => (Side::Source, " ->"),
        // A dropped packet is the first of its connection, or nobody knows.
        None if flow.verdict() == Verdict::Dropped => (Side::Source, " ->"),
        None => (Side::Source, " <>"),
    };
    show(out, describe::host(flow, side, cells.translate));
    if !cells.plain {
        out.push_str(arrow);
    }
}

fn write_part<V: FlowView>(flow: &V, side: Side, part: Part, out: &mut String) {
    let start = out.len();
    let mut push = |text: &str| {
        if out.len() > start {
            out.push(',');
        }
        out.push_str(text);
        false
    };
    match part {
        Part::Namespace => out.push_str(flow.namespace(side)),
        Part::Pod => out.push_str(flow.pod(side)),
        Part::Cluster => out.push_str(flow.cluster(side)),
        Part::Ip => show(out, flow.address(side)),
        Part::Port => {
            if let Some(port) = flow.port(side) {
                show(out, port);
            }
        }
        Part::Identity => {
            if let Some(identity) = flow.identity(side) {
                match identity.name() {
                    Some(name) => out.push_str(name),
                    None => show(out, identity.0),
                }
            }
        }
        Part::Service => match flow.service(side) {
            None => {}
            Some(("", name)) => out.push_str(name),
            Some((namespace, name)) => show(out, format_args!("{namespace}/{name}")),
        },
        Part::Workload => {
            flow.any_workload(side, &mut |_, name| push(name));
        }
        Part::Name => {
            flow.any_name(side, &mut push);
        }
        Part::Labels => {
            flow.any_label(side, &mut push);
        }
    }
}

/// The protocol that was spoken: what a proxy saw of it, else what is above IP.
pub(crate) fn protocol<V: FlowView>(flow: &V) -> &'static str {
    match flow.l7().and_then(|l7| l7.record.as_ref()) {
        Some(Record::Dns(_)) => "DNS",
        Some(Record::Http(_)) => "HTTP",
        Some(Record::Kafka(_)) => "Kafka",
        None => flow.transport().map_or("", describe::protocol),
    }
}

/// Why an event was sent, in a word.
pub(crate) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Unknown => "",
        Cause::New => "new",
        Cause::Drop => "drop",
        Cause::Changed => "changed",
        Cause::Flags => "flags",
        Cause::End => "end",
        Cause::Active => "active",
        Cause::Packet => "packet",
    }
}

fn write_kind<V: FlowView>(flow: &V, out: &mut String) {
    if let Some(l7) = flow.l7() {
        return out.push_str(&describe::l7_kind(l7));
    }
    let transport = flow.transport();
    out.push_str(match transport {
        Some(Transport::Tcp | Transport::Udp | Transport::Sctp) => "L4",
        Some(Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp) => "L3",
        None if flow.address(Side::Source).is_ip() => "L3",
        None => "L2",
    });
    out.push_str(match flow.event_type() {
        _ if flow.verdict() == Verdict::Dropped => "_DROP",
        Some((event::POLICY_VERDICT, _)) => "_POLICY",
        Some((event::TRACE, _)) => "_TRACE",
        Some((event::TRACE_SOCK, _)) => "_SOCK",
        Some((event::CAPTURE, _)) => "_CAPTURE",
        _ => "_EVENT",
    });
    if let Some(transport) = transport {
        out.push(' ');
        out.push_str(describe::protocol(transport));
    }
}

/// Of a drop its reason; of a policy verdict what matched; of other packets their place in the
/// connection.
pub(crate) fn reason<V: FlowView>(flow: &V) -> Cow<'static, str> {
    if flow.verdict() == Verdict::Dropped {
        let number = match flow.event_type() {
            Some((event::DROP, reason)) => reason,
            _ => flow.drop_reason(),
        };
        return u8::try_from(number)
            .ok()
            .filter(|number| *number != 0)
            .and_then(drop_reason_text)
            .unwrap_or_default()
            .into();
    }
    match (flow.event_type(), flow.trace_reason()) {
        (Some((event::POLICY_VERDICT, _)), _) => match_type_text(flow.match_type()).into(),
        (_, TraceReason::Unknown) => "".into(),
        (_, TraceReason::New) => "new".into(),
        (_, TraceReason::Established) => "established".into(),
        (_, reason) => reason.as_str_name().to_lowercase().into(),
    }
}
