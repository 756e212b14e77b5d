//! From the rings to the history.
//!
//! ```text
//!  ring 0 -- reader thread -- queue --.
//!  ring 1 -- reader thread -- queue ---+-- observer thread: merge by time, name, append, publish
//!  ...                                 |
//!  the proxy's records ------ queue ---'
//! ```
//!
//! Every stage counts what it loses, and marks it at its place in the history.

pub mod egress_device;
mod flow_metrics;
pub mod perf_source;
pub mod reader;
mod request_metrics;
mod resolver;
mod rule_counts;
pub mod source;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::Receiver,
    },
    thread::{Builder, JoinHandle},
};

use arc_swap::ArcSwap;
use ringbuf::traits::Consumer as _;

use self::{
    egress_device::egress_device,
    reader::{DRAIN_EVERY, QUEUE_LEN, Reader},
    source::Source,
};
use crate::{
    fact::{Fact, Loss, Stage},
    history::Writer,
    node::{
        clock::{self, Clock},
        names::NameTable,
    },
};

pub use egress_device::{EgressDevices, KernelEgressDevices};
pub use flow_metrics::{FlowMetrics, FlowMetricsKey};
pub use reader::ReaderStats;
pub use request_metrics::{BOUNDS, Family, Latency, RequestCounts, RequestMetrics};
pub use resolver::Resolver;
pub use rule_counts::{ItemCount, RuleCounts, RuleSeries};

/// How often the clocks are compared.
const MEASURE_EVERY_NS: u64 = 1_000_000_000;

/// What goes into an observer.
pub struct Config {
    /// One per CPU.
    pub sources: Vec<Box<dyn Source>>,
    /// Events per queue, [`QUEUE_LEN`] unless a test wants it full.
    pub queue_len: usize,
    /// Kernel time to time of day; `None`: this machine's, measured again and again.
    pub clock: Option<Clock>,
    /// Events that a predecessor left unread in the rings.
    pub left_unread: u64,
    /// By which device packets leave; `None`: that isn't told.
    pub egress_devices: Option<Box<dyn EgressDevices>>,
    /// What the proxy tells, at the time of day; `None`: there is no proxy.
    pub proxy: Option<Receiver<Fact>>,
}

impl Config {
    /// The usual.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Self {
        Self {
            sources,
            queue_len: QUEUE_LEN,
            clock: None,
            left_unread: 0,
            egress_devices: None,
            proxy: None,
        }
    }
}

/// What the observer tells of itself.
#[derive(Debug, Default)]
pub struct Stats {
    /// CPU and figures of each ring's reader.
    pub readers: Vec<(u32, Arc<ReaderStats>)>,
    /// Events stored.
    pub stored: AtomicU64,
    /// Left unread by a predecessor.
    pub left_unread: u64,
    /// Flows by what metrics tell apart.
    pub flow_metrics: FlowMetrics,
    /// Requests by what metrics tell apart.
    pub request_metrics: RequestMetrics,
}

impl Stats {
    /// Sum over readers.
    pub fn sum(&self, of: impl Fn(&ReaderStats) -> &AtomicU64) -> u64 {
        self.readers
            .iter()
            .map(|(_, stats)| of(stats).load(Ordering::Relaxed))
            .sum()
    }
}

/// The running threads. Dropping it does not stop them: call [`stop`](Self::stop).
#[derive(Debug)]
pub struct Observer {
    stop: Arc<AtomicBool>,
    stats: Arc<Stats>,
    thread: JoinHandle<io::Result<()>>,
}

impl Observer {
    /// Starts the threads.
    ///
    /// # Errors
    /// A thread cannot be started, or the clock cannot be read.
    pub fn start(
        config: Config,
        names: Arc<ArcSwap<NameTable>>,
        writer: Writer,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let clock = match config.clock {
            Some(clock) => clock,
            None => Clock::measure()?,
        };
        let (handover, taken) = std::sync::mpsc::sync_channel::<State>(1);
        let thread = Builder::new().name("observer".into()).spawn(move || {
            match taken.recv() {
                Ok(state) => state.run(),
                // The starter gave up before the hand-over and has told its own error.
                Err(_gone) => Ok(()),
            }
        })?;
        let readers = config
            .sources
            .into_iter()
            .map(|source| {
                Reader::start(
                    source,
                    config.queue_len,
                    Arc::clone(&stop),
                    thread.thread().clone(),
                )
            })
            .collect::<io::Result<Vec<_>>>()?;
        let stats = Arc::new(Stats {
            readers: readers
                .iter()
                .map(|reader| (reader.cpu, Arc::clone(&reader.stats)))
                .collect(),
            stored: AtomicU64::new(0),
            left_unread: config.left_unread,
            flow_metrics: FlowMetrics::default(),
            request_metrics: RequestMetrics::default(),
        });
        let state = State {
            readers,
            batch: Vec::new(),
            names,
            resolver: Resolver::default(),
            writer,
            clock,
            measure: config.clock.is_none(),
            stats: Arc::clone(&stats),
            counts: flow_metrics::Counts::default(),
            egress_devices: config.egress_devices,
            proxy: config.proxy,
            settled: 0,
        };
        handover
            .send(state)
            .map_err(|_gone| io::Error::other("the observer thread ended before it began"))?;
        Ok(Self {
            stop,
            stats,
            thread,
        })
    }

    /// Its figures.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// The threads have ended, which they do unasked only when a source broke.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Drains the rings a last time, stores everything and ends the threads. Blocks a few
    /// milliseconds.
    ///
    /// # Errors
    /// What broke a source.
    pub fn stop(self) -> io::Result<()> {
        self.stop.store(true, Ordering::Release);
        join(self.thread)
    }
}

fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread
        .join()
        .unwrap_or_else(|_panic| Err(io::Error::other("a thread of the observer panicked")))
}

struct State {
    readers: Vec<Reader>,
    /// Taken from the queues, not yet old enough to be stored; sorted by time.
    batch: Vec<(u64, Fact)>,
    names: Arc<ArcSwap<NameTable>>,
    resolver: Resolver,
    writer: Writer,
    clock: Clock,
    measure: bool,
    stats: Arc<Stats>,
    counts: flow_metrics::Counts,
    egress_devices: Option<Box<dyn EgressDevices>>,
    proxy: Option<Receiver<Fact>>,
    /// Kernel time up to which everything is stored.
    settled: u64,
}

impl State {
    fn run(mut self) -> io::Result<()> {
        if self.stats.left_unread > 0 {
            let time = clock::wall()?;
            self.writer.lost(&Loss {
                time,
                first: time,
                stage: Stage::PerfRing,
                events: self.stats.left_unread,
                cpu: None,
            });
        }
        let mut measured = clock::monotonic()?;
        loop {
            let ended = self
                .readers
                .iter()
                .all(|reader| reader.thread.is_finished());
            let now = clock::monotonic()?;
            if self.measure && now.saturating_sub(measured) > MEASURE_EVERY_NS {
                self.clock = Clock::measure()?;
                measured = now;
            }
            self.pass(ended, now);
            if ended {
                break;
            }
            let broken = self
                .readers
                .iter()
                .any(|reader| reader.thread.is_finished() && reader.stats.drained_to() != u64::MAX);
            if broken {
                break;
            }
            std::thread::park_timeout(DRAIN_EVERY);
        }
        self.readers.into_iter().try_for_each(|reader| {
            if reader.thread.is_finished() {
                join(reader.thread)
            } else {
                Ok(())
            }
        })
    }

    /// One round: takes what the queues hold and stores what no queue can undercut any more.
    fn pass(&mut self, ended: bool, now: u64) {
        // Before the queues are emptied: what is stamped earlier is in them by now.
        let settled = self
            .readers
            .iter()
            .map(|reader| reader.stats.drained_to())
            .min()
            .map_or(now, |to| if ended { u64::MAX } else { to });
        for reader in &mut self.readers {
            let facts = reader.queue.pop_iter();
            self.batch.extend(facts.map(|fact| (fact.time(), fact)));
        }
        for fact in self.proxy.iter().flat_map(Receiver::try_iter) {
            // It comes by a longer way than packets do, and nothing may be stored behind what is later.
            let time = self.clock.monotonic(fact.time()).max(self.settled);
            self.batch.push((time, fact.at(time)));
        }
        // Stable, and linear on what it mostly is: a few sorted runs.
        self.batch.sort_by_key(|(time, _)| *time);
        let ready = self.batch.partition_point(|(time, _)| *time < settled);
        if let Some(policies) = self.resolver.update(&self.names.load()) {
            self.stats.request_metrics.keep_policies(&policies);
        }
        if let Some(egress_devices) = &mut self.egress_devices {
            egress_devices.begin();
        }
        let mut stored = 0;
        for (time, fact) in self.batch.drain(..ready) {
            match fact {
                Fact::Packet(mut arrived) => {
                    stored += 1;
                    let mut named = self.resolver.name(&arrived);
                    named.device = self.egress_devices.as_mut().and_then(|egress_devices| {
                        egress_device(&mut **egress_devices, &arrived.packet, &named)
                    });
                    self.counts.count(&arrived.packet);
                    arrived.packet = arrived.packet.at(self.clock.wall(time));
                    self.writer.packet(&arrived, &named, self.resolver.node());
                }
                Fact::Request(mut request) => {
                    stored += 1;
                    request.time = self.clock.wall(time);
                    let named = self.resolver.name_request(*request);
                    self.stats.request_metrics.count(&named);
                    self.writer.request(named, self.resolver.node());
                }
                Fact::Loss(mut loss) => {
                    loss.time = self.clock.wall(loss.time);
                    loss.first = self.clock.wall(loss.first);
                    self.writer.lost(&loss);
                }
            }
        }
        self.settled = settled.min(now);
        self.stats.stored.fetch_add(stored, Ordering::Relaxed);
        self.counts.flush(&self.stats.flow_metrics);
        let progress = self.clock.wall(settled.min(now));
        self.writer.publish(progress);
    }
}
