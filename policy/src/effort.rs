//! What a computation costs, counted in tests: time depends on the machine, steps don't.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts steps of the innermost loops.
pub(crate) fn count(steps: u64) {
    #[cfg(test)]
    STEPS.with(|all| all.set(all.get() + steps));
    #[cfg(not(test))]
    let _not_counted = steps;
}

/// The steps that something takes.
#[cfg(test)]
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> u64 {
    let before = STEPS.with(std::cell::Cell::get);
    work();
    STEPS.with(std::cell::Cell::get) - before
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use cluster::manifest::{self, Document};
    use cluster::{State, yaml};

    use crate::validate::{File, validate};
    use crate::{Compiler, Config, Memory};

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
        super::of(|| validate(&[file], &State::default(), &Config::default()))
    }

    /// Steps that compiling a policy of so many prefixes takes.
    fn compiled(prefixes: usize) -> u64 {
        let mut text = String::from(
            "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: s}, spec: {nodeName: a}, status: {podIP: 10.1.0.1}}\n---\n\
             apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: s}\n\
             spec:\n  endpointSelector: {}\n  egress:\n  - toCIDR:\n",
        );
        for n in 0..prefixes {
            let _written = writeln!(text, "    - 20.{}.{}.0/24", n / 256, n % 256);
        }
        let mut state = State::default();
        for document in yaml::parse(&text).expect("valid YAML") {
            for document in manifest::read(&"p.yaml".into(), document) {
                if let Document::Object(_, object, _) = document {
                    state.insert(object);
                }
            }
        }
        let mut compiler = Compiler::new(Config::default(), "a", Memory::default());
        super::of(|| compiler.update(&state))
    }

    #[test]
    fn cost_grows_with_the_rules_and_not_with_their_pairs() {
        for (name, of, few, many) in [
            ("rules", validated as fn(usize) -> u64, 400, 800),
            ("prefixes", compiled, 500, 2_000),
        ] {
            let (one, other) = (of(few), of(many));
            let grown = (many / few) as u64;
            assert!(one > 0, "{name}: nothing is counted");
            assert!(
                other <= one * grown * 5 / 4,
                "{name}: {one} steps for {few}, {other} for {many}"
            );
        }
    }
}
