//! The one-element maps: the node's revision, its settings, and the counters.

/// Element 0 of the state map. 32 bytes. `revision` is the word whose change makes a staged change
/// true.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Bumped by every change of tables, addresses or endpoints.
    pub revision: u32,
    /// Ticks between two events of an active connection, per direction; 0 = no such events.
    pub report_every: u32,
    /// Drop events per endpoint, CPU and second; 0 = no limit.
    pub drops_per_second: u32,
    /// [`TRACE_PACKETS`].
    pub flags: u32,
    /// Places of IPv4 connections, a power of two (length of `CT_PLACES4`); 0 = no shares.
    pub places4: u32,
    /// As `places4`, IPv6.
    pub places6: u32,
    /// Room, zero.
    pub reserved: [u32; 2],
}

/// An event for every packet (costly; for looking closely).
pub const TRACE_PACKETS: u32 = 1 << 0;

/// Time of the connection table: monotonic ns >> 24, that is 16.8 ms. Compared with wrapping
/// subtraction.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "ticks wrap, see above")]
pub const fn tick(monotonic_ns: u64) -> u32 {
    (monotonic_ns >> 24) as u32
}

/// Seconds as ticks, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    reason = "time-outs of hours, not of years"
)]
pub const fn ticks(seconds: u64) -> u32 {
    ((seconds * 1_000_000_000) >> 24) as u32
}

/// Counters: indices of the per-CPU array of u64.
pub mod counter {
    /// Events that the program tried to send.
    pub const EVENTS_ATTEMPTED: u32 = 0;
    /// Of those, not accepted by the ring (full, or no reader).
    pub const EVENTS_FAILED: u32 = 1;
    /// Drops and ICMP errors that sent no event because of the limit per endpoint.
    pub const EVENTS_LIMITED: u32 = 2;
    /// Packets forwarded.
    pub const PACKETS_FORWARDED: u32 = 3;
    /// Packets dropped.
    pub const PACKETS_DROPPED: u32 = 4;
    /// Connections that found no room in the table.
    pub const CT_FULL: u32 = 5;
    /// Packets that were sent to the proxy and that no socket of it got: fragments, or its listener was gone.
    pub const PROXY_MISSED: u32 = 6;
    /// Length of the array.
    pub const COUNT: u32 = 8;
}

/// What is counted per endpoint and CPU: the token bucket of its limited events (drops, ICMP errors), and
/// what it lost by its own doing. 32 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Packets dropped without an event since the last event.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Tick at which the present second began.
    pub since: u32,
    /// Events sent in the present second.
    pub sent: u32,
    /// Live connections of the endpoint that gave way to newer ones of its own, because it had used up
    /// its share of the table and what all share.
    pub replaced: u64,
}

const _: () = assert!(size_of::<Node>() == 32);
const _: () = assert!(size_of::<Limit>() == 32);
