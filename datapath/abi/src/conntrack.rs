//! Connections. One entry per connection on a node, direction-normalised: side `A` is the one whose
//! (address, port) compares lower.

use crate::addr::{Addr4, Addr6};

/// Scope of pods' connections. The key has room for others (proxy legs, the host's own).
pub const SCOPE_POD: u8 = 0;

/// IPv4 connection. 16 bytes. ICMP echo: both ports are the identifier.
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

/// IPv6 connection. 40 bytes.
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
/// An ICMP error about the connection was reported; once is enough, they come in floods.
pub const RELATED_REPORTED: u16 = 1 << 8;

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
    pub reserved: [u8; 11],
}

/// Key of the map that remembers the ports of a datagram's first fragment. 40 bytes; IPv4 addresses
/// stand in the first word.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FragKey {
    /// Source, network order.
    pub src: Addr6,
    /// Destination.
    pub dst: Addr6,
    /// Identification field.
    pub id: u32,
    /// IP protocol.
    pub proto: u8,
    /// 4 or 6.
    pub version: u8,
    /// Zero.
    pub reserved: u16,
}

/// Ports of the first fragment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragPorts {
    /// Source port, host order.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
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
}

const _: () = assert!(size_of::<CtKey4>() == 16);
const _: () = assert!(size_of::<CtKey6>() == 40);
const _: () = assert!(size_of::<CtEntry>() == 112);
const _: () = assert!(size_of::<FragKey>() == 40);
