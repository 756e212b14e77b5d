//! From frame to tuple: Ethernet (VLAN tags too), IPv4 with options, IPv6 with extension headers,
//! TCP, UDP, SCTP, ICMP, ICMPv6, fragments, and what an ICMP error quotes.

#![expect(
    clippy::cast_possible_truncation,
    reason = "fields are cut out of wider words"
)]

use abi::addr::Addr6;
use abi::conntrack::{FragKey, FragPorts};
use abi::reason;

use crate::family::{Family, V4, V6};
use crate::maps::Maps;
use crate::packet::Packet;

/// TCP FIN.
pub const FIN: u8 = 0x01;
/// TCP SYN.
pub const SYN: u8 = 0x02;
/// TCP RST.
pub const RST: u8 = 0x04;
/// TCP ACK.
pub const ACK: u8 = 0x10;

/// IP protocol numbers (IANA) that have connections here.
pub mod proto {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
}

const ETH_P_IP: u16 = 0x0800;
const ETH_P_ARP: u16 = 0x0806;
const ETH_P_IPV6: u16 = 0x86dd;
const ETH_P_VLAN: u16 = 0x8100;
const ETH_P_QINQ: u16 = 0x88a8;

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
    /// An ICMP error; the quoted IP header is at this offset.
    IcmpError(usize),
    /// "Fragmentation needed" or "packet too big": allowed without a connection too, as in Cilium
    /// (`allow-icmp-frag-needed`); the quoted header is at this offset.
    TooBig(usize),
    /// The link's own chatter (neighbour discovery, MLD, IGMP): allowed without an event.
    LinkLocal,
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
    /// Source port; ICMP echo: the identifier, other ICMP: the type.
    pub src_port: u16,
    /// Destination port; ICMP as `src_port`.
    pub dst_port: u16,
    /// ICMP: the message's type (high byte) and code (low byte), else 0.
    pub icmp: u16,
    /// IP protocol.
    pub proto: u8,
    /// TCP flags, 0 in a later fragment.
    pub tcp_flags: u8,
    /// The source is side B of the key.
    pub from_b: bool,
    /// The addresses could be read.
    pub addressed: bool,
    /// It is a fragment.
    pub fragment: bool,
    /// See [`Kind`].
    pub kind: Kind,
}

impl<F: Family> Tuple<F> {
    /// Fills in key and side once addresses, ports and protocol are known.
    #[inline(always)]
    fn normalise(&mut self) {
        (self.key, self.from_b) =
            key_of(self.src, self.dst, self.src_port, self.dst_port, self.proto);
    }
}

/// The direction-normalised key of a connection, and whether the source is its side B.
#[inline(always)]
pub fn key_of<F: Family>(
    src: F,
    dst: F,
    src_port: u16,
    dst_port: u16,
    proto: u8,
) -> (F::CtKey, bool) {
    if src > dst || (src == dst && src_port > dst_port) {
        (F::ct_key(dst, src, dst_port, src_port, proto), true)
    } else {
        (F::ct_key(src, dst, src_port, dst_port, proto), false)
    }
}

struct Fragment {
    id: u32,
    first: bool,
}

/// Parses an IPv4 packet (RFC 791) whose header is at `at`. Gives 0 or the drop reason.
///
/// This and [`v6`] are functions of their own with their result in memory, so that the kernel's
/// verifier does not carry each way through the headers into all that follows.
#[inline(never)]
pub fn v4<P: Packet, M: Maps>(packet: &P, maps: &mut M, at: usize, tuple: &mut Tuple<V4>) -> u32 {
    *tuple = Tuple::default();
    let reason = headers_v4(packet, maps, at, tuple);
    tuple.normalise();
    reason
}

#[inline(always)]
fn headers_v4<P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    at: usize,
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
    if second & 0x3fff != 0 {
        let fragment = Fragment {
            id: second >> 16,
            first: second & 0x1fff == 0,
        };
        return fragmented(packet, maps, at + header, &fragment, tuple);
    }
    if tuple.proto == proto::IGMP && words[4] & MULTICAST_MASK == MULTICAST_NET {
        tuple.kind = Kind::LinkLocal;
        return 0;
    }
    transport(packet, at + header, tuple)
}

const INVALID_PACKET: u32 = reason::INVALID_PACKET as u32;
const INVALID_IPV6_EXT: u32 = reason::INVALID_IPV6_EXT as u32;

// 224.0.0.0/4, as words stand in memory.
const MULTICAST_MASK: u32 = u32::from_ne_bytes([0xf0, 0, 0, 0]);
const MULTICAST_NET: u32 = u32::from_ne_bytes([0xe0, 0, 0, 0]);

/// Extension headers walked before a chain is called malformed.
const MAX_EXTENSIONS: usize = 6;

/// Parses an IPv6 packet (RFC 8200) whose header is at `at`. Gives 0 or the drop reason.
#[inline(never)]
pub fn v6<P: Packet, M: Maps>(packet: &P, maps: &mut M, at: usize, tuple: &mut Tuple<V6>) -> u32 {
    *tuple = Tuple::default();
    let reason = headers_v6(packet, maps, at, tuple);
    tuple.normalise();
    reason
}

#[inline(always)]
fn headers_v6<P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    at: usize,
    tuple: &mut Tuple<V6>,
) -> u32 {
    let Some(words) = packet.words::<10>(at) else {
        return INVALID_PACKET;
    };
    tuple.src = V6([words[2], words[3], words[4], words[5]]);
    tuple.dst = V6([words[6], words[7], words[8], words[9]]);
    tuple.addressed = true;
    let second = u32::from_be(words[1]);
    let payload = (second >> 16) as usize;
    let mut next = (second >> 8 & 0xff) as u8;
    tuple.proto = next;
    if u32::from_be(words[0]) >> 28 != 6 || (packet.len() as usize) < at + 40 + payload {
        return INVALID_PACKET;
    }
    let mut offset = at + 40;
    let mut fragment = None;
    let mut walked = 0;
    // Hop-by-hop, routing, fragment, authentication, destination options, mobility.
    while matches!(next, 0 | 43 | 44 | 51 | 60 | 135) {
        if walked == MAX_EXTENSIONS {
            return INVALID_IPV6_EXT;
        }
        walked += 1;
        let Some(head) = packet.words::<2>(offset) else {
            return INVALID_IPV6_EXT;
        };
        let word = u32::from_be(head[0]);
        let length = (word >> 16 & 0xff) as usize;
        offset += match next {
            44 => 8,
            // RFC 4302: in 4-byte units less 2. All others: in 8-byte units less 1.
            51 => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        // Offset 0 without more to come is an atomic fragment (RFC 6946): a whole packet.
        let is_fragment = next == 44 && word & 0xfff9 != 0;
        next = (word >> 24) as u8;
        if is_fragment {
            let first = word & 0xfff8 == 0;
            fragment = Some(Fragment {
                id: u32::from_be(head[1]),
                first,
            });
            if !first {
                // What follows is payload.
                break;
            }
        }
    }
    tuple.proto = next;
    match &fragment {
        Some(fragment) => fragmented(packet, maps, offset, fragment, tuple),
        None => transport(packet, offset, tuple),
    }
}

/// A fragment: the first one has the ports, and lends them to the later ones.
#[inline(always)]
fn fragmented<F: Family, P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    at: usize,
    fragment: &Fragment,
    tuple: &mut Tuple<F>,
) -> u32 {
    tuple.fragment = true;
    let key = FragKey {
        src: tuple.src.wide(),
        dst: tuple.dst.wide(),
        id: fragment.id,
        proto: tuple.proto,
        version: if F::EVENT_FLAG == 0 { 4 } else { 6 },
        reserved: 0,
    };
    let is_icmp = tuple.proto == F::ICMP;
    if fragment.first {
        let reason = transport(packet, at, tuple);
        if reason == 0 {
            let dst = if is_icmp { tuple.icmp } else { tuple.dst_port };
            maps.frag_insert(
                &key,
                FragPorts {
                    src: tuple.src_port,
                    dst,
                },
            );
        }
        return reason;
    }
    let Some(ports) = maps.frag(&key) else {
        return u32::from(reason::FRAG_NOT_FOUND);
    };
    tuple.src_port = ports.src;
    if is_icmp {
        tuple.icmp = ports.dst;
        tuple.dst_port = ports.src;
    } else {
        tuple.dst_port = ports.dst;
    }
    0
}

#[inline(always)]
fn transport<F: Family, P: Packet>(packet: &P, at: usize, tuple: &mut Tuple<F>) -> u32 {
    if tuple.proto == F::ICMP {
        let Some(head) = packet.words::<2>(at) else {
            return u32::from(reason::CT_TRUNCATED);
        };
        let word = u32::from_be(head[0]);
        let icmp_type = (word >> 24) as u8;
        tuple.icmp = (word >> 16) as u16;
        if icmp_type == F::ECHO_REQUEST || icmp_type == F::ECHO_REPLY {
            let id = (u32::from_be(head[1]) >> 16) as u16;
            tuple.src_port = id;
            tuple.dst_port = id;
        } else {
            tuple.src_port = u16::from(icmp_type);
            tuple.dst_port = u16::from(icmp_type);
            tuple.kind = icmp_kind::<F>(icmp_type, (word >> 16) as u8, at + 8);
        }
        return 0;
    }
    // TCP without its 20 bytes, UDP without its 8 or SCTP without its 12 is no packet to judge.
    let ports = match tuple.proto {
        proto::TCP => {
            let Some(head) = packet.words::<5>(at) else {
                return u32::from(reason::CT_TRUNCATED);
            };
            tuple.tcp_flags = (u32::from_be(head[3]) >> 16) as u8;
            head[0]
        }
        proto::UDP => {
            let Some(head) = packet.words::<2>(at) else {
                return u32::from(reason::CT_TRUNCATED);
            };
            head[0]
        }
        proto::SCTP => {
            let Some(head) = packet.words::<3>(at) else {
                return u32::from(reason::CT_TRUNCATED);
            };
            head[0]
        }
        _ => return u32::from(reason::CT_UNKNOWN_L4),
    };
    let ports = u32::from_be(ports);
    tuple.src_port = (ports >> 16) as u16;
    tuple.dst_port = ports as u16;
    0
}

#[inline(always)]
fn icmp_kind<F: Family>(icmp_type: u8, code: u8, quoted: usize) -> Kind {
    if F::ICMP == proto::ICMP {
        match (icmp_type, code) {
            (3, 4) => Kind::TooBig(quoted),
            // Unreachable, time exceeded, parameter problem. Source quench (RFC 6633: to be ignored) and
            // redirect (it moves a pod's routes) are judged as packets of their own, as in Cilium.
            (3 | 11 | 12, _) => Kind::IcmpError(quoted),
            _ => Kind::Plain,
        }
    } else {
        match icmp_type {
            2 => Kind::TooBig(quoted),
            1 | 3 | 4 => Kind::IcmpError(quoted),
            // MLD (RFC 2710, 3810) and neighbour discovery (RFC 4861), redirects excepted.
            130..=136 | 143 => Kind::LinkLocal,
            _ => Kind::Plain,
        }
    }
}

/// The connection that an ICMP error quotes: its tuple as the quoted packet had it.
pub struct Quoted<F> {
    /// Source of the quoted packet.
    pub src: F,
    /// Destination of the quoted packet.
    pub dst: F,
    /// Source port or ICMP identifier.
    pub src_port: u16,
    /// Destination port or ICMP identifier.
    pub dst_port: u16,
    /// IP protocol.
    pub proto: u8,
}

/// Reads a quoted IPv4 header and the ports behind it.
#[inline(always)]
pub fn quoted_v4<P: Packet>(packet: &P, at: usize) -> Option<Quoted<V4>> {
    let words = packet.words::<5>(at)?;
    let first = u32::from_be(words[0]);
    let proto = (u32::from_be(words[2]) >> 16 & 0xff) as u8;
    let header = ((first >> 24 & 0x0f) * 4) as usize;
    if first >> 28 != 4 || header < 20 || u32::from_be(words[1]) & 0x1fff != 0 {
        return None;
    }
    quoted_ports(packet, at + header, V4(words[3]), V4(words[4]), proto)
}

/// Reads a quoted IPv6 header and the ports behind it; extension headers make it unknown.
#[inline(always)]
pub fn quoted_v6<P: Packet>(packet: &P, at: usize) -> Option<Quoted<V6>> {
    let words = packet.words::<10>(at)?;
    if u32::from_be(words[0]) >> 28 != 6 {
        return None;
    }
    let src: Addr6 = [words[2], words[3], words[4], words[5]];
    let dst: Addr6 = [words[6], words[7], words[8], words[9]];
    let proto = (u32::from_be(words[1]) >> 8 & 0xff) as u8;
    quoted_ports(packet, at + 40, V6(src), V6(dst), proto)
}

#[inline(always)]
fn quoted_ports<F: Family, P: Packet>(
    packet: &P,
    at: usize,
    src: F,
    dst: F,
    proto: u8,
) -> Option<Quoted<F>> {
    let head = packet.words::<2>(at)?;
    let (src_port, dst_port) = if proto == F::ICMP {
        let id = (u32::from_be(head[1]) >> 16) as u16;
        (id, id)
    } else {
        let ports = u32::from_be(head[0]);
        ((ports >> 16) as u16, ports as u16)
    };
    Some(Quoted {
        src,
        dst,
        src_port,
        dst_port,
        proto,
    })
}
