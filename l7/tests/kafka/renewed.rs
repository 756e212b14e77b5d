//! Other rules while a request is under way, and requests of which not all is read.

use kafka_protocol::messages::ApiKey;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchRequest, FetchTopic};
use kafka_protocol::messages::{RequestKind, TopicName};
use kafka_protocol::protocol::StrBytes;
use l7::kafka::{Close, Condition, Config};

use crate::connection::{fetch, fetched, ids, produce, told};
use crate::wire::{Wire, encode, framed, rules};

const ALL: &[&str] = &["role=produce", "role=consume"];
const NARROW: &[&str] = &["role=produce topic=a", "role=consume topic=a"];

/// A frame of which a part comes under rules that allow all, and the rest under narrow ones.
fn narrowed(frame: &[u8], at: usize, before: &[&str]) -> Wire {
    let mut wire = Wire::new(Config::default());
    wire.client(&rules(before), &frame[..at]);
    wire.renew(&rules(NARROW));
    wire.client(&rules(NARROW), &frame[at..]);
    wire
}

#[test]
fn a_request_is_judged_by_the_rules_that_hold_at_its_end() {
    for before in [ALL, &["role=produce topic=b", "role=consume topic=b"]] {
        let frame = produce(1, 1, &[("b", 5_000)]);
        for at in [4, 8, 16, 30, 60, 2_000, frame.len() - 1] {
            let wire = narrowed(&frame, at, before);
            // The broker has no whole frame, whatever the client is told.
            assert!(wire.to_server.len() < frame.len(), "{at} bytes came before");
            let is_told = !wire.to_client.is_empty();
            let is_closed = matches!(wire.close, Some(Close::DeniedUnderWay { .. }));
            assert!(is_told != is_closed, "{at}: {:?}", wire.close);
        }
        let frame = fetch(1, (0, 0), &["b"]);
        for at in [4, 8, 16, 30, frame.len() - 1] {
            let wire = narrowed(&frame, at, before);
            assert!(wire.to_server.len() < frame.len(), "{at} bytes came before");
        }
        let frame = produce(1, 1, &[("a", 5_000)]);
        for at in [4, 16, 60, 2_000] {
            let mut wire = narrowed(&frame, at, ALL);
            assert_eq!((&wire.to_server, &wire.close), (&frame, &None), "{at}");
            assert!(told(&mut wire, ApiKey::Produce, 9).is_empty());
        }
    }
}

#[test]
fn a_long_request_ends_with_its_rule() {
    let frame = produce(1, 1, &[("b", 3 << 20)]);
    for before in [ALL, &["role=produce topic=b"]] {
        let wire = narrowed(&frame, 2 << 20, before);
        let Some(Close::DeniedUnderWay { denial, .. }) = &wire.close else {
            panic!("{:?}", wire.close);
        };
        assert_eq!(denial.failed, Condition::Topic("b".to_owned()));
        assert!(wire.to_server.len() < frame.len());
    }
}

/// A frame with fields that nobody knows in its header (KIP-482), so many bytes of them.
fn padded(frame: &[u8], padding: usize) -> Vec<u8> {
    // Length, kind, version, id; the client's name; then the fields' count, which was 0.
    let fields = 4 + 2 + 2 + 4 + 2 + "client".len();
    assert_eq!(frame[fields], 0);
    let mut length = Vec::new();
    let mut left = padding;
    while left >= 0x80 {
        length.push(u8::try_from(left & 0x7f).expect("seven bits") | 0x80);
        left >>= 7;
    }
    length.push(u8::try_from(left).expect("seven bits"));
    let mut padded = frame[4..fields].to_vec();
    padded.extend([1, 7]);
    padded.extend(&length);
    padded.resize(padded.len() + padding, 0x55);
    padded.extend(&frame[fields + 1..]);
    framed(&padded)
}

#[test]
fn sessions_are_not_known_after_a_fetch_of_which_not_all_was_read() {
    let more = |count: i32| {
        let partitions = (0..count).map(|n| FetchPartition::default().with_partition(n));
        let name = TopicName(StrBytes::from_static_str("b"));
        let topic = FetchTopic::default()
            .with_topic(name)
            .with_partitions(partitions.collect());
        let request = FetchRequest::default()
            .with_session_id(9)
            .with_session_epoch(1)
            .with_topics(vec![topic]);
        encode(ApiKey::Fetch, 12, 2, Some(RequestKind::Fetch(request)))
    };
    let all = rules(ALL);
    for unread in [more(20_001), padded(&fetch(2, (9, 1), &["b"]), 1 << 20)] {
        let mut wire = Wire::new(Config::default());
        wire.client(&all, &fetch(1, (0, 0), &["a"]));
        wire.server(&all, &fetched(1, 0, 9));
        wire.client(&all, &unread);
        wire.server(&all, &fetched(2, 0, 9));
        assert_eq!(ids(&told(&mut wire, ApiKey::Fetch, 12)), [1, 2]);
        let sent = wire.to_server.len();

        let narrow = rules(NARROW);
        wire.renew(&narrow);
        wire.client(&narrow, &fetch(3, (9, 2), &["a"]));
        assert_eq!(
            wire.to_server.len(),
            sent,
            "what the session has isn't known"
        );
        wire.wait(5_000);
        assert_eq!(ids(&told(&mut wire, ApiKey::Fetch, 12)), [3]);
    }
}

#[test]
fn a_session_that_begins_behind_an_unread_fetch_is_not_known_either() {
    let all = rules(ALL);
    let mut wire = Wire::new(Config::default());
    wire.client(&all, &fetch(1, (0, 0), &["a"]));
    wire.client(&all, &padded(&fetch(2, (9, 1), &["b"]), 1 << 20));
    wire.server(&all, &[fetched(1, 0, 9), fetched(2, 0, 9)].concat());
    let sent = wire.to_server.len();
    let narrow = rules(NARROW);
    wire.renew(&narrow);
    wire.client(&narrow, &fetch(3, (9, 2), &["a"]));
    assert_eq!(wire.to_server.len(), sent);
}

#[test]
fn a_produce_request_goes_nowhere_before_it_is_known_whether_it_is_answered() {
    let all = rules(ALL);
    for acks in [0, 1] {
        let mut wire = Wire::new(Config::default());
        wire.client(&all, &padded(&produce(1, acks, &[("a", 10)]), 1 << 20));
        assert!(
            matches!(wire.close, Some(Close::RequestTooLong { .. })),
            "{:?}",
            wire.close
        );
        assert!(wire.to_server.is_empty());
        // What is read before that isn't in the way.
        let mut wire = Wire::new(Config::default());
        let frame = padded(&produce(1, acks, &[("a", 10)]), 64 << 10);
        wire.client(&all, &frame);
        assert_eq!((&wire.to_server, &wire.close), (&frame, &None));
    }
}
