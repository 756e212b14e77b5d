//! Which items of a store match a filter, kept up to date, and their counts over time.

mod histogram;

use std::{collections::VecDeque, ops::Range};

use flow::{Filter, FlowView as _, Program, Verdict};

pub use histogram::{Bucket, Histogram};

use crate::store::{Item, Snapshot};

/// The items of a store that match a filter, in the store's order. Marks always do: nothing is
/// silently missing.
#[derive(Debug)]
pub struct View {
    program: Program,
    matches: VecDeque<Match>,
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
    Mark(u64),
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
    /// A view that has seen nothing yet.
    #[must_use]
    pub fn new(filter: &Filter) -> Self {
        Self {
            program: filter.program(),
            matches: VecDeque::new(),
            seen: 0..0,
        }
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
            self.matches.pop_front();
            advance.evicted += 1;
        }
        self.seen.start = self.seen.start.clamp(now.start, now.end);
        self.seen.end = self.seen.end.clamp(self.seen.start, now.end);
        if now.start < self.seen.start {
            for (number, item) in snapshot.iter(now.start..self.seen.start).rev() {
                if let Some(kind) = kind(&mut self.program, item) {
                    self.matches.push_front(Match {
                        number,
                        time: item.time(),
                        kind,
                    });
                    advance.older += 1;
                }
            }
        }
        for (number, item) in snapshot.iter(self.seen.end..now.end) {
            if let Some(kind) = kind(&mut self.program, item) {
                self.matches.push_back(Match {
                    number,
                    time: item.time(),
                    kind,
                });
                advance.newer += 1;
            }
        }
        self.seen = now;
        advance
    }

    /// What matches.
    #[must_use]
    pub fn matches(&self) -> &VecDeque<Match> {
        &self.matches
    }

    /// Place among the matches of the first one whose number isn't below this one.
    #[must_use]
    pub fn place(&self, number: u64) -> usize {
        self.matches.partition_point(|found| found.number < number)
    }
}

fn kind(program: &mut Program, item: &Item) -> Option<Kind> {
    match item {
        Item::Flow(row) => program.matches(row).then(|| Kind::Flow(row.verdict())),
        Item::Mark(mark) => Some(Kind::Mark(mark.lost())),
    }
}
