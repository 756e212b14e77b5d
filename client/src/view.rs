//! Which items of a store match a filter, kept up to date, and their counts over time.

mod histogram;

use std::{collections::VecDeque, ops::Range};

use flow::{
    Filter, FlowView as _, Program, Verdict,
    dedup::{self, Dedup},
};

pub use histogram::{Bucket, Histogram};

use crate::store::{Item, Marker, Snapshot};

/// The items of a store that match a filter, in the store's order. Marks of what is missing always do:
/// nothing is silently so.
#[derive(Debug)]
pub struct View {
    program: Program,
    /// Whether there are flows that don't match.
    narrowed: bool,
    /// Items of a time alone (Unix ns, both included).
    within: Option<(i64, i64)>,
    /// The several flows of one packet are one row.
    dedup: Option<Dedup>,
    /// Number of the match that the dedup may take back.
    held: Option<u64>,
    matches: VecDeque<Match>,
    /// Flows among them.
    flows: usize,
    /// Numbers that have been looked at.
    seen: Range<u64>,
}

/// An item that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its number in the store.
    pub number: u64,
    /// Unix ns.
    pub time: i64,
    /// What it counts as.
    pub kind: Kind,
}

/// What an item counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A flow.
    Flow(Verdict),
    /// A place where so many events were lost; 0 for other marks.
    Marker(u64),
}

impl Match {
    /// Whether it is a flow, and no mark.
    #[must_use]
    pub fn is_flow(&self) -> bool {
        matches!(self.kind, Kind::Flow(_))
    }
}

/// What became different in a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// Matches that were put before the others: older ones.
    pub older: usize,
    /// Matches that were appended.
    pub newer: usize,
    /// Matches that left, at the front.
    pub evicted: usize,
}

impl View {
    /// A view that has seen nothing yet. If `folded`, the several flows of one packet that match are
    /// one row, see [`flow::dedup`].
    #[must_use]
    pub fn new(filter: &Filter, folded: bool) -> Self {
        Self {
            program: filter.program(),
            narrowed: !filter.is_everything(),
            within: None,
            dedup: folded.then(Dedup::default),
            held: None,
            matches: VecDeque::new(),
            flows: 0,
            seen: 0..0,
        }
    }

    /// Only items of a time (Unix ns, both included), and marks that have none.
    #[must_use]
    pub fn within(mut self, time: Option<(i64, i64)>) -> Self {
        self.within = time;
        self
    }

    /// Looks at what has come, and lets go of what has left.
    pub fn advance(&mut self, snapshot: &Snapshot) -> Advance {
        let now = snapshot.range();
        if self.seen.is_empty() {
            self.seen = now.start..now.start;
        }
        let mut advance = Advance::default();
        while self
            .matches
            .front()
            .is_some_and(|first| first.number < now.start)
        {
            let left = self.matches.pop_front();
            self.flows -= usize::from(left.is_some_and(|left| left.is_flow()));
            advance.evicted += 1;
        }
        self.seen.start = self.seen.start.clamp(now.start, now.end);
        self.seen.end = self.seen.end.clamp(self.seen.start, now.end);

        // What is older has a dedup of its own.
        let mut older = Self {
            program: self.program.clone(),
            narrowed: self.narrowed,
            within: self.within,
            dedup: self.dedup.as_ref().map(|_| Dedup::default()),
            held: None,
            matches: VecDeque::new(),
            flows: 0,
            seen: 0..0,
        };
        older.take(snapshot, now.start..self.seen.start);
        advance.older = older.matches.len();
        self.flows += older.flows;
        for found in older.matches.into_iter().rev() {
            self.matches.push_front(found);
        }
        let before = self.matches.len();
        self.take(snapshot, self.seen.end..now.end);
        // One that was held may have been taken back.
        advance.newer = self.matches.len().saturating_sub(before);
        self.seen = now;
        advance
    }

    /// Appends what matches.
    fn take(&mut self, snapshot: &Snapshot, range: Range<u64>) {
        for (number, item) in snapshot.iter(range) {
            let time = item.time();
            let outside = |(from, to)| time < from || time > to;
            if time > 0 && self.within.is_some_and(outside) {
                continue;
            }
            let kind = match item {
                Item::Flow(row) => {
                    if !self.program.matches(row) {
                        continue;
                    }
                    if let Some(dedup) = &mut self.dedup {
                        let step = dedup.push(row);
                        if let Some(held) = self.held.take()
                            && !step.pending_is_row
                        {
                            self.take_back(held);
                        }
                        match step.row {
                            dedup::Row::New => {}
                            dedup::Row::Pending => self.held = Some(number),
                            dedup::Row::Duplicate => continue,
                        }
                    }
                    Kind::Flow(row.verdict())
                }
                // That a node came or went is of no flow in particular: times without data are marked
                // otherwise, and a table of few flows isn't flooded.
                Item::Marker(mark) if self.narrowed && matches!(**mark, Marker::Nodes { .. }) => {
                    continue;
                }
                Item::Marker(mark) => Kind::Marker(mark.lost()),
            };
            let found = Match { number, time, kind };
            self.flows += usize::from(found.is_flow());
            self.matches.push_back(found);
        }
    }

    fn take_back(&mut self, number: u64) {
        let place = self.place(number);
        if self
            .matches
            .get(place)
            .is_some_and(|found| found.number == number)
        {
            let taken = self.matches.remove(place);
            self.flows -= usize::from(taken.is_some_and(|taken| taken.is_flow()));
        }
    }

    /// What matches.
    #[must_use]
    pub fn matches(&self) -> &VecDeque<Match> {
        &self.matches
    }

    /// How many of the matches are flows, and no marks.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows
    }

    /// Place among the matches of the first one whose number isn't below this one.
    #[must_use]
    pub fn place(&self, number: u64) -> usize {
        self.matches.partition_point(|found| found.number < number)
    }
}
