//! What travels through the perf ring, one per reported packet: a record of 96 bytes, and behind it the
//! Ethernet addresses of the packet's frame, which the kernel copies by itself.

/// Layout version, first byte that a reader checks.
pub const VERSION: u8 = 2;

/// A connection's first packet, allowed.
pub const NEW: u8 = 1;
/// A packet was dropped.
pub const DROP: u8 = 2;
/// A live connection was judged again and the verdict or its rule changed, still allowed.
pub const CHANGED: u8 = 3;
/// First sight of a TCP flag in a direction, or the first reply.
pub const FLAGS: u8 = 4;
/// The connection ended (FIN of both sides, or RST).
pub const END: u8 = 5;
/// The connection is active: every `report_every` ticks.
pub const ACTIVE: u8 = 6;
/// Every packet ([`crate::node::TRACE_PACKETS`]).
pub const PACKET: u8 = 7;

/// IPv6 (clear: IPv4).
pub const F_IPV6: u8 = 1 << 0;
/// The packet goes against the direction in which the connection was opened.
pub const F_REPLY: u8 = 1 << 1;
/// An ICMP error that quotes a known connection.
pub const F_RELATED: u8 = 1 << 2;
/// A fragment.
pub const F_FRAGMENT: u8 = 1 << 3;
/// Seen coming from the pod (clear: going to it).
pub const F_FROM_POD: u8 = 1 << 4;
/// No IP header could be read; addresses and ports are zero.
pub const F_NO_IP: u8 = 1 << 5;
/// The candidate table would have decided otherwise.
pub const F_CANDIDATE: u8 = 1 << 6;

/// Verdict of one end: not judged at this node or hook.
pub const NOT_JUDGED: u8 = 0;
/// Verdict of one end: allowed.
pub const FORWARDED: u8 = 1;
/// Verdict of one end: allowed and redirected to the proxy.
pub const REDIRECTED: u8 = 2;
/// Verdict of one end: the first of those that say that the packet was dropped, and why: from here on
/// the number is the reason ([`crate::reason`]).
pub const FIRST_DROP: u8 = 130;

/// Whether a verdict of one end says that the packet was dropped; it is the reason then.
#[inline(always)]
pub const fn is_drop(verdict: u8) -> bool {
    verdict >= FIRST_DROP
}

/// The record. Numbers are in host order but for the addresses.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Monotonic time, ns (`CLOCK_MONOTONIC`).
    pub time: u64,
    /// Source of the packet; IPv4 in the first word. Network order.
    pub src: [u32; 4],
    /// Destination of the packet.
    pub dst: [u32; 4],
    /// Identity of the source.
    pub src_identity: u32,
    /// Identity of the destination.
    pub dst_identity: u32,
    /// Rule that decided at the connection's source pod; 0 = not judged here.
    pub egress_cookie: u32,
    /// Rule that decided at the connection's destination pod; 0 = not judged here.
    pub ingress_cookie: u32,
    /// Node revision at which this was decided.
    pub revision: u32,
    /// Packets of the connection so far, original and reply direction. In a [`DROP`]: element 0 is
    /// the number of packets that this event stands for (1 + those that the limit kept silent).
    pub packets: [u32; 2],
    /// Bytes of the same, low 32 bits.
    pub bytes_low: [u32; 2],
    /// Bytes of the same, bits 32 to 47.
    pub bytes_high: [u16; 2],
    /// [`DROP`]: index of the endpoint at whose veth it happened. Else: round trip of the TCP
    /// handshake in us, 0 = not known.
    pub aux: u32,
    /// Source port, host order; ICMP: the message's type.
    pub src_port: u16,
    /// Destination port; ICMP: the message's code.
    pub dst_port: u16,
    /// [`VERSION`].
    pub version: u8,
    /// [`NEW`] to [`PACKET`].
    pub kind: u8,
    /// `F_*`.
    pub flags: u8,
    /// IP protocol.
    pub proto: u8,
    /// TCP flags of this packet (RFC 9293 order: FIN is bit 0, CWR bit 7); SCTP: type of its first
    /// chunk (RFC 9260).
    pub tcp_flags: u8,
    /// Verdict at the connection's source pod.
    pub egress: u8,
    /// Verdict at the connection's destination pod.
    pub ingress: u8,
    /// Match types ([`crate::policy::match_type`]): low nibble egress, high nibble ingress.
    pub match_types: u8,
}

impl Event {
    /// Length in bytes.
    pub const LEN: usize = 96;

    /// Bytes of a direction (0 original, 1 reply), 48 bits.
    pub fn bytes(&self, direction: usize) -> u64 {
        let at = direction & 1;
        u64::from(self.bytes_low[at]) | (u64::from(self.bytes_high[at]) << 32)
    }
}

/// What one entry of a ring holds.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The record.
    pub event: Event,
    /// Destination and source of the frame at the hook, as on the wire (IEEE 802.3, 3.2).
    pub ethernet: [u8; 12],
}

impl Sample {
    /// Length in bytes, without what fills the structure up behind it.
    pub const LEN: usize = Event::LEN + 12;
}

impl From<Event> for Sample {
    /// Of a frame whose addresses aren't known.
    fn from(event: Event) -> Self {
        Self {
            event,
            ethernet: [0; 12],
        }
    }
}

const _: () = assert!(size_of::<Event>() == Event::LEN);
const _: () = assert!(core::mem::offset_of!(Sample, ethernet) == Event::LEN);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason;

    #[test]
    fn reasons_are_drops_and_other_verdicts_are_not() {
        for verdict in [NOT_JUDGED, FORWARDED, REDIRECTED, FIRST_DROP - 1] {
            assert!(!is_drop(verdict), "{verdict}");
        }
        for verdict in [
            reason::INVALID_SOURCE_IP,
            reason::POLICY_DENY,
            FIRST_DROP,
            u8::MAX,
        ] {
            assert!(is_drop(verdict), "{verdict}");
        }
    }
}
