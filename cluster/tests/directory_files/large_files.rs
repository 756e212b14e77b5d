//! Large files are read beside the others.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{World, follow, policy, problems};

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
    // It settles 3 seconds after it was read, some of which have passed on a busy machine.
    std::thread::sleep(Duration::from_millis(1_500));
    fs::write(world.file(), half + &policy("two") + &policy("end")).expect("write");
    until("end");
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
