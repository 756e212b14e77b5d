//! The two entry points and the order of the checks.

use abi::addr::{Addr, LOCAL, PRESENT};
use abi::conntrack::{CtEntry, DENIED, FROM_B, RELATED_REPORTED};
use abi::endpoint::{self, Endpoint};
use abi::event::{CHANGED, Event, FLAGS, FORWARDED, NEW};
use abi::identity;
use abi::node::{counter, tick as tick_of};
use abi::reason;

use crate::account::{account, expired, reopens};
use crate::family::{Family, V4, V6};
use crate::maps::Maps;
use crate::packet::Packet;
use crate::parse::{self, ACK, Kind, Link, Quoted, SYN, Tuple, key_of};
use crate::policy::{Decision, Judging, Question, decide};
use crate::report::{self, Ends};

/// What becomes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// On its way through the network stack.
    Pass,
    /// Dropped.
    Drop,
    /// Straight to the pod behind this interface (host side of its veth).
    Redirect(u32),
}

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A packet comes from the pod.
    FromPod,
    /// A packet goes to the pod.
    ToPod,
}

/// Memory for what is too large for the kernel's 512-byte stack, one per CPU.
#[derive(Default)]
pub struct Scratch {
    /// The packet, if it is IPv4.
    pub v4: Tuple<V4>,
    /// The packet, if it is IPv6.
    pub v6: Tuple<V6>,
    /// Everything else.
    pub work: Work,
}

/// What is being built while a packet is judged.
#[derive(Default)]
pub struct Work {
    /// The event being built.
    pub event: Event,
    /// The connection being built.
    pub entry: CtEntry,
    /// The packet's source.
    pub src: Side,
    /// The packet's destination.
    pub dst: Side,
    /// The packet is IPv6.
    pub ipv6: bool,
    /// Who the two sides are in an event.
    pub ends: Ends,
    /// The connection is known but was judged under another revision.
    pub stale: bool,
    /// The connection is known; `entry` is what it was.
    pub known: bool,
    /// 1 if the packet goes against the direction in which the connection was opened. A number,
    /// because it becomes an index: of a bool the compiler drops the mask that the verifier needs.
    pub reply: u32,
    /// The connection's source is a pod of this node.
    pub judge_egress: bool,
    /// The connection's destination is a pod of this node.
    pub judge_ingress: bool,
    /// Decision at the connection's source.
    pub egress: Judging,
    /// Decision at the connection's destination.
    pub ingress: Judging,
}

/// An [`Action`] in one register, as functions of the kernel program return it: [`PASS`], [`DROP`],
/// or the interface to redirect to.
type Fate = u32;
const PASS: Fate = 0;
const DROP: Fate = u32::MAX;
/// Between functions only: the long path must decide.
const UNDECIDED: Fate = u32::MAX - 1;

/// What stays the same while a packet is judged.
#[derive(Clone, Copy)]
struct Here {
    hook: Hook,
    /// Interface at which the program runs.
    ifindex: u32,
    revision: u32,
    tick: u32,
    length: u32,
}

/// Judges a packet that a pod sent, at the host side `ifindex` of its veth. `now` is the coarse
/// monotonic clock, ns.
#[inline(always)]
pub fn from_pod<P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    ifindex: u32,
    now: u64,
) -> Action {
    judge(packet, maps, scratch, Hook::FromPod, ifindex, now)
}

/// Judges a packet on its way to a pod, at the host side `ifindex` of its veth.
#[inline(always)]
pub fn to_pod<P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    ifindex: u32,
    now: u64,
) -> Action {
    judge(packet, maps, scratch, Hook::ToPod, ifindex, now)
}

#[inline(always)]
fn judge<P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    hook: Hook,
    ifindex: u32,
    now: u64,
) -> Action {
    let here = Here {
        hook,
        ifindex,
        revision: maps.node().revision,
        tick: tick_of(now),
        length: packet.len(),
    };
    let mut fate = short_path(packet, maps, scratch, &here);
    if fate == UNDECIDED {
        fate = long_path(maps, scratch, &here);
    }
    maps.count(if fate == DROP {
        counter::PACKETS_DROPPED
    } else {
        counter::PACKETS_FORWARDED
    });
    match fate {
        PASS => Action::Pass,
        DROP => Action::Drop,
        ifindex => Action::Redirect(ifindex),
    }
}

/// What can be said without asking a policy table: malformed packets, the link's own chatter,
/// established connections, ICMP errors about them.
#[inline(always)]
fn short_path<P: Packet, M: Maps>(
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
            match parse::v4(packet, maps, at, v4) {
                0 => known(packet, maps, work, here, v4),
                reason => refuse(maps, work, here, v4, reason),
            }
        }
        Ok(Link::V6(at)) => {
            work.ipv6 = true;
            match parse::v6(packet, maps, at, v6) {
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
    match tuple.kind {
        Kind::LinkLocal if on_the_link(maps, here, tuple) => PASS,
        Kind::Plain | Kind::LinkLocal => established(maps, work, here, tuple),
        Kind::IcmpError(_) | Kind::TooBig(_) => icmp_error(packet, maps, work, here, tuple),
    }
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
        || other
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
    if expired(entry.expires, here.tick) || reopens(entry, tuple.proto, tuple.tcp_flags) {
        return UNDECIDED;
    }
    let (from, to) = if source == 0 {
        (entry.ifindex[0], entry.ifindex[1])
    } else {
        (entry.ifindex[1], entry.ifindex[0])
    };
    let ours = match here.hook {
        Hook::FromPod => from == here.ifindex,
        Hook::ToPod => to == here.ifindex && from == 0,
    };
    if !ours || entry.revision != here.revision {
        work.stale = true;
        return UNDECIDED;
    }
    let reply = tuple.from_b != (entry.flags & FROM_B != 0);
    if entry.flags & DENIED != 0 {
        work.entry = *entry;
        let ends = ends_of(&work.entry, source, 0);
        report::from_tuple(&mut work.event, here.hook, tuple, &ends);
        report::from_entry(&mut work.event, &work.entry, reply, false);
        return dropped(maps, work, here, path_source(tuple, here));
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
        let ends = ends_of(&work.entry, source, 0);
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
    forward(to_stack)
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
fn ends_of(entry: &CtEntry, source: usize, here: u32) -> Ends {
    let (src, dst) = if source == 0 {
        (entry.identity[0], entry.identity[1])
    } else {
        (entry.identity[1], entry.identity[0])
    };
    Ends { src, dst, here }
}

#[inline(always)]
fn forward(ifindex: u32) -> Fate {
    // No interface has index 0, which is also `PASS`.
    ifindex
}

/// The address on this veth's side of the packet, to find the endpoint for the drop limit.
#[inline(always)]
fn path_source<F: Family>(tuple: &Tuple<F>, here: &Here) -> F {
    match here.hook {
        Hook::FromPod => tuple.src,
        Hook::ToPod => tuple.dst,
    }
}

/// Sends the drop event that stands in the work (limited per endpoint).
#[inline(always)]
fn dropped<F: Family, M: Maps>(maps: &mut M, work: &mut Work, here: &Here, pod: F) -> Fate {
    let endpoint = pod
        .exact(maps, here.revision)
        .map_or(0, |addr| addr.endpoint);
    report::drop_event(maps, &mut work.event, endpoint, here.length, here.tick);
    DROP
}

/// One side of a packet.
#[derive(Clone, Copy, Default)]
pub struct Side {
    /// What the maps say of the address.
    pub addr: Addr,
    /// The pod, if the address is one of this node; zero otherwise.
    pub endpoint: Endpoint,
}

/// Finds out who an address is. Not inlined for the reason given at [`decide`].
#[inline(never)]
fn resolve<F: Family, M: Maps>(maps: &M, address: F, here: &Here, out: &mut Side) {
    let mut addr = address.resolve(maps, here.revision);
    if addr.expires != 0 && expired(addr.expires, here.tick) {
        addr = address.prefix(maps, here.revision);
    }
    out.addr = addr;
    out.endpoint = Endpoint::default();
    if addr.flags & LOCAL != 0
        && let Some(found) = maps.endpoint(addr.endpoint)
    {
        out.endpoint = *found.at(here.revision);
    }
}

/// Both sides of a packet, and who they are in an event.
#[inline(always)]
fn resolve_both<F: Family, M: Maps>(maps: &M, work: &mut Work, here: &Here, src: F, dst: F) {
    resolve(maps, src, here, &mut work.src);
    resolve(maps, dst, here, &mut work.dst);
    let at_hook = match here.hook {
        Hook::FromPod => &work.src,
        Hook::ToPod => &work.dst,
    };
    work.ends = Ends {
        src: work.src.addr.identity,
        dst: work.dst.addr.identity,
        here: at_hook.addr.endpoint,
    };
}

impl Side {
    #[inline(always)]
    fn local(&self) -> bool {
        self.addr.flags & LOCAL != 0
    }

    /// The pod is this node's and set up at this interface.
    #[inline(always)]
    fn is_at(&self, ifindex: u32) -> bool {
        self.local()
            && self.endpoint.flags & endpoint::PRESENT != 0
            && self.endpoint.ifindex == ifindex
    }
}

/// Checks that the packet belongs on this veth. Gives the drop reason if it doesn't.
#[inline(always)]
fn misplaced(here: &Here, src: &Side, dst: &Side) -> u8 {
    match here.hook {
        Hook::FromPod => {
            if src.is_at(here.ifindex) {
                0
            } else {
                reason::INVALID_SOURCE_IP
            }
        }
        Hook::ToPod => {
            if !dst.is_at(here.ifindex) {
                reason::NO_CONFIGURATION
            } else if src.local() {
                // A pod of this node is judged at its own veth and handed over from there: here
                // it can only be somebody else who uses its address.
                reason::INVALID_SOURCE_IP
            } else {
                0
            }
        }
    }
}

#[inline(never)]
fn refuse_placed<F: Family, M: Maps>(
    maps: &mut M,
    work: &mut Work,
    here: &Here,
    tuple: &Tuple<F>,
    reason: u32,
) -> Fate {
    report::from_tuple(&mut work.event, here.hook, tuple, &work.ends);
    work.event.revision = here.revision;
    let reason = (reason & 0xff) as u8;
    match here.hook {
        Hook::FromPod => work.event.egress = reason,
        Hook::ToPod => work.event.ingress = reason,
    }
    report::drop_event(
        maps,
        &mut work.event,
        work.ends.here,
        here.length,
        here.tick,
    );
    DROP
}

/// The long path: a new connection, or one to be judged again. In steps that leave their results
/// in memory, the families apart only where they must be; see [`Judging`] for why.
#[inline(never)]
fn long_path<M: Maps>(maps: &mut M, scratch: &mut Scratch, here: &Here) -> Fate {
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
    if !egress.allows() || !ingress.allows() {
        if work.known
            && let Some(entry) = F::ct(maps, &tuple.key)
        {
            // Stays known as denied, so that its replies can't open it the other way round.
            remember(entry, here, &egress, &ingress);
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
    remember(entry, here, &egress, &ingress);
    entry.flags &= !DENIED;
    let (a, b) = if tuple.from_b {
        (&work.dst, &work.src)
    } else {
        (&work.src, &work.dst)
    };
    entry.ifindex = [a.endpoint.ifindex, b.endpoint.ifindex];
    entry.identity = [a.addr.identity, b.addr.identity];
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
        Hook::FromPod => forward(work.dst.endpoint.ifindex),
        Hook::ToPod => PASS,
    }
}

#[inline(always)]
fn remember(entry: &mut CtEntry, here: &Here, egress: &Decision, ingress: &Decision) {
    entry.revision = here.revision;
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

/// An ICMP error goes where the connection that it quotes may go; one that quotes nothing known is
/// a packet like any other.
#[inline(never)]
fn icmp_error<F: Family, P: Packet, M: Maps>(
    packet: &P,
    maps: &mut M,
    work: &mut Work,
    here: &Here,
    tuple: &Tuple<F>,
) -> Fate {
    let (quoted_at, too_big) = match tuple.kind {
        Kind::IcmpError(at) => (at, false),
        Kind::TooBig(at) => (at, true),
        Kind::Plain | Kind::LinkLocal => return DROP,
    };
    resolve_both(maps, work, here, tuple.src, tuple.dst);
    let misplaced = misplaced(here, &work.src, &work.dst);
    if misplaced != 0 {
        return refuse_placed(maps, work, here, tuple, u32::from(misplaced));
    }
    let onward = match here.hook {
        Hook::FromPod => forward(work.dst.endpoint.ifindex),
        Hook::ToPod => PASS,
    };
    // An error is for the sender of what it quotes; anything else is made up.
    if let Some(quoted) = F::quoted(packet, quoted_at)
        && quoted.src == tuple.dst
    {
        let Quoted {
            src,
            dst,
            src_port,
            dst_port,
            proto,
        } = quoted;
        let (key, from_b) = key_of(src, dst, src_port, dst_port, proto);
        let fresh = match F::ct(maps, &key) {
            Some(entry)
                if !expired(entry.expires, here.tick)
                    && entry.flags & DENIED == 0
                    && entry.revision == here.revision =>
            {
                work.entry = *entry;
                entry.flags |= RELATED_REPORTED;
                true
            }
            _ => false,
        };
        if fresh && work.entry.flags & RELATED_REPORTED != 0 {
            return onward;
        }
        if fresh {
            report::from_tuple(&mut work.event, here.hook, tuple, &work.ends);
            let reply = from_b == (work.entry.flags & FROM_B != 0);
            report::from_entry(&mut work.event, &work.entry, reply, true);
            work.event.kind = FLAGS;
            work.event.time = maps.exact_now();
            maps.emit(&work.event);
            return onward;
        }
    }
    if too_big {
        return onward;
    }
    work.stale = false;
    UNDECIDED
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

const _: () = assert!(FORWARDED < reason::INVALID_SOURCE_IP);
