//! The history: what it keeps, what it evicts, and that no reader misses anything silently.

mod common;

use std::sync::Arc;

use abi::event::{self, Event};
use common::{arrived, default_deny, names, new_connection, node};
use flow::{Side, view::Direction};
use flows_agent::{
    fact::{Loss, Stage},
    history::{Cursor, Entry, History, Writer},
    node::names::NameTable,
    observe::Resolver,
};

struct Feed {
    writer: Writer,
    resolver: Resolver,
    next: u32,
}

impl Feed {
    fn new(capacity: u64) -> (Arc<History>, Self) {
        let names = Arc::new(names());
        let mut resolver = Resolver::default();
        resolver.update(&names);
        let (history, writer) = History::new(capacity, Arc::clone(&names.node));
        (
            history,
            Self {
                writer,
                resolver,
                next: 0,
            },
        )
    }

    /// Appends a trace event (one flow) that carries its number.
    fn trace(&mut self) {
        self.event(Event {
            kind: event::ACTIVE,
            ..new_connection(u64::from(self.next))
        });
    }

    fn event(&mut self, mut event: Event) {
        event.revision = self.next;
        self.next += 1;
        let arrived = arrived(event);
        let named = self.resolver.name(&arrived);
        let node = Arc::clone(self.resolver.node());
        self.writer.packet(&arrived, &named, &node);
    }
}

/// Reads all there is; the numbers of the events seen, and what was missed.
fn read(history: &History, cursor: &mut Cursor) -> (Vec<u32>, u64, [u64; 2]) {
    let (mut seen, mut evicted, mut lost) = (vec![], 0, [0, 0]);
    while let Some(run) = cursor.next_run(history) {
        if let Some(missed) = run.missed {
            evicted += missed.evicted;
            lost[0] += missed.lost[0];
            lost[1] += missed.lost[1];
        }
        for entry in run.segment.iter_from(run.from) {
            match entry {
                Entry::Packet(stored) => seen.push(stored.packet().revision()),
                Entry::Request(_) => unreachable!("there is no proxy here"),
                Entry::Loss(loss) => lost[usize::from(loss.stage == Stage::Queue)] += loss.events,
            }
        }
    }
    (seen, evicted, lost)
}

#[test]
fn keeps_at_least_its_capacity_and_not_much_more() {
    let (history, mut feed) = Feed::new(4096);
    for n in 0..20_000 {
        feed.trace();
        if n % 37 == 0 {
            feed.writer.publish(0);
        }
    }
    feed.writer.publish(0);
    let flows = history.view().flows();
    assert!((4096..4096 + 2 * 256).contains(&flows), "{flows}");
    let (seen, evicted, _) = read(&history, &mut Cursor::oldest(&history.view()));
    assert_eq!(evicted, 0);
    let expected: Vec<u32> = (20_000 - u32::try_from(flows).unwrap()..20_000).collect();
    assert_eq!(seen, expected);
}

#[test]
fn capacity_counts_flows_not_events() {
    let (history, mut feed) = Feed::new(1000);
    for _ in 0..5000 {
        feed.event(default_deny(1));
    }
    feed.writer.publish(0);
    let view = history.view();
    let events = view.end().events - view.start().events;
    assert_eq!(
        view.flows(),
        events * 2,
        "a policy drop is shown as two flows"
    );
    assert!((500..600).contains(&events), "{events}");
}

#[test]
fn single_events_are_visible_at_once_in_few_chunks() {
    let (history, mut feed) = Feed::new(1_000_000);
    let mut cursor = Cursor::newest(&history.view());
    for n in 0..3000 {
        feed.trace();
        feed.writer.publish(u64::from(n));
        assert_eq!(read(&history, &mut cursor), (vec![n], 0, [0, 0]));
        assert_eq!(history.progress(), u64::from(n));
        let chunks = history.view().segments().len();
        assert!(chunks <= 13, "{chunks} chunks after {n} events");
    }
}

#[test]
fn overtaken_reader_learns_the_exact_count() {
    let (history, mut feed) = Feed::new(1024);
    for _ in 0..100 {
        feed.trace();
    }
    feed.writer.publish(0);
    let mut cursor = Cursor::oldest(&history.view());
    assert_eq!(read(&history, &mut cursor).0.len(), 100);
    for n in 0..10_000u64 {
        feed.trace();
        if n % 1000 == 0 {
            feed.writer.lost(&Loss {
                time: n,
                first: n,
                stage: if n % 2000 == 0 {
                    Stage::PerfRing
                } else {
                    Stage::Queue
                },
                events: 3 + n / 1000,
                cpu: Some(1),
            });
        }
    }
    feed.writer.publish(0);
    let (seen, evicted, lost) = read(&history, &mut cursor);
    assert_eq!(u64::try_from(seen.len()).unwrap() + evicted, 10_000);
    assert_eq!(seen.last(), Some(&10_099));
    // Marks that were evicted are told all the same: 3+5+7+9+11 and 4+6+8+10+12.
    assert_eq!(lost, [35, 40]);
    assert_eq!(history.evicted_unread(), evicted);
}

#[test]
fn racing_readers_account_for_every_event() {
    const EVENTS: u32 = 300_000;
    let (history, mut feed) = Feed::new(2048);
    let (start, mut changes) = (history.view(), history.changes());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let overtaken = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|slowness| {
                let (history, mut cursor) = (&history, Cursor::oldest(&start));
                scope.spawn(move || {
                    let (mut count, mut missed, mut last) = (0u64, 0u64, None);
                    while count + missed < u64::from(EVENTS) {
                        let (seen, evicted, _) = read(history, &mut cursor);
                        assert!(seen.is_sorted(), "order");
                        assert!(
                            last < seen.first().copied() || seen.is_empty(),
                            "no event twice"
                        );
                        last = seen.last().copied().or(last);
                        count += u64::try_from(seen.len()).unwrap();
                        missed += evicted;
                        (0..slowness * 20_000).for_each(|_| std::hint::spin_loop());
                        std::thread::yield_now();
                    }
                    assert_eq!(count + missed, u64::from(EVENTS));
                    assert_eq!(last, Some(EVENTS - 1));
                    missed
                })
            })
            .collect();
        for n in 0..EVENTS {
            feed.trace();
            if n % 100 == 99 {
                feed.writer.publish(u64::from(n));
            }
        }
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum::<u64>()
    });
    assert_eq!(history.evicted_unread(), overtaken);
    runtime.block_on(async {
        changes.changed().await.unwrap();
        assert_eq!(*changes.borrow(), u64::from(EVENTS - 1));
    });
}

#[test]
fn names_are_frozen_on_arrival() {
    let (history, mut feed) = Feed::new(1000);
    feed.event(new_connection(1));
    let mut later = names();
    later.node = Arc::new(flows_agent::node::names::Node {
        labels: vec!["zone=b".into()],
        ..(*node()).clone()
    });
    let nothing = NameTable::default();
    later.by_address = nothing.by_address;
    later.attributions = nothing.attributions;
    feed.resolver.update(&Arc::new(later));
    feed.event(new_connection(2));
    feed.resolver.update(&Arc::new(NameTable::default()));
    feed.writer.publish(0);
    let view = history.view();
    let mut seen = vec![];
    for segment in view.segments() {
        for entry in segment.iter_from(0) {
            let Entry::Packet(stored) = entry else {
                panic!("no loss here")
            };
            seen.push((
                stored.end(Side::Source).pod.clone(),
                stored.end(Side::Source).identity,
                stored.rule(Direction::Ingress).policies.len(),
                stored.rule(Direction::Ingress).cookie,
                stored.node().labels.join(","),
            ));
        }
    }
    assert_eq!(
        seen,
        [
            (
                "frontend-6d9c7b-xk2vq".to_owned(),
                20_001,
                1,
                common::ALLOW_FRONTEND,
                "kubernetes.io/os=linux".to_owned()
            ),
            (
                String::new(),
                20_001,
                0,
                common::ALLOW_FRONTEND,
                "zone=b".to_owned()
            ),
        ]
    );
}

#[test]
fn bytes_per_flow_stay_small() {
    let (history, mut feed) = Feed::new(100_000);
    for n in 0..120_000u32 {
        feed.event(Event {
            src_port: u16::try_from(n % 60_000).unwrap(),
            ..new_connection(1)
        });
    }
    feed.writer.publish(0);
    let view = history.view();
    let per_flow = view.bytes() as u64 / view.flows();
    assert!(
        per_flow <= 53,
        "{per_flow} bytes: 104 per event, two flows each"
    );
}
