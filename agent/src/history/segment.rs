//! An immutable run of records with the names they use.

use std::sync::Arc;

use abi::event::{self, Event};

use super::record::{Loss, Parts, Record, Stage, drop_reason};
use crate::names::{Attribution, Endpoint, Node};

/// How much came before a place in the history, since the agent's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records: events and marks of losses. The place's sequence number.
    pub records: u64,
    /// Events.
    pub events: u64,
    /// Flows as which the events are shown.
    pub flows: u64,
    /// Events lost before they reached the history, by [`Stage`].
    pub lost: [u64; 2],
}

impl Totals {
    pub(super) fn pass(&mut self, record: &Record) {
        self.records += 1;
        match record.as_lost() {
            Some(loss) => self.lost[loss.stage.index()] += loss.events,
            None => {
                self.events += 1;
                self.flows += u64::from(record.parts().count());
            }
        }
    }
}

/// What a segment holds, for skipping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Earliest wall clock, ns.
    pub min_time: u64,
    /// Latest.
    pub max_time: u64,
    /// Bit n: some event has kind n.
    pub kinds: u16,
    /// Some event was redirected to a proxy.
    pub redirected: bool,
    /// Bit per drop reason, 130 is bit 0.
    pub reasons: u128,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            min_time: u64::MAX,
            max_time: 0,
            kinds: 0,
            redirected: false,
            reasons: 0,
        }
    }
}

impl Summary {
    fn pass(&mut self, record: &Record) {
        let event = &record.event;
        self.min_time = self.min_time.min(event.time);
        self.max_time = self.max_time.max(event.time);
        if event.kind <= event::PACKET {
            self.kinds |= 1 << event.kind;
            self.redirected |=
                event.egress == event::REDIRECTED || event.ingress == event::REDIRECTED;
            if event.kind == event::DROP {
                self.reasons |= 1 << drop_reason(event).0.saturating_sub(130).min(127);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.min_time = self.min_time.min(other.min_time);
        self.max_time = self.max_time.max(other.max_time);
        self.kinds |= other.kinds;
        self.redirected |= other.redirected;
        self.reasons |= other.reasons;
    }

    /// Some event tells of a packet that passed.
    pub fn has_allowed(&self) -> bool {
        self.kinds & !(1 << event::DROP) != 0
    }

    /// Some event is a drop.
    pub fn has_drops(&self) -> bool {
        self.kinds & 1 << event::DROP != 0
    }
}

/// The tables that the records' indices point into. They only grow while a segment is open, so an
/// older, shorter one is a prefix of a younger one.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) node: Arc<Node>,
    pub(super) ends: Arc<[Arc<Endpoint>]>,
    pub(super) rules: Arc<[Arc<Attribution>]>,
}

/// See the module.
#[derive(Debug)]
pub struct Segment {
    start: Totals,
    end: Totals,
    summary: Summary,
    records: Box<[Record]>,
    tables: Tables,
}

impl Segment {
    pub(super) fn new(start: Totals, records: &[Record], tables: Tables) -> Self {
        let mut end = start;
        let mut summary = Summary::default();
        for record in records {
            end.pass(record);
            summary.pass(record);
        }
        Self {
            start,
            end,
            summary,
            records: records.into(),
            tables,
        }
    }

    /// One segment out of neighbours, oldest first; at least one.
    pub(super) fn concat(parts: &[Arc<Self>]) -> Option<Self> {
        let (first, last) = (parts.first()?, parts.last()?);
        let mut summary = Summary::default();
        let mut records = Vec::with_capacity(parts.iter().map(|part| part.records.len()).sum());
        for part in parts {
            summary.merge(&part.summary);
            records.extend_from_slice(&part.records);
        }
        Some(Self {
            start: first.start,
            end: last.end,
            summary,
            records: records.into_boxed_slice(),
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

    /// Records in it.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// No record in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Flows as which its events are shown.
    pub fn flows(&self) -> u64 {
        self.end.flows - self.start.flows
    }

    /// Bytes that it holds by itself: the records, and the tables of pointers.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.records)
            + size_of_val(&*self.tables.ends)
            + size_of_val(&*self.tables.rules)
    }

    /// Some records are marks of losses.
    pub fn has_losses(&self) -> bool {
        self.start.lost != self.end.lost
    }

    /// The node it was seen on.
    pub fn node(&self) -> &Arc<Node> {
        &self.tables.node
    }

    /// Every endpoint that occurs in it (and perhaps a few that do not).
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.tables.ends
    }

    /// The entry at an index.
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        self.records
            .get(index)
            .map(|record| self.entry(index, record))
    }

    /// The entries from an index on.
    pub fn iter_from(&self, index: usize) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let at = index.min(self.records.len());
        self.records[at..]
            .iter()
            .enumerate()
            .map(move |(n, record)| self.entry(at + n, record))
    }

    fn entry<'a>(&'a self, index: usize, record: &'a Record) -> Entry<'a> {
        match record.as_lost() {
            Some(loss) => Entry::Lost(loss),
            None => Entry::Event(EventRef {
                segment: self,
                record,
                index,
            }),
        }
    }

    /// Totals before the record at `index`.
    pub fn totals_at(&self, index: usize) -> Totals {
        let mut totals = self.start;
        for record in self.records.iter().take(index) {
            totals.pass(record);
        }
        totals
    }
}

/// One record, read.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A packet event.
    Event(EventRef<'a>),
    /// Events are missing here.
    Lost(Loss),
}

/// A stored event with its names.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    segment: &'a Segment,
    record: &'a Record,
    index: usize,
}

impl<'a> EventRef<'a> {
    /// The event; its time is the wall clock in ns.
    pub fn event(&self) -> &'a Event {
        &self.record.event
    }

    /// Sequence number among the records since the agent's start.
    pub fn sequence(&self) -> u64 {
        self.segment.start.records + self.index as u64
    }

    /// Index in its segment.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Source (0) or destination (1).
    pub fn end(&self, which: usize) -> &'a Endpoint {
        &self.segment.tables.ends[self.end_index(which)]
    }

    /// Index of an end in [`Segment::endpoints`].
    pub fn end_index(&self, which: usize) -> usize {
        usize::from(self.record.ends[which & 1])
    }

    /// What decided at the connection's source pod (0) or destination pod (1).
    pub fn rule(&self, which: usize) -> &'a Attribution {
        &self.segment.tables.rules[usize::from(self.record.rules[which & 1])]
    }

    /// The node.
    pub fn node(&self) -> &'a Node {
        &self.segment.tables.node
    }

    /// The flows as which it is shown.
    pub fn parts(&self) -> Parts {
        self.record.parts()
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
