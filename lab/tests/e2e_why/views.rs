//! What is in force, as views show it, and what it decided.

use flows_lab::traffic::client::Outcome;
use serde_json::Value;
use testing_lab::{Family, Probe, TestLab, options, until};

use crate::common::program;
use crate::pods::{PODS, asked, flows};

#[test]
fn views_show_what_is_in_force_and_what_it_decided() {
    let mut lab = TestLab::up(&options(program(), true), PODS).expect("a lab");
    let policy = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  labels: [{key: rule, value: first}]
  ingress:
    - fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: buyer}}]
      toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
    - fromEndpoints: [{matchLabels: {app: nobody}}]
  ingressDeny:
    - fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: thief}}]
      toPorts: [{ports: [{port: "8081", protocol: TCP}]}]
specs:
  - endpointSelector: {matchLabels: {app: server}}
    labels: [{key: rule, value: second}]
    ingress:
      - fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: lab}}]
        toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
"#;
    lab.enforce("recipe.yaml", policy).expect("in force");
    lab.wait_for(
        Outcome::Connected,
        "shop/client",
        "a:8080",
        Probe::Tcp,
        Family::V4,
    )
    .expect("the rule allows it");
    lab.wait_for(
        Outcome::Connected,
        "lab/guest",
        "a.shop:8080",
        Probe::Tcp,
        Family::V4,
    )
    .expect("the rule allows it");
    for port in ["a:8080", "a:8081"] {
        let denied = lab.connect("shop/thief", port, Probe::Tcp, Family::V4);
        assert_eq!(denied.expect("it can be tried"), Outcome::TimedOut);
    }

    let json = |arguments: &[&str]| -> Value {
        let output = asked(&lab, &[arguments, &["-o", "json"]].concat());
        assert!(output.status.success(), "{output:?}");
        // Beside it there may be a note about a node.
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let policies = json(&["policy", "get", "shop/web"]);
    let rules = policies[0]["rules"].as_array().expect("rules");
    let decided = |path: &Value| {
        let mut same = rules.iter().filter(|rule| rule["path"] == *path);
        let rule = same.next().expect("the rule");
        assert_eq!(same.next(), None, "{path} names one rule: {policies:#}");
        assert_eq!(rule["direction"], "INGRESS");
        let text = rule["decisions"].as_str();
        text.unwrap_or("0").parse::<u64>().expect("a number")
    };
    let unused = serde_json::json!({"list": "INGRESS", "index": 1});
    assert_eq!(decided(&unused), 0, "{policies:#}");
    // What flows say decided them is what was counted, and each rule bears its own labels.
    let expected = [
        (serde_json::json!({"list": "INGRESS"}), "first"),
        (serde_json::json!({"list": "INGRESS_DENY"}), "first"),
        (serde_json::json!({}), "first"),
        (
            serde_json::json!({"spec_index": 0, "list": "INGRESS"}),
            "second",
        ),
        (serde_json::json!({"spec_index": 0}), "second"),
    ];
    let asked = ["--to-pod", "shop/a", "-o", "jsonpb"];
    let text = until(&lab, &asked, |text| {
        let told = rules_of_flows(text);
        let mut paths = expected.iter().map(|(path, _)| path);
        paths.all(|path| told.iter().any(|rule| rule["path"] == *path))
    });
    let told = rules_of_flows(&text);
    for (path, label) in expected {
        assert!(decided(&path) > 0, "{path}: {policies:#}");
        let labels: Vec<&str> = told
            .iter()
            .filter(|rule| rule["path"] == path)
            .flat_map(|rule| rule["labels"].as_array().into_iter().flatten())
            .filter_map(|label| label.as_str()?.strip_prefix("unspec:rule="))
            .collect();
        assert!(!labels.is_empty(), "no flow tells of {path}: {told:#?}");
        assert!(
            labels.iter().all(|told| *told == label),
            "{path}: {labels:?}"
        );
    }
    assert_eq!(
        policies[0]["selects"],
        serde_json::json!(["shop/a", "shop/b"])
    );

    let endpoint = &json(&["endpoint", "get", "shop/a"])[0];
    assert_eq!(endpoint["ingress_enforced"], true, "{endpoint:#}");
    assert_eq!(endpoint["policies"], serde_json::json!(["cnp shop/web"]));
    let entries = endpoint["entries"].as_array().expect("entries");
    let buyers = serde_json::json!({"list": "INGRESS"});
    let entry = entries
        .iter()
        .find(|entry| entry["port"] == "8080/TCP" && entry["rules"][0]["path"] == buyers);
    let entry = entry.expect("an entry of the rule");
    assert_eq!(entry["rules"][0]["name"], "web", "{entry:#}");
    let buyer = entry["identity"].to_string();
    let identity = &json(&["identity", "get", &buyer])[0];
    assert_eq!(
        identity["pods"],
        serde_json::json!(["shop/client"]),
        "{identity:#}"
    );

    // Who waits for something that never comes is told so.
    let bad = policy.replace(
        "fromEndpoints: [{matchLabels: {app: nobody}}]",
        "fromNobody: []",
    );
    let refused = lab.enforce("bad.yaml", &bad);
    let told = refused.expect_err("it is refused").to_string();
    assert!(
        told.contains("spec.ingress[1].fromNobody: unknown field"),
        "{told}"
    );
    let (text, code) = flows(&lab, &["policy", "get", "shop/web"]);
    assert!(code == Some(0) && text.contains("last good one"), "{text}");
}

/// The rules of the policy `shop/web` that flows name, a line each.
fn rules_of_flows(text: &str) -> Vec<Value> {
    let flows = text.lines().map(|line| {
        let flow: Value = serde_json::from_str(line).expect("JSON");
        flow["flow"]["extensions"]["ingress"]["rules"].clone()
    });
    let rules = flows
        .filter_map(|rules| rules.as_array().cloned())
        .flatten();
    let own = rules.filter(|rule| rule["kind"] == "CiliumNetworkPolicy" && rule["name"] == "web");
    own.collect()
}
