//! The several flows of one packet as one row.
//!
//! A judged packet is told in up to three flows: a policy verdict per end, and the drop or the trace.
//! Who shows rows shows the first one, and says no more of those that name no other policy. A flow
//! which says that one end allowed a packet is held back if the other end dropped it: if the drop
//! follows at once, it alone is shown.

use std::collections::VecDeque;
use std::net::IpAddr;

use proto::flow::Verdict;

use crate::format;
use crate::request::summary;
use crate::view::{Extension, FlowView, Side};

/// Rows remembered, among which another flow of the same packet is looked for.
const REMEMBERED: usize = 64;

/// One packet at one node, and how it was judged.
#[derive(Debug, PartialEq)]
struct Packet {
    time: i64,
    node: String,
    ends: [(Option<IpAddr>, Option<u16>); 2],
    verdict: i32,
    /// Of a request or an answer what it says: several may have come at once, as a name's A and AAAA.
    request: Option<String>,
}

/// What to do with a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// It is a row of its own.
    New,
    /// A row says it already.
    Duplicate,
    /// Keep it: the next call says whether it becomes a row.
    Pending,
}

/// What to do next: first with the flow that was held, if there is one, then with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The flow held before this one is a row, and comes first. If there was one and this is false,
    /// it is none.
    pub pending_is_row: bool,
    /// This flow.
    pub row: Row,
}

/// The state of a dedup over one stream.
#[derive(Debug, Default)]
pub struct Dedup {
    /// Rows, with the policy that was named.
    last: VecDeque<(Packet, String)>,
    /// The flow that waits for the next one: its packet, and the policy it names.
    pending: Option<(Option<Packet>, String)>,
}

impl Packet {
    /// The packet of a flow, if it can be told from others.
    fn of<V: FlowView>(flow: &V) -> Option<Self> {
        let end = |side| (flow.ip(side), flow.port(side));
        flow.ip(Side::Source)?;
        Some(Self {
            time: flow.time_ns()?,
            node: flow.node().to_owned(),
            ends: [end(Side::Source), end(Side::Destination)],
            verdict: flow.verdict_number(),
            request: flow.l7().map(|layer7| summary(layer7, flow.verdict())),
        })
    }

    /// Whether they are one packet, however it was judged.
    fn same(one: Option<&Self>, other: Option<&Self>) -> bool {
        match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                let [one, other] =
                    [one, other].map(|of| (of.time, &of.node, &of.ends, &of.request));
                one == other
            }
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

/// Whether this says that one end allowed a packet which, as our extension tells, the other dropped.
fn allowed_of_dropped<V: FlowView>(flow: &V) -> bool {
    flow.verdict() == Verdict::Forwarded
        && Extension::read(flow, |extension| {
            extension.explaining(true).next().is_some()
        }) == Some(true)
}

impl Dedup {
    /// Takes the next flow.
    pub fn push<V: FlowView>(&mut self, flow: &V) -> Step {
        self.push_with(flow, &format::policy(flow))
    }

    /// Takes the next flow, of which it is known what [`format::policy`] says.
    pub(crate) fn push_with<V: FlowView>(&mut self, flow: &V, policy: &str) -> Step {
        let packet = Packet::of(flow);
        let pending_is_row = match self.pending.take() {
            Some((held, _)) if Packet::same(held.as_ref(), packet.as_ref()) => false,
            Some((held, policy)) => self.is_row(held, &policy),
            None => false,
        };
        let row = if allowed_of_dropped(flow) {
            self.pending = Some((packet, policy.to_owned()));
            Row::Pending
        } else if self.is_row(packet, policy) {
            Row::New
        } else {
            Row::Duplicate
        };
        Step {
            pending_is_row,
            row,
        }
    }

    /// Nothing follows for now: whether the flow that is held is a row.
    pub fn settle(&mut self) -> bool {
        match self.pending.take() {
            Some((held, policy)) => self.is_row(held, &policy),
            None => false,
        }
    }

    /// Whether no row says this yet: one of the same packet with the same verdict, which names the
    /// same policy or, if this names none, any.
    fn is_row(&mut self, packet: Option<Packet>, policy: &str) -> bool {
        let Some(packet) = packet else {
            return true;
        };
        let said = |(last, named): &(Packet, String)| {
            *last == packet && (policy.is_empty() || *named == policy)
        };
        if self.last.iter().any(said) {
            return false;
        }
        // The memory of the text that is forgotten is that of the new one.
        let mut named = match self.last.len() {
            REMEMBERED => self.last.pop_front().map(|(_, named)| named),
            _ => None,
        }
        .unwrap_or_default();
        named.clear();
        named.push_str(policy);
        self.last.push_back((packet, named));
        true
    }
}
