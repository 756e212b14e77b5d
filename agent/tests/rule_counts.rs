//! What rules of layer 7 decided, where the policies in force are asked for.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use cluster::{Kind, ObjectName};
use common::{
    CART, FRONTEND,
    enforcing::{Enforcing, in_force},
    server::Agent,
};
use flow::view::{Direction, Transport};
use flows_agent::fact::{Outcome, Request};
use flows_agent::node::StateSnapshot;
use flows_agent::node::names::{Attribution, Decision, PolicyRef, RuleRef};
use proto::flow as pb;
use proto::flows::v1::{GetPoliciesRequest, policy_client::PolicyClient};

/// Of the rule of layer 7's item of `toPorts`.
const COOKIE: u32 = 77;

const POLICY: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: frontend}}]
    toPorts:
    - ports: [{port: '8080', protocol: TCP}]
      rules:
        http:
        - {method: GET, path: /public}
        - {method: POST, path: /orders}
        - {method: PUT}
";

fn end(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

fn request(item: u32, outcome: Outcome) -> Request {
    Request {
        time: 1,
        ends: [end(FRONTEND, 40_001), end(CART, 8080)],
        transport: Transport::Tcp,
        identities: [20_001, 20_002],
        direction: Direction::Ingress,
        is_reply: false,
        outcome,
        cookie: COOKIE,
        item: Some(item),
        why: Box::default(),
        content: pb::Layer7 {
            r#type: pb::L7FlowType::Request.into(),
            record: Some(pb::layer7::Record::Http(pb::Http::default())),
            ..pb::Layer7::default()
        },
    }
}

/// The agent's observer knows the policy at that version.
fn names_policy(agent: &Agent, version: &str) {
    let mut names = (**agent.names.load()).clone();
    let rule = RuleRef {
        path: "spec.ingress[0].toPorts[0]".parse().expect("a path"),
        text: String::new(),
    };
    names.attributions.insert(
        COOKIE,
        Arc::new(Attribution {
            cookie: COOKIE,
            decision: Decision::Allow,
            policies: vec![PolicyRef {
                kind: Kind::CiliumNetworkPolicy,
                namespace: "shop".into(),
                name: "api".into(),
                labels: Vec::new(),
                resource_version: version.into(),
                rules: vec![rule],
            }],
            log: Vec::new(),
        }),
    );
    let name = ObjectName {
        kind: Kind::CiliumNetworkPolicy,
        namespace: Some("shop".into()),
        name: "api".into(),
    };
    names.policies = Arc::new([(name, version.into())].into());
    agent.names.store(Arc::new(names));
}

/// Of each rule of layer 7: what it allows, its place, and how many it allowed and denied.
async fn shown(agent: &Agent) -> Vec<String> {
    let mut client = PolicyClient::new(agent.channel.clone());
    let answer = client
        .get_policies(GetPoliciesRequest {})
        .await
        .expect("an answer");
    let policies = answer.into_inner().policies;
    let rules = policies.iter().flat_map(|policy| &policy.rules);
    rules
        .flat_map(|rule| &rule.layer7)
        .map(|item| {
            let path = explain::proto::path_text(item.path.as_ref());
            format!("{path} {}: {} {}", item.text, item.allowed, item.denied)
        })
        .collect()
}

#[tokio::test]
async fn each_rule_of_layer_7_tells_what_it_decided_until_its_policy_changes() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), POLICY).unwrap();
    let known = StateSnapshot::InSync(Box::new(in_force(directory.path())));
    let enforcing = Enforcing::start(Some(known));
    let agent = Agent::start_with(1000, 1000, Some(enforcing.access.clone())).await;
    names_policy(&agent, "1");
    let decided = [
        (0, Outcome::Forwarded),
        (0, Outcome::Forwarded),
        (1, Outcome::Denied),
    ];
    agent
        .store_requests(decided.map(|(item, outcome)| request(item, outcome)))
        .await;
    let item = |index, text: &str, counts: &str| {
        format!("spec.ingress[0].toPorts[0].rules.http[{index}] {text}: {counts}")
    };
    assert_eq!(
        shown(&agent).await,
        [
            item(0, "GET /public", "2 0"),
            item(1, "POST /orders", "0 1"),
            item(2, "PUT", "0 0"),
        ]
    );
    // Its places may mean others now.
    names_policy(&agent, "2");
    agent.store_requests([request(2, Outcome::Forwarded)]).await;
    assert_eq!(
        shown(&agent).await,
        [
            item(0, "GET /public", "0 0"),
            item(1, "POST /orders", "0 0"),
            item(2, "PUT", "1 0"),
        ]
    );
    agent.end().await;
}
