//! An incident from its first drop to its end: it is shown, explained, acknowledged by somebody, and the
//! change that ended it is named.

mod common;

use std::time::{Duration, Instant};

use common::program;
use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use serde_json::Value;
use testing_lab::{Family, Probe, TestLab, options, pod};

/// A pod on each of three nodes.
fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[("tcp", 5432)]),
        pod("client", "app: client", "two", &[]),
        pod("other", "app: other", "three", &[]),
    ];
    pods.join("---\n")
}

fn policy(from: &str) -> String {
    format!(
        "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: guard, namespace: default}}
spec:
  endpointSelector: {{matchLabels: {{app: server}}}}
  ingress:
  - fromEndpoints: [{{matchLabels: {{app: {from}}}}}]
"
    )
}

fn flows(lab: &TestLab, arguments: &[&str]) -> (String, String, bool) {
    let output = lab.flows().args(arguments).output().expect("flows runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let is_ok = output.status.success();
    (text(output.stdout), text(output.stderr), is_ok)
}

/// The incidents, once they are as wanted.
fn incidents(lab: &TestLab, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let (text, notes, _) = flows(lab, &["incidents", "-o", "json"]);
        let found: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
        if wanted(&found) {
            return found;
        }
        assert!(deadline.pause(), "{text}\n{notes}");
    }
}

/// Waits until the relay has so many nodes.
fn wait_for_nodes(lab: &TestLab, number: usize) {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let (nodes, ..) = flows(lab, &["list", "nodes"]);
        if nodes.matches("Connected").count() == number {
            return;
        }
        assert!(deadline.pause(), "{nodes}");
    }
}

#[test]
fn an_incident_is_known_from_its_first_drop_to_its_end() {
    let mut lab = TestLab::up(&options(program(), true), &pods()).unwrap();
    lab.enforce("guard.yaml", &policy("other")).unwrap();
    let expect = |lab: &TestLab, outcome| {
        let found = lab.expect(outcome, "client", "server:5432", Probe::Tcp, Family::V4);
        assert_eq!(found.unwrap(), outcome);
    };
    expect(&lab, Outcome::TimedOut);

    let found = incidents(&lab, |found| found.len() == 1);
    let id = found[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(found[0]["status"], "ongoing");
    assert_eq!(found[0]["why"], "cnp default/guard \u{b7} default deny");
    let (one, _, is_ok) = flows(&lab, &["incidents", &id]);
    assert!(is_ok, "{one}");
    for said in [
        "default/client -> default/server:5432",
        "app=other",
        "What would allow it",
        "app: client",
    ] {
        assert!(one.contains(said), "{said}: {one}");
    }
    let (_, why, is_ok) = flows(&lab, &["incidents", "ffffffff"]);
    assert!(!is_ok && why.contains("no incident \"ffffffff\""), "{why}");

    // Somebody knows of it; all nodes keep it.
    wait_for_nodes(&lab, 3);
    let acknowledge = [
        "incidents",
        "acknowledge",
        &id,
        "--until",
        "2h",
        "--by",
        "alice",
    ];
    let (said, notes, is_ok) = flows(&lab, &acknowledge);
    assert!(is_ok && said.contains("kept by 3 nodes"), "{said}{notes}");
    let (ongoing, why, _) = flows(&lab, &["incidents", "--ongoing"]);
    assert!(ongoing.is_empty() && why.contains("acknowledged"), "{why}");
    let (_, why, is_ok) = flows(&lab, &["incidents", "acknowledge", "nonsense"]);
    assert!(!is_ok && why.contains("eight hexadecimal digits"), "{why}");
    let (_, why, is_ok) = flows(&lab, &["incidents", "ack", &id, "--until", "2001-01-01"]);
    assert!(!is_ok && why.contains("in the past"), "{why}");

    // It survives the agents, and a node that is away.
    lab.lab_mut().restart_agents(Vec::new()).unwrap();
    assert!(lab.lab_mut().kill_agent("three").unwrap());
    wait_for_nodes(&lab, 2);
    // Other agents have other flows, and it is the same incident.
    expect(&lab, Outcome::TimedOut);
    let known = |found: &[Value]| found.len() == 1 && found[0]["acknowledged"]["by"] == "alice";
    incidents(&lab, known);
    // What is said meanwhile holds, though that node says otherwise when it is back.
    let (said, notes, is_ok) = flows(&lab, &["incidents", "withdraw", &id]);
    assert!(is_ok && said.contains("kept by 2 nodes"), "{said}{notes}");
    assert!(notes.contains("three is not included"), "{notes}");
    lab.lab_mut().restart_agent("three").unwrap();
    let deadline = Deadline::after(Duration::from_secs(30));
    while flows(&lab, &["list", "nodes"])
        .0
        .matches("Connected")
        .count()
        < 3
    {
        assert!(deadline.pause(), "the node comes back");
    }
    incidents(&lab, |found| {
        found.len() == 1 && found[0]["acknowledged"].is_null()
    });

    // The policy is repaired, and the next attempt is let through.
    let before = Instant::now();
    lab.enforce("guard.yaml", &policy("client")).unwrap();
    expect(&lab, Outcome::Connected);
    let found = incidents(&lab, |found| {
        found.len() == 1 && found[0]["status"] == "allowed"
    });
    assert_eq!(found[0]["ended_by"]["object"], "cnp default/guard");
    let summary = found[0]["ended_by"]["summary"].as_str().unwrap();
    assert!(summary.contains("app=client"), "{summary}");
    let (table, ..) = flows(&lab, &["incidents"]);
    assert!(table.contains("(cnp default/guard changed)"), "{table}");

    // It can still be asked as of then.
    let question = ["why", "default/client", "default/server:5432"];
    let (now, ..) = flows(&lab, &question);
    assert!(now.starts_with("ALLOWED now"), "{now}");
    let at = format!("{}ms", before.elapsed().as_millis() + 100);
    let (then, notes, _) = flows(&lab, &[&question[..], &["--at", &at]].concat());
    assert!(then.starts_with("DENIED at "), "{then}{notes}");
    assert!(
        then.contains("app=other") || then.contains("app: client"),
        "{then}"
    );
    let trace = [
        "--src-pod",
        "default/client",
        "--dst-pod",
        "default/server",
        "--dport",
        "5432",
    ];
    let trace = [&["policy", "trace", "--at", &at][..], &trace].concat();
    let (then, notes, _) = flows(&lab, &trace);
    assert!(then.contains("DENIED"), "{then}{notes}");
    let (_, why, is_ok) = flows(&lab, &[&question[..], &["--at", "24h"]].concat());
    assert!(
        !is_ok && why.contains("changes are known only since"),
        "{why}"
    );
}
