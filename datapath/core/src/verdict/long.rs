//! The long path: a new connection, or one to be judged again.

use abi::conntrack::{CtEntry, DENIED, FROM_B, PICKED_UP};
use abi::event::{CHANGED, NEW};
use abi::node::counter;
use abi::reason;

use super::sides::{misplaced, refuse_placed, resolve_both};
use super::{DROP, Fate, Here, Hook, PASS, Scratch, Side, Work};
use crate::account::{account, denied_life};
use crate::family::{Family, V4, V6};
use crate::maps::Maps;
use crate::parse::{Role, Tuple};
use crate::policy::{Decision, Question, decide};
use crate::report;
use crate::shares::claim;

/// The long path: a new connection, or one to be judged again. In steps that leave their results
/// in memory, the families apart only where they must be; see [`crate::policy::Judging`] for why.
#[inline(never)]
pub(super) fn long_path<M: Maps>(maps: &mut M, scratch: &mut Scratch, here: &Here) -> Fate {
    let Scratch { v4, v6, work } = scratch;
    if work.ipv6 {
        place(maps, work, here, v6);
    } else {
        place(maps, work, here, v4);
    }
    let misplaced = u32::from(misplaced(here, &work.src, &work.dst));
    if misplaced != 0 {
        return if work.ipv6 {
            refuse_placed(maps, work, here, v6, misplaced)
        } else {
            refuse_placed(maps, work, here, v4, misplaced)
        };
    }
    judge_ends(maps, work);
    if work.both_ways != 0 && allowed(work) {
        // Who opened it is not known: the other end must have been allowed to, too, else a packet of
        // the one would make way for everything that the other sends.
        work.first_way = [work.egress.decision, work.ingress.decision];
        turn(work, v4, v6, here);
        judge_ends(maps, work);
        if allowed(work) {
            turn(work, v4, v6, here);
            [work.egress.decision, work.ingress.decision] = work.first_way;
        }
    }
    if allowed(work) && (!work.known || work.entry.owner == 0) {
        charge(work, here);
        if work.ipv6 {
            claim::<V6, M>(maps, &mut work.claim, &v6.key);
        } else {
            claim::<V4, M>(maps, &mut work.claim, &v4.key);
        }
    }
    if work.ipv6 {
        conclude(maps, work, here, v6)
    } else {
        conclude(maps, work, here, v4)
    }
}

/// Whose share a new connection takes: the pod's that sent this packet, if that one is here.
#[inline(always)]
fn charge(work: &mut Work, here: &Here) {
    work.claim.owner = if work.src.local() {
        work.src.addr.endpoint
    } else {
        work.dst.addr.endpoint
    };
    work.claim.tick = here.tick;
}

/// Egress at the connection's source pod, ingress at its destination pod, as far as they are here. The
/// destination isn't asked about what the source already refused.
#[inline(never)]
fn judge_ends<M: Maps>(maps: &M, work: &mut Work) {
    if work.judge_egress {
        decide(maps, &mut work.egress);
    }
    if work.judge_ingress && work.egress.decision.allows() {
        decide(maps, &mut work.ingress);
    }
}

#[inline(always)]
fn allowed(work: &Work) -> bool {
    work.egress.decision.allows() && work.ingress.decision.allows()
}

/// Supposes that the other end opened the connection.
#[inline(never)]
fn turn(work: &mut Work, v4: &Tuple<V4>, v6: &Tuple<V6>, here: &Here) {
    work.reply = (work.reply & 1) ^ 1;
    if work.ipv6 {
        ask(work, here, v6, work.reply != 0);
    } else {
        ask(work, here, v4, work.reply != 0);
    }
}

/// Who the sides are, and in which direction the connection was opened: its own if it is known,
/// else this packet opens it.
#[inline(never)]
fn place<F: Family, M: Maps>(maps: &mut M, work: &mut Work, here: &Here, tuple: &Tuple<F>) {
    resolve_both(maps, work, here, tuple.src, tuple.dst);
    work.claim.refused = 0;
    work.known = false;
    work.both_ways = u32::from(!matches!(tuple.role, Role::Opens));
    work.reply = u32::from(matches!(tuple.role, Role::Answers));
    if work.stale
        && let Some(entry) = F::ct(maps, &tuple.key)
    {
        let (a, b) = sides(work, tuple);
        // An address that changed hands: the connection was its former owner's.
        if entry.ifindex == [a.endpoint.ifindex, b.endpoint.ifindex] {
            work.known = true;
            work.entry = *entry;
            work.reply = u32::from(tuple.from_b != (entry.flags & FROM_B != 0));
            work.both_ways = u32::from(entry.flags & PICKED_UP != 0);
        }
    }
    ask(work, here, tuple, work.reply & 1 != 0);
}

/// The packet's ends as sides A and B of its key.
#[inline(always)]
fn sides<'w, F: Family>(work: &'w Work, tuple: &Tuple<F>) -> (&'w Side, &'w Side) {
    if tuple.from_b {
        (&work.dst, &work.src)
    } else {
        (&work.src, &work.dst)
    }
}

/// Writes the outcome down: conntrack, counters, event.
#[inline(never)]
fn conclude<F: Family, M: Maps>(
    maps: &mut M,
    work: &mut Work,
    here: &Here,
    tuple: &Tuple<F>,
) -> Fate {
    let reply = work.reply & 1 != 0;
    let (egress, ingress) = (work.egress.decision, work.ingress.decision);
    maps.decided(egress.cookie);
    maps.decided(ingress.cookie);
    report::from_tuple(&mut work.event, here.hook, tuple, &work.ends);
    let (a, b) = sides(work, tuple);
    let identity = [a.addr.identity, b.addr.identity];
    let ifindex = [a.endpoint.ifindex, b.endpoint.ifindex];
    if !egress.allows() || !ingress.allows() {
        if work.known
            && let Some(entry) = F::ct(maps, &tuple.key)
        {
            // Stays known as denied, so that its replies can't open it the other way round.
            remember(entry, here, &egress, &ingress, identity);
            entry.flags |= DENIED;
            if work.both_ways != 0 {
                // The way that was denied is the one that later drops tell of.
                let opener = if tuple.from_b != reply { FROM_B } else { 0 };
                entry.flags = entry.flags & !FROM_B | opener;
            }
            entry.expires = here.tick.wrapping_add(denied_life(tuple.proto));
            work.entry = *entry;
            report::from_entry(&mut work.event, &work.entry, reply, false);
        } else {
            report::decisions(&mut work.event, here.revision, &egress, &ingress, reply);
        }
        report::drop_event(maps, &mut work.event, here);
        return DROP;
    }

    if !work.known && work.claim.refused != 0 {
        maps.count(counter::CT_FULL);
        return refuse_placed(maps, work, here, tuple, u32::from(reason::CT_INSERT_FAILED));
    }
    let time = maps.exact_now();
    if !work.known {
        work.entry = CtEntry {
            created: time,
            ..CtEntry::default()
        };
        if tuple.from_b != reply {
            work.entry.flags = FROM_B;
        }
        if work.both_ways != 0 {
            work.entry.flags |= PICKED_UP;
        }
    }
    let entry = &mut work.entry;
    let same = entry.flags & DENIED == 0
        && entry.egress_cookie == egress.cookie
        && entry.ingress_cookie == ingress.cookie
        && entry.egress == egress.verdict
        && entry.ingress == ingress.verdict;
    remember(entry, here, &egress, &ingress, identity);
    entry.flags &= !DENIED;
    entry.ifindex = ifindex;
    let seen = account(
        entry,
        maps.node(),
        reply,
        tuple.proto,
        tuple.tcp_flags,
        here.length,
        here.tick,
    );
    let kind = match (work.known, same) {
        (false, _) => NEW,
        (true, false) => CHANGED,
        (true, true) => seen,
    };
    entry.reported[usize::from(reply)] = here.tick;
    if !work.known || (entry.owner == 0 && work.claim.refused == 0) {
        entry.owner = work.claim.owner;
    }
    if F::ct_insert(maps, &tuple.key, &work.entry).is_err() {
        maps.count(counter::CT_FULL);
        return refuse_placed(maps, work, here, tuple, u32::from(reason::CT_INSERT_FAILED));
    }
    if kind != 0 {
        report::from_entry(&mut work.event, &work.entry, reply, false);
        work.event.kind = kind;
        work.event.time = time;
        maps.emit(&work.event);
    }
    match here.hook {
        Hook::FromPod => work.dst.endpoint.ifindex,
        Hook::ToPod => PASS,
    }
}

#[inline(always)]
fn remember(
    entry: &mut CtEntry,
    here: &Here,
    egress: &Decision,
    ingress: &Decision,
    identity: [u32; 2],
) {
    entry.revision = here.revision;
    entry.identity = identity;
    entry.egress = egress.verdict;
    entry.ingress = ingress.verdict;
    entry.egress_cookie = egress.cookie;
    entry.ingress_cookie = ingress.cookie;
    entry.match_types = egress.match_type | ingress.match_type << 4;
    entry.proxy_port = if ingress.proxy_port != 0 {
        ingress.proxy_port
    } else {
        egress.proxy_port
    };
}

/// Prepares the questions for the ends that are here.
#[inline(always)]
fn ask<F: Family>(work: &mut Work, here: &Here, tuple: &Tuple<F>, reply: bool) {
    let Work {
        src,
        dst,
        egress,
        ingress,
        judge_egress,
        judge_ingress,
        ..
    } = work;
    let (client, server) = if reply {
        (&*dst, &*src)
    } else {
        (&*src, &*dst)
    };
    let question = Question {
        revision: here.revision,
        table: client.endpoint.table,
        peer: server.addr.identity,
        port: service_port(tuple, reply),
        proto: tuple.proto,
        egress: true,
    };
    egress.question = question;
    ingress.question = Question {
        table: server.endpoint.table,
        peer: client.addr.identity,
        egress: false,
        ..question
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
