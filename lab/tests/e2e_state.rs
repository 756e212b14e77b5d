//! What stays closed, and what is put back, whatever happens to agents, programs, pins and files.

mod common;

use std::time::{Duration, Instant};

use common::program;
use flows_lab::harness::{Family, Probe, TestLab, options};
use flows_lab::network;
use flows_lab::traffic::client::Outcome;

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  nodeName: one
  containers:
    - {name: tcp, command: [flows-lab, serve, tcp, --port, "80"]}
    - {name: udp, command: [flows-lab, serve, udp, --port, "53"]}
---
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: near}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Node
metadata: {name: two}
"#;

/// A number from a line of /proc/net/snmp, for the namespace of a pod or node.
fn snmp(lab: &TestLab, place: &str, group: &str, field: &str) -> u64 {
    let output = lab.exec(place, &["cat", "/proc/net/snmp"]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let mut words = || lines.next().unwrap().split(' ');
    let (names, mut values) = (words(), words());
    let place = names.into_iter().position(|name| name == field).unwrap();
    values.nth(place).unwrap().parse().unwrap()
}

#[test]
fn a_pod_made_while_no_agent_runs_is_closed_from_birth() {
    const LATE: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: late, labels: {app: late}}\n\
        spec: {nodeName: one, containers: [{name: tcp, command: [flows-lab, serve, tcp, --port, '81']}]}";
    let mut lab = TestLab::up(&options(program(), true), PODS).unwrap();
    lab.wait_for(
        Outcome::Connected,
        "near",
        "server:53",
        Probe::Udp,
        Family::V4,
    )
    .unwrap();
    assert!(lab.lab_mut().kill_agent("one").unwrap());
    let began = Instant::now();
    let error = lab.apply("late.yaml", LATE).unwrap_err().to_string();
    assert!(error.contains("default/late"), "{error}");
    assert!(error.contains("they stay closed until it does"), "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "nothing to wait for"
    );

    // Whoever owns the pod raises its end, and needs no answer to know its neighbour.
    let pod = lab.lab().find_pod("late").unwrap().clone();
    network::open_pod(lab.lab().paths(), &pod).unwrap();
    let mac = pod.host_mac().map(|byte| format!("{byte:02x}")).join(":");
    let neighbour = [
        "ip",
        "neigh",
        "replace",
        "169.254.1.1",
        "lladdr",
        &mac,
        "dev",
        "eth0",
    ];
    assert!(lab.exec("late", &neighbour).unwrap().status.success());
    let counts = |lab: &TestLab| {
        [
            snmp(lab, "node:one", "Ip:", "InReceives"),
            snmp(lab, "server", "Udp:", "InDatagrams"),
            snmp(lab, "near", "Icmp:", "InMsgs"),
        ]
    };
    let before = counts(&lab);
    let sent = snmp(&lab, "late", "Ip:", "OutRequests");
    for round in 0..2 {
        for (to, probe) in [
            ("server:53", Probe::Udp),
            ("server:80", Probe::Tcp),
            ("near", Probe::Icmp),
        ] {
            let outcome = lab.connect("late", to, probe, Family::V4).unwrap();
            assert_eq!(outcome, Outcome::TimedOut, "{to}, round {round}");
        }
        // The node's end comes up again: nothing changes.
        let interface = pod.interface.as_str();
        for state in ["down", "up"] {
            let line = ["ip", "link", "set", interface, state];
            assert!(lab.exec("node:one", &line).unwrap().status.success());
        }
    }
    assert!(
        snmp(&lab, "late", "Ip:", "OutRequests") > sent,
        "it did send"
    );
    assert_eq!(counts(&lab), before, "nothing of it arrived");
    // The others are as they were.
    let outcome = lab.connect("near", "server:53", Probe::Udp, Family::V4);
    assert_eq!(outcome.unwrap(), Outcome::Connected);

    let interface = pod.interface.clone();
    let route = [
        "ip",
        "route",
        "replace",
        &format!("{}/32", pod.ipv4),
        "dev",
        &interface,
    ];
    assert!(lab.exec("node:one", &route).unwrap().status.success());
    lab.lab_mut().revive_agent("one").unwrap();
    lab.wait_for(
        Outcome::Connected,
        "late",
        "server:53",
        Probe::Udp,
        Family::V4,
    )
    .unwrap();
    // What runs in it was started, too.
    lab.wait_for(
        Outcome::Connected,
        "near",
        "late:81",
        Probe::Tcp,
        Family::V4,
    )
    .unwrap();
}
