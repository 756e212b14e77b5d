//! What every source promises, held against each of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use flows_cluster::source::{Checkpoint, Directory, Health, InMemory, Snapshot, Source};
use flows_cluster::{Kind, ObjectName, State};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n";

fn policy(selector: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: web, namespace: shop, \
         uid: 9f3c, resourceVersion: '812', labels: {selector}}}\nspec: {{podSelector: {{}}}}\n"
    )
}

fn web() -> ObjectName {
    ObjectName {
        kind: Kind::NetworkPolicy,
        namespace: Some("shop".into()),
        name: "web".into(),
    }
}

/// A source that is being followed, and what replaces its objects.
struct Followed {
    source: Box<dyn Source>,
    publish: Box<dyn Fn(&str)>,
    changes: Receiver<()>,
}

impl Followed {
    fn directory(path: &Path, checkpoint: &Checkpoint) -> Self {
        let (send, changes) = channel();
        let directory = Directory::open(path, checkpoint).expect("a directory");
        let watch = directory.watch(move |_| send.send(()).unwrap_or_default());
        let path = path.to_owned();
        Self {
            source: Box::new(watch.expect("notices")),
            publish: Box::new(move |text| {
                fs::write(path.join("all.new"), text).expect("write");
                fs::rename(path.join("all.new"), path.join("all.yaml")).expect("rename");
            }),
            changes,
        }
    }

    fn in_memory(checkpoint: &Checkpoint) -> Self {
        let (send, changes) = channel();
        let source = InMemory::new(
            checkpoint,
            Box::new(move || send.send(()).unwrap_or_default()),
        );
        let publisher = source.clone();
        Self {
            source: Box::new(source),
            publish: Box::new(move |text| publisher.publish(text).expect("YAML")),
            changes,
        }
    }

    /// The snapshot once it fits.
    fn wait(&self, fits: impl Fn(&State) -> bool) -> Snapshot {
        loop {
            let snapshot = self.source.snapshot();
            if let Some(snapshot) = snapshot.filter(|snapshot| fits(&snapshot.state)) {
                return snapshot;
            }
            let patience = Duration::from_secs(20);
            self.changes.recv_timeout(patience).expect("a notification");
        }
    }
}

fn shown(state: &State) -> Vec<String> {
    state.problems.iter().map(ToString::to_string).collect()
}

/// Follows a source through good and bad objects and over a restart.
fn holds(name: &str, open: impl Fn(&Checkpoint) -> Followed, origin: &str, problem: &str) {
    let followed = open(&Checkpoint::default());
    (followed.publish)(&format!("{NAMESPACE}{}", policy("{app: web}")));
    let first = followed.wait(|state| state.policies.len() == 1);
    assert_eq!(first.state.namespaces.len(), 1, "{name}");
    assert_eq!(shown(&first.state), [""; 0], "{name}");
    assert_eq!(followed.source.health(), Health::Synced, "{name}");
    let raw = first.state.policies.get(&web()).expect("the policy");
    assert_eq!(raw.origin.to_string(), origin, "{name}");
    let located = followed.source.locate(&first, &web(), "");
    assert_eq!(located.as_ref(), Some(&raw.origin), "{name}");

    // An object that goes bad keeps its last good form, over a restart too.
    (followed.publish)(&format!("{NAMESPACE}{}", policy("[web]")));
    let bad = followed.wait(|state| !state.problems.is_empty());
    let stored = serde_json::to_string(&bad.checkpoint).expect("plain data");
    let stored: Checkpoint = serde_json::from_str(&stored).expect("own form");
    drop(followed);
    let restarted = open(&stored);
    (restarted.publish)(&format!("{NAMESPACE}{}", policy("[web]")));
    let after = restarted.wait(|state| !state.problems.is_empty());
    for snapshot in [bad, after] {
        let kept = snapshot.state.policies.get(&web()).expect("the policy");
        assert_eq!(kept.labels, raw.labels, "{name}");
        let problems = shown(&snapshot.state);
        assert!(
            problems.len() == 1 && problems[0].starts_with(problem),
            "{name}: {problems:?}"
        );
    }

    // What is in a checkpoint follows from what is stored of the differences.
    let whole = restarted.wait(|_| true).checkpoint;
    let mut followed = Checkpoint::default();
    followed.apply(whole.changes(&followed));
    assert_eq!(followed, whole, "{name}");
    assert!(whole.changes(&whole.clone()).is_empty(), "{name}");
}

#[test]
fn a_directory_is_a_source() {
    let dir = tempfile::tempdir().expect("temporary directory");
    holds(
        "directory",
        |checkpoint| Followed::directory(dir.path(), checkpoint),
        "all.yaml:5:1",
        "all.yaml:7:83: netpol shop/web: metadata.labels: is a list, should be a mapping",
    );
}

#[test]
fn objects_in_memory_are_a_source() {
    holds(
        "in memory",
        Followed::in_memory,
        "netpol shop/web (resourceVersion 812)",
        "netpol shop/web: metadata.labels: is a list, should be a mapping",
    );
}

/// Both read the same objects.
#[test]
fn the_state_does_not_depend_on_the_source() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = format!("{NAMESPACE}{}", policy("{app: web}"));
    let none = Checkpoint::default();
    let states = [
        Followed::directory(dir.path(), &none),
        Followed::in_memory(&none),
    ]
    .map(|followed| {
        (followed.publish)(&text);
        followed.wait(|state| state.policies.len() == 1).state
    });
    let [file, memory] = &states;
    assert_eq!(file.namespaces, memory.namespaces);
    let policy = |state: &State| state.policies.get(&web()).cloned().expect("the policy");
    let (file, memory) = (policy(file), policy(memory));
    assert_eq!(
        (&file.version, &file.uid, &file.document),
        (&memory.version, &memory.uid, &memory.document)
    );
}

#[test]
fn there_is_no_snapshot_before_the_first_objects() {
    let followed = Followed::in_memory(&Checkpoint::default());
    assert_eq!(followed.source.snapshot(), None);
    assert!(matches!(followed.source.health(), Health::Syncing(_)));
    // A cluster may be empty: that is a snapshot.
    (followed.publish)("");
    let empty = followed.source.snapshot().expect("a snapshot");
    assert!(empty.state.same_objects(&State::default()));
    assert_eq!(followed.source.health(), Health::Synced);
}

#[test]
fn what_fails_takes_nothing_out() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let path = dir.path().join("state");
    fs::create_dir(&path).expect("create");
    fs::write(path.join("all.yaml"), NAMESPACE).expect("write");
    let followed = Followed::directory(&path, &Checkpoint::default());
    assert_eq!(
        followed.source.describe(),
        format!("state directory {}", path.display())
    );
    fs::rename(&path, dir.path().join("away")).expect("rename");
    let away = followed.wait(|state| !state.problems.is_empty());
    assert_eq!(away.state.namespaces.len(), 1);
    assert!(matches!(followed.source.health(), Health::Stale(_)));
    fs::rename(dir.path().join("away"), &path).expect("rename");
    followed.wait(|state| state.problems.is_empty());
    assert_eq!(followed.source.health(), Health::Synced);

    let source = InMemory::new(&away.checkpoint, Box::new(|| {}));
    // What was known before a restart is a snapshot, but not the present state.
    let known = source.snapshot().expect("from before");
    assert_eq!(known.state.namespaces, away.state.namespaces);
    assert!(matches!(source.health(), Health::Stale(_)));
    source.publish(NAMESPACE).expect("YAML");
    let before = source.snapshot().expect("a snapshot");
    source.fail("no connection");
    let after = source.snapshot().expect("a snapshot");
    assert!(Arc::ptr_eq(&before.state, &after.state));
    assert_eq!(source.health(), Health::Stale("no connection".to_owned()));
}

/// What the state file has of policies is enough for them, whatever they came from.
#[test]
fn policies_in_force_are_a_checkpoint() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let text = policy("{app: web}");
    let none = Checkpoint::default();
    for followed in [
        Followed::directory(dir.path(), &none),
        Followed::in_memory(&none),
    ] {
        (followed.publish)(&text);
        let snapshot = followed.wait(|state| state.policies.len() == 1);
        let policies = snapshot.state.policies.values();
        let documents = policies.map(|policy| (&policy.origin, &policy.document));
        let made = Checkpoint::from_documents(documents);
        assert_eq!(made, snapshot.checkpoint);
    }
}
