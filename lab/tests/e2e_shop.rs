//! `testdata/shop` brought up: it has the causes of denial that its `incidents.yaml` says, and no other.

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use common::program;
use flows_lab::process::Deadline;
use serde_json::Value;
use testing_lab::{Follow, TestLab, options, shop, until};

/// How long a busy machine may take until each of the shop's clients has tried once.
const PATIENCE: Duration = Duration::from_secs(60);

fn flows(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str::<Value>);
    lines
        .map(|response| response.unwrap()["flow"].take())
        .collect()
}

#[test]
fn the_shop_has_the_expected_causes_of_denial_and_no_other() {
    let mut options = options(program(), true);
    options.outside = true;
    let lab = TestLab::up_from(&options, &shop::directory()).unwrap();
    let outside = shop::outside();
    let start = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        lab.start("outside", &words).unwrap()
    };
    let _running: Vec<_> = outside.lines().map(start).collect();

    let expected: BTreeSet<_> = shop::incidents().into_values().collect();
    let mut follow = Follow::start(&lab, &["--verdict", "DROPPED"]);
    let mut seen = BTreeSet::new();
    let deadline = Deadline::after(PATIENCE);
    while !seen.is_superset(&expected) && deadline.pause() {
        seen.append(&mut shop::causes(&follow.responses()));
    }
    assert_eq!(seen, expected, "{}", follow.said());

    // What else goes wrong in it, without anything being denied.
    let refused = [
        "--from-workload",
        "search",
        "--tcp-flags",
        "RST",
        "-o",
        "json",
    ];
    until(&lab, &refused, |text| {
        flows(text).iter().any(|flow| {
            flow["l4"]["TCP"]["source_port"] == 9300
                && flow["destination"]["workloads"][0]["name"] == "newsletter"
        })
    });
    let unanswered = ["--workload", "tracing", "-o", "json"];
    let text = until(&lab, &unanswered, |text| !flows(text).is_empty());
    let answers = ["--from-workload", "tracing", "-o", "json"];
    assert!(
        flows(&testing_lab::observe(&lab, &answers)).is_empty(),
        "{text}"
    );
    // From the world, by a rule for an entity; over IPv6; a name looked up; a ping.
    let allowed: [&[&str]; 4] = [
        &[
            "--from-ip",
            "203.0.113.10",
            "--to-workload",
            "ingress-gateway",
        ],
        &["--ipv6", "--to-workload", "catalog"],
        &["--from-workload", "dns-resolver", "--protocol", "udp"],
        &["--from-workload", "ingress-gateway", "--protocol", "icmp"],
    ];
    for asked in allowed {
        let asked = [asked, &["--verdict", "FORWARDED", "-o", "json"]].concat();
        until(&lab, &asked, |text| !text.is_empty());
    }
    connections(&lab, &expected);
}

/// What a command says, without what it says on the side.
fn said(lab: &TestLab, arguments: &[&str]) -> String {
    let output = lab.flows().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same as connections: each has one fate, whichever nodes told of it.
fn connections(lab: &TestLab, expected: &BTreeSet<shop::Cause>) {
    let incidents = said(lab, &["incidents", "-o", "json"]);
    let incidents: Vec<Value> = serde_json::from_str(&incidents).unwrap();
    let name = |end: &Value| match end["namespace"].as_str().unwrap() {
        "" => end["name"].as_str().unwrap().to_owned(),
        namespace => format!("{namespace}/{}", end["name"].as_str().unwrap()),
    };
    let of = |peer: &shop::Peer| match peer.workload.as_str() {
        "" => peer.address.clone(),
        workload => format!("{}/{workload}", peer.namespace),
    };
    let seen: BTreeSet<(String, String)> = incidents
        .iter()
        .map(|one| (name(&one["source"]), name(&one["destination"])))
        .collect();
    let causes = expected
        .iter()
        .map(|of_one| (of(&of_one.source), of(&of_one.destination)));
    assert_eq!(seen, causes.collect(), "{incidents:#?}");

    let rows = |filter: &str| said(lab, &["observe", "--all", "--filter", filter]);
    // What left its source and was denied elsewhere is in no row that says ALLOWED.
    for cause in expected.iter().filter(|cause| cause.policy.is_some()) {
        let (source, port) = (&cause.source.workload, cause.port);
        let destination = match cause.destination.workload.as_str() {
            "" => format!("dst.ip == {}", cause.destination.address),
            workload => format!("dst.workload == {workload}"),
        };
        let text = rows(&format!(
            "src.workload == {source} and {destination} and dst.port == {port}"
        ));
        let verdicts: Vec<&str> = text.lines().skip(1).collect();
        assert!(!verdicts.is_empty(), "{cause:?}");
        let denied = verdicts.iter().all(|row| row.contains(" DENIED "));
        assert!(denied, "{cause:?}:\n{text}");
    }
    let refused = rows("dst.workload == search and dst.port == 9300");
    let is_refused = |row: &str| row.contains(" ALLOWED ") && row.contains(" refused ");
    assert!(refused.lines().skip(1).all(is_refused), "{refused}");
    // That there is no answer is known some seconds later.
    let deadline = Deadline::after(PATIENCE);
    let mut silent = String::new();
    while silent.is_empty() && deadline.pause() {
        silent = rows("dst.workload == tracing and dst.port == 4317 and not state == opening");
    }
    let is_silent = |row: &str| row.contains(" ALLOWED ") && row.contains(" no answer ");
    assert!(silent.lines().count() > 1, "{silent}");
    assert!(silent.lines().skip(1).all(is_silent), "{silent}");
}

#[test]
fn the_shops_policies_have_no_errors() {
    let output = Command::new(program().with_file_name("flows"))
        .args(["policy", "validate", "-o", "json"])
        .arg(shop::directory())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let severities: Vec<(&str, &str)> = answer["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| {
            (
                each["severity"].as_str().unwrap(),
                each["code"].as_str().unwrap(),
            )
        })
        .filter(|(severity, _)| *severity != "NOTE")
        .collect();
    // The typo, which is one of the causes.
    assert_eq!(severities, [("WARNING", "matches-nothing")]);
}
