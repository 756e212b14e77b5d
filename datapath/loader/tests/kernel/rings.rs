//! Events arrive, and none is lost uncounted.

use std::time::Duration;

use abi::event::{DROP, NEW};
use abi::policy::COOKIE_ALLOW_ANY_EGRESS;
use flows_loader::{Datapath, Error, RingItem, RingOptions, RingReader};
use ledger::Counter::{self, Attempted, Connections4, Decided, Dropped, Failed, Forwarded};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::counted::Counted;
use testing_kernel::{
    ALLOW, CLIENT, CLIENT_IDENTITY, DEFAULT_DENY, Node, SERVER, SERVER_IDENTITY, syn, word,
};

/// The least size: 34 events.
const PAGE: RingOptions = RingOptions { bytes: 4096 };

fn drain(readers: &mut [RingReader]) -> (u64, u64) {
    let (mut events, mut marked) = (0, 0);
    for reader in readers {
        let count = reader.drain(|item| match item {
            RingItem::Event(_) => events += 1,
            RingItem::Lost(lost) => marked += lost,
            RingItem::Malformed(length) => panic!("a malformed record of {length} bytes"),
        });
        assert_eq!(reader.malformed(), 0);
        let _: usize = count;
    }
    (events, marked)
}

fn connect(node: &Node, datapath: &Datapath, count: u16, from: u16) {
    for n in 0..count {
        node.send(datapath, &syn(SERVER, from + n, 80));
    }
}

/// What is counted of connections of the client that are let in, and read by somebody.
fn connects(count: i128) -> [(Counter, i128); 5] {
    [
        (Attempted, count),
        (Forwarded, count),
        (Decided(COOKIE_ALLOW_ANY_EGRESS), count),
        (Decided(ALLOW), count),
        (Connections4, count),
    ]
}

#[test]
fn an_event_says_what_was_decided() {
    let node = Node::up();
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let mut readers = datapath.rings(RingOptions::default()).unwrap();
    let mut counted = Counted::since(&datapath);
    node.send(&datapath, &syn(SERVER, 40_000, 80));
    counted.moved(&datapath, &connects(1));
    node.send(&datapath, &syn(SERVER, 40_001, 81));
    counted.moved(
        &datapath,
        &[
            (Attempted, 1),
            (Dropped, 1),
            (Decided(COOKIE_ALLOW_ANY_EGRESS), 1),
            (Decided(DEFAULT_DENY), 1),
        ],
    );
    let mut samples = Vec::new();
    let drained: usize = readers
        .iter_mut()
        .map(|reader| {
            reader.drain(|item| match item {
                RingItem::Event(sample) => samples.push(*sample),
                other => panic!("{other:?}"),
            })
        })
        .sum();
    assert_eq!(drained, 2);
    // As the frames have them.
    let frame = syn(SERVER, 40_000, 80);
    assert!(samples.iter().all(|sample| sample.ethernet == frame[..12]));
    let mut events: Vec<_> = samples.iter().map(|sample| sample.event).collect();
    events.sort_by_key(|event| event.time);
    for (event, (kind, port, cookie)) in events
        .iter()
        .zip([(NEW, 80, ALLOW), (DROP, 81, DEFAULT_DENY)])
    {
        assert_eq!(
            (event.kind, event.dst_port, event.ingress_cookie),
            (kind, port, cookie)
        );
        assert_eq!((event.src[0], event.dst[0]), (word(CLIENT), word(SERVER)));
        let identities = (event.src_identity, event.dst_identity);
        assert_eq!(identities, (CLIENT_IDENTITY, SERVER_IDENTITY));
        assert_eq!(event.revision, 1);
    }
    // Reading moves nothing.
    counted.moved(&datapath, &[]);
    datapath.stats().forget_decisions(&[ALLOW]).unwrap();
    counted.moved(&datapath, &[(Decided(ALLOW), -1)]);
}

#[test]
fn attempted_is_delivered_and_failed_and_left_unread() {
    let node = Node::up();
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let counters = |datapath: &Datapath| datapath.stats().counters().unwrap();

    // Nobody listens.
    let mut counted = Counted::since(&datapath);
    connect(&node, &datapath, 10, 1_000);
    counted.moved(&datapath, &[&connects(10)[..], &[(Failed, 10)]].concat());

    // A reader that stalls: the ring fills up.
    let mut readers = datapath.rings(PAGE).unwrap();
    connect(&node, &datapath, 500, 2_000);
    let (first, _) = drain(&mut readers);
    assert!(first > 0);
    // The kernel marks the place with the next event that finds room.
    connect(&node, &datapath, 10, 3_000);
    let (second, marked) = drain(&mut readers);
    assert!(second > 0);
    let seen = counters(&datapath);
    let delivered = first + second;
    assert_eq!(seen.events_attempted, 520);
    assert_eq!(seen.events_attempted, delivered + seen.events_failed);
    assert_eq!(marked, seen.events_failed - 10);
    assert_eq!(datapath.stats().events_accounted(), delivered);

    // The agent is killed with events in its rings; then nobody listens; then its successor does.
    connect(&node, &datapath, 7, 4_000);
    drop(readers);
    connect(&node, &datapath, 5, 5_000);
    drop(datapath);
    let successor = node.open();
    let mut readers = successor.rings(PAGE).unwrap();
    let left_unread: u64 = readers.iter().map(RingReader::left_unread).sum();
    assert_eq!(left_unread, 7);
    connect(&node, &successor, 3, 6_000);
    let (third, _) = drain(&mut readers);
    assert_eq!(third, 3);
    let seen = counters(&successor);
    assert_eq!(seen.events_attempted, 535);
    assert_eq!(
        seen.events_attempted,
        delivered + third + left_unread + seen.events_failed
    );
    assert_eq!(
        successor.stats().events_accounted(),
        delivered + third + left_unread
    );

    // What was unread is told once.
    let readers_again = successor.rings(PAGE).unwrap();
    assert_eq!(
        readers_again
            .iter()
            .map(RingReader::left_unread)
            .sum::<u64>(),
        0
    );
    // A graceful end leaves nothing.
    connect(&node, &successor, 2, 7_000);
    let mut readers = readers_again;
    let mut counted = Counted::since(&successor);
    for reader in &readers {
        reader.stop().unwrap();
    }
    connect(&node, &successor, 4, 8_000);
    assert_eq!(drain(&mut readers).0, 2);
    counted.moved(&successor, &[&connects(4)[..], &[(Failed, 4)]].concat());
}

#[test]
fn the_reader_wakes_when_a_part_of_the_ring_is_full() {
    let node = Node::up();
    let mut datapath = node.open();
    datapath.apply(&node.usual()).unwrap();
    let mut readers = datapath.rings(PAGE).unwrap();
    let ready = |readers: &[RingReader], wait: PollTimeout| {
        let mut fds: Vec<_> = readers
            .iter()
            .map(|reader| PollFd::new(std::os::fd::AsFd::as_fd(reader), PollFlags::POLLIN))
            .collect();
        poll(&mut fds, wait).unwrap()
    };
    connect(&node, &datapath, 1, 1_000);
    assert_eq!(
        ready(&readers, PollTimeout::ZERO),
        0,
        "one event wakes nobody"
    );
    let cpus = u16::try_from(readers.len()).unwrap();
    connect(&node, &datapath, 36 * cpus, 2_000);
    let patience = PollTimeout::try_from(Duration::from_secs(10)).unwrap();
    assert!(ready(&readers, patience) > 0);
    drain(&mut readers);
    assert_eq!(ready(&readers, PollTimeout::ZERO), 0);
}

#[test]
fn a_ring_is_a_power_of_two_of_pages() {
    let node = Node::up();
    let datapath = node.open();
    for bytes in [0, 2048, 12_288, 1_000_000] {
        let error = datapath.rings(RingOptions { bytes }).unwrap_err();
        assert!(matches!(error, Error::RingSize { .. }), "{bytes}: {error}");
    }
}
