//! Who the two sides of a packet are, and whether it belongs on this veth.

use abi::addr::{Addr, LOCAL};
use abi::endpoint::{self, Endpoint};
use abi::event::FORWARDED;
use abi::identity;
use abi::reason;

use super::{ActionCode, Context, DROP, Hook, VerdictState};
use crate::conntrack::expired;
use crate::family::Family;
use crate::maps::{Events, Maps};
use crate::parse::Tuple;
use crate::report::{self, Identities};

/// One side of a packet.
#[derive(Clone, Copy, Default)]
pub struct ResolvedAddr {
    /// What the maps say of the address.
    pub addr: Addr,
    /// The pod, if the address is one of this node; zero otherwise.
    pub endpoint: Endpoint,
}

/// Finds out who an address is. Not inlined for the reason given at [`crate::policy::PolicyLookup`].
#[inline(never)]
fn resolve<F: Family, M: Maps>(maps: &M, address: F, context: &Context, out: &mut ResolvedAddr) {
    let mut addr = address.resolve(maps, context.revision);
    if addr.expires != 0 && expired(addr.expires, context.tick) {
        addr = address.prefix(maps, context.revision);
    }
    out.addr = addr;
    out.endpoint = Endpoint::default();
    if addr.flags & LOCAL != 0
        && let Some(found) = maps.endpoint(addr.endpoint)
    {
        out.endpoint = *found.at(context.revision);
    }
}

/// Both sides of a packet, and who they are in an event.
#[inline(always)]
pub(super) fn resolve_both<F: Family, M: Maps>(
    maps: &M,
    state: &mut VerdictState,
    context: &Context,
    src: F,
    dst: F,
) {
    resolve(maps, src, context, &mut state.src);
    resolve(maps, dst, context, &mut state.dst);
    state.identities = Identities {
        src: state.src.addr.identity,
        dst: state.dst.addr.identity,
    };
}

impl ResolvedAddr {
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

/// Checks that the packet belongs on this veth. Gives the drop reason if it doesn't. `proxy_port`: of
/// its connection, if that is known; the proxy then has both ends' addresses.
#[inline(always)]
pub(super) fn spoof_check(
    context: &Context,
    src: &ResolvedAddr,
    dst: &ResolvedAddr,
    proxy_port: u16,
) -> u8 {
    match context.hook {
        Hook::FromPod => {
            if src.is_at(context.ifindex) {
                0
            } else {
                reason::INVALID_SOURCE_IP
            }
        }
        Hook::ToPod => {
            if !dst.is_at(context.ifindex) {
                reason::NO_CONFIGURATION
            } else if proxy_port != 0 && context.is_from_proxy() {
                0
            } else if src.local()
                || (src.addr.identity == identity::HOST && !context.is_from_here())
            {
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
pub(super) fn refuse_resolved<F: Family, M: Events>(
    maps: &mut M,
    state: &mut VerdictState,
    context: &Context,
    tuple: &Tuple<F>,
    reason: u32,
) -> ActionCode {
    report::from_tuple(&mut state.event, context.hook, tuple, &state.identities);
    state.event.revision = context.revision;
    let reason = (reason & 0xff) as u8;
    match context.hook {
        Hook::FromPod => state.event.egress = reason,
        Hook::ToPod => state.event.ingress = reason,
    }
    report::drop_event(maps, &mut state.event, context);
    DROP
}

const _: () = assert!(FORWARDED < reason::INVALID_SOURCE_IP);
