//! What becomes of rules of layer 7: entries, sets, and what is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use abi::policy::{EGRESS, PolicyEntry, SHAPE_ALL, SHAPE_PORT, SHAPE_PROTO};
use cluster::{Identity, Label, Labels, NamespacedName, State};
use flows_policy::{Compiled, Compiler, Config, Direction, Layer7List, PersistentState, RulePath};
use l7::rules::{Allows, Alternative, Peers, RuleRef};
use testing_policy::{add, shown, state};

use crate::language::on;

const WORLD: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: s}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: s, labels: {app: web}}, spec: {nodeName: a, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.1.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: fe, namespace: s, labels: {app: fe}}, spec: {nodeName: b}, status: {podIP: 10.2.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: s, labels: {app: db}}, spec: {nodeName: b, containers: [{name: c, ports: [{name: http, containerPort: 81}]}]}, status: {podIP: 10.2.0.2}}
";

/// The low byte of a precedence.
const BASE: u32 = 0x00ff_ffff << 8;

fn world(policies: &[&str]) -> State {
    let mut state = state(WORLD);
    for (n, spec) in policies.iter().enumerate() {
        add(
            &mut state,
            "p.yaml",
            &format!(
                "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p{n}, namespace: s}}\n\
                 spec:\n  endpointSelector: {{matchLabels: {{app: web}}}}\n  {spec}\n"
            ),
        );
    }
    state
}

fn compiled(policies: &[&str]) -> Compiled {
    Compiler::new(on(), "a", PersistentState::default()).compile(&world(policies))
}

fn identity(compiled: &Compiled, ip: &str) -> u32 {
    compiled.addresses[&ip.parse().expect("an address")]
        .identity
        .0
}

/// The entries of a direction: peer, shape, protocol, port.
fn entries(compiled: &Compiled, direction: Direction) -> Vec<((u32, u8, u8, u16), PolicyEntry)> {
    let egress = match direction {
        Direction::Ingress => 0,
        Direction::Egress => EGRESS,
    };
    let own = compiled.entries.iter();
    let own = own.filter(|(key, _)| key.shape & EGRESS == egress);
    let place =
        |key: &abi::policy::PolicyKey| (key.identity, key.shape & !EGRESS, key.proto, key.port);
    own.map(|(key, entry)| (place(key), *entry)).collect()
}

/// The alternatives of a port.
fn alternatives(compiled: &Compiled, direction: Direction, port: u16) -> Vec<Alternative> {
    let table = compiled.endpoints[&NamespacedName::new("s", "web")].table;
    let sets = &compiled.layer7[&(table, direction)];
    let ports = sets.ports.iter();
    let set = ports
        .filter(|ports| (ports.first..=ports.last).contains(&port))
        .map(|ports| ports.set)
        .next()
        .expect("a set");
    sets.sets[set].alternatives.clone()
}

fn path(compiled: &Compiled, RuleRef(cookie): RuleRef) -> String {
    let reason = compiled.cookies.resolve(cookie).expect("a reason");
    let origins = reason.origins.iter();
    let told: Vec<String> = origins
        .map(|origin| format!("{} {}: {}", origin.policy, origin.rule, origin.text))
        .collect();
    told.join("; ")
}

#[test]
fn each_kind_redirects_with_its_precedence_to_its_port() {
    for (rules, low, port) in [
        (
            "{port: '80', protocol: TCP}], rules: {http: [{}]}",
            154,
            10_000,
        ),
        (
            "{port: '80', protocol: TCP}], rules: {kafka: [{}]}",
            149,
            10_000,
        ),
        (
            "{port: '80', protocol: TCP}], serverNames: [a.org]",
            139,
            10_000,
        ),
        (
            "{port: '80', protocol: TCP}], rules: {dns: [{}]}",
            134,
            10_053,
        ),
        ("{port: '80', protocol: TCP}]", 1, 0),
    ] {
        let compiled = compiled(&[&format!("egress: [{{toPorts: [{{ports: [{rules}}}]}}]")]);
        let found = entries(&compiled, Direction::Egress);
        let [(place, entry)] = found.as_slice() else {
            panic!("{rules}: {found:?}");
        };
        assert_eq!(*place, (0, SHAPE_PORT, 6, 80), "{rules}");
        assert_eq!(entry.precedence, BASE | low, "{rules}");
        assert_eq!(entry.proxy_port, port, "{rules}");
    }
}

#[test]
fn a_redirected_range_takes_what_is_narrower_in_its_column_along() {
    let compiled = compiled(&[
        "ingress: [{fromEndpoints: [{matchLabels: {app: fe}}], toPorts: [{ports: [{port: '8000', endPort: \
         8015, protocol: TCP}], rules: {http: [{path: /a}]}}]}]",
        "ingress: [{fromEndpoints: [{matchLabels: {app: fe}}, {matchLabels: {app: db}}], toPorts: [{ports: \
         [{port: '8001', protocol: TCP}]}]}]",
        "ingress: [{fromEndpoints: [{matchLabels: {app: fe}}]}]",
    ]);
    let (fe, db) = (
        identity(&compiled, "10.2.0.1"),
        identity(&compiled, "10.2.0.2"),
    );
    let found: BTreeSet<(u32, u8, u8, u16)> = entries(&compiled, Direction::Ingress)
        .into_iter()
        .map(|(place, _)| place)
        .collect();
    let wanted = BTreeSet::from([
        (abi::identity::HOST, SHAPE_ALL, 0, 0),
        (fe, SHAPE_ALL, 0, 0),
        (fe, SHAPE_PROTO + 12, 6, 8000),
        (db, SHAPE_PORT, 6, 8001),
    ]);
    assert_eq!(found, wanted);
    // All of them are judged on the narrow port, and the wide ones on the others.
    let on = |port| {
        let all = alternatives(&compiled, Direction::Ingress, port);
        all.iter()
            .map(|one| (path(&compiled, one.rule), one.is_wide))
            .collect::<Vec<_>>()
    };
    let http = "cnp s/p0 spec.ingress[0].toPorts[0]: allows app=fe on 8000-8015/TCP (HTTP /a)";
    let narrow = "cnp s/p1 spec.ingress[0]: allows app=fe or app=db on 8001/TCP";
    let all = "cnp s/p2 spec.ingress[0]: allows app=fe";
    let own = |text: &str, is_wide| (text.to_owned(), is_wide);
    // The last adds nobody to whom the narrow one doesn't allow everything.
    assert_eq!(
        on(8001),
        [own(http, true), own(narrow, false), own("", false)]
    );
    assert_eq!(on(8002), [own(http, true), own(all, true), own("", false)]);
}

#[test]
fn a_decision_names_the_rule_by_its_place() {
    let compiled = compiled(&[
        "egress: [{toPorts: [{ports: [{port: '53'}]}, {ports: [{port: '80', protocol: TCP}], rules: {http: \
         [{path: /a}, {path: /b}]}}]}]",
    ]);
    let [one] = &alternatives(&compiled, Direction::Egress, 80)[..] else {
        panic!("one rule");
    };
    assert_eq!(one.peers, Peers::Any);
    let RuleRef(cookie) = one.rule;
    let reason = compiled.cookies.resolve(cookie).expect("a reason");
    let rule: RulePath = reason.origins[0].rule.layer7(Layer7List::Http, 1);
    assert_eq!(rule.to_string(), "spec.egress[0].toPorts[1].rules.http[1]");
    // The packet's verdict names the element.
    let (_, entry) = entries(&compiled, Direction::Egress)
        .into_iter()
        .find(|((_, _, _, port), _)| *port == 80)
        .expect("an entry");
    let element = compiled.cookies.resolve(entry.cookie).expect("a reason");
    assert_eq!(element.origins[0].rule.to_string(), "spec.egress[0]");
}

#[test]
fn names_of_ports_are_the_subjects_own_or_the_peers() {
    let compiled = compiled(&[
        "ingress: [{toPorts: [{ports: [{port: http, protocol: TCP}], rules: {http: [{}]}}]}]\n  \
         egress: [{toEndpoints: [{}], toPorts: [{ports: [{port: http, protocol: TCP}], rules: {http: [{}]}}]}]",
    ]);
    let (db, web) = (
        identity(&compiled, "10.2.0.2"),
        identity(&compiled, "10.1.0.1"),
    );
    let to = |port| {
        alternatives(&compiled, Direction::Egress, port)[0]
            .peers
            .clone()
    };
    assert_eq!(to(81), Peers::Identities([db].into()));
    assert_eq!(to(8080), Peers::Identities([web].into()));
    assert_eq!(
        alternatives(&compiled, Direction::Ingress, 8080)[0].peers,
        Peers::Any
    );
}

#[test]
fn what_cannot_stand_together_is_told_with_its_place_and_refused_alone() {
    let rule = |rules: &str| {
        format!(
            "ingress: [{{fromEndpoints: [{{matchLabels: {{app: fe}}}}], toPorts: [{{ports: [{{port: '80', \
             protocol: TCP}}], {rules}}}]}}]"
        )
    };
    let http = rule("rules: {http: [{path: /a}]}");
    let compiled = compiled(&[
        &http,
        &rule("rules: {kafka: [{topic: t, role: produce}]}"),
        &rule("serverNames: [a.org]"),
        "ingress: [{fromEndpoints: [{matchLabels: {app: db}}], toPorts: [{ports: [{port: '80', protocol: \
         TCP}]}]}]",
    ]);
    let problems = shown(&compiled.problems);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        problems[0],
        "p.yaml:6:67: cnp s/p1: spec.ingress[0].toPorts[0]: cannot merge conflicting L7 parsers (http/kafka), \
         with cnp s/p0 spec.ingress[0].toPorts[0]: what both select is refused on these ports; give them \
         different ports, or different peers"
    );
    let rules = l7::rules::Rules::compile(&compiled.layer7_snapshot(1), None).expect("checked");
    let table = compiled.endpoints[&NamespacedName::new("s", "web")].table;
    let set = rules.get(
        table,
        l7::rules::Direction::Ingress,
        l7::rules::Protocol::Tcp,
        80,
    );
    let set = set.expect("rules");
    let kind = |ip| set.peer_kind(identity(&compiled, ip));
    assert_eq!(kind("10.2.0.1"), l7::rules::PeerKind::Conflict);
    assert_eq!(kind("10.2.0.2"), l7::rules::PeerKind::Plain);
}

#[test]
fn a_plain_rule_opens_no_other_servers_for_the_same_selector() {
    let compiled = compiled(&[
        "egress: [{toEndpoints: [{matchLabels: {app: fe}}, {matchLabels: {app: db}}], toPorts: [{ports: [{port: \
         '443', protocol: TCP}]}]}]",
        "egress: [{toEndpoints: [{matchLabels: {app: fe}}], toPorts: [{ports: [{port: '443', protocol: TCP}], \
         serverNames: [a.org]}]}]",
    ]);
    let (fe, db) = (
        identity(&compiled, "10.2.0.1"),
        identity(&compiled, "10.2.0.2"),
    );
    let [plain, names] = &alternatives(&compiled, Direction::Egress, 443)[..] else {
        panic!("two rules");
    };
    assert_eq!(plain.allows, Allows::Everything);
    assert_eq!(plain.peers, Peers::Identities([db].into()));
    assert_eq!(names.peers, Peers::Identities([fe].into()));
}

#[test]
fn learned_names_have_entries_as_long_as_they_are_given() {
    let state = Arc::new(world(&[
        "egress: [{toFQDNs: [{matchName: a.org}, {matchPattern: '*.b.org'}], toPorts: [{ports: [{port: '443', \
         protocol: TCP}], rules: {http: [{}]}}]}]",
    ]));
    let mut compiler = Compiler::new(on(), "a", PersistentState::default());
    compiler.update(&state);
    assert_eq!(entries(compiler.compiled(), Direction::Egress), []);
    let labels = |names: &[&str]| -> Labels {
        let names = names.iter().map(|name| Label::fqdn(name));
        names.chain([Label::reserved("world")]).collect()
    };
    let both = labels(&["a.org", "*.b.org"]);
    let world = labels(&[]);
    compiler.set_names(BTreeSet::from([both.clone(), labels(&["c.org"]), world]));
    let (compiled, touched) = compiler.update(&state);
    let number = compiled.identities.find(&both).expect("a number");
    assert!(number >= Identity(abi::identity::FIRST_LOCAL));
    let found = entries(compiled, Direction::Egress);
    let places: Vec<_> = found.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [(number.0, SHAPE_PORT, 6, 443)]);
    assert_eq!((touched.entries.len(), touched.layer7.len()), (1, 1));
    assert_eq!(
        alternatives(compiled, Direction::Egress, 443)[0].peers,
        Peers::Identities([number.0].into())
    );
    // A restart gives it the number that it had.
    let mut again = Compiler::new(on(), "a", compiler.persistent_state());
    again.set_names(BTreeSet::from([both.clone()]));
    again.update(&state);
    assert_eq!(again.compiled().identities.find(&both), Some(number));
    compiler.set_names(BTreeSet::new());
    let (compiled, touched) = compiler.update(&state);
    assert_eq!(entries(compiled, Direction::Egress), []);
    assert!(compiled.layer7.is_empty());
    assert_eq!((touched.entries.len(), touched.layer7.len()), (1, 1));
    compiler.retain(&BTreeSet::new(), &BTreeSet::new());
    assert_eq!(compiler.compiled().identities.find(&both), None);
}

#[test]
fn without_a_proxy_policies_with_rules_of_layer_7_are_not_in_force() {
    let state = world(&[
        "egress: [{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{}]}}]}]",
        "egress: [{toFQDNs: [{matchName: a.org}]}]",
        "ingress: [{}]",
    ]);
    let mut compiler = Compiler::new(on(), "a", PersistentState::default());
    assert_eq!(compiler.compile(&state).policies.len(), 3);
    // Nor are they those that a state file has of a time when there was one.
    let mut compiler = Compiler::new(Config::default(), "a", compiler.persistent_state());
    let compiled = compiler.compile(&state);
    assert_eq!(compiled.policies.len(), 1);
    let problems = shown(&compiled.problems);
    assert_eq!(problems.len(), 2);
    for (problem, wanted) in problems.iter().zip([
        "spec.egress[0].toFQDNs: needs a proxy, which is switched off; start the agent without --l7-proxy=off, or use toCIDR; the \
         policy is NOT enforced",
        "spec.egress[0].toPorts[0].rules.http: http rules need a proxy, which is switched off; start the \
         agent without --l7-proxy=off, or remove them to allow the whole port; the policy is NOT enforced",
    ]) {
        assert!(problem.ends_with(wanted), "{problem}");
    }
    assert!(compiled.layer7.is_empty());
}

#[test]
fn ports_with_the_same_rules_share_them() {
    let compiled = compiled(&[
        "ingress: [{toPorts: [{ports: [{port: '80', protocol: TCP}, {port: '8080', protocol: TCP}, {port: '90', \
         endPort: 99, protocol: TCP}, {port: '100', protocol: TCP}], rules: {http: [{path: /a}]}}]}]",
    ]);
    let sets: Vec<_> = compiled.layer7.values().collect();
    let [sets] = sets.as_slice() else {
        panic!("{sets:?}");
    };
    let ports: Vec<(u16, u16)> = sets.ports.iter().map(|one| (one.first, one.last)).collect();
    assert_eq!(ports, [(80, 80), (90, 99), (100, 100), (8080, 8080)]);
    // One rule: whether it covers more than the port makes the difference.
    assert_eq!(sets.sets.len(), 2);
}
