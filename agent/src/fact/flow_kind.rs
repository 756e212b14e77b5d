//! The flows as which a packet is shown.

use flow::view::Direction;

use super::{Judgement, Kind, Packet};

/// One of the flows as which a packet is shown, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowKind {
    /// Policy verdict of the connection's source pod.
    EgressVerdict,
    /// Policy verdict of the connection's destination pod.
    IngressVerdict,
    /// The drop itself.
    Drop,
    /// The packet passing.
    Trace,
}

impl FlowKind {
    /// All, in order.
    pub const ALL: [Self; 4] = [
        Self::EgressVerdict,
        Self::IngressVerdict,
        Self::Drop,
        Self::Trace,
    ];

    /// What this part of a packet tells.
    pub fn judgement(self, packet: &Packet) -> Judgement {
        match self {
            Self::EgressVerdict => packet.judgement(Direction::Egress),
            Self::IngressVerdict => packet.judgement(Direction::Ingress),
            Self::Drop => packet.decisive().1,
            Self::Trace => Judgement::Forwarded,
        }
    }
}

/// The set of parts of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKinds(u8);

impl FlowKinds {
    /// How a Hubble user expects to see the packet. An end that no policy selects gives no verdict of
    /// its own (as in Cilium, which sends none there), unless the verdict has just changed.
    pub fn of(packet: &Packet) -> Self {
        const EGRESS: u8 = 1;
        const INGRESS: u8 = 2;
        const DROP: u8 = 4;
        const TRACE: u8 = 8;
        fn ends(is: impl Fn(Direction) -> bool) -> u8 {
            (u8::from(is(Direction::Egress)) * EGRESS)
                | (u8::from(is(Direction::Ingress)) * INGRESS)
        }
        let judged = |end| packet.judgement(end) != Judgement::None;
        Self(match packet.kind() {
            Kind::New => ends(|end| judged(end) && !packet.is_unselected(end)) | TRACE,
            Kind::Drop => ends(|end| packet.judgement(end).is_by_policy()) | DROP,
            Kind::Changed => ends(judged),
            Kind::Flags | Kind::End | Kind::Active | Kind::Packet => TRACE,
        })
    }

    /// How many flows.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The parts in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = FlowKind> {
        FlowKind::ALL
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, part)| part)
    }
}
