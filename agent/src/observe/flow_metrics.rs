//! Counts of flows by what the metrics tell apart. The observer counts in a table of its own and
//! hands it over once per drain.

use std::sync::{Mutex, PoisonError};

use flow::view::Transport;
use foldhash::HashMap;
use proto::flow::TraceObservationPoint;

use crate::fact::{FlowKind, FlowKinds, Judgement, Packet};

/// What is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowMetricsKey {
    /// The protocol, of those that Hubble tells apart.
    pub transport: Option<Transport>,
    /// The flow among those of the event.
    pub part: FlowKind,
    /// Reason if the flow tells of a drop, else 0.
    pub reason: u8,
    /// Sent to the proxy.
    pub redirected: bool,
    /// Where a passing packet was seen; unknown for other flows.
    pub point: TraceObservationPoint,
}

/// The sums.
#[derive(Debug, Default)]
pub struct FlowMetrics(Mutex<HashMap<FlowMetricsKey, u64>>);

impl FlowMetrics {
    /// All sums, sorted.
    pub fn sums(&self) -> Vec<(FlowMetricsKey, u64)> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums: Vec<_> = sums.iter().map(|(key, sum)| (*key, *sum)).collect();
        sums.sort_unstable();
        sums
    }
}

/// Packets that look alike to the metrics share one row, with one of them as the example.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<(u32, u32), (Packet, u64)>);

impl Counts {
    pub(super) fn count(&mut self, packet: &Packet) {
        self.0.entry(packet.look()).or_insert((*packet, 0)).1 += 1;
    }

    pub(super) fn flush(&mut self, flow_metrics: &FlowMetrics) {
        if self.0.is_empty() {
            return;
        }
        let mut sums = flow_metrics
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        #[expect(
            clippy::iter_over_hash_type,
            reason = "addition does not mind the order"
        )]
        for (packet, count) in self.0.values() {
            for part in FlowKinds::of(packet).iter() {
                *sums.entry(key(packet, part)).or_default() += count;
            }
        }
        self.0.clear();
    }
}

fn key(packet: &Packet, part: FlowKind) -> FlowMetricsKey {
    let judgement = part.judgement(packet);
    FlowMetricsKey {
        transport: packet.transport(),
        part,
        reason: judgement.reason(),
        redirected: judgement == Judgement::Redirected,
        point: if part == FlowKind::Trace {
            crate::hubble::observation_point(packet)
        } else {
            TraceObservationPoint::UnknownPoint
        },
    }
}
