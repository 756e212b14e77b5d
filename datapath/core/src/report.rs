//! Building the event record.

use abi::conntrack::CtEntry;
use abi::event::{
    DROP, Event, F_FRAGMENT, F_FROM_POD, F_NO_IP, F_RELATED, F_REPLY, FLAGS, VERSION,
};
use abi::node::{counter, ticks};

use crate::context::{Context, Hook};
use crate::family::Family;
use crate::maps::{Events, Maps};
use crate::parse::Tuple;
use crate::policy::Decision;

/// Who the two ends of the packet are.
#[derive(Clone, Copy, Default)]
pub struct Identities {
    /// Identity of the packet's source.
    pub src: u32,
    /// Identity of the packet's destination.
    pub dst: u32,
}

/// Fills what the packet itself says.
#[inline(always)]
pub fn from_tuple<F: Family>(
    event: &mut Event,
    hook: Hook,
    tuple: &Tuple<F>,
    identities: &Identities,
) {
    // Field by field: a whole one would first be built on the kernel's short stack.
    *event = Event::default();
    event.src = tuple.src.wide();
    event.dst = tuple.dst.wide();
    event.src_identity = identities.src;
    event.dst_identity = identities.dst;
    event.version = VERSION;
    event.proto = tuple.proto;
    event.tcp_flags = tuple.tcp_flags;
    event.flags = F::EVENT_FLAG
        | if matches!(hook, Hook::FromPod) {
            F_FROM_POD
        } else {
            0
        }
        | if tuple.fragment { F_FRAGMENT } else { 0 }
        | if tuple.addressed { 0 } else { F_NO_IP };
    if tuple.proto == F::ICMP {
        event.src_port = tuple.icmp >> 8;
        event.dst_port = tuple.icmp & 0xff;
    } else {
        event.src_port = tuple.src_port;
        event.dst_port = tuple.dst_port;
    }
}

/// Fills what both ends decided.
#[inline(always)]
pub fn decisions(
    event: &mut Event,
    revision: u32,
    egress: &Decision,
    ingress: &Decision,
    reply: bool,
) {
    event.revision = revision;
    event.egress = egress.verdict;
    event.ingress = ingress.verdict;
    event.egress_cookie = egress.cookie;
    event.ingress_cookie = ingress.cookie;
    event.match_types = egress.match_type | ingress.match_type << 4;
    event.flags |= if reply { F_REPLY } else { 0 };
}

/// Fills what the connection knows.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the record carries the low 32 and 48 bits"
)]
pub fn from_entry(event: &mut Event, entry: &CtEntry, reply: bool, related: bool) {
    event.revision = entry.revision;
    event.egress = entry.egress;
    event.ingress = entry.ingress;
    event.egress_cookie = entry.egress_cookie;
    event.ingress_cookie = entry.ingress_cookie;
    event.match_types = entry.match_types;
    event.packets = [entry.packets[0] as u32, entry.packets[1] as u32];
    event.bytes_low = [entry.bytes[0] as u32, entry.bytes[1] as u32];
    event.bytes_high = [(entry.bytes[0] >> 32) as u16, (entry.bytes[1] >> 32) as u16];
    event.aux = entry.rtt_us;
    event.flags |= if reply { F_REPLY } else { 0 } | if related { F_RELATED } else { 0 };
}

/// What came of asking for leave to send a limited event.
enum Leave {
    /// It may be sent.
    Granted,
    /// The endpoint has had its share of this second.
    Refused,
}

/// Asks the token bucket of the endpoint whose veth this is, whatever addresses the packet has.
#[inline(always)]
fn leave<M: Maps>(maps: &mut M, endpoint: u32, tick: u32) -> Leave {
    let per_second = maps.node().drops_per_second;
    if per_second != 0
        && let Some(limit) = maps.limit(endpoint)
    {
        if tick.wrapping_sub(limit.since) >= ticks(1) {
            limit.since = tick;
            limit.sent = 0;
        }
        if limit.sent >= per_second {
            maps.count(counter::EVENTS_LIMITED);
            return Leave::Refused;
        }
        limit.sent += 1;
    }
    Leave::Granted
}

/// Sends a drop, or counts it in silence if this endpoint has had its share of this second.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the record carries the low 32 and 48 bits"
)]
pub(crate) fn drop_event<M: Events>(maps: &mut M, event: &mut Event, context: &Context) {
    let endpoint = maps.interface(context.ifindex);
    let granted = leave(maps, endpoint, context.tick);
    let mut packets = 1;
    let mut bytes = u64::from(context.length);
    if let Some(limit) = maps.limit(endpoint) {
        if matches!(granted, Leave::Refused) {
            limit.packets += 1;
            limit.bytes += bytes;
            return;
        }
        packets += limit.packets;
        bytes += limit.bytes;
        limit.packets = 0;
        limit.bytes = 0;
    }
    event.kind = DROP;
    event.aux = endpoint;
    event.packets = [packets as u32, 0];
    event.bytes_low = [bytes as u32, 0];
    event.bytes_high = [(bytes >> 32) as u16, 0];
    event.time = maps.exact_now();
    maps.emit(event);
}

/// Sends an event about an ICMP error that was let through, within the same limit.
#[inline(always)]
pub(crate) fn related_event<M: Events>(maps: &mut M, event: &mut Event, context: &Context) {
    let endpoint = maps.interface(context.ifindex);
    if matches!(leave(maps, endpoint, context.tick), Leave::Granted) {
        event.kind = FLAGS;
        event.time = maps.exact_now();
        maps.emit(event);
    }
}
