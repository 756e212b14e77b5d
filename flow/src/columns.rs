//! The columns of our own views of flows, each defined once: name, heading, widths, how its text is
//! made and by what it sorts. Terminal, browser and `-o wide` show the same ones.

mod cell;

use std::net::IpAddr;

use crate::time::{TimeFormat, Zone};
use crate::view::{FlowView, Side};

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

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A part of what is known of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Namespace.
    Namespace,
    /// Pod.
    Pod,
    /// Workloads.
    Workload,
    /// Service.
    Service,
    /// DNS names.
    Name,
    /// Address.
    Ip,
    /// Port.
    Port,
    /// Identity.
    Identity,
    /// Labels.
    Labels,
    /// Cluster.
    Cluster,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// When.
    Timestamp,
    /// On which node.
    Node,
    /// Who opened the connection, and the arrow.
    Source,
    /// Who it was opened to.
    Destination,
    /// What was seen, on which layer, of which protocol.
    Type,
    /// How it was judged.
    Verdict,
    /// Why, in general.
    Reason,
    /// Why, by name and rule.
    Policy,
    /// Why, by name only.
    PolicyName,
    /// Part of an end of the packet: what sent it, what it goes to.
    Of(Side, Part),
    /// Ingress or egress.
    Direction,
    /// Whether this is a reply.
    Reply,
    /// Protocol, the one seen by a proxy if there is one.
    Protocol,
    /// TCP flags.
    Flags,
    /// Bytes of the connection so far.
    Bytes,
    /// Packets of the connection so far.
    Packets,
    /// Round trip of the handshake.
    Rtt,
    /// Policy revision of the node.
    Revision,
    /// Why the event was sent.
    Cause,
    /// Network interface.
    Interface,
    /// Trace id of the request.
    TraceId,
    /// Unique id.
    Uuid,
    /// One line about the packet or the request.
    Summary,
}

/// What is fixed about a column.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Which column.
    pub column: Column,
    /// By which it is chosen; where a field of expressions shows the same, that field's name.
    pub name: &'static str,
    /// What stands above it.
    pub heading: &'static str,
    /// Characters below which it is of no use.
    pub min: usize,
    /// Characters that most of its texts need.
    pub width: usize,
    /// Where its texts stand.
    pub align: Align,
    /// What it shows.
    pub help: &'static str,
}

const fn left(
    column: Column,
    name: &'static str,
    heading: &'static str,
    widths: (usize, usize),
    help: &'static str,
) -> About {
    About {
        column,
        name,
        heading,
        min: widths.0,
        width: widths.1,
        align: Align::Left,
        help,
    }
}

const fn right(
    column: Column,
    name: &'static str,
    heading: &'static str,
    widths: (usize, usize),
    help: &'static str,
) -> About {
    About {
        align: Align::Right,
        ..left(column, name, heading, widths, help)
    }
}

use Side::{Destination as Dst, Source as Src};

/// All columns, in the order in which they are offered.
#[rustfmt::skip]
const ABOUT: &[About] = &[
    left(Column::Timestamp, "timestamp", "TIMESTAMP", (12, 19), "when it happened"),
    left(Column::Node, "node", "NODE", (6, 8), "the node that saw it"),
    left(Column::Source, "source", "SOURCE", (12, 32), "who opened the connection; the arrow is the packet's direction"),
    left(Column::Destination, "destination", "DESTINATION", (12, 40), "who the connection was opened to"),
    left(Column::Type, "type", "TYPE", (7, 11), "layer, kind of event, protocol"),
    left(Column::Verdict, "verdict", "VERDICT", (7, 7), "how it was judged"),
    left(Column::Reason, "reason", "REASON", (8, 13), "why it was dropped, or what allowed it"),
    left(Column::Policy, "policy", "POLICY", (6, 6), "the policies that decided, with their rules"),
    left(Column::PolicyName, "policy.name", "POLICY NAME", (8, 24), "the names of the policies that decided"),
    left(Column::Direction, "direction", "DIRECTION", (7, 9), "ingress or egress, as the reporting pod sees it"),
    left(Column::Reply, "reply", "REPLY", (5, 5), "whether the packet goes against the connection's direction"),
    left(Column::Protocol, "protocol", "PROTOCOL", (4, 8), "protocol; of what a proxy saw: DNS, HTTP, Kafka"),
    left(Column::Flags, "tcp.flags", "FLAGS", (5, 10), "TCP flags"),
    left(Column::Of(Src, Part::Namespace), "src.ns", "SRC NS", (6, 12), "namespace of the packet's source"),
    left(Column::Of(Src, Part::Pod), "src.pod", "SRC POD", (8, 24), "pod of the packet's source"),
    left(Column::Of(Src, Part::Workload), "src.workload", "SRC WORKLOAD", (8, 20), "workload of the packet's source"),
    left(Column::Of(Src, Part::Service), "src.service", "SRC SERVICE", (8, 20), "service of the packet's source"),
    left(Column::Of(Src, Part::Name), "src.fqdn", "SRC FQDN", (8, 24), "DNS names of the packet's source"),
    left(Column::Of(Src, Part::Ip), "src.ip", "SRC IP", (7, 15), "address of the packet's source"),
    right(Column::Of(Src, Part::Port), "src.port", "SRC PORT", (5, 8), "port of the packet's source"),
    left(Column::Of(Src, Part::Identity), "src.identity", "SRC IDENTITY", (6, 12), "identity of the packet's source"),
    left(Column::Of(Src, Part::Labels), "src.label", "SRC LABELS", (8, 32), "labels of the packet's source"),
    left(Column::Of(Src, Part::Cluster), "src.cluster", "SRC CLUSTER", (7, 11), "cluster of the packet's source"),
    left(Column::Of(Dst, Part::Namespace), "dst.ns", "DST NS", (6, 12), "namespace of the packet's destination"),
    left(Column::Of(Dst, Part::Pod), "dst.pod", "DST POD", (8, 24), "pod of the packet's destination"),
    left(Column::Of(Dst, Part::Workload), "dst.workload", "DST WORKLOAD", (8, 20), "workload of the packet's destination"),
    left(Column::Of(Dst, Part::Service), "dst.service", "DST SERVICE", (8, 20), "service of the packet's destination"),
    left(Column::Of(Dst, Part::Name), "dst.fqdn", "DST FQDN", (8, 24), "DNS names of the packet's destination"),
    left(Column::Of(Dst, Part::Ip), "dst.ip", "DST IP", (7, 15), "address of the packet's destination"),
    right(Column::Of(Dst, Part::Port), "dst.port", "DST PORT", (5, 8), "port of the packet's destination"),
    left(Column::Of(Dst, Part::Identity), "dst.identity", "DST IDENTITY", (6, 12), "identity of the packet's destination"),
    left(Column::Of(Dst, Part::Labels), "dst.label", "DST LABELS", (8, 32), "labels of the packet's destination"),
    left(Column::Of(Dst, Part::Cluster), "dst.cluster", "DST CLUSTER", (7, 11), "cluster of the packet's destination"),
    right(Column::Bytes, "bytes", "BYTES", (6, 8), "bytes of the connection so far, both directions"),
    right(Column::Packets, "packets", "PACKETS", (6, 8), "packets of the connection so far, both directions"),
    right(Column::Rtt, "rtt", "RTT", (6, 8), "round trip of the TCP handshake"),
    right(Column::Revision, "revision", "REVISION", (4, 8), "policy revision of the node that judged it"),
    left(Column::Cause, "cause", "CAUSE", (4, 7), "why the event was sent: new, drop, changed, flags, end, active, packet"),
    left(Column::Interface, "interface", "INTERFACE", (6, 12), "network interface"),
    left(Column::TraceId, "traceid", "TRACE ID", (8, 32), "trace id of the request"),
    left(Column::Uuid, "uuid", "UUID", (8, 36), "unique id of the flow"),
    left(Column::Summary, "summary", "SUMMARY", (10, 32), "the packet or request in one line"),
];

impl Column {
    /// The columns of `-o wide`.
    pub const WIDE: &'static [Self] = &[
        Self::Timestamp,
        Self::Source,
        Self::Destination,
        Self::Type,
        Self::Verdict,
        Self::Reason,
        Self::Policy,
    ];

    /// All columns.
    pub fn all() -> impl Iterator<Item = &'static About> {
        ABOUT.iter()
    }

    /// The column of that name.
    pub fn named(name: &str) -> Option<Self> {
        let about = ABOUT.iter().find(|about| about.name == name);
        about.map(|about| about.column)
    }

    /// What is fixed about it.
    pub fn about(self) -> &'static About {
        let about = ABOUT.iter().find(|about| about.column == self);
        about.expect("a test holds that every column stands in the table")
    }

    /// By which it is chosen.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Its text for a flow; not yet safe for a terminal, as names come from elsewhere.
    pub fn text<V: FlowView>(self, flow: &V, cells: &Cells) -> String {
        let mut text = String::new();
        self.write(flow, cells, &mut text);
        text
    }

    /// Adds the same to what stands in `out`.
    pub fn write<V: FlowView>(self, flow: &V, cells: &Cells, out: &mut String) {
        cell::write(self, flow, cells, out);
    }

    /// What it sorts by.
    pub fn key<V: FlowView>(self, flow: &V) -> SortKey {
        cell::key(self, flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_stands_in_the_table_once() {
        let mut names: Vec<_> = Column::all().map(|about| about.name).collect();
        for about in Column::all() {
            assert_eq!(Column::named(about.name), Some(about.column));
            assert_eq!(about.column.about().name, about.name);
            assert!(about.min <= about.width, "{}", about.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ABOUT.len());
        let parts = [
            Part::Namespace,
            Part::Pod,
            Part::Workload,
            Part::Service,
            Part::Name,
            Part::Ip,
            Part::Port,
            Part::Identity,
            Part::Labels,
            Part::Cluster,
        ];
        let ends = [Src, Dst].into_iter();
        let ends = ends.flat_map(|side| parts.map(|part| Column::Of(side, part)));
        let plain = [
            Column::Timestamp,
            Column::Node,
            Column::Source,
            Column::Destination,
            Column::Type,
            Column::Verdict,
            Column::Reason,
            Column::Policy,
            Column::PolicyName,
            Column::Direction,
            Column::Reply,
            Column::Protocol,
            Column::Flags,
            Column::Bytes,
            Column::Packets,
            Column::Rtt,
            Column::Revision,
            Column::Cause,
            Column::Interface,
            Column::TraceId,
            Column::Uuid,
            Column::Summary,
        ];
        let all: Vec<_> = ends.chain(plain).collect();
        assert_eq!(all.len(), ABOUT.len());
        for column in all {
            assert!(
                ABOUT.iter().any(|about| about.column == column),
                "{column:?}"
            );
        }
    }
}
