//! The IPv6 header and its chain of extension headers (RFC 8200).

use abi::reason;

use super::fragment::{Fragment, fragmented};
use super::transport::transport;
use super::{INVALID_PACKET, Payload, Tuple};
use crate::family::V6;
use crate::maps::Maps;
use crate::packet::Packet;

const INVALID_IPV6_EXT: u32 = reason::INVALID_IPV6_EXT as u32;

/// Extension headers walked before a chain is called malformed.
const MAX_EXTENSIONS: usize = 6;

const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

#[inline(always)]
pub(super) fn headers<P: Packet, M: Maps>(
    packet: &P,
    maps: &M,
    at: usize,
    ifindex: u32,
    tuple: &mut Tuple<V6>,
) -> u32 {
    let Some(words) = packet.words::<10>(at) else {
        return INVALID_PACKET;
    };
    tuple.src = V6([words[2], words[3], words[4], words[5]]);
    tuple.dst = V6([words[6], words[7], words[8], words[9]]);
    tuple.addressed = true;
    let second = u32::from_be(words[1]);
    let total = 40 + (second >> 16) as usize;
    let mut next = (second >> 8 & 0xff) as u8;
    tuple.proto = next;
    if u32::from_be(words[0]) >> 28 != 6 || (packet.len() as usize) < at + total {
        return INVALID_PACKET;
    }
    let end = at + total;
    let payload = Payload { packet, end };
    let mut offset = at + 40;
    let mut fragment = None;
    let mut walked = 0;
    // Hop-by-hop, routing, fragment, authentication, destination options, mobility.
    while matches!(next, 0 | ROUTING | FRAGMENT | AUTHENTICATION | 60 | 135) {
        if walked == MAX_EXTENSIONS {
            return INVALID_IPV6_EXT;
        }
        walked += 1;
        let Some(head) = payload.words::<2>(offset) else {
            return INVALID_IPV6_EXT;
        };
        let word = u32::from_be(head[0]);
        // A routing header that isn't used up: the packet goes elsewhere than its destination says.
        if next == ROUTING && word & 0xff != 0 {
            return INVALID_IPV6_EXT;
        }
        let length = (word >> 16 & 0xff) as usize;
        offset += match next {
            FRAGMENT => 8,
            // RFC 4302: in 4-byte units less 2. All others: in 8-byte units less 1.
            AUTHENTICATION => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        // Offset 0 without more to come is an atomic fragment (RFC 6946): a whole packet.
        let is_fragment = next == FRAGMENT && word & 0xfff9 != 0;
        next = (word >> 24) as u8;
        if is_fragment {
            // A fragment of a fragment: two receivers may read two different packets.
            if fragment.is_some() {
                return INVALID_IPV6_EXT;
            }
            let begins = (word & 0xfff8) as usize;
            fragment = Some(Fragment {
                id: u32::from_be(head[1]),
                offset: begins,
                from: offset,
                ifindex,
            });
            if begins != 0 {
                // What follows is payload.
                break;
            }
        }
    }
    tuple.proto = next;
    match &fragment {
        Some(fragment) => fragmented(&payload, maps, offset, fragment, tuple),
        None => transport(&payload, offset, total, tuple),
    }
}
