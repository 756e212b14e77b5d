//! Counts of flows by what the metrics tell apart. The observer counts in a table of its own and
//! hands it over once per drain.

use std::sync::{Mutex, PoisonError};

use abi::event::{self, Event};
use proto::flow::TraceObservationPoint;

use crate::{
    history::{Part, Parts, drop_reason},
    names::WordMap,
};

/// What is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TallyKey {
    /// IP protocol number.
    pub proto: u8,
    /// Kind of the event (`abi::event`).
    pub kind: u8,
    /// The flow among those of the event.
    pub part: Part,
    /// Reason if the flow tells of a drop, else 0.
    pub reason: u8,
    /// Sent to the proxy.
    pub redirected: bool,
    /// Where a passing packet was seen; unknown for other flows.
    pub point: TraceObservationPoint,
}

/// The sums.
#[derive(Debug, Default)]
pub struct Tally(Mutex<WordMap<TallyKey, u64>>);

impl Tally {
    /// All sums, sorted.
    pub fn sums(&self) -> Vec<(TallyKey, u64)> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums: Vec<_> = sums.iter().map(|(key, sum)| (*key, *sum)).collect();
        sums.sort_unstable();
        sums
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts(WordMap<(u32, u32), (Event, u64)>);

impl Counts {
    /// Events that look alike to the metrics share one row, with one of them as the example.
    pub(super) fn count(&mut self, event: &Event) {
        let implicit = u8::from(event.egress_cookie < 3) | u8::from(event.ingress_cookie < 3) << 1;
        let direction = event.flags & (event::F_REPLY | event::F_FROM_POD);
        let a = u32::from_le_bytes([event.proto, event.kind, event.egress, event.ingress]);
        let to_host = u8::from(event.dst_identity == abi::identity::HOST);
        let b = u32::from_le_bytes([implicit, direction, to_host, 0]);
        self.0.entry((a, b)).or_insert((*event, 0)).1 += 1;
    }

    pub(super) fn flush(&mut self, tally: &Tally) {
        if self.0.is_empty() {
            return;
        }
        let mut sums = tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(
            clippy::iter_over_hash_type,
            reason = "addition does not mind the order"
        )]
        for (event, count) in self.0.values() {
            for part in Parts::of(event).iter() {
                *sums.entry(key(event, part)).or_default() += count;
            }
        }
        self.0.clear();
    }
}

fn key(event: &Event, part: Part) -> TallyKey {
    let verdict = match part {
        Part::EgressVerdict => event.egress,
        Part::IngressVerdict => event.ingress,
        Part::Drop => drop_reason(event).0,
        Part::Trace => 0,
    };
    TallyKey {
        proto: event.proto,
        kind: event.kind,
        part,
        reason: if verdict >= 130 { verdict } else { 0 },
        redirected: verdict == event::REDIRECTED,
        point: if part == Part::Trace {
            crate::expand::observation_point(event)
        } else {
            TraceObservationPoint::UnknownPoint
        },
    }
}
