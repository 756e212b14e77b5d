//! What a node knows to have happened: a packet that was judged, a request at layer 7, or a loss of such
//! knowledge.
//!
//! This is the only place beside the loader that reads the kernel's record ([`abi::event`]): everything
//! else in user space asks a [`Packet`]. From here come Hubble's flows ([`crate::hubble`]), what filters
//! see of them, and the metrics.
//!
//! ```text
//!  abi::event::Sample --> Arrived --> names --> history (Packet, indices of names) --> flows
//!  the proxy's record --> Request --> names --> history (NamedRequest) ------------------^
//! ```

mod flow_kind;
mod packet;
mod request;

use abi::event::{self, Sample};

pub use flow_kind::{FlowKind, FlowKinds};
pub(crate) use packet::end_index;
pub use packet::{Ethernet, Judgement, Kind, Packet, transport};
pub use request::{Outcome, Request};

/// One fact as it arrives. Times are the kernel's.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A packet.
    Packet(Arrived),
    /// A request.
    Request(Box<Request>),
    /// Packets that nothing more is known of.
    Loss(Loss),
}

impl Fact {
    /// When it happened.
    pub fn time(&self) -> u64 {
        match self {
            Self::Packet(arrived) => arrived.packet.time(),
            Self::Request(request) => request.time,
            Self::Loss(loss) => loss.time,
        }
    }

    /// The same at another time.
    #[must_use]
    pub fn at(self, time: u64) -> Self {
        match self {
            Self::Packet(arrived) => Self::Packet(Arrived {
                packet: arrived.packet.at(time),
                ..arrived
            }),
            Self::Request(request) => Self::Request(Box::new(Request { time, ..*request })),
            Self::Loss(loss) => Self::Loss(Loss {
                time,
                first: time,
                ..loss
            }),
        }
    }
}

/// A packet with what it is named by.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// The packet.
    pub packet: Packet,
    /// Rules that decided at the connection's source pod and at its destination pod.
    pub cookies: [u32; 2],
    /// Addresses of the frame.
    pub ethernet: Ethernet,
}

impl Arrived {
    /// Reads a record; `None` if it is of another version or of no kind that there is.
    pub fn read(sample: &Sample) -> Option<Self> {
        let event = &sample.event;
        let kind = Kind::read(event.kind).filter(|_| event.version == event::VERSION)?;
        Some(Self {
            packet: Packet::read(event, kind),
            cookies: [event.egress_cookie, event.ingress_cookie],
            ethernet: Ethernet::read(sample.ethernet),
        })
    }
}

/// Where events were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not accepted by a perf ring, or left unread by an agent that was killed.
    PerfRing,
    /// No room in the queue between a ring's reader and the observer.
    Queue,
}

impl Stage {
    /// All stages, in the order of [`Totals::lost`](crate::history::Totals::lost).
    pub const ALL: [Self; 2] = [Self::PerfRing, Self::Queue];

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        match self {
            Self::PerfRing => 0,
            Self::Queue => 1,
        }
    }
}

/// A loss at its place among the packets. Counts packets, as the kernel sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Not earlier than the last one, ns.
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
