//! An event's way: from the kernel's program through the rings into the history; then the parts of its
//! user half: naming and storing it, reading it back as Hubble's messages, and the filter over what is
//! stored. What the kernel's half of an event costs is in `cargo xtask bench verdict`.
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "../../tests/common/mod.rs"]
mod common;
mod kernel;

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use abi::event::{self, Event};
use common::{Fed, default_deny, names, new_connection};
use flows_agent::{
    api::Selection,
    fact::Arrived,
    history::{Cursor, Entry, History},
    hubble::FlowBuilder,
    node::clock::Clock,
    observe::{Config, Observer, Resolver},
};
use proto::flow::FlowFilter;
use testing_bench::Row;

const EVENTS: u32 = 1_000_000;
const RUNS: usize = 7;

fn main() {
    kernel::sustained();
    store();
    pipeline();
    let history = filled();
    scan(&history);
    expand(&history);
}

/// One in ten is dropped, as two flows; the others are one flow each.
fn mixed(n: u32) -> Event {
    let port = u16::try_from(n % 60_000).expect("below 60,000");
    if n.is_multiple_of(10) {
        Event {
            src_port: port,
            ..default_deny(u64::from(n))
        }
    } else {
        Event {
            src_port: port,
            kind: event::ACTIVE,
            ..new_connection(u64::from(n))
        }
    }
}

/// Naming and appending, published every 5,000 events as a drain at 1 M/s would.
fn store() {
    let names = Arc::new(names());
    let mut bytes_per_flow = 0.0;
    let mut bytes_per_event = 0.0;
    let per_event = median(|| {
        let mut resolver = Resolver::default();
        resolver.update(&names);
        let (history, mut writer) = History::new(1_000_000, Arc::clone(&names.node));
        let began = Instant::now();
        for n in 0..EVENTS {
            let event = mixed(n);
            let arrived = arrived(event);
            let named = resolver.name(&arrived);
            writer.packet(&arrived, &named, resolver.node());
            if n.is_multiple_of(5000) {
                writer.publish(u64::from(n));
            }
        }
        writer.publish(0);
        let took = began.elapsed();
        let view = history.view();
        let events = view.end().events - view.start().events;
        bytes_per_flow = view.bytes() as f64 / view.flows() as f64;
        bytes_per_event = view.bytes() as f64 / events as f64;
        took.as_nanos() as f64 / f64::from(EVENTS)
    });
    row("naming and storing", per_event, "ns/event", None);
    row(
        "memory, one event in ten as two flows",
        bytes_per_flow,
        "bytes/flow",
        None,
    );
    row("memory", bytes_per_event, "bytes/event", None);
}

/// From two sources through queues, merge, naming and history, sources included.
fn pipeline() {
    let names = Arc::new(arc_swap::ArcSwap::from_pointee(names()));
    let per_second = median(|| {
        let (history, writer) = History::new(1_000_000, Arc::clone(&names.load().node));
        let feeds = [Fed::new(0), Fed::new(1)];
        for feed in &feeds {
            feed.events((0..EVENTS / 2).map(mixed));
        }
        let config = Config {
            queue_len: 1 << 20,
            clock: Some(Clock::with_offset(0)),
            ..Config::new(
                feeds
                    .iter()
                    .map(|feed| Box::new(feed.clone()) as _)
                    .collect(),
            )
        };
        let began = Instant::now();
        let observer = Observer::start(config, Arc::clone(&names), writer).expect("threads");
        while history.view().end().events < u64::from(EVENTS) {
            std::thread::park_timeout(Duration::from_micros(200));
        }
        let took = began.elapsed();
        assert_eq!(observer.stats().sum(|reader| &reader.queue_lost), 0);
        observer.stop().expect("no source breaks");
        f64::from(EVENTS) / took.as_secs_f64()
    });
    row(
        "queue, merge, naming and storing",
        per_second / 1e6,
        "M events/s",
        Some(">= 1"),
    );
}

fn filled() -> Arc<History> {
    let names = Arc::new(names());
    let mut resolver = Resolver::default();
    resolver.update(&names);
    let (history, mut writer) = History::new(1_000_000, Arc::clone(&names.node));
    for n in 0..EVENTS {
        let event = mixed(n);
        let arrived = arrived(event);
        let named = resolver.name(&arrived);
        writer.packet(&arrived, &named, resolver.node());
    }
    writer.publish(0);
    history
}

fn scan(history: &History) {
    let flow_builder = FlowBuilder::new("node-a".into(), 1);
    let filter = FlowFilter {
        verdict: vec![2],
        source_label: vec!["app=nobody".into()],
        ..FlowFilter::default()
    };
    let selection = Selection::new(&[filter], &[]).expect("a filter");
    let view = history.view();
    let per_second = median(|| {
        let began = Instant::now();
        let mut found = 0u64;
        for segment in view.segments() {
            let Some(mut selected) = selection.in_segment(segment) else {
                continue;
            };
            for entry in segment.iter_from(0) {
                if let Entry::Packet(event) = entry {
                    for part in event.parts().iter() {
                        found += u64::from(selected.matches(&flow_builder, &event, part));
                    }
                }
            }
        }
        assert_eq!(black_box(found), 0);
        view.flows() as f64 / began.elapsed().as_secs_f64()
    });
    row(
        "filter: dropped and a label, over the history",
        per_second / 1e6,
        "M flows/s",
        Some(">= 20"),
    );
}

fn expand(history: &History) {
    let flow_builder = FlowBuilder::new("node-a".into(), 1);
    let per_flow = median(|| {
        let mut cursor = Cursor::oldest(&history.view());
        let (mut flows, began) = (0u64, Instant::now());
        while flows < 100_000
            && let Some(run) = cursor.next_run(history)
        {
            for entry in run.segment.iter_from(run.from) {
                if let Entry::Packet(event) = entry {
                    for part in event.parts().iter() {
                        black_box(flow_builder.flow(&event, part));
                        flows += 1;
                    }
                }
            }
        }
        began.elapsed().as_nanos() as f64 / flows as f64
    });
    row("stored flow to Hubble's message", per_flow, "ns/flow", None);
}

fn arrived(event: Event) -> Arrived {
    Arrived::read(&event.into()).expect("a record of this version")
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    testing_bench::median((0..RUNS).map(|_| run()).collect())
}

fn row(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    Row::new(name, value, unit).goal(goal).print();
}
