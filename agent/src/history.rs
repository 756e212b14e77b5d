//! The newest flows of this node, in memory.
//!
//! ```text
//!  sealed   sealed   sealed  | open: chunk  chunk  c |  pending
//!  oldest, next to go        | published per drain   |  the writer's own
//!  `--------------- View, swapped as a whole -------'
//! ```
//!
//! A segment is immutable, so readers hold one by its `Arc` and never block the writer. A reader that
//! is overtaken by eviction is told exactly how many events it missed ([`Cursor::next_run`]).
//! What is kept of a fact is in `segment`, how facts become Hubble's flows in [`crate::hubble`].

mod other;
mod segment;
mod summary;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use other::NamedRequest;
pub use segment::{Entry, PacketRef, RequestRef, Segment, losses_between};
pub use summary::{Summary, Totals};
pub use writer::Writer;

use crate::node::names::Node;

/// The readers' side. Shared by all who read.
#[derive(Debug)]
pub struct History {
    view: ArcSwap<View>,
    progress: AtomicU64,
    changed: watch::Sender<u64>,
    capacity: u64,
    evicted_unread: AtomicU64,
}

impl History {
    /// An empty history that keeps at least the newest `capacity` flows, and its writer.
    pub fn new(capacity: u64, node: Arc<Node>) -> (Arc<Self>, Writer) {
        let history = Arc::new(Self {
            view: ArcSwap::from_pointee(View::new(Box::from([]), Totals::default())),
            progress: AtomicU64::new(0),
            changed: watch::Sender::new(0),
            capacity,
            evicted_unread: AtomicU64::new(0),
        });
        let writer = Writer::new(Arc::clone(&history), capacity, node);
        (history, writer)
    }

    /// What is stored now. Hold it briefly: it keeps evicted segments alive.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Flows that are kept at least.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Wall clock in ns up to which everything is stored. Read it before the view that it is to
    /// speak of.
    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Acquire)
    }

    /// Tells whenever something was stored or progress was made.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Events that some reader missed because they were evicted first, summed over readers.
    pub fn evicted_unread(&self) -> u64 {
        self.evicted_unread.load(Ordering::Relaxed)
    }
}

/// The segments at one moment, oldest first, without gaps.
#[derive(Debug)]
pub struct View {
    segments: Box<[Arc<Segment>]>,
    end: Totals,
}

impl View {
    fn new(segments: Box<[Arc<Segment>]>, end: Totals) -> Self {
        Self { segments, end }
    }

    /// The segments.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Totals before the oldest record.
    pub fn start(&self) -> Totals {
        self.segments
            .first()
            .map_or(self.end, |first| first.start())
    }

    /// Totals after the newest record.
    pub fn end(&self) -> Totals {
        self.end
    }

    /// Flows held.
    pub fn flows(&self) -> u64 {
        self.end.flows - self.start().flows
    }

    /// Bytes held by records and tables, without the names that segments share.
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes()).sum()
    }
}

/// Events that a reader will never see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Evicted before they were read.
    pub evicted: u64,
    /// What the marks of losses among the evicted records told.
    pub lost: [u64; 2],
}

/// A stretch to read next: records of one segment from an index on.
#[derive(Debug)]
pub struct Run {
    /// The segment; the run goes to its end.
    pub segment: Arc<Segment>,
    /// Index of the first record.
    pub from: usize,
    /// Events that are missing before it.
    pub missed: Option<Missed>,
}

/// A reader's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    at: Totals,
}

impl Cursor {
    /// Before the oldest record of a view.
    pub fn oldest(view: &View) -> Self {
        Self { at: view.start() }
    }

    /// After the newest record of a view.
    pub fn newest(view: &View) -> Self {
        Self { at: view.end() }
    }

    /// Before a record of a segment.
    pub fn before(segment: &Segment, index: usize) -> Self {
        Self {
            at: segment.totals_at(index),
        }
    }

    /// Sequence number of the next record.
    pub fn sequence(&self) -> u64 {
        self.at.records
    }

    /// The next stretch, `None` if there is nothing new. Moves to its end: who stops earlier sets the
    /// cursor by [`before`](Self::before).
    pub fn next_run(&mut self, history: &History) -> Option<Run> {
        let view = history.view.load();
        let start = view.start();
        let missed = (start.records > self.at.records).then(|| Missed {
            evicted: start.events - self.at.events,
            lost: [
                start.lost[0] - self.at.lost[0],
                start.lost[1] - self.at.lost[1],
            ],
        });
        if let Some(missed) = &missed {
            self.at = start;
            history
                .evicted_unread
                .fetch_add(missed.evicted, Ordering::Relaxed);
        }
        let at = view
            .segments
            .partition_point(|segment| segment.end().records <= self.at.records);
        let segment = view.segments.get(at)?;
        let from = usize::try_from(self.at.records - segment.start().records)
            .expect("an index in a segment is small");
        self.at = segment.end();
        Some(Run {
            segment: Arc::clone(segment),
            from,
            missed,
        })
    }
}
