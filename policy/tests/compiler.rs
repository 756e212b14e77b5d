//! The compiler over snapshots: texts, stability of numbers, refused policies.

use std::collections::BTreeSet;

use abi::policy::{COOKIE_ALLOW_ANY_EGRESS, ENFORCED};
use cluster::{NamespacedName, SharedMap};
use flows_policy::{Compiled, Compiler, Config, PersistentState, ReasonKind};
use testing_policy::{add, shown, state};

const SHOP: &str = "
{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDR: 10.1.0.0/24}, status: {addresses: [{type: InternalIP, address: 172.16.0.1}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: b}, spec: {podCIDR: 10.2.0.0/24}, status: {addresses: [{type: InternalIP, address: 172.16.0.2}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: auth-database, namespace: production, labels: {app: auth-database}}, spec: {nodeName: a}, status: {podIP: 10.1.0.5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: auth-service, namespace: production, labels: {app: auth-service}}, spec: {nodeName: b}, status: {podIP: 10.2.0.5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: user-service, namespace: production, labels: {app: user-service}}, spec: {nodeName: b}, status: {podIP: 10.2.0.6}}
";

const POLICY: &str = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: auth-database-policy, namespace: production}
spec:
  endpointSelector:
    matchLabels: {app: auth-database}
  ingress:
  - fromEndpoints:
    - matchLabels: {app: auth-service}
    toPorts:
    - ports:
      - {port: '5432', protocol: TCP}
";

fn compiler() -> Compiler {
    Compiler::new(Config::default(), "a", PersistentState::default())
}

fn cookie_text(compiled: &Compiled, cookie: u32) -> String {
    compiled
        .cookies
        .resolve(cookie)
        .expect("a known cookie")
        .to_string()
}

#[test]
fn the_forgotten_service_is_told_why() {
    let mut state = state(SHOP);
    add(&mut state, "policy.yaml", POLICY);
    let compiled = compiler().compile(&state);
    assert_eq!(shown(&compiled.problems), [""; 0]);
    let endpoint = &compiled.endpoints[&NamespacedName::new("production", "auth-database")];
    let table = compiled.tables[&endpoint.table];
    assert_eq!(table.ingress.flags, ENFORCED);
    assert_eq!(
        cookie_text(&compiled, table.ingress.default_cookie),
        "default deny ingress: cnp production/auth-database-policy selects it, allows app=auth-service on 5432/TCP"
    );
    assert_eq!(table.egress.flags, 0);
    assert_eq!(table.egress.default_cookie, COOKIE_ALLOW_ANY_EGRESS);
    // One entry for the service, one for the node itself.
    let texts: Vec<String> = compiled
        .entries
        .values()
        .map(|entry| cookie_text(&compiled, entry.cookie))
        .collect();
    assert_eq!(
        BTreeSet::from_iter(texts.iter().map(String::as_str)),
        BTreeSet::from([
            "a pod's own node may always reach it",
            "cnp production/auth-database-policy allows app=auth-service on 5432/TCP",
        ])
    );
}

#[test]
fn addresses_and_prefixes() {
    let mut state = state(SHOP);
    add(&mut state, "policy.yaml", POLICY);
    add(
        &mut state,
        "cidr.yaml",
        "
apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: out}
spec:
  endpointSelector: {}
  egress:
  - toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.9.0.0/16]}]
  - toCIDR: [10.2.0.77, 0.0.0.0/0]
",
    );
    let compiled = compiler().compile(&state);
    assert_eq!(shown(&compiled.problems), [""; 0]);
    let address = |ip: &str| {
        let address = &compiled.addresses[&ip.parse().expect("an address")];
        let labels = compiled.identities.labels(address.identity).expect("known");
        (
            labels
                .get(None, "app")
                .map_or_else(|| labels.to_string(), str::to_owned),
            address.local,
        )
    };
    assert_eq!(address("172.16.0.1"), ("reserved:host".to_owned(), true));
    assert_eq!(
        address("172.16.0.2"),
        ("reserved:remote-node".to_owned(), false)
    );
    assert_eq!(address("10.1.0.5"), ("auth-database".to_owned(), true));
    assert_eq!(address("10.2.0.6"), ("user-service".to_owned(), false));
    let prefixes: Vec<String> = compiled
        .prefixes
        .iter()
        .map(|(prefix, identity)| {
            let labels = compiled.identities.labels(*identity).expect("known");
            format!("{prefix} {labels}")
        })
        .collect();
    // The address inside of a node's pod range stays unmanaged: no rule for the world opens it.
    assert_eq!(
        prefixes,
        [
            "0.0.0.0/0 reserved:world",
            "10.0.0.0/8 cidr:10.0.0.0/8,reserved:world",
            "10.1.0.0/24 reserved:unmanaged",
            "10.2.0.0/24 reserved:unmanaged",
            "10.9.0.0/16 cidr:10.9.0.0/16,reserved:world",
            "::/0 reserved:world",
        ]
    );
}

#[test]
fn numbers_stay_while_what_they_name_does() {
    let mut state = state(SHOP);
    add(&mut state, "policy.yaml", POLICY);
    let mut compiler = compiler();
    let before = compiler.compile(&state);
    let memory = serde_json::to_string(&compiler.persistent_state()).expect("plain data");

    // Another pod, another policy: what was there keeps its numbers.
    add(
        &mut state,
        "more.yaml",
        "
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: production, labels: {app: a}}, spec: {nodeName: a}, status: {podIP: 10.1.0.6}}
---
{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a, namespace: production}, spec: {endpointSelector: {matchLabels: {app: a}}, ingress: [{}]}}
",
    );
    let after = compiler.compile(&state);
    assert!(
        before
            .entries
            .iter()
            .all(|(key, entry)| after.entries.get(key) == Some(entry))
    );
    assert!(
        before
            .tables
            .iter()
            .all(|(id, table)| after.tables.get(id) == Some(table))
    );
    assert!(after.tables.len() > before.tables.len());

    // A successor gives the same numbers.
    let memory: PersistentState = serde_json::from_str(&memory).expect("own form");
    let mut successor = Compiler::new(Config::default(), "a", memory);
    let restarted = successor.compile(&state);
    assert!(
        before
            .entries
            .iter()
            .all(|(key, entry)| restarted.entries.get(key) == Some(entry))
    );

    // An edit gives the policy's entries new cookies; the old ones stay resolvable until told.
    let old = before
        .entries
        .values()
        .map(|entry| entry.cookie)
        .max()
        .expect("entries");
    add(&mut state, "policy.yaml", &POLICY.replace("5432", "5433"));
    let edited = successor.compile(&state);
    assert!(cookie_text(&edited, old).contains("on 5432/TCP"));
    successor.retain(&BTreeSet::new(), &BTreeSet::from([old]));
    assert!(successor.compile(&state).cookies.resolve(old).is_some());
    successor.retain(&BTreeSet::new(), &BTreeSet::new());
    let retained = successor.compile(&state);
    assert_eq!(retained.cookies.resolve(old), None);
    assert_eq!(
        retained.entries, edited.entries,
        "what is in use is never forgotten"
    );
}

#[test]
fn refused_policies_keep_their_last_good_form() {
    let mut state = state(SHOP);
    add(&mut state, "policy.yaml", POLICY);
    let mut compiler = compiler();
    let good = compiler.compile(&state);
    add(
        &mut state,
        "policy.yaml",
        &POLICY.replace("fromEndpoints", "fromEndpoint"),
    );
    add(
        &mut state,
        "new.yaml",
        &POLICY
            .replace("auth-database-policy", "new")
            .replace("'5432'", "'x y'"),
    );
    for restarted in [false, true] {
        if restarted {
            compiler = Compiler::new(Config::default(), "a", compiler.persistent_state());
        }
        let compiled = compiler.compile(&state);
        assert_eq!(compiled.entries, good.entries, "restarted: {restarted}");
        assert_eq!(
            shown(&compiled.problems),
            [
                "new.yaml:13:16: cnp production/new: spec.ingress[0].toPorts[0].ports[0].port: unable to parse port: \
                 \"x y\" is neither a number nor the name of a port; use 0 to 65535, or a name of at most 15 \
                 letters, digits and single dashes; the policy is NOT enforced",
                "policy.yaml:9:5: cnp production/auth-database-policy: spec.ingress[0].fromEndpoint: unknown field; did you mean fromEndpoints?; the last good version stays enforced",
            ]
        );
        assert_eq!(compiled.policies.len(), 1);
        assert!(compiled.policies.values().all(|policy| policy.stale));
    }
    state.policies = SharedMap::default();
    let compiled = compiler.compile(&state);
    assert!(
        compiled.entries.is_empty() && compiled.policies.is_empty(),
        "deleted is deleted"
    );
}

#[test]
fn named_ports_follow_the_pods() {
    let mut state = state(
        "
{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: s, labels: {app: web}}, spec: {nodeName: a, containers: [{ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.1.0.5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-2, namespace: s, labels: {app: web}}, spec: {nodeName: a, containers: [{ports: [{name: http, containerPort: 8081}]}]}, status: {podIP: 10.1.0.6}}
---
{apiVersion: v1, kind: Pod, metadata: {name: client, namespace: s, labels: {app: client}}, spec: {nodeName: a}, status: {podIP: 10.1.0.7}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: s}
specs:
- endpointSelector: {matchLabels: {app: web}}
  ingress: [{toPorts: [{ports: [{port: HTTP, protocol: TCP}]}]}]
- endpointSelector: {matchLabels: {app: client}}
  egress: [{toEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: http}]}]}]
",
    );
    state.generation = 7;
    let compiled = compiler().compile(&state);
    assert_eq!(shown(&compiled.problems), [""; 0]);
    let ports = |pod: &str, egress: bool| -> Vec<u16> {
        let table = compiled.endpoints[&NamespacedName::new("s", pod)].table;
        let entries = compiled.entries.keys();
        entries
            .filter(|key| key.table == table && key.port != 0 && (key.shape >= 128) == egress)
            .map(|key| key.port)
            .collect()
    };
    assert_eq!(
        ports("web-1", false),
        [8080],
        "equal labels, another port: a table of its own"
    );
    assert_eq!(ports("web-2", false), [8081]);
    assert_eq!(
        ports("client", true),
        [8080, 8081],
        "the union over the peers"
    );
    assert_eq!(compiled.generation, 7);
}

#[test]
fn an_address_claimed_twice_stays_with_the_first() {
    let mut state = state(SHOP);
    add(
        &mut state,
        "more.yaml",
        "
{apiVersion: v1, kind: Pod, metadata: {name: thief, namespace: production, labels: {app: thief}}, spec: {nodeName: a}, status: {podIPs: [{ip: 172.16.0.2}, {ip: 10.1.0.5}]}}
",
    );
    let compiled = compiler().compile(&state);
    assert_eq!(
        shown(&compiled.problems),
        [
            "pod production/thief: status.podIP: its address 10.1.0.5 is that of pod production/auth-database, which keeps it; \
             give it another address, or delete one of the two",
            "pod production/thief: status.podIP: its address 172.16.0.2 is that of node b, which keeps it; \
             give it another address, or delete one of the two",
        ]
    );
    let node = &compiled.addresses[&"172.16.0.2".parse().expect("an address")];
    assert_eq!(node.identity.0, abi::identity::REMOTE_NODE);
}

/// Labels and log of a rule go with what it decides; a default deny is nobody's word in the log.
#[test]
fn rules_are_known_by_their_labels_and_write_their_log() {
    let mut state = state(SHOP);
    let labelled = POLICY.replace(
        "spec:\n",
        "spec:\n  labels: [{key: team, value: payments}, {source: any, key: seen}]\n  log: {value: to the vault}\n",
    );
    add(&mut state, "policy.yaml", &labelled);
    let compiled = compiler().compile(&state);
    assert_eq!(shown(&compiled.problems), [""; 0]);
    let reasons: Vec<_> = compiled.cookies.iter().map(|(_, reason)| reason).collect();
    let of = |kind: ReasonKind| {
        let reason = reasons.iter().find(|reason| reason.kind == kind);
        reason.expect("there is one").origins[0].clone()
    };
    let allow = of(ReasonKind::Allow);
    assert_eq!(
        allow.policy_labels(),
        [
            "any:seen",
            "k8s:io.cilium.k8s.policy.derived-from=CiliumNetworkPolicy",
            "k8s:io.cilium.k8s.policy.name=auth-database-policy",
            "k8s:io.cilium.k8s.policy.namespace=production",
            "unspec:team=payments",
        ]
    );
    assert_eq!(allow.log.as_deref(), Some("to the vault"));
    let denied = of(ReasonKind::DefaultDeny);
    assert_eq!(denied.policy_labels(), allow.policy_labels());
    assert_eq!(denied.log, None);
}

/// Rules of one place in their lists, for one pod and the same peers.
const TWINS: &str = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: twins, namespace: production}
spec:
  endpointSelector: {matchLabels: {app: auth-database}}
  labels: [{key: rule, value: one}]
  ingress: [{fromEndpoints: [{matchLabels: {app: auth-service}}]}]
  ingressDeny: [{fromEndpoints: [{matchLabels: {app: user-service}}]}]
specs:
- endpointSelector: {matchLabels: {app: auth-database}}
  labels: [{key: rule, value: two}]
  ingress: [{fromEndpoints: [{matchLabels: {app: auth-service}}]}]
  ingressDeny: [{fromEndpoints: [{matchLabels: {app: user-service}}]}]
- endpointSelector: {matchLabels: {app: auth-database}}
  ingress: [{fromEndpoints: [{matchLabels: {app: auth-service}}]}]
";

#[test]
fn every_rule_has_its_own_path_and_labels() {
    let mut state = state(SHOP);
    add(&mut state, "policy.yaml", TWINS);
    let compiled = compiler().compile(&state);
    assert_eq!(shown(&compiled.problems), [""; 0]);
    let mut rules = Vec::new();
    for (_, reason) in compiled.cookies.iter() {
        for origin in &reason.origins {
            let own = origin.policy_labels().into_iter();
            let own: Vec<String> = own
                .filter(|label| label.starts_with("unspec:rule="))
                .collect();
            rules.push(format!(
                "{:?} {} {}",
                reason.kind,
                origin.rule,
                own.concat()
            ));
        }
    }
    rules.sort();
    assert_eq!(
        rules,
        [
            "Allow spec.ingress[0] unspec:rule=one",
            "Allow specs[0].ingress[0] unspec:rule=two",
            "Allow specs[1].ingress[0] ",
            "DefaultDeny spec unspec:rule=one",
            "DefaultDeny specs[0] unspec:rule=two",
            "DefaultDeny specs[1] ",
            "Deny spec.ingressDeny[0] unspec:rule=one",
            "Deny specs[0].ingressDeny[0] unspec:rule=two",
        ]
    );
    let endpoint = &compiled.endpoints[&NamespacedName::new("production", "auth-database")];
    let table = compiled.tables[&endpoint.table];
    assert_eq!(
        cookie_text(&compiled, table.ingress.default_cookie),
        "default deny ingress: cnp production/twins selects it, allows app=auth-service and \
         app=auth-service and app=auth-service",
        "what is said of a policy is said once"
    );
}

/// A state file of an agent that wrote one origin for all rules of a policy that select a pod.
#[test]
fn cookies_outlive_the_form_that_joined_paths() {
    let mut state = state(SHOP);
    // Labels were joined as well: whose they are can't be told.
    let unlabelled = TWINS.lines().filter(|line| !line.contains("labels:"));
    let unlabelled = unlabelled.collect::<Vec<_>>().join("\n");
    add(&mut state, "policy.yaml", &unlabelled);
    let mut before = compiler();
    let cookies = before.compile(&state).cookies.clone();
    let whole = serde_json::to_value(before.persistent_state()).expect("plain data");

    let mut joined = whole.clone();
    let reasons = joined["cookies"]["reasons"].as_object_mut();
    let mut paths = Vec::new();
    for reason in reasons.expect("by number").values_mut() {
        let default_deny = reason["kind"] == "default-deny";
        let origins = reason["origins"].as_array_mut().expect("a list");
        if default_deny {
            let rules = origins.iter().filter_map(|origin| origin["rule"].as_str());
            let path = rules.collect::<Vec<_>>().join(", ");
            paths.push(path.clone());
            origins.truncate(1);
            origins[0]["rule"] = path.into();
        } else {
            // Their order was that of their letters.
            origins.reverse();
        }
    }
    assert_eq!(paths, ["spec, specs[0], specs[1]"]);

    let memory: PersistentState = serde_json::from_value(joined.clone()).expect("the former form");
    let mut after = Compiler::new(Config::default(), "a", memory);
    assert_eq!(after.compile(&state).cookies, cookies, "no number changed");
    let again = serde_json::to_value(after.persistent_state()).expect("plain data");
    assert_eq!(
        again["cookies"], whole["cookies"],
        "the present form is written"
    );

    let bad = joined
        .to_string()
        .replace("spec, specs[0]", "spec, status[0]");
    let error = serde_json::from_str::<PersistentState>(&bad).expect_err("no path");
    assert!(
        error.to_string().contains("is not the path of a rule"),
        "{error}"
    );
}
