//! What stays in force: whose an address is, and whom a policy isolates by labels that identities leave
//! out.

use std::net::IpAddr;
use std::sync::Arc;

use abi::policy::ENFORCED;
use cluster::{NamespacedName, State};
use flows_policy::{Compiled, Compiler, Config, PersistentState};
use testing_policy::{add, shown, state};

const WEB: &str = "
{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDR: 10.1.0.0/24}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: s, labels: {app: web}}, spec: {nodeName: a}, status: {podIP: 10.1.0.5}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut, namespace: s}
spec: {podSelector: {matchLabels: {app: web}}}
";

const RIVAL: &str = "{apiVersion: v1, kind: Pod, metadata: {name: a-rival, namespace: s, labels: {app: rival}}, spec: {nodeName: a}, status: {podIP: 10.1.0.5}}";

const LOSES: &str = "pod s/a-rival: status.podIP: its address 10.1.0.5 is that of pod s/web, which keeps it; \
                     give it another address, or delete one of the two";

fn compiler(memory: PersistentState) -> Compiler {
    Compiler::new(Config::default(), "a", memory)
}

fn owner(compiled: &Compiled) -> String {
    let ip: IpAddr = "10.1.0.5".parse().expect("an address");
    let pod = compiled.addresses[&ip].pod.as_ref();
    pod.map(ToString::to_string).unwrap_or_default()
}

/// A memory after it was kept in a file.
fn kept(compiler: &Compiler) -> PersistentState {
    let text = serde_json::to_string(&compiler.persistent_state()).expect("plain data");
    serde_json::from_str(&text).expect("own form")
}

#[test]
fn the_pod_that_has_an_address_keeps_it() {
    let mut compiler_a = compiler(PersistentState::default());
    let mut state = state(WEB);
    assert_eq!(owner(&compiler_a.compile(&state)), "s/web");
    let alone = kept(&compiler_a);
    let mut with_rival = state.clone();
    add(&mut with_rival, "rival.yaml", RIVAL);

    // It comes later; with another change that is compiled from nothing; while no agent runs; and
    // after a restart it still is the later one.
    let compiled = compiler_a.compile(&with_rival);
    assert_eq!(
        (owner(&compiled), shown(&compiled.problems)),
        ("s/web".into(), vec![LOSES.into()])
    );
    let contested = kept(&compiler_a);
    let mut regrouped = with_rival.clone();
    add(
        &mut regrouped,
        "group.yaml",
        "{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: g}, spec: {externalCIDRs: [192.0.2.0/24]}}",
    );
    for (name, mut compiler, state) in [
        ("from nothing", compiler_a.clone(), &regrouped),
        ("while away", compiler(alone), &with_rival),
        ("restarted", compiler(contested), &with_rival),
    ] {
        let compiled = compiler.compile(state);
        assert_eq!(owner(&compiled), "s/web", "{name}");
        assert_eq!(shown(&compiled.problems), [LOSES], "{name}");
    }

    // It goes: the address is the other's, without a problem.
    with_rival.pods.remove(&NamespacedName::new("s", "web"));
    with_rival.generation += 1;
    let compiled = compiler_a.compile(&with_rival);
    assert_eq!(
        (owner(&compiled), shown(&compiled.problems)),
        ("s/a-rival".into(), vec![])
    );
    // And now that one keeps it.
    add(&mut with_rival, "web.yaml", WEB);
    assert_eq!(owner(&compiler_a.compile(&with_rival)), "s/a-rival");

    // Both at once: the first by name, whoever comes from nothing.
    add(&mut state, "rival.yaml", RIVAL);
    assert_eq!(
        owner(&compiler(PersistentState::default()).compile(&state)),
        "s/a-rival"
    );
}

const MEMBERS: &str = "
{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDR: 10.1.0.0/24}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db-0, namespace: s, labels: {app: db, statefulset.kubernetes.io/pod-name: db-0}}, spec: {nodeName: a}, status: {podIP: 10.1.0.10}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db-1, namespace: s, labels: {app: db, statefulset.kubernetes.io/pod-name: db-1}}, spec: {nodeName: a}, status: {podIP: 10.1.0.11}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db-0, namespace: other, labels: {app: db, statefulset.kubernetes.io/pod-name: db-0}}, spec: {nodeName: a}, status: {podIP: 10.1.0.12}}
---
{apiVersion: v1, kind: Pod, metadata: {name: liar, namespace: s, labels: {app: db, io.flows.pod.labels.statefulset.kubernetes.io/pod-name: db-0}}, spec: {nodeName: a}, status: {podIP: 10.1.0.13}}
";

fn policy(kind: &str, spec: &str) -> String {
    let version = match kind {
        "NetworkPolicy" => "networking.k8s.io/v1",
        _ => "cilium.io/v2",
    };
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p, namespace: s}}\nspec: {spec}\n"
    )
}

/// Pods whose ingress is enforced.
fn isolated(compiled: &Compiled) -> Vec<String> {
    let endpoints = compiled.endpoints.iter();
    endpoints
        .filter(|(_, endpoint)| compiled.tables[&endpoint.table].ingress.flags & ENFORCED != 0)
        .map(|(name, _)| name.to_string())
        .collect()
}

/// Pods whose identities have a column in the table of a pod, on ingress.
fn let_in(compiled: &Compiled, pod: &str) -> Vec<String> {
    let table = compiled.endpoints[&NamespacedName::new("s", pod)].table;
    let columns: Vec<u32> = compiled
        .entries
        .keys()
        .filter(|key| key.table == table && key.shape & abi::policy::EGRESS == 0)
        .map(|key| key.identity)
        .collect();
    let endpoints = compiled.endpoints.iter();
    endpoints
        .filter(|(_, endpoint)| columns.contains(&endpoint.identity.0))
        .map(|(name, _)| name.to_string())
        .collect()
}

const KEY: &str = "statefulset.kubernetes.io/pod-name";

#[test]
fn a_network_policy_isolates_by_every_label() {
    for (name, kind, spec, wanted) in [
        (
            "one member",
            "NetworkPolicy",
            format!("{{podSelector: {{matchLabels: {{{KEY}: db-0}}}}}}"),
            vec!["s/db-0"],
        ),
        (
            "by an expression",
            "NetworkPolicy",
            format!("{{podSelector: {{matchExpressions: [{{key: {KEY}, operator: Exists}}]}}}}"),
            vec!["s/db-0", "s/db-1"],
        ),
        (
            "all but one",
            "NetworkPolicy",
            format!(
                "{{podSelector: {{matchExpressions: [{{key: {KEY}, operator: NotIn, values: [db-0]}}]}}}}"
            ),
            vec!["s/db-1", "s/liar"],
        ),
        (
            "Cilium's policies don't see it",
            "CiliumNetworkPolicy",
            format!("{{endpointSelector: {{matchLabels: {{{KEY}: db-0}}}}, ingress: [{{}}]}}"),
            vec![],
        ),
    ] {
        let mut compiler = compiler(PersistentState::default());
        let mut state = state(MEMBERS);
        let open = compiler.compile(&state);
        assert_eq!(isolated(&open), [""; 0], "{name}");
        add(&mut state, "p.yaml", &policy(kind, &spec));
        let compiled = compiler.compile(&state);
        assert_eq!(isolated(&compiled), wanted, "{name}");
        // Without the policy everything is as before.
        state = self::state(MEMBERS);
        let compiled = compiler.compile(&state);
        assert_eq!(isolated(&compiled), [""; 0], "{name}");
        let identities = |compiled: &Compiled| -> Vec<u32> {
            compiled.endpoints.values().map(|e| e.identity.0).collect()
        };
        assert_eq!(identities(&compiled), identities(&open), "{name}");
    }
}

#[test]
fn by_a_peers_label_pods_are_left_out_and_nobody_let_in() {
    for (name, peer, wanted) in [
        (
            "let in",
            format!("{{podSelector: {{matchLabels: {{{KEY}: db-0}}}}}}"),
            vec![],
        ),
        (
            "left out",
            format!(
                "{{podSelector: {{matchExpressions: [{{key: {KEY}, operator: NotIn, values: [db-0]}}]}}}}"
            ),
            vec!["s/db-1", "s/liar"],
        ),
        (
            "left out everywhere",
            format!(
                "{{namespaceSelector: {{}}, podSelector: {{matchExpressions: [{{key: {KEY}, operator: NotIn, values: [db-0]}}]}}}}"
            ),
            vec!["s/db-1", "s/liar"],
        ),
    ] {
        let mut state = state(MEMBERS);
        let spec = format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}");
        add(&mut state, "p.yaml", &policy("NetworkPolicy", &spec));
        let compiled = compiler(PersistentState::default()).compile(&state);
        assert_eq!(let_in(&compiled, "db-1"), wanted, "{name}");
    }
}

/// A policy that is refused in its new form counts in its last good one, with the labels that it names.
#[test]
fn the_last_good_form_isolates_by_its_own_labels() {
    let mut compiler = compiler(PersistentState::default());
    let mut state = state(MEMBERS);
    let good = format!("{{podSelector: {{matchLabels: {{{KEY}: db-0}}}}}}");
    add(&mut state, "p.yaml", &policy("NetworkPolicy", &good));
    assert_eq!(isolated(&compiler.compile(&state)), ["s/db-0"]);
    let mut broken: State = self::state(MEMBERS);
    add(
        &mut broken,
        "p.yaml",
        &policy("NetworkPolicy", "{podSelector: {}, policyTypes: [ingress]}"),
    );
    let broken = Arc::new(broken);
    let (compiled, _) = compiler.update(&broken);
    assert_eq!(isolated(compiled), ["s/db-0"]);
    assert_eq!(compiled.problems.len(), 1);
    // And over a restart.
    let text = serde_json::to_string(&compiler.persistent_state()).expect("plain data");
    let memory = serde_json::from_str(&text).expect("own form");
    let mut restarted = Compiler::new(Config::default(), "a", memory);
    assert_eq!(isolated(&restarted.compile(&broken)), ["s/db-0"]);
}
