//! ICMP errors: judged by the connection that they quote.

use abi::conntrack::{DENIED, FROM_B};
use abi::identity;
use abi::reason;

use super::resolve::{refuse_resolved, resolve_both, spoof_check};
use super::{ActionCode, Context, Hook, PASS, TO_PROXY, UNDECIDED, VerdictState};
use crate::conntrack::expired;
use crate::maps::Events;
use crate::packet::Packet;
use crate::parse::Quote;
use crate::parse::{Kind, Tuple, key_of};
use crate::report;

/// An ICMP error goes where the connection that it quotes may go, if its sender is on that connection's
/// way. One about a connection of others is forged; one that quotes nothing known is a packet like any
/// other.
#[inline(never)]
pub(super) fn icmp_error<F: Quote, P: Packet, M: Events>(
    packet: &P,
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
) -> ActionCode {
    let Kind::IcmpError(quoted_at, end) = tuple.kind else {
        return UNDECIDED;
    };
    // An error is for the sender of what it quotes; anything else is made up.
    let Some(quoted) = F::quoted(packet, quoted_at, end) else {
        return UNDECIDED;
    };
    if quoted.src != tuple.dst {
        return UNDECIDED;
    }
    let ports = (quoted.src_port, quoted.dst_port);
    let (key, from_b) = key_of(
        quoted.src,
        quoted.dst,
        ports,
        quoted.proto,
        quoted.icmp_type,
    );
    match F::ct(maps, &key) {
        Some(entry)
            if !expired(entry.expires, context.tick)
                && entry.flags & DENIED == 0
                && entry.revision == context.revision =>
        {
            state.entry = *entry;
        }
        _ => return UNDECIDED,
    }
    resolve_both(maps, state, context, tuple.src, tuple.dst);
    let refusal = spoof_check(context, &state.src, &state.dst, 0);
    if refusal != 0 {
        return refuse_resolved(maps, state, context, tuple, u32::from(refusal));
    }
    // Interfaces of the two ends of the quoted packet.
    let (quoted_from, quoted_to) = if from_b {
        (state.entry.ifindex[1], state.entry.ifindex[0])
    } else {
        (state.entry.ifindex[0], state.entry.ifindex[1])
    };
    let is_party = tuple.src == quoted.dst;
    let on_the_way = match context.hook {
        Hook::FromPod => is_party && quoted_to == context.ifindex,
        // Between two pods of this node there is only the node.
        Hook::ToPod => {
            quoted_from == context.ifindex
                && (is_party
                    || forwards(state.src.addr.identity)
                        && (quoted_to == 0 || state.src.addr.identity == identity::HOST))
        }
    };
    if !on_the_way {
        return refuse_resolved(
            maps,
            state,
            context,
            tuple,
            u32::from(reason::INVALID_PACKET),
        );
    }
    report::from_tuple(&mut state.event, context.hook, tuple, &state.identities);
    let reply = from_b == (state.entry.flags & FROM_B != 0);
    report::from_entry(&mut state.event, &state.entry, reply, true);
    report::related_event(maps, &mut state.event, context);
    // Whatever it is about, the proxy sent it, or is to hear of it.
    if state.entry.proxy_port != 0 {
        return TO_PROXY;
    }
    match context.hook {
        Hook::FromPod => state.dst.endpoint.ifindex,
        Hook::ToPod => PASS,
    }
}

/// Whoever this is may be a router on the way: nodes and the world, not a pod.
#[inline(always)]
fn forwards(peer: u32) -> bool {
    matches!(
        peer,
        identity::HOST
            | identity::WORLD
            | identity::REMOTE_NODE
            | identity::KUBE_APISERVER
            | identity::WORLD_IPV4
            | identity::WORLD_IPV6
    ) || peer > identity::LAST_DERIVED
}
