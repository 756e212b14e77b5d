//! Validation takes time that grows with the rules, not with their pairs. Counted in steps: time depends
//! on the machine.

use std::fmt::Write as _;

use cluster::State;
use flows_explain::validate::{File, validate};
use policy::Config;

/// Steps that validating a policy of so many rules takes, each about pods of its own.
fn validated(rules: usize) -> u64 {
    let mut text = String::from(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: s}\n\
         spec:\n  endpointSelector: {}\n  ingress:\n",
    );
    for n in 0..rules {
        let _written = writeln!(
            text,
            "  - {{fromEndpoints: [{{matchLabels: {{app: a{n}}}}}], toPorts: [{{ports: [{{port: '{}'}}]}}]}}",
            n + 1
        );
    }
    let file = File {
        name: "p.yaml".into(),
        text,
    };
    policy::steps::of(|| validate(&[file], &State::default(), &Config::default()))
}

#[test]
fn cost_grows_with_the_rules_and_not_with_their_pairs() {
    let (one, other) = (validated(400), validated(800));
    assert!(one > 0, "nothing is counted");
    assert!(
        other <= one * 2 * 5 / 4,
        "{one} steps for 400 rules, {other} for 800"
    );
}
