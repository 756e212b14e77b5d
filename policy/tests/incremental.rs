//! Random changes of a cluster: what was updated change by change is what is compiled from nothing,
//! and the changes that are told lead from the maps' content before to that after.
//!
//! `FLOWS_CASES=2000` runs more of them, `FLOWS_SEED=n` one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use cluster::{Label, Labels, NamespacedName, SharedMap, State};
use datapath_host::{Changes, Desired};
use flows_policy::{Compiler, Config, LocalEndpoint, LocalNode, PersistentState, ProxyPorts};
use testing_policy::generate::world;
use testing_policy::{Random, add, run_cases, shown, state};

const CASES: u64 = 30;
const STEPS: usize = 25;
/// Clusters from which objects are taken: the same names mean other things in each.
const POOLS: u64 = 3;

/// CIDR groups of each pool, and policies by them: prefixes in several groups, inside of others and taken
/// out, and labels that differ.
const GROUPS: [&str; 3] = [
    "
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: outside, labels: {where: far}}, spec: {externalCIDRs: [10.0.0.0/8, 192.0.2.0/24]}}
---
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: offices, labels: {where: near}}, spec: {externalCIDRs: [192.0.2.128/25, 'fd00::/16']}}
",
    "
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: outside, labels: {where: far, kind: partner}}, spec: {externalCIDRs: [10.0.0.0/8, 198.51.100.0/24]}}
---
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: offices, labels: {where: far}}, spec: {externalCIDRs: [192.0.2.128/25]}}
",
    "
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: outside, labels: {where: near}}, spec: {externalCIDRs: [192.0.2.0/24, 0.0.0.0/0]}}
---
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: offices, labels: {}}, spec: {externalCIDRs: []}}
",
];

const BY_GROUP: [&str; 5] = [
    "egress: [{toCIDRSet: [{cidrGroupRef: outside}]}, {toCIDR: [192.0.2.130/32]}]",
    "egress: [{toCIDRSet: [{cidrGroupRef: outside, except: [10.2.0.0/16]}]}], ingress: [{fromCIDRSet: [{cidrGroupSelector: {matchLabels: {where: far}}}]}]",
    "ingress: [{fromCIDRSet: [{cidrGroupRef: offices, except: [192.0.2.192/26]}]}], egressDeny: [{toCIDRSet: [{cidrGroupSelector: {matchLabels: {where: near}}}]}]",
    // Selectors over the labels that a prefix has from its groups.
    "ingress: [{fromEndpoints: [{matchLabels: {'reserved:world-ipv4': '', 'cidrgroup:where': far}}]}]",
    "egress: [{toEndpoints: [{matchExpressions: [{key: 'cidrgroup:where', operator: Exists}, {key: 'cidrgroup:where', operator: NotIn, values: [near]}]}]}]",
];

/// Policies with rules of layer 7 and for names: by port's number, name and range, with plain ones beside them,
/// and such that can't stand together.
const LAYER7: [&str; 6] = [
    "egress: [{toFQDNs: [{matchName: a.org}, {matchPattern: '*.b.org'}], toPorts: [{ports: [{port: '443', protocol: TCP}], serverNames: [a.org]}]}]",
    "ingress: [{fromEndpoints: [{matchLabels: {app: a}}], toPorts: [{ports: [{port: '80', protocol: TCP}, {port: http, protocol: TCP}], rules: {http: [{path: /a}]}}, {ports: [{port: '8080', protocol: TCP}]}]}]",
    "ingress: [{toPorts: [{ports: [{port: '1', endPort: 1000, protocol: TCP}], rules: {http: [{method: GET}]}}]}, {fromEndpoints: [{matchLabels: {app: b}}]}]",
    "egress: [{toEndpoints: [{}], toPorts: [{ports: [{port: '53'}, {port: http}], rules: {dns: [{matchPattern: '*'}]}}]}, {toFQDNs: [{matchName: a.org}]}]",
    "ingress: [{fromEndpoints: [{matchLabels: {app: a}}], toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {kafka: [{topic: t}]}}]}]",
    "enableDefaultDeny: {egress: false}, egress: [{toPorts: [{ports: [{port: metrics, protocol: TCP}], rules: {http: [{}]}}]}]",
];

/// Labels that addresses may have by their names.
fn names(random: &mut Random) -> BTreeSet<Labels> {
    let all = [
        &["a.org"][..],
        &["*.b.org"],
        &["a.org", "*.b.org"],
        &["nobody.org"],
    ];
    let some = all.into_iter().filter(|_| random.chance(50));
    let labels = |names: &[&str]| {
        let names = names.iter().map(|name| Label::fqdn(name));
        names.chain([Label::reserved("world")]).collect()
    };
    some.map(labels).collect()
}

/// With rules of layer 7.
fn config() -> Config {
    Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    }
}

/// What was seen, so that a test that tests nothing shows.
#[derive(Debug, Default)]
struct Ledger {
    advanced: usize,
    full: usize,
    entries: usize,
    removed: usize,
    endpoints: usize,
    addresses: usize,
    prefixes: usize,
    groups: usize,
    contested: usize,
    layer7: usize,
    layer7_stays: usize,
    conflicts: usize,
}

/// An object of a pool that is put into the state, or without a value taken out.
fn choose<'a, K: Clone + 'a, V: Clone + 'a>(
    random: &mut Random,
    pool: impl Iterator<Item = (&'a K, &'a V)>,
) -> Option<(K, Option<V>)> {
    let pool: Vec<(&K, &V)> = pool.collect();
    if pool.is_empty() {
        return None;
    }
    let (name, object) = *random.pick(&pool);
    let stays = !random.chance(35);
    Some((name.clone(), stays.then(|| object.clone())))
}

/// Puts an object of a pool into the state, or takes it out.
fn mutate_shared<K: Ord + Clone, V: Clone>(
    random: &mut Random,
    objects: &mut SharedMap<K, V>,
    pool: &SharedMap<K, V>,
) {
    match choose(random, pool.iter()) {
        Some((name, Some(object))) => drop(objects.insert(name, object)),
        Some((name, None)) => drop(objects.remove(&name)),
        None => {}
    }
}

/// As [`mutate_shared`].
fn mutate<K: Ord + Clone, V: Clone>(
    random: &mut Random,
    objects: &mut BTreeMap<K, V>,
    pool: &BTreeMap<K, V>,
) {
    match choose(random, pool.iter()) {
        Some((name, Some(object))) => drop(objects.insert(name, object)),
        Some((name, None)) => drop(objects.remove(&name)),
        None => {}
    }
}

/// The whole cluster has no IPv6 any more, until other pods and nodes come: the world is named otherwise.
fn lose_ipv6(state: &mut State) {
    for (name, pod) in state.pods.clone().iter() {
        let mut pod = cluster::Pod::clone(pod);
        pod.ips.retain(std::net::IpAddr::is_ipv4);
        state.pods.insert(name.clone(), Arc::new(pod));
    }
    for node in state.nodes.values_mut() {
        let node = Arc::make_mut(node);
        node.addresses.retain(std::net::IpAddr::is_ipv4);
        node.pod_cidrs.retain(|range| range.addr().is_ipv4());
    }
}

fn change(random: &mut Random, state: &mut State, pools: &[State]) {
    if random.chance(1) {
        lose_ipv6(state);
        return;
    }
    let pool = random.pick(pools);
    match random.below(20) {
        0 => mutate(random, &mut state.nodes, &pool.nodes),
        1..4 => mutate(random, &mut state.cidr_groups, &pool.cidr_groups),
        4..6 => mutate(random, &mut state.namespaces, &pool.namespaces),
        6..11 => mutate_shared(random, &mut state.policies, &pool.policies),
        11 => {
            // One that claims another's address.
            let names: Vec<NamespacedName> = state.pods.keys().cloned().collect();
            if names.is_empty() {
                return;
            }
            let mut any = || state.pods.get(random.pick(&names)).expect("a pod");
            let (ips, pod) = (any().ips.clone(), any());
            let pod = cluster::Pod {
                ips,
                ..cluster::Pod::clone(pod)
            };
            state.pods.insert(pod.name.clone(), Arc::new(pod));
        }
        _ => mutate_shared(random, &mut state.pods, &pool.pods),
    }
}

/// Where the node's pods are: an index is reused once its pod is gone, an interface may come late.
fn places(random: &mut Random, state: &State, here: &mut LocalNode) {
    here.places
        .retain(|name, _| state.pods_on_node("a").any(|pod| pod.name == *name));
    for pod in state.pods_on_node("a") {
        let taken: Vec<u32> = here.places.values().map(|place| place.index).collect();
        let free = (1..).find(|index| !taken.contains(index));
        let place = here
            .places
            .entry(pod.name.clone())
            .or_insert(LocalEndpoint {
                index: free.expect("few pods"),
                interface: None,
            });
        if random.chance(50) {
            place.interface = Some(place.index + 100);
        }
    }
    if random.chance(20) {
        here.own = vec![[172, 16, 0, 1].into()];
    } else if random.chance(20) {
        here.own.clear();
    }
}

fn apply(desired: &mut Desired, changes: Changes) {
    fn put<K: Eq + Hash, V>(map: &mut HashMap<K, V>, changes: HashMap<K, Option<V>>) {
        #[expect(clippy::iter_over_hash_type, reason = "the keys are independent")]
        for (key, value) in changes {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
    }
    put(&mut desired.addr4, changes.addr4);
    put(&mut desired.addr6, changes.addr6);
    put(&mut desired.cidr4, changes.cidr4);
    put(&mut desired.cidr6, changes.cidr6);
    put(&mut desired.endpoints, changes.endpoints);
    put(&mut desired.tables, changes.tables);
    put(&mut desired.policy, changes.policy);
}

fn run(seed: u64, ledger: &mut Ledger) {
    let pools: Vec<State> = (0..POOLS)
        .map(|n| {
            let manifests = world(&mut Random::new(seed * POOLS + n)).manifests();
            let mut state = state(&manifests);
            let at = usize::try_from(n).expect("small");
            add(&mut state, "groups.yaml", GROUPS[at]);
            for (number, rules) in BY_GROUP.iter().enumerate() {
                let policy = format!(
                    "{{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {{name: by-group-{number}}}, spec: {{endpointSelector: {{}}, {}}}}}",
                    if number == at { BY_GROUP[(at + 1) % BY_GROUP.len()] } else { rules },
                );
                add(&mut state, "by-group.yaml", &policy);
            }
            for (number, rules) in LAYER7.iter().enumerate() {
                let rules = if number % 3 == at { LAYER7[(number + 1) % LAYER7.len()] } else { rules };
                let policy = format!(
                    "{{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {{name: layer7-{number}}}, spec: {{endpointSelector: {{}}, {rules}}}}}",
                );
                add(&mut state, "layer7.yaml", &policy);
            }
            state
        })
        .collect();
    let mut random = Random::new(seed);
    let mut state = pools[0].clone();
    let mut compiler = Compiler::new(config(), "a", PersistentState::default());
    let mut here = LocalNode::default();
    places(&mut random, &state, &mut here);
    let mut desired = compiler.compile(&state).desired(&here);
    let mut layer7 = compiler.compiled().layer7.clone();
    let mut learned = BTreeSet::new();
    let mut told = PersistentState::default();
    for step in 0..STEPS {
        let groups = state.cidr_groups.clone();
        for _ in 0..=random.below(3) {
            change(&mut random, &mut state, &pools);
        }
        state.generation += 1;
        let before = here.clone();
        places(&mut random, &state, &mut here);

        if random.chance(30) {
            learned = names(&mut random);
            compiler.set_names(learned.clone());
        }
        let (compiled, touched) = compiler.update(&Arc::new(state.clone()));
        let wanted = compiled.desired(&here);
        match compiled.changes(&touched, &before, &here) {
            Some(changes) => {
                ledger.advanced += 1;
                ledger.entries += changes.policy.len();
                ledger.removed += changes.policy.values().filter(|v| v.is_none()).count();
                ledger.endpoints += changes.endpoints.len();
                ledger.addresses += changes.addr4.len();
                ledger.prefixes += changes.cidr4.len();
                ledger.groups += usize::from(groups != state.cidr_groups);
                apply(&mut desired, changes);
            }
            None => {
                ledger.full += 1;
                desired = wanted.clone();
            }
        }
        assert!(desired == wanted, "seed {seed}, step {step}: other content");
        for key in &touched.layer7 {
            match compiled.layer7.get(key) {
                Some(sets) => drop(layer7.insert(*key, Arc::clone(sets))),
                None => drop(layer7.remove(key)),
            }
        }
        if touched.all {
            layer7 = compiled.layer7.clone();
        }
        assert_eq!(layer7, compiled.layer7, "seed {seed}, step {step}");
        // What stayed as it was is shared.
        let stays = layer7
            .iter()
            .filter(|(key, _)| !touched.layer7.contains(key));
        for (key, sets) in stays {
            assert!(Arc::ptr_eq(sets, &compiled.layer7[key]));
            ledger.layer7_stays += 1;
        }
        ledger.layer7 += touched.layer7.len();
        let snapshot = compiled.layer7_snapshot(1);
        l7::rules::Rules::compile(&snapshot, None).expect("rules that were checked");
        let cookies = snapshot.sets.iter().flat_map(|set| &set.alternatives);
        for l7::rules::RuleRef(cookie) in cookies.map(|one| one.rule) {
            assert!(
                compiled.cookies.resolve(cookie).is_some(),
                "seed {seed}, step {step}"
            );
        }
        let compiled = compiled.clone();
        let is_contested = |problem: &String| problem.contains("its address");
        let is_conflict = |problem: &String| problem.contains("cannot merge");
        ledger.conflicts += usize::from(shown(&compiled.problems).iter().any(is_conflict));
        ledger.contested += usize::from(shown(&compiled.problems).iter().any(is_contested));
        // What a state file is told of it, through its text.
        let memory = compiler.persistent_state();
        let changes = memory.changes(&told);
        let text = serde_json::to_string(&changes).expect("plain data");
        told.apply(serde_json::from_str(&text).expect("own form"));
        assert_eq!(told, memory, "seed {seed}, step {step}");
        // With the same numbers at hand, so that what is new to it would show.
        let mut again = Compiler::new(config(), "a", compiler.persistent_state());
        again.set_names(learned.clone());
        let full = again.compile(&state);
        assert_eq!(compiled, full, "seed {seed}, step {step}");
    }
}

#[test]
fn change_by_change_is_from_nothing() {
    let mut ledger = Ledger::default();
    if run_cases(CASES, |seed| run(seed, &mut ledger)).is_none() {
        return;
    }
    eprintln!("{ledger:?}");
    assert!(
        ledger.advanced > 3 * ledger.full && ledger.full >= 5,
        "{ledger:?}"
    );
    for seen in [
        ledger.entries,
        ledger.removed,
        ledger.endpoints,
        ledger.addresses,
        ledger.prefixes,
        ledger.groups,
        ledger.contested,
        ledger.layer7,
        ledger.layer7_stays,
        ledger.conflicts,
    ] {
        assert!(seen >= 100, "{ledger:?}");
    }
}
