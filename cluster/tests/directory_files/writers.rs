//! Files while they are written, and files that are renamed into place.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use crate::common::{World, follow, policies, policy};

#[test]
fn a_file_that_is_replaced_is_whole() {
    let replace = |world: &World| {
        let new = world.dir.path().join(".new");
        fs::write(&new, policy("two")).expect("write");
        fs::rename(new, world.file()).expect("rename");
    };
    let mut world = World::new();
    replace(&world);
    world.directory.on_rename(&world.file());
    assert_eq!(world.at(1.0), "two");

    // The notice may come late.
    let mut world = World::new();
    replace(&world);
    assert_eq!(world.at(1.0), "one two");
    world.directory.on_rename(&world.file());
    assert_eq!(world.at(1.1), "two");
    // Too late: what was renamed was written to in between.
    let mut world = World::new();
    replace(&world);
    assert_eq!(world.at(1.0), "one two");
    fs::write(world.file(), policy("one")).expect("write");
    assert_eq!(world.at(1.1), "one two");
    world.directory.on_rename(&world.file());
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
    world.directory.on_rename(&world.file());
    world
        .directory
        .on_write(&world.file(), Duration::from_secs(1));
    world.directory.on_close(&world.file());
    assert_eq!(world.at(1.0), "one two");
    let mut world = World::new();
    world
        .directory
        .on_write(&world.file(), Duration::from_secs(1));
    replace(&world);
    world.directory.on_rename(&world.file());
    assert_eq!(world.at(2.0), "one two");
    assert_eq!(world.at(10.9), "one two");

    // Nor of another new file that took the place of the renamed one.
    let mut world = World::new();
    replace(&world);
    world.directory.on_rename(&world.file());
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
    world.directory.on_write(&world.file(), seconds(1.0));
    assert_eq!(world.at(2.0), "one two");
    assert_eq!(world.at(9.0), "one two");
    file.write_all(policy("two").as_bytes()).expect("write");
    world.directory.on_write(&world.file(), seconds(9.1));
    drop(file);
    world.directory.on_close(&world.file());
    assert_eq!(world.at(9.2), "one two");
    assert_eq!(world.at(60.0), "one two");
}

#[test]
fn a_writer_is_waited_for_but_not_for_ever() {
    let seconds = Duration::from_secs_f64;
    let mut world = World::new();
    let file = world.file();
    fs::write(&file, policy("one")).expect("write");
    world.directory.on_write(&file, seconds(1.0));
    fs::write(world.dir.path().join("b.yaml"), policy("other")).expect("write");
    // The file isn't read yet, others are.
    assert_eq!(world.at(1.5), "one other two");
    fs::write(&file, policy("three")).expect("write");
    world.directory.on_write(&file, seconds(1.6));
    assert_eq!(world.at(2.5), "one other two");
    // It rests, but isn't closed: it is read, and what vanished waits for longer.
    assert_eq!(world.at(2.7), "one other three two");
    assert_eq!(world.at(9.0), "one other three two");
    world.directory.on_close(&file);
    assert_eq!(world.at(9.1), "other three");

    // One that writes all the time is read after a while.
    let mut world = World::new();
    fs::write(&file, "").expect("write");
    fs::write(world.file(), policy("new")).expect("write");
    for tenth in 10..=120 {
        world
            .directory
            .on_write(&world.file(), seconds(f64::from(tenth) / 10.0));
    }
    assert_eq!(world.at(10.9), "one two");
    assert_eq!(world.at(11.1), "new one two");
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
    world.directory.on_write(&world.file(), seconds(2.5));
    assert_eq!(world.at(4.0), "one two");
    world.directory.on_write(&world.file(), seconds(11.0));
    fs::write(world.file(), policy("one") + &policy("two")).expect("write");
    assert_eq!(world.at(11.5), "one two");
    world.directory.on_close(&world.file());
    assert_eq!(world.at(11.6), "one two");
    assert_eq!(world.at(60.0), "one two");
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
