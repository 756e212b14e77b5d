//! Topics that are named by their id, or not at all; and requests about them of which a part is sent on.

use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use l7::kafka::{ApiKey as Key, Close, Condition, Config, Event, Head, Outcome, Topics, Verdict};
use uuid::Uuid;

use crate::wire::{Wire, encode, framed, rules};

fn metadata(topics: &[(&str, u128)]) -> Vec<u8> {
    use metadata_request::MetadataRequestTopic;
    let topics = topics.iter().map(|(name, id)| {
        MetadataRequestTopic::default()
            .with_name(Some(TopicName(StrBytes::from_string((*name).to_owned()))))
            .with_topic_id(Uuid::from_u128(*id))
    });
    let body = MetadataRequest::default().with_topics(Some(topics.collect()));
    let body = RequestKind::Metadata(body);
    encode(ApiKey::Metadata, 12, 1, Some(body))
}

fn first(wire: &Wire) -> &Outcome {
    match &wire.events[..] {
        [Event::Request { outcome, .. }, ..] => outcome,
        events => panic!("{events:?}, {:?}", wire.close),
    }
}

fn is_unnamed(outcome: &Outcome) -> bool {
    let (Outcome::Denied(denial) | Outcome::Filtered(denial)) = outcome else {
        return false;
    };
    denial.failed == Condition::UnnamedTopic
}

#[test]
fn a_name_beside_an_id_is_not_what_the_broker_goes_by() {
    let rules = rules(&["role=consume topic=a"]);
    let frame = metadata(&[("a", 0), ("a", 7)]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &frame);
    assert!(is_unnamed(first(&wire)), "{:?}", wire.events);
    assert_eq!(wire.to_server, metadata(&[("a", 0)]));
    let mut wire = Wire::new(Config {
        filter_metadata: false,
        ..Config::default()
    });
    wire.client(&rules, &frame);
    assert!(is_unnamed(first(&wire)), "{:?}", wire.events);
    assert!(wire.to_server.is_empty());
}

#[test]
fn a_topic_without_name_is_none_that_a_rule_has() {
    let all = ["role=consume topic=a", "role=produce topic=a"];
    // A topic whose name is null, and one that is allowed.
    let produce = [
        &[
            0, 0, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 3, 0xe8, 0, 0, 0, 2,
        ][..],
        &[0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 1, b'a', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    let of_group = [
        &[0, 9, 0, 8, 0, 0, 0, 1, 0xff, 0xff, 0, 2, 2, b'g', 3][..],
        &[0, 2, 0, 0, 0, 0, 0],
        &[2, b'a', 2, 0, 0, 0, 0, 0],
        &[0, 0, 0],
    ];
    for frame in [produce.concat(), of_group.concat()] {
        let mut wire = Wire::new(Config::default());
        wire.client(&rules(&all), &framed(&frame));
        assert!(is_unnamed(first(&wire)), "{:?}", wire.events);
        assert!(wire.to_server.is_empty());
    }
}

#[test]
fn nothing_goes_on_to_a_topic_whose_id_is_zero() {
    use produce_request::{PartitionProduceData, TopicProduceData};
    let records = bytes::Bytes::from(vec![0x55; 10_000]);
    let of = PartitionProduceData::default().with_records(Some(records));
    let data = TopicProduceData::default().with_partition_data(vec![of]);
    let request = ProduceRequest::default()
        .with_acks(1)
        .with_topic_data(vec![data]);
    let frame = encode(ApiKey::Produce, 13, 1, Some(RequestKind::Produce(request)));
    let mut wire = Wire::new(Config {
        held: 1_000,
        ..Config::default()
    });
    wire.client(&rules(&["role=produce topic=a"]), &frame);
    assert!(wire.to_server.is_empty());
    assert!(is_unnamed(first(&wire)), "{:?}", wire.events);
}

#[test]
fn metadata_that_is_not_held_as_a_whole_is_not_cut() {
    // What follows the topics of this one would be read as requests.
    let mut frame = metadata(&[("a", 0), ("b", 0)]);
    frame.extend(metadata(&[("a", 0)]).repeat(10));
    let size = u32::try_from(frame.len() - 4).expect("short");
    frame[..4].copy_from_slice(&size.to_be_bytes());
    let config = Config {
        held: 200,
        ..Config::default()
    };
    let mut wire = Wire::new(config);
    wire.client(&rules(&["role=consume topic=a"]), &frame);
    assert!(
        matches!(wire.close, Some(Close::RequestTooLong { limit: 200, .. })),
        "{:?}",
        wire.close
    );
    assert!(wire.to_server.is_empty());
    // Nothing is taken out of this one.
    let mut wire = Wire::new(config);
    wire.client(
        &rules(&["role=consume topic=a", "role=consume topic=b"]),
        &frame,
    );
    assert_eq!((wire.close, wire.to_server), (None, frame));
}

#[test]
fn kinds_with_topics_that_came_later_need_a_rule_without_topic() {
    // IncrementalAlterConfigs, ConsumerGroupHeartbeat.
    for key in [44, 68] {
        let head = Head {
            api_key: Key(key),
            api_version: 0,
            correlation_id: 1,
            client_id: None,
        };
        let verdict = |rule| rules(&[rule]).judge(&head, &Topics::default());
        assert!(matches!(verdict("topic=a"), Verdict::Denied(_)), "{key}");
    }
}
