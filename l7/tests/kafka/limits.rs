//! What is kept of requests that name many topics.

use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use l7::kafka::{Close, Config, Event, Options, Outcome, ReadError, Rules};

use crate::wire::{Wire, encode, framed, rules};

/// A request for the log directories of so many topics, whose answer repeats none of them.
fn log_dirs(topics: u32) -> Vec<u8> {
    let mut bytes = vec![0, 35, 0, 1, 0, 0, 0, 7, 0xff, 0xff];
    bytes.extend(topics.to_be_bytes());
    for number in 0..topics {
        bytes.extend([0, 8]);
        bytes.extend(format!("{number:08}").as_bytes());
        bytes.extend([0; 4]);
    }
    framed(&bytes)
}

#[test]
fn of_a_denied_request_few_topics_are_kept() {
    let nothing = Rules::new(Vec::new(), Options::default());
    let config = Config {
        held: 64 << 10,
        ..Config::default()
    };
    // One that is held as a whole, and one that is dropped as it comes.
    for (topics, piece) in [(500, usize::MAX), (500, 1), (200_000, 8 << 10)] {
        let mut wire = Wire::new(config);
        wire.piece = piece;
        let frame = log_dirs(topics);
        for part in frame.chunks(8 << 10) {
            wire.client(&nothing, part);
        }
        assert!(wire.held <= 80 << 10, "{}", wire.held);
        let [
            Event::Request {
                topics,
                has_more_topics: true,
                outcome: Outcome::Denied(_),
                error_code: 31,
                ..
            },
            Event::Answer { .. },
        ] = &wire.events[..]
        else {
            panic!("{:?}", wire.events.len());
        };
        assert_eq!((topics.len(), &*topics[99]), (100, "00000099"));
        assert!(wire.to_server.is_empty() && wire.to_client.len() < 100);
    }
}

#[test]
fn all_topics_are_kept_where_they_decide_or_the_request_is_refused() {
    use add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction};
    let options = Options {
        idempotent_producers: true,
        ..Options::default()
    };
    let strict = rules(&["role=produce topic=t0"]);
    let open = Rules::new(strict.rules().to_vec(), options);
    let topics = (0..20).map(|number| {
        let name = StrBytes::from_string(format!("t{number}"));
        AddPartitionsToTxnTopic::default().with_name(TopicName(name))
    });
    let of = AddPartitionsToTxnTransaction::default().with_topics(topics.collect());
    let request = AddPartitionsToTxnRequest::default().with_transactions(vec![of]);
    let request = RequestKind::AddPartitionsToTxn(request);
    let frame = encode(ApiKey::AddPartitionsToTxn, 4, 1, Some(request));
    let (items, names) = (Config::default().items, Config::default().names);
    for (items, names) in [(10, names), (items, 30)] {
        let mut wire = Wire::new(Config {
            items,
            names,
            ..Config::default()
        });
        wire.client(&open, &frame);
        assert_eq!(wire.close, Some(Close::Request(ReadError::TooMany)));
    }
    let mut wire = Wire::new(Config::default());
    wire.client(&open, &frame);
    assert_eq!(wire.close, None);
}
