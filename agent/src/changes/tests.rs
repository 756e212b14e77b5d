//! Runs of an agent over the same file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cluster::source::{Checkpoint, InMemory, Source as _};
use cluster::{ObjectName, Origin, State};

use super::{EnforcedState, Recorder, What};

const SECOND: u64 = 1_000_000_000;

fn pod(name: &str, app: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}\n"
    )
}

fn policy(from: &str) -> String {
    format!(
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: web, namespace: shop}}\n\
         spec: {{endpointSelector: {{}}, ingress: [{{fromEndpoints: [{{matchLabels: {{app: {from}}}}}]}}]}}\n"
    )
}

/// A state as the enforcing thread has it.
fn in_force(text: &str) -> EnforcedState {
    let source = InMemory::new(&Checkpoint::default(), Box::new(|| {}));
    source.publish(text).expect("YAML");
    let snapshot = source.snapshot().expect("published");
    EnforcedState {
        policies: snapshot.state.policies.clone(),
        state: snapshot.state,
        checkpoint: snapshot.checkpoint,
    }
}

/// Where nothing stands in files.
fn nowhere(_: &Checkpoint) -> BTreeMap<ObjectName, Origin> {
    BTreeMap::new()
}

fn open(path: &Path, before: Option<&EnforcedState>, now: u64) -> Recorder {
    Recorder::open(path.to_owned(), "default", 1 << 20, before.cloned(), now)
}

fn enforce(recorder: &mut Recorder, state: &EnforcedState, revision: u32, time: u64) {
    recorder.begin(state.clone(), time, nowhere);
    recorder.commit(revision, time);
}

/// Entries as `sequence revision: what`.
fn told(recorder: &Recorder) -> Vec<String> {
    let log = recorder.changes().log();
    let entries = log.entries.iter().map(|entry| {
        let what = match &entry.what {
            What::FirstState(first) => format!("{} pods", first.pods),
            What::Changes(changes) => {
                let names = changes.iter().map(|it| it.change.name.to_string());
                names.collect::<Vec<_>>().join(", ")
            }
        };
        let found = entry.found.map_or(String::new(), |_| " found".to_owned());
        format!("{} {}:{found} {what}", entry.sequence, entry.revision)
    });
    entries.collect()
}

fn path(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("changes.jsonl")
}

#[test]
fn changes_outlive_agents_and_what_nobody_saw_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = path(&directory);
    let states = [
        in_force(&pod("a", "web")),
        in_force(&format!("{}{}", pod("a", "web"), policy("web"))),
        in_force(&format!("{}{}", pod("a", "api"), policy("web"))),
        in_force(&policy("api")),
    ];
    let mut recorder = open(&path, None, SECOND);
    assert_eq!(recorder.changes().log().complete_since, 0);
    enforce(&mut recorder, &states[0], 1, SECOND);
    // What is looked at again hasn't changed.
    enforce(&mut recorder, &states[0], 1, 2 * SECOND);
    enforce(&mut recorder, &states[1], 2, 3 * SECOND);
    let first = ["1 1: 1 pods", "2 2: cnp shop/web"];
    assert_eq!(told(&recorder), first);
    assert_eq!(recorder.changes().log().complete_since, SECOND);
    recorder.seen(50 * SECOND);

    let mut recorder = open(&path, Some(&states[1]), 60 * SECOND);
    assert_eq!(told(&recorder), first);
    enforce(&mut recorder, &states[2], 5, 61 * SECOND);
    enforce(&mut recorder, &states[3], 6, 62 * SECOND);
    let log = recorder.changes().log();
    assert_eq!(
        told(&recorder),
        [
            first[0],
            first[1],
            "3 5: found pod shop/a",
            "4 6: cnp shop/web, pod shop/a"
        ]
    );
    assert_eq!(log.complete_since, SECOND);
    let found = log.entries[2].found.expect("it was found at the start");
    assert_eq!(found.since, 50 * SECOND);
    // And back.
    let present = states[3].view();
    for (time, then) in [
        (SECOND, &states[0]),
        (4 * SECOND, &states[1]),
        (61 * SECOND, &states[2]),
        (70 * SECOND, &states[3]),
    ] {
        let state = log.state_at(present, time).expect("all is known");
        assert!(state.same_objects(&then.state), "{time}");
    }
    assert_eq!(log.state_at(present, SECOND - 1), None::<State>);
}

#[test]
fn what_an_agent_did_not_finish_is_found_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = path(&directory);
    let (old, new) = (in_force(&pod("a", "web")), in_force(&pod("a", "api")));
    let mut recorder = open(&path, None, SECOND);
    enforce(&mut recorder, &old, 1, SECOND);
    // It is tried twice, and the agent crashes.
    for time in [2, 3] {
        recorder.begin(new.clone(), time * SECOND, nowhere);
    }
    assert_eq!(told(&recorder).len(), 1);
    drop(recorder);
    let lines = fs::read_to_string(&path).expect("a file").lines().count();
    assert_eq!(lines, 4, "head, first state twice, one that was begun");
    // What was in force then may be either.
    for before in [&old, &new] {
        let other = directory.path().join("other.jsonl");
        fs::copy(&path, &other).expect("a copy");
        let mut recorder = open(&other, Some(before), 9 * SECOND);
        assert_eq!(recorder.changes().log().complete_since, SECOND);
        enforce(&mut recorder, &new, 2, 10 * SECOND);
        assert_eq!(told(&recorder), ["1 1: 1 pods", "3 2: found pod shop/a"]);
    }
}

#[test]
fn a_damaged_file_keeps_no_agent_from_starting() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = path(&directory);
    let states = ["web", "api", "db"].map(|app| in_force(&pod("a", app)));
    let mut recorder = open(&path, None, SECOND);
    for (state, number) in states.iter().zip(1..) {
        enforce(&mut recorder, state, number, u64::from(number) * SECOND);
    }
    let all = told(&recorder);
    let text = fs::read(&path).expect("a file");
    // Cut off within the last line: that it came into force is not written.
    fs::write(&path, &text[..text.len() - 5]).expect("written");
    let mut recorder = open(&path, Some(&states[2]), 9 * SECOND);
    assert_eq!(recorder.changes().log().complete_since, SECOND);
    enforce(&mut recorder, &states[2], 3, 10 * SECOND);
    let mut mended = all[..2].to_vec();
    mended.push("4 3: found pod shop/a".to_owned());
    assert_eq!(told(&recorder), mended);

    // Wherever else: what stands before it is known, and that something may be missing behind it.
    let head = text.iter().position(|byte| *byte == b'\n').expect("lines") + 1;
    for place in (0..text.len() - 1).step_by(7) {
        let mut damaged = text.clone();
        damaged[place] ^= 1;
        fs::write(&path, &damaged).expect("written");
        let mut recorder = open(&path, Some(&states[2]), 9 * SECOND);
        let log = recorder.changes().log();
        assert!(log.entries.len() < all.len(), "{place}");
        assert_eq!(log.complete_since, 9 * SECOND, "{place}");
        enforce(&mut recorder, &states[0], 4, 10 * SECOND);
        let now = told(&recorder);
        assert!(place < head || now[now.len() - 1].ends_with("found pod shop/a"));
        let recorder = open(&path, Some(&states[0]), 11 * SECOND);
        assert_eq!(told(&recorder), now, "it is written anew");
        assert_eq!(recorder.changes().log().complete_since, 9 * SECOND);
    }
}

#[test]
fn changes_that_were_lost_are_missed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = path(&directory);
    let states = ["web", "api", "db"].map(|app| in_force(&pod("a", app)));
    let mut recorder = open(&path, None, SECOND);
    enforce(&mut recorder, &states[0], 1, SECOND);
    enforce(&mut recorder, &states[1], 2, 2 * SECOND);
    // A disk was full when the state came into force that the state files have.
    let recorder = open(&path, Some(&states[2]), 9 * SECOND);
    assert_eq!(recorder.changes().log().complete_since, 9 * SECOND);
    assert_eq!(told(&recorder).len(), 2);
}

#[test]
fn a_full_disk_is_counted_and_made_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("run").join("changes.jsonl");
    let states = ["web", "api"].map(|app| in_force(&pod("a", app)));
    // Nothing can be written where there is no directory.
    let mut recorder = open(&path, None, SECOND);
    enforce(&mut recorder, &states[0], 1, SECOND);
    let log = recorder.changes().log();
    assert_eq!(log.entries.len(), 1);
    assert!(
        log.problem
            .is_some_and(|problem| problem.contains("changes"))
    );
    assert_eq!(recorder.changes().unwritten(), 2);
    fs::create_dir(directory.path().join("run")).expect("a directory");
    enforce(&mut recorder, &states[1], 2, 2 * SECOND);
    assert_eq!(recorder.changes().log().problem, None);
    let again = open(&path, Some(&states[1]), 3 * SECOND);
    assert_eq!(told(&again), told(&recorder));
}

#[test]
fn the_oldest_make_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = path(&directory);
    let states = ["web", "api"].map(|app| in_force(&pod("a", app)));
    let open = |before, now| Recorder::open(path.clone(), "default", 4_000, before, now);
    let mut recorder = open(None, SECOND);
    for (number, state) in (1..=60).zip(states.iter().cycle()) {
        enforce(&mut recorder, state, number, u64::from(number) * SECOND);
    }
    let log = recorder.changes().log();
    let (bytes, limit) = recorder.changes().usage();
    assert!(bytes <= limit && bytes > limit / 2, "{bytes}");
    let oldest = &log.entries[0];
    assert_eq!(log.complete_since, oldest.time - SECOND);
    assert_eq!(log.entries.len() as u64, 61 - oldest.time / SECOND);
    let present = states[1].view();
    assert!(log.state_at(present, log.complete_since).is_some());
    assert!(log.state_at(present, log.complete_since - 1).is_none());
    let again = open(Some(states[1].clone()), 99 * SECOND);
    assert_eq!(told(&again), told(&recorder));
    assert_eq!(again.changes().log().complete_since, log.complete_since);
}
