//! How long a change of the maps takes: until it is true for packets, and until it is cleaned up too.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that can't measure fails; its rows go to standard output"
)]

use std::time::Duration;

use abi::policy::PolicyKey;
use flows_loader::{Applied, Changes, Desired, Sizes};

#[path = "../tests/kernel/fixture.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod fixture;

use fixture::{Node, allow, rule};

const ROUNDS: u32 = 7;

fn main() {
    let node = Node::sized(Sizes::default());
    let mut datapath = node.open();
    let mut empty = Vec::new();
    let mut full = Vec::new();
    let [none, all] = [0, 100_000].map(|entries| with_entries(&node, entries));
    for _ in 0..ROUNDS {
        empty.push(datapath.apply(&none).unwrap());
        full.push(datapath.apply(&all).unwrap());
    }
    print("100000 entries more", &full);
    print("100000 entries fewer", &empty[1..]);

    let mut one = Vec::new();
    let mut one_told = Vec::new();
    let mut changed = all.clone();
    for n in 0..ROUNDS {
        let key = nth(7);
        changed.policy.insert(key, allow(1_000 + n));
        one.push(datapath.apply(&changed).unwrap());
        let mut changes = Changes::default();
        changes.policy.insert(key, Some(allow(2_000 + n)));
        one_told.push(datapath.apply_changes(&changes).unwrap());
    }
    assert!(
        one.iter()
            .chain(&one_told)
            .all(|applied| applied.written == 1)
    );
    print("1 entry of 100000, found by comparison", &one);
    print("1 entry of 100000, told", &one_told);
}

fn nth(n: u32) -> PolicyKey {
    rule(100_000 + n / 100, u16::try_from(n % 100).unwrap())
}

fn with_entries(node: &Node, entries: u32) -> Desired {
    let mut desired = node.desired(&[]);
    desired.policy = (0..entries).map(|n| (nth(n), allow(30))).collect();
    desired
}

fn print(name: &str, applied: &[Applied]) {
    let median = |of: fn(&Applied) -> Duration| {
        let mut values: Vec<_> = applied.iter().map(of).collect();
        values.sort();
        (values[values.len() / 2].as_secs_f64() * 1e5).round() / 100.0
    };
    let rows = [
        ("true", median(|applied| applied.true_after)),
        ("done", median(|applied| applied.took)),
    ];
    for (what, value) in rows {
        let name = format!("{name}: {what} after");
        println!(
            "{}",
            serde_json::json!({"name": name, "value": value, "unit": "ms"})
        );
    }
}
