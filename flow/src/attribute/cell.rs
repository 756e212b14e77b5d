//! Texts and sort keys.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use proto::flow::layer7::Record;
use proto::flow::{TraceReason, Verdict};

use super::read::Read;
use super::{Align, Attribute, AttributeId, EndAttribute, ValueType};
use crate::format;
use crate::monitor_api::{drop_reason_text, event, event_type_text, match_type_text};
use crate::quantity;
use crate::time::{TimeFormat, Zone};
use crate::view::{ConnectionState, FlowView, Side, Transport};

/// How cells are written.
#[derive(Debug, Clone)]
pub struct Cells {
    /// How moments are written.
    pub time: TimeFormat,
    /// The zone they are in.
    pub zone: Zone,
    /// Names instead of addresses.
    pub translate: bool,
    /// As programs read them: numbers in full, names without arrows.
    pub plain: bool,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            time: TimeFormat::default(),
            zone: Zone::default(),
            translate: true,
            plain: false,
        }
    }
}

/// What a column sorts by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// The flow has nothing there.
    None,
    /// A number, such as a time in ns.
    Number(i64),
    /// An address.
    Address(IpAddr),
    /// A text.
    Text(String),
}

/// Adds an attribute's text to what stands in `out`.
pub(super) fn write(attribute: &Attribute, flow: &dyn FlowView, cells: &Cells, out: &mut String) {
    if let Some(cell) = attribute.cell {
        return cell(flow, attribute.id.side(), cells, out);
    }
    let start = out.len();
    let mut join = |text: &str| {
        if out.len() > start {
            out.push(',');
        }
        out.push_str(text);
        false
    };
    match attribute.read {
        Read::Text(read) => {
            read(flow, attribute.id.side(), &mut join);
        }
        Read::Pair(read) => {
            read(flow, attribute.id.side(), &mut |scope, name| match scope {
                "" => join(name),
                scope => join(&format!("{scope}/{name}")),
            });
        }
        Read::Bool(read) => {
            if let Some(is) = read(flow) {
                show(out, is);
            }
        }
        Read::Number(read) => {
            if let Some(number) = read(flow, attribute.id.side()) {
                write_number(attribute, number, cells, out);
            }
        }
        Read::Special | Read::No => {
            if let (AttributeId::TcpFlag(bit), Some(flags)) = (attribute.id, flow.tcp_flags()) {
                show(out, flags & bit != 0);
            }
        }
    }
}

fn write_number(attribute: &Attribute, number: u64, cells: &Cells, out: &mut String) {
    match (attribute.value_type, u32::try_from(number)) {
        (ValueType::Bytes, _) if !cells.plain => out.push_str(&quantity::bytes(number)),
        (ValueType::Time, Ok(us)) if !cells.plain => out.push_str(&quantity::micros(us)),
        (ValueType::Name, Ok(number)) => {
            let names = attribute.names();
            match names.iter().find(|(known, ..)| *known == number) {
                Some((_, name, _)) => out.push_str(name),
                None => show(out, number),
            }
        }
        _ => show(out, number),
    }
}

/// What expressions compare, as text.
pub(super) fn value(attribute: &Attribute, flow: &dyn FlowView) -> String {
    let plain = Cells {
        plain: true,
        ..Cells::default()
    };
    let mut text = String::new();
    #[expect(clippy::wildcard_enum_match_arm, reason = "three columns say more")]
    match attribute.id {
        AttributeId::Type => {
            if let Some((kind, sub)) = flow.event_type() {
                let sub = Some(sub).filter(|_| kind == event::TRACE);
                text = event_type_text(Some(kind), sub);
            }
        }
        AttributeId::Reason if flow.verdict() != Verdict::Dropped => {}
        AttributeId::Policy => {
            let names = AttributeId::PolicyName.attribute();
            write(names, flow, &plain, &mut text);
        }
        _ => write(attribute, flow, &plain, &mut text),
    }
    text
}

/// Adds what has a text of its own.
pub(super) fn show(out: &mut String, what: impl Display) {
    // Writing to a string can't fail.
    let _written = write!(out, "{what}");
}

pub(super) fn key(attribute: &Attribute, flow: &dyn FlowView) -> SortKey {
    let host = |side| SortKey::Text(format::host_port(flow, side, true).to_string());
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others have no key of their own"
    )]
    match attribute.id {
        AttributeId::Timestamp => SortKey::Number(flow.time_ns().unwrap_or(0)),
        AttributeId::Source => host(Side::Source),
        AttributeId::Destination => host(Side::Destination),
        AttributeId::Of(side, EndAttribute::Ip) => {
            flow.ip(side).map_or(SortKey::None, SortKey::Address)
        }
        _ if attribute
            .column
            .is_some_and(|column| column.align == Align::Right) =>
        {
            attribute.number(flow).map_or(SortKey::None, |number| {
                SortKey::Number(i64::try_from(number).unwrap_or(i64::MAX))
            })
        }
        _ => {
            let mut text = String::new();
            write(attribute, flow, &Cells::default(), &mut text);
            match text.is_empty() {
                true => SortKey::None,
                false => SortKey::Text(text),
            }
        }
    }
}

pub(super) fn write_source(flow: &dyn FlowView, cells: &Cells, out: &mut String) {
    let (side, arrow) = match flow.is_reply() {
        Some(true) => (Side::Destination, " <-"),
        Some(false) => (Side::Source, " ->"),
        // A dropped packet is the first of its connection, or nobody knows.
        None if flow.verdict() == Verdict::Dropped => (Side::Source, " ->"),
        None => (Side::Source, " <>"),
    };
    show(out, format::host_port(flow, side, cells.translate));
    if !cells.plain {
        out.push_str(arrow);
    }
}

/// Of a connection that is denied how often, else how it stands.
pub(super) fn write_state(flow: &dyn FlowView, cells: &Cells, out: &mut String) {
    let Some(connection) = flow.connection() else {
        return;
    };
    if connection.state == ConnectionState::Denied && !cells.plain {
        show(
            out,
            format_args!("x{}", quantity::grouped(connection.drops)),
        );
    } else {
        out.push_str(connection.state.name());
    }
}

/// How long it lived, roughly.
pub(super) fn write_age(flow: &dyn FlowView, cells: &Cells, out: &mut String) {
    let Some(connection) = flow.connection() else {
        return;
    };
    match cells.plain {
        true => show(out, connection.age_ns / 1_000),
        false => out.push_str(&quantity::span(connection.age_ns)),
    }
}

/// The protocol that was spoken: what a proxy saw of it, else what is above IP.
pub(crate) fn protocol(flow: &dyn FlowView) -> &'static str {
    match flow.l7().and_then(|l7| l7.record.as_ref()) {
        Some(Record::Dns(_)) => "DNS",
        Some(Record::Http(_)) => "HTTP",
        Some(Record::Kafka(_)) => "Kafka",
        None => flow.transport().map_or("", format::protocol),
    }
}

pub(super) fn write_kind(flow: &dyn FlowView, out: &mut String) {
    if let Some(l7) = flow.l7() {
        return out.push_str(match l7.record {
            Some(Record::Dns(_)) => "L7_DNS",
            Some(Record::Http(_)) => "L7_HTTP",
            Some(Record::Kafka(_)) => "L7_KAFKA",
            None => "L7",
        });
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
        out.push_str(format::protocol(transport));
    }
}

/// Of a drop its reason; of a policy verdict what matched; of a request what was asked and what became of it; of
/// other packets their place in the connection.
pub(crate) fn reason(flow: &dyn FlowView) -> Cow<'static, str> {
    if let Some(l7) = flow.l7() {
        return format::request(l7, flow.verdict()).into();
    }
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
