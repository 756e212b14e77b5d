//! The columns of our own views of flows, each defined once: name, heading, width, how its text is
//! made and by what it sorts.

use proto::flow::{Flow, TraceReason, Verdict};

use crate::describe;
use crate::time::TimeFormat;
use crate::view::{FlowView as _, Side, Transport};
use crate::vocabulary::{drop_reason_text, event, match_type_text};

/// How cells are written.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    /// How moments are written.
    pub time: TimeFormat,
    /// Names instead of addresses.
    pub translate: bool,
}

/// What a column sorts by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// A number, such as a time in ns.
    Number(i64),
    /// A text.
    Text(String),
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// By which it is chosen.
    pub name: &'static str,
    /// What stands above it.
    pub heading: &'static str,
    /// Characters that it has at least.
    pub width: usize,
    /// Its text for a flow.
    pub text: fn(&Flow, &Cells) -> String,
    /// What it sorts by.
    pub key: fn(&Flow) -> SortKey,
}

/// When.
pub const TIMESTAMP: Column = Column {
    name: "timestamp",
    heading: "TIMESTAMP",
    width: 19,
    text: |flow, cells| cells.time.text(flow.time.as_ref()),
    key: |flow| SortKey::Number(flow.time.map_or(0, |time| time.unix_nanos())),
};

/// On which node.
pub const NODE: Column = Column {
    name: "node",
    heading: "NODE",
    width: 8,
    text: |flow, _| flow.node_name.clone(),
    key: |flow| SortKey::Text(flow.node_name.clone()),
};

/// Who opened the connection, and the arrow.
pub const SOURCE: Column = Column {
    name: "source",
    heading: "SOURCE",
    width: 32,
    text: |flow, cells| {
        let (side, arrow) = match flow.is_reply() {
            Some(true) => (Side::Destination, "<-"),
            Some(false) => (Side::Source, "->"),
            // A dropped packet is the first of its connection, or nobody knows.
            None if flow.verdict() == Verdict::Dropped => (Side::Source, "->"),
            None => (Side::Source, "<>"),
        };
        format!("{} {arrow}", describe::host(flow, side, cells.translate))
    },
    key: |flow| SortKey::Text(describe::host(flow, Side::Source, true).to_string()),
};

/// Who it was opened to.
pub const DESTINATION: Column = Column {
    name: "destination",
    heading: "DESTINATION",
    width: 40,
    text: |flow, cells| {
        let side = match flow.is_reply() {
            Some(true) => Side::Source,
            Some(false) | None => Side::Destination,
        };
        describe::host(flow, side, cells.translate).to_string()
    },
    key: |flow| SortKey::Text(describe::host(flow, Side::Destination, true).to_string()),
};

/// What was seen, on which layer, of which protocol.
pub const TYPE: Column = Column {
    name: "type",
    heading: "TYPE",
    width: 11,
    text: |flow, _| kind(flow),
    key: |flow| SortKey::Text(kind(flow)),
};

/// How it was judged.
pub const VERDICT: Column = Column {
    name: "verdict",
    heading: "VERDICT",
    width: 7,
    text: |flow, _| verdict(flow),
    key: |flow| SortKey::Text(verdict(flow)),
};

/// Why, in general.
pub const REASON: Column = Column {
    name: "reason",
    heading: "REASON",
    width: 13,
    text: |flow, _| reason(flow),
    key: |flow| SortKey::Text(reason(flow)),
};

/// Why, by name.
pub const POLICY: Column = Column {
    name: "policy",
    heading: "POLICY",
    width: 6,
    text: |flow, _| describe::policy(flow),
    key: |flow| SortKey::Text(describe::policy(flow)),
};

/// The columns of `-o wide`.
pub const WIDE: &[Column] = &[
    TIMESTAMP,
    SOURCE,
    DESTINATION,
    TYPE,
    VERDICT,
    REASON,
    POLICY,
];

fn kind(flow: &Flow) -> String {
    if flow.l7.is_some() {
        return describe::kind(flow);
    }
    let layer = match flow.transport() {
        Some(Transport::Tcp | Transport::Udp | Transport::Sctp) => "L4",
        Some(Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp) => "L3",
        None if flow.ip.is_some() => "L3",
        None => "L2",
    };
    let protocol = match flow.transport() {
        Some(Transport::Tcp) => " TCP",
        Some(Transport::Udp) => " UDP",
        Some(Transport::Sctp) => " SCTP",
        Some(Transport::IcmpV4) => " ICMPv4",
        Some(Transport::IcmpV6) => " ICMPv6",
        Some(Transport::Vrrp) => " VRRP",
        Some(Transport::Igmp) => " IGMP",
        None => "",
    };
    let what = match flow.event_type() {
        _ if flow.verdict() == Verdict::Dropped => "DROP",
        Some((event::POLICY_VERDICT, _)) => "POLICY",
        Some((event::TRACE, _)) => "TRACE",
        Some((event::TRACE_SOCK, _)) => "SOCK",
        Some((event::CAPTURE, _)) => "CAPTURE",
        _ => "EVENT",
    };
    format!("{layer}_{what}{protocol}")
}

fn verdict(flow: &Flow) -> String {
    match Verdict::try_from(flow.verdict) {
        Ok(verdict) => verdict.as_str_name().to_owned(),
        Err(_) => flow.verdict.to_string(),
    }
}

/// Of a drop its reason; of a policy verdict what matched; of other packets their place in the
/// connection.
fn reason(flow: &Flow) -> String {
    if flow.verdict() == Verdict::Dropped {
        let number = match flow.event_type() {
            Some((event::DROP, reason)) => reason,
            _ => flow.drop_reason_desc,
        };
        return u8::try_from(number)
            .ok()
            .filter(|number| *number != 0)
            .and_then(drop_reason_text)
            .map_or_else(String::new, ToOwned::to_owned);
    }
    match flow.event_type() {
        Some((event::POLICY_VERDICT, _)) => match_type_text(flow.policy_match_type).to_owned(),
        _ if flow.trace_reason() == TraceReason::Unknown => String::new(),
        _ => flow.trace_reason().as_str_name().to_lowercase(),
    }
}
