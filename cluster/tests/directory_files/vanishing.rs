//! What vanishes from a file waits for a second look; what is not certain is said.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use flows_cluster::source::{Checkpoint, Directory};

use crate::common::{World, open, policies, policy, problems};

#[test]
fn what_vanishes_waits() {
    let mut world = World::new();
    // Written in place: the second half may still come.
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.0), "one two");
    assert_eq!(world.at(3.9), "one two");
    assert_eq!(world.at(4.0), "one");
}

#[test]
fn what_comes_back_was_never_gone() {
    let mut world = World::new();
    let before = world.directory.state();
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.0), "one two");
    fs::write(world.file(), policy("one") + &policy("two")).expect("write");
    assert_eq!(world.at(2.0), "one two");
    assert_eq!(world.at(60.0), "one two");
    assert!(
        Arc::ptr_eq(&before, &world.directory.state()),
        "nothing was announced"
    );
}

#[test]
fn every_change_begins_the_wait_anew() {
    let mut world = World::new();
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.0), "one two");
    fs::write(world.file(), policy("one") + "# not done yet\n").expect("write");
    assert_eq!(world.at(3.5), "one two");
    assert_eq!(world.at(6.4), "one two");
    assert_eq!(world.at(6.5), "one");
}

/// The first half was whole by itself, the next text is not: the file's last good form is the one before.
#[test]
fn what_vanished_stays_while_the_file_cannot_be_used() {
    let cut = policy("one") + "kind: NetworkPolicy\nmetadata: {name: tw";
    let texts: [&[u8]; 3] = [cut.as_bytes(), b"", b"\xff\xfe"];
    for text in texts {
        let mut world = World::new();
        fs::write(world.file(), policy("one")).expect("write");
        assert_eq!(world.at(1.0), "one two");
        fs::write(world.file(), text).expect("write");
        for seconds in [2.0, 5.0, 60.0] {
            assert_eq!(world.at(seconds), "one two");
            let problems = problems(&world.directory.state());
            assert!(
                problems.len() == 1 && problems[0].contains("stay"),
                "{problems:?}"
            );
        }
        // Whole again, it waits as after any change.
        fs::write(world.file(), policy("one")).expect("write");
        assert_eq!(world.at(61.0), "one two");
        assert_eq!(world.at(63.9), "one two");
        assert_eq!(world.at(64.0), "one");
    }
}

/// A link to nowhere and back: the same file is taken again, and its problem goes.
#[test]
fn a_file_that_was_out_of_reach_comes_back() {
    let mut world = World::new();
    let (away, real) = (world.dir.path().join("away"), world.dir.path().join("real"));
    fs::create_dir(&real).expect("directory");
    fs::rename(world.file(), real.join("a.yaml")).expect("rename");
    std::os::unix::fs::symlink("real/a.yaml", world.file()).expect("link");
    assert_eq!(world.at(1.0), "one two");
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(2.0), "one two");
    // A file in the way: not found would be gone.
    fs::rename(&real, &away).expect("rename");
    fs::write(&real, "").expect("write");
    for seconds in [3.0, 60.0] {
        assert_eq!(world.at(seconds), "one two");
        assert_eq!(problems(&world.directory.state()).len(), 1);
    }
    fs::remove_file(&real).expect("remove");
    fs::rename(&away, &real).expect("rename");
    assert_eq!(world.at(61.0), "one two");
    assert_eq!(problems(&world.directory.state()), [""; 0]);
    assert_eq!(world.at(64.0), "one");
}

/// Nothing settles by looks that saw nothing.
#[test]
fn what_vanished_stays_while_the_directory_is_away() {
    let outer = tempfile::tempdir().expect("temporary directory");
    let (path, away) = (outer.path().join("state"), outer.path().join("away"));
    fs::create_dir(&path).expect("directory");
    let file = path.join("a.yaml");
    fs::write(&file, policy("one") + &policy("two")).expect("write");
    let mut directory = open(&path);
    let mut at = |seconds| {
        directory.rescan(Duration::from_secs(seconds));
        policies(&directory.state())
    };
    fs::write(&file, policy("one")).expect("write");
    assert_eq!(at(1), "one two");
    fs::rename(&path, &away).expect("rename");
    assert_eq!(at(60), "one two");
    fs::write(away.join("a.yaml"), policy("one") + &policy("two")).expect("write");
    fs::rename(&away, &path).expect("rename");
    assert_eq!(at(61), "one two");
    assert_eq!(at(120), "one two");
}

#[test]
fn a_file_that_is_deleted_takes_its_objects_along() {
    let mut world = World::new();
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.0), "one two");
    fs::remove_file(world.file()).expect("remove");
    assert_eq!(world.at(1.1), "");
}

#[test]
fn an_object_may_move_to_another_file() {
    let mut world = World::new();
    let moved = policy("two").replace("shop}", "shop, resourceVersion: new}");
    fs::write(world.dir.path().join("b.yaml"), moved).expect("write");
    fs::write(world.file(), policy("one")).expect("write");
    for seconds in [1.0, 60.0] {
        assert_eq!(world.at(seconds), "one two");
        let state = world.directory.state();
        assert_eq!(problems(&state), [""; 0]);
        let two = state.policies.values().last().expect("a policy");
        assert_eq!(&*two.version, "new", "in its new form at once");
    }
}

/// A restart while a file is half written takes nothing away either.
#[test]
fn a_restart_waits_as_well() {
    let world = World::new();
    let stored = serde_json::to_string(&world.directory.checkpoint()).expect("plain data");
    fs::write(world.file(), policy("one")).expect("write");
    let checkpoint: Checkpoint = serde_json::from_str(&stored).expect("own form");
    let mut directory = Directory::open(world.dir.path(), &checkpoint).expect("a directory");
    assert_eq!(policies(&directory.state()), "one two");
    directory.rescan(Duration::from_secs(2));
    assert_eq!(policies(&directory.state()), "one two");
    directory.rescan(Duration::from_secs(3));
    assert_eq!(policies(&directory.state()), "one");
}

/// The same one of two definitions is in force after a restart as before.
#[test]
fn the_first_of_two_files_keeps_an_object_over_restarts() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let version = |version: &str| {
        policy("one").replace("shop}", &format!("shop, resourceVersion: '{version}'}}"))
    };
    let in_force = |directory: &Directory| {
        let state = directory.state();
        let policy = state.policies.values().next().expect("the policy");
        policy.version.to_string()
    };
    fs::write(dir.path().join("b.yaml"), version("first")).expect("write");
    let mut directory = open(dir.path());
    fs::write(dir.path().join("a.yaml"), version("second")).expect("write");
    directory.rescan(Duration::from_secs(1));
    assert_eq!(in_force(&directory), "first");
    let wanted = [
        "a.yaml:1:1: netpol shop/one: duplicate definition; using the one in b.yaml:1:1; delete one of the two",
    ];
    for restart in 0..3 {
        let stored = serde_json::to_string(&directory.checkpoint()).expect("plain data");
        let checkpoint: Checkpoint = serde_json::from_str(&stored).expect("own form");
        directory = Directory::open(dir.path(), &checkpoint).expect("a directory");
        assert_eq!(in_force(&directory), "first", "restart {restart}");
        assert_eq!(problems(&directory.state()), wanted, "restart {restart}");
    }
    // Of two that are seen together for the first time, the first by name.
    assert_eq!(in_force(&open(dir.path())), "second");
}

#[test]
fn a_document_without_a_name_says_what_it_keeps() {
    let mut world = World::new();
    fs::write(
        world.file(),
        policy("one").replace("NetworkPolicy", "NetworkPolcy"),
    )
    .expect("write");
    assert_eq!(world.at(60.0), "one two");
    assert_eq!(world.at(120.0), "one two");
    assert_eq!(
        problems(&world.directory.state()),
        [
            "a.yaml:2:7: kind: NetworkPolcy of networking.k8s.io/v1 is not a known kind; did you mean NetworkPolicy?; \
             until it is corrected, netpol shop/one, netpol shop/two stay"
        ]
    );
}
