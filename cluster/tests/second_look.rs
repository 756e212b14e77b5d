//! What vanishes from a file waits for a second look; what isn't certain is said.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use flows_cluster::State;
use flows_cluster::source::{Checkpoint, Directory, Watch};

fn policy(name: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{podSelector: {{}}}}\n---\n"
    )
}

fn policies(state: &State) -> String {
    let names: Vec<&str> = state.policies.keys().map(|name| &*name.name).collect();
    names.join(" ")
}

fn problems(state: &State) -> Vec<String> {
    state.problems.iter().map(ToString::to_string).collect()
}

fn open(path: &Path) -> Directory {
    Directory::open(path, &Checkpoint::default()).expect("a directory")
}

struct World {
    dir: tempfile::TempDir,
    directory: Directory,
}

impl World {
    /// Two policies in one file.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("a.yaml"), policy("one") + &policy("two")).expect("write");
        let directory = open(dir.path());
        Self { dir, directory }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("a.yaml")
    }

    /// The policies at a time.
    fn at(&mut self, seconds: f64) -> String {
        self.directory.rescan(Duration::from_secs_f64(seconds));
        policies(&self.directory.state())
    }
}

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
fn a_file_that_is_replaced_is_whole() {
    let replace = |world: &World| {
        let new = world.dir.path().join(".new");
        fs::write(&new, policy("two")).expect("write");
        fs::rename(new, world.file()).expect("rename");
    };
    let mut world = World::new();
    replace(&world);
    world.directory.renamed(&world.file());
    assert_eq!(world.at(1.0), "two");

    // The notice may come late.
    let mut world = World::new();
    replace(&world);
    assert_eq!(world.at(1.0), "one two");
    world.directory.renamed(&world.file());
    assert_eq!(world.at(1.1), "two");
    // Too late: what was renamed was written to in between.
    let mut world = World::new();
    replace(&world);
    assert_eq!(world.at(1.0), "one two");
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.1), "one two");
    world.directory.renamed(&world.file());
    assert_eq!(world.at(1.2), "one two");

    // A rename that nobody was told of looks like a new file that is being written.
    let mut world = World::new();
    replace(&world);
    assert_eq!(world.at(1.0), "one two");
    assert_eq!(world.at(3.9), "one two");
    assert_eq!(world.at(4.0), "two");

    // The notice says nothing of what is written after it, nor of what is being written.
    let mut world = World::new();
    replace(&world);
    world.directory.renamed(&world.file());
    world
        .directory
        .writing(&world.file(), Duration::from_secs(1));
    world.directory.closed(&world.file());
    assert_eq!(world.at(1.0), "one two");
    let mut world = World::new();
    world
        .directory
        .writing(&world.file(), Duration::from_secs(1));
    replace(&world);
    world.directory.renamed(&world.file());
    assert_eq!(world.at(2.0), "one two");
    assert_eq!(world.at(10.9), "one two");

    // Nor of another new file that took the place of the renamed one.
    let mut world = World::new();
    replace(&world);
    world.directory.renamed(&world.file());
    fs::rename(world.file(), world.dir.path().join("a.bak")).expect("rename");
    fs::write(world.file(), policy("two")).expect("write");
    assert_eq!(world.at(1.0), "one two");
    assert_eq!(world.at(4.0), "two");
}

/// The old file is moved away and a slow program writes a new one.
#[test]
fn a_new_file_may_be_half_written() {
    let begin = |world: &World| {
        fs::rename(world.file(), world.dir.path().join("a.bak")).expect("rename");
        let mut file = fs::File::create(world.file()).expect("create");
        file.write_all(policy("one").as_bytes()).expect("write");
        file
    };
    // Without notices, it waits as any change does.
    let mut world = World::new();
    let mut file = begin(&world);
    assert_eq!(world.at(1.0), "one two");
    assert_eq!(world.at(3.9), "one two");
    file.write_all(policy("two").as_bytes()).expect("write");
    assert_eq!(world.at(4.0), "one two");
    assert_eq!(world.at(60.0), "one two");

    // With them, it waits for as long as its writer may take.
    let mut world = World::new();
    let mut file = begin(&world);
    let seconds = Duration::from_secs_f64;
    world.directory.writing(&world.file(), seconds(1.0));
    assert_eq!(world.at(2.0), "one two");
    assert_eq!(world.at(9.0), "one two");
    file.write_all(policy("two").as_bytes()).expect("write");
    world.directory.writing(&world.file(), seconds(9.1));
    drop(file);
    world.directory.closed(&world.file());
    assert_eq!(world.at(9.2), "one two");
    assert_eq!(world.at(60.0), "one two");
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

#[test]
fn a_writer_is_waited_for_but_not_for_ever() {
    let seconds = Duration::from_secs_f64;
    let mut world = World::new();
    let file = world.file();
    fs::write(&file, policy("one")).expect("write");
    world.directory.writing(&file, seconds(1.0));
    fs::write(world.dir.path().join("b.yaml"), policy("other")).expect("write");
    // The file isn't read yet, others are.
    assert_eq!(world.at(1.5), "one other two");
    fs::write(&file, policy("three")).expect("write");
    world.directory.writing(&file, seconds(1.6));
    assert_eq!(world.at(2.5), "one other two");
    // It rests, but isn't closed: it is read, and what vanished waits for longer.
    assert_eq!(world.at(2.7), "one other three two");
    assert_eq!(world.at(9.0), "one other three two");
    world.directory.closed(&file);
    assert_eq!(world.at(9.1), "other three");

    // One that writes all the time is read after a while.
    let mut world = World::new();
    fs::write(&file, "").expect("write");
    fs::write(world.file(), policy("new")).expect("write");
    for tenth in 10..=120 {
        world
            .directory
            .writing(&world.file(), seconds(f64::from(tenth) / 10.0));
    }
    assert_eq!(world.at(10.9), "one two");
    assert_eq!(world.at(11.1), "new one two");
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

struct Follower {
    watch: Watch,
    states: Receiver<Arc<State>>,
}

fn follow(path: &Path) -> Follower {
    let (send, states) = channel();
    let watch = open(path)
        .watch(move |directory| drop(send.send(directory.state())))
        .expect("a thread");
    Follower { watch, states }
}

/// Rewritten in two steps, with a pause between them: never is one of the policies gone.
#[test]
fn a_file_rewritten_in_steps_opens_nothing() {
    let world = World::new();
    let follower = follow(world.dir.path());
    for round in 0..4 {
        let text = format!("# round {round}\n{}", policy("one"));
        if round % 2 == 0 {
            // Closed in between.
            fs::write(world.file(), text).expect("write");
            std::thread::sleep(Duration::from_millis(300));
            let mut file = OpenOptions::new()
                .append(true)
                .open(world.file())
                .expect("open");
            file.write_all(policy("two").as_bytes()).expect("write");
        } else {
            let mut file = fs::File::create(world.file()).expect("create");
            file.write_all(text.as_bytes()).expect("write");
            std::thread::sleep(Duration::from_millis(1_500));
            file.write_all(policy("two").as_bytes()).expect("write");
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    for state in follower.states.try_iter() {
        assert_eq!(policies(&state), "one two");
    }
    drop(follower.watch);
}

/// What is written but not read yet may have what the text read last lacks.
#[test]
fn nothing_settles_by_a_text_that_is_no_longer_there() {
    let mut world = World::new();
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.0), "one two");
    let seconds = Duration::from_secs_f64;
    // Opened a while ago, and busy just now.
    world.directory.writing(&world.file(), seconds(2.5));
    assert_eq!(world.at(4.0), "one two");
    world.directory.writing(&world.file(), seconds(11.0));
    fs::write(world.file(), policy("one") + &policy("two")).expect("write");
    assert_eq!(world.at(11.5), "one two");
    world.directory.closed(&world.file());
    assert_eq!(world.at(11.6), "one two");
    assert_eq!(world.at(60.0), "one two");
}

/// The second half of a large file comes just before the first one settles, and takes long to read.
#[test]
fn a_large_file_does_not_settle_while_it_is_read() {
    let world = World::new();
    let follower = follow(world.dir.path());
    let many: String = (0..20_000).map(|n| policy(&format!("many-{n}"))).collect();
    let half = policy("one") + &many;
    fs::write(world.file(), &half).expect("write");
    let until = |mark: &str| {
        loop {
            let state = follower.states.recv_timeout(Duration::from_secs(100));
            let state = state.expect("a change");
            let has = |name: &str| state.policies.keys().any(|policy| *policy.name == *name);
            assert!(has("two"), "it is gone before {mark} is there");
            if has(mark) {
                return;
            }
        }
    };
    until("many-19999");
    std::thread::sleep(Duration::from_millis(2_500));
    fs::write(world.file(), half + &policy("two") + &policy("end")).expect("write");
    until("end");
    drop(follower.watch);
}

/// The system tells a rename from a new file that is being written.
#[test]
fn a_rename_is_told_from_a_slow_writer() {
    let world = World::new();
    let follower = follow(world.dir.path());
    let next = || follower.states.recv_timeout(Duration::from_millis(2_500));
    let new = world.dir.path().join(".new");
    fs::write(&new, policy("one") + &policy("new")).expect("write");
    fs::rename(new, world.file()).expect("rename");
    let mut state = next().expect("at once");
    if policies(&state) == "new one two" {
        // Read before the notice came.
        state = next().expect("at once");
    }
    assert_eq!(policies(&state), "new one");

    fs::rename(world.file(), world.dir.path().join("a.bak")).expect("rename");
    let mut file = fs::File::create(world.file()).expect("create");
    file.write_all((policy("one") + &policy("other")).as_bytes())
        .expect("write");
    std::thread::sleep(Duration::from_millis(1_500));
    file.write_all(policy("new").as_bytes()).expect("write");
    drop(file);
    std::thread::sleep(Duration::from_millis(500));
    let mut states: Vec<String> = follower.states.try_iter().map(|s| policies(&s)).collect();
    states.dedup();
    assert_eq!(states, ["new one other"]);
    drop(follower.watch);
}

/// A large file is read beside the others, and a hostile one holds up nobody.
#[test]
fn other_changes_go_on_while_a_large_file_is_read() {
    let world = World::new();
    let follower = follow(world.dir.path());
    let many: String = (0..20_000).map(|n| policy(&format!("many-{n}"))).collect();
    fs::write(world.dir.path().join("large.yaml"), &many).expect("write");
    // A hole costs nothing to make.
    let hole = fs::File::create(world.dir.path().join("hole.yaml")).expect("create");
    hole.set_len(1 << 30).expect("a hole");
    drop(hole);
    std::thread::sleep(Duration::from_millis(100));
    let written = Instant::now();
    fs::write(world.dir.path().join("small.yaml"), policy("small")).expect("write");
    let (mut small, mut large) = (None, None);
    while small.is_none() || large.is_none() {
        let state = follower
            .states
            .recv_timeout(Duration::from_secs(100))
            .expect("a change");
        let has = |name: &str| state.policies.keys().any(|policy| *policy.name == *name);
        if has("small") {
            small = small.or(Some(written.elapsed()));
        }
        if has("many-19999") {
            large = large.or(Some(written.elapsed()));
            assert_eq!(
                problems(&state),
                ["hole.yaml: is too large: 1024 MiB, at most 32 MiB are read; split it"]
            );
        }
    }
    assert!(small < large, "{small:?} after the large one, {large:?}");
    assert!(small < Some(Duration::from_secs(2)), "{small:?}");
    drop(follower.watch);
}
