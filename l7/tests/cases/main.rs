//! The table of `testdata/l7/cases.yaml`: what it says of each request comes out of the rules, over bytes where
//! there are bytes. Its packets, merges and lifetimes are others' to judge: each probe that isn't driven here
//! is counted by the reason.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod build;
mod drive;
mod table;
mod validation;

use std::collections::BTreeMap;

use l7::rules::{Direction, Rules};
use testing_cases::{L4, Probe, Request, Set, Table, table};

/// Why a probe isn't driven.
fn left_out(probe: &Probe) -> Option<&'static str> {
    if matches!(probe.request, Request::Kafka(_)) {
        return Some("Kafka has tests of its own");
    }
    match probe.l4 {
        L4::Denied => Some("dropped as a packet"),
        L4::Allowed => Some("not redirected"),
        L4::Redirected | L4::Error => None,
    }
}

fn drive(table: &Table, set: &Set, probe: &Probe) -> Result<(), String> {
    let wanted = match probe.dir.as_str() {
        "ingress" => Direction::Ingress,
        "egress" => Direction::Egress,
        other => panic!("{}: {other}", set.id),
    };
    let built = build::snapshot(table, set, probe, wanted);
    let built = match (built, &set.merge_error) {
        (Ok(built), None) => built,
        (Err(error), Some(wanted)) if error.to_string().contains(wanted) => return Ok(()),
        (Ok(_), Some(_)) => return Err("it is merged".to_owned()),
        (Err(error), _) => return Err(error.to_string()),
    };
    let json = built.snapshot.to_json().unwrap();
    let snapshot = l7::rules::Snapshot::from_json(&json).unwrap();
    assert_eq!(snapshot, built.snapshot);
    let rules = Rules::compile(&snapshot, None).unwrap();
    let protocol = build::protocol(&probe.proto);
    let port = rules.get(build::SUBJECT, wanted, protocol, probe.port);
    let port = port.ok_or("the port has no rules")?;
    let peer = built.peer;
    match &probe.request {
        Request::Http(http) => drive::http(port, peer, probe, http),
        Request::Raw(raw) => drive::raw(port, peer, probe, raw.as_bytes()),
        Request::Dns(dns) => drive::dns(port, peer, probe, dns),
        Request::Tls(tls) => drive::tls(port, peer, probe, tls),
        Request::Kafka(_) => Err("Kafka has tests of its own".to_owned()),
        Request::None => Err("a redirected probe without a request".to_owned()),
    }
}

#[test]
fn every_request_comes_out_as_the_table_says() {
    let table = table();
    let (mut driven, mut left, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for set in &table.sets {
        for (index, probe) in set.probes.iter().enumerate() {
            if let Some(reason) = left_out(probe) {
                *left.entry(reason).or_insert(0) += 1;
                continue;
            }
            *driven.entry(set.kind()).or_insert(0) += 1;
            if let Err(text) = drive(&table, set, probe) {
                wrong.push(format!("{} probe {index}: {text}; {}", set.id, probe.why));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    // Of what none is driven, nothing would be noticed.
    assert_eq!(
        driven,
        BTreeMap::from([("dns", 49), ("http", 74), ("raw", 16), ("sni", 10)])
    );
    let others = [
        ("Kafka has tests of its own", 44),
        ("dropped as a packet", 21),
        ("not redirected", 13),
    ];
    assert_eq!(left, BTreeMap::from(others));
}
