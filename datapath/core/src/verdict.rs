//! The two entry points and the order of the checks.

use abi::conntrack::CtEntry;
use abi::event::Event;
use abi::node::{counter, tick as tick_of};
use abi::proxy;

use crate::context::{Context, Hook};
use crate::family::{V4, V6};
use crate::packet::Packet;
use crate::parse;
use crate::parse::Tuple;
use crate::policy::{Decision, PolicyLookup};
use crate::report::Identities;
use crate::shares::Claim;

mod icmp_error;
mod long;
mod proxied;
mod resolve;
mod short;

use long::long_path;
pub use long::{Conclude, Steps, carry_on, conclude};
pub use resolve::ResolvedAddr;
use short::short_path;

/// What becomes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// On its way through the network stack.
    Pass,
    /// Dropped.
    Drop,
    /// Straight to the pod behind this interface (host side of its veth).
    Redirect(u32),
    /// To the proxy's listener at this port, or, if it is 0, to a connection that the proxy has.
    ToProxy(u16),
}

/// Memory for what is too large for the kernel's 512-byte stack, one per CPU.
#[derive(Default)]
pub struct Scratch {
    /// The packet, if it is IPv4.
    pub v4: Tuple<V4>,
    /// The packet, if it is IPv6.
    pub v6: Tuple<V6>,
    /// Everything else.
    pub state: VerdictState,
}

/// What is being built while a packet is judged.
#[derive(Default)]
pub struct VerdictState {
    /// The event being built.
    pub event: Event,
    /// The connection being built.
    pub entry: CtEntry,
    /// The packet's source.
    pub src: ResolvedAddr,
    /// The packet's destination.
    pub dst: ResolvedAddr,
    /// The packet is IPv6.
    pub ipv6: bool,
    /// Who the two sides are in an event.
    pub identities: Identities,
    /// The connection is known but was judged under another revision.
    pub stale: bool,
    /// The connection is known; `entry` is what it was.
    pub known: bool,
    /// Proxy's port of a known connection; 0 = none.
    pub proxy_port: u16,
    /// 1 if the packet goes against the direction in which the connection was opened. A number,
    /// because it becomes an index: of a bool the compiler drops the mask that the verifier needs.
    pub reply: u32,
    /// The connection's source is a pod of this node.
    pub judge_egress: bool,
    /// The connection's destination is a pod of this node.
    pub judge_ingress: bool,
    /// Decision at the connection's source.
    pub egress: PolicyLookup,
    /// Decision at the connection's destination.
    pub ingress: PolicyLookup,
    /// 1 if it isn't known who opened the connection, so that policy must allow it both ways.
    pub both_ways: u32,
    /// What was decided (source, destination) before the other way was asked about.
    pub first_way: [Decision; 2],
    /// The packet is a first fragment.
    pub first_fragment: bool,
    /// The place that a new connection takes in the table.
    pub claim: Claim,
}

/// An [`Action`] in one register, as functions of the kernel program return it: `PASS`, [`DROP`],
/// or the interface to redirect to.
pub type ActionCode = u32;
const PASS: ActionCode = 0;
/// As an [`ActionCode`]: dropped.
pub const DROP: ActionCode = u32::MAX;
/// Added to a port: to the proxy. Interfaces have no such numbers, and ports don't reach the codes above.
const TO_PROXY: ActionCode = 1 << 31;
/// Between functions only: the long path must decide.
const UNDECIDED: ActionCode = u32::MAX - 1;

/// Where and when a packet is seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Interface at which the program runs: the host side of a pod's veth.
    pub ifindex: u32,
    /// Interface by which the packet came to this node; 0 = the node itself sent it.
    pub came_by: u32,
    /// The packet's mark ([`abi::proxy`]).
    pub mark: u32,
    /// Coarse monotonic time, ns.
    pub now: u64,
}

/// Judges a packet that a pod sent, at the host side of its veth.
#[inline(always)]
pub fn from_pod<P: Packet, M: Steps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    seen: Seen,
) -> Action {
    judge(packet, maps, scratch, Hook::FromPod, seen)
}

/// Judges a packet on its way to a pod, at the host side of its veth.
#[inline(always)]
pub fn to_pod<P: Packet, M: Steps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    seen: Seen,
) -> Action {
    judge(packet, maps, scratch, Hook::ToPod, seen)
}

#[inline(always)]
fn judge<P: Packet, M: Steps>(
    packet: &P,
    maps: &mut M,
    scratch: &mut Scratch,
    hook: Hook,
    seen: Seen,
) -> Action {
    let context = Context {
        hook,
        ifindex: seen.ifindex,
        came_by: seen.came_by,
        // What came from elsewhere has no mark of the node's.
        not_from_proxy: proxy::differs_from_proxys(seen.mark) | seen.came_by,
        revision: maps.node().revision,
        tick: tick_of(seen.now),
        length: packet.len(),
    };
    scratch.state.first_fragment = false;
    let mut code = short_path(packet, maps, scratch, &context);
    if code == UNDECIDED {
        code = long_path(maps, scratch, &context);
    }
    // Only now: what a datagram's later fragments rely on is that the first was allowed.
    if code != DROP && scratch.state.first_fragment {
        if scratch.state.ipv6 {
            parse::store_fragment(maps, context.ifindex, &scratch.v6);
        } else {
            parse::store_fragment(maps, context.ifindex, &scratch.v4);
        }
    }
    maps.count(if code == DROP {
        counter::PACKETS_DROPPED
    } else {
        counter::PACKETS_FORWARDED
    });
    match code {
        PASS => Action::Pass,
        DROP => Action::Drop,
        code if code & TO_PROXY != 0 => Action::ToProxy((code & 0xffff) as u16),
        ifindex => Action::Redirect(ifindex),
    }
}
