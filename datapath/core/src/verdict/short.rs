//! The short path: what can be said without asking a policy table.

use abi::addr::PRESENT;
use abi::conntrack::{CtEntry, DENIED, FROM_B};
use abi::event::FLAGS;
use abi::{identity, proto};

use super::icmp_error::icmp_error;
use super::sides::{refuse_placed, resolve_both};
use super::{DROP, Fate, Here, Hook, PASS, Scratch, UNDECIDED, Work};
use crate::account::{account, denied_life, expired, reopens};
use crate::family::Family;
use crate::maps::Maps;
use crate::packet::Packet;
use crate::parse::{self, ACK, Kind, Link, Role, SYN, Tuple};
use crate::report::{self, Ends};

/// What can be said without asking a policy table: malformed packets, the link's own chatter,
/// established connections, ICMP errors about them.
#[inline(always)]
pub(super) fn short_path<P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    here: &Here,
) -> Fate {
    let Scratch { v4, v6, work } = scratch;
    match parse::link(packet) {
        Ok(Link::Arp) => PASS,
        Ok(Link::V4(at)) => {
            work.ipv6 = false;
            match parse::v4(packet, maps, at, here.ifindex, v4) {
                0 => known(packet, maps, work, here, v4),
                reason => refuse(maps, work, here, v4, reason),
            }
        }
        Ok(Link::V6(at)) => {
            work.ipv6 = true;
            match parse::v6(packet, maps, at, here.ifindex, v6) {
                0 => known(packet, maps, work, here, v6),
                reason => refuse(maps, work, here, v6, reason),
            }
        }
        Err(reason) => {
            *v4 = Tuple::default();
            refuse(maps, work, here, v4, u32::from(reason))
        }
    }
}

#[inline(always)]
fn known<F: Family, P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    work: &mut Work,
    here: &Here,
    tuple: &Tuple<F>,
) -> Fate {
    work.first_fragment = tuple.first.is_some();
    match tuple.kind {
        Kind::LinkLocal if on_the_link(maps, here, tuple) => return PASS,
        Kind::IcmpError(..) => {
            let fate = icmp_error(packet, maps, work, here, tuple);
            if fate != UNDECIDED {
                return fate;
            }
        }
        Kind::Plain | Kind::LinkLocal => {}
    }
    established(maps, work, here, tuple)
}

/// Is the other party the link itself? Its messages towards anyone further away are packets like
/// any other, else they would be a way around policy.
#[inline(always)]
fn on_the_link<F: Family, M: Maps>(maps: &M, here: &Here, tuple: &Tuple<F>) -> bool {
    let other = match here.hook {
        Hook::FromPod => tuple.dst,
        Hook::ToPod => tuple.src,
    };
    other.link_scope()
        || here.is_from_here()
            && other
                .exact(maps, here.revision)
                .is_some_and(|addr| addr.flags & PRESENT != 0 && addr.identity == identity::HOST)
}

/// The established path: one lookup. An entry that was made for other interfaces is no answer: the
/// long path then finds out who sends from whose address.
#[inline(always)]
fn established<F: Family, M: Maps>(
    maps: &mut M,
    work: &mut Work,
    here: &Here,
    tuple: &Tuple<F>,
) -> Fate {
    let node = *maps.node();
    let source = usize::from(tuple.from_b);
    work.stale = false;
    let Some(entry) = F::ct(maps, &tuple.key) else {
        return UNDECIDED;
    };
    let has_flags = matches!(tuple.proto, proto::TCP | proto::SCTP);
    if expired(entry.expires, here.tick) {
        // It still tells who opened the connection that this packet continues.
        work.stale = has_flags && !matches!(tuple.role, Role::Opens);
        return UNDECIDED;
    }
    // A packet that opens a connection, against the direction of this one: judged by itself.
    let reply = tuple.from_b != (entry.flags & FROM_B != 0);
    let opens_against = reply && has_flags && matches!(tuple.role, Role::Opens);
    if opens_against || reopens(entry, tuple.proto, tuple.tcp_flags) {
        return UNDECIDED;
    }
    let (from, to, sender) = if source == 0 {
        (entry.ifindex[0], entry.ifindex[1], entry.identity[0])
    } else {
        (entry.ifindex[1], entry.ifindex[0], entry.identity[1])
    };
    // What comes from the network with the node's own address isn't the node's.
    let ours = match here.hook {
        Hook::FromPod => from == here.ifindex,
        Hook::ToPod => {
            to == here.ifindex && from == 0 && (here.came_by == 0 || sender != identity::HOST)
        }
    };
    if !ours || entry.revision != here.revision {
        work.stale = true;
        return UNDECIDED;
    }
    if entry.flags & DENIED != 0 {
        // It stays denied as long as either end sends.
        entry.expires = here.tick.wrapping_add(denied_life(tuple.proto));
        work.entry = *entry;
        let ends = ends_of(&work.entry, source);
        report::from_tuple(&mut work.event, here.hook, tuple, &ends);
        report::from_entry(&mut work.event, &work.entry, reply, false);
        report::drop_event(maps, &mut work.event, here);
        return DROP;
    }
    let kind = account(
        entry,
        &node,
        reply,
        tuple.proto,
        tuple.tcp_flags,
        here.length,
        here.tick,
    );
    let to_stack = match here.hook {
        Hook::FromPod => to,
        Hook::ToPod => 0,
    };
    if kind != 0 {
        let first_syn_ack = reply
            && kind == FLAGS
            && tuple.tcp_flags & (SYN | ACK) == SYN | ACK
            && entry.rtt_us == 0;
        work.entry = *entry;
        let ends = ends_of(&work.entry, source);
        let time = maps.exact_now();
        if first_syn_ack {
            let rtt = round_trip(time, work.entry.created);
            work.entry.rtt_us = rtt;
            if let Some(entry) = F::ct(maps, &tuple.key) {
                entry.rtt_us = rtt;
            }
        }
        report::from_tuple(&mut work.event, here.hook, tuple, &ends);
        report::from_entry(&mut work.event, &work.entry, reply, false);
        work.event.kind = kind;
        work.event.time = time;
        maps.emit(&work.event);
    }
    to_stack
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a handshake of more than 71 minutes is none"
)]
fn round_trip(now: u64, created: u64) -> u32 {
    (now.saturating_sub(created) / 1_000) as u32
}

#[inline(always)]
fn ends_of(entry: &CtEntry, source: usize) -> Ends {
    let (src, dst) = if source == 0 {
        (entry.identity[0], entry.identity[1])
    } else {
        (entry.identity[1], entry.identity[0])
    };
    Ends { src, dst }
}

/// A packet that could not be parsed.
#[inline(never)]
fn refuse<F: Family, M: Maps>(
    maps: &mut M,
    work: &mut Work,
    here: &Here,
    tuple: &Tuple<F>,
    reason: u32,
) -> Fate {
    work.ends = Ends::default();
    if tuple.addressed {
        resolve_both(maps, work, here, tuple.src, tuple.dst);
    }
    refuse_placed(maps, work, here, tuple, reason)
}
