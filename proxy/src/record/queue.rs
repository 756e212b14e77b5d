//! The queue of records: bounded, never waited for, and what didn't fit is counted at its place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Record;

/// Bytes of the texts of all records in the queue: clients choose them, and a URL has thousands.
const MAX_BYTES: usize = 64 << 20;

/// Records between those who carry and the one who reads.
#[derive(Debug)]
pub struct Records {
    state: Mutex<State>,
    arrived: Notify,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    /// A gap is behind the records that came before it.
    queue: VecDeque<Entry>,
    /// Of the texts of its records.
    bytes: usize,
    counts: Counts,
    /// Which reader is the present one.
    reader: u64,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "gaps are rare, and boxes would cost each record"
)]
pub enum Entry {
    /// A record.
    Record(Record),
    /// So many records did not fit here.
    Lost(u64),
}

/// What became of all records: made = delivered + lost + those in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records made.
    pub made: u64,
    /// Records handed to a reader.
    pub delivered: u64,
    /// Records for which there was no room.
    pub lost: u64,
}

/// The present reader; a newer one takes its place.
#[derive(Debug)]
pub struct Reader {
    records: Arc<Records>,
    number: u64,
}

impl Counts {
    /// Records in the queue.
    pub fn waiting(&self) -> u64 {
        self.made - self.delivered - self.lost
    }
}

impl Records {
    /// An empty queue for at most so many records, and at most 64 MiB of texts.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            arrived: Notify::new(),
            most: most.max(1),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record in, or counts it as lost.
    pub fn push(&self, record: Record) {
        let bytes = record.bytes();
        let mut state = self.state();
        state.counts.made += 1;
        if state.queue.len() < self.most && state.bytes + bytes <= MAX_BYTES {
            state.bytes += bytes;
            state.queue.push_back(Entry::Record(record));
        } else {
            state.counts.lost += 1;
            match state.queue.back_mut() {
                Some(Entry::Lost(count)) => *count += 1,
                Some(Entry::Record(_)) | None => state.queue.push_back(Entry::Lost(1)),
            }
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// What became of the records so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Begins to read; whoever read before stops.
    pub fn reader(self: &Arc<Self>) -> Reader {
        let mut state = self.state();
        state.reader += 1;
        let number = state.reader;
        drop(state);
        self.arrived.notify_waiters();
        Reader {
            records: Arc::clone(self),
            number,
        }
    }
}

impl Reader {
    /// The next entries, at least one and at most so many; `None`: there is a newer reader. What it returns is
    /// delivered; a caller that goes away while it waits loses nothing.
    pub async fn next(&mut self, most: usize) -> Option<Vec<Entry>> {
        loop {
            let arrived = self.records.arrived.notified();
            tokio::pin!(arrived);
            // From now on nothing that arrives is missed.
            arrived.as_mut().enable();
            {
                let mut state = self.records.state();
                if state.reader != self.number {
                    return None;
                }
                if !state.queue.is_empty() {
                    let count = most.max(1).min(state.queue.len());
                    let entries: Vec<Entry> = state.queue.drain(..count).collect();
                    for entry in &entries {
                        if let Entry::Record(record) = entry {
                            state.counts.delivered += 1;
                            state.bytes -= record.bytes();
                        }
                    }
                    return Some(entries);
                }
            }
            arrived.await;
        }
    }
}
