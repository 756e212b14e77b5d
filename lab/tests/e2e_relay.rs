//! A relay whose nodes die, fall silent and come back, with real agents under real traffic.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use common::program;
use flows_lab::process::Deadline;
use nix::sys::signal::Signal;
use serde_json::Value;
use testing_lab::{Follow, TestLab, options, pod, signal_agent};

/// A talker and its server on each of three nodes: flows of a node don't depend on the others.
fn pods() -> String {
    let pods = NODES.map(|node| {
        let server = pod(&format!("server-{node}"), "", node, &[("udp", 53)]);
        let talker = pod(&format!("talker-{node}"), "", node, &[]);
        [server, talker].join("---\n")
    });
    pods.join("---\n")
}

const NODES: [&str; 3] = ["one", "two", "three"];

/// What a follow over the relay has shown.
struct Watch {
    follow: Follow,
    /// Time of the newest flow shown.
    newest: Time,
    /// Flows that came in order of time, by node.
    in_order: BTreeMap<String, usize>,
    /// Nodes whose flows came behind newer ones, since [`Watch::mark`].
    late: BTreeSet<String>,
    /// Bytes of what was said of nodes until [`Watch::mark`].
    said: usize,
}

impl Watch {
    fn start(lab: &TestLab) -> Self {
        Self {
            follow: Follow::start(lab, &[]),
            newest: Time::default(),
            in_order: BTreeMap::new(),
            late: BTreeSet::new(),
            said: 0,
        }
    }

    /// A phase begins.
    fn mark(&mut self) {
        self.take();
        self.late.clear();
        self.said = self.follow.said().len();
    }

    fn take(&mut self) {
        for response in self.follow.responses() {
            assert!(
                response["flow"].is_object() || response["lost_events"].is_object(),
                "{response}"
            );
            let node = response["node_name"].as_str().unwrap();
            let node = node.rsplit('/').next().unwrap().to_owned();
            let time = time(response["time"].as_str().unwrap());
            if time < self.newest {
                self.late.insert(node);
            } else {
                self.newest = time;
                *self.in_order.entry(node).or_default() += 1;
            }
        }
    }

    /// Waits for more flows of each of the nodes, in order with those of the others. The relay may
    /// deliver a flow late, of a node that it has named before.
    fn until_more(&mut self, what: &str, nodes: &[&str]) {
        const MORE: usize = 50;
        let number = |watch: &Self, node: &str| watch.in_order.get(node).copied().unwrap_or(0);
        let before: Vec<_> = nodes.iter().map(|node| number(self, node)).collect();
        let deadline = Deadline::after(Duration::from_secs(30));
        loop {
            self.take();
            let mut each = nodes.iter().zip(&before);
            if each.all(|(node, before)| number(self, node) >= before + MORE) {
                break;
            }
            assert!(
                deadline.pause(),
                "{what}: {:?} after {before:?}\n{}",
                self.in_order,
                self.follow.said()
            );
        }
        let named: BTreeSet<_> = self.statuses("NODE_ERROR").into_keys().collect();
        assert!(
            self.late.is_subset(&named),
            "{what}: {:?} came late, {named:?} was named",
            self.late
        );
    }

    /// Nodes of which this was said since [`Watch::mark`], and in which words.
    fn statuses(&self, state: &str) -> BTreeMap<String, String> {
        let said = self.follow.said().split_off(self.said);
        let mut found = BTreeMap::new();
        for line in said.lines() {
            // Lines of the command's own log are not JSON.
            let Ok(response) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let status = &response["node_status"];
            for node in status["node_names"].as_array().into_iter().flatten() {
                let node = node.as_str().unwrap().rsplit('/').next().unwrap();
                if status["state_change"] == state {
                    let message = status["message"].as_str().unwrap_or_default();
                    found.insert(node.to_owned(), message.to_owned());
                }
            }
        }
        found
    }

    /// Waits until this is said of a node, and returns the words.
    fn until_said(&mut self, state: &str, node: &str) -> String {
        let deadline = Deadline::after(Duration::from_secs(30));
        loop {
            self.take();
            if let Some(message) = self.statuses(state).remove(node) {
                return message;
            }
            assert!(
                deadline.pause(),
                "{state} of {node} never told:\n{}",
                self.follow.said()
            );
        }
    }
}

/// A time as responses have it, RFC 3339 without trailing zeros, so that it compares: seconds and
/// nine digits.
type Time = (String, String);

fn time(text: &str) -> Time {
    let text = text.trim_end_matches('Z');
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    (seconds.to_owned(), format!("{fraction:0<9}"))
}

/// Runs `flows`, and returns its output and what it said of nodes.
fn run(lab: &TestLab, arguments: &[&str]) -> (String, String) {
    let output = lab.flows().args(arguments).output().unwrap();
    // A status that isn't well exits with 1.
    let code = output.status.code();
    let may_be_degraded = arguments.first() == Some(&"status");
    assert!(
        code == Some(0) || (may_be_degraded && code == Some(1)),
        "{arguments:?}: {output:?}"
    );
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The state of each node in `flows list nodes`.
fn nodes(lab: &TestLab) -> Vec<(String, String)> {
    let (text, _) = run(lab, &["list", "nodes"]);
    let rows = text.lines().skip(1).map(|row| {
        let mut columns = row.split_whitespace().map(str::to_owned);
        (columns.next().unwrap(), columns.next().unwrap())
    });
    rows.collect()
}

fn until_connected(lab: &TestLab) {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let states = nodes(lab);
        if states.iter().all(|(_, state)| state == "Connected") {
            return;
        }
        assert!(deadline.pause(), "{states:?}");
    }
}

#[test]
fn one_node_dead_and_one_silent() {
    let options = options(program(), true);
    let mut lab = TestLab::up(&options, &pods()).unwrap();
    let name = lab.lab().record().name.clone();
    let _talkers = NODES.map(|node| {
        let line = format!("flows-lab client --udp --to server-{node}:53 --every 10ms");
        let line: Vec<_> = line.split(' ').collect();
        lab.start(&format!("talker-{node}"), &line).unwrap()
    });
    until_connected(&lab);
    let mut watch = Watch::start(&lab);
    watch.until_more("all are well", &NODES);

    watch.mark();
    assert!(lab.lab_mut().kill_agent("two").unwrap());
    signal_agent(&lab, "three", Signal::SIGSTOP);
    watch.until_said("NODE_ERROR", "two");
    let silence = watch.until_said("NODE_ERROR", "three");
    assert!(silence.contains("no response for"), "{silence}");
    watch.until_more("one is left", &["one"]);
    // Asked together, because each question waits for the silent node.
    thread::scope(|scope| {
        scope.spawn(|| {
            let state = |node: &str, state: &str| (format!("{name}/{node}"), state.to_owned());
            let expected = [
                state("one", "Connected"),
                state("three", "Error"),
                state("two", "Unavailable"),
            ];
            let deadline = Deadline::after(Duration::from_secs(30));
            while nodes(&lab) != expected {
                assert!(deadline.pause(), "{:?}", nodes(&lab));
            }
        });
        scope.spawn(|| {
            let deadline = Deadline::after(Duration::from_secs(30));
            let (text, status) = loop {
                let (text, _) = run(&lab, &["status", "--output", "json"]);
                let status: Value = serde_json::from_str(&text).unwrap();
                if status["num_connected_nodes"] == 1 {
                    break (text, status);
                }
                assert!(deadline.pause(), "{text}");
            };
            assert_eq!(status["num_unavailable_nodes"], 2, "{text}");
            let names = [format!("{name}/three"), format!("{name}/two")];
            assert_eq!(status["unavailable_nodes"], serde_json::json!(names));
        });
        scope.spawn(|| {
            // The past comes without them, and says so.
            let last = ["observe", "--last", "100", "--output", "json"];
            let (text, said) = run(&lab, &last);
            assert_eq!(text.lines().count(), 100);
            for node in ["two", "three"] {
                assert!(said.contains(&format!("\"{name}/{node}\"")), "{said}");
            }
        });
    });
    watch.until_more("one is left still", &["one"]);

    signal_agent(&lab, "three", Signal::SIGCONT);
    lab.lab_mut().restart_agent("two").unwrap();
    watch.until_said("NODE_CONNECTED", "three");
    watch.until_said("NODE_CONNECTED", "two");
    // What the two saw meanwhile comes late; then they are in order with the others.
    watch.until_more("all are well again", &NODES);
    until_connected(&lab);
    watch.mark();
    watch.until_more("all stay well", &NODES);
}
