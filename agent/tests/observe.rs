//! From rings to history: order over CPUs, and losses counted and marked where they happen.

mod common;

use std::{net::IpAddr, sync::Arc, time::Duration};

use abi::event::{self, Event};
use arc_swap::ArcSwap;
use common::{Fed, REMOTE, WORLD, names, new_connection, words};
use flows_agent::{
    fact::Stage,
    history::{Cursor, Entry, History},
    hubble::FlowBuilder,
    node::{clock::Clock, names::Device},
    observe::{Config, EgressDevices, Observer, source::Item},
};

fn start(feeds: &[Fed], queue_len: usize, left_unread: u64) -> (Arc<History>, Observer) {
    start_with(feeds, queue_len, left_unread, None)
}

fn start_with(
    feeds: &[Fed],
    queue_len: usize,
    left_unread: u64,
    egress_devices: Option<Box<dyn EgressDevices>>,
) -> (Arc<History>, Observer) {
    let names = Arc::new(ArcSwap::from_pointee(names()));
    let (history, writer) = History::new(1_000_000, Arc::clone(&names.load().node));
    let config = Config {
        queue_len,
        clock: Some(Clock::with_offset(0)),
        left_unread,
        egress_devices,
        ..Config::new(
            feeds
                .iter()
                .map(|feed| Box::new(feed.clone()) as _)
                .collect(),
        )
    };
    let observer = Observer::start(config, names, writer).expect("threads");
    (history, observer)
}

fn trace(time: u64) -> Event {
    Event {
        kind: event::ACTIVE,
        ..new_connection(time)
    }
}

/// Times of the events, and the losses as (stage, events, CPU).
type Stored = (Vec<u64>, Vec<(Stage, u64, Option<u32>)>);

fn stored(history: &History) -> Stored {
    let mut cursor = Cursor::oldest(&history.view());
    let (mut times, mut losses) = (vec![], vec![]);
    while let Some(run) = cursor.next_run(history) {
        for entry in run.segment.iter_from(run.from) {
            match entry {
                Entry::Packet(stored) => times.push(stored.packet().time()),
                Entry::Request(stored) => times.push(stored.request().time),
                Entry::Loss(loss) => losses.push((loss.stage, loss.events, loss.cpu)),
            }
        }
    }
    (times, losses)
}

#[test]
fn merges_rings_by_time_and_stores_all_before_it_ends() {
    let feeds = [Fed::new(0), Fed::new(1), Fed::new(2)];
    for (n, feed) in feeds.iter().enumerate() {
        feed.events((0..5000u64).map(|at| trace(at * 3 + n as u64)));
    }
    let (history, observer) = start(&feeds, 65_536, 0);
    observer.stop().unwrap();
    let (times, losses) = stored(&history);
    assert_eq!(times, (0..15_000).collect::<Vec<u64>>());
    assert_eq!(losses, []);
}

#[test]
fn every_loss_is_counted_once_at_its_stage() {
    let feeds = [Fed::new(0), Fed::new(1)];
    // More than the queue holds in one drain: the rest is lost there.
    feeds[0].events((0..10_000).map(trace));
    feeds[1].feed([
        Item::Lost(42),
        Item::Malformed,
        Item::read(
            &Event {
                version: event::VERSION + 1,
                ..trace(1)
            }
            .into(),
        ),
        Item::read(
            &Event {
                kind: event::PACKET + 1,
                ..trace(1)
            }
            .into(),
        ),
        Item::read(&trace(2).into()),
    ]);
    let (history, observer) = start(&feeds, 100, 7);
    let stats = Arc::clone(observer.stats());
    while stats.sum(|reader| &reader.received) < 10_001 {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    // A later drain, with room in the queue again.
    feeds[0].events((10_000..10_010).map(trace));
    while stats.sum(|reader| &reader.received) < 10_011 {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    observer.stop().unwrap();
    let (times, losses) = stored(&history);
    let queue_lost = stats.sum(|reader| &reader.queue_lost);
    // The observer takes some out meanwhile, how many is the scheduler's choice.
    assert!((1..10_000).contains(&queue_lost), "{queue_lost}");
    assert_eq!(times.len() as u64 + queue_lost, 10_011);
    let told = |stage| -> u64 {
        let of_stage = losses.iter().filter(|(at, ..)| *at == stage);
        of_stage.map(|(_, events, _)| events).sum()
    };
    assert_eq!(told(Stage::Queue), queue_lost);
    assert_eq!(told(Stage::PerfRing), 42 + 7);
    assert!(losses.contains(&(Stage::PerfRing, 42, Some(1))));
    assert!(losses.contains(&(Stage::PerfRing, 7, None)));
    assert_eq!(stats.sum(|reader| &reader.malformed), 3);
}

/// Ways of which those to one address are known.
struct Known(&'static str);

impl EgressDevices for Known {
    fn begin(&mut self) {}

    fn device(&mut self, _from: IpAddr, to: IpAddr, by: u32) -> Option<Arc<Device>> {
        (to.to_string() == self.0).then(|| {
            Arc::new(Device {
                index: by + 1,
                name: "eth0".into(),
            })
        })
    }
}

#[test]
fn what_leaves_the_node_is_told_with_its_device() {
    let to = |time, to: &str| Event {
        dst: words(to),
        ingress: event::NOT_JUDGED,
        ..new_connection(time)
    };
    let feed = Fed::new(0);
    feed.events([
        to(1, REMOTE),
        // A way that nobody knows, a pod of this node, and a drop.
        to(2, WORLD),
        new_connection(3),
        Event {
            kind: event::DROP,
            egress: abi::reason::POLICY_DENIED,
            ..to(4, REMOTE)
        },
    ]);
    let (history, observer) = start_with(&[feed], 100, 0, Some(Box::new(Known(REMOTE))));
    observer.stop().unwrap();
    let flow_builder = FlowBuilder::new("node-a".into(), 1);
    let view = history.view();
    let interfaces = view.segments().iter().flat_map(|segment| {
        segment.iter_from(0).filter_map(|entry| match entry {
            Entry::Packet(stored) => {
                Some(flow_builder.flow(&stored, stored.parts().iter().last()?))
            }
            Entry::Request(_) | Entry::Loss(_) => None,
        })
    });
    let interfaces: Vec<_> = interfaces
        .map(|flow| flow.interface.map(|interface| interface.name))
        .collect();
    let veth = Some("lxc102".to_owned());
    assert_eq!(interfaces, [Some("eth0".to_owned()), None, veth, None]);
}
