//! Every kind of request in every version that `kafka-protocol` knows too: what it encodes is read, in
//! one piece and byte by byte, with the right topics; what is refused it decodes, with nothing left over
//! and the error at the right places.

mod requests;

use std::time::Duration;

use bytes::BytesMut;
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use l7::kafka::{Connection, Event, Limits, Options, Outcome, Piece, Rule, Rules, versions};
use requests::{Names, TOPICS, request};

const ID: i32 = 77;
/// Longer than any hold.
const LATE: Duration = Duration::from_secs(60);

fn frame(key: ApiKey, version: i16) -> (Vec<u8>, Names) {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(ID)
        .with_client_id(Some(StrBytes::from_static_str("client")));
    let mut bytes = BytesMut::new();
    header
        .encode(&mut bytes, key.request_header_version(version))
        .expect("a header");
    let (body, names) = request(key, version);
    match body {
        Some(body) => body
            .encode(&mut bytes, version)
            .unwrap_or_else(|error| panic!("{key:?} {version}: {error:#}")),
        // Whatever it is.
        None => bytes.extend_from_slice(&[0; 9]),
    }
    let size = u32::try_from(bytes.len()).expect("short");
    ([&size.to_be_bytes(), &bytes[..]].concat(), names)
}

struct Ran {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    events: Vec<Event>,
}

/// Gives a client's bytes to a connection, in pieces of that size, and waits.
fn run(rules: &Rules, bytes: &[u8], piece: usize) -> Ran {
    let mut connection = Connection::new(Limits {
        filter_metadata: false,
        ..Limits::default()
    });
    let mut ran = Ran {
        to_server: Vec::new(),
        to_client: Vec::new(),
        events: Vec::new(),
    };
    for input in bytes.chunks(piece) {
        let output = connection.client_sent(rules, Duration::ZERO, input);
        assert_eq!(output.close, None);
        assert_eq!(output.taken, input.len());
        for piece in output.to_server {
            match piece {
                Piece::Input(range) => ran.to_server.extend_from_slice(&input[range]),
                Piece::Bytes(bytes) => ran.to_server.extend_from_slice(&bytes),
            }
        }
        ran.events.extend(output.events);
        collect(&mut ran.to_client, output.to_client);
    }
    let output = connection.elapsed(LATE);
    collect(&mut ran.to_client, output.to_client);
    ran
}

fn collect(to: &mut Vec<u8>, pieces: Vec<Piece>) {
    for piece in pieces {
        let Piece::Bytes(bytes) = piece else {
            panic!("no bytes of the server were given");
        };
        to.extend_from_slice(&bytes);
    }
}

fn topics_of(ran: &Ran, what: &str) -> (Vec<String>, Outcome) {
    match &ran.events[..] {
        [
            Event::Request {
                topics, outcome, ..
            },
            ..,
        ] => (topics.clone(), outcome.clone()),
        events => panic!("{what}: {events:?}"),
    }
}

/// Kinds and versions that both know.
fn both() -> Vec<(ApiKey, i16)> {
    let mut both = Vec::new();
    for of in versions() {
        let Ok(key) = ApiKey::try_from(of.api_key.0) else {
            panic!("{} isn't known to kafka-protocol", of.api_key);
        };
        let known = key.valid_versions();
        // Version 0 of the SASL handshake is never forwarded.
        let oldest = known.min.max(i16::from(key == ApiKey::SaslHandshake));
        both.extend((oldest..=known.max.min(of.read)).map(|version| (key, version)));
    }
    both
}

#[test]
fn every_version_is_read_however_its_bytes_come() {
    let everything = Rules::new(vec![Rule::any()], Options::default());
    let mut seen = 0;
    for (key, version) in both() {
        let what = format!("{key:?} {version}");
        let (bytes, names) = frame(key, version);
        for piece in [bytes.len(), 1, 7] {
            let ran = run(&everything, &bytes, piece);
            let (topics, outcome) = topics_of(&ran, &what);
            assert_eq!(outcome, Outcome::Allowed(Some(0)), "{what}");
            assert_eq!(ran.to_server, bytes, "{what}");
            if names == Names::Topics {
                assert_eq!(topics, TOPICS, "{what}");
            } else {
                assert!(topics.is_empty(), "{what}: {topics:?}");
            }
        }
        seen += 1;
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn every_refusal_is_read_by_another_hand() {
    let nothing = Rules::new(Vec::new(), Options::default());
    for (key, version) in both() {
        let what = format!("{key:?} {version}");
        let (bytes, names) = frame(key, version);
        let ran = run(&nothing, &bytes, bytes.len());
        let (topics, outcome) = topics_of(&ran, &what);
        assert!(matches!(outcome, Outcome::Denied(_)), "{what}: {outcome:?}");
        assert_eq!(ran.to_server, Vec::<u8>::new(), "{what}");
        if names == Names::Topics {
            assert_eq!(topics, TOPICS, "{what}");
        }
        let (size, answer) = ran.to_client.split_at(4);
        assert_eq!(size, (answer.len() as u32).to_be_bytes(), "{what}");
        let mut answer = bytes::Bytes::copy_from_slice(answer);
        let header = ResponseHeader::decode(&mut answer, key.response_header_version(version))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(header.correlation_id, ID, "{what}");
        let decoded = ResponseKind::decode(key, &mut answer, version)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(answer.is_empty(), "{what}: {} bytes are left", answer.len());
        check(key, version, names, &format!("{decoded:?}"));
    }
}

/// Holds a refusal to what it must say, by what it prints.
fn check(key: ApiKey, version: i16, names: Names, answer: &str) {
    let what = format!("{key:?} {version}: {answer}");
    // Log directories have no place for an error before version 3.
    if key == ApiKey::DescribeLogDirs && version < 3 {
        return;
    }
    let errors: Vec<&str> = answer
        .match_indices("error_code: ")
        .map(|(at, text)| {
            let rest = &answer[at + text.len()..];
            rest.split([',', ' ']).next().expect("a code")
        })
        .filter(|code| *code != "0")
        .collect();
    assert!(!errors.is_empty(), "{what}");
    let code = match key {
        ApiKey::DescribeGroups | ApiKey::DeleteGroups | ApiKey::JoinGroup => "30",
        ApiKey::Heartbeat | ApiKey::SyncGroup | ApiKey::FindCoordinator => "30",
        ApiKey::LeaveGroup | ApiKey::ListGroups | ApiKey::ConsumerGroupDescribe => "30",
        ApiKey::ConsumerGroupHeartbeat => "30",
        ApiKey::InitProducerId | ApiKey::EndTxn | ApiKey::AddOffsetsToTxn => "53",
        ApiKey::DescribeTransactions | ApiKey::ListTransactions => "53",
        ApiKey::CreateDelegationToken | ApiKey::RenewDelegationToken => "65",
        ApiKey::ExpireDelegationToken | ApiKey::DescribeDelegationToken => "65",
        _ if names == Names::Topics || names == Names::Ids => "29",
        _ => "31",
    };
    // Kinds about topics whose refusal is about the cluster.
    let cluster = [
        ApiKey::DescribeLogDirs,
        ApiKey::ElectLeaders,
        ApiKey::AlterPartitionReassignments,
        ApiKey::ListPartitionReassignments,
    ];
    let code = if cluster.contains(&key) { "31" } else { code };
    assert!(errors.iter().all(|error| *error == code), "{what}");

    // Whoever names something finds it in the answer, but where one error stands for all.
    let one_for_all = [
        ApiKey::DescribeLogDirs,
        ApiKey::AlterPartitionReassignments,
        ApiKey::ListPartitionReassignments,
        ApiKey::OffsetDelete,
    ];
    let by_group = key == ApiKey::OffsetFetch && version >= 8;
    let by_transaction = key == ApiKey::AddPartitionsToTxn && version >= 4;
    if one_for_all.contains(&key) || by_group || by_transaction {
        return;
    }
    match names {
        Names::Topics | Names::Others => {
            for name in TOPICS {
                assert!(answer.contains(&format!("\"{name}\"")), "{name}: {what}");
            }
            let expected = match key {
                ApiKey::Produce
                | ApiKey::Fetch
                | ApiKey::ListOffsets
                | ApiKey::OffsetCommit
                | ApiKey::OffsetFetch
                | ApiKey::DeleteRecords
                | ApiKey::OffsetForLeaderEpoch
                | ApiKey::TxnOffsetCommit
                | ApiKey::AddPartitionsToTxn
                | ApiKey::DescribeProducers
                | ApiKey::AlterReplicaLogDirs => 4,
                ApiKey::ElectLeaders => 4 + usize::from(version > 0),
                _ => 2,
            };
            assert_eq!(errors.len(), expected, "{what}");
        }
        Names::Ids => assert!(answer.contains("05050505"), "{what}"),
        Names::Elements => assert_eq!(errors.len(), 2, "{what}"),
        Names::Nothing => {}
    }
}
