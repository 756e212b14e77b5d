//! `flows top` on a terminal, with a lab behind it: the drop is seen as it happens, its explanation is
//! a key away, and the terminal is given back however it ends.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::program;
use flows_lab::process::{Deadline, Role};
use flows_lab::traffic::client::Outcome;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use testing_lab::cluster::up;
use testing_lab::{Family, Probe, TestLab};
use testing_program::Pty;

/// Starts it, on a relay that has reached its nodes: of one that it reaches later it tells no history.
fn top(lab: &TestLab, size: (u16, u16)) -> Pty {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let nodes = lab.flows().args(["list", "nodes"]).output().unwrap();
        let nodes = String::from_utf8(nodes.stdout).unwrap();
        if nodes.matches(" Connected ").count() == 2 {
            break;
        }
        assert!(
            deadline.pause(),
            "the relay never reaches its nodes:\n{nodes}"
        );
    }
    let home = std::env::temp_dir().join(format!("flows-top-{}", std::process::id()));
    let mut command = lab.flows();
    command.arg("top").env("XDG_STATE_HOME", home);
    Pty::start(&command, size)
}

fn denied(lab: &TestLab) {
    let outcome = lab.connect("stranger-near", "server:80", Probe::Tcp, Family::V4);
    assert_eq!(outcome.unwrap(), Outcome::TimedOut);
}

#[test]
fn a_drop_is_seen_and_explained_and_the_terminal_given_back() {
    let lab = up(program());
    let mut top = top(&lab, (120, 40));
    top.until("the connection", |text| text.contains("● live"));
    denied(&lab);
    top.until("the denial, live", |text| text.contains("DENIED"));

    top.press("D");
    top.until("what is denied only", |text| {
        text.contains("[dropped ×]") && !text.contains("ALLOWED")
    });
    top.press("N\r");
    let details = top.until("the explanation", |text| {
        text.contains("What would allow it") && text.contains("fromEndpoints")
    });
    for words in [
        "default/stranger-near",
        "default/server",
        "Policy denied",
        "cnp default/server",
    ] {
        assert!(details.contains(words), "{words}: {details}");
    }
    top.press("T");
    top.until("that it was copied", |text| text.contains("clipboard"));
    assert!(
        top.seen()
            .bytes
            .windows(7)
            .any(|bytes| bytes == b"\x1b]52;c;"),
        "the terminal is given the command"
    );
    top.press("z");
    let alone = top.until("the details alone", |text| text.contains("matchLabels"));
    assert!(
        alone.contains(" policy trace --src-pod default/stranger-near"),
        "{alone}"
    );

    top.resize(80, 24);
    top.until_steady("the details at the new size", |text| {
        text.contains("matchLabels")
    });
    top.press("z");
    top.until_steady("the table beside it", |text| text.contains("SOURCE"));
    top.press("\x1b");
    top.until_steady("the table alone", |text| {
        text.contains("SOURCE") && !text.contains("Details")
    });
    top.press("/src.pod == \"default/nobody\"\r");
    top.until("that nothing matches", |text| {
        text.contains("default/nobody") && !text.contains("stranger-near")
    });
    top.press("X");
    top.until("all connections", |text| text.contains("no filter"));
    top.press("d");
    top.until("the cause, which goes on", |text| {
        text.contains("STATUS") && text.contains("ongoing") && text.contains("server:80")
    });
    top.press("\rz");
    top.until("why, and the smallest rule", |text| {
        text.contains("dropped since") && text.contains("fromEndpoints")
    });
    top.press("\x1b");
    top.until_steady("the incidents beside it", |text| text.contains("STATUS"));
    top.press("\x1b");
    top.until_steady("the incidents alone", |text| {
        text.contains("STATUS") && !text.contains("Details")
    });
    top.press("C");
    top.until("its connections", |text| {
        text.contains("[src.pod == default/stranger-near") && text.contains("DENIED")
    });
    top.press("X3");
    top.until("who talks to whom", |text| {
        text.contains("default/stranger-near")
    });
    top.press("2\t\t\t");
    top.until("what the kernel counted of the policy", |text| {
        text.contains("DECISIONS")
            && text.contains("everything else (default deny)")
            && text.contains(" decision")
    });
    top.press("4");
    top.until("the nodes", |text| {
        text.contains("connected") && text.contains("lost by stage: 0 kernel's ring full")
    });

    top.press("q");
    assert!(top.end().success());
    top.assert_given_back();
}

#[test]
fn what_is_paused_is_not_lost() {
    let lab = up(program());
    let mut top = top(&lab, (120, 40));
    top.press("D");
    top.until("the connection", |text| {
        text.contains("● live") && text.contains("[dropped ×]")
    });
    top.press(" ");
    top.until("the pause", |text| text.contains("paused"));
    denied(&lab);
    top.until("that something waits", |text| {
        text.contains("waiting") && !text.contains(" 0 waiting")
    });
    assert!(!top.text().contains("stranger-near"), "{}", top.text());
    top.press(" ");
    top.until("what waited", |text| text.contains("stranger-near"));
    top.press("q");
    assert!(top.end().success());
}

#[test]
fn a_signal_and_a_lost_server_leave_the_terminal_whole() {
    let lab = up(program());
    let top = top(&lab, (80, 24));
    top.until("the connection", |text| text.contains("● live"));
    let relay = lab
        .lab()
        .record()
        .processes
        .iter()
        .find(|process| process.role == Role::Relay);
    let relay = relay.expect("a lab with agents has a relay").pid;
    kill(Pid::from_raw(relay), Signal::SIGKILL).unwrap();
    top.until("that the connection is gone", |text| {
        text.contains("no connection")
    });

    let mut top = top;
    let process = Pid::from_raw(i32::try_from(top.id()).unwrap());
    kill(process, Signal::SIGTERM).unwrap();
    assert!(top.end().success());
    top.assert_given_back();
}

/// What `flows observe` has of drops: their times.
fn drops(lab: &TestLab) -> BTreeSet<String> {
    let mut command = lab.flows();
    command.args(["observe", "--last", "10000", "--verdict", "DROPPED"]);
    let output = command.args(["-o", "json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    times(&String::from_utf8(output.stdout).unwrap())
        .into_iter()
        .collect()
}

/// Times of flows, one for each line.
fn times(lines: &str) -> Vec<String> {
    let time = |line: &str| {
        let value = serde_json::from_str::<Value>(line).unwrap();
        value["flow"]["time"].as_str().unwrap().to_owned()
    };
    lines.lines().map(time).collect()
}

#[test]
fn a_relay_that_comes_back_loses_nothing_and_tells_nothing_twice() {
    let mut lab = up(program());
    let mut top = top(&lab, (160, 40));
    // Of a packet's several events one is shown, as of those that are asked for below.
    top.press("eD");
    denied(&lab);
    top.until("the first drop", |text| {
        text.contains("● live") && text.contains("stranger-near")
    });

    assert!(lab.lab_mut().kill_relay().unwrap());
    top.until(
        "that the connection is gone, and when it is tried",
        |text| text.contains("✗ no connection") && text.contains("next try in"),
    );
    // While nobody tells anything, something happens.
    denied(&lab);
    lab.lab_mut().revive_relay().unwrap();
    top.until("the connection, by itself", |text| text.contains("● live"));
    top.until("the gap, marked, with nothing missing", |text| {
        text.contains("── no connection for") && text.contains("nothing is missing")
    });
    denied(&lab);
    let expected = drops(&lab);

    let directory = tempfile::tempdir().unwrap();
    // What is shown is written until the last drop is among it: it is on its way for some milliseconds.
    let deadline = Deadline::after(Duration::from_secs(30));
    let mut tries = 0;
    let shown = loop {
        tries += 1;
        let path = directory.path().join(format!("shown-{tries}.json"));
        top.press("w");
        top.until("the prompt", |text| text.contains("write to"));
        top.press("\x15");
        top.press(&format!("{}\r", path.display()));
        let written = format!("written to {}", path.display());
        top.until("that it was written", |text| text.contains(&written));
        let shown = times(&std::fs::read_to_string(&path).unwrap());
        if expected.iter().all(|time| shown.contains(time)) {
            break shown;
        }
        assert!(deadline.pause(), "{expected:?} are not all in {shown:?}");
    };
    let once: BTreeSet<_> = shown.iter().collect();
    assert_eq!(once.len(), shown.len(), "nothing is shown twice: {shown:?}");

    top.press("q");
    assert!(top.end().success());
    top.assert_given_back();
}
