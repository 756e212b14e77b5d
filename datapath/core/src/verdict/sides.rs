//! Who the two sides of a packet are, and whether it belongs on this veth.

use abi::addr::{Addr, LOCAL};
use abi::endpoint::{self, Endpoint};
use abi::event::FORWARDED;
use abi::identity;
use abi::reason;

use super::{DROP, Fate, Here, Hook, Work};
use crate::account::expired;
use crate::family::Family;
use crate::maps::Maps;
use crate::parse::Tuple;
use crate::report::{self, Ends};

/// One side of a packet.
#[derive(Clone, Copy, Default)]
pub struct Side {
    /// What the maps say of the address.
    pub addr: Addr,
    /// The pod, if the address is one of this node; zero otherwise.
    pub endpoint: Endpoint,
}

/// Finds out who an address is. Not inlined for the reason given at [`crate::policy::Judging`].
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
pub(super) fn resolve_both<F: Family, M: Maps>(
    maps: &M,
    work: &mut Work,
    here: &Here,
    src: F,
    dst: F,
) {
    resolve(maps, src, here, &mut work.src);
    resolve(maps, dst, here, &mut work.dst);
    work.ends = Ends {
        src: work.src.addr.identity,
        dst: work.dst.addr.identity,
    };
}

impl Side {
    #[inline(always)]
    pub(super) fn local(&self) -> bool {
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
pub(super) fn misplaced(here: &Here, src: &Side, dst: &Side) -> u8 {
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
            } else if src.local() || (src.addr.identity == identity::HOST && !here.is_from_here()) {
                // A pod of this node is judged at its own veth and handed over from there: here
                // it can only be somebody else who uses its address. And what the node itself sends
                // comes from no interface.
                reason::INVALID_SOURCE_IP
            } else {
                0
            }
        }
    }
}

#[inline(never)]
pub(super) fn refuse_placed<F: Family, M: Maps>(
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
    report::drop_event(maps, &mut work.event, here);
    DROP
}

const _: () = assert!(FORWARDED < reason::INVALID_SOURCE_IP);
