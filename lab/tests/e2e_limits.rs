//! A policy for which a map has no room is left out by name; everything else goes into force, and it
//! recovers by asking for less or by a larger map.

mod common;

use std::path::Path;
use std::time::Duration;

use common::program;
use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use testing_lab::{Family, Probe, TestLab, metrics, options, pod};

fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[("tcp", 80), ("tcp", 81)]),
        pod("friend", "app: friend", "one", &[]),
        pod("stranger", "app: stranger", "one", &[]),
    ];
    pods.join("---\n")
}

/// The friend may use one port.
const SMALL: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: small}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: friend}}]
      toPorts: [{ports: [{port: "80", protocol: TCP}]}]
"#;

/// The stranger may use 32 ports, no two of which are one entry.
fn huge() -> String {
    let ports: Vec<String> = (0..32)
        .map(|n| format!("{{port: \"{}\", protocol: TCP}}", 81 + 2 * n))
        .collect();
    format!(
        "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: huge}}
spec:
  endpointSelector: {{matchLabels: {{app: server}}}}
  ingress:
    - fromEndpoints: [{{matchLabels: {{app: stranger}}}}]
      toPorts: [{{ports: [{}]}}]
",
        ports.join(", ")
    )
}

fn can(lab: &TestLab, from: &str, port: u16) -> bool {
    let to = format!("server:{port}");
    match lab.connect(from, &to, Probe::Tcp, Family::V4).unwrap() {
        Outcome::Connected => true,
        Outcome::TimedOut => false,
        other => panic!("{from} -> {to}: {other}"),
    }
}

fn status(lab: &TestLab) -> String {
    let output = lab.flows().arg("status").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_does_not_fit_is_left_out_by_name_and_nothing_else() {
    let mut options = options(program(), true);
    // The agent's own entry for the node, and the policy's.
    options.agent_args = vec!["--max-policy-entries=8".to_owned()];
    let mut lab = TestLab::up(&options, &format!("{}---{SMALL}", pods())).unwrap();
    // The node may always.
    let server = lab.lab().find_pod("server").unwrap().ipv4;
    for port in [80, 81] {
        let to = format!("{server}:{port}");
        lab.wait_for(Outcome::Connected, "node:one", &to, Probe::Tcp, Family::V4)
            .unwrap();
    }
    let judges_as = |lab: &TestLab, huge: bool, when: &str| {
        assert!(can(lab, "friend", 80), "{when}");
        assert!(!can(lab, "friend", 81), "{when}");
        assert!(!can(lab, "stranger", 80), "{when}");
        assert_eq!(can(lab, "stranger", 81), huge, "{when}");
    };
    let out_of_step = |lab: &TestLab| metrics(lab)["flows_out_of_step"];
    judges_as(&lab, false, "at first");
    assert_eq!(out_of_step(&lab), 0);

    let refused = lab.enforce("policy.yaml", &huge());
    let refused = refused.unwrap_err().to_string();
    for part in [
        "cnp default/huge is refused: 34 policy entries are wanted, map POLICY has room for 8: 32 of cnp \
         default/huge (0 in force), 1 of cnp default/small (1 in force)",
        "left out: cnp default/huge (no version of it is in force); everything else is in force",
        "restart flows-agent with --max-policy-entries=64, or select fewer pods, peers or ports in cnp \
         default/huge",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
    judges_as(&lab, false, "refused");
    let told = status(&lab);
    for part in [
        "Policies: 1 in force",
        "Degraded",
        "one does not enforce the manifests: 34 policy entries are wanted",
        "huge.yaml",
        "cnp default/huge: is not in force: 34 policy entries",
        "NOT ENFORCED",
    ] {
        // The relay's name of the node has the lab's before it.
        let told = told.replace(&format!("{}/", lab.lab().record().name), "");
        assert!(told.contains(part), "{part}\n{told}");
    }
    let page = metrics(&lab);
    let of_policy = |name: &str| page[&format!("{name}{{map=\"POLICY\"}}")];
    assert_eq!(of_policy("flows_map_entries"), 2);
    assert_eq!(of_policy("flows_map_wanted_entries"), 34);
    assert_eq!(of_policy("flows_map_max_entries"), 8);
    assert_eq!(page["flows_out_of_step"], 1);
    assert_eq!(page["flows_policies_not_enforced"], 1);
    assert!(page["flows_map_entries{map=\"CT4\"}"] > 0);
    assert!(page["flows_map_max_entries{map=\"CT4\"}"] > 0);
    assert!(page["flows_connections{family=\"4\"}"] > 0);

    // What others change meanwhile goes into force: what allows, and what takes away.
    let other = SMALL
        .replace("name: small", "name: other")
        .replace("\"80\"", "\"81\"");
    lab.enforce("policy.yaml", &other).unwrap();
    assert!(can(&lab, "friend", 81));
    lab.withdraw(&other).unwrap();
    assert!(!can(&lab, "friend", 81));
    let narrowed = SMALL.replace("\"80\"", "\"82\"");
    lab.enforce("policy.yaml", &narrowed).unwrap();
    assert!(!can(&lab, "friend", 80));
    // An agent that starts meanwhile leaves out the same.
    lab.lab_mut().kill_agent("one").unwrap();
    lab.lab_mut().restart_agent("one").unwrap();
    assert!(!can(&lab, "friend", 80) && !can(&lab, "stranger", 81));
    assert_eq!(metrics(&lab)["flows_policies_not_enforced"], 1);
    lab.enforce("policy.yaml", SMALL).unwrap();
    // A version that doesn't fit leaves the one before in force.
    let large = huge().replace("name: huge", "name: small");
    let refused = lab.enforce("policy.yaml", &large);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("its last good version stays enforced"),
        "{refused}"
    );
    judges_as(&lab, false, "a version that does not fit");
    lab.enforce("policy.yaml", SMALL).unwrap();
    let log = lab.lab().paths().node("one").join("agent.log");
    let errors = |log: &Path| {
        let text = std::fs::read_to_string(log).unwrap();
        text.lines()
            .filter(|line| line.contains("not in step"))
            .count()
    };
    assert!(errors(&log) <= 12, "said once each time");

    lab.withdraw(&huge()).unwrap();
    judges_as(&lab, false, "taken back");
    assert_eq!(out_of_step(&lab), 0);
    assert!(!status(&lab).contains("NOT IN STEP"));

    // A larger map; a connection that is open meanwhile goes on, and none is let through or lost.
    lab.enforce("policy.yaml", &huge()).unwrap_err();
    let watch = |lab: &TestLab, from: &str, more: &[&str]| {
        let line = [
            "flows-lab",
            "client",
            "--to",
            "server:80",
            "--every",
            "20ms",
        ];
        let line: Vec<&str> = line.iter().chain(more).copied().collect();
        lab.start(from, &line).unwrap()
    };
    let clients = [
        watch(&lab, "friend", &[]),
        watch(&lab, "friend", &["--hold"]),
        watch(&lab, "stranger", &["--timeout", "100ms"]),
    ];
    let arguments = ["--max-policy-entries=64", "--max-ipv4-connections=1000"];
    lab.lab_mut()
        .restart_agents(arguments.map(str::to_owned).to_vec())
        .unwrap();
    let deadline = Deadline::after(Duration::from_secs(30));
    while out_of_step(&lab) != 0 {
        assert!(deadline.pause(), "{}", status(&lab));
    }
    judges_as(&lab, true, "in a larger map");
    let expected = [Outcome::Connected, Outcome::Connected, Outcome::TimedOut];
    for (client, expected) in clients.iter().zip(expected) {
        let outcomes = client.outcomes().unwrap();
        assert!(outcomes.len() > 5, "{outcomes:?}");
        assert!(
            outcomes.iter().all(|outcome| *outcome == expected),
            "{outcomes:?}"
        );
    }
    assert_eq!(metrics(&lab)["flows_map_max_entries{map=\"POLICY\"}"], 64);
    assert_eq!(metrics(&lab)["flows_map_max_entries{map=\"CT4\"}"], 1_000);
}
