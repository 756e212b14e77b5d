//! The directory source on real files.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use flows_cluster::source::{Checkpoint, Directory, Source as _};
use flows_cluster::{Kind, NamespacedName, ObjectName, State};

fn pod(name: &str, ip: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n\
         spec: {{nodeName: a}}\nstatus: {{podIP: {ip}}}\n---\n"
    )
}

/// Looks again, and once more when what vanished from files is certain to be gone. Returns the newest
/// snapshot, if there is one.
fn look(directory: &mut Directory) -> Option<Arc<State>> {
    static NOW: AtomicU64 = AtomicU64::new(1);
    let mut rescan = || {
        let now = NOW.fetch_add(60, Ordering::Relaxed);
        directory.rescan(Duration::from_secs(now))
    };
    let first = rescan();
    rescan().or(first)
}

fn pods(state: &State) -> Vec<String> {
    state
        .pods
        .values()
        .map(|pod| format!("{} {}", pod.name.name, pod.ips[0]))
        .collect()
}

fn problems(state: &State) -> Vec<String> {
    state.problems.iter().map(ToString::to_string).collect()
}

fn open(path: &Path) -> Directory {
    Directory::open(path, &Checkpoint::default()).expect("a directory")
}

#[test]
fn missing_directory_is_an_error() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("none");
    let error = Directory::open(&path, &Checkpoint::default()).expect_err("missing");
    assert!(
        error.to_string().contains(&*path.to_string_lossy()),
        "{error}"
    );

    // One that goes later keeps what it had, and says so.
    fs::create_dir(&path).expect("create");
    fs::write(path.join("a.yaml"), pod("web", "10.0.0.1")).expect("write");
    let mut directory = open(&path);
    fs::remove_dir_all(&path).expect("remove");
    let state = look(&mut directory).expect("changed");
    assert_eq!(pods(&state), ["web 10.0.0.1"]);
    assert_eq!(state.problems.len(), 1);
    fs::create_dir(&path).expect("create");
    let state = look(&mut directory).expect("changed");
    assert!(state.pods.is_empty() && state.problems.is_empty());
}

#[test]
fn bad_files_keep_their_last_good_objects() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("pods.yaml");
    let both = pod("web", "10.0.0.1") + &pod("db", "10.0.0.2");
    let mut directory = open(dir.path());
    for (step, text, wanted, problem) in [
        (
            "both",
            both.clone(),
            vec!["db 10.0.0.2", "web 10.0.0.1"],
            None,
        ),
        (
            "cut short inside of a mapping",
            both[..both.len() - 15].to_owned(),
            vec!["db 10.0.0.2", "web 10.0.0.1"],
            Some("pods.yaml:"),
        ),
        (
            "truncated, not yet written",
            String::new(),
            vec!["db 10.0.0.2", "web 10.0.0.1"],
            Some("pods.yaml: is empty"),
        ),
        (
            "one bad object: it stays, the other moves",
            pod("web", "10.0.0.300") + &pod("db", "10.0.0.3"),
            vec!["db 10.0.0.3", "web 10.0.0.1"],
            Some(
                "pods.yaml:5:17: pod shop/web: status.podIP: \"10.0.0.300\" is not an IP address; the last good form stays",
            ),
        ),
        (
            "a mistyped kind: who knows which it was, so both stay",
            pod("web", "10.0.0.1").replace("kind: Pod", "kind: Pd") + &pod("db", "10.0.0.3"),
            vec!["db 10.0.0.3", "web 10.0.0.1"],
            Some(
                "pods.yaml:2:7: kind: Pd of v1 is not a known kind; did you mean Pod?; until it is corrected, pod shop/web stay",
            ),
        ),
        (
            "one deleted",
            pod("db", "10.0.0.3"),
            vec!["db 10.0.0.3"],
            None,
        ),
    ] {
        fs::write(&file, text).expect("write");
        let state = look(&mut directory).unwrap_or_else(|| panic!("{step}: no change"));
        assert_eq!(pods(&state), wanted, "{step}");
        match problem {
            None => assert_eq!(problems(&state), [""; 0], "{step}"),
            Some(start) => {
                assert_eq!(state.problems.len(), 1, "{step}");
                assert!(
                    problems(&state)[0].starts_with(start),
                    "{step}: {:?}",
                    problems(&state)
                );
            }
        }
        assert!(
            look(&mut directory).is_none(),
            "{step}: nothing changed since"
        );
    }
    fs::remove_file(&file).expect("remove");
    assert!(look(&mut directory).expect("changed").pods.is_empty());
}

#[test]
fn last_good_objects_outlive_a_restart() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("pods.yaml");
    fs::write(&file, pod("web", "10.0.0.1")).expect("write");
    fs::write(dir.path().join("gone.yaml"), pod("db", "10.0.0.2")).expect("write");
    let stored = serde_json::to_string(&open(dir.path()).checkpoint()).expect("plain data");

    fs::write(&file, "kind: [").expect("write");
    fs::remove_file(dir.path().join("gone.yaml")).expect("remove");
    let checkpoint: Checkpoint = serde_json::from_str(&stored).expect("own form");
    let state = Directory::open(dir.path(), &checkpoint)
        .expect("a directory")
        .state();
    assert_eq!(pods(&state), ["web 10.0.0.1"]);
    assert_eq!(state.problems.len(), 1);
    let state = open(dir.path()).state();
    assert!(
        state.pods.is_empty(),
        "without a checkpoint there is nothing to fall back on"
    );
}

#[test]
fn an_object_in_two_files_names_both() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(dir.path().join("b.yaml"), pod("web", "10.0.0.1")).expect("write");
    let mut directory = open(dir.path());
    // The second file sorts first, but the object was taken from the other one before.
    fs::write(dir.path().join("a.yaml"), pod("web", "10.0.0.9")).expect("write");
    let state = look(&mut directory).expect("changed");
    assert_eq!(pods(&state), ["web 10.0.0.1"]);
    assert_eq!(
        problems(&state),
        [
            "a.yaml:1:1: pod shop/web: duplicate definition; using the one in b.yaml:1:1; delete one of the two"
        ]
    );
    fs::remove_file(dir.path().join("b.yaml")).expect("remove");
    let state = look(&mut directory).expect("changed");
    assert_eq!(pods(&state), ["web 10.0.0.9"]);
    assert!(state.problems.is_empty());
}

#[test]
fn a_rewrite_within_one_tick_of_the_clock_is_seen() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("a.yaml");
    let mut directory = open(dir.path());
    for n in 1..=9 {
        // The same file, the same length, as quickly as can be.
        fs::write(&file, pod("web", &format!("10.0.0.{n}"))).expect("write");
        let state = look(&mut directory).expect("changed");
        assert_eq!(pods(&state), [format!("web 10.0.0.{n}")]);
    }
}

#[test]
fn unchanged_objects_are_shared() {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(
        dir.path().join("a.yaml"),
        pod("web", "10.0.0.1") + &pod("db", "10.0.0.2"),
    )
    .expect("write");
    let mut directory = open(dir.path());
    let before = directory.state();
    fs::write(
        dir.path().join("a.yaml"),
        pod("web", "10.0.0.1") + &pod("db", "10.0.0.3"),
    )
    .expect("write");
    let after = look(&mut directory).expect("changed");
    let shared = |name: &str| {
        let name = NamespacedName::new("shop", name);
        let of = |state: &State| Arc::clone(state.pods.get(&name).expect("a pod"));
        Arc::ptr_eq(&of(&before), &of(&after))
    };
    assert!(shared("web"));
    assert!(!shared("db"));
    assert_eq!(after.generation, before.generation + 1);
}

#[test]
fn kinds_and_fields() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = "
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: a, labels: {zone: x}}
  spec: {podCIDR: 10.1.0.0/16, podCIDRs: [10.1.0.0/16, 'fd00:1::/64']}
  status:
    addresses:
    - {type: Hostname, address: a}
    - {type: ExternalIP, address: 192.0.2.1}
    - {type: InternalIP, address: 172.16.0.1}
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: t}}}
- apiVersion: v1
  kind: Pod
  metadata:
    name: web-5d9-x
    namespace: shop
    labels: {app: web, pod-template-hash: 5d9}
    ownerReferences: [{kind: ReplicaSet, name: web-5d9, controller: true}]
  spec:
    serviceAccountName: web
    containers:
    - ports: [{name: http, containerPort: 8080}, {containerPort: 53, protocol: UDP}]
  status: {podIP: 10.1.0.5, podIPs: [{ip: 10.1.0.5}, {ip: 'fd00:1::5'}]}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}
- {apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p, namespace: shop}, spec: {}}
- {apiVersion: cilium.io/v2alpha1, kind: CiliumCIDRGroup, metadata: {name: g}, spec: {externalCIDRs: [10.9.9.9/8]}}
- {apiVersion: cilium.io/v9, kind: CiliumNetworkPolicy, metadata: {name: q}}
- {apiVersion: v1, kind: Pod, metadata: {name: bad, labels: {a: 1}}}
- {apiVersion: v1, kind: Pod, metadata: {}}
";
    fs::write(dir.path().join("all.yml"), text).expect("write");
    fs::write(dir.path().join(".all.yml.swp"), "{").expect("write");
    fs::write(dir.path().join("notes.txt"), "{").expect("write");
    let state = open(dir.path()).state();
    let node = &state.nodes["a"];
    assert_eq!(node.pod_cidrs.len(), 2);
    assert_eq!(
        node.addresses,
        [
            "172.16.0.1".parse::<std::net::IpAddr>(),
            "192.0.2.1".parse()
        ]
        .map(Result::unwrap)
    );
    let name = NamespacedName::new("shop", "web-5d9-x");
    let pod = state.pods.get(&name).expect("a pod");
    assert_eq!(pod.ips.len(), 2);
    assert_eq!(pod.ports[1].protocol, 17);
    let workload = pod.workload.as_ref().expect("a workload");
    assert_eq!((&*workload.kind, &*workload.name), ("Deployment", "web"));
    assert_eq!(
        state.identity_labels(pod, "default").to_string(),
        "k8s:app=web,k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=shop,\
         k8s:io.cilium.k8s.namespace.labels.team=t,k8s:io.cilium.k8s.policy.cluster=default,\
         k8s:io.cilium.k8s.policy.serviceaccount=web,k8s:io.kubernetes.pod.namespace=shop"
    );
    assert!(state.is_dual_stack());
    assert_eq!(state.cidr_groups["g"].cidrs[0].to_string(), "10.0.0.0/8");
    assert_eq!(state.policies.len(), 1);
    assert_eq!(state.ignored.len(), 1);
    assert_eq!(state.ignored[0].kind, "apps/v1 Deployment");
    let problems = problems(&state);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(
        problems[0]
            .contains("cilium.io/v9 isn't supported for CiliumNetworkPolicy; use cilium.io/v2")
    );
    assert!(
        problems[1]
            .contains("pod default/bad: metadata.labels.a: is a number, should be text; quote it")
    );
    assert!(problems[2].contains("metadata.name: is missing"));
}

#[test]
fn changes_are_announced() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (send, states) = channel();
    let watch = open(dir.path())
        .watch(move |directory| send.send(directory.state()).expect("the test listens"))
        .expect("a thread");
    let wait = |what: &str, wanted: &[&str]| loop {
        match states.recv_timeout(Duration::from_secs(20)) {
            Ok(state) if pods(&state) == wanted => return,
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{what}: not announced"),
            Err(RecvTimeoutError::Disconnected) => panic!("{what}: the thread is gone"),
        }
    };
    fs::write(dir.path().join("a.yaml"), pod("web", "10.0.0.1")).expect("write");
    wait("written", &["web 10.0.0.1"]);
    fs::write(dir.path().join(".new"), pod("web", "10.0.0.2")).expect("write");
    fs::rename(dir.path().join(".new"), dir.path().join("a.yaml")).expect("rename");
    wait("replaced", &["web 10.0.0.2"]);
    fs::remove_file(dir.path().join("a.yaml")).expect("remove");
    wait("removed", &[]);
    // The directory itself is replaced.
    let old = dir.path().with_extension("old");
    fs::rename(dir.path(), &old).expect("rename");
    fs::create_dir(dir.path()).expect("create");
    fs::write(dir.path().join("a.yaml"), pod("db", "10.0.0.3")).expect("write");
    wait("directory replaced", &["db 10.0.0.3"]);
    fs::remove_dir_all(old).expect("remove");
    let directory = watch.stop().expect("the thread ended well");
    assert_eq!(pods(&directory.state()), ["db 10.0.0.3"]);
}

#[test]
fn a_directory_that_went_takes_nothing_with_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let [manifests, old] = ["manifests", "old"].map(|name| dir.path().join(name));
    fs::create_dir(&manifests).expect("create");
    fs::write(manifests.join("a.yaml"), pod("web", "10.0.0.1")).expect("write");
    let (send, states) = channel();
    let watch = open(&manifests)
        .watch(move |directory| send.send(directory.state()).expect("the test listens"))
        .expect("a thread");
    fs::rename(&manifests, &old).expect("rename");
    let is_told = |state: &State| !state.problems.is_empty();
    while !is_told(&states.recv_timeout(Duration::from_secs(20)).expect("told")) {}
    // The old watch may see what becomes of the files there.
    fs::write(old.join("a.yaml"), pod("db", "10.0.0.3")).expect("write");
    fs::remove_file(old.join("a.yaml")).expect("remove");
    std::thread::sleep(Duration::from_millis(500));
    let directory = watch.stop().expect("the thread ended well");
    assert_eq!(pods(&directory.state()), ["web 10.0.0.1"]);
}

#[test]
fn a_large_file_that_is_renamed_is_never_gone() {
    let dir = tempfile::tempdir().expect("temporary directory");
    // Large enough to be read beside the others.
    let filling = "# nothing\n".repeat(100_000);
    let text = format!("{}\n{filling}", pod("web", "10.0.0.1"));
    fs::write(dir.path().join("all.yaml"), text).expect("write");
    let (send, states) = channel();
    let watch = open(dir.path())
        .watch(move |directory| send.send(directory.state()).expect("the test listens"))
        .expect("a thread");
    for (from, to) in [("all", "cluster"), ("cluster", "a"), ("a", "z")] {
        let [from, to] = [from, to].map(|name| dir.path().join(format!("{name}.yaml")));
        fs::rename(from, to).expect("rename");
        std::thread::sleep(Duration::from_millis(600));
    }
    fs::remove_file(dir.path().join("z.yaml")).expect("remove");
    let mut seen = Vec::new();
    // Deleted in the end, it goes.
    loop {
        let state = states.recv_timeout(Duration::from_secs(20)).expect("told");
        seen.push(pods(&state));
        if seen.last().is_some_and(Vec::is_empty) {
            break;
        }
    }
    let (_, before) = seen.split_last().expect("at least the last one");
    assert!(
        before.iter().all(|pods| pods == &["web 10.0.0.1"]),
        "{seen:?}"
    );
    drop(watch);
    assert!(states.try_recv().is_err(), "nothing after that");
}

#[test]
fn an_object_and_its_fields_have_an_origin() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let pending =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {}\nstatus: {podIP: \"\"}\n";
    let text = format!("{}{pending}", pod("web", "10.0.0.1"));
    fs::write(dir.path().join("pods.yaml"), text).expect("write");
    let directory = open(dir.path());
    // One without an address yet is a pod, and no mistake.
    assert_eq!(directory.state().problems, []);
    assert_eq!(directory.state().pods.len(), 2);
    let snapshot = directory.snapshot();
    let watch = directory.watch(|_| {}).expect("notices");
    let origin = |namespace: &str, name: &str, field: &str| {
        let object = ObjectName {
            kind: Kind::Pod,
            namespace: Some(namespace.into()),
            name: name.into(),
        };
        let origin = watch.locate(&snapshot, &object, field);
        origin.map(|origin| origin.to_string())
    };
    assert_eq!(
        origin("shop", "web", "status.podIP").as_deref(),
        Some("pods.yaml:5:17")
    );
    assert_eq!(
        origin("shop", "web", "status.hostIP").as_deref(),
        Some("pods.yaml:5:9")
    );
    assert_eq!(
        origin("default", "late", "").as_deref(),
        Some("pods.yaml:7:1")
    );
    assert_eq!(origin("shop", "late", ""), None);
}
