//! Connections that pass the node's layer-7 proxy, which ends them and opens another one, with the same
//! addresses and ports, to the server.
//!
//! ```text
//!            client's veth                          server's veth
//!  client --(original)--> ToProxy | proxy | --(from the proxy)--> server      pods of this node
//!  client <--(from the proxy)--   |       |  ToProxy <--(reply)-- server
//! ```
//!
//! Where the client is elsewhere, its packets are first seen at the server's veth, on their way to the pod;
//! where the server is elsewhere, its answers are first seen at the client's. Both legs are one connection
//! here, of which the client's is counted.

use abi::conntrack::{CtEntry, FROM_B};
use abi::event::REDIRECTED;
use abi::{proto, reason};

use super::{ActionCode, Context, PASS, TO_PROXY};
use crate::maps::Proxy;
use crate::parse::{ACK, SYN};
use crate::policy::Decision;

/// Whether a packet is of the leg that is counted: of those between client and proxy as far as this node sees
/// them, of answers to a client elsewhere the server's.
#[inline(always)]
pub(super) fn is_counted(entry: &CtEntry, context: &Context, reply: bool) -> bool {
    if entry.proxy_port == 0 {
        return true;
    }
    if !reply {
        return !context.is_from_proxy();
    }
    let client = if entry.flags & FROM_B != 0 {
        entry.ifindex[1]
    } else {
        entry.ifindex[0]
    };
    context.is_from_proxy() || (context.is_from_pod() && client == 0)
}

/// Whether the proxy needs a listener to take a packet: it opens a TCP connection, or is of no connection that
/// the proxy's host knows.
#[inline(always)]
pub(super) fn wants_listener(ip_proto: u8, tcp_flags: u8, reply: bool) -> bool {
    !reply && (ip_proto != proto::TCP || tcp_flags & (SYN | ACK) == SYN)
}

/// Where a packet of a connection goes that passes the proxy: to it, or on from it. `None`: it doesn't pass it.
#[inline(always)]
pub(super) fn way(entry: &CtEntry, context: &Context, reply: bool) -> Option<ActionCode> {
    if entry.proxy_port == 0 {
        None
    } else if context.is_from_proxy() {
        Some(PASS)
    } else if reply {
        Some(TO_PROXY)
    } else {
        Some(TO_PROXY | u32::from(entry.proxy_port))
    }
}

/// Turns a decision for the proxy into a drop if it doesn't listen.
#[inline(always)]
pub(super) fn require<M: Proxy>(maps: &M, ipv6: bool, ip_proto: u8, decision: &mut Decision) {
    if decision.verdict == REDIRECTED && !maps.listens(ipv6, ip_proto, decision.proxy_port) {
        decision.verdict = reason::PROXY_LOOKUP_FAILED;
    }
}
