//! ICMP errors: judged by the connection that they quote.

use abi::conntrack::{DENIED, FROM_B, RELATED_REPORTED};
use abi::event::FLAGS;

use super::sides::{misplaced, refuse_placed, resolve_both};
use super::{DROP, Fate, Here, Hook, PASS, UNDECIDED, Work};
use crate::account::expired;
use crate::family::Family;
use crate::maps::Maps;
use crate::packet::Packet;
use crate::parse::{Kind, Quoted, Tuple, key_of};
use crate::report;

/// An ICMP error goes where the connection that it quotes may go; one that quotes nothing known is
/// a packet like any other.
#[inline(never)]
pub(super) fn icmp_error<F: Family, P: Packet, M: Maps>(
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
        Hook::FromPod => work.dst.endpoint.ifindex,
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
