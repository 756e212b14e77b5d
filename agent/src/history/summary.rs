//! What a stretch of the history holds, in numbers.

use flow::view::Direction;

use super::other::OtherFact;
use crate::fact::{FlowKinds, Judgement, Kind, Loss, Outcome, Packet};

/// How much came before a place in the history, since the agent's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Facts: packets, requests and losses. The place's sequence number.
    pub records: u64,
    /// Packets and requests.
    pub events: u64,
    /// Flows as which they are shown.
    pub flows: u64,
    /// Events lost before they reached the history, by [`Stage`](crate::fact::Stage).
    pub lost: [u64; 2],
}

impl Totals {
    pub(super) fn packet(&mut self, packet: &Packet) {
        self.records += 1;
        self.events += 1;
        self.flows += u64::from(FlowKinds::of(packet).count());
    }

    pub(super) fn other(&mut self, other: &OtherFact) {
        match other {
            OtherFact::Loss(loss) => self.loss(loss),
            OtherFact::Request(_) => self.request(),
        }
    }

    pub(super) fn request(&mut self) {
        self.records += 1;
        self.events += 1;
        self.flows += 1;
    }

    pub(super) fn loss(&mut self, loss: &Loss) {
        self.records += 1;
        self.lost[loss.stage.index()] += loss.events;
    }
}

/// What a segment holds, for skipping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Earliest wall clock, ns.
    pub min_time: u64,
    /// Latest.
    pub max_time: u64,
    /// Some packet or request passed.
    pub has_allowed: bool,
    /// Some packet or request was dropped.
    pub has_drops: bool,
    /// Some request failed.
    pub has_errors: bool,
    /// Some packet was redirected to a proxy.
    pub redirected: bool,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            min_time: u64::MAX,
            max_time: 0,
            has_allowed: false,
            has_drops: false,
            has_errors: false,
            redirected: false,
        }
    }
}

impl Summary {
    pub(super) fn time(&mut self, time: u64) {
        self.min_time = self.min_time.min(time);
        self.max_time = self.max_time.max(time);
    }

    pub(super) fn packet(&mut self, packet: &Packet) {
        self.time(packet.time());
        let is_drop = packet.kind() == Kind::Drop;
        self.has_drops |= is_drop;
        self.has_allowed |= !is_drop;
        self.redirected |= [Direction::Egress, Direction::Ingress]
            .iter()
            .any(|end| packet.judgement(*end) == Judgement::Redirected);
    }

    pub(super) fn other(&mut self, other: &OtherFact) {
        match other {
            OtherFact::Loss(loss) => self.time(loss.time),
            OtherFact::Request(named) => {
                self.time(named.request.time);
                match named.request.outcome {
                    Outcome::Forwarded => self.has_allowed = true,
                    Outcome::Denied => self.has_drops = true,
                    Outcome::Failed => self.has_errors = true,
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.min_time = self.min_time.min(other.min_time);
        self.max_time = self.max_time.max(other.max_time);
        self.has_allowed |= other.has_allowed;
        self.has_drops |= other.has_drops;
        self.has_errors |= other.has_errors;
        self.redirected |= other.redirected;
    }
}
