//! Fragments: the first one has the transport header and must have all of it (RFC 8200, section 5;
//! RFC 1858); it lends ports and protocol to the later ones, once it has been allowed.

use abi::conntrack::{FRAG_PLACES, FragEntry, FragKey};
use abi::{proto, reason};

use super::transport::transport;
use super::{Kind, Payload, Role, Tuple};
use crate::family::Family;
use crate::maps::Maps;
use crate::packet::Packet;

/// What a fragment says of itself.
pub(super) struct Fragment {
    /// Identification of the datagram.
    pub(super) id: u32,
    /// Where in the datagram it begins, bytes.
    pub(super) offset: usize,
    /// Offset in the frame of what the fragment carries.
    pub(super) from: usize,
    /// Interface at which it is seen.
    pub(super) ifindex: u32,
}

/// Where a datagram is remembered: at its interface, in one of few places.
#[inline(always)]
fn key_of<F: Family>(ifindex: u32, id: u32, src: F) -> FragKey {
    let [a, b, c, d] = src.wide();
    // The low bits of an identification change from one datagram to the next.
    let mixed = id ^ id >> 16 ^ (a ^ b ^ c ^ d).wrapping_mul(0x9e37_79b1) >> 27;
    FragKey {
        ifindex,
        place: mixed & (FRAG_PLACES - 1),
    }
}

#[inline(always)]
fn version<F: Family>() -> u8 {
    if F::EVENT_FLAG == 0 { 4 } else { 6 }
}

/// A fragment whose transport header, if it is the first, is at `at`.
#[inline(always)]
pub(super) fn fragmented<F: Family, P: Packet, M: Maps>(
    payload: &Payload<'_, P>,
    maps: &M,
    at: usize,
    fragment: &Fragment,
    tuple: &mut Tuple<F>,
) -> u32 {
    tuple.fragment = true;
    if fragment.offset == 0 {
        let reason = transport(payload, at, 0, tuple);
        // Neighbour discovery never comes in fragments (RFC 6980), nor do errors (they are short).
        tuple.kind = Kind::Plain;
        let headers = (at - fragment.from) as u16 + header_length(tuple.proto);
        tuple.first = Some((fragment.id, headers));
        return reason;
    }
    let key = key_of(fragment.ifindex, fragment.id, tuple.src);
    let not_found = u32::from(reason::FRAG_NOT_FOUND);
    let Some(known) = maps.frag(&key) else {
        return not_found;
    };
    // IPv4 puts datagrams together per protocol (RFC 791). In IPv6 only the first fragment's protocol
    // counts (RFC 8200).
    let other_protocol = version::<F>() == 4 && known.proto != tuple.proto;
    if known.id != fragment.id
        || known.version != version::<F>()
        || known.src != tuple.src.wide()
        || known.dst != tuple.dst.wide()
        || other_protocol
        || fragment.offset < known.headers as usize
    {
        return not_found;
    }
    tuple.proto = known.proto;
    tuple.src_port = known.src_port;
    if known.proto == F::ICMP {
        tuple.icmp = known.dst_port;
        tuple.dst_port = known.src_port;
    } else {
        tuple.dst_port = known.dst_port;
    }
    let icmp_type = (tuple.icmp >> 8) as u8;
    tuple.role = match known.proto {
        proto::TCP | proto::SCTP => Role::Continues,
        _ if F::request_of(icmp_type) != icmp_type && known.proto == F::ICMP => Role::Answers,
        _ => Role::Opens,
    };
    0
}

#[inline(always)]
fn header_length(ip_proto: u8) -> u16 {
    match ip_proto {
        proto::TCP => 20,
        proto::SCTP => 16,
        _ => 8,
    }
}

/// Remembers a first fragment that was allowed.
#[inline(never)]
pub(crate) fn store_fragment<F: Family, M: Maps>(maps: &mut M, ifindex: u32, tuple: &Tuple<F>) {
    let Some((id, headers)) = tuple.first else {
        return;
    };
    let is_icmp = tuple.proto == F::ICMP;
    let entry = FragEntry {
        src: tuple.src.wide(),
        dst: tuple.dst.wide(),
        id,
        src_port: tuple.src_port,
        dst_port: if is_icmp { tuple.icmp } else { tuple.dst_port },
        headers,
        proto: tuple.proto,
        version: version::<F>(),
        reserved: [0; 4],
    };
    maps.frag_insert(&key_of(ifindex, id, tuple.src), &entry);
}
