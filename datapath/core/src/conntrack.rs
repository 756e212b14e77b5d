//! What a packet of a known connection does to its entry: counters, TCP state, time-out, and
//! whether it is worth an event.

use abi::conntrack::{
    CLOSING_ORIGINAL, CLOSING_REPLY, CtEntry, END_REPORTED, RESET, SEEN_NON_SYN, SEEN_REPLY,
    timeout,
};
use abi::event::{ACTIVE, END, FLAGS, PACKET};
use abi::node::{Node, TRACE_PACKETS};
use abi::proto;

use crate::parse::{ACK, FIN, RST, SYN};

/// Direction of a packet in its connection: index of the per-direction fields.
pub const ORIGINAL: usize = 0;
/// See [`ORIGINAL`].
pub const REPLY: usize = 1;

/// TCP flags whose first sight in a direction is reported (Cilium's
/// `monitor-aggregation-flags` default).
const REPORTED_FLAGS: u8 = SYN | FIN | RST;

/// A tick is passed? Ticks wrap, so a difference of more than half the range is the past.
#[inline(always)]
pub fn expired(expires: u32, tick: u32) -> bool {
    expires.wrapping_sub(tick) > u32::MAX / 2
}

/// Takes a packet into the entry. Gives the kind of event it is worth, 0 for none.
#[inline(always)]
pub fn conntrack_update(
    entry: &mut CtEntry,
    node: &Node,
    reply: bool,
    ip_proto: u8,
    tcp_flags: u8,
    length: u32,
    tick: u32,
) -> u8 {
    let direction = if reply { REPLY } else { ORIGINAL };
    entry.packets[direction] = entry.packets[direction].wrapping_add(1);
    entry.bytes[direction] = entry.bytes[direction].wrapping_add(u64::from(length));
    let mut kind = if node.flags & TRACE_PACKETS != 0 {
        PACKET
    } else {
        0
    };

    let life = if ip_proto == proto::TCP {
        let fresh = tcp_flags & !entry.tcp_flags[direction];
        if fresh != 0 {
            entry.tcp_flags[direction] |= tcp_flags;
            if fresh & REPORTED_FLAGS != 0 {
                kind = FLAGS;
            }
        }
        let mut flags = entry.flags;
        if !reply && tcp_flags & SYN == 0 {
            flags |= SEEN_NON_SYN;
        }
        if tcp_flags & RST != 0 {
            flags |= RESET | CLOSING_ORIGINAL | CLOSING_REPLY;
        } else if tcp_flags & FIN != 0 {
            flags |= if reply {
                CLOSING_REPLY
            } else {
                CLOSING_ORIGINAL
            };
        }
        let both = CLOSING_ORIGINAL | CLOSING_REPLY;
        let closed = flags & both == both;
        if closed && flags & END_REPORTED == 0 {
            flags |= END_REPORTED;
            kind = END;
        }
        entry.flags = flags;
        if closed {
            timeout::TCP_CLOSE
        } else if flags & SEEN_NON_SYN == 0 {
            timeout::TCP_SYN
        } else {
            timeout::TCP
        }
    } else {
        timeout::OTHER
    };
    if reply && entry.flags & SEEN_REPLY == 0 {
        entry.flags |= SEEN_REPLY;
        if kind == 0 {
            kind = FLAGS;
        }
    }
    entry.expires = tick.wrapping_add(life);
    if kind == 0
        && node.report_every != 0
        && tick.wrapping_sub(entry.reported[direction]) >= node.report_every
    {
        kind = ACTIVE;
    }
    if kind != 0 {
        entry.reported[direction] = tick;
    }
    kind
}

/// How long a denied connection stays known after a packet of either end, in ticks.
#[inline(always)]
pub fn denied_life(ip_proto: u8) -> u32 {
    if ip_proto == proto::TCP {
        timeout::TCP
    } else {
        timeout::DENIED
    }
}

/// A SYN that opens a connection anew over one that has closed (Cilium's reopen).
#[inline(always)]
pub fn reopens(entry: &CtEntry, ip_proto: u8, tcp_flags: u8) -> bool {
    ip_proto == proto::TCP
        && tcp_flags & (SYN | ACK) == SYN
        && entry.flags & (CLOSING_ORIGINAL | CLOSING_REPLY) != 0
}
