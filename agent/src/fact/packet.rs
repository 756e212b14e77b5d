//! A packet and how it was judged, in the agent's own layout.

use std::{fmt, net::IpAddr};

use abi::{
    event::{self, Event},
    identity, policy, proto, reason,
};
use flow::{
    Side,
    view::{Direction, Transport},
};

use crate::node::names::AddrKey;

/// Why the packet was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// First packet of a connection, allowed.
    New = event::NEW,
    /// Dropped.
    Drop = event::DROP,
    /// A live connection was judged again, and the verdict or its rule changed; still allowed.
    Changed = event::CHANGED,
    /// A TCP flag was first seen in a direction, or the first reply.
    Flags = event::FLAGS,
    /// The connection ended.
    End = event::END,
    /// The connection is active.
    Active = event::ACTIVE,
    /// Every packet is reported.
    Packet = event::PACKET,
}

impl Kind {
    pub(super) fn read(number: u8) -> Option<Self> {
        Some(match number {
            event::NEW => Self::New,
            event::DROP => Self::Drop,
            event::CHANGED => Self::Changed,
            event::FLAGS => Self::Flags,
            event::END => Self::End,
            event::ACTIVE => Self::Active,
            event::PACKET => Self::Packet,
            _ => return None,
        })
    }
}

/// What was said at one end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Judgement {
    /// Nothing: that end is elsewhere.
    None,
    /// Allowed.
    Forwarded,
    /// Allowed, by way of the proxy.
    Redirected,
    /// Dropped, for a reason (`abi::reason`).
    Dropped(u8),
}

impl Judgement {
    fn read(verdict: u8) -> Self {
        match verdict {
            event::NOT_JUDGED => Self::None,
            event::FORWARDED => Self::Forwarded,
            event::REDIRECTED => Self::Redirected,
            reason => Self::Dropped(reason),
        }
    }

    /// Whether policy denied it.
    pub fn is_by_policy(self) -> bool {
        matches!(
            self,
            Self::Dropped(reason::POLICY_DENIED | reason::POLICY_DENY)
        )
    }

    /// The reason if it was dropped, else 0.
    pub fn reason(self) -> u8 {
        match self {
            Self::Dropped(reason) => reason,
            Self::None | Self::Forwarded | Self::Redirected => 0,
        }
    }
}

/// The addresses of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ethernet {
    destination: [u8; 6],
    source: [u8; 6],
}

impl Ethernet {
    pub(super) fn read([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]: [u8; 12]) -> Self {
        Self {
            destination: [d0, d1, d2, d3, d4, d5],
            source: [s0, s1, s2, s3, s4, s5],
        }
    }

    /// All of its octets in one: of a few frames mostly another one each.
    pub fn fold(self) -> u8 {
        let octets = self.destination.into_iter().chain(self.source);
        octets.fold(0, |all: u8, octet| all.rotate_left(3) ^ octet)
    }

    /// Address of one end; `None` if none of the frame's is known.
    pub fn address(self, side: Side) -> Option<impl fmt::Display> {
        let octets = match side {
            Side::Source => self.source,
            Side::Destination => self.destination,
        };
        (self != Self::default()).then_some(Mac(octets))
    }
}

struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{last:02x}")
    }
}

/// A packet, without its names. 88 bytes: there are millions of them in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    time: u64,
    addresses: [[u32; 4]; 2],
    identities: [u32; 2],
    revision: u32,
    packets: [u32; 2],
    bytes_low: [u32; 2],
    bytes_high: [u16; 2],
    /// Of a drop the endpoint where it happened, else a round trip.
    aux: u32,
    ports: [u16; 2],
    kind: Kind,
    flags: u8,
    protocol: u8,
    /// Flags of TCP, type of SCTP's first chunk.
    flags_or_chunk: u8,
    verdicts: [u8; 2],
    match_types: u8,
    /// Bit per end: no policy selects it.
    unselected: u8,
}

const _: () = assert!(size_of::<Packet>() == 88);

fn index(side: Side) -> usize {
    match side {
        Side::Source => 0,
        Side::Destination => 1,
    }
}

/// Of an end in the arrays of a packet.
pub(crate) fn end_index(end: Direction) -> usize {
    match end {
        Direction::Egress => 0,
        Direction::Ingress => 1,
    }
}

impl Packet {
    pub(super) fn read(event: &Event, kind: Kind) -> Self {
        Self {
            time: event.time,
            addresses: [event.src, event.dst],
            identities: [event.src_identity, event.dst_identity],
            revision: event.revision,
            packets: event.packets,
            bytes_low: event.bytes_low,
            bytes_high: event.bytes_high,
            aux: event.aux,
            ports: [event.src_port, event.dst_port],
            kind,
            flags: event.flags,
            protocol: event.proto,
            flags_or_chunk: event.tcp_flags,
            verdicts: [event.egress, event.ingress],
            match_types: event.match_types,
            unselected: u8::from(policy::is_allow_any(event.egress_cookie))
                | u8::from(policy::is_allow_any(event.ingress_cookie)) << 1,
        }
    }

    /// ns: of the kernel's clock on arrival, since 1970 in the history.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The same at another time.
    #[must_use]
    pub fn at(self, time: u64) -> Self {
        Self { time, ..self }
    }

    /// Why it was reported.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// It had an IP header that could be read.
    pub fn has_ip(&self) -> bool {
        !self.has(event::F_NO_IP)
    }

    /// Of IPv6; without an IP header it says nothing.
    pub fn is_ipv6(&self) -> bool {
        self.has(event::F_IPV6)
    }

    /// It goes against the direction in which the connection was opened.
    pub fn is_reply(&self) -> bool {
        self.has(event::F_REPLY)
    }

    /// An ICMP error that quotes a known connection.
    pub fn is_related(&self) -> bool {
        self.has(event::F_RELATED)
    }

    /// Seen coming from a pod (else: going to it).
    pub fn is_from_pod(&self) -> bool {
        self.has(event::F_FROM_POD)
    }

    /// Address of an end as a key; of a packet without an IP header it is no address.
    pub fn address_key(&self, side: Side) -> AddrKey {
        AddrKey::new(self.addresses[index(side)], self.is_ipv6())
    }

    /// Address of an end, if it had an IP header.
    pub fn address(&self, side: Side) -> Option<IpAddr> {
        self.has_ip().then(|| self.address_key(side).ip())
    }

    /// Identity of an end as the datapath knew it; 0: not known.
    pub fn identity(&self, side: Side) -> u32 {
        self.identities[index(side)]
    }

    /// IP protocol number; 0 without an IP header.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// The protocol, of those that Hubble tells apart.
    pub fn transport(&self) -> Option<Transport> {
        self.has_ip().then_some(())?;
        transport(self.protocol)
    }

    /// Port of an end, where there are ports.
    pub fn port(&self, side: Side) -> Option<u16> {
        match self.transport()? {
            Transport::Tcp | Transport::Udp | Transport::Sctp => Some(self.ports[index(side)]),
            Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp => None,
        }
    }

    /// Type and code of an ICMP message of either version.
    pub fn icmp(&self) -> Option<[u16; 2]> {
        match self.transport()? {
            Transport::IcmpV4 | Transport::IcmpV6 => Some(self.ports),
            Transport::Tcp
            | Transport::Udp
            | Transport::Sctp
            | Transport::Vrrp
            | Transport::Igmp => None,
        }
    }

    /// TCP flags (RFC 9293: FIN is bit 0, CWR bit 7).
    pub fn tcp_flags(&self) -> Option<u8> {
        (self.transport()? == Transport::Tcp).then_some(self.flags_or_chunk)
    }

    /// Type of SCTP's first chunk (RFC 9260, 3.2).
    pub fn sctp_chunk(&self) -> Option<u8> {
        (self.transport()? == Transport::Sctp).then_some(self.flags_or_chunk)
    }

    /// What was said at an end.
    pub fn judgement(&self, end: Direction) -> Judgement {
        Judgement::read(self.verdicts[end_index(end)])
    }

    /// How exactly the rule of an end matched (`abi::policy::match_type`).
    pub fn match_type(&self, end: Direction) -> u8 {
        match end {
            Direction::Egress => self.match_types & 0xf,
            Direction::Ingress => self.match_types >> 4,
        }
    }

    /// Allowed at an end only because no policy selects it.
    pub fn is_unselected(&self, end: Direction) -> bool {
        self.unselected & 1 << end_index(end) != 0
    }

    /// Of a dropped packet: the end that decided, and what it said.
    pub fn decisive(&self) -> (Direction, Judgement) {
        match self.judgement(Direction::Egress) {
            dropped @ Judgement::Dropped(_) => (Direction::Egress, dropped),
            Judgement::None | Judgement::Forwarded | Judgement::Redirected => {
                (Direction::Ingress, self.judgement(Direction::Ingress))
            }
        }
    }

    /// Node revision at which this was decided.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Packets and bytes of the connection so far: in the direction in which it was opened (0), or
    /// against it (1). Of a drop `None`.
    pub fn volume(&self, direction: usize) -> Option<(u32, u64)> {
        let at = direction & 1;
        let bytes = u64::from(self.bytes_low[at]) | u64::from(self.bytes_high[at]) << 32;
        (self.kind != Kind::Drop).then_some((self.packets[at], bytes))
    }

    /// Of a drop: packets like it that were kept silent before it.
    pub fn limited(&self) -> u32 {
        match self.kind {
            Kind::Drop => self.packets[0].saturating_sub(1),
            Kind::New | Kind::Changed | Kind::Flags | Kind::End | Kind::Active | Kind::Packet => 0,
        }
    }

    /// Round trip of the TCP handshake, us; 0 = not known.
    pub fn round_trip_us(&self) -> u32 {
        match self.kind {
            Kind::Drop => 0,
            Kind::New | Kind::Changed | Kind::Flags | Kind::End | Kind::Active | Kind::Packet => {
                self.aux
            }
        }
    }

    /// Of a drop: index of the endpoint at whose veth it happened.
    pub fn dropped_at(&self) -> Option<u32> {
        (self.kind == Kind::Drop).then_some(self.aux)
    }

    /// It was dropped because its source address is not its sender's.
    pub fn is_forged(&self) -> bool {
        let forged = Judgement::Dropped(reason::INVALID_SOURCE_IP);
        self.kind == Kind::Drop
            && self.has_ip()
            && [Direction::Egress, Direction::Ingress]
                .map(|end| self.judgement(end))
                .contains(&forged)
    }

    /// It reaches a pod of this node (else it leaves for elsewhere).
    pub fn reaches_pod(&self) -> bool {
        let receiver = if self.is_reply() {
            Direction::Egress
        } else {
            Direction::Ingress
        };
        !self.is_from_pod() || self.judgement(receiver) != Judgement::None
    }

    /// Alike in packets that are shown as the same flows of the same protocol.
    pub(crate) fn look(&self) -> (u32, u32) {
        let [egress, ingress] = self.verdicts;
        let direction = self.flags & (event::F_REPLY | event::F_FROM_POD | event::F_NO_IP);
        let to_host = u8::from(self.is_to_host());
        (
            u32::from_le_bytes([self.protocol, self.kind as u8, egress, ingress]),
            u32::from_le_bytes([self.unselected, direction, to_host, 0]),
        )
    }

    /// It leaves the node: it reaches neither a pod of it nor the node itself.
    pub fn leaves_node(&self) -> bool {
        !self.reaches_pod() && !self.is_to_host()
    }

    fn is_to_host(&self) -> bool {
        self.identities[1] == identity::HOST
    }
}

/// The protocol of a number, of those that Hubble tells apart.
pub fn transport(protocol: u8) -> Option<Transport> {
    Some(match protocol {
        proto::ICMP => Transport::IcmpV4,
        proto::TCP => Transport::Tcp,
        proto::UDP => Transport::Udp,
        proto::ICMPV6 => Transport::IcmpV6,
        proto::SCTP => Transport::Sctp,
        _ => return None,
    })
}
