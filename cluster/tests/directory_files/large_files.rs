//! Large files are read beside the others.

use std::fs;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::common::{World, follow, open, policy, problems};

/// The second half of a large file comes just before the first one settles, and takes long to read.
#[test]
fn a_large_file_does_not_settle_while_it_is_read() {
    // On a busy machine the second half may come too late: that says nothing.
    assert!(
        (0..5).any(|_| stays_while_read()),
        "the machine is too busy to write a file within 2.5 s"
    );
}

/// False if the second half came too late.
fn stays_while_read() -> bool {
    let world = World::new();
    let (send, states) = channel();
    let watch = open(world.dir.path())
        .watch(move |directory| drop(send.send((Instant::now(), directory.state()))))
        .expect("a thread");
    let next = |mark: &str| {
        loop {
            let state = states.recv_timeout(Duration::from_secs(100));
            let (read, state) = state.expect("a change");
            let has = |name: &str| state.policies.keys().any(|policy| *policy.name == *name);
            if has(mark) || !has("two") {
                return (read, has("two"));
            }
        }
    };
    let many: String = (0..20_000).map(|n| policy(&format!("many-{n}"))).collect();
    let half = policy("one") + &many;
    fs::write(world.file(), &half).expect("write");
    let (read, stays) = next("many-19999");
    assert!(stays, "it is gone with the first half");
    // What vanished from the file settles 3 seconds after it was read.
    std::thread::sleep(Duration::from_millis(1_800).saturating_sub(read.elapsed()));
    fs::write(world.file(), half + &policy("two") + &policy("end")).expect("write");
    let is_in_time = read.elapsed() < Duration::from_millis(2_500);
    let (_, stays) = next("end");
    drop(watch);
    assert!(stays || !is_in_time, "it is gone before the end is there");
    is_in_time
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
