//! What a connection does: the order of answers, what is held, streamed and closed.

use bytes::Bytes;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use l7::kafka::{Close, Condition, Config, Event, Outcome, ReadError};

use crate::wire::{Wire, answer, decode, encode, framed, rules};

fn topic(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

pub(crate) fn produce(id: i32, acks: i16, topics: &[(&str, usize)]) -> Vec<u8> {
    use produce_request::{PartitionProduceData, TopicProduceData};
    let data = topics.iter().map(|(name, records)| {
        let records = Bytes::from(vec![0x55; *records]);
        let of = PartitionProduceData::default().with_records(Some(records));
        TopicProduceData::default()
            .with_name(topic(name))
            .with_partition_data(vec![of])
    });
    let request = ProduceRequest::default()
        .with_acks(acks)
        .with_topic_data(data.collect());
    encode(ApiKey::Produce, 9, id, Some(RequestKind::Produce(request)))
}

fn produced(id: i32) -> Vec<u8> {
    let answer = ResponseKind::Produce(ProduceResponse::default());
    self::answer(ApiKey::Produce, 9, id, &answer)
}

pub(crate) fn fetch(id: i32, session: (i32, i32), topics: &[&str]) -> Vec<u8> {
    use fetch_request::{FetchPartition, FetchTopic};
    let topics = topics.iter().map(|name| {
        FetchTopic::default()
            .with_topic(topic(name))
            .with_partitions(vec![FetchPartition::default()])
    });
    let request = FetchRequest::default()
        .with_max_wait_ms(500)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(topics.collect());
    encode(ApiKey::Fetch, 12, id, Some(RequestKind::Fetch(request)))
}

pub(crate) fn fetched(id: i32, error: i16, session: i32) -> Vec<u8> {
    let answer = FetchResponse::default()
        .with_error_code(error)
        .with_session_id(session);
    self::answer(ApiKey::Fetch, 12, id, &ResponseKind::Fetch(answer))
}

/// What the client was told, oldest first: correlation ids, with that kind's answers.
pub(crate) fn told(wire: &mut Wire, key: ApiKey, version: i16) -> Vec<(i32, ResponseKind)> {
    let mut told = Vec::new();
    while !wire.to_client.is_empty() {
        told.push(decode(&mut wire.to_client, key, version));
    }
    told
}

pub(crate) fn ids(told: &[(i32, ResponseKind)]) -> Vec<i32> {
    told.iter().map(|(id, _)| *id).collect()
}

fn outcomes(wire: &Wire) -> Vec<&Outcome> {
    let outcomes = wire.events.iter().filter_map(|event| match event {
        Event::Request { outcome, .. } => Some(outcome),
        Event::Answer { .. } => None,
    });
    outcomes.collect()
}

#[test]
fn answers_keep_the_order_of_requests() {
    let rules = rules(&["role=produce topic=a"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &produce(1, 1, &[("a", 10)]));
    wire.client(&rules, &produce(2, 1, &[("b", 10)]));
    wire.client(&rules, &produce(3, 1, &[("a", 10)]));
    wire.client(&rules, &produce(4, 1, &[("a", 10), ("b", 10)]));
    // The refusals wait for what was asked before them.
    assert!(wire.to_client.is_empty());
    let sent = [produce(1, 1, &[("a", 10)]), produce(3, 1, &[("a", 10)])];
    assert_eq!(wire.to_server, sent.concat());
    wire.server(&rules, &produced(1));
    assert_eq!(ids(&told(&mut wire, ApiKey::Produce, 9)), [1, 2]);
    wire.server(&rules, &produced(3));
    assert_eq!(ids(&told(&mut wire, ApiKey::Produce, 9)), [3, 4]);
    assert_eq!(wire.close, None);
}

#[test]
fn produce_that_wants_no_answer_gets_none() {
    let rules = rules(&["role=produce topic=a"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &produce(1, 0, &[("a", 10)]));
    wire.client(&rules, &produce(2, 0, &[("b", 10)]));
    wire.client(&rules, &produce(3, 1, &[("a", 10)]));
    wire.server(&rules, &produced(3));
    assert_eq!(ids(&told(&mut wire, ApiKey::Produce, 9)), [3]);
    assert_eq!(wire.close, None);
    assert!(matches!(outcomes(&wire)[1], Outcome::Denied(_)));
}

#[test]
fn a_long_produce_request_is_not_held() {
    let rules = rules(&["role=produce topic=a", "role=produce topic=b"]);
    let long = produce(1, 1, &[("a", 30 << 20)]);
    let two = produce(2, 1, &[("a", 3 << 20), ("b", 3 << 20)]);
    let denied = produce(3, 1, &[("c", 30 << 20)]);
    let config = Config {
        held: 64 << 10,
        ..Config::default()
    };
    let mut wire = Wire::new(config);
    wire.piece = 8 << 10;
    for frame in [&long, &two, &denied] {
        for part in frame.chunks(wire.piece) {
            wire.client(&rules, part);
        }
    }
    assert!(wire.to_server == [long, two].concat());
    assert!(wire.held <= 80 << 10, "{}", wire.held);
    assert!(matches!(outcomes(&wire)[2], Outcome::Denied(_)));
    wire.server(&rules, &[produced(1), produced(2)].concat());
    assert_eq!(ids(&told(&mut wire, ApiKey::Produce, 9)), [1, 2, 3]);
}

#[test]
fn a_topic_that_is_denied_after_bytes_went_ends_both_connections() {
    let rules = rules(&["role=produce topic=a"]);
    let frame = produce(1, 1, &[("a", 3 << 20), ("b", 10)]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &frame);
    let Some(Close::DeniedUnderWay { denial, .. }) = &wire.close else {
        panic!("{:?}", wire.close);
    };
    assert_eq!(denial.failed, Condition::Topic("b".to_owned()));
    // The broker has a part of a frame, and acts on none of it.
    assert!(wire.to_server.len() < frame.len());
    assert_eq!(frame[..wire.to_server.len()], wire.to_server);
}

#[test]
fn a_denied_fetch_waits_as_long_as_it_would_have() {
    let rules = rules(&["role=consume topic=a"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &fetch(1, (0, -1), &["b"]));
    wire.client(&rules, &fetch(2, (0, -1), &["a"]));
    // What was asked later has its answer after it.
    wire.server(&rules, &fetched(2, 0, 0));
    wire.wait(499);
    assert!(wire.to_client.is_empty());
    assert!(!wire.connection.takes_server());
    wire.wait(1);
    wire.server(&rules, &[]);
    let told = told(&mut wire, ApiKey::Fetch, 12);
    assert_eq!(ids(&told), [1, 2]);
    let ResponseKind::Fetch(answer) = &told[0].1 else {
        panic!("{told:?}");
    };
    assert_eq!((answer.error_code, answer.session_id), (0, 0));
    assert_eq!(answer.responses[0].topic, topic("b"));
    assert_eq!(answer.responses[0].partitions[0].error_code, 29);
    assert_eq!(wire.connection.due(), None);
}

#[test]
fn denied_offsets_wait_a_moment() {
    use list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    let mut wire = Wire::new(Config::default());
    let topic = ListOffsetsTopic::default()
        .with_name(topic("b"))
        .with_partitions(vec![ListOffsetsPartition::default()]);
    let request = ListOffsetsRequest::default().with_topics(vec![topic]);
    let request = RequestKind::ListOffsets(request);
    let asked = encode(ApiKey::ListOffsets, 5, 1, Some(request));
    wire.client(&rules(&["role=consume topic=a"]), &asked);
    wire.wait(99);
    assert!(wire.to_client.is_empty());
    wire.wait(1);
    let told = told(&mut wire, ApiKey::ListOffsets, 5);
    let ResponseKind::ListOffsets(answer) = &told[0].1 else {
        panic!("{told:?}");
    };
    assert_eq!(answer.topics[0].partitions[0].error_code, 29);
}

#[test]
fn a_fetch_session_is_judged_by_all_its_topics() {
    let both = rules(&["role=consume topic=a", "role=consume topic=b"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&both, &fetch(1, (0, 0), &["a"]));
    wire.server(&both, &fetched(1, 0, 9));
    // Nothing new, then one topic more.
    for (id, topics) in [(2, &[][..]), (3, &["b"])] {
        wire.client(&both, &fetch(id, (9, id - 1), topics));
        wire.server(&both, &fetched(id, 0, 9));
    }
    assert_eq!(ids(&told(&mut wire, ApiKey::Fetch, 12)), [1, 2, 3]);
    let Some(Event::Request { topics, .. }) = wire.events.iter().rev().nth(1) else {
        panic!("{:?}", wire.events);
    };
    assert_eq!(topics, &["b", "a"]);

    // A rule less: the session is over, and the next fetch names all that it wants.
    let one = rules(&["role=consume topic=a"]);
    wire.client(&one, &fetch(4, (9, 3), &[]));
    let told = told(&mut wire, ApiKey::Fetch, 12);
    let ResponseKind::Fetch(answer) = &told[0].1 else {
        panic!("{told:?}");
    };
    assert_eq!(answer.error_code, 70);
    assert!(matches!(outcomes(&wire)[3], Outcome::Denied(_)));
}

#[test]
fn a_fetch_session_that_is_not_known_begins_anew() {
    let rules = rules(&["role=consume topic=a"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &fetch(1, (9, 5), &[]));
    let told = told(&mut wire, ApiKey::Fetch, 12);
    let ResponseKind::Fetch(answer) = &told[0].1 else {
        panic!("{told:?}");
    };
    assert_eq!(answer.error_code, 70);
    assert_eq!(outcomes(&wire), [&Outcome::SessionUnknown]);
    // One that the broker didn't begin isn't known either.
    wire.client(&rules, &fetch(2, (0, 0), &["a"]));
    wire.server(&rules, &fetched(2, 3, 9));
    wire.client(&rules, &fetch(3, (9, 1), &[]));
    assert_eq!(outcomes(&wire)[2], &Outcome::SessionUnknown);
    // Where any topic is allowed, it's the broker's matter.
    let all = self::rules(&["role=consume"]);
    wire.client(&all, &fetch(4, (8, 5), &[]));
    assert_eq!(outcomes(&wire)[3], &Outcome::Allowed(Some(0)));
    assert_eq!(wire.close, None);
}

#[test]
fn an_epoch_that_is_neither_0_nor_minus_1_goes_on_with_a_session() {
    let rules = rules(&["role=consume topic=a"]);
    for (epoch, is_full) in [(-2, false), (-1, true), (0, true), (1, false)] {
        let mut wire = Wire::new(Config::default());
        wire.client(&rules, &fetch(1, (9, epoch), &["a"]));
        let outcome = match is_full {
            true => Outcome::Allowed(Some(0)),
            false => Outcome::SessionUnknown,
        };
        assert_eq!(outcomes(&wire), [&outcome], "{epoch}");
    }
}

#[test]
fn events_have_the_error_code_that_the_client_is_told() {
    let coordinator = |kind: i8| {
        let request = FindCoordinatorRequest::default().with_key_type(kind);
        let request = RequestKind::FindCoordinator(request);
        encode(ApiKey::FindCoordinator, 3, 1, Some(request))
    };
    let mut offsets = OffsetFetchRequest::default();
    offsets.topics = None;
    let offsets = RequestKind::OffsetFetch(offsets);
    let offsets = encode(ApiKey::OffsetFetch, 7, 1, Some(offsets));
    let names = |name: &&str| {
        metadata_request::MetadataRequestTopic::default().with_name(Some(topic(name)))
    };
    let metadata = |topics: &[&str]| {
        let topics = topics.iter().map(names).collect();
        let body = MetadataRequest::default().with_topics(Some(topics));
        encode(ApiKey::Metadata, 9, 1, Some(RequestKind::Metadata(body)))
    };
    let versions = [0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0];
    let topic = rules(&["role=consume topic=a", "apiKey=apiversions"]);
    let other = rules(&["apiKey=heartbeat"]);
    for (rules, frame, code) in [
        (&other, coordinator(0), 30),
        (&other, coordinator(1), 53),
        (&other, offsets, 30),
        (&topic, fetch(1, (9, 5), &[]), 70),
        (&topic, fetch(1, (0, -1), &["b"]), 29),
        (&topic, fetch(1, (0, -1), &["a"]), 0),
        (&topic, metadata(&["a", "b"]), 29),
        (&topic, metadata(&["a"]), 0),
        (&topic, framed(&versions), 35),
        (&other, produce(1, 0, &[("a", 1)]), 29),
    ] {
        let mut wire = Wire::new(Config::default());
        wire.client(rules, &frame);
        let [
            Event::Request {
                error_code, head, ..
            },
            ..,
        ] = &wire.events[..]
        else {
            panic!("{:?} {:?}", wire.events, wire.close);
        };
        assert_eq!(*error_code, code, "{head}");
    }
}

#[test]
fn topics_by_their_ids_need_a_rule_without_topic() {
    let (bytes, _) = crate::wire::frame(ApiKey::Fetch, 13);
    let one = rules(&["role=consume topic=a"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&one, &bytes);
    let [Outcome::Denied(denial)] = outcomes(&wire)[..] else {
        panic!("{:?}", wire.events);
    };
    assert_eq!(denial.failed, Condition::UnnamedTopic);

    let mut wire = Wire::new(Config::default());
    wire.client(&rules(&["role=consume"]), &bytes);
    assert_eq!(wire.to_server, bytes);
}

#[test]
fn too_many_requests_in_flight_stop_the_client() {
    let rules = rules(&["role=produce topic=a"]);
    let mut wire = Wire::new(Config {
        in_flight: 2,
        ..Config::default()
    });
    let frames: Vec<Vec<u8>> = (1..=3).map(|id| produce(id, 1, &[("a", 10)])).collect();
    wire.client(&rules, &frames.concat());
    assert_eq!(wire.to_server, frames[..2].concat());
    assert_eq!(wire.from_client, frames[2]);
    wire.server(&rules, &produced(1));
    assert_eq!(wire.to_server, frames.concat());
}

#[test]
fn what_is_no_request_closes() {
    let rules = rules(&["role=produce topic=a"]);
    let huge = (i32::MAX).to_be_bytes();
    let unknown = [&[0, 90, 0, 0, 0, 0, 0, 1][..], &[0xff, 0xff]].concat();
    let newer = [&[0, 0, 0, 99, 0, 0, 0, 1][..], &[0xff, 0xff]].concat();
    for (bytes, text) in [
        (
            b"GET / HTTP/1.1\r\n".to_vec(),
            "the client's bytes are not a Kafka request: a frame of 1195725856 bytes is longer than \
             the limit of 104857600",
        ),
        (
            huge.to_vec(),
            "the client's bytes are not a Kafka request: a frame of 2147483647 bytes is longer than \
             the limit of 104857600",
        ),
        (
            (-1i32).to_be_bytes().to_vec(),
            "the client's bytes are not a Kafka request: a frame of -1 bytes can't hold a request",
        ),
        (
            framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff]),
            "the client's bytes are not a Kafka request: the message ends before its fields do",
        ),
        // 2 billion topics in four bytes.
        (
            framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
            "the client's bytes are not a Kafka request: the message ends before its fields do",
        ),
        (
            framed(&unknown),
            "90 version 0 is denied, which its answer can't say",
        ),
        (
            framed(&newer),
            "produce version 99 is denied, which its answer can't say",
        ),
    ] {
        let mut wire = Wire::new(Config::default());
        wire.client(&rules, &bytes);
        let close = wire.close.as_ref().expect(text);
        assert_eq!(close.to_string(), text);
        // It takes all that still comes, and says nothing.
        wire.client(&rules, &bytes);
        assert!(wire.to_server.is_empty());
    }
}

#[test]
fn what_cannot_be_followed_closes() {
    let all = rules(&["clientID=client"]);
    let mut wire = Wire::new(Config::default());
    let mut handshake = encode(ApiKey::SaslHandshake, 1, 1, None);
    // Version 0; its body is the same.
    handshake[7] = 0;
    let everything = l7::kafka::Rules::new(vec![l7::kafka::Rule::any()], Default::default());
    wire.client(&everything, &handshake);
    assert_eq!(wire.close, Some(Close::RawSasl));

    let mut wire = Wire::new(Config::default());
    wire.client(&all, &produce(1, 1, &[("a", 10)]));
    wire.server(&all, &produced(2));
    let close = Close::Answer {
        found: 2,
        expected: Some(1),
    };
    assert_eq!(wire.close, Some(close));

    let mut wire = Wire::new(Config::default());
    wire.server(&all, &produced(7));
    let close = Close::Answer {
        found: 7,
        expected: None,
    };
    assert_eq!(wire.close, Some(close));

    let mut wire = Wire::new(Config {
        items: 10,
        ..Config::default()
    });
    let topics: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    wire.client(
        &rules(&["role=consume topic=t0"]),
        &fetch(1, (0, 0), &topics),
    );
    assert_eq!(wire.close, Some(Close::Request(ReadError::TooMany)));
}

#[test]
fn a_request_of_any_length_passes_where_its_topics_do_not_matter() {
    let all = rules(&["role=consume"]);
    let topics: Vec<String> = (0..3_000).map(|number| format!("topic-{number}")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let frame = fetch(1, (0, 0), &topics);
    let config = Config {
        held: 10_000,
        ..Config::default()
    };
    let mut wire = Wire::new(config);
    wire.client(&all, &frame);
    assert!(wire.to_server == frame);
    // Where they do, it is too long.
    let mut wire = Wire::new(config);
    wire.client(&rules(&["role=consume topic=topic-1"]), &frame);
    assert!(matches!(
        wire.close,
        Some(Close::RequestTooLong { limit: 10_000, .. })
    ));
}

#[test]
fn rules_that_change_count_from_the_next_request_on() {
    let (one, other) = (
        rules(&["role=produce topic=a"]),
        rules(&["role=produce topic=b"]),
    );
    let mut wire = Wire::new(Config::default());
    wire.client(&one, &produce(1, 0, &[("a", 10)]));
    wire.client(&other, &produce(2, 0, &[("a", 10)]));
    wire.client(&other, &produce(3, 0, &[("b", 10)]));
    let sent = [produce(1, 0, &[("a", 10)]), produce(3, 0, &[("b", 10)])];
    assert_eq!(wire.to_server, sent.concat());
}

#[test]
fn what_is_kept_of_sessions_is_bounded() {
    let all = rules(&["role=consume"]);
    let mut wire = Wire::new(Config {
        items: 100,
        names: 4_000,
        ..Config::default()
    });
    wire.client(&all, &fetch(1, (0, 0), &["a"]));
    wire.server(&all, &fetched(1, 0, 9));
    for id in 2..200 {
        let name = format!("{id:030}");
        wire.client(&all, &fetch(id, (9, id - 1), &[&name]));
        wire.server(&all, &fetched(id, 0, 9));
    }
    assert_eq!(wire.close, None);
    assert!(wire.held < 12_000, "{}", wire.held);
    // It isn't followed any more; who needs to know its topics asks for all of them.
    let one = rules(&["role=consume topic=a"]);
    wire.client(&one, &fetch(300, (9, 300), &[]));
    assert_eq!(outcomes(&wire).last(), Some(&&Outcome::SessionUnknown));
}
