//! The connections of a store, kept up to date as flows come.

use std::{collections::VecDeque, ops::Range};

use flow::connection::{Connections, Limits, TupleId};

use crate::store::{Item, Marker, Snapshot};

/// Changes that are remembered: a list that is further behind looks at everything again.
const LOG: usize = 1 << 18;

/// See the module. Made for a store's newest state, or for what it was up to a moment.
#[derive(Debug)]
pub struct Joined {
    connections: Connections<u64>,
    /// Numbers of the store that have been looked at.
    seen: Range<u64>,
    /// Number of the first item after the last time that old ones were forgotten.
    pruned: u64,
    /// Counts how often all was joined anew.
    epoch: u64,
    /// Whose events came, in this order.
    log: VecDeque<TupleId>,
    /// How many were logged before the first one that still is.
    logged: u64,
}

/// A place in the changes of a [`Joined`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    epoch: u64,
    logged: u64,
}

impl Default for Joined {
    fn default() -> Self {
        Self {
            connections: unlimited(),
            seen: 0..0,
            pruned: 0,
            // The position of who has seen nothing is of no epoch.
            epoch: 1,
            log: VecDeque::new(),
            logged: 0,
        }
    }
}

/// The store limits how many there can be: no flow is of two connections, and those of which it holds no
/// flow are forgotten.
fn unlimited() -> Connections<u64> {
    Connections::new(Limits { tuples: usize::MAX })
}

impl Joined {
    /// What was known when the item of a number was the newest.
    #[must_use]
    pub fn until(snapshot: &Snapshot, at: u64) -> Self {
        let mut joined = Self::default();
        let range = snapshot.range();
        joined.seen = range.start..range.start;
        joined.take(snapshot, range.start..range.end.min(at.saturating_add(1)));
        joined
    }

    /// Takes in what has come, and lets go of what has left.
    pub fn advance(&mut self, snapshot: &Snapshot) {
        let now = snapshot.range();
        if self.seen.is_empty() {
            self.seen = now.start..now.start;
            self.pruned = now.start;
        }
        if now.start < self.seen.start || now.end < self.seen.end {
            // A node's events are to come in order: older ones can't be put before them.
            *self = Self {
                epoch: self.epoch + 1,
                seen: now.start..now.start,
                pruned: now.start,
                ..Self::default()
            };
        }
        self.take(snapshot, self.seen.end.max(now.start)..now.end);
        self.seen.start = now.start;
        // Looking at all is worth it once an eighth of them may have left.
        if now.start - self.pruned > (now.end - now.start) / 8 {
            self.pruned = now.start;
            self.connections
                .forget_unwitnessed(|number| *number >= now.start);
        }
    }

    fn take(&mut self, snapshot: &Snapshot, range: Range<u64>) {
        self.seen.end = range.end.max(self.seen.end);
        // One after the other they are often of the same: once is enough, unless somebody has looked
        // in between.
        let mut before = None;
        for (number, item) in snapshot.iter(range) {
            match item {
                Item::Flow(row) => {
                    let of = self.connections.push(row, || number);
                    if before != of {
                        self.log.extend(of);
                    }
                    before = of;
                }
                Item::Marker(marker) => {
                    if let Marker::Lost {
                        time, node, events, ..
                    } = &**marker
                    {
                        self.connections.lost(node, (*time, *time), *events);
                    }
                }
            }
        }
        let excess = self.log.len().saturating_sub(LOG);
        self.log.drain(..excess);
        self.logged += excess as u64;
    }

    /// The connections. Those of which the store holds no flow any more may still be among them: they
    /// can't be read.
    #[must_use]
    pub fn connections(&self) -> &Connections<u64> {
        &self.connections
    }

    pub(super) fn into_connections(self) -> Connections<u64> {
        self.connections
    }

    /// Grows when all is joined anew: connections then have other ids.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Numbers of the store that have been taken in.
    #[must_use]
    pub fn seen(&self) -> Range<u64> {
        self.seen.clone()
    }

    /// Where the changes stand.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            epoch: self.epoch,
            logged: self.logged + self.log.len() as u64,
        }
    }

    /// Whether connections still have the ids that they had at a position. Nothing was joined at the first.
    pub(super) fn is_continued(&self, position: Position) -> bool {
        position.epoch == self.epoch
    }

    /// Whose events came since; `None`: that isn't known any more, any may have.
    pub fn since(&self, position: Position) -> Option<impl Iterator<Item = TupleId>> {
        let behind = position.logged.checked_sub(self.logged)?;
        let from = usize::try_from(behind).ok()?;
        (position.epoch == self.epoch).then(|| self.log.range(from..).copied())
    }
}
