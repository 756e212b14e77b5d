//! Texts and sort keys of columns.

use proto::flow::layer7::Record;
use proto::flow::{TraceReason, TrafficDirection, Verdict};
use proto::flows::v1::Cause;
use proto::google::Timestamp;

use super::{Cells, Column, Part, SortKey};
use crate::describe;
use crate::view::{Extra, FlowView, Side, Transport};
use crate::vocabulary::{drop_reason_text, event, match_type_text};

pub(super) fn text<V: FlowView>(column: Column, flow: &V, cells: &Cells) -> String {
    match column {
        Column::Timestamp => {
            let time = flow.time_ns().map(Timestamp::from_unix_nanos);
            cells.time.text(time.as_ref(), &cells.zone)
        }
        Column::Node => flow.node().to_owned(),
        Column::Source => source(flow, cells),
        Column::Destination => {
            let side = match flow.is_reply() {
                Some(true) => Side::Source,
                Some(false) | None => Side::Destination,
            };
            describe::host(flow, side, cells.translate).to_string()
        }
        Column::Type => kind(flow),
        Column::Verdict => verdict(flow),
        Column::Reason => reason(flow),
        Column::Policy => describe::policy(flow),
        Column::PolicyName => describe::policy_names_of(flow).join(", "),
        Column::Of(side, part) => of(flow, side, part),
        Column::Direction => match flow.direction() {
            TrafficDirection::Ingress => "ingress".to_owned(),
            TrafficDirection::Egress => "egress".to_owned(),
            TrafficDirection::Unknown => String::new(),
        },
        Column::Reply => match flow.is_reply() {
            Some(reply) => reply.to_string(),
            None => String::new(),
        },
        Column::Protocol => protocol(flow).to_owned(),
        Column::Flags => flow.tcp_flags().map(describe::flags).unwrap_or_default(),
        Column::Bytes => match (bytes(flow), cells.plain) {
            (Some(bytes), true) => bytes.to_string(),
            (Some(bytes), false) => describe::bytes(bytes),
            (None, _) => String::new(),
        },
        Column::Packets => number(Extra::read(flow, |extra| {
            extra.volume().map(|volume| volume.packets)
        })),
        Column::Rtt => match (
            Extra::read(flow, |extra| extra.rtt_us).flatten(),
            cells.plain,
        ) {
            (Some(us), true) => us.to_string(),
            (Some(us), false) => describe::micros(us),
            (None, _) => String::new(),
        },
        Column::Revision => number(Some(revision(flow))),
        Column::Cause => Extra::read(flow, |extra| cause(extra.cause))
            .unwrap_or_default()
            .to_owned(),
        Column::Interface => match flow.interface() {
            Some((index, "")) => index.to_string(),
            Some((_, name)) => name.to_owned(),
            None => String::new(),
        },
        Column::TraceId => flow.trace_id().to_owned(),
        Column::Uuid => {
            let mut uuid = String::new();
            flow.uuid(&mut |text| uuid.push_str(text));
            uuid
        }
        Column::Summary => describe::packet(flow),
    }
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
        | Column::Summary => match text(column, flow, &Cells::default()) {
            none if none.is_empty() => SortKey::None,
            text => SortKey::Text(text),
        },
    }
}

fn number(number: Option<Option<u64>>) -> String {
    number
        .flatten()
        .map(|number| number.to_string())
        .unwrap_or_default()
}

fn bytes<V: FlowView>(flow: &V) -> Option<u64> {
    Extra::read(flow, |extra| extra.volume().map(|volume| volume.bytes)).flatten()
}

fn revision<V: FlowView>(flow: &V) -> Option<u64> {
    Extra::read(flow, |extra| u64::from(extra.revision)).filter(|revision| *revision != 0)
}

fn source<V: FlowView>(flow: &V, cells: &Cells) -> String {
    let (side, arrow) = match flow.is_reply() {
        Some(true) => (Side::Destination, "<-"),
        Some(false) => (Side::Source, "->"),
        // A dropped packet is the first of its connection, or nobody knows.
        None if flow.verdict() == Verdict::Dropped => (Side::Source, "->"),
        None => (Side::Source, "<>"),
    };
    let host = describe::host(flow, side, cells.translate);
    match cells.plain {
        true => host.to_string(),
        false => format!("{host} {arrow}"),
    }
}

fn of<V: FlowView>(flow: &V, side: Side, part: Part) -> String {
    let mut list = String::new();
    let mut push = |text: &str| {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(text);
        false
    };
    match part {
        Part::Namespace => return flow.namespace(side).to_owned(),
        Part::Pod => return flow.pod(side).to_owned(),
        Part::Cluster => return flow.cluster(side).to_owned(),
        Part::Ip => return flow.address(side).to_string(),
        Part::Port => {
            return flow
                .port(side)
                .map(|port| port.to_string())
                .unwrap_or_default();
        }
        Part::Identity => {
            return match flow.identity(side) {
                None => String::new(),
                Some(identity) => match identity.name() {
                    Some(name) => name.to_owned(),
                    None => identity.0.to_string(),
                },
            };
        }
        Part::Service => {
            return match flow.service(side) {
                None => String::new(),
                Some(("", name)) => name.to_owned(),
                Some((namespace, name)) => format!("{namespace}/{name}"),
            };
        }
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
    list
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

fn kind<V: FlowView>(flow: &V) -> String {
    if let Some(l7) = flow.l7() {
        return describe::l7_kind(l7);
    }
    let layer = match flow.transport() {
        Some(Transport::Tcp | Transport::Udp | Transport::Sctp) => "L4",
        Some(Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp) => "L3",
        None if flow.address(Side::Source).is_ip() => "L3",
        None => "L2",
    };
    let what = match flow.event_type() {
        _ if flow.verdict() == Verdict::Dropped => "DROP",
        Some((event::POLICY_VERDICT, _)) => "POLICY",
        Some((event::TRACE, _)) => "TRACE",
        Some((event::TRACE_SOCK, _)) => "SOCK",
        Some((event::CAPTURE, _)) => "CAPTURE",
        _ => "EVENT",
    };
    match flow.transport() {
        Some(transport) => format!("{layer}_{what} {}", describe::protocol(transport)),
        None => format!("{layer}_{what}"),
    }
}

fn verdict<V: FlowView>(flow: &V) -> String {
    match Verdict::try_from(flow.verdict_number()) {
        Ok(verdict) => verdict.as_str_name().to_owned(),
        Err(_) => flow.verdict_number().to_string(),
    }
}

/// Of a drop its reason; of a policy verdict what matched; of other packets their place in the
/// connection.
pub(crate) fn reason<V: FlowView>(flow: &V) -> String {
    if flow.verdict() == Verdict::Dropped {
        let number = match flow.event_type() {
            Some((event::DROP, reason)) => reason,
            _ => flow.drop_reason(),
        };
        return u8::try_from(number)
            .ok()
            .filter(|number| *number != 0)
            .and_then(drop_reason_text)
            .map_or_else(String::new, ToOwned::to_owned);
    }
    match (flow.event_type(), flow.trace_reason()) {
        (Some((event::POLICY_VERDICT, _)), _) => match_type_text(flow.match_type()).to_owned(),
        (_, TraceReason::Unknown) => String::new(),
        (_, reason) => reason.as_str_name().to_lowercase(),
    }
}
