//! What changed in the cluster's state, as the server has recorded it.

use client::RequestError;
use flow::time::Zone;
use proto::flows::v1::{Change, GetChangesRequest, GetChangesResponse, change::Action};

use crate::policy::changes::{revisions, what};

/// Most changes that are asked for and held, the newest.
const MOST: u32 = 500;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By the time since which they are in force on a node.
    all: Vec<Change>,
    /// The server records none: a stock Hubble.
    unsupported: bool,
    /// It has said what there is.
    known: bool,
}

/// The question for them; what the objects were is not asked.
pub(crate) fn request() -> GetChangesRequest {
    GetChangesRequest {
        number: MOST,
        without_objects: true,
        ..GetChangesRequest::default()
    }
}

/// When it came into force, Unix ns.
pub(crate) fn time(change: &Change) -> i64 {
    change.time.unwrap_or_default().unix_nanos()
}

/// `03:10:25 revision 118: cnp shop/web changed: lost rule ...`.
pub(crate) fn text(change: &Change, zone: &Zone) -> String {
    let clock = zone.clock_seconds(time(change));
    match &*revisions(change) {
        "-" => format!("{clock} {}", what(change, zone)),
        revision => format!("{clock} revision {revision}: {}", what(change, zone)),
    }
}

impl Changes {
    /// Takes what a server said. One that fails for once leaves what is known.
    pub(crate) fn take(&mut self, answer: Result<GetChangesResponse, RequestError>) {
        match answer {
            Ok(answer) => {
                self.known = true;
                self.all = answer.changes;
                // A first state is no change.
                self.all
                    .retain(|change| change.action() != Action::FirstState);
                self.all.sort_by_key(time);
                let more = self
                    .all
                    .len()
                    .saturating_sub(usize::try_from(MOST).unwrap_or(0));
                self.all.drain(..more);
            }
            Err(error) => self.unsupported |= error.is_unsupported(),
        }
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> &[Change] {
        &self.all
    }

    /// Whether it is worth asking.
    pub(crate) fn is_asked(&self) -> bool {
        !self.unsupported
    }

    /// Whether the server has said what there is.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// Another server, or another connection: nothing is known.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Those of a time (Unix ns, both included), the oldest first.
    pub(crate) fn between(&self, from: i64, to: i64) -> &[Change] {
        let first = self.all.partition_point(|change| time(change) < from);
        let last = self.all.partition_point(|change| time(change) <= to);
        self.all.get(first..last.max(first)).unwrap_or_default()
    }

    /// The time of the next one after a moment or of the last one before it, Unix ns.
    pub(crate) fn next(&self, at: i64, forward: bool) -> Option<i64> {
        let found = match forward {
            true => self.all.iter().find(|change| time(change) > at),
            false => self.all.iter().rev().find(|change| time(change) < at),
        };
        found.map(time)
    }
}
