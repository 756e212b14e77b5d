//! What a computation costs, counted in builds with debug assertions, for tests: time depends on the
//! machine, steps don't.

#[cfg(debug_assertions)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts steps of the innermost loops.
#[inline]
pub fn count(steps: u64) {
    #[cfg(debug_assertions)]
    STEPS.with(|all| all.set(all.get() + steps));
    #[cfg(not(debug_assertions))]
    let _not_counted = steps;
}

/// The steps that something takes.
#[cfg(debug_assertions)]
pub fn of<T>(work: impl FnOnce() -> T) -> u64 {
    let before = STEPS.with(std::cell::Cell::get);
    work();
    STEPS.with(std::cell::Cell::get) - before
}

#[cfg(test)]
mod tests {
    use cluster::manifest::{self, Document};
    use cluster::{State, yaml};

    use crate::{Compiler, Config, PersistentState};

    /// Steps that compiling a policy of so many prefixes takes.
    fn compiled(prefixes: usize) -> u64 {
        let prefixes = lines(prefixes, |net| format!("- {net}.0/24"));
        steps(&format!("toCIDR:\n{prefixes}"), "")
    }

    /// The same, where each has a part taken out.
    fn with_holes(prefixes: usize) -> u64 {
        let prefixes = lines(prefixes, |net| {
            format!("- {{cidr: {net}.0/24, except: [{net}.128/25]}}")
        });
        steps(&format!("toCIDRSet:\n{prefixes}"), "")
    }

    /// The same, of a group, out of which as many are taken as it has.
    fn of_group(prefixes: usize) -> u64 {
        let group = lines(prefixes, |net| format!("- {net}.0/24"));
        let except = lines(prefixes, |net| format!("  - {net}.128/25"));
        steps(
            &format!("toCIDRSet:\n    - cidrGroupRef: g\n      except:\n{except}"),
            &format!(
                "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {{name: g}}\n\
                 spec:\n  externalCIDRs:\n{group}---\n"
            ),
        )
    }

    /// A line for each of so many nets, made of its first three bytes.
    fn lines(nets: usize, line: impl Fn(&str) -> String) -> String {
        let nets = (0..nets).map(|n| format!("20.{}.{}", n / 256, n % 256));
        nets.map(|net| format!("    {}\n", line(&net))).collect()
    }

    /// Steps that compiling a policy with this element takes, beside other objects.
    fn steps(element: &str, others: &str) -> u64 {
        let mut state = State::default();
        add(&mut state, &with_policy(element, others));
        let mut compiler = Compiler::new(Config::default(), "a", PersistentState::default());
        super::of(|| compiler.compile(&state))
    }

    fn with_policy(element: &str, others: &str) -> String {
        format!(
            "{others}{{apiVersion: v1, kind: Pod, metadata: {{name: web, namespace: s}}, spec: {{nodeName: a}}, \
             status: {{podIP: 10.1.0.1}}}}\n---\n\
             apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p, namespace: s}}\n\
             spec:\n  endpointSelector: {{}}\n  egress:\n  - {element}"
        )
    }

    fn add(state: &mut State, text: &str) {
        for document in yaml::parse(text).expect("valid YAML") {
            for document in manifest::read(&"p.yaml".into(), document) {
                let Document::Object(_, object, _) = document else {
                    panic!("{document:?}");
                };
                state.insert(object);
            }
        }
    }

    #[test]
    fn a_change_does_not_pay_for_groups_that_it_leaves_alone() {
        let mut state = State::default();
        let group = lines(2_000, |net| format!("- {net}.0/24"));
        let groups = format!(
            "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {{name: g}}\n\
             spec:\n  externalCIDRs:\n{group}---\n\
             {{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {{name: other}}, spec: \
             {{externalCIDRs: [30.0.0.0/8]}}}}\n---\n"
        );
        let element = "toCIDRSet: [{cidrGroupRef: g}, {cidrGroupRef: other}]";
        add(&mut state, &with_policy(element, &groups));
        let mut compiler = Compiler::new(Config::default(), "a", PersistentState::default());
        let all = super::of(|| compiler.compile(&state));
        assert!(all > 2_000, "{all}");
        for change in [
            "{apiVersion: v1, kind: Pod, metadata: {name: new, namespace: s, labels: {app: new}}, \
             spec: {nodeName: b}, status: {podIP: 10.1.0.2}}",
            "{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: other}, spec: \
             {externalCIDRs: [30.0.0.0/8, 31.0.0.0/8]}}",
        ] {
            add(&mut state, change);
            state.generation += 1;
            let steps = super::of(|| compiler.compile(&state));
            assert!(steps < 100, "{steps} steps for {change}");
        }
    }

    #[test]
    fn cost_grows_with_the_rules_and_not_with_their_pairs() {
        for (name, of, few, many) in [
            ("prefixes", compiled as fn(usize) -> u64, 500, 2_000),
            ("prefixes with parts taken out", with_holes, 500, 2_000),
            ("a group's, with parts taken out", of_group, 500, 2_000),
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
