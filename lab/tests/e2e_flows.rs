//! From the kernel to the screen: what happened in a running lab is told by `flows`, by way of agents
//! and relay, with its reason.

mod common;

use std::time::Duration;

use common::program;
use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use serde_json::Value;
use testing_lab::cluster::up;
use testing_lab::{Family, Probe, observe, until};

/// The flows of JSON output, one a line.
fn flows(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["flow"].take())
        .collect()
}

#[test]
fn every_drop_is_told_with_its_policy() {
    let lab = up(program());
    for from in ["stranger-near", "stranger-far"] {
        for (family, version) in [(Family::V4, "IPv4"), (Family::V6, "IPv6")] {
            let outcome = lab.connect(from, "server:80", Probe::Tcp, family).unwrap();
            assert_eq!(outcome, Outcome::TimedOut);
            let pod = format!("default/{from}");
            let asked = ["--from-pod", &pod, "--verdict", "DROPPED", "-o", "json"];
            let told = |flow: &Value| {
                flow["IP"]["ipVersion"] == version
                    && flow["drop_reason_desc"] == "POLICY_DENIED"
                    && flow["drop_reason"] == 133
                    && flow["traffic_direction"] == "INGRESS"
                    && flow["destination"]["pod_name"] == "server"
                    && flow["l4"]["TCP"]["destination_port"] == 80
                    && flow["ingress_denied_by"][0]["name"] == "server"
            };
            let text = until(&lab, &asked, |text| flows(text).iter().any(told));
            assert!(
                flows(&text).iter().all(|flow| {
                    flow["source"]["pod_name"] == from && flow["verdict"] == "DROPPED"
                }),
                "the filters hold: {text}"
            );
        }
    }
    let wide = observe(
        &lab,
        &[
            "--from-pod",
            "default/stranger-near",
            "--verdict",
            "DROPPED",
        ],
    );
    let row = wide.lines().last().unwrap();
    for word in [
        "default/stranger-near:",
        "default/server:80",
        "L4_DROP TCP",
        "DROPPED",
        "Policy denied",
        "default deny ingress: cnp default/server",
    ] {
        assert!(row.contains(word), "{word}: {wide}");
    }
}

#[test]
fn an_egress_drop_is_told_by_the_source() {
    let lab = up(program());
    let outcome = lab
        .connect("caged-far", "open:80", Probe::Tcp, Family::V4)
        .unwrap();
    assert_eq!(outcome, Outcome::TimedOut);
    let asked = [
        "--from-pod",
        "default/caged-far",
        "--verdict",
        "DROPPED",
        "-o",
        "json",
    ];
    until(&lab, &asked, |text| {
        flows(text).iter().any(|flow| {
            flow["traffic_direction"] == "EGRESS"
                && flow["egress_denied_by"][0]["name"] == "caged"
                && flow["node_name"]
                    .as_str()
                    .is_some_and(|node| node.ends_with("/two"))
        })
    });
}

#[test]
fn what_is_allowed_names_the_rule_that_allows_it() {
    let lab = up(program());
    for from in ["friend-near", "friend-far"] {
        let outcome = lab
            .expect(
                Outcome::Connected,
                from,
                "server:80",
                Probe::Tcp,
                Family::V4,
            )
            .unwrap();
        assert_eq!(outcome, Outcome::Connected);
        let pod = format!("default/{from}");
        let asked = ["--from-pod", &pod, "--verdict", "FORWARDED", "-o", "json"];
        until(&lab, &asked, |text| {
            flows(text).iter().any(|flow| {
                flow["destination"]["pod_name"] == "server"
                    && flow["ingress_allowed_by"][0]["name"] == "server"
            })
        });
    }
}

#[test]
fn a_cut_connection_names_the_policy_that_cut_it() {
    let mut lab = up(program());
    let line = "flows-lab client --to open:80 --hold --every 50ms --timeout 300ms";
    let client = lab
        .start("stranger-far", &line.split(' ').collect::<Vec<_>>())
        .unwrap();
    let deadline = Deadline::after(Duration::from_secs(30));
    while !client.outcomes().unwrap().contains(&Outcome::Connected) {
        assert!(deadline.pause(), "{}", client.output().unwrap());
    }
    let closed = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: closed}
spec:
  endpointSelector: {matchLabels: {app: open}}
  ingressDeny:
    - fromEndpoints: [{matchLabels: {role: stranger}}]
"#;
    lab.apply("closed.yaml", closed).unwrap();
    let asked = [
        "--pod",
        "default/open",
        "--verdict",
        "DROPPED",
        "-o",
        "json",
    ];
    until(&lab, &asked, |text| {
        flows(text).iter().any(|flow| {
            flow["drop_reason"] == 181 && flow["ingress_denied_by"][0]["name"] == "closed"
        })
    });
}

#[test]
fn a_stolen_source_address_is_told() {
    let lab = up(program());
    let victim = lab.lab().find_pod("friend-near").unwrap().ipv4.to_string();
    let add = lab.exec(
        "stranger-near",
        &["ip", "addr", "add", &victim, "dev", "lo"],
    );
    assert!(add.unwrap().status.success());
    let line =
        format!("flows-lab client --udp --to server:53 --from {victim} --count 1 --timeout 100ms");
    let sent = lab.exec("stranger-near", &line.split(' ').collect::<Vec<_>>());
    assert_eq!(sent.unwrap().status.code(), Some(2), "timed out");
    until(&lab, &["--verdict", "DROPPED", "-o", "json"], |text| {
        flows(text).iter().any(|flow| {
            flow["drop_reason"] == 132
                && flow["IP"]["source"] == victim.as_str()
                && flow["l4"]["UDP"]["destination_port"] == 53
        })
    });
}
