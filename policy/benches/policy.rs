//! How long it takes to compile a large cluster for one of its nodes, and then a change of it.
//!
//! 10,000 pods with 2,000 sets of labels in 20 namespaces, 1,000 policies, 100 pods on the node. A
//! change's time is from the new snapshot to the changes of the maps; reading manifests and writing
//! maps are not in it.
#![expect(clippy::unwrap_used, reason = "a bench that can't measure fails")]

use std::sync::Arc;
use std::time::Instant;

use cluster::State;
use datapath_host::Changes;
use flows_policy::{Compiler, Config, LocalEndpoint, LocalNode, PersistentState};
use testing_bench::{Row, median};
use testing_program::memory_mib;

const ROUNDS: usize = 9;
const NAMESPACES: usize = 20;
const APPS: usize = 100;
const PODS: usize = 10_000;
const POLICIES: usize = 1_000;
const NODES: usize = 100;
/// The node whose tables are made, and how many of the pods it has.
const OWN: &str = "node-0";
const OWN_PODS: usize = 100;

fn main() {
    let state = cluster();
    let here = here(&state);
    let mut first = Vec::new();
    let mut compiler = None;
    let memory = memory_mib(std::process::id());
    for _ in 0..ROUNDS {
        // One at a time, as in an agent.
        drop(compiler.take());
        let mut new = Compiler::new(Config::default(), OWN, PersistentState::default());
        let began = Instant::now();
        let (compiled, _) = new.update(&state);
        let desired = compiled.desired(&here);
        first.push(ms(began));
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        assert_eq!(compiled.tables.len(), OWN_PODS);
        drop(desired);
        compiler = Some(new);
    }
    let memory = memory_mib(std::process::id()) - memory;
    let mut compiler = compiler.unwrap();
    let compiled = compiler.compiled();
    row("first compilation", median(first), "ms", None);
    row(
        "first compilation: policy entries",
        count(compiled.entries.len()),
        "entries",
        None,
    );
    row(
        "first compilation: cookies",
        count(compiled.cookies.len()),
        "cookies",
        None,
    );
    row(
        "first compilation: memory of compiler and tables",
        memory,
        "MB",
        None,
    );

    let mut bench = Bench {
        compiler: &mut compiler,
        state,
        here,
    };
    bench.change("a pod of known labels added elsewhere", |state, n| {
        add(
            state,
            &pod(PODS + n, n % NAMESPACES, n % APPS, "node-1", ""),
        );
    });
    bench.change("a pod of new labels added elsewhere", |state, n| {
        add(
            state,
            &pod(
                PODS + n,
                n % NAMESPACES,
                n % APPS,
                "node-1",
                &format!("new-{n}"),
            ),
        );
    });
    bench.change("a pod of new labels added here", |state, n| {
        add(
            state,
            &pod(PODS + n, n % NAMESPACES, n % APPS, OWN, &format!("new-{n}")),
        );
    });
    bench.change("a policy for pods here changed", |state, n| {
        // App 0 of every namespace has a pod here.
        add(state, &policy(n % NAMESPACES, 1_000 + n));
    });
    bench.change("a policy for pods elsewhere changed", |state, n| {
        add(state, &policy(20 * NAMESPACES + n, 1_000 + n));
    });
    bench.change("a policy for a whole namespace changed", |state, n| {
        add(state, &of_namespace(n % NAMESPACES, 1_000 + n));
    });
    bench.change("a namespace's labels changed", |state, n| {
        let name = format!("ns-{}", n % NAMESPACES);
        add(
            state,
            &format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{round: 'r{n}'}}}}}}"),
        );
    });
}

struct Bench<'a> {
    compiler: &'a mut Compiler,
    state: Arc<State>,
    here: LocalNode,
}

impl Bench<'_> {
    /// Makes a change and takes it back, in turns.
    fn change(&mut self, name: &str, make: impl Fn(&mut State, usize)) {
        let mut times = Vec::new();
        let mut written = Vec::new();
        for round in 0..ROUNDS {
            let mut changed = (*self.state).clone();
            make(&mut changed, round);
            changed.generation += 1;
            let changed = Arc::new(changed);
            let here = here(&changed);

            let began = Instant::now();
            let (compiled, touched) = self.compiler.update(&changed);
            let changes = compiled.changes(&touched, &self.here, &here).unwrap();
            times.push(ms(began));
            written.push(count(len(&changes)));

            let (compiled, touched) = self.compiler.update(&self.state);
            assert!(compiled.changes(&touched, &here, &self.here).is_some());
        }
        // A namespace's labels are those of the hundreds of pods in it.
        let goal = (!name.contains("namespace's")).then_some("<= 5");
        row(name, median(times), "ms", goal);
        row(
            &format!("{name}: entries written"),
            median(written),
            "entries",
            None,
        );
    }
}

fn len(changes: &Changes) -> usize {
    changes.policy.len()
        + changes.tables.len()
        + changes.endpoints.len()
        + changes.addr4.len()
        + changes.addr6.len()
        + changes.cidr4.len()
        + changes.cidr6.len()
}

fn row(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    Row::new(name, value, unit).goal(goal).print();
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn here(state: &State) -> LocalNode {
    let pods = state.pods_on_node(OWN).zip(1..);
    LocalNode {
        own: Vec::new(),
        places: pods
            .map(|(pod, index)| {
                let place = LocalEndpoint {
                    index,
                    interface: Some(index),
                };
                (pod.name.clone(), place)
            })
            .collect(),
        ..LocalNode::default()
    }
}

fn cluster() -> Arc<State> {
    let mut state = State::default();
    for n in 0..NODES {
        add(
            &mut state,
            &format!(
                "{{apiVersion: v1, kind: Node, metadata: {{name: node-{n}}}, spec: {{podCIDR: 10.{n}.0.0/16}}, \
                 status: {{addresses: [{{type: InternalIP, address: 172.16.0.{n}}}]}}}}"
            ),
        );
    }
    for n in 0..PODS {
        let node = if n < OWN_PODS {
            OWN.to_owned()
        } else {
            format!("node-{}", 1 + n % (NODES - 1))
        };
        // The pods of the node are five of each namespace.
        let (namespace, app) = if n < OWN_PODS {
            (n % NAMESPACES, n / NAMESPACES)
        } else {
            (n % NAMESPACES, n / NAMESPACES % APPS)
        };
        add(&mut state, &pod(n, namespace, app, &node, ""));
    }
    for n in 0..POLICIES - NAMESPACES {
        add(&mut state, &policy(n, 0));
    }
    for n in 0..NAMESPACES {
        add(&mut state, &of_namespace(n, 0));
    }
    assert_eq!((state.pods.len(), state.policies.len()), (PODS, POLICIES));
    Arc::new(state)
}

fn pod(n: usize, namespace: usize, app: usize, node: &str, version: &str) -> String {
    let ip = format!("10.{}.{}.{}", 1 + n / 62_500, n / 250 % 250, 1 + n % 250);
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: pod-{n}, namespace: ns-{namespace}, \
         labels: {{app: app-{app}, tier: tier-{}, version: 'v{version}'}}}}, spec: {{nodeName: {node}}}, \
         status: {{podIP: {ip}}}}}",
        app % 5
    )
}

/// Lets two apps and a tier of the namespace in, and itself out to a third app, to DNS and outside.
fn policy(n: usize, version: usize) -> String {
    let (namespace, app) = (n % NAMESPACES, n / NAMESPACES % APPS);
    let [first, second, third] = [1, 7, 13].map(|step| (app + step) % APPS);
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, \
         metadata: {{name: policy-{n}, namespace: ns-{namespace}, resourceVersion: '{version}'}}, \
         spec: {{endpointSelector: {{matchLabels: {{app: app-{app}}}}}, \
         ingress: [{{fromEndpoints: [{{matchLabels: {{app: app-{first}}}}}, {{matchLabels: {{app: app-{second}}}}}], \
         toPorts: [{{ports: [{{port: '{}', protocol: TCP}}]}}]}}, \
         {{fromEndpoints: [{{matchLabels: {{tier: tier-{}}}}}], toPorts: [{{ports: [{{port: '9090', protocol: TCP}}]}}]}}], \
         egress: [{{toEndpoints: [{{matchLabels: {{app: app-{third}}}}}]}}, \
         {{toEntities: [world], toPorts: [{{ports: [{{port: '443', protocol: TCP}}]}}]}}, \
         {{toCIDR: [192.0.{}.0/24]}}]}}}}",
        8000 + version,
        n % 5,
        n % 200
    )
}

/// Lets the whole namespace of the next one in.
fn of_namespace(n: usize, version: usize) -> String {
    format!(
        "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, \
         metadata: {{name: whole, namespace: ns-{n}, resourceVersion: '{version}'}}, \
         spec: {{endpointSelector: {{}}, ingress: [{{fromEndpoints: [{{matchLabels: \
         {{'k8s:io.kubernetes.pod.namespace': ns-{}}}}}], toPorts: [{{ports: [{{port: '{}', protocol: TCP}}]}}]}}]}}}}",
        (n + 1) % NAMESPACES,
        7000 + version
    )
}

fn add(state: &mut State, text: &str) {
    testing_policy::add(state, "bench.yaml", text);
}
