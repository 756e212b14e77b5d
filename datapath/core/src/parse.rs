//! From frame to tuple: Ethernet (VLAN tags too), IPv4 with options, IPv6 with extension headers,
//! TCP, UDP, SCTP, ICMP, ICMPv6, fragments, and what an ICMP error quotes.
//!
//! Behind the IP header only what that header delimits is read (`Payload`): a frame may be longer,
//! and the receiver cuts off what is too much before it looks.

#![expect(
    clippy::cast_possible_truncation,
    reason = "fields are cut out of wider words"
)]

mod fragment;
mod ipv6;
mod quoted;
mod transport;

use abi::{proto, reason};

use crate::family::{Family, V4, V6};
use crate::maps::Maps;
use crate::packet::Packet;

pub(crate) use fragment::store_fragment;
use fragment::{Fragment, fragmented};
pub use quoted::{Quote, Quoted};
use transport::transport;

/// TCP FIN.
pub const FIN: u8 = 0x01;
/// TCP SYN.
pub const SYN: u8 = 0x02;
/// TCP RST.
pub const RST: u8 = 0x04;
/// TCP ACK.
pub const ACK: u8 = 0x10;
/// SCTP chunk that opens an association (RFC 9260).
pub const SCTP_INIT: u8 = 1;
/// SCTP chunk that answers [`SCTP_INIT`].
pub const SCTP_INIT_ACK: u8 = 2;

const ETH_P_IP: u16 = 0x0800;
const ETH_P_ARP: u16 = 0x0806;
const ETH_P_IPV6: u16 = 0x86dd;
const ETH_P_VLAN: u16 = 0x8100;
const ETH_P_QINQ: u16 = 0x88a8;

const INVALID_PACKET: u32 = reason::INVALID_PACKET as u32;

/// What follows the Ethernet header, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// ARP: needed for a pod to find its gateway; carries no policy.
    Arp,
    /// IPv4 header at this offset.
    V4(usize),
    /// IPv6 header at this offset.
    V6(usize),
}

/// Reads the Ethernet header and up to two VLAN tags.
///
/// # Errors
/// The drop reason.
#[inline(always)]
pub fn link<P: Packet>(packet: &P) -> Result<Link, u8> {
    let Some(words) = packet.halves::<7>(0) else {
        return Err(reason::UNSUPPORTED_L2);
    };
    let mut ethertype = u16::from_be(words[6]);
    let mut offset = 14;
    if ethertype == ETH_P_VLAN || ethertype == ETH_P_QINQ {
        let Some(tag) = packet.halves::<2>(offset) else {
            return Err(reason::INVALID_PACKET);
        };
        ethertype = u16::from_be(tag[1]);
        offset = 18;
        if ethertype == ETH_P_VLAN {
            let Some(tag) = packet.halves::<2>(offset) else {
                return Err(reason::INVALID_PACKET);
            };
            ethertype = u16::from_be(tag[1]);
            offset = 22;
        }
    }
    match ethertype {
        ETH_P_IP => Ok(Link::V4(offset)),
        ETH_P_IPV6 => Ok(Link::V6(offset)),
        ETH_P_ARP => Ok(Link::Arp),
        _ => Err(reason::UNSUPPORTED_L3),
    }
}

/// What a packet is to conntrack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Part of a connection, or opening one.
    #[default]
    Plain,
    /// An ICMP error; the quoted IP header is at the first offset, the packet ends at the second.
    IcmpError(usize, usize),
    /// The link's own chatter (neighbour discovery, MLD, IGMP): allowed without an event.
    LinkLocal,
}

/// What a packet says about the connection that it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It may open one: TCP SYN, SCTP INIT, an ICMP message that answers nothing, any UDP.
    #[default]
    Opens,
    /// It answers such a packet, so that the receiver opened it: SYN-ACK, INIT-ACK, an ICMP reply.
    Answers,
    /// Any other packet of TCP or SCTP: it says nothing about who opened it.
    Continues,
}

/// A parsed packet. Of one that can't be judged only addresses and protocol count.
#[derive(Clone, Copy, Default)]
pub struct Tuple<F: Family> {
    /// Key of the packet's connection.
    pub key: F::CtKey,
    /// Source address.
    pub src: F,
    /// Destination address.
    pub dst: F,
    /// Source port; ICMP: the identifier of a query, else 0.
    pub src_port: u16,
    /// Destination port; ICMP as `src_port`.
    pub dst_port: u16,
    /// ICMP: the message's type (high byte) and code (low byte), else 0.
    pub icmp: u16,
    /// IP protocol.
    pub proto: u8,
    /// TCP flags, or type of SCTP's first chunk; 0 in a later fragment.
    pub tcp_flags: u8,
    /// The source is side B of the key.
    pub from_b: bool,
    /// The addresses could be read.
    pub addressed: bool,
    /// It is a fragment.
    pub fragment: bool,
    /// It is a first fragment: its identification, and where its headers end.
    pub first: Option<(u32, u16)>,
    /// See [`Kind`].
    pub kind: Kind,
    /// See [`Role`].
    pub role: Role,
}

impl<F: Family> Tuple<F> {
    /// Fills in key and side once addresses, ports and protocol are known.
    #[inline(always)]
    fn normalise(&mut self) {
        let ports = (self.src_port, self.dst_port);
        let icmp_type = (self.icmp >> 8) as u8;
        (self.key, self.from_b) = key_of(self.src, self.dst, ports, self.proto, icmp_type);
    }
}

/// The direction-normalised key of a connection, and whether the source is its side B. For ICMP see
/// [`abi::conntrack::CtKey4`].
#[inline(always)]
pub fn key_of<F: Family>(
    src: F,
    dst: F,
    (src_port, dst_port): (u16, u16),
    proto: u8,
    icmp_type: u8,
) -> (F::CtKey, bool) {
    let from_b = src > dst || (src == dst && src_port > dst_port);
    let (a, b) = if from_b { (dst, src) } else { (src, dst) };
    let (port_a, port_b) = if proto == F::ICMP {
        let request = F::request_of(icmp_type);
        let opened_by_b = from_b != (request != icmp_type);
        let side = if opened_by_b {
            abi::conntrack::ICMP_FROM_B
        } else {
            0
        };
        (src_port, u16::from(request) | side)
    } else if from_b {
        (dst_port, src_port)
    } else {
        (src_port, dst_port)
    };
    (F::ct_key(a, b, port_a, port_b, proto), from_b)
}

/// The part of a frame behind an IP header that the header says belongs to the packet.
pub(crate) struct Payload<'p, P> {
    packet: &'p P,
    /// Offset in the frame at which the packet ends.
    end: usize,
}

impl<P: Packet> Payload<'_, P> {
    /// `N` words from an offset in the frame; `None` if the packet ends before.
    #[inline(always)]
    fn words<const N: usize>(&self, at: usize) -> Option<[u32; N]> {
        if at + 4 * N > self.end {
            return None;
        }
        self.packet.words(at)
    }
}

/// Parses an IPv4 packet (RFC 791) whose header is at `at`, seen at the interface `ifindex`. Gives 0 or
/// the drop reason.
///
/// This and [`v6`] are functions of their own with their result in memory, so that the kernel's
/// verifier does not carry each way through the headers into all that follows.
#[inline(never)]
pub fn v4<P: Packet, M: Maps>(
    packet: &P,
    maps: &M,
    at: usize,
    ifindex: u32,
    tuple: &mut Tuple<V4>,
) -> u32 {
    *tuple = Tuple::default();
    let reason = headers_v4(packet, maps, at, ifindex, tuple);
    tuple.normalise();
    reason
}

#[inline(always)]
fn headers_v4<P: Packet, M: Maps>(
    packet: &P,
    maps: &M,
    at: usize,
    ifindex: u32,
    tuple: &mut Tuple<V4>,
) -> u32 {
    let Some(words) = packet.words::<5>(at) else {
        return INVALID_PACKET;
    };
    let first = u32::from_be(words[0]);
    let second = u32::from_be(words[1]);
    tuple.src = V4(words[3]);
    tuple.dst = V4(words[4]);
    tuple.proto = (u32::from_be(words[2]) >> 16 & 0xff) as u8;
    tuple.addressed = true;
    let header = ((first >> 24 & 0x0f) * 4) as usize;
    let total = (first & 0xffff) as usize;
    // A frame that ends before its IP length is truncated; a longer one is padded.
    if first >> 28 != 4 || header < 20 || total < header || (packet.len() as usize) < at + total {
        return INVALID_PACKET;
    }
    let end = at + total;
    let payload = Payload { packet, end };
    if second & 0x3fff != 0 {
        let fragment = Fragment {
            id: second >> 16,
            offset: ((second & 0x1fff) * 8) as usize,
            from: at + header,
            ifindex,
        };
        return fragmented(&payload, maps, at + header, &fragment, tuple);
    }
    if tuple.proto == proto::IGMP && words[4] & MULTICAST_MASK == MULTICAST_NET {
        tuple.kind = Kind::LinkLocal;
        return 0;
    }
    transport(&payload, at + header, total, tuple)
}

// 224.0.0.0/4, as words stand in memory.
const MULTICAST_MASK: u32 = u32::from_ne_bytes([0xf0, 0, 0, 0]);
const MULTICAST_NET: u32 = u32::from_ne_bytes([0xe0, 0, 0, 0]);

/// Parses an IPv6 packet (RFC 8200) whose header is at `at`, seen at the interface `ifindex`. Gives 0
/// or the drop reason.
#[inline(never)]
pub fn v6<P: Packet, M: Maps>(
    packet: &P,
    maps: &M,
    at: usize,
    ifindex: u32,
    tuple: &mut Tuple<V6>,
) -> u32 {
    *tuple = Tuple::default();
    let reason = ipv6::headers(packet, maps, at, ifindex, tuple);
    tuple.normalise();
    reason
}
