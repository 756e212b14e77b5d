//! What stays cut off, and what is put back, whatever happens to agents, programs, pins and files.

mod common;

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::program;
use flows_lab::network;
use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use loader::testrun::Tamper;
use testing_lab::{Family, Probe, TestLab, metrics, options, pod};

/// A server and a neighbour, and a second node.
fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[("tcp", 80), ("udp", 53)]),
        pod("near", "app: near", "one", &[]),
        "{apiVersion: v1, kind: Node, metadata: {name: two}}\n".to_owned(),
    ];
    pods.join("---\n")
}

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
fn a_pod_made_while_no_agent_runs_is_cut_off() {
    const LATE: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: late, labels: {app: late}}\n\
        spec: {nodeName: one, containers: [{name: tcp, command: [flows-lab, serve, tcp, --port, '81']}]}";
    let mut lab = TestLab::up(&options(program(), true), &pods()).unwrap();
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
    assert!(error.contains("they stay cut off until it does"), "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(30),
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
    lab.lab_mut().restart_agent("one").unwrap();
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

/// Everything below a directory, and its mode; namespaces that are mounted on files are left out.
fn modes(directory: &Path, all: &mut Vec<(PathBuf, fs::Metadata)>) {
    let device = fs::metadata(directory).unwrap().dev();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let is_directory = metadata.is_dir();
        if !is_directory && metadata.dev() != device {
            continue;
        }
        all.push((path.clone(), metadata));
        if is_directory {
            modes(&path, all);
        }
    }
}

#[test]
fn nothing_of_a_lab_is_everybodys() {
    let mut options = options(program(), true);
    options.outside = true;
    let mut lab = TestLab::up(&options, &pods()).unwrap();
    lab.lab_mut().restart_agents(Vec::new()).unwrap();
    let root = lab.lab().paths().root().to_owned();
    let mut all = vec![(root.clone(), fs::metadata(&root).unwrap())];
    modes(&root, &mut all);
    let has = |name: &str| all.iter().any(|(path, _)| path.ends_with(name));
    for name in [
        "state.json",
        "manifests.jsonl",
        "agent.log",
        "lab.json",
        "hubble.sock",
    ] {
        assert!(has(name), "{name}");
    }
    for (path, metadata) in &all {
        let mode = metadata.permissions().mode() & 0o777;
        let kind = metadata.file_type();
        let most = match (kind.is_dir(), kind.is_socket()) {
            (true, _) => 0o750,
            (_, true) => 0o660,
            _ => 0o640,
        };
        assert_eq!(mode & !most, 0, "{}: {mode:o}", path.display());
    }
}

/// Only the neighbour may talk to the server.
const POLICY: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: guard}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: nobody}}]
"#;

fn status(lab: &TestLab) -> String {
    let mut command = lab.flows();
    let output = command.arg("status").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_program_taken_away_lets_nothing_pass_and_comes_back() {
    let lab = TestLab::up(&options(program(), true), &format!("{}---{POLICY}", pods())).unwrap();
    let pins = lab.lab().paths().node("one").join("bpf");
    let try_it = |when: &str| {
        let outcome = lab
            .connect("near", "server:80", Probe::Tcp, Family::V4)
            .unwrap();
        assert_eq!(outcome, Outcome::TimedOut, "{when}");
    };
    try_it("at first");
    let links = || {
        let names = fs::read_dir(&pins).unwrap();
        let names = names.map(|entry| entry.unwrap().path());
        let is_link = |path: &PathBuf| path.to_string_lossy().contains("/link_");
        names.filter(is_link).collect::<Vec<_>>()
    };
    assert_eq!(links().len(), 4);
    // The agent looks every second, and counts each repair. Some seconds are for a busy machine.
    let soon = || Deadline::after(Duration::from_secs(10));
    let until_repaired = |damage: &str, deadline: &Deadline| {
        let name = format!("flows_datapath_repairs_total{{damage=\"{damage}\"}}");
        while metrics(&lab)[&name] < 4 {
            assert!(deadline.pause(), "{damage}: {:?}", metrics(&lab)[&name]);
        }
        assert_eq!(metrics(&lab)[&name], 4, "{damage}");
    };
    for how in [Tamper::Detach, Tamper::Replace] {
        let deadline = soon();
        for link in links() {
            loader::testrun::tamper(&link, how).unwrap();
        }
        // Another program in the place of ours passes what it likes until the next look.
        if how == Tamper::Replace {
            until_repaired("replaced", &deadline);
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(3) {
            try_it(&format!("{how:?}"));
        }
        if how == Tamper::Detach {
            until_repaired("detached", &deadline);
        }
    }
    let deadline = soon();
    for link in links() {
        fs::remove_file(link).unwrap();
    }
    try_it("without pins");
    for damage in ["detached", "replaced", "unpinned"] {
        until_repaired(damage, &deadline);
    }
    assert_eq!(links().len(), 4);
    let told = status(&lab);
    assert!(told.contains("behind the agent's back"), "{told}");
    assert!(told.contains("link_"), "{told}");
}

#[test]
fn lost_manifests_and_an_empty_directory_open_nothing() {
    let mut options = options(program(), true);
    options.patience = Duration::from_secs(15);
    let mut lab = TestLab::up(&options, &format!("{}---{POLICY}", pods())).unwrap();
    let node = lab.lab().paths().node("one");
    let manifests = lab.lab().paths().manifests();
    let denied = |lab: &TestLab, when: &str| {
        let outcome = lab
            .connect("near", "server:80", Probe::Tcp, Family::V4)
            .unwrap();
        assert_eq!(outcome, Outcome::TimedOut, "{when}");
    };
    denied(&lab, "at first");

    // The log of manifests is lost while a file is bad: the policy is in the state file.
    lab.lab_mut().kill_agent("one").unwrap();
    let files = || {
        fs::read_dir(&manifests)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let policy = files()
        .find(|path| path.to_string_lossy().contains("guard"))
        .unwrap();
    let text = fs::read(&policy).unwrap();
    fs::write(&policy, "{not: [yaml").unwrap();
    fs::remove_file(node.join("manifests.jsonl")).unwrap();
    lab.lab_mut().restart_agent("one").unwrap();
    denied(&lab, "without the log");
    fs::write(&policy, text).unwrap();

    // All manifests are gone while no agent ran: somebody has to say that it is meant.
    lab.lab_mut().kill_agent("one").unwrap();
    let aside = tempfile::tempdir().unwrap();
    for path in files() {
        fs::copy(&path, aside.path().join(path.file_name().unwrap())).unwrap();
        fs::remove_file(path).unwrap();
    }
    let error = lab.lab_mut().restart_agent("one").unwrap_err().to_string();
    assert!(error.contains("has no usable manifests"), "{error}");
    assert!(error.contains("confirm-empty"), "{error}");
    denied(&lab, "while it is not confirmed");
    fs::write(node.join("confirm-empty"), "").unwrap();
    // Its pods never become ready: there are none any more.
    lab.lab_mut().restart_agent("one").unwrap_err();
    let log = fs::read_to_string(node.join("agent.log")).unwrap();
    assert!(log.contains("as was confirmed"), "{log}");
    assert!(!node.join("confirm-empty").exists(), "it is for one start");
}

#[test]
fn connections_go_with_their_pod() {
    let mut lab = TestLab::up(&options(program(), true), &pods()).unwrap();
    for (to, probe) in [
        ("server:80", Probe::Tcp),
        ("server:53", Probe::Udp),
        ("server", Probe::Icmp),
    ] {
        for family in [Family::V4, Family::V6] {
            lab.wait_for(Outcome::Connected, "near", to, probe, family)
                .unwrap();
        }
    }
    let entries = |lab: &TestLab| {
        let page = metrics(lab);
        ["CT4", "CT6"].map(|map| page[&format!("flows_map_entries{{map=\"{map}\"}}")])
    };
    // Counted at most every 15 s.
    let wait = |lab: &TestLab, is: fn(u64) -> bool| {
        let deadline = Deadline::after(Duration::from_secs(60));
        while !entries(lab).into_iter().all(is) {
            assert!(deadline.pause(), "{:?}", entries(lab));
        }
    };
    wait(&lab, |entries| entries >= 3);
    lab.delete("{apiVersion: v1, kind: Pod, metadata: {name: near}}")
        .unwrap();
    wait(&lab, |entries| entries == 0);
}
