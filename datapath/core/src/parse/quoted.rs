//! What an ICMP error quotes: the beginning of the packet that it is about.

use abi::addr::Addr6;
use abi::proto;

use super::Payload;
use crate::family::{Family, V4, V6};
use crate::packet::Packet;

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
    /// ICMP: the type.
    pub icmp_type: u8,
}

/// Families whose packets can be quoted by an ICMP error: both.
pub trait Quote: Family {
    /// What an ICMP error quotes, if its header is at `at` and the packet ends at `end`.
    fn quoted<P: Packet>(packet: &P, at: usize, end: usize) -> Option<Quoted<Self>>;
}

impl Quote for V4 {
    #[inline(always)]
    fn quoted<P: Packet>(packet: &P, at: usize, end: usize) -> Option<Quoted<Self>> {
        quoted_v4(packet, at, end)
    }
}

impl Quote for V6 {
    #[inline(always)]
    fn quoted<P: Packet>(packet: &P, at: usize, end: usize) -> Option<Quoted<Self>> {
        quoted_v6(packet, at, end)
    }
}

/// Reads a quoted IPv4 header and the ports behind it. `end` is where the packet that quotes it ends.
#[inline(always)]
fn quoted_v4<P: Packet>(packet: &P, at: usize, end: usize) -> Option<Quoted<V4>> {
    let payload = Payload { packet, end };
    let words = payload.words::<5>(at)?;
    let first = u32::from_be(words[0]);
    let ip_proto = (u32::from_be(words[2]) >> 16 & 0xff) as u8;
    let header = ((first >> 24 & 0x0f) * 4) as usize;
    if first >> 28 != 4 || header < 20 || u32::from_be(words[1]) & 0x1fff != 0 {
        return None;
    }
    let (src, dst) = (V4(words[3]), V4(words[4]));
    quoted_ports(&payload, at + header, src, dst, ip_proto)
}

/// Reads a quoted IPv6 header and the ports behind it, looking through the header of a first fragment;
/// other extension headers make it unknown.
#[inline(always)]
fn quoted_v6<P: Packet>(packet: &P, at: usize, end: usize) -> Option<Quoted<V6>> {
    let payload = Payload { packet, end };
    let words = payload.words::<10>(at)?;
    if u32::from_be(words[0]) >> 28 != 6 {
        return None;
    }
    let src: Addr6 = [words[2], words[3], words[4], words[5]];
    let dst: Addr6 = [words[6], words[7], words[8], words[9]];
    let mut ip_proto = (u32::from_be(words[1]) >> 8 & 0xff) as u8;
    let mut offset = at + 40;
    if ip_proto == FRAGMENT {
        let word = u32::from_be(payload.words::<2>(offset)?[0]);
        if word & 0xfff8 != 0 {
            return None;
        }
        ip_proto = (word >> 24) as u8;
        offset += 8;
    }
    quoted_ports(&payload, offset, V6(src), V6(dst), ip_proto)
}

/// Number of the IPv6 fragment header.
const FRAGMENT: u8 = 44;

#[inline(always)]
fn quoted_ports<F: Family, P: Packet>(
    payload: &Payload<'_, P>,
    at: usize,
    src: F,
    dst: F,
    ip_proto: u8,
) -> Option<Quoted<F>> {
    let head = payload.words::<2>(at)?;
    let ports = u32::from_be(head[0]);
    let mut quoted = Quoted {
        src,
        dst,
        src_port: (ports >> 16) as u16,
        dst_port: ports as u16,
        proto: ip_proto,
        icmp_type: 0,
    };
    if ip_proto == F::ICMP {
        quoted.icmp_type = (ports >> 24) as u8;
        let id = if F::is_query(quoted.icmp_type) {
            (u32::from_be(head[1]) >> 16) as u16
        } else {
            0
        };
        quoted.src_port = id;
        quoted.dst_port = id;
    } else if !matches!(ip_proto, proto::TCP | proto::UDP | proto::SCTP) {
        return None;
    }
    Some(quoted)
}
