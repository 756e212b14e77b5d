//! Policy in a running lab: real packets, the kernel decides.

mod common;

use std::time::Duration;

use common::program;
use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use testing_lab::cluster::up;
use testing_lab::{Family, Probe, Running, TestLab, flows_lab};

const BOTH: [Family; 2] = [Family::V4, Family::V6];

/// What the agent of a node wrote, for a failing test to show.
fn agent_log(lab: &TestLab, node: &str) -> String {
    let path = lab.lab().paths().node(node).join("agent.log");
    std::fs::read_to_string(path).unwrap()
}

/// Waits until the client's outcomes satisfy the condition.
fn until(client: &Running, what: &str, condition: impl Fn(&[Outcome]) -> bool) -> usize {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let outcomes = client.outcomes().unwrap();
        if condition(&outcomes) {
            return outcomes.len();
        }
        assert!(
            deadline.pause(),
            "{what}: {outcomes:?}\n{}",
            client.output().unwrap()
        );
    }
}

#[test]
fn allowed_and_denied() {
    let lab = up(program());
    let (yes, no) = (Outcome::Connected, Outcome::TimedOut);
    let cases = [
        ("friend-near", "server:80", Probe::Tcp, yes),
        ("friend-far", "server:80", Probe::Tcp, yes),
        ("friend-near", "server:53", Probe::Udp, yes),
        ("friend-far", "server:53", Probe::Udp, yes),
        ("friend-near", "server:81", Probe::Tcp, no),
        ("friend-far", "server:81", Probe::Tcp, no),
        ("friend-near", "server", Probe::Icmp, no),
        ("friend-far", "server", Probe::Icmp, no),
        ("stranger-near", "server:80", Probe::Tcp, no),
        ("stranger-far", "server:80", Probe::Tcp, no),
        ("stranger-near", "server:53", Probe::Udp, no),
        ("stranger-far", "server:53", Probe::Udp, no),
        ("outside", "server.default:80", Probe::Tcp, no),
        // No policy selects the open pod.
        ("stranger-near", "open:80", Probe::Tcp, yes),
        ("stranger-far", "open:80", Probe::Tcp, yes),
        ("stranger-far", "open:53", Probe::Udp, yes),
        ("stranger-near", "open", Probe::Icmp, yes),
        ("stranger-far", "open", Probe::Icmp, yes),
        ("outside", "open.default:80", Probe::Tcp, yes),
        ("stranger-far", "open:81", Probe::Tcp, Outcome::Refused),
        ("friend-far", "outside", Probe::Icmp, yes),
        // The other direction: what the caged may send.
        ("caged-near", "server:80", Probe::Tcp, yes),
        ("caged-far", "server:80", Probe::Tcp, yes),
        ("caged-near", "server:53", Probe::Udp, no),
        ("caged-far", "server:53", Probe::Udp, no),
        ("caged-near", "open:80", Probe::Tcp, no),
        ("caged-far", "open:80", Probe::Tcp, no),
        ("caged-near", "open", Probe::Icmp, no),
        ("caged-far", "open", Probe::Icmp, no),
        ("caged-near", "stranger-near", Probe::Icmp, yes),
        ("caged-near", "stranger-far", Probe::Icmp, yes),
        ("caged-far", "stranger-near", Probe::Icmp, yes),
        ("caged-far", "stranger-far", Probe::Icmp, yes),
        ("caged-far", "outside", Probe::Icmp, no),
    ];
    let mut wrong = Vec::new();
    for (from, to, probe, expected) in cases {
        for family in BOTH {
            let outcome = lab.expect(expected, from, to, probe, family).unwrap();
            if outcome != expected {
                wrong.push(format!("{from} -> {to} {probe:?} {family:?}: {outcome}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", agent_log(&lab, "one"));
}

#[test]
fn a_policy_cuts_and_releases_a_living_connection() {
    let mut lab = up(program());
    let client = |from: &str, family: &str| {
        let line =
            format!("flows-lab client --to open:80 --hold --every 50ms --timeout 300ms {family}");
        lab.start(from, &line.split_whitespace().collect::<Vec<_>>())
            .unwrap()
    };
    let (near, far) = (client("stranger-near", ""), client("stranger-far", "-6"));
    for client in [&near, &far] {
        until(client, "connected at first", |seen| {
            seen.ends_with(&[Outcome::Connected; 3])
        });
    }
    let rules = [
        (
            "nobody allows it in",
            r#"{matchLabels: {app: open}}
  ingress: [{fromEndpoints: [{matchLabels: {role: friend}}]}]"#,
        ),
        (
            "a rule denies it at its destination",
            r#"{matchLabels: {app: open}}
  ingressDeny: [{fromEndpoints: [{matchLabels: {role: stranger}}]}]"#,
        ),
        (
            "nobody allows it out",
            r#"{matchLabels: {role: stranger}}
  egress: [{toEndpoints: [{matchLabels: {role: friend}}]}]"#,
        ),
        (
            "a rule denies it at its source",
            r#"{matchLabels: {role: stranger}}
  egressDeny: [{toEndpoints: [{matchLabels: {app: open}}]}]"#,
        ),
    ];
    for (why, rule) in rules {
        let closed = format!(
            "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: closed}}
spec:
  endpointSelector: {rule}
"
        );
        lab.apply("closed.yaml", &closed).unwrap();
        for client in [&near, &far] {
            until(client, &format!("cut: {why}"), |seen| {
                seen.ends_with(&[Outcome::TimedOut; 2])
            });
        }
        lab.delete(&closed).unwrap();
        for client in [&near, &far] {
            until(client, &format!("released: {why}"), |seen| {
                seen.ends_with(&[Outcome::Connected; 3])
            });
        }
    }
    for client in [&near, &far] {
        let outcomes = client.outcomes().unwrap();
        assert!(
            !outcomes.contains(&Outcome::Refused),
            "the same connection all along"
        );
    }
}

#[test]
fn enforcement_outlives_its_agents() {
    let mut lab = up(program());
    let start = |from: &str, more: &str| {
        let line = format!("flows-lab client --to server:80 --every 20ms {more}");
        lab.start(from, &line.split_whitespace().collect::<Vec<_>>())
            .unwrap()
    };
    let allowed = [
        start("friend-near", "--hold --timeout 2s"),
        start("friend-far", "--hold --timeout 2s"),
        start("friend-far", "--timeout 2s"),
    ];
    let denied = [
        start("stranger-near", "--timeout 50ms"),
        start("stranger-far", "--timeout 50ms --ipv6"),
    ];
    for client in &allowed {
        until(client, "connected at first", |seen| {
            seen.ends_with(&[Outcome::Connected; 3])
        });
    }
    const ROUNDS: usize = 100;
    for round in 0..ROUNDS {
        let node = ["one", "two"][round % 2];
        assert!(
            lab.lab_mut().kill_agent(node).unwrap(),
            "round {round}: it ran"
        );
        if let Err(error) = lab.lab_mut().restart_agent(node) {
            panic!("round {round}: {error}\n{}", agent_log(&lab, node));
        }
    }
    for client in &allowed {
        let now = client.outcomes().unwrap().len();
        until(client, "alive at the end", |seen| seen.len() > now);
        let outcomes = client.outcomes().unwrap();
        let wrong = outcomes
            .iter()
            .filter(|seen| **seen != Outcome::Connected)
            .count();
        assert_eq!(
            wrong,
            0,
            "of {}\n{}",
            outcomes.len(),
            client.output().unwrap()
        );
    }
    for client in &denied {
        let outcomes = client.outcomes().unwrap();
        assert!(outcomes.len() > ROUNDS / 4, "it tried: {}", outcomes.len());
        assert!(
            outcomes.iter().all(|seen| *seen == Outcome::TimedOut),
            "{}",
            client.output().unwrap()
        );
    }
}

#[test]
fn a_bad_version_leaves_the_good_one_in_force() {
    let mut lab = up(program());
    let path = lab
        .lab()
        .paths()
        .manifests()
        .join("ciliumnetworkpolicy.default.server.yaml");
    let good = std::fs::read_to_string(&path).unwrap();
    let file = "ciliumnetworkpolicy.default.server.yaml";
    let mistaken = good.lines().position(|line| line.contains("fromEndpoints"));
    let bad = [
        (
            "torn",
            good.split_at(good.len() / 2).0.to_owned() + "\n  [",
            format!("{file}:"),
            "",
        ),
        (
            "a field that doesn't exist",
            good.replace("fromEndpoints", "fromEndpionts"),
            format!("{file}:{}:", mistaken.unwrap() + 1),
            "fromEndpionts",
        ),
        ("not YAML", "}{".to_owned(), format!("{file}:1:"), ""),
    ];
    for (what, text, place, named) in bad {
        let told = |line: &str| line.contains(&place) && line.contains(named);
        let before = agent_log(&lab, "one").len();
        std::fs::write(&path, text).unwrap();
        let deadline = Deadline::after(Duration::from_secs(30));
        loop {
            let log = agent_log(&lab, "one").split_off(before);
            let problems = lab.lab().status().problems;
            if log.lines().any(told) && problems.iter().any(|line| told(line)) {
                break;
            }
            assert!(
                deadline.pause(),
                "{what}: no file and line in {log} or {problems:?}"
            );
        }
        // Also for an agent that never saw the good version.
        lab.lab_mut().kill_agent("one").unwrap();
        lab.lab_mut().restart_agent("one").unwrap();
        for family in BOTH {
            let yes = Outcome::Connected;
            let friend = lab.expect(yes, "friend-near", "server:80", Probe::Tcp, family);
            assert_eq!(friend.unwrap(), Outcome::Connected, "{what}");
            let stranger = lab.connect("stranger-far", "server:80", Probe::Tcp, family);
            assert_eq!(stranger.unwrap(), Outcome::TimedOut, "{what}");
        }
    }
    std::fs::write(&path, good.replace("role: friend", "role: stranger")).unwrap();
    lab.wait_for(
        Outcome::Connected,
        "stranger-far",
        "server:80",
        Probe::Tcp,
        Family::V4,
    )
    .unwrap();
    lab.wait_for(
        Outcome::TimedOut,
        "friend-far",
        "server:80",
        Probe::Tcp,
        Family::V4,
    )
    .unwrap();
}

#[test]
fn what_was_deleted_has_no_last_good_version() {
    let lab = up(program());
    let name = lab.lab().record().name.clone();
    let manifests = lab.lab().paths().manifests();
    let file = manifests.join("ciliumnetworkpolicy.default.server.yaml");
    let good = std::fs::read_to_string(file).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.yaml");
    let command = |what: &str, text: &str| {
        std::fs::write(&path, text).unwrap();
        let file = path.to_str().unwrap();
        let output = flows_lab(program(), &[what, "--name", &name, "-f", file]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    for round in 0..3 {
        command("delete", &good);
        let said = command("apply", &good.replace("fromEndpoints", "fromEndpionts"));
        assert!(
            said.contains("NOT ENFORCED, no version of it is in force"),
            "{round}: {said}"
        );
        // And so it is, at either node.
        for stranger in ["stranger-near", "stranger-far"] {
            lab.wait_for(
                Outcome::Connected,
                stranger,
                "server:80",
                Probe::Tcp,
                Family::V4,
            )
            .unwrap();
        }
        let said = command("apply", &good);
        assert!(said.contains("applied"), "{round}: {said}");
        lab.wait_for(
            Outcome::TimedOut,
            "stranger-far",
            "server:80",
            Probe::Tcp,
            Family::V4,
        )
        .unwrap();
    }
}

/// What would change is shown, of the running cluster and its flows, and nothing changes.
#[test]
fn a_dry_run_shows_the_difference_and_applies_nothing() {
    let lab = up(program());
    let name = lab.lab().record().name.clone();
    let far = |outcome, pod| lab.wait_for(outcome, pod, "server:80", Probe::Tcp, Family::V4);
    far(Outcome::Connected, "friend-far").unwrap();
    let manifests = lab.lab().paths().manifests();
    let file = manifests.join("ciliumnetworkpolicy.default.server.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.yaml");
    std::fs::write(&path, text.replace("friend", "stranger")).unwrap();
    let file = path.to_str().unwrap();
    let arguments = ["apply", "--dry-run", "--name", &name, "-f", file];
    let shown = || {
        let output = flows_lab(program(), &arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let shown = shown();
        for row in [
            "  - default/friend-far, default/friend-near -> default/server: ",
            "  + default/stranger-far, default/stranger-near -> default/server: ",
        ] {
            assert!(shown.contains(row), "{row}: {shown}");
        }
        // Its connection comes into the history a moment later.
        if shown.contains(" default/friend-far -> default/server: 80/TCP, such as ") {
            break;
        }
        assert!(deadline.pause(), "{shown}");
    }
    far(Outcome::Connected, "friend-far").unwrap();
    far(Outcome::TimedOut, "stranger-far").unwrap();
}

#[test]
fn a_stolen_source_address_gets_nowhere() {
    let lab = up(program());
    let before = datagrams(&lab);
    assert!(before > 0, "the log counts what arrives");
    for thief in ["stranger-near", "stranger-far"] {
        let victim = lab.lab().find_pod("friend-near").unwrap();
        let (ipv4, ipv6) = (victim.ipv4.to_string(), victim.ipv6.to_string());
        for (address, family) in [(&ipv4, ""), (&ipv6, "--ipv6")] {
            let add = lab.exec(thief, &["ip", "addr", "add", address, "dev", "lo", "nodad"]);
            assert!(add.unwrap().status.success());
            let line = format!(
                "flows-lab client --udp --to server:53 --from {address} --count 3 --every 10ms \
                 --timeout 100ms {family}"
            );
            let sent = lab
                .exec(thief, &line.split_whitespace().collect::<Vec<_>>())
                .unwrap();
            let said = String::from_utf8_lossy(&sent.stdout).into_owned();
            assert_eq!(said.matches("timed out").count(), 3, "{said} {sent:?}");
        }
    }
    assert_eq!(
        datagrams(&lab),
        before,
        "nothing that was sent in its name arrived"
    );
    let own = lab.connect("friend-near", "server:53", Probe::Udp, Family::V6);
    assert_eq!(own.unwrap(), Outcome::Connected);
    assert_eq!(datagrams(&lab), before + 1, "what it sends itself does");
}

/// Datagrams that reached the server.
fn datagrams(lab: &TestLab) -> usize {
    let server = lab.lab().find_pod("server").unwrap();
    let log = lab.lab().paths().pod(server).join("udp-53.log");
    let text = std::fs::read_to_string(log).unwrap();
    text.lines()
        .filter(|line| line.contains("datagram"))
        .count()
}
