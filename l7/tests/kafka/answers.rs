//! Answers: ours, byte for byte where Cilium's are known, and those of a broker with less in them.

use std::collections::BTreeMap;

use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use l7::kafka::{Condition, Config, Event, Options, Outcome, Rules, versions};

use crate::wire::{Wire, answer, decode, encode, framed, rules};

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).expect("hex digits")
    };
    digits.chunks(2).map(byte).collect()
}

/// A request and its refusal, as clients (kafka-python 3.0.12 encodes and decodes the same) and Cilium's
/// parser have them, in versions that no crate knows any more too.
#[test]
fn refusals_of_old_versions_are_those_of_cilium() {
    let nothing = Rules::new(Vec::new(), Options::default());
    let zeros = "00000000 00000000";
    for (name, request, refusal) in [
        (
            "produce 3",
            "0000 0003 0000004d 0001 63 ffff ffff 000003e8 \
             00000001 0008 7061796d656e7473 00000001 00000003 00000000"
                .to_owned(),
            format!(
                "0000004d 00000001 0008 7061796d656e7473 00000001 00000003 001d {zeros} {zeros} \
                 00000000"
            ),
        ),
        (
            "produce 0",
            "0000 0000 0000004d 0001 63 ffff 000003e8 \
             00000001 0001 61 00000001 00000003 00000000"
                .to_owned(),
            format!("0000004d 00000001 0001 61 00000001 00000003 001d {zeros}"),
        ),
        (
            "metadata 1",
            "0003 0001 0000004d 0001 63 00000001 0008 7061796d656e7473".to_owned(),
            "0000004d 00000000 00000000 00000001 001d 0008 7061796d656e7473 00 00000000".to_owned(),
        ),
        (
            "metadata of all topics",
            "0003 0001 0000004d 0001 63 ffffffff".to_owned(),
            "0000004d 00000000 00000000 00000000".to_owned(),
        ),
        (
            "fetch 0",
            "0001 0000 0000004d 0001 63 ffffffff 00000064 00000001 \
             00000001 0001 61 00000001 00000003 00000000 00000000 00001000"
                .to_owned(),
            format!("0000004d 00000001 0001 61 00000001 00000003 001d {zeros} ffffffff"),
        ),
        (
            "fetch 4",
            "0001 0004 0000004d 0001 63 ffffffff 00000064 00000001 00001000 00 \
             00000001 0001 61 00000001 00000003 00000000 00000000 00001000"
                .to_owned(),
            format!(
                "0000004d 00000000 00000001 0001 61 00000001 00000003 001d {zeros} {zeros} \
                 ffffffff ffffffff"
            ),
        ),
        (
            "offsets 0",
            "0002 0000 0000004d 0001 63 ffffffff \
             00000001 0001 61 00000001 00000003 ffffffff ffffffff 00000001"
                .to_owned(),
            "0000004d 00000001 0001 61 00000001 00000003 001d 00000000".to_owned(),
        ),
    ] {
        let mut wire = Wire::new(Config {
            filter_metadata: false,
            ..Config::default()
        });
        wire.client(&nothing, &framed(&hex(&request)));
        assert_eq!(wire.close, None, "{name}");
        wire.wait(5_000);
        assert_eq!(wire.to_client, framed(&hex(&refusal)), "{name}");
    }
}

#[test]
fn clients_are_offered_what_is_read() {
    use api_versions_response::ApiVersion;
    let of = |key, min_version, max_version| {
        ApiVersion::default()
            .with_api_key(key)
            .with_min_version(min_version)
            .with_max_version(max_version)
    };
    let sent = vec![
        of(0, 0, 13),
        of(1, 4, 18),
        of(3, 0, 5),
        of(17, 0, 1),
        of(18, 0, 9),
        // Only in versions that name topics by their ids.
        of(8, 10, 10),
        // Not read.
        of(78, 1, 1),
        of(900, 0, 3),
    ];
    let kept = vec![
        of(0, 0, 12),
        of(1, 4, 12),
        of(3, 0, 5),
        of(17, 1, 1),
        of(18, 0, 4),
    ];
    let all = rules(&["apiKey=apiversions"]);
    for version in 0..=4 {
        let mut body = ApiVersionsResponse::default().with_api_keys(sent.clone());
        if version >= 3 {
            body.zk_migration_ready = true;
            body.finalized_features_epoch = 5;
        }
        let mut wire = Wire::new(Config::default());
        wire.piece = 5;
        wire.client(&all, &encode(ApiKey::ApiVersions, version, 3, None));
        let answer = answer(
            ApiKey::ApiVersions,
            version,
            3,
            &ResponseKind::ApiVersions(body.clone()),
        );
        wire.server(&all, &answer);
        let (id, told) = decode(&mut wire.to_client, ApiKey::ApiVersions, version);
        assert_eq!(id, 3);
        assert_eq!(
            told,
            ResponseKind::ApiVersions(body.with_api_keys(kept.clone()))
        );
        assert!(wire.to_client.is_empty());
    }
}

#[test]
fn where_everything_is_allowed_only_produce_is_cut() {
    use api_versions_response::ApiVersion;
    let of = |key, min_version, max_version| {
        ApiVersion::default()
            .with_api_key(key)
            .with_min_version(min_version)
            .with_max_version(max_version)
    };
    let sent = vec![of(0, 0, 14), of(1, 4, 99), of(17, 0, 1), of(900, 0, 3)];
    let kept = vec![of(0, 0, 13), of(1, 4, 99), of(17, 1, 1), of(900, 0, 3)];
    let everything = Rules::new(vec![l7::kafka::Rule::any()], Options::default());
    let mut wire = Wire::new(Config::default());
    wire.client(&everything, &encode(ApiKey::ApiVersions, 4, 3, None));
    let body = |keys| ApiVersionsResponse::default().with_api_keys(keys);
    let sent = ResponseKind::ApiVersions(body(sent));
    wire.server(&everything, &answer(ApiKey::ApiVersions, 4, 3, &sent));
    let (_, told) = decode(&mut wire.to_client, ApiKey::ApiVersions, 4);
    assert_eq!(told, ResponseKind::ApiVersions(body(kept)));
}

#[test]
fn a_form_of_apiversions_that_is_not_read_is_asked_for_anew() {
    let all = rules(&["apiKey=apiversions"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&all, &framed(&hex("0012 0005 0000004d 0001 63 00 00")));
    assert!(wire.to_server.is_empty());
    // What a broker says: unsupported version, and ApiVersions from 0 to 4.
    let refusal = hex("0000004d 0023 00000001 0012 0000 0004");
    assert_eq!(wire.to_client, framed(&refusal));
    // And the same of a broker passes.
    let mut wire = Wire::new(Config::default());
    wire.client(&all, &encode(ApiKey::ApiVersions, 4, 77, None));
    wire.server(&all, &framed(&refusal));
    assert_eq!(wire.to_client, framed(&refusal));
}

/// What a broker with three topics answers to a metadata request.
fn metadata(version: i16, topics: &[&str]) -> MetadataResponse {
    use metadata_response::{
        MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(1))
        .with_host(text("broker"))
        .with_port(9092)
        .with_rack((version >= 1).then(|| text("rack")));
    let topics = topics.iter().map(|name| {
        let partition = MetadataResponsePartition::default()
            .with_leader_id(BrokerId(1))
            .with_replica_nodes(vec![BrokerId(1), BrokerId(2)])
            .with_isr_nodes(vec![BrokerId(1)]);
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(text(name))))
            .with_partitions(vec![partition])
    });
    let mut body = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_topics(topics.collect());
    if version >= 2 {
        body.cluster_id = Some(text("cluster"));
    }
    if version >= 9 {
        body.unknown_tagged_fields = BTreeMap::from([(9, bytes::Bytes::from_static(b"later"))]);
    }
    body
}

fn ask(version: i16, topics: Option<&[&str]>) -> Vec<u8> {
    use metadata_request::MetadataRequestTopic;
    let topics = topics.map(|names| {
        let topic =
            |name: &&str| MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
        names.iter().map(topic).collect()
    });
    // In version 0 no topics are all of them.
    let topics = if version == 0 {
        topics.or(Some(Vec::new()))
    } else {
        topics
    };
    let body = MetadataRequest::default()
        .with_topics(topics)
        .with_allow_auto_topic_creation(true);
    encode(
        ApiKey::Metadata,
        version,
        5,
        Some(RequestKind::Metadata(body)),
    )
}

#[test]
fn metadata_is_of_the_topics_that_may_be_seen() {
    let rules = rules(&["role=consume topic=a", "role=produce topic=c"]);
    for version in 0..=13 {
        // All topics: those that are allowed.
        let mut wire = Wire::new(Config::default());
        wire.client(&rules, &ask(version, None));
        assert_eq!(wire.to_server, ask(version, None), "{version}");
        let whole = ResponseKind::Metadata(metadata(version, &["a", "b", "c"]));
        wire.server(&rules, &answer(ApiKey::Metadata, version, 5, &whole));
        let (_, told) = decode(&mut wire.to_client, ApiKey::Metadata, version);
        let part = ResponseKind::Metadata(metadata(version, &["a", "c"]));
        assert_eq!(told, part, "{version}");

        // Some of them: the others aren't asked for, lest they be made, and are refused.
        let mut wire = Wire::new(Config::default());
        wire.piece = 3;
        wire.client(&rules, &ask(version, Some(&["x", "c", "y", "a"])));
        assert_eq!(wire.to_server, ask(version, Some(&["c", "a"])), "{version}");
        let found = ResponseKind::Metadata(metadata(version, &["c", "a"]));
        wire.server(&rules, &answer(ApiKey::Metadata, version, 5, &found));
        let (_, told) = decode(&mut wire.to_client, ApiKey::Metadata, version);
        let ResponseKind::Metadata(told) = told else {
            panic!("{told:?}");
        };
        let topics: Vec<(String, i16, usize)> = told
            .topics
            .iter()
            .map(|topic| {
                let name = topic.name.as_ref().expect("a name").0.to_string();
                (name, topic.error_code, topic.partitions.len())
            })
            .collect();
        let expected = [("c", 0, 1), ("a", 0, 1), ("x", 29, 0), ("y", 29, 0)]
            .map(|(name, error, partitions)| (name.to_owned(), error, partitions));
        assert_eq!(topics, expected, "{version}");
        assert_eq!(told.brokers, metadata(version, &[]).brokers, "{version}");
        let [
            Event::Request {
                outcome: Outcome::Filtered(denial),
                ..
            },
            ..,
        ] = &wire.events[..]
        else {
            panic!("{:?}", wire.events);
        };
        assert_eq!(denial.failed, Condition::Topic("x".to_owned()));
    }
}

#[test]
fn metadata_of_denied_topics_alone_still_tells_of_brokers() {
    let rules = rules(&["role=consume topic=a"]);
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &ask(9, Some(&["x"])));
    // In version 0 that would be all topics.
    assert_eq!(wire.to_server, ask(9, Some(&[])));
    // Nothing of what it names: that is a refusal.
    assert!(matches!(
        &wire.events[..],
        [
            Event::Request {
                outcome: Outcome::Denied(_),
                error_code: 29,
                ..
            },
            ..
        ]
    ));
    let mut wire = Wire::new(Config::default());
    wire.client(&rules, &ask(0, Some(&["x"])));
    assert!(wire.to_server.is_empty() && !wire.to_client.is_empty());
}

#[test]
fn what_is_offered_names_topics() {
    // Newest versions that name topics, of kinds whose later ones have ids alone.
    let caps = BTreeMap::from([(0, 12), (1, 12), (3, 11), (8, 9), (9, 9)]);
    for of in versions() {
        assert!(of.offered <= of.read, "{}", of.api_key);
        if let Some(cap) = caps.get(&of.api_key.0) {
            assert_eq!(of.offered, *cap, "{}", of.api_key);
        }
    }
}
