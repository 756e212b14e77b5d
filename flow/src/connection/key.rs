//! Which connection an event is of, as far as the packet itself says.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU8;

use proto::flow::TraceReason;

use crate::monitor_api::event;
use crate::view::{FlowView, Side, Transport};

/// Both ends with their ports, the one that opened the connection first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    addresses: [[u8; 16]; 2],
    /// Of protocols without ports 0; of ICMP queries their type.
    ports: [u16; 2],
    /// See [`number`].
    protocol: NonZeroU8,
}

/// Whether an event says who opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orientation {
    /// The ends are in order.
    Known,
    /// The packet's source is taken for it.
    Unknown,
}

/// By their numbers here, less two.
const TRANSPORTS: [Transport; 7] = [
    Transport::Tcp,
    Transport::Udp,
    Transport::Sctp,
    Transport::IcmpV4,
    Transport::IcmpV6,
    Transport::Vrrp,
    Transport::Igmp,
];

/// One is what has none of these. Not zero: so a place that is free takes no room of its own.
fn number(transport: Transport) -> NonZeroU8 {
    let at = TRANSPORTS.iter().position(|known| *known == transport);
    let more = at.and_then(|at| u8::try_from(at + 1).ok());
    NonZeroU8::MIN.saturating_add(more.unwrap_or(0))
}

/// As IPv6, an IPv4 address mapped into it (RFC 4291, 2.5.5.2).
fn bytes(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Types of ICMP errors, which are about another connection (RFC 792, RFC 4443).
fn is_error(transport: Transport, kind: u32) -> bool {
    match transport {
        Transport::IcmpV4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
        Transport::IcmpV6 => kind < 128,
        Transport::Tcp | Transport::Udp | Transport::Sctp | Transport::Vrrp | Transport::Igmp => {
            false
        }
    }
}

/// Type of the ICMP query that a message answers, or is itself (RFC 792, RFC 4443).
fn query(transport: Transport, kind: u32) -> u32 {
    match (transport, kind) {
        (Transport::IcmpV4, 0) => 8,
        (Transport::IcmpV4, 14) => 13,
        (Transport::IcmpV6, 129) => 128,
        (_, kind) => kind,
    }
}

impl Key {
    /// Of an event; `None` if it is of no connection.
    pub(super) fn of<V: FlowView>(flow: &V) -> Option<(Self, Orientation)> {
        // What a socket was told, and copies of packets, decide nothing about the packets themselves. What a
        // proxy did with a request says nothing of the connection that carries it.
        let kind = flow.event_type().map(|(kind, _)| kind);
        if matches!(kind, Some(event::TRACE_SOCK | event::CAPTURE | event::L7)) {
            return None;
        }
        Self::of_packet(flow)
    }

    /// The connection that carried what a proxy read; `None` of what no proxy did.
    pub(super) fn of_request<V: FlowView>(flow: &V) -> Option<(Self, Orientation)> {
        let (kind, _) = flow.event_type()?;
        (kind == event::L7).then(|| Self::of_packet(flow))?
    }

    fn of_packet<V: FlowView>(flow: &V) -> Option<(Self, Orientation)> {
        let (source, destination) = (flow.ip(Side::Source)?, flow.ip(Side::Destination)?);
        let transport = flow.transport();
        let mut ports = [Side::Source, Side::Destination].map(|side| flow.port(side).unwrap_or(0));
        if let (Some(transport), Some((kind, _))) = (transport, flow.icmp()) {
            if is_error(transport, kind) || flow.trace_reason() == TraceReason::Related {
                return None;
            }
            ports = [0, u16::try_from(query(transport, kind)).unwrap_or(u16::MAX)];
        }
        let key = Self {
            addresses: [bytes(source), bytes(destination)],
            ports,
            protocol: transport.map_or(NonZeroU8::MIN, number),
        };
        Some(match flow.is_reply() {
            Some(true) if flow.icmp().is_some() => (
                Self {
                    ports,
                    ..key.turned()
                },
                Orientation::Known,
            ),
            Some(true) => (key.turned(), Orientation::Known),
            Some(false) => (key, Orientation::Known),
            None => (key, Orientation::Unknown),
        })
    }

    /// What is above IP.
    pub(super) fn transport(&self) -> Option<Transport> {
        TRANSPORTS
            .get(usize::from(self.protocol.get()).checked_sub(2)?)
            .copied()
    }

    /// Address and port of an end: of who opened it, of the other.
    pub(super) fn end(&self, side: Side) -> (IpAddr, u16) {
        let at = match side {
            Side::Source => 0,
            Side::Destination => 1,
        };
        let address = Ipv6Addr::from(self.addresses[at]);
        (IpAddr::from(address).to_canonical(), self.ports[at])
    }

    /// The same, opened by the other end.
    pub(super) fn turned(self) -> Self {
        let turned = |[a, b]: [[u8; 16]; 2]| [b, a];
        Self {
            addresses: turned(self.addresses),
            ports: [self.ports[1], self.ports[0]],
            protocol: self.protocol,
        }
    }

    /// Whether an event's packet goes against the direction in which the connection was opened.
    pub(super) fn is_swapped<V: FlowView>(&self, flow: &V) -> bool {
        match flow.is_reply() {
            Some(is_reply) => is_reply,
            None => {
                let source = flow.ip(Side::Source).map(bytes);
                let port = flow.port(Side::Source);
                source != Some(self.addresses[0]) || port.is_some_and(|port| port != self.ports[0])
            }
        }
    }
}
