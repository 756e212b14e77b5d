//! What the history holds per packet event, and the parts of which Hubble's flows are made.

use abi::{
    event::{self, Event},
    policy, reason,
};

/// `Event::kind` of a record that marks a loss. The kernel never sends it.
const KIND_LOST: u8 = 0xff;

/// Where events were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not accepted by a perf ring, or left unread by an agent that was killed.
    PerfRing,
    /// No room in the queue between a ring's reader and the observer.
    Queue,
}

impl Stage {
    /// All stages, in the order of [`Totals::lost`](super::Totals::lost).
    pub const ALL: [Self; 2] = [Self::PerfRing, Self::Queue];

    pub(super) fn index(self) -> usize {
        match self {
            Self::PerfRing => 0,
            Self::Queue => 1,
        }
    }
}

/// A loss at its place in the history. Counts events, that is packets, as the kernel sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Not earlier than the last one; wall clock, ns since 1970.
    pub time: u64,
    /// Not later than the first one; `time` if that isn't known.
    pub first: u64,
    /// Where.
    pub stage: Stage,
    /// How many events.
    pub events: u64,
    /// CPU whose ring it was; `None` if it is not of one ring.
    pub cpu: Option<u32>,
}

/// One stored record: 104 bytes. An event with the time of day instead of the kernel's, and the
/// names it had on arrival as indices into the tables of its segment.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub(super) event: Event,
    pub(super) ends: [u16; 2],
    pub(super) rules: [u16; 2],
}

impl Record {
    pub(super) fn lost(loss: &Loss) -> Self {
        let [low, high] = split(loss.events);
        let event = Event {
            time: loss.time,
            kind: KIND_LOST,
            packets: [low, high],
            bytes_low: split(loss.first),
            proto: u8::from(loss.stage == Stage::Queue),
            flags: u8::from(loss.cpu.is_some()),
            aux: loss.cpu.unwrap_or(0),
            ..Event::default()
        };
        Self {
            event,
            ends: [0; 2],
            rules: [0; 2],
        }
    }

    pub(super) fn as_lost(&self) -> Option<Loss> {
        (self.event.kind == KIND_LOST).then(|| Loss {
            time: self.event.time,
            first: join(self.event.bytes_low),
            stage: Stage::ALL[usize::from(self.event.proto & 1)],
            events: join(self.event.packets),
            cpu: (self.event.flags & 1 != 0).then_some(self.event.aux),
        })
    }

    pub(super) fn parts(&self) -> Parts {
        Parts::of(&self.event)
    }
}

fn join([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn split(n: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = n.to_le_bytes();
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}

/// One of the flows as which an event is shown, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Policy verdict of the connection's source pod.
    EgressVerdict,
    /// Policy verdict of the connection's destination pod.
    IngressVerdict,
    /// The drop itself.
    Drop,
    /// The packet passing.
    Trace,
}

impl Part {
    /// All, in order.
    pub const ALL: [Self; 4] = [
        Self::EgressVerdict,
        Self::IngressVerdict,
        Self::Drop,
        Self::Trace,
    ];
}

/// The set of parts of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts(u8);

impl Parts {
    /// How a Hubble user expects to see the event. An end that no policy selects gives no verdict of
    /// its own (as in Cilium, which sends none there), unless the verdict has just changed.
    pub fn of(event: &Event) -> Self {
        const EGRESS: u8 = 1;
        const INGRESS: u8 = 2;
        const DROP: u8 = 4;
        const TRACE: u8 = 8;
        let judged = |verdict: u8, bit: u8| if verdict == event::NOT_JUDGED { 0 } else { bit };
        let named = |verdict: u8, cookie: u32, bit: u8| match cookie {
            policy::COOKIE_ALLOW_ANY_INGRESS | policy::COOKIE_ALLOW_ANY_EGRESS => 0,
            _ => judged(verdict, bit),
        };
        let denied = |verdict: u8, bit: u8| match verdict {
            reason::POLICY_DENIED | reason::POLICY_DENY => bit,
            _ => 0,
        };
        Self(match event.kind {
            event::NEW => {
                named(event.egress, event.egress_cookie, EGRESS)
                    | named(event.ingress, event.ingress_cookie, INGRESS)
                    | TRACE
            }
            event::DROP => denied(event.egress, EGRESS) | denied(event.ingress, INGRESS) | DROP,
            event::CHANGED => judged(event.egress, EGRESS) | judged(event.ingress, INGRESS),
            event::FLAGS | event::END | event::ACTIVE | event::PACKET => TRACE,
            _ => 0,
        })
    }

    /// How many flows.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The parts in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Part> {
        Part::ALL
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, part)| part)
    }
}

/// The verdict that decided about a dropped packet, and whether it was the egress end's.
pub fn drop_reason(event: &Event) -> (u8, bool) {
    if event.egress >= 130 {
        (event.egress, true)
    } else {
        (event.ingress, false)
    }
}

const _: () = assert!(size_of::<Record>() == 104);
