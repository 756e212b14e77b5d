//! Names outside of the cluster, as rules of `toFQDNs` open them, in comparisons and lists of whom a pod reaches.

use std::sync::Arc;

use cluster::{Identities, State};
use flows_explain::cancel::Cancel;
use flows_explain::connectivity::{PeerGroup, PeerKind};
use flows_explain::diff::{Became, Comparison};
use flows_explain::flow_groups::FlowGroups;
use flows_explain::proto::group_flow;
use flows_explain::trace::PolicyContext;
use flows_explain::who_can::{Reachability, WhoCan};
use policy::{Config, ProxyPorts};
use proto::flow as pb;

const SHOP: &str = r"
{apiVersion: v1, kind: Node, metadata: {name: one}, spec: {podCIDRs: [10.0.0.0/16]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: pay, namespace: shop, labels: {app: pay}}, spec: {nodeName: one}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {nodeName: one}, status: {podIP: 10.0.0.2}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: pay, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: pay}}
  egress:
  - toEndpoints: [{matchLabels: {app: dns}}]
    toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {dns: [{matchPattern: '*'}]}}]
";

fn config() -> Config {
    Config {
        layer7: Some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    }
}

fn with(rule: &str) -> State {
    testing_policy::state(&format!("{SHOP}{rule}"))
}

fn to_name(selector: &str) -> String {
    format!(
        "  - toFQDNs: [{{{selector}}}]\n    toPorts: [{{ports: [{{port: '443', protocol: TCP}}]}}]\n"
    )
}

/// A connection by which the pod asked for this name.
fn flow(verdict: pb::Verdict, names: &[&str], port: u32) -> pb::Flow {
    pb::Flow {
        verdict: verdict.into(),
        traffic_direction: pb::TrafficDirection::Egress.into(),
        ip: Some(pb::Ip {
            source: "10.0.0.1".to_owned(),
            destination: "203.0.113.10".to_owned(),
            ..pb::Ip::default()
        }),
        l4: Some(pb::Layer4 {
            protocol: Some(pb::layer4::Protocol::Tcp(pb::Tcp {
                source_port: 40_000,
                destination_port: port,
                ..pb::Tcp::default()
            })),
        }),
        source: Some(pb::Endpoint {
            namespace: "shop".to_owned(),
            pod_name: "pay".to_owned(),
            ..pb::Endpoint::default()
        }),
        destination: Some(pb::Endpoint {
            labels: vec!["reserved:world".to_owned()],
            ..pb::Endpoint::default()
        }),
        destination_names: names.iter().map(|&name| name.to_owned()).collect(),
        ..pb::Flow::default()
    }
}

/// What a change does: `denied shop/pay -> api.example.com: 443/TCP`, and what it would have done to flows:
/// the same, each with its number of connections, and how many were decided otherwise.
fn compared(before: &str, after: &str, flows: &[pb::Flow]) -> (Vec<String>, Vec<String>, u64) {
    let (config, states) = (config(), [with(before), with(after)]);
    let read = states.each_ref().map(|state| policy::read(state, &config));
    let contexts = [0, 1].map(|n| {
        assert_eq!(read[n].1, []);
        let identities = Identities::new(states[n].is_dual_stack());
        PolicyContext::new(&states[n], &read[n].0, &config, identities)
    });
    let mut groups = FlowGroups::default();
    flows.iter().for_each(|flow| group_flow(&mut groups, flow));
    let [before, after] = &contexts;
    let comparison = Comparison::new(before, after, &groups.pod_labels(), &Cancel::default());
    let word = |became| match became {
        Became::Denied => "denied",
        Became::Allowed => "allowed",
    };
    let changes = comparison.changes().connections.into_iter().map(|change| {
        let names = |groups: &[Arc<PeerGroup>]| -> String {
            let names: Vec<&str> = groups.iter().map(|group| &*group.name).collect();
            names.join(", ")
        };
        let (from, to) = (names(&change.sources), names(&change.destinations));
        let ports = change.ports.texts().join(", ");
        format!("{} {from} -> {to}: {ports}", word(change.became))
    });
    let impact = comparison.flow_impact(&groups);
    let of_flows = impact.changes.iter().map(|change| {
        let (to, number) = (&change.destination.name, change.connections);
        format!("{} {to}: {number}", word(change.became))
    });
    (
        changes.collect(),
        of_flows.collect(),
        impact.decided_otherwise,
    )
}

#[test]
fn a_rule_of_names_that_goes_or_changes_is_a_change() {
    let name = to_name("matchName: api.example.com");
    let open = flow(pb::Verdict::Forwarded, &["api.example.com"], 443);
    let denied = "denied shop/pay -> api.example.com: 443/TCP";
    assert_eq!(
        compared(&name, "", std::slice::from_ref(&open)),
        (
            vec![denied.to_owned()],
            vec!["denied api.example.com: 1".to_owned()],
            0
        )
    );
    let other = to_name("matchName: www.example.com");
    let allowed = "allowed shop/pay -> www.example.com: 443/TCP";
    assert_eq!(
        compared(&name, &other, &[]).0,
        [denied.to_owned(), allowed.to_owned()]
    );
    // A pattern that matches the name allows it, and others.
    let pattern = to_name("matchPattern: '*.example.com'");
    let (changes, of_flows, otherwise) = compared(&name, &pattern, std::slice::from_ref(&open));
    assert_eq!(changes, ["allowed shop/pay -> *.example.com: 443/TCP"]);
    assert_eq!((of_flows, otherwise), (Vec::new(), 0));
    // Nothing changes where nothing does.
    assert_eq!(compared(&name, &name, &[open]), (vec![], vec![], 0));
}

#[test]
fn recorded_connections_are_judged_by_their_names() {
    let name = to_name("matchName: api.example.com");
    let flows = [
        flow(pb::Verdict::Forwarded, &["API.example.com."], 443),
        flow(
            pb::Verdict::Forwarded,
            &["other.org", "api.example.com"],
            443,
        ),
        // No rule is about these; that they were let through is told.
        flow(pb::Verdict::Forwarded, &["other.org"], 443),
        flow(pb::Verdict::Forwarded, &[], 443),
    ];
    let (_, of_flows, otherwise) = compared(&name, "", &flows);
    assert_eq!(of_flows, ["denied api.example.com: 2"]);
    assert_eq!(otherwise, 2);
    // Without any policy all is allowed, and the name isn't told beside the world.
    let everything = "  - toEntities: [world]\n";
    let (changes, of_flows, _) = compared(&name, everything, &flows);
    assert!(
        changes.iter().any(|change| change.contains("world"))
            && of_flows.iter().all(|change| !change.contains("api.")),
        "{changes:?} {of_flows:?}"
    );
}

#[test]
fn who_can_be_reached_has_names_and_names_can_be_asked_about() {
    let (config, state) = (config(), with(&to_name("matchPattern: '*.example.com'")));
    let (policies, refused) = policy::read(&state, &config);
    assert_eq!(refused, []);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(&state, &policies, &config, identities);
    let shop = Reachability::new(&context, None);
    let told = |asked, of: &[_], port| -> Vec<String> {
        let edges = shop.edges(asked, of, port).into_iter();
        let told = edges.map(|edge| {
            let peers: Vec<&str> = edge.peers.iter().map(|peer| &*peer.name).collect();
            let rules: Vec<String> = edge.rules().map(|rule| rule.to_string()).collect();
            format!(
                "{}: {} by {}",
                peers.join(", "),
                edge.ports.texts().join(", "),
                rules.join("; ")
            )
        });
        told.collect()
    };
    let from_pay = told(WhoCan::BeReachedFrom, &shop.named("shop/pay"), None);
    assert_eq!(from_pay.len(), 1, "{from_pay:?}");
    assert!(
        from_pay[0].starts_with("*.example.com: 443/TCP by cnp shop/pay"),
        "{from_pay:?}"
    );
    // Who may go anywhere needs no row for a name.
    let from_web = told(WhoCan::BeReachedFrom, &shop.named("shop/web"), None);
    assert!(
        from_web.iter().all(|row| !row.contains("example.com")),
        "{from_web:?}"
    );
    let name = shop.outside("api.example.com").expect("a name");
    assert_eq!((name.kind, &*name.name), (PeerKind::Name, "*.example.com"));
    let reach = told(WhoCan::Reach, &[name], Some((6, 443)));
    let peers: Vec<&str> = reach
        .iter()
        .filter_map(|row| Some(row.split_once(':')?.0))
        .collect();
    // The host and others outside have no policies that would say it.
    assert_eq!(peers, ["shop/pay", "shop/web"], "{reach:?}");
    // What no selector matches is as the rest of the world.
    let other = shop.outside("other.org").expect("a name");
    assert_eq!(other.kind, PeerKind::Entity);
    assert_eq!(shop.outside(&format!("{}.org", "x".repeat(64))), None);
}
