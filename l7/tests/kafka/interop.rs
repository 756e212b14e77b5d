//! Every kind of request in every version that `kafka-protocol` knows too: what it encodes is read, in
//! one piece and byte by byte, with the right topics; what is refused it decodes, with nothing left over
//! and the error at the right places.

use kafka_protocol::messages::ApiKey;
use l7::kafka::{Config, Event, Options, Outcome, Rule, Rules, versions};

use crate::requests::{Names, TOPICS};
use crate::wire::{ID, Wire, decode, frame};

/// Gives a client's bytes to a connection, in pieces of that size, and waits.
fn run(rules: &Rules, bytes: &[u8], piece: usize) -> Wire {
    let mut wire = Wire::new(Config {
        filter_metadata: false,
        ..Config::default()
    });
    wire.piece = piece;
    wire.client(rules, bytes);
    assert_eq!(wire.close, None);
    wire.wait(60_000);
    wire
}

fn topics_of(ran: &Wire, what: &str) -> (Vec<String>, Outcome) {
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
        let mut ran = run(&nothing, &bytes, bytes.len());
        let (topics, outcome) = topics_of(&ran, &what);
        assert!(matches!(outcome, Outcome::Denied(_)), "{what}: {outcome:?}");
        assert_eq!(ran.to_server, Vec::<u8>::new(), "{what}");
        if names == Names::Topics {
            assert_eq!(topics, TOPICS, "{what}");
        }
        let (id, decoded) = decode(&mut ran.to_client, key, version);
        assert_eq!(id, ID, "{what}");
        assert!(ran.to_client.is_empty(), "{what}");
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
        Names::Ids => assert!(answer.contains("-0505-"), "{what}"),
        Names::Elements => assert_eq!(errors.len(), 2, "{what}"),
        Names::Nothing => {}
    }
}
