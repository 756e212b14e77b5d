//! Connections. One entry per connection on a node, direction-normalised: side `A` is the one whose
//! (address, port) compares lower.

use crate::addr::{Addr4, Addr6};

/// Scope of pods' connections. The key has room for others (proxy legs, the host's own).
pub const SCOPE_POD: u8 = 0;

/// IPv4 connection. 16 bytes.
///
/// ICMP has no ports. `port_a` is the identifier of a query (0 for other messages), `port_b` is the
/// type of the message that opened the exchange plus [`ICMP_FROM_B`] if side B sent that one: a query
/// and its answer are one connection, everything else is one of its own.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CtKey4 {
    /// Address of side A, network order.
    pub a: Addr4,
    /// Address of side B.
    pub b: Addr4,
    /// Port of side A.
    pub port_a: u16,
    /// Port of side B.
    pub port_b: u16,
    /// IP protocol.
    pub proto: u8,
    /// [`SCOPE_POD`].
    pub scope: u8,
    /// Zero.
    pub reserved: u16,
}

/// IPv6 connection. 40 bytes. ICMPv6 as in [`CtKey4`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CtKey6 {
    /// Address of side A, network order.
    pub a: Addr6,
    /// Address of side B.
    pub b: Addr6,
    /// Port of side A.
    pub port_a: u16,
    /// Port of side B.
    pub port_b: u16,
    /// IP protocol.
    pub proto: u8,
    /// [`SCOPE_POD`].
    pub scope: u8,
    /// Zero.
    pub reserved: u16,
}

/// In `port_b` of an ICMP connection: side B sent the message that opened it.
pub const ICMP_FROM_B: u16 = 1 << 8;

/// Side B opened the connection (clear: side A did).
pub const FROM_B: u16 = 1 << 0;
/// The connection's packets are dropped since a policy change; it stays known, so that its replies
/// can't open it again the other way round.
pub const DENIED: u16 = 1 << 1;
/// A packet of the reply direction was seen.
pub const SEEN_REPLY: u16 = 1 << 2;
/// TCP: a packet without SYN was seen in the original direction: the handshake is done.
pub const SEEN_NON_SYN: u16 = 1 << 3;
/// TCP: the original direction sent FIN or RST.
pub const CLOSING_ORIGINAL: u16 = 1 << 4;
/// TCP: the reply direction sent FIN or RST.
pub const CLOSING_REPLY: u16 = 1 << 5;
/// TCP: RST was seen in either direction.
pub const RESET: u16 = 1 << 6;
/// The end of the connection was reported.
pub const END_REPORTED: u16 = 1 << 7;
/// The connection was found in its midst, by a packet that opens nothing: who opened it is not known,
/// so policy must allow it in both directions.
pub const PICKED_UP: u16 = 1 << 8;

/// State of a connection. 112 bytes. Pairs are indexed by side: 0 = A, 1 = B, except `packets`,
/// `bytes`, `reported` and `tcp_flags`, which are indexed by direction: 0 = original, 1 = reply.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtEntry {
    /// Packets per direction.
    pub packets: [u64; 2],
    /// Bytes of the frames per direction.
    pub bytes: [u64; 2],
    /// Monotonic time of the first packet, ns (coarse clock).
    pub created: u64,
    /// Node revision at which the connection was last judged.
    pub revision: u32,
    /// Tick after which the entry is dead.
    pub expires: u32,
    /// Host-side interface per side; 0 = not a pod of this node.
    pub ifindex: [u32; 2],
    /// Identity per side.
    pub identity: [u32; 2],
    /// Cookie of the rule that decided at the source; 0 = not judged here.
    pub egress_cookie: u32,
    /// Cookie of the rule that decided at the destination; 0 = not judged here.
    pub ingress_cookie: u32,
    /// Round trip of the handshake, us; 0 = not known.
    pub rtt_us: u32,
    /// Tick of the last event per direction.
    pub reported: [u32; 2],
    /// Service that was load-balanced; 0 = none.
    pub service: u32,
    /// Chosen backend; 0 = none.
    pub backend: u32,
    /// The constants above.
    pub flags: u16,
    /// Proxy port of an L7 redirect; 0 = none.
    pub proxy_port: u16,
    /// TCP flags seen per direction.
    pub tcp_flags: [u8; 2],
    /// Verdicts of source and destination, as in [`crate::event::Event`].
    pub egress: u8,
    /// See `egress`.
    pub ingress: u8,
    /// Match types: low nibble egress, high nibble ingress.
    pub match_types: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Endpoint whose share of the table the entry takes: the pod that opened the connection, or the
    /// one it was opened to if the other end is elsewhere. 0 = nobody's yet.
    pub owner: u32,
    /// Room, zero.
    pub room: [u8; 4],
}

impl CtEntry {
    /// Whether the connection has not timed out at this tick.
    pub const fn is_alive(&self, tick: u32) -> bool {
        // Ticks wrap: an entry is alive while its end isn't more than half the circle ahead.
        self.expires.wrapping_sub(tick) < 1 << 31
    }

    /// Whether packets may still pass on the connection at this tick: it has not timed out, nobody cut it, and
    /// TCP has not ended it in both directions. Its entry stays for a while after that.
    pub const fn is_open(&self, tick: u32) -> bool {
        const CLOSED: u16 = CLOSING_ORIGINAL | CLOSING_REPLY;
        self.is_alive(tick) && self.flags & (DENIED | RESET) == 0 && self.flags & CLOSED != CLOSED
    }
}

/// Endpoints with a share of the connection table of their own; beyond, two have one together. A power of
/// two.
pub const SHARES: u32 = 256;

/// Key of the map that remembers the first fragments of datagrams: a small number of places at each
/// interface, so that nobody fills or overwrites another's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FragKey {
    /// Interface at which the program runs.
    pub ifindex: u32,
    /// Place of the datagram at that interface, below [`FRAG_PLACES`].
    pub place: u32,
}

/// Datagrams in fragments that are remembered per interface.
pub const FRAG_PLACES: u32 = 32;

/// A datagram whose first fragment was allowed, and what its later fragments don't carry. 48 bytes;
/// IPv4 addresses stand in the first word.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragEntry {
    /// Source, network order.
    pub src: Addr6,
    /// Destination.
    pub dst: Addr6,
    /// Identification field.
    pub id: u32,
    /// Source port, host order; ICMP: the identifier.
    pub src_port: u16,
    /// Destination port; ICMP: type (high byte) and code.
    pub dst_port: u16,
    /// Offset at which the first fragment's headers ended, in bytes from where fragment offsets count.
    /// A later fragment that begins before overlaps them.
    pub headers: u16,
    /// Protocol of the transport header.
    pub proto: u8,
    /// 4 or 6.
    pub version: u8,
    /// Zero.
    pub reserved: [u8; 4],
}

/// Time-outs in ticks, after Cilium's defaults (`bpf/node_config.h`, v1.19).
pub mod timeout {
    use crate::node::ticks;
    /// Established TCP: 8,000 s.
    pub const TCP: u32 = ticks(8_000);
    /// TCP before the handshake is done: 60 s.
    pub const TCP_SYN: u32 = ticks(60);
    /// TCP after FIN of both sides or RST: 10 s.
    pub const TCP_CLOSE: u32 = ticks(10);
    /// UDP, ICMP, SCTP: 60 s.
    pub const OTHER: u32 = ticks(60);
    /// A denied connection that isn't TCP, from its last packet: longer than `OTHER`, because once it
    /// is forgotten the other end's next packet is one that opens a connection. TCP: [`TCP`].
    pub const DENIED: u32 = ticks(600);
}

const _: () = assert!(size_of::<CtKey4>() == 16);
const _: () = assert!(size_of::<CtKey6>() == 40);
const _: () = assert!(size_of::<CtEntry>() == 112);
const _: () = assert!(size_of::<FragKey>() == 8);
const _: () = assert!(size_of::<FragEntry>() == 48);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_open_until_they_end() {
        let now: u32 = 1000;
        for (name, flags, expires, open) in [
            ("new", 0, now + 1, true),
            ("timed out", 0, now - 1, false),
            ("the clock wrapped", 0, now.wrapping_sub(1 << 31) - 1, true),
            ("half closed", CLOSING_ORIGINAL, now + 1, true),
            ("closed", CLOSING_ORIGINAL | CLOSING_REPLY, now + 1, false),
            ("reset", RESET, now + 1, false),
            ("cut by a policy", DENIED, now + 1, false),
        ] {
            let entry = CtEntry {
                flags,
                expires,
                ..CtEntry::default()
            };
            assert_eq!(entry.is_open(now), open, "{name}");
        }
    }
}
