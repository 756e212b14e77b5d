//! The thread of one ring: drains it in place into the queue to the observer.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{Builder, JoinHandle, Thread},
    time::Duration,
};

use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Observer as _, Producer as _, Split as _},
};

use tracing::debug;

use super::{
    clock,
    source::{Item, Source},
};
use crate::fact::{Fact, Loss, Stage};

/// Facts that fit between a reader and the observer; about 110 bytes each.
pub const QUEUE_LEN: usize = 65_536;
/// How long a ring is left alone at most. The kernel wakes the reader earlier if the ring fills.
pub const DRAIN_EVERY: Duration = Duration::from_millis(5);
/// Of a reader's thread.
const NICENESS: i32 = -15;
/// A drain that began at `t` has seen all events stamped before `t` less this: between taking its
/// time and entering the ring an event may be interrupted.
const SETTLE_NS: u64 = 200_000;

/// What a reader tells of itself.
#[derive(Debug, Default)]
pub struct ReaderStats {
    /// Events taken from the ring.
    pub received: AtomicU64,
    /// Reported lost by the ring.
    pub ring_lost: AtomicU64,
    /// Lost because the queue was full.
    pub queue_lost: AtomicU64,
    /// Records that could not be read.
    pub malformed: AtomicU64,
    /// Kernel time before which everything of this ring is in the queue or counted as lost.
    drained_to: AtomicU64,
}

impl ReaderStats {
    pub(super) fn drained_to(&self) -> u64 {
        self.drained_to.load(Ordering::Acquire)
    }
}

/// A ring's reader, seen from the observer.
pub(super) struct Reader {
    pub(super) cpu: u32,
    pub(super) queue: HeapCons<Fact>,
    pub(super) stats: Arc<ReaderStats>,
    pub(super) thread: JoinHandle<io::Result<()>>,
}

impl Reader {
    /// Starts the thread. It ends when `stop` is set or the source breaks; the queue then holds all
    /// that was read.
    pub(super) fn start(
        source: Box<dyn Source>,
        queue_len: usize,
        stop: Arc<AtomicBool>,
        observer: Thread,
    ) -> io::Result<Self> {
        let cpu = source.cpu();
        let (producer, queue) = HeapRb::new(queue_len).split();
        let stats = Arc::new(ReaderStats::default());
        let mut state = State {
            producer,
            stats: Arc::clone(&stats),
            cpu,
            queue_len,
            owed: 0,
            owed_first: 0,
            drained: clock::monotonic()?,
        };
        let thread = Builder::new().name(format!("ring-{cpu}")).spawn(move || {
            go_first();
            state.run(source, &stop, &observer)
        })?;
        Ok(Self {
            cpu,
            queue,
            stats,
            thread,
        })
    }
}

/// Asks to run before the node's other work, the observer's included: a ring fills while its reader
/// waits for a CPU, and what finds it full is lost. A reader works for a few ns per event.
fn go_first() {
    if let Err(error) = loader::set_thread_niceness(NICENESS) {
        debug!(%error, "the reader of a ring has no priority");
    }
}

struct State {
    producer: HeapProd<Fact>,
    stats: Arc<ReaderStats>,
    cpu: u32,
    queue_len: usize,
    /// Lost since the queue is full, not yet marked in it.
    owed: u64,
    /// Time of the first of those.
    owed_first: u64,
    /// When the ring was drained before: what it reports lost is not older.
    drained: u64,
}

impl State {
    fn run(
        &mut self,
        mut source: Box<dyn Source>,
        stop: &AtomicBool,
        observer: &Thread,
    ) -> io::Result<()> {
        loop {
            // Read before the last drain, so that what came before the stop is still taken.
            let last = stop.load(Ordering::Acquire);
            if !last {
                source.wait(DRAIN_EVERY)?;
            }
            let began = clock::monotonic()?;
            source.drain(&mut |item| self.take(item, began))?;
            self.pay(began);
            self.drained = began;
            let drained_to = if last {
                u64::MAX
            } else {
                began - SETTLE_NS.min(began)
            };
            self.stats.drained_to.store(drained_to, Ordering::Release);
            if last || self.producer.occupied_len() * 2 > self.queue_len {
                observer.unpark();
            }
            if last {
                return Ok(());
            }
        }
    }

    fn take(&mut self, item: Item, now: u64) {
        match item {
            Item::Packet(arrived) => {
                let time = arrived.packet.time();
                self.stats.received.fetch_add(1, Ordering::Relaxed);
                self.pay(time);
                if self.owed > 0 || self.producer.try_push(Fact::Packet(arrived)).is_err() {
                    self.owe(1, time);
                    self.stats.queue_lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Item::Lost(events) => {
                self.stats.ring_lost.fetch_add(events, Ordering::Relaxed);
                let mark = Fact::Loss(Loss {
                    time: now,
                    first: self.drained,
                    stage: Stage::PerfRing,
                    events,
                    cpu: Some(self.cpu),
                });
                // Its place is lost if there is no room, its count is not: it joins the next mark.
                if self.producer.try_push(mark).is_err() {
                    self.owed_ring(events);
                }
            }
            Item::Malformed => {
                self.stats.malformed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn owe(&mut self, events: u64, first: u64) {
        if self.owed == 0 {
            self.owed_first = first;
        }
        self.owed += events;
    }

    /// A mark of the ring's own that found no room is told as the queue's.
    fn owed_ring(&mut self, events: u64) {
        self.owe(events, self.drained);
        self.stats.ring_lost.fetch_sub(events, Ordering::Relaxed);
        self.stats.queue_lost.fetch_add(events, Ordering::Relaxed);
    }

    /// Marks what is owed, once there is room.
    fn pay(&mut self, now: u64) {
        if self.owed > 0 {
            let mark = Fact::Loss(Loss {
                time: now,
                first: self.owed_first,
                stage: Stage::Queue,
                events: self.owed,
                cpu: Some(self.cpu),
            });
            if self.producer.try_push(mark).is_ok() {
                self.owed = 0;
            }
        }
    }
}
