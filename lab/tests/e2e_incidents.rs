//! An incident from its first drop to its end: it is shown, explained, acknowledged by somebody, and the
//! change that ended it is named.

mod common;

use std::time::{Duration, SystemTime};

use common::program;
use flow::time::{TimeFormat, Zone};
use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use proto::google::Timestamp;
use serde_json::Value;
use testing_lab::{Family, Probe, TestLab, guard, options, pod};
use testing_program::Pty;

/// A pod on each of three nodes.
fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[("tcp", 5432)]),
        pod("client", "app: client", "two", &[]),
        pod("other", "app: other", "three", &[]),
    ];
    pods.join("---\n")
}

/// The incidents, once they are as wanted.
fn incidents(lab: &TestLab, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let (text, notes, _) = lab.run_flows(&["incidents", "-o", "json"]);
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
        let (nodes, ..) = lab.run_flows(&["list", "nodes"]);
        if nodes.matches("Connected").count() == number {
            return;
        }
        assert!(deadline.pause(), "{nodes}");
    }
}

/// The only incident is taken back and acknowledged again in `flows top`, for three hours.
fn acknowledge_in_top(lab: &TestLab, id: &str) {
    let home = std::env::temp_dir().join(format!("flows-incidents-{}", std::process::id()));
    let mut command = lab.flows();
    command
        .arg("top")
        .env("XDG_STATE_HOME", home)
        .env("USER", "bob")
        .env_remove("SUDO_USER");
    let mut top = Pty::start(&command, (160, 40));
    top.until("the connection", |text| text.contains("\u{25cf} live"));
    top.press("d");
    top.until("who knows of it", |text| {
        text.contains("\u{2713} ongoing") && text.contains("alice until")
    });
    top.press("A");
    top.until("that it is hidden", |text| {
        text.contains("1 acknowledged incident not shown")
    });
    top.press("Au\r");
    let words = format!("incident {id} not acknowledged any more (kept by 3 nodes)");
    top.until("that it is taken back", |text| text.contains(&words));
    top.press("a\x15nonsense\r");
    top.until("what is wrong", |text| text.contains("failed to parse"));
    top.press("\x153h, moves on Monday\r");
    top.until("that all nodes keep it", |text| {
        text.contains("acknowledged until") && text.contains("(kept by 3 nodes)")
    });
    top.press("\r");
    top.until("by whom, and why", |text| {
        text.contains("is acknowledged by bob until") && text.contains("moves on Monday")
    });
    top.press("q");
    assert!(top.end().success());
}

#[test]
fn an_incident_is_known_from_its_first_drop_to_its_end() {
    let mut lab = TestLab::up(&options(program(), true), &pods()).unwrap();
    lab.enforce("guard.yaml", &guard("other", None)).unwrap();
    let expect = |lab: &TestLab, outcome| {
        let found = lab.expect(outcome, "client", "server:5432", Probe::Tcp, Family::V4);
        assert_eq!(found.unwrap(), outcome);
    };
    expect(&lab, Outcome::TimedOut);

    let found = incidents(&lab, |found| found.len() == 1);
    let id = found[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(found[0]["status"], "ongoing");
    assert_eq!(found[0]["why"], "cnp default/guard \u{b7} default deny");
    let (one, _, is_ok) = lab.run_flows(&["incidents", &id]);
    assert!(is_ok, "{one}");
    for said in [
        "default/client -> default/server:5432",
        "app=other",
        "What would allow it",
        "app: client",
    ] {
        assert!(one.contains(said), "{said}: {one}");
    }
    let (_, why, is_ok) = lab.run_flows(&["incidents", "ffffffff"]);
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
    let (said, notes, is_ok) = lab.run_flows(&acknowledge);
    assert!(is_ok && said.contains("kept by 3 nodes"), "{said}{notes}");
    let (ongoing, why, _) = lab.run_flows(&["incidents", "--ongoing"]);
    assert!(ongoing.is_empty() && why.contains("acknowledged"), "{why}");
    let (_, why, is_ok) = lab.run_flows(&["incidents", "acknowledge", "nonsense"]);
    assert!(!is_ok && why.contains("eight hexadecimal digits"), "{why}");
    let (_, why, is_ok) = lab.run_flows(&["incidents", "ack", &id, "--until", "2001-01-01"]);
    assert!(!is_ok && why.contains("in the past"), "{why}");

    acknowledge_in_top(&lab, &id);
    let (text, ..) = lab.run_flows(&["incidents", "-o", "json"]);
    assert!(text.contains("\"moves on Monday\""), "{text}");

    // It survives the agents, and a node that is away.
    lab.lab_mut().restart_agents(Vec::new()).unwrap();
    assert!(lab.lab_mut().kill_agent("three").unwrap());
    wait_for_nodes(&lab, 2);
    // Other agents have other flows, and it is the same incident.
    expect(&lab, Outcome::TimedOut);
    let known = |found: &[Value]| found.len() == 1 && found[0]["acknowledged"]["by"] == "bob";
    incidents(&lab, known);
    // What is said meanwhile holds, though that node says otherwise when it is back.
    let (said, notes, is_ok) = lab.run_flows(&["incidents", "withdraw", &id]);
    assert!(is_ok && said.contains("kept by 2 nodes"), "{said}{notes}");
    assert!(notes.contains("three is not included"), "{notes}");
    lab.lab_mut().restart_agent("three").unwrap();
    let deadline = Deadline::after(Duration::from_secs(30));
    while lab
        .run_flows(&["list", "nodes"])
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
    let before = Timestamp::from(SystemTime::now());
    lab.enforce("guard.yaml", &guard("client", None)).unwrap();
    expect(&lab, Outcome::Connected);
    let found = incidents(&lab, |found| {
        found.len() == 1 && found[0]["status"] == "allowed"
    });
    assert_eq!(found[0]["ended_by"]["object"], "cnp default/guard");
    let summary = found[0]["ended_by"]["summary"].as_str().unwrap();
    assert!(summary.contains("app=client"), "{summary}");
    let (table, ..) = lab.run_flows(&["incidents"]);
    assert!(table.contains("(cnp default/guard changed)"), "{table}");

    // It can still be asked as of then.
    let question = ["why", "default/client", "default/server:5432"];
    let (now, ..) = lab.run_flows(&question);
    assert!(now.starts_with("ALLOWED now"), "{now}");
    let at = TimeFormat::Rfc3339Nano.text(Some(&before), &Zone::UTC);
    let (then, notes, _) = lab.run_flows(&[&question[..], &["--at", &at]].concat());
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
    let (then, notes, _) = lab.run_flows(&trace);
    assert!(then.contains("DENIED"), "{then}{notes}");
    let (_, why, is_ok) = lab.run_flows(&[&question[..], &["--at", "24h"]].concat());
    assert!(
        !is_ok && why.contains("changes are known only since"),
        "{why}"
    );
}
