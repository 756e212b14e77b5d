//! From the kernel's program into the history: packets at a steady rate, each with its event, and the
//! highest rate at which nothing is lost.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use abi::node::TRACE_PACKETS;
use arc_swap::ArcSwap;
use flows_agent::{
    history::History,
    node::names::{Endpoint, NameTable},
    observe::{Config, Observer, perf_source::PerfSource},
};
use loader::{
    Datapath, RingOptions,
    testrun::{Program, Runner},
};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::resource::{Usage, UsageWho, getrusage},
    unistd::Pid,
};

use testing_bench::median;
use testing_kernel::{ALLOW, CLIENT, Node, SERVER, segment};

use crate::{
    common::{ALLOW_FRONTEND, names},
    row,
};

/// Events per second that are tried, in thousands.
const RATES: [u32; 9] = [250, 500, 750, 1_000, 1_250, 1_500, 2_000, 2_500, 3_000];
/// How long each is kept up.
const LASTS: Duration = Duration::from_secs(1);
/// A burst of packets comes as often.
const BEAT: Duration = Duration::from_millis(1);
/// A rate counts if none of so many runs loses an event.
const RUNS: u32 = 5;

/// Packets by one CPU; readers, observer and history on another.
pub(crate) fn sustained() {
    let node = Node::up();
    let mut datapath = node.open();
    let mut desired = node.usual();
    desired.settings.flags |= TRACE_PACKETS;
    datapath.apply(&desired).expect("the maps take it");
    let cpus = thread::available_parallelism().expect("known").get();
    assert!(cpus > 1, "this bench needs two CPUs");

    pin(0);
    let readers = datapath
        .rings(RingOptions::default())
        .expect("rings are to be had");
    let sources = readers
        .into_iter()
        .map(|reader| Box::new(PerfSource::new(reader, Arc::default())) as _)
        .collect();
    let names = Arc::new(ArcSwap::from_pointee(named()));
    let (history, writer) = History::new(1_000_000, Arc::clone(&names.load().node));
    let observer = Observer::start(Config::new(sources), names, writer).expect("threads");
    // Threads that are there keep their CPU.
    pin(cpus - 1);

    let runner = datapath
        .runner(Program::FromPod, node.client)
        .expect("the program is loaded");
    for is_first in [true, false] {
        let packet = segment(SERVER, 1_000, 80, is_first);
        runner.run(&packet, 1).expect("a packet of a connection");
    }
    let mut best = None;
    'rates: for rate in RATES {
        let (mut cost, mut reached) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let before = counts(&datapath, &observer);
            let began = cpu_time();
            let (events, per_second) = send(&runner, rate);
            let after = settled(&datapath, &observer, before.attempted + events);
            cost.push((cpu_time() - began).as_nanos() as f64 / events as f64);
            reached.push(per_second);
            if after.lost != before.lost {
                break 'rates;
            }
        }
        best = Some((median(reached), median(cost)));
    }
    let (rate, cost) = best.expect("the lowest rate loses nothing");
    let millions = rate / 1e6;
    let name = "from the kernel to the history, without a loss";
    row(name, millions, "M events/s", Some(">= 1"));
    row(
        "reader and observer at that rate, CPU",
        cost,
        "ns/event",
        None,
    );
    let view = history.view();
    assert!(view.flows() > 0, "the history has them");
    observer.stop().expect("no source breaks");
}

/// What was attempted, and what of it was lost at whatever stage.
#[derive(Clone, Copy, Debug)]
struct Counts {
    attempted: u64,
    stored: u64,
    lost: u64,
}

fn counts(datapath: &Datapath, observer: &Observer) -> Counts {
    let kernel = datapath.stats().counters().expect("counters can be read");
    let stats = observer.stats();
    Counts {
        attempted: kernel.events_attempted,
        stored: stats.stored.load(Ordering::Relaxed),
        lost: kernel.events_failed + stats.sum(|reader| &reader.queue_lost),
    }
}

/// Waits until each of so many events is stored or counted as lost.
fn settled(datapath: &Datapath, observer: &Observer, attempted: u64) -> Counts {
    let began = Instant::now();
    loop {
        let counts = counts(datapath, observer);
        assert!(counts.attempted >= attempted, "each packet has its event");
        if counts.stored + counts.lost == counts.attempted {
            return counts;
        }
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(10), "unaccounted: {counts:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Sends so many thousand packets per second, a burst at every beat. Returns how many, and how many per
/// second it came to. A beat that is late is not made up for: that would be another rate.
fn send(runner: &Runner, rate: u32) -> (u64, f64) {
    let packet = segment(SERVER, 1_000, 80, false);
    let (mut events, began) = (0, Instant::now());
    while began.elapsed() < LASTS {
        let beat = Instant::now();
        runner.run(&packet, rate).expect("an established packet");
        events += u64::from(rate);
        // Sleeping would overrun the beat.
        while beat.elapsed() < BEAT {
            std::hint::spin_loop();
        }
    }
    (events, events as f64 / began.elapsed().as_secs_f64())
}

/// CPU time of all threads but this one.
fn cpu_time() -> Duration {
    let total = |usage: Usage| {
        let sum = usage.user_time() + usage.system_time();
        Duration::from_micros(
            u64::try_from(sum.tv_sec()).unwrap_or(0) * 1_000_000
                + u64::try_from(sum.tv_usec()).unwrap_or(0),
        )
    };
    let usage = |who| total(getrusage(who).expect("a valid question"));
    usage(UsageWho::RUSAGE_SELF).saturating_sub(usage(UsageWho::RUSAGE_THREAD))
}

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).expect("a CPU's number");
    sched_setaffinity(Pid::from_raw(0), &set).expect("a CPU of this machine");
}

/// The usual names, with the fixture's two pods and its rule.
fn named() -> NameTable {
    let mut names = names();
    let pods: Vec<(u32, Ipv4Addr)> = vec![(1, CLIENT), (2, SERVER)];
    let known: Vec<Arc<Endpoint>> = names.by_index.values().cloned().collect();
    for ((index, address), endpoint) in pods.into_iter().zip(known) {
        names.by_index.insert(index, Arc::clone(&endpoint));
        names
            .by_address
            .insert(IpAddr::from(address).into(), endpoint);
    }
    if let Some(rule) = names.attributions.get(&ALLOW_FRONTEND).cloned() {
        names.attributions.insert(ALLOW, rule);
    }
    names
}
