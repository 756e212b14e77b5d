//! How long a change of the maps takes: until it is true for packets, and until it is cleaned up too.
#![expect(clippy::unwrap_used, reason = "a bench that can't measure fails")]

use std::time::Duration;

use abi::policy::PolicyKey;
use flows_loader::{Applied, Changes, Desired, Sizes};

use testing_bench::{Row, median};
use testing_kernel::{Node, allow, rule};

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
    let ms = |of: fn(&Applied) -> Duration| {
        let all = applied.iter().map(of);
        median(all.map(|time| time.as_secs_f64() * 1e3).collect())
    };
    for (what, value) in [
        ("true", ms(|applied| applied.true_after)),
        ("done", ms(|applied| applied.took)),
    ] {
        Row::new(format!("{name}: {what} after"), value, "ms").print();
    }
}
