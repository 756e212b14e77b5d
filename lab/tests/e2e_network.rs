//! The lab by itself, without policy: everything reaches everything, labs don't meet, and nothing
//! stays behind.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::program;
use flows_lab::down::down;
use flows_lab::netns;
use flows_lab::process::members;
use flows_lab::state::{Paths, Record};
use flows_lab::traffic::client::Outcome;
use testing_lab::{Family, Probe, TestLab, flows_lab, options, pod};

/// Two nodes; `near` and `server` on one, `far` on the other.
fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[("tcp", 80), ("udp", 53)]),
        pod("near", "", "one", &[]),
        pod("far-5d8f", "", "two", &[]),
        "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {selector: {app: server}}\n"
            .to_owned(),
    ];
    pods.join("---\n")
}

#[test]
fn everything_reaches_everything() {
    let mut options = options(program(), false);
    options.outside = true;
    let lab = TestLab::up(&options, &pods()).unwrap();
    // The server's processes have to come to listening first.
    lab.wait_for(
        Outcome::Connected,
        "near",
        "server:80",
        Probe::Tcp,
        Family::V4,
    )
    .unwrap();
    lab.wait_for(
        Outcome::Connected,
        "near",
        "server:53",
        Probe::Udp,
        Family::V4,
    )
    .unwrap();
    let cases = [
        ("near", "server:80", Probe::Tcp, Outcome::Connected),
        ("far", "server:80", Probe::Tcp, Outcome::Connected),
        (
            "far",
            "shop.default.svc.cluster.local:80",
            Probe::Tcp,
            Outcome::Connected,
        ),
        (
            "outside",
            "server.default:80",
            Probe::Tcp,
            Outcome::Connected,
        ),
        ("near", "server:53", Probe::Udp, Outcome::Connected),
        ("far", "server:53", Probe::Udp, Outcome::Connected),
        ("near", "server", Probe::Icmp, Outcome::Connected),
        ("far", "server", Probe::Icmp, Outcome::Connected),
        ("far", "one", Probe::Icmp, Outcome::Connected),
        ("far", "two", Probe::Icmp, Outcome::Connected),
        ("far", "outside", Probe::Icmp, Outcome::Connected),
        ("far", "server:81", Probe::Tcp, Outcome::Refused),
        ("near", "server:54", Probe::Udp, Outcome::Refused),
    ];
    for (from, to, probe, expected) in cases {
        for family in [Family::V4, Family::V6] {
            let outcome = lab.expect(expected, from, to, probe, family).unwrap();
            assert_eq!(outcome, expected, "{from} -> {to} {probe:?} {family:?}");
        }
    }
}

#[test]
fn a_pod_has_its_own_names() {
    let lab = TestLab::up(&options(program(), false), &pods()).unwrap();
    let hostname = lab.exec("default/far", &["hostname"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&hostname.stdout).trim(), "far-5d8f");
    let resolv = lab.exec("far-5d8f", &["cat", "/etc/resolv.conf"]).unwrap();
    let resolv = String::from_utf8_lossy(&resolv.stdout).into_owned();
    assert!(
        resolv.contains("search default.svc.cluster.local"),
        "{resolv}"
    );
    for (name, expected) in [("fa", "far-5d8f"), ("default/ne", "near")] {
        assert_eq!(lab.lab().find_pod(name).unwrap().name, expected);
    }
    for (name, expected) in [
        ("x", "no pod default/x; there are: server, near, far-5d8f"),
        ("", "default/ could be server, near, far-5d8f"),
        ("shop/x", "no pods in namespace shop"),
    ] {
        assert_eq!(lab.lab().find_pod(name).unwrap_err().to_string(), expected);
    }
    let own = fs::read_to_string("/etc/hosts").unwrap();
    assert!(
        !own.contains("far-5d8f"),
        "the machine's own file is untouched: {own}"
    );
}

#[test]
fn pods_come_and_go() {
    let mut lab = TestLab::up(&options(program(), false), &pods()).unwrap();
    let late = "apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {nodeName: three}\n";
    lab.apply("late.yaml", late).unwrap();
    lab.wait_for(
        Outcome::Connected,
        "late",
        "server:80",
        Probe::Tcp,
        Family::V6,
    )
    .unwrap();
    let address = lab.lab().find_pod("late").unwrap().ipv4.to_string();
    assert_eq!(
        lab.connect("near", "late", Probe::Icmp, Family::V4)
            .unwrap(),
        Outcome::Connected
    );
    lab.delete(late).unwrap();
    assert_ne!(
        lab.connect("near", &address, Probe::Icmp, Family::V4)
            .unwrap(),
        Outcome::Connected
    );
    let manifests = lab.lab().paths().manifests();
    assert!(!manifests.join("pod.default.late.yaml").exists());
    assert!(manifests.join("node.three.yaml").exists());
    lab.apply("late.yaml", late).unwrap();
    assert_eq!(
        lab.connect("near", "late", Probe::Icmp, Family::V4)
            .unwrap(),
        Outcome::Connected
    );
    // A pod that runs can't be moved, and the attempt changes nothing.
    let moved = late.replace("three", "one");
    let error = lab.apply("moved.yaml", &moved).unwrap_err().to_string();
    assert!(error.contains("delete it first"), "{error}");
    assert_eq!(lab.lab().status().problems, [""; 0]);
}

#[test]
fn labs_do_not_meet() {
    let first = TestLab::up(&options(program(), false), &pods()).unwrap();
    let second = TestLab::up(&options(program(), false), &pods()).unwrap();
    for lab in [&first, &second] {
        lab.wait_for(
            Outcome::Connected,
            "far",
            "server:80",
            Probe::Tcp,
            Family::V4,
        )
        .unwrap();
    }
    let addresses = |lab: &TestLab| {
        let plan = &lab.lab().record().plan;
        let nodes = plan
            .nodes
            .iter()
            .flat_map(|node| [node.ipv4.to_string(), node.ipv6.to_string()]);
        let pods = plan
            .pods
            .iter()
            .flat_map(|pod| [pod.ipv4.to_string(), pod.ipv6.to_string()]);
        nodes.chain(pods).collect::<BTreeSet<_>>()
    };
    assert!(addresses(&first).is_disjoint(&addresses(&second)));
    let there = format!("{}:80", second.lab().find_pod("server").unwrap().ipv4);
    assert_ne!(
        first
            .connect("near", &there, Probe::Tcp, Family::V4)
            .unwrap(),
        Outcome::Connected
    );
    let name = first.lab().record().name.clone();
    let manifests = first.lab().paths().manifests();
    let again = flows_lab(program(), &["up", "--no-agent", "--name", &name])
        .arg(manifests)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success());
    assert!(
        error.contains(&format!("flows-lab down --name {name}")),
        "{error}"
    );
    drop(first);
    assert_eq!(
        second
            .connect("far", "server:80", Probe::Tcp, Family::V4)
            .unwrap(),
        Outcome::Connected,
        "taking one lab down leaves the other alone"
    );
}

/// What of a lab is left on the machine, one line each. Found by name: the number of a namespace
/// that is gone may already be another one's.
fn leftovers(name: &str) -> Vec<String> {
    let mut left: Vec<String> = members(&BTreeSet::new(), Some(&format!("{name}:")))
        .iter()
        .map(|(pid, _)| format!("process {pid}"))
        .collect();
    let root = Paths::new(name).unwrap().root().to_owned();
    if root.exists() {
        left.push(format!("directory {}", root.display()));
    }
    let below = format!("{}/", root.display());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let table = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        for line in table.lines().filter(|line| line.contains(&below)) {
            left.push(format!("mount of {}: {line}", entry.path().display()));
        }
    }
    left
}

fn namespaces(name: &str) -> BTreeSet<u64> {
    let directory = Paths::new(name).unwrap().namespaces();
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| netns::inode(&entry.path()))
        .collect()
}

fn links() -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/net/dev").unwrap();
    table
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| name.starts_with("lxc"))
        .collect()
}

#[test]
fn down_leaves_nothing() {
    let lab = TestLab::up(&options(program(), false), &pods()).unwrap();
    let name = lab.lab().record().name.clone();
    // A shell somebody forgot in a pod, and what it started.
    let mut forgotten = lab
        .start("near", &["sh", "-c", "sleep 600 & sleep 600"])
        .unwrap();
    let inodes = namespaces(&name);
    assert_eq!(inodes.len(), 6, "two nodes, three pods, one underlay");
    let before = leftovers(&name);
    assert!(
        before.len() > inodes.len(),
        "the search finds what is there: {before:#?}"
    );
    assert_eq!(
        links(),
        BTreeSet::new(),
        "no link in the machine's namespace"
    );
    down(&name).unwrap();
    assert_eq!(leftovers(&name), [""; 0]);
    assert!(forgotten.ended().unwrap().is_some());
    let error = down(&name).unwrap_err().to_string();
    assert!(error.contains(&format!("no lab named {name}")), "{error}");
}

#[test]
fn down_works_without_the_record() {
    let lab = TestLab::up(&options(program(), false), &pods()).unwrap();
    let name = lab.lab().record().name.clone();
    fs::remove_file(lab.lab().paths().record()).unwrap();
    down(&name).unwrap();
    assert_eq!(leftovers(&name), [""; 0]);
}

#[test]
fn down_kills_no_foreign_process() {
    let lab = TestLab::up(&options(program(), false), &pods()).unwrap();
    let name = lab.lab().record().name.clone();
    let mut foreign = Command::new("sleep").arg("600").spawn().unwrap();
    // The record names an id that meanwhile is somebody else's.
    let paths = lab.lab().paths().clone();
    let mut record = Record::load(&paths).unwrap();
    let mut process = record.processes[0].clone();
    process.pid = foreign.id().cast_signed();
    // Started a tick before: in the same tick the two could not be told apart.
    process.start_time = flows_lab::process::start_time(process.pid).unwrap() - 1;
    record.processes.push(process);
    record.save(&paths).unwrap();
    down(&name).unwrap();
    assert!(foreign.try_wait().unwrap().is_none(), "it still runs");
    foreign.kill().unwrap();
    foreign.wait().unwrap();
}

#[test]
fn an_up_that_was_killed_leaves_nothing_after_down() {
    let directory = tempfile::tempdir().unwrap();
    let manifests = directory.path().join("pods.yaml");
    fs::write(&manifests, pods()).unwrap();
    let mut torn = 0;
    for step in 0..24 {
        let name = options(program(), false).name;
        let mut up = flows_lab(program(), &["up", "--no-agent", "--name", &name])
            .arg(&manifests)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(step * 12));
        up.kill().unwrap();
        torn += u32::from(!up.wait().unwrap().success());
        match down(&name) {
            Ok(_) | Err(flows_lab::Error::NoSuchLab { .. }) => {}
            Err(error) => panic!("killed after step {step}: {error}"),
        }
        assert_eq!(leftovers(&name), [""; 0], "killed after step {step}");
    }
    assert!(torn >= 3, "only {torn} were killed half-way");
}
