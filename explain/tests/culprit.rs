//! Incidents as they happen: something is changed, among other changes, and a connection is denied. The
//! change that did it is named, each time; where none did it, none is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use cluster::changes::between;
use cluster::{NamespacedName, ObjectChange, State};
use explain::culprit::{Culprits, find};
use explain::trace::{End, Port, TraceQuery};
use flows_explain as explain;
use policy::Config;

/// Everything is allowed that is asked for below.
const BASE: &str = r#"
{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDRs: [10.1.0.0/16]}}
---
{apiVersion: v1, kind: Node, metadata: {name: b}, spec: {podCIDRs: [10.2.0.0/16]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: front}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: identity, labels: {team: core}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: payments, labels: {team: pay}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}, spec: {nodeName: a, serviceAccountName: web}, status: {podIP: 10.1.0.5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: cart, namespace: shop, labels: {app: cart}}, spec: {nodeName: b}, status: {podIP: 10.2.0.7}}
---
{apiVersion: v1, kind: Pod, metadata: {name: session, namespace: identity, labels: {app: session}}, spec: {nodeName: b, containers: [{name: s, ports: [{containerPort: 6379, name: redis}]}]}, status: {podIP: 10.2.0.5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: ledger, namespace: payments, labels: {app: ledger}}, spec: {nodeName: b}, status: {podIP: 10.2.0.6}}
---
{apiVersion: v1, kind: Pod, metadata: {name: billing, namespace: payments, labels: {app: billing}}, spec: {nodeName: a, serviceAccountName: billing}, status: {podIP: 10.1.0.6}}
---
{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: office}, spec: {externalCIDRs: [198.51.100.0/24]}}
---
{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: session, namespace: identity}, spec: {endpointSelector: {matchLabels: {app: session}}, ingress: [{fromEndpoints: [{matchLabels: {app: web, "k8s:io.kubernetes.pod.namespace": shop}}], toPorts: [{ports: [{port: redis, protocol: TCP}]}]}, {fromCIDRSet: [{cidrGroupRef: office}]}, {fromCIDR: [203.0.113.0/24]}, {fromEntities: [remote-node]}]}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: ledger, namespace: payments}, spec: {podSelector: {matchLabels: {app: ledger}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {team: pay}}}], ports: [{port: 5432, protocol: TCP}]}]}}
---
{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: billing-egress, namespace: payments}, spec: {endpointSelector: {matchLabels: {app: billing}}, egress: [{toEndpoints: [{matchLabels: {app: ledger}}]}, {toCIDR: [192.0.2.0/24]}]}}
---
{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: cart, namespace: shop}, spec: {endpointSelector: {matchLabels: {app: cart}}, ingress: [{fromEndpoints: [{matchLabels: {"io.cilium.k8s.policy.serviceaccount": web}}]}]}}
"#;

/// What else changes at the same time.
const NOISE: [(&str, &str); 3] = [
    (
        "{name: identity, labels: {team: core}}",
        "{name: identity, labels: {team: core, cost: 'high'}}",
    ),
    (
        "{name: cart, namespace: shop, labels: {app: cart}}",
        "{name: cart, namespace: shop, labels: {app: cart, tier: back}}",
    ),
    (
        "kind: CiliumCIDRGroup, metadata: {name: office}",
        "kind: CiliumCIDRGroup, metadata: {name: office, labels: {old: 'yes'}}",
    ),
];

fn pod(namespace: &str, name: &str) -> End {
    End::Pod(NamespacedName::new(namespace, name))
}

fn query(source: End, destination: End, port: u16) -> TraceQuery {
    TraceQuery {
        source,
        destination,
        port: Port::Number { protocol: 6, port },
    }
}

fn web_session() -> TraceQuery {
    query(pod("shop", "web"), pod("identity", "session"), 6379)
}

fn billing_ledger() -> TraceQuery {
    query(pod("payments", "billing"), pod("payments", "ledger"), 5432)
}

fn from(ip: [u8; 4]) -> TraceQuery {
    query(End::Ip(ip.into()), pod("identity", "session"), 6379)
}

fn state(text: &str) -> State {
    testing_policy::state(text)
}

fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{old} is not in the base");
        text = text.replace(old, new);
    }
    text
}

/// Noise, then the change, then more noise, as an agent records them.
fn history(before: &str, bad: &[(&str, &str)]) -> (State, Vec<ObjectChange>) {
    let mut texts = vec![before.to_owned()];
    let steps = [&NOISE[..1], bad, &NOISE[1..2], &NOISE[2..]];
    for step in steps.into_iter().filter(|step| !step.is_empty()) {
        let next = changed(texts.last().unwrap(), step);
        texts.push(next);
    }
    let states: Vec<State> = texts.iter().map(|text| state(text)).collect();
    let mut changes = Vec::new();
    for pair in states.windows(2) {
        changes.extend(between((&pair[0]).into(), (&pair[1]).into()));
    }
    (states.last().unwrap().clone(), changes)
}

fn found(before: &str, bad: &[(&str, &str)], query: &TraceQuery) -> (Culprits, Vec<String>) {
    let (present, changes) = history(before, bad);
    let found = find(&present, &Config::default(), query, None, &changes).unwrap();
    let names = found.alone.iter().map(|at| changes[*at].name.to_string());
    let names = names.collect();
    (found, names)
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "twenty incidents, each with what changes"
)]
fn the_change_is_named() {
    let deny = |name: &str, spec: &str| {
        format!(
            "\n---\n{{apiVersion: cilium.io/v2, kind: {name}, spec: {spec}}}\n---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: last}}}}\n"
        )
    };
    // Appended by replacing the last object's end.
    let end = "\"io.cilium.k8s.policy.serviceaccount\": web}}]}]}}\n";
    let append = |more: &str| format!("{end}{}", more.trim_start_matches('\n'));
    let deny_session = append(&deny(
        "CiliumNetworkPolicy, metadata: {name: lockdown, namespace: identity}",
        "{endpointSelector: {}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: web, 'k8s:io.kubernetes.pod.namespace': shop}}]}]}",
    ));
    let deny_cluster = append(&deny(
        "CiliumClusterwideNetworkPolicy, metadata: {name: no-redis}",
        "{endpointSelector: {}, egressDeny: [{toEndpoints: [{matchLabels: {app: session}}]}]}",
    ));
    let default_deny = append(&deny(
        "CiliumNetworkPolicy, metadata: {name: web-egress, namespace: shop}",
        "{endpointSelector: {matchLabels: {app: web}}, egress: [{toEndpoints: [{matchLabels: {app: nobody}}]}]}",
    ));
    let isolate = append(&deny(
        "CiliumNetworkPolicy, metadata: {name: isolate, namespace: payments}",
        "{endpointSelector: {matchLabels: {app: ledger}}, ingressDeny: [{fromEndpoints: [{}]}]}",
    ));
    let renamed = [
        (
            "{name: session, namespace: identity}, spec: {endpointSelector",
            "{name: session-v2, namespace: identity}, spec: {endpointSelector",
        ),
        (
            "{matchLabels: {app: web, \"k8s:io",
            "{matchLabels: {app: wbe, \"k8s:io",
        ),
    ];
    let web_cart = query(pod("shop", "web"), pod("shop", "cart"), 8080);
    let out = query(
        pod("payments", "billing"),
        End::Ip([192, 0, 2, 9].into()),
        443,
    );
    type Bad<'a> = &'a [(&'a str, &'a str)];
    let incidents: [(&str, Bad<'_>, TraceQuery, &str); 20] = [
        (
            "a label misspelled in a rule",
            &[(
                "{matchLabels: {app: web, \"k8s:io",
                "{matchLabels: {app: wbe, \"k8s:io",
            )],
            web_session(),
            "cnp identity/session",
        ),
        (
            "a rule removed",
            &[
                (", {fromEntities: [remote-node]}", ""),
                (
                    "{fromEndpoints: [{matchLabels: {app: web, \"k8s:io.kubernetes.pod.namespace\": shop}}], toPorts: [{ports: [{port: redis, protocol: TCP}]}]}, ",
                    "",
                ),
            ],
            web_session(),
            "cnp identity/session",
        ),
        (
            "another port",
            &[(
                "{port: redis, protocol: TCP}",
                "{port: '6380', protocol: TCP}",
            )],
            web_session(),
            "cnp identity/session",
        ),
        (
            "another protocol",
            &[(
                "{port: redis, protocol: TCP}",
                "{port: redis, protocol: UDP}",
            )],
            web_session(),
            "cnp identity/session",
        ),
        (
            "a namespace's label changed",
            &[(
                "{name: payments, labels: {team: pay}}",
                "{name: payments, labels: {team: payment}}",
            )],
            billing_ledger(),
            "ns payments",
        ),
        (
            "a namespace's label in the rule",
            &[(
                "namespaceSelector: {matchLabels: {team: pay}}",
                "namespaceSelector: {matchLabels: {team: pays}}",
            )],
            billing_ledger(),
            "netpol payments/ledger",
        ),
        (
            "a policy renamed, with a mistake",
            &renamed,
            web_session(),
            "cnp identity/session",
        ),
        (
            "a CIDR group that shrank",
            &[(
                "externalCIDRs: [198.51.100.0/24]",
                "externalCIDRs: [198.51.100.0/28]",
            )],
            from([198, 51, 100, 200]),
            "ccg office",
        ),
        (
            "a CIDR that shrank",
            &[("fromCIDR: [203.0.113.0/24]", "fromCIDR: [203.0.113.0/28]")],
            from([203, 0, 113, 200]),
            "cnp identity/session",
        ),
        (
            "an exception from a CIDR",
            &[(
                "{fromCIDR: [203.0.113.0/24]}",
                "{fromCIDRSet: [{cidr: 203.0.113.0/24, except: [203.0.113.128/25]}]}",
            )],
            from([203, 0, 113, 200]),
            "cnp identity/session",
        ),
        (
            "a group no longer named",
            &[("{fromCIDRSet: [{cidrGroupRef: office}]}, ", "")],
            from([198, 51, 100, 7]),
            "cnp identity/session",
        ),
        (
            "a pod's label changed",
            &[("labels: {app: web, tier", "labels: {app: web2, tier")],
            web_session(),
            "pod shop/web",
        ),
        (
            "a pod that a policy selects now",
            &[(
                "{name: ledger, namespace: payments, labels: {app: ledger}}",
                "{name: ledger, namespace: payments, labels: {app: ledger2}}",
            )],
            billing_ledger(),
            "pod payments/ledger",
        ),
        (
            "a deny added elsewhere",
            &[(end, &deny_session)],
            web_session(),
            "cnp identity/lockdown",
        ),
        (
            "a clusterwide deny",
            &[(end, &deny_cluster)],
            web_session(),
            "ccnp no-redis",
        ),
        (
            "a default deny at the source",
            &[(end, &default_deny)],
            web_session(),
            "cnp shop/web-egress",
        ),
        (
            "a pod isolated",
            &[(end, &isolate)],
            billing_ledger(),
            "cnp payments/isolate",
        ),
        (
            "a port that is called otherwise",
            &[("name: redis}]}]", "name: cache}]}]")],
            web_session(),
            "pod identity/session",
        ),
        (
            "another service account",
            &[("serviceAccountName: web}", "serviceAccountName: default}")],
            web_cart,
            "pod shop/web",
        ),
        (
            "egress to a network that is gone",
            &[("{toCIDR: [192.0.2.0/24]}", "{toCIDR: [192.0.3.0/24]}")],
            out,
            "cnp payments/billing-egress",
        ),
    ];
    for (what, bad, query, culprit) in incidents {
        let allowed = find(&state(BASE), &Config::default(), &query, None, &[]).unwrap();
        assert!(allowed.allowed, "{what}: it should be allowed at first");
        let (found, names) = found(BASE, bad, &query);
        assert!(!found.allowed, "{what}: it should be denied");
        assert!(
            names.iter().any(|name| name == culprit),
            "{what}: {names:?}"
        );
        // Of what else changed, nothing is.
        let noise = ["ns identity", "ccg office"];
        let wrong = names
            .iter()
            .filter(|name| noise.contains(&name.as_str()) && *name != culprit);
        assert_eq!(wrong.count(), 0, "{what}: {names:?}");
    }
}

#[test]
fn where_no_change_did_it_none_is_named() {
    let denied = [
        query(pod("shop", "cart"), pod("identity", "session"), 6379),
        query(pod("shop", "web"), pod("identity", "session"), 6380),
        query(pod("shop", "web"), pod("payments", "ledger"), 5432),
        query(
            End::Ip([10, 9, 9, 9].into()),
            pod("identity", "session"),
            6379,
        ),
        query(
            pod("payments", "billing"),
            End::Ip([198, 18, 0, 1].into()),
            443,
        ),
    ];
    for query in denied {
        let (found, names) = found(BASE, &[], &query);
        assert!(!found.allowed, "{query:?}");
        assert_eq!((names.len(), found.together), (0, None), "{query:?}");
        assert_eq!(found.tried, 3);
    }
}

#[test]
fn what_only_several_changes_did_is_said() {
    let end = "\"io.cilium.k8s.policy.serviceaccount\": web}}]}]}}\n";
    let two = format!(
        "{end}---\n{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: one, namespace: identity}}, \
         spec: {{endpointSelector: {{}}, ingressDeny: [{{fromEndpoints: [{{}}]}}, {{fromEntities: [all]}}]}}}}\n---\n\
         {{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: two, namespace: identity}}, \
         spec: {{endpointSelector: {{}}, ingressDeny: [{{fromEntities: [all]}}]}}}}\n"
    );
    let (found, names) = found(BASE, &[(end, &two)], &web_session());
    assert!(!found.allowed);
    assert!(names.is_empty(), "{names:?}");
    // Two of noise stand behind them.
    assert_eq!(found.together, Some(4));
}
