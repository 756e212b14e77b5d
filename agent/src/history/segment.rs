//! An immutable run of facts with the names they use.
//!
//! ```text
//!  packets  p p p p p p p p     one record each
//!  others       |     |         requests and losses, each with its place among the packets
//! ```

use std::sync::Arc;

use flow::{Side, view::Direction};

use super::other::{NamedRequest, Other, OtherFact};
use super::summary::{Summary, Totals};
use crate::{
    fact::{Ethernet, FlowKinds, Loss, Packet, Request, Stage, end_index},
    node::names::{Attribution, Device, Endpoint, Node},
};

/// A packet as it is kept: with the names it had on arrival as indices into the tables of its segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) packet: Packet,
    pub(super) ends: [u16; 2],
    pub(super) rules: [u16; 2],
    pub(super) ethernet: u16,
    /// Plus one; 0: none.
    pub(super) device: u16,
}

const _: () = assert!(size_of::<Record>() <= 104);

/// The tables that the records' indices point into. They only grow while a segment is open, so an
/// older, shorter one is a prefix of a younger one.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) node: Arc<Node>,
    pub(super) ends: Arc<[Arc<Endpoint>]>,
    pub(super) rules: Arc<[Arc<Attribution>]>,
    pub(super) ethernet: Arc<[Ethernet]>,
    pub(super) devices: Arc<[Arc<Device>]>,
}

/// See the module.
#[derive(Debug)]
pub struct Segment {
    start: Totals,
    end: Totals,
    summary: Summary,
    packets: Box<[Record]>,
    /// By place.
    others: Box<[Other]>,
    tables: Tables,
}

impl Segment {
    pub(super) fn new(start: Totals, packets: &[Record], others: &[Other], tables: Tables) -> Self {
        let mut end = start;
        let mut summary = Summary::default();
        for record in packets {
            end.packet(&record.packet);
            summary.packet(&record.packet);
        }
        for other in others {
            end.other(&other.fact);
            summary.other(&other.fact);
        }
        Self {
            start,
            end,
            summary,
            packets: packets.into(),
            others: others.into(),
            tables,
        }
    }

    /// One segment out of neighbours, oldest first; at least one.
    pub(super) fn concat(parts: &[Arc<Self>]) -> Option<Self> {
        let (first, last) = (parts.first()?, parts.last()?);
        let mut summary = Summary::default();
        let mut packets = Vec::with_capacity(parts.iter().map(|part| part.packets.len()).sum());
        let mut others = Vec::new();
        for part in parts {
            summary.merge(&part.summary);
            let before = packets.len() + others.len();
            packets.extend_from_slice(&part.packets);
            others.extend(part.others.iter().map(|other| Other {
                at: before + other.at,
                fact: other.fact.clone(),
            }));
        }
        Some(Self {
            start: first.start,
            end: last.end,
            summary,
            packets: packets.into_boxed_slice(),
            others: others.into_boxed_slice(),
            tables: last.tables.clone(),
        })
    }

    /// Totals before the first record.
    pub fn start(&self) -> Totals {
        self.start
    }

    /// Totals after the last record.
    pub fn end(&self) -> Totals {
        self.end
    }

    /// What it holds.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Facts in it.
    pub fn len(&self) -> usize {
        self.packets.len() + self.others.len()
    }

    /// No fact in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flows as which its facts are shown.
    pub fn flows(&self) -> u64 {
        self.end.flows - self.start.flows
    }

    /// Bytes that it holds by itself: the records, and the tables of pointers.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.packets)
            + size_of_val(&*self.others)
            + size_of_val(&*self.tables.ends)
            + size_of_val(&*self.tables.rules)
            + size_of_val(&*self.tables.ethernet)
            + size_of_val(&*self.tables.devices)
    }

    /// Events were lost in it.
    pub fn has_losses(&self) -> bool {
        self.end.lost != self.start.lost
    }

    /// The node it was seen on.
    pub fn node(&self) -> &Arc<Node> {
        &self.tables.node
    }

    /// Every endpoint that occurs in it (and perhaps a few that do not).
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let requests = self.others.iter().filter_map(|other| match &other.fact {
            OtherFact::Request(named) => Some(&named.ends),
            OtherFact::Loss(_) => None,
        });
        let ends = self.tables.ends.iter().chain(requests.flatten());
        ends.map(|end| &**end)
    }

    /// The fact at an index.
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        self.iter_from(index).next()
    }

    /// The facts from an index on.
    pub fn iter_from(&self, index: usize) -> Entries<'_> {
        let start = index.min(self.len());
        Entries {
            segment: self,
            start,
            end: self.len(),
            others_before: self.others.partition_point(|other| other.at < start),
            others_until: self.others.len(),
        }
    }

    /// Totals before the fact at `index`.
    pub fn totals_at(&self, index: usize) -> Totals {
        let mut totals = self.start;
        for entry in self.iter_from(0).take(index) {
            match entry {
                Entry::Packet(packet) => totals.packet(packet.packet()),
                Entry::Request(_) => totals.request(),
                Entry::Loss(loss) => totals.loss(&loss),
            }
        }
        totals
    }
}

/// The facts of a segment, each in its place.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    segment: &'a Segment,
    /// Indices of the next fact, and of that behind the last.
    start: usize,
    end: usize,
    /// Facts that are no packets before each of these.
    others_before: usize,
    others_until: usize,
}

impl<'a> Entries<'a> {
    fn packet(&self, index: usize, others_before: usize) -> Option<Entry<'a>> {
        let record = self.segment.packets.get(index - others_before)?;
        Some(Entry::Packet(PacketRef {
            segment: self.segment,
            record,
            index,
        }))
    }

    fn other(&self, other: &'a Other) -> Entry<'a> {
        match &other.fact {
            OtherFact::Loss(loss) => Entry::Loss(*loss),
            OtherFact::Request(named) => Entry::Request(RequestRef {
                segment: self.segment,
                named,
                index: other.at,
            }),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.start >= self.end {
            return None;
        }
        let index = self.start;
        self.start += 1;
        match self.segment.others.get(self.others_before) {
            Some(other) if other.at == index => {
                self.others_before += 1;
                Some(self.other(other))
            }
            Some(_) | None => self.packet(index, self.others_before),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.start;
        (left, Some(left))
    }
}

impl<'a> DoubleEndedIterator for Entries<'a> {
    fn next_back(&mut self) -> Option<Entry<'a>> {
        if self.start >= self.end {
            return None;
        }
        self.end -= 1;
        let last = self.others_until.checked_sub(1);
        match last.and_then(|at| self.segment.others.get(at)) {
            Some(other) if other.at == self.end => {
                self.others_until -= 1;
                Some(self.other(other))
            }
            Some(_) | None => self.packet(self.end, self.others_until),
        }
    }
}

/// One fact, read.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A packet.
    Packet(PacketRef<'a>),
    /// A request.
    Request(RequestRef<'a>),
    /// Packets are missing here.
    Loss(Loss),
}

/// A stored packet with its names.
#[derive(Clone, Copy, Debug)]
pub struct PacketRef<'a> {
    segment: &'a Segment,
    record: &'a Record,
    index: usize,
}

impl<'a> PacketRef<'a> {
    /// The packet; its time is the wall clock in ns.
    pub fn packet(&self) -> &'a Packet {
        &self.record.packet
    }

    /// Sequence number among the facts since the agent's start.
    pub fn sequence(&self) -> u64 {
        self.segment.start.records + self.index as u64
    }

    /// Index in its segment.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Who is at an end.
    pub fn end(&self, side: Side) -> &'a Endpoint {
        let at = match side {
            Side::Source => 0,
            Side::Destination => 1,
        };
        &self.segment.tables.ends[usize::from(self.record.ends[at])]
    }

    /// What decided at an end of the connection.
    pub fn rule(&self, end: Direction) -> &'a Attribution {
        &self.segment.tables.rules[usize::from(self.record.rules[end_index(end)])]
    }

    /// Addresses of the frame.
    pub fn ethernet(&self) -> Ethernet {
        self.segment.tables.ethernet[usize::from(self.record.ethernet)]
    }

    /// Where the packet left the node, as far as that was known.
    pub fn device(&self) -> Option<&'a Device> {
        let at = usize::from(self.record.device).checked_sub(1)?;
        self.segment.tables.devices.get(at).map(|device| &**device)
    }

    /// The node.
    pub fn node(&self) -> &'a Node {
        &self.segment.tables.node
    }

    /// The flows as which it is shown.
    pub fn parts(&self) -> FlowKinds {
        FlowKinds::of(self.packet())
    }
}

/// A stored request with its names.
#[derive(Clone, Copy, Debug)]
pub struct RequestRef<'a> {
    segment: &'a Segment,
    named: &'a NamedRequest,
    index: usize,
}

impl<'a> RequestRef<'a> {
    /// The request; its time is the wall clock in ns.
    pub fn request(&self) -> &'a Request {
        &self.named.request
    }

    /// Sequence number among the facts since the agent's start.
    pub fn sequence(&self) -> u64 {
        self.segment.start().records + self.index as u64
    }

    /// Index in its segment.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Who is at an end.
    pub fn end(&self, side: Side) -> &'a Endpoint {
        match side {
            Side::Source => &self.named.ends[0],
            Side::Destination => &self.named.ends[1],
        }
    }

    /// The rule behind what became of it.
    pub fn rule(&self) -> &'a Attribution {
        &self.named.rule
    }

    /// The node.
    pub fn node(&self) -> &'a Node {
        self.segment.node()
    }
}

/// Losses by stage, as an iterator of non-zero counts between two places.
pub fn losses_between(from: &Totals, to: &Totals) -> impl Iterator<Item = (Stage, u64)> {
    let lost = [to.lost[0] - from.lost[0], to.lost[1] - from.lost[1]];
    Stage::ALL
        .into_iter()
        .zip(lost)
        .filter(|(_, count)| *count > 0)
}
