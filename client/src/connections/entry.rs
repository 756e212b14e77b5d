//! What stands in a list of connections.

use flow::{
    Verdict,
    connection::{ConnectionId, TupleId},
};

use crate::view::{Kind, Match};

/// A connection, a denied request, or a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it began, Unix ns.
    pub start: i64,
    /// Which connection; `None`: a mark or, by its kind, a denied request.
    pub id: Option<ConnectionId>,
    /// Time of its last event, Unix ns.
    pub last: i64,
    /// Number in the store of the flow that explains it, or of the mark.
    pub number: u64,
    /// What it counts as; a connection by its verdict.
    pub kind: Kind,
    /// Alike for those that are one row of a table; `None`: it is a row by itself.
    pub cause: Option<u64>,
    /// Of a connection of which there is no more to say than that its requests were denied: how many; else 0.
    pub(super) only_denied: u32,
    /// Of a denied request: between which ends.
    pub(super) ends: Option<TupleId>,
    /// Which look at the connections saw it as it is.
    pub(super) read: u64,
}

impl Entry {
    pub(super) fn order(&self) -> (i64, Option<ConnectionId>, u64) {
        // The flow that explains a connection changes, and the connection stays where it is.
        let number = if self.id.is_some() { 0 } else { self.number };
        (self.start, self.id, number)
    }

    /// Whether it is a denied request, whose flow has the number.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.id.is_none() && matches!(self.kind, Kind::Flow(_))
    }

    /// Whether it is a mark: no connection, and no request.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        matches!(self.kind, Kind::Marker(_))
    }

    /// Whether it was denied or dropped.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        matches!(self.kind, Kind::Flow(Verdict::Dropped | Verdict::Error))
    }

    /// As a match of the time that it began: for counts over time.
    #[must_use]
    pub fn as_match(&self) -> Match {
        Match {
            number: self.number,
            time: self.start,
            kind: self.kind,
        }
    }
}
