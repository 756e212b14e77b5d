//! What nodes lost, and which connections that may concern.

use std::collections::VecDeque;

use super::NodeId;

/// Losses that are kept; older ones are no longer told.
const MOST: usize = 4_096;
/// A node says at most so long (ns) after a loss that there was one.
const SLACK: i64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Loss {
    node: NodeId,
    first: i64,
    last: i64,
    events: u64,
}

/// The newest losses.
#[derive(Debug, Default)]
pub(super) struct Losses(VecDeque<Loss>);

impl Losses {
    pub(super) fn push(&mut self, node: NodeId, first: i64, last: i64, events: u64) {
        let loss = Loss {
            node,
            first,
            last,
            events,
        };
        if self.0.iter().rev().take(64).any(|known| *known == loss) {
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(loss);
    }

    /// Events that a node lost in a time.
    pub(super) fn between(&self, node: NodeId, start: i64, last: i64) -> u64 {
        let (start, last) = (start.saturating_sub(SLACK), last.saturating_add(SLACK));
        let of = self.0.iter();
        let of = of.filter(|loss| loss.node == node && loss.first <= last && loss.last >= start);
        of.fold(0, |sum, loss| sum.saturating_add(loss.events))
    }
}
