//! The long path: a new connection, or one to be judged again.

use abi::conntrack::{CtEntry, DENIED, FROM_B};
use abi::event::{CHANGED, NEW};
use abi::node::counter;
use abi::reason;

use super::sides::{misplaced, refuse_placed, resolve_both};
use super::{DROP, Fate, Here, Hook, PASS, Scratch, Work};
use crate::account::account;
use crate::family::Family;
use crate::maps::Maps;
use crate::parse::Tuple;
use crate::policy::{Decision, Question, decide};
use crate::report;

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
    // Egress at the connection's source pod, ingress at its destination pod, as far as they are
    // here. The destination isn't asked about what the source already refused.
    if work.judge_egress {
        decide(maps, &mut work.egress);
    }
    if work.judge_ingress && work.egress.decision.allows() {
        decide(maps, &mut work.ingress);
    }
    if work.ipv6 {
        conclude(maps, work, here, v6)
    } else {
        conclude(maps, work, here, v4)
    }
}

/// Who the sides are, and in which direction the connection was opened: its own if it is known,
/// else this packet opens it.
#[inline(never)]
fn place<F: Family, M: Maps>(maps: &mut M, work: &mut Work, here: &Here, tuple: &Tuple<F>) {
    resolve_both(maps, work, here, tuple.src, tuple.dst);
    work.known = false;
    work.reply = 0;
    if work.stale
        && let Some(entry) = F::ct(maps, &tuple.key)
    {
        work.known = true;
        work.entry = *entry;
        work.reply = u32::from(tuple.from_b != (entry.flags & FROM_B != 0));
    }
    ask(work, here, tuple, work.reply & 1 != 0);
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
    let (a, b) = if tuple.from_b {
        (&work.dst, &work.src)
    } else {
        (&work.src, &work.dst)
    };
    let identity = [a.addr.identity, b.addr.identity];
    if !egress.allows() || !ingress.allows() {
        if work.known
            && let Some(entry) = F::ct(maps, &tuple.key)
        {
            // Stays known as denied, so that its replies can't open it the other way round.
            remember(entry, here, &egress, &ingress, identity);
            entry.flags |= DENIED;
            work.entry = *entry;
            report::from_entry(&mut work.event, &work.entry, reply, false);
        } else {
            report::decisions(&mut work.event, here.revision, &egress, &ingress);
        }
        report::drop_event(
            maps,
            &mut work.event,
            work.ends.here,
            here.length,
            here.tick,
        );
        return DROP;
    }

    let time = maps.exact_now();
    if !work.known {
        work.entry = CtEntry {
            created: time,
            ..CtEntry::default()
        };
        if tuple.from_b {
            work.entry.flags = FROM_B;
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
    entry.ifindex = [a.endpoint.ifindex, b.endpoint.ifindex];
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
        if reply && icmp_type == u16::from(F::ECHO_REPLY) {
            u16::from(F::ECHO_REQUEST)
        } else {
            icmp_type
        }
    } else if reply {
        tuple.src_port
    } else {
        tuple.dst_port
    }
}
