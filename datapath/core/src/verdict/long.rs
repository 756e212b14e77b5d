//! The long path: a new connection, or one to be judged again.

use abi::conntrack::{CtEntry, DENIED, FROM_B, PICKED_UP};
use abi::event::{CHANGED, NEW};
use abi::node::counter;
use abi::{proto, reason};

use super::proxied;
use super::resolve::{refuse_resolved, resolve_both, spoof_check};
use super::short::tell;
use super::{ActionCode, Context, DROP, Hook, PASS, ResolvedAddr, Scratch, VerdictState};
use crate::conntrack::{conntrack_update, denied_life};
use crate::family::{Family, V4, V6};
use crate::maps::{Events, Maps};
use crate::parse::{Role, Tuple};
use crate::policy::{Decision, PolicyQuery, Probe, decide};
use crate::report;
use crate::shares::{Free, claim};

/// The last steps of the long path, which the kernel's program makes functions that the verifier checks once
/// and by themselves, instead of once for each way that leads to a call.
pub trait Conclude: Events + Sized {
    /// [`conclude`].
    #[inline(always)]
    fn conclude<F: Family>(
        &mut self,
        state: &mut VerdictState,
        context: &Context,
        tuple: &Tuple<F>,
    ) -> ActionCode {
        conclude(self, state, context, tuple)
    }

    /// [`carry_on`].
    #[inline(always)]
    fn carry_on<F: Family>(
        &mut self,
        state: &mut VerdictState,
        context: &Context,
        tuple: &Tuple<F>,
    ) -> ActionCode {
        carry_on(self, state, context, tuple)
    }
}

/// What surrounds a packet that is judged from beginning to end.
pub trait Steps: Probe + Free + Conclude {}

impl<M: Probe + Free + Conclude> Steps for M {}

/// The long path: a new connection, or one to be judged again. In steps that leave their results
/// in memory, the families apart only where they must be; see [`crate::policy::PolicyLookup`] for why.
#[inline(never)]
pub(super) fn long_path<M: Steps>(
    maps: &mut M,
    scratch: &mut Scratch,
    context: &Context,
) -> ActionCode {
    let Scratch { v4, v6, state } = scratch;
    if state.ipv6 {
        place(maps, state, context, v6);
    } else {
        place(maps, state, context, v4);
    }
    let refusal = u32::from(spoof_check(
        context,
        &state.src,
        &state.dst,
        state.proxy_port,
    ));
    if refusal != 0 {
        return if state.ipv6 {
            refuse_resolved(maps, state, context, v6, refusal)
        } else {
            refuse_resolved(maps, state, context, v4, refusal)
        };
    }
    judge_ends(maps, state);
    if state.both_ways != 0 && allowed(state) {
        // Who opened it is not known: the other end must have been allowed to, too, else a packet of
        // the one would make way for everything that the other sends.
        state.first_way = [state.egress.decision, state.ingress.decision];
        turn(state, v4, v6, context);
        judge_ends(maps, state);
        if allowed(state) {
            turn(state, v4, v6, context);
            [state.egress.decision, state.ingress.decision] = state.first_way;
        }
    }
    if !context.is_from_proxy() && allowed(state) {
        let (ip_proto, tcp_flags) = if state.ipv6 {
            (v6.proto, v6.tcp_flags)
        } else {
            (v4.proto, v4.tcp_flags)
        };
        require_proxy(maps, state, ip_proto, tcp_flags);
    }
    if allowed(state) && (!state.known || state.entry.owner == 0) {
        charge(state, context);
        if state.ipv6 {
            claim::<V6, M>(maps, &mut state.claim, &v6.key);
        } else {
            claim::<V4, M>(maps, &mut state.claim, &v4.key);
        }
    }
    let goes_on = state.proxy_port != 0
        && state.entry.flags & DENIED == 0
        && state.entry.revision == context.revision;
    if goes_on && allowed(state) {
        if state.ipv6 {
            maps.carry_on(state, context, v6)
        } else {
            maps.carry_on(state, context, v4)
        }
    } else if state.ipv6 {
        maps.conclude(state, context, v6)
    } else {
        maps.conclude(state, context, v4)
    }
}

/// Whose share a new connection takes: the pod's that sent this packet, if that one is here.
#[inline(always)]
fn charge(state: &mut VerdictState, context: &Context) {
    state.claim.owner = if state.src.local() {
        state.src.addr.endpoint
    } else {
        state.dst.addr.endpoint
    };
    state.claim.tick = context.tick;
}

/// Egress at the connection's source pod, ingress at its destination pod, as far as they are here. The
/// destination isn't asked about what the source already refused.
#[inline(never)]
fn judge_ends<M: Probe>(maps: &M, state: &mut VerdictState) {
    if state.judge_egress {
        decide(maps, &mut state.egress);
    }
    if state.judge_ingress && state.egress.decision.allows() {
        decide(maps, &mut state.ingress);
    }
}

#[inline(always)]
fn allowed(state: &VerdictState) -> bool {
    state.egress.decision.allows() && state.ingress.decision.allows()
}

/// What a rule sends through the proxy is dropped where there is none.
#[inline(never)]
fn require_proxy<M: Events>(maps: &M, state: &mut VerdictState, ip_proto: u8, tcp_flags: u8) {
    let reply = state.reply & 1 != 0;
    if proxied::wants_listener(ip_proto, tcp_flags, reply) {
        let ipv6 = state.ipv6;
        proxied::require(maps, ipv6, ip_proto, &mut state.egress.decision);
        proxied::require(maps, ipv6, ip_proto, &mut state.ingress.decision);
    }
}

/// Supposes that the other end opened the connection.
#[inline(never)]
fn turn(state: &mut VerdictState, v4: &Tuple<V4>, v6: &Tuple<V6>, context: &Context) {
    state.reply = (state.reply & 1) ^ 1;
    if state.ipv6 {
        prepare_queries(state, context, v6, state.reply != 0);
    } else {
        prepare_queries(state, context, v4, state.reply != 0);
    }
}

/// Who the sides are, and in which direction the connection was opened: its own if it is known,
/// else this packet opens it.
#[inline(never)]
fn place<F: Family, M: Maps>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
) {
    resolve_both(maps, state, context, tuple.src, tuple.dst);
    state.claim.refused = 0;
    state.known = false;
    state.proxy_port = 0;
    state.both_ways = u32::from(!matches!(tuple.role, Role::Opens));
    state.reply = u32::from(matches!(tuple.role, Role::Answers));
    if state.stale
        && let Some(entry) = F::ct(maps, &tuple.key)
    {
        let (a, b) = by_key_side(state, tuple);
        // An address that changed hands: the connection was its former owner's.
        if entry.ifindex == [a.endpoint.ifindex, b.endpoint.ifindex] {
            state.known = true;
            state.entry = *entry;
            state.proxy_port = entry.proxy_port;
            state.reply = u32::from(tuple.from_b != (entry.flags & FROM_B != 0));
            state.both_ways = u32::from(entry.flags & PICKED_UP != 0);
        }
    }
    prepare_queries(state, context, tuple, state.reply & 1 != 0);
}

/// The packet's ends as sides A and B of its key.
#[inline(always)]
fn by_key_side<'w, F: Family>(
    state: &'w VerdictState,
    tuple: &Tuple<F>,
) -> (&'w ResolvedAddr, &'w ResolvedAddr) {
    if tuple.from_b {
        (&state.dst, &state.src)
    } else {
        (&state.src, &state.dst)
    }
}

/// Writes the outcome down: conntrack, counters, event.
#[inline(always)]
pub fn conclude<F: Family, M: Events>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
) -> ActionCode {
    let reply = state.reply & 1 != 0;
    let (egress, ingress) = (state.egress.decision, state.ingress.decision);
    maps.decided(egress.cookie);
    maps.decided(ingress.cookie);
    report::from_tuple(&mut state.event, context.hook, tuple, &state.identities);
    let (a, b) = by_key_side(state, tuple);
    let identity = [a.addr.identity, b.addr.identity];
    let ifindex = [a.endpoint.ifindex, b.endpoint.ifindex];
    // The proxy has the connection's ends: without it there is none.
    let stays = state.known && tuple.proto == proto::TCP;
    if !egress.allows() || !ingress.allows() {
        let unheard = egress.verdict == reason::PROXY_LOOKUP_FAILED
            || ingress.verdict == reason::PROXY_LOOKUP_FAILED;
        if state.known
            && !unheard
            && let Some(entry) = F::ct(maps, &tuple.key)
        {
            // Stays known as denied, so that its replies can't open it the other way round.
            store_verdict(entry, context, &egress, &ingress, identity, stays);
            entry.flags |= DENIED;
            if state.both_ways != 0 {
                // The way that was denied is the one that later drops tell of.
                let opener = if tuple.from_b != reply { FROM_B } else { 0 };
                entry.flags = entry.flags & !FROM_B | opener;
            }
            entry.expires = context.tick.wrapping_add(denied_life(tuple.proto));
            state.entry = *entry;
            report::from_entry(&mut state.event, &state.entry, reply, false);
        } else {
            report::decisions(&mut state.event, context.revision, &egress, &ingress, reply);
        }
        report::drop_event(maps, &mut state.event, context);
        return DROP;
    }

    if !state.known && state.claim.refused != 0 {
        maps.count(counter::CT_FULL);
        return refuse_resolved(
            maps,
            state,
            context,
            tuple,
            u32::from(reason::CT_INSERT_FAILED),
        );
    }
    let time = maps.exact_now();
    if !state.known {
        state.entry = CtEntry {
            created: time,
            ..CtEntry::default()
        };
        if tuple.from_b != reply {
            state.entry.flags = FROM_B;
        }
        if state.both_ways != 0 {
            state.entry.flags |= PICKED_UP;
        }
    }
    let entry = &mut state.entry;
    let same = entry.flags & DENIED == 0
        && entry.egress_cookie == egress.cookie
        && entry.ingress_cookie == ingress.cookie
        && entry.egress == egress.verdict
        && entry.ingress == ingress.verdict;
    store_verdict(entry, context, &egress, &ingress, identity, stays);
    entry.flags &= !DENIED;
    entry.ifindex = ifindex;
    let seen = if proxied::is_counted(entry, context, reply) {
        conntrack_update(
            entry,
            maps.node(),
            reply,
            tuple.proto,
            tuple.tcp_flags,
            context.length,
            context.tick,
        )
    } else {
        0
    };
    let kind = match (state.known, same) {
        (false, _) => NEW,
        (true, false) => CHANGED,
        (true, true) => seen,
    };
    entry.reported[usize::from(reply)] = context.tick;
    if !state.known || (entry.owner == 0 && state.claim.refused == 0) {
        entry.owner = state.claim.owner;
    }
    if F::ct_insert(maps, &tuple.key, &state.entry).is_err() {
        maps.count(counter::CT_FULL);
        return refuse_resolved(
            maps,
            state,
            context,
            tuple,
            u32::from(reason::CT_INSERT_FAILED),
        );
    }
    if kind != 0 {
        report::from_entry(&mut state.event, &state.entry, reply, false);
        state.event.kind = kind;
        state.event.time = time;
        maps.emit(&state.event);
    }
    match (proxied::way(&state.entry, context, reply), context.hook) {
        (Some(way), _) => way,
        (None, Hook::FromPod) => state.dst.endpoint.ifindex,
        (None, Hook::ToPod) => PASS,
    }
}

/// A packet of a connection that the proxy has, and of which nothing changed.
#[inline(always)]
pub fn carry_on<F: Family, M: Events>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
) -> ActionCode {
    let reply = state.reply & 1 != 0;
    let node = *maps.node();
    if proxied::is_counted(&state.entry, context, reply)
        && let Some(entry) = F::ct(maps, &tuple.key)
    {
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
    }
    proxied::way(&state.entry, context, reply).unwrap_or(DROP)
}

#[inline(always)]
fn store_verdict(
    entry: &mut CtEntry,
    context: &Context,
    egress: &Decision,
    ingress: &Decision,
    identity: [u32; 2],
    stays_proxied: bool,
) {
    entry.revision = context.revision;
    entry.identity = identity;
    entry.egress = egress.verdict;
    entry.ingress = ingress.verdict;
    entry.egress_cookie = egress.cookie;
    entry.ingress_cookie = ingress.cookie;
    entry.match_types = egress.match_type | ingress.match_type << 4;
    let port = if ingress.proxy_port != 0 {
        ingress.proxy_port
    } else {
        egress.proxy_port
    };
    if port != 0 || !stays_proxied {
        entry.proxy_port = port;
    }
}

/// Prepares the policy queries for the ends that are here.
#[inline(always)]
fn prepare_queries<F: Family>(
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
    reply: bool,
) {
    let VerdictState {
        src,
        dst,
        egress,
        ingress,
        judge_egress,
        judge_ingress,
        ..
    } = state;
    let (client, server) = if reply {
        (&*dst, &*src)
    } else {
        (&*src, &*dst)
    };
    let query = PolicyQuery {
        revision: context.revision,
        table: client.endpoint.table,
        peer: server.addr.identity,
        port: service_port(tuple, reply),
        proto: tuple.proto,
        egress: true,
    };
    egress.query = query;
    ingress.query = PolicyQuery {
        table: server.endpoint.table,
        peer: client.addr.identity,
        egress: false,
        ..query
    };
    egress.decision = Decision::default();
    ingress.decision = Decision::default();
    *judge_egress = client.local();
    *judge_ingress = server.local();
}

/// The port that policy is about: the server's; ICMP: the type that opened the exchange.
#[inline(always)]
fn service_port<F: Family>(tuple: &Tuple<F>, reply: bool) -> u16 {
    if tuple.proto == F::ICMP {
        let icmp_type = tuple.icmp >> 8;
        if reply {
            u16::from(F::request_of((icmp_type & 0xff) as u8))
        } else {
            icmp_type
        }
    } else if reply {
        tuple.src_port
    } else {
        tuple.dst_port
    }
}
