//! A writer that is killed at any moment leaves a state that is whole, and its successor goes on.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flows_loader::Desired;
use flows_loader::testrun::{Program, REDIRECT, SHOT};

use testing_kernel::{ALLOW, CLIENT, CLIENT_IDENTITY, Node, SERVER, syn, word};

/// Tells the child where the bpffs is.
const DIRECTORY: &str = "FLOWS_TEST_WRITER_BPFFS";

/// In both states port 80 is open to the client and port 9 isn't; mixed, port 80 is closed.
fn states(node: &Node) -> [Desired; 2] {
    [CLIENT_IDENTITY, CLIENT_IDENTITY + 1].map(|identity| {
        let rules: Vec<_> = (0..200).map(|n| (identity, 80 + n, ALLOW)).collect();
        let mut desired = node.desired(&rules);
        desired.addr4.get_mut(&word(CLIENT)).unwrap().identity = identity;
        desired
    })
}

/// Not a test: what [`a_killed_writer_leaves_a_whole_state`] starts and kills.
#[test]
#[ignore = "a part of another test"]
fn writer() {
    let directory = std::env::var_os(DIRECTORY).expect("started by the other test");
    let node = Node::adopt(directory.into());
    let mut datapath = node.open();
    let states = states(&node);
    println!("ready");
    loop {
        for state in &states {
            datapath.apply(state).unwrap();
        }
    }
}

fn start(node: &Node) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::writer", "--ignored", "--nocapture"])
        .env(DIRECTORY, node.pins())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_ready = lines.any(|line| line.is_ok_and(|line| line.contains("ready")));
    assert!(is_ready, "the writer ended early");
    child
}

#[test]
fn a_killed_writer_leaves_a_whole_state() {
    const KILLS: u64 = 25;
    let node = Node::up();
    let mut first = node.open();
    first.apply(&states(&node)[0]).unwrap();
    // From here on the children write.
    let runner = first.runner(Program::FromPod, node.client).unwrap();
    drop(first);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            let mut sent = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                let from = 40_000 + u16::try_from(sent % 1_000).unwrap();
                let (allowed, _) = runner.run(&syn(SERVER, from, 80), 1).unwrap();
                assert_eq!(allowed, REDIRECT, "after {sent} packets");
                let (denied, _) = runner.run(&syn(SERVER, from, 9), 1).unwrap();
                assert_eq!(denied, SHOT, "after {sent} packets");
                sent += 1;
            }
            sent
        });
        for n in 0..KILLS {
            if traffic.is_finished() {
                break;
            }
            let mut child = start(&node);
            // Anywhere in the course of a change, which takes some tens of ms.
            std::thread::sleep(Duration::from_micros(1_700 * n));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        let sent = traffic
            .join()
            .expect("every packet was judged by a whole state");
        assert!(sent > 1_000, "only {sent} packets were sent");
    });
    // The last successor ends what was half-way, and is where it shall be.
    let mut successor = node.open();
    let state = &states(&node)[1];
    successor.apply(state).unwrap();
    let again = successor.apply(state).unwrap();
    assert_eq!((again.written, again.removed), (0, 0));
    assert!(successor.revision() > 1, "the writers made changes");
}
