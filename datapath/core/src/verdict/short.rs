//! The short path: what can be said without asking a policy table.

use abi::addr::PRESENT;
use abi::conntrack::{CtEntry, DENIED, FROM_B};
use abi::event::FLAGS;
use abi::{identity, proto};

use super::icmp_error::icmp_error;
use super::resolve::{refuse_resolved, resolve_both};
use super::{ActionCode, Context, DROP, Hook, PASS, Scratch, UNDECIDED, VerdictState};
use crate::conntrack::{conntrack_update, denied_life, expired, reopens};
use crate::family::Family;
use crate::maps::{Events, Maps};
use crate::packet::Packet;
use crate::parse::Quote;
use crate::parse::{self, ACK, Kind, Link, Role, SYN, Tuple};
use crate::report::{self, Identities};

/// What can be said without asking a policy table: malformed packets, the link's own chatter,
/// established connections, ICMP errors about them.
#[inline(always)]
pub(super) fn short_path<P: Packet, M: Events>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    context: &Context,
) -> ActionCode {
    let Scratch { v4, v6, state } = scratch;
    match parse::link(packet) {
        Ok(Link::Arp) => PASS,
        Ok(Link::V4(at)) => {
            state.ipv6 = false;
            match parse::v4(packet, maps, at, context.ifindex, v4) {
                0 => known(packet, maps, state, context, v4),
                reason => refuse(maps, state, context, v4, reason),
            }
        }
        Ok(Link::V6(at)) => {
            state.ipv6 = true;
            match parse::v6(packet, maps, at, context.ifindex, v6) {
                0 => known(packet, maps, state, context, v6),
                reason => refuse(maps, state, context, v6, reason),
            }
        }
        Err(reason) => {
            *v4 = Tuple::default();
            refuse(maps, state, context, v4, u32::from(reason))
        }
    }
}

#[inline(always)]
fn known<F: Quote, P: Packet, M: Events>(
    packet: &P,
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
) -> ActionCode {
    state.first_fragment = tuple.first.is_some();
    match tuple.kind {
        Kind::LinkLocal if on_the_link(maps, context, tuple) => return PASS,
        Kind::IcmpError(..) => {
            let code = icmp_error(packet, maps, state, context, tuple);
            if code != UNDECIDED {
                return code;
            }
        }
        Kind::Plain | Kind::LinkLocal => {}
    }
    established(maps, state, context, tuple)
}

/// Is the other party the link itself? Its messages towards anyone further away are packets like
/// any other, else they would be a way around policy.
#[inline(always)]
fn on_the_link<F: Family, M: Maps>(maps: &M, context: &Context, tuple: &Tuple<F>) -> bool {
    let other = match context.hook {
        Hook::FromPod => tuple.dst,
        Hook::ToPod => tuple.src,
    };
    other.link_scope()
        || context.is_from_here()
            && other
                .exact(maps, context.revision)
                .is_some_and(|addr| addr.flags & PRESENT != 0 && addr.identity == identity::HOST)
}

/// The established path: one lookup. An entry that was made for other interfaces is no answer: the
/// long path then finds out who sends from whose address.
#[inline(always)]
fn established<F: Family, M: Events>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
) -> ActionCode {
    let node = *maps.node();
    let source = usize::from(tuple.from_b);
    state.stale = false;
    let Some(entry) = F::ct(maps, &tuple.key) else {
        return UNDECIDED;
    };
    let has_flags = matches!(tuple.proto, proto::TCP | proto::SCTP);
    if expired(entry.expires, context.tick) {
        // It still tells who opened the connection that this packet continues.
        state.stale = has_flags && !matches!(tuple.role, Role::Opens);
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
    let ours = match context.hook {
        Hook::FromPod => from == context.ifindex,
        Hook::ToPod => {
            to == context.ifindex && from == 0 && (context.came_by == 0 || sender != identity::HOST)
        }
    };
    // What the proxy has is judged packet by packet: the way through it costs far more.
    if !ours || entry.revision != context.revision || entry.proxy_port != 0 {
        state.stale = true;
        return UNDECIDED;
    }
    if entry.flags & DENIED != 0 {
        // It stays denied as long as either end sends.
        entry.expires = context.tick.wrapping_add(denied_life(tuple.proto));
        state.entry = *entry;
        let identities = ends_of(&state.entry, source);
        report::from_tuple(&mut state.event, context.hook, tuple, &identities);
        report::from_entry(&mut state.event, &state.entry, reply, false);
        report::drop_event(maps, &mut state.event, context);
        return DROP;
    }
    let kind = conntrack_update(
        entry,
        &node,
        reply,
        tuple.proto,
        tuple.tcp_flags,
        context.length,
        context.tick,
    );
    if kind != 0 {
        state.entry = *entry;
        tell(maps, state, context, tuple, reply, kind);
    }
    match context.hook {
        Hook::FromPod => to,
        Hook::ToPod => PASS,
    }
}

/// Tells of a packet of a known connection; `state.entry` is what the packet made of it.
#[inline(always)]
pub(super) fn tell<F: Family, M: Events>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
    reply: bool,
    kind: u8,
) {
    let first_syn_ack = reply
        && kind == FLAGS
        && tuple.tcp_flags & (SYN | ACK) == SYN | ACK
        && state.entry.rtt_us == 0;
    let identities = ends_of(&state.entry, usize::from(tuple.from_b));
    let time = maps.exact_now();
    if first_syn_ack {
        let rtt = round_trip(time, state.entry.created);
        state.entry.rtt_us = rtt;
        if let Some(entry) = F::ct(maps, &tuple.key) {
            entry.rtt_us = rtt;
        }
    }
    report::from_tuple(&mut state.event, context.hook, tuple, &identities);
    report::from_entry(&mut state.event, &state.entry, reply, false);
    state.event.kind = kind;
    state.event.time = time;
    maps.emit(&state.event);
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
fn ends_of(entry: &CtEntry, source: usize) -> Identities {
    let (src, dst) = if source == 0 {
        (entry.identity[0], entry.identity[1])
    } else {
        (entry.identity[1], entry.identity[0])
    };
    Identities { src, dst }
}

/// A packet that could not be parsed.
#[inline(never)]
fn refuse<F: Family, M: Events>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
    reason: u32,
) -> ActionCode {
    state.identities = Identities::default();
    if tuple.addressed {
        resolve_both(maps, state, context, tuple.src, tuple.dst);
    }
    refuse_resolved(maps, state, context, tuple, reason)
}
