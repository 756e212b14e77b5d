//! What `flows` shows of it, in India.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use flows_lab::process::Deadline;
use serde_json::Value;
use testing_lab::TestLab;
use testing_program::Pty;

use crate::traffic::EACH;

fn flows(lab: &TestLab, words: &[&str]) -> Command {
    let mut command = lab.flows();
    command.env("TZ", "Asia/Kolkata").args(words);
    command
}

/// What is written into a pipe.
fn said(lab: &TestLab, words: &[&str]) -> String {
    let output = flows(lab, words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The flows of requests of HTTP for products, as objects.
fn products(lab: &TestLab) -> Vec<Value> {
    let words = ["observe", "--events", "--last", "100000", "--type", "l7"];
    let text = said(lab, &[&words[..], &["-o", "json"]].concat());
    let flows = text.lines().map(|line| {
        let mut response: Value = serde_json::from_str(line).unwrap();
        response["flow"].take()
    });
    let is_wanted = |flow: &Value| {
        let url = flow["l7"]["http"]["url"].as_str().unwrap_or_default();
        url.contains("/products?round=") && flow["l7"]["type"] == "REQUEST"
    };
    flows.filter(is_wanted).collect()
}

/// How many were denied of a method, as far as agents know.
fn denied(lab: &TestLab, method: &str) -> usize {
    let is_it =
        |flow: &&Value| flow["l7"]["http"]["method"] == method && flow["verdict"] == "DROPPED";
    products(lab).iter().filter(is_it).count()
}

/// Waits until each end has told of all requests of a round that its rules judged, and of none twice.
pub(crate) fn requests_are_told(lab: &TestLab, round: u32) {
    // What the storefront's own rule denies never comes to the catalog's.
    let expected = [
        ("DELETE", "EGRESS", "DROPPED"),
        ("GET", "EGRESS", "FORWARDED"),
        ("GET", "INGRESS", "FORWARDED"),
        ("POST", "EGRESS", "FORWARDED"),
        ("POST", "INGRESS", "DROPPED"),
    ];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = expected.map(|(method, direction, verdict)| {
        let key = [method, direction, verdict].map(str::to_owned);
        (key, EACH)
    });
    let expected = BTreeMap::from(expected);
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let mut told: BTreeMap<[String; 3], usize> = BTreeMap::new();
        let query = format!("?round={round}");
        let of_round = |flow: &Value| text(&flow["l7"]["http"]["url"]).ends_with(&query);
        for flow in products(lab).into_iter().filter(of_round) {
            let method = text(&flow["l7"]["http"]["method"]);
            let key = [
                method,
                text(&flow["traffic_direction"]),
                text(&flow["verdict"]),
            ];
            *told.entry(key).or_default() += 1;
        }
        if told == expected {
            return;
        }
        assert!(deadline.pause(), "{told:#?}");
    }
}

/// Rows of connections to the catalog, without the heading.
fn catalog(lab: &TestLab) -> Vec<String> {
    let words = ["observe", "--all", "--filter", "dst.workload == catalog"];
    let text = said(lab, &words);
    let mut lines = text.lines().map(str::to_owned);
    let heading = lines.next().unwrap();
    assert!(heading.starts_with("TIME (IST) "), "{heading}");
    lines.collect()
}

/// Every connection carried one, which both ends' nodes judged.
pub(crate) fn each_connection_has_its_request(lab: &TestLab) {
    let rows = catalog(lab);
    let connections: Vec<&String> = rows
        .iter()
        .filter(|row| row.contains(" ALLOWED "))
        .collect();
    // Those of the beginning, and what was asked before servers listened.
    assert!(connections.len() >= 48, "{rows:#?}");
    let of_products = connections
        .iter()
        .filter(|row| row.contains("GET /products?round=1: 200"));
    assert_eq!(of_products.count(), EACH, "{rows:#?}");
    for row in connections {
        assert!(!row.contains("last POST"), "{row}");
        assert!(
            row.contains(" 1 request") || row.contains(" refused "),
            "{row}"
        );
    }
}

pub(crate) fn denied_requests_are_rows(lab: &TestLab) {
    let rows = catalog(lab);
    let denied: Vec<&String> = rows.iter().filter(|row| row.contains(" DENIED ")).collect();
    for (policy, method) in [("shop/catalog", "POST"), ("shop/storefront", "DELETE")] {
        let why = format!("cnp {policy} \u{b7} {method} /products: 403");
        let with = denied.iter().filter(|row| row.contains(&why));
        assert_eq!(
            with.count(),
            self::denied(lab, method),
            "{why}: {denied:#?}"
        );
    }
}

/// Eighty columns: pods as their workloads, one row for all denials of a cause.
pub(crate) fn fit_a_narrow_terminal(lab: &TestLab) {
    let words = ["observe", "--all", "--color", "never"];
    let mut screen = Pty::start(&flows(lab, &words), (80, 300));
    assert!(screen.end().success());
    screen.until_steady("all rows", |text| text.contains("TIME (IST)"));
    let text = screen.text();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains("6c9d8f7b5c"), "{line}");
    }
    for (source, destination, why) in [
        ("shop/storefront", "shop/catalog:8080", "POST /prod"),
        ("shop/storefront", "shop/catalog:8080", "DELETE /pr"),
        ("shop/checkout", "/coredns:53/UDP", "DNS www.ads"),
        ("shop/checkout", "data/kafka-0:9092", "metadata pa"),
        ("data/ledger", "data/kafka-0:9092", "produce ord"),
    ] {
        let is_it = |line: &&str| {
            let words = [source, " DENIED ", destination, why];
            words.iter().all(|words| line.contains(words))
        };
        assert_eq!(text.lines().filter(is_it).count(), 1, "{why}:\n{text}");
    }
}

/// Of a denied request: 5 h 30 min after UTC.
pub(crate) fn times_are_in_the_zone(lab: &TestLab) {
    let flow = products(lab)
        .into_iter()
        .find(|flow| flow["verdict"] == "DROPPED");
    let flow = flow.unwrap();
    // 2026-12-01T03:09:52.632607454Z
    let time = flow["time"].as_str().unwrap();
    let clock: Vec<u32> = time[11..16]
        .split(':')
        .map(|part| part.parse().unwrap())
        .collect();
    let minutes = (clock[0] * 60 + clock[1] + 330) % (24 * 60);
    let expected = format!(" {:02}:{:02}{} ", minutes / 60, minutes % 60, &time[16..23]);
    let source = format!(
        "/{}:{} ",
        flow["source"]["pod_name"].as_str().unwrap(),
        flow["l4"]["TCP"]["source_port"]
    );
    let rows = catalog(lab);
    let is_it = |row: &&String| row.contains(" DENIED ") && row.contains(&source);
    let row = rows.iter().find(is_it).unwrap();
    assert!(row.contains(&expected), "{expected}: {row}");
}

fn incidents(lab: &TestLab) -> Vec<Value> {
    serde_json::from_str(&said(lab, &["incidents", "-o", "json"])).unwrap()
}

pub(crate) fn denials_are_incidents_of_workloads(lab: &TestLab) {
    let incidents = incidents(lab);
    let end = |end: &Value| {
        let [namespace, name] = ["namespace", "name"].map(|part| end[part].as_str().unwrap());
        format!("{namespace}/{name}")
    };
    let told = incidents.iter().map(|one| {
        let subject = one["request"]["subject"].as_str().unwrap_or("connections");
        let ends = [&one["source"], &one["destination"]].map(end);
        let pods = one["source_pods"].as_array().unwrap().len();
        (ends, subject.to_owned(), pods)
    });
    let expected = [
        ("shop/storefront", "shop/catalog", "POST /products", 6),
        ("shop/storefront", "shop/catalog", "DELETE /products", 6),
        (
            "shop/checkout",
            "kube-system/coredns",
            "DNS www.ads.test",
            3,
        ),
        ("shop/checkout", "data/kafka", "metadata payments", 3),
        ("data/ledger", "data/kafka", "produce orders", 3),
    ];
    let expected = expected.map(|(source, destination, subject, pods)| {
        let ends = [source, destination].map(str::to_owned);
        (ends, subject.to_owned(), pods)
    });
    let told: BTreeSet<_> = told.collect();
    assert_eq!(told, BTreeSet::from(expected), "{incidents:#?}");
    assert_eq!(incidents.len(), told.len(), "{incidents:#?}");
}

/// Two, whoever asked for products, and however often.
pub(crate) fn incidents_count_all_replicas(lab: &TestLab) {
    let incidents = incidents(lab);
    let of_catalog = |one: &&Value| one["destination"]["name"] == "catalog";
    let incidents: Vec<_> = incidents.iter().filter(of_catalog).collect();
    assert_eq!(incidents.len(), 2, "{incidents:#?}");
    for one in incidents {
        let subject = one["request"]["subject"].as_str().unwrap();
        let (method, path) = subject.split_once(' ').unwrap();
        assert_eq!(path, "/products", "{one}");
        assert_eq!(one["drops"], denied(lab, method), "{one}");
    }
}

/// A request of an allowed connection is what was denied last.
pub(crate) fn the_last_denial_is_explained(lab: &TestLab) {
    let text = said(lab, &["explain"]);
    assert!(text.contains("DENIED") && text.contains(" IST "), "{text}");
    let text = said(lab, &["explain", "shop/storefront", "shop/catalog:8080"]);
    for words in ["DENIED", "may not send HTTP", "What would allow it"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// Each replica's own.
pub(crate) fn names_are_listed_by_pod(lab: &TestLab) {
    let text = said(lab, &["names", "list"]);
    let pods = text.lines().filter(|line| line.contains(" api.pay.test "));
    let pods: BTreeSet<_> = pods.map(|line| line.split(' ').next()).collect();
    assert_eq!(pods.len(), 3, "{text}");
}
