//! flows.v1.Policy over gRPC: manifests in a directory, the compiler, questions to the state_query. Only the
//! kernel is missing.

mod common;

use std::sync::Arc;

use common::{
    CART, FRONTEND, default_deny,
    enforcing::{Enforcing, in_force},
    new_connection,
    server::Agent,
};
use flows_agent::node::{AppliedState, Progress, StaleState, StateSnapshot};
use proto::{
    flow as pb,
    flows::v1::{
        End, ExplainRequest, GetPoliciesRequest, GetStateRequest, ListEndpointsRequest,
        TraceRequest, WaitRevisionRequest, end, policy_client::PolicyClient,
        trace_response::Verdict,
    },
    observer::GetFlowsRequest,
};
use tonic::{Code, transport::Channel};

/// The pods of the shared names, and the policy that their drops name.
fn manifests() -> String {
    format!(
        "
apiVersion: v1
kind: Node
metadata: {{name: node-a}}
spec: {{podCIDR: 10.0.1.0/24}}
---
apiVersion: v1
kind: Pod
metadata: {{name: frontend-6d9c7b-xk2vq, namespace: shop, labels: {{app: frontend}}}}
spec: {{nodeName: node-a}}
status: {{podIP: {FRONTEND}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: cart-0, namespace: shop, labels: {{app: cart}}}}
spec: {{nodeName: node-a}}
status: {{podIP: {CART}}}
---
{POLICY}"
    )
}

const POLICY: &str = "# Only the checkout may.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: allow-frontend, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: cart}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: checkout}}]
    toPorts: [{ports: [{port: '8080'}]}]
";

/// Policies as generators write them: a rule with many prefixes and ports, a selector with
/// two thousand labels.
fn huge() -> String {
    let prefixes: String = (0..1_300u32)
        .map(|n| format!("    - 100.{}.{}.0/24\n", 64 + n / 256, n % 256))
        .collect();
    let ports: Vec<String> = (1..=8)
        .map(|n| format!("{{port: '{n}', protocol: TCP}}"))
        .collect();
    let labels: Vec<String> = (0..2_000)
        .map(|n| format!("label-{n}: value-{n}"))
        .collect();
    format!(
        "{}---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: prefixes, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: cart}}}}
  ingress:
  - fromCIDR:
{prefixes}    toPorts: [{{ports: [{}]}}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: labels, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: cart}}}}
  ingress:
  - fromEndpoints: [{{matchLabels: {{{}}}}}]
",
        manifests(),
        ports.join(", "),
        labels.join(", ")
    )
}

fn client(agent: &Agent) -> PolicyClient<Channel> {
    PolicyClient::new(agent.channel.clone())
}

#[tokio::test]
async fn a_flow_of_the_history_is_explained_with_its_policy() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), manifests()).unwrap();
    let enforcing = Enforcing::start(Some(StateSnapshot::InSync(Box::new(in_force(
        directory.path(),
    )))));
    let agent = Agent::start_with(1000, 1000, Some(enforcing.access.clone())).await;
    agent.store([default_deny(1), new_connection(2)]).await;
    let request = GetFlowsRequest {
        number: 10,
        ..GetFlowsRequest::default()
    };
    let flows = agent.extended(request).await;
    let dropped = flows
        .iter()
        .find(|flow| flow.verdict() == pb::Verdict::Dropped)
        .unwrap();
    let mut client = client(&agent);
    let ask = |flow: Option<pb::Flow>| ExplainRequest { flow };
    let answer = client.explain(ask(Some(dropped.clone()))).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        answer.headline,
        "shop/frontend-6d9c7b-xk2vq may not reach shop/cart-0 on 8080/TCP: no ingress rule of cnp \
         shop/allow-frontend allows it; nearest: ingress[0] of cnp shop/allow-frontend (from: \
         app=checkout, have app=frontend)"
    );
    assert_eq!((answer.node_name.as_str(), answer.revision), ("node-a", 7));
    assert_eq!(answer.policies[0].yaml, POLICY);
    assert_eq!(answer.policies[0].place, "shop.yaml:20:1");
    assert!(!answer.differs);
    let now = answer.now.unwrap();
    assert_eq!(
        (now.verdict(), now.node_name.as_str()),
        (Verdict::Denied, "node-a")
    );
    assert!(now.suggestions[0].yaml.contains("app: frontend"));

    // It was allowed by a rule that is another one now.
    let allowed = flows
        .iter()
        .find(|flow| !flow.ingress_allowed_by.is_empty())
        .unwrap();
    let answer = client.explain(ask(Some(allowed.clone()))).await.unwrap();
    let answer = answer.into_inner();
    assert!(answer.differs);
    assert!(
        answer.headline.ends_with("; now it is denied"),
        "{}",
        answer.headline
    );
    let refused = client.explain(ask(None)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    drop(client);
    agent.end().await;
}

#[tokio::test]
async fn without_anything_in_force_there_is_no_answer() {
    let enforcing = Enforcing::start(None);
    let agent = Agent::start_with(1000, 1000, Some(enforcing.access.clone())).await;
    let mut client = client(&agent);
    let flow = Some(pb::Flow::default());
    let error = client.explain(ExplainRequest { flow: flow.clone() }).await;
    assert_eq!(error.unwrap_err().code(), Code::Unavailable);

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), manifests()).unwrap();
    *enforcing.told.lock().unwrap() =
        Some(StateSnapshot::InSync(Box::new(in_force(directory.path()))));
    let answer = client.explain(ExplainRequest { flow }).await.unwrap();
    assert_eq!(answer.into_inner().now, None);

    let waiting = WaitRevisionRequest {
        revision: 7,
        ..WaitRevisionRequest::default()
    };
    enforcing.progress.send_replace(Arc::new(Progress {
        revision: 7,
        generation: 2,
        ..Progress::default()
    }));
    let reached = client.wait_revision(waiting).await.unwrap().into_inner();
    assert_eq!((reached.revision, reached.generation), (7, 2));
    drop(client);
    agent.end().await;
}

/// The present manifests were refused for want of room: what stayed in force is told, and that it did.
#[tokio::test]
async fn answers_are_about_what_is_in_force_when_the_manifests_are_not() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), manifests()).unwrap();
    let checkpoint = cluster::source::Checkpoint::default();
    let state = cluster::Directory::open(directory.path(), &checkpoint)
        .unwrap()
        .state();
    let behind = StaleState {
        state,
        memory: policy::PersistentState::default(),
        config: policy::Config::default(),
        node: "node-a".to_owned(),
        revision: 4,
        failure: "no room for cnp shop/large".to_owned(),
    };
    let enforcing = Enforcing::start(Some(StateSnapshot::Stale(Arc::new(behind))));
    let agent = Agent::start_with(1000, 1000, Some(enforcing.access.clone())).await;
    let mut client = client(&agent);
    let note = "the current manifests are not enforced; this is about the last applied ones \
                (revision 4): no room for cnp shop/large";
    let answer = client.get_policies(GetPoliciesRequest {}).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        (answer.revision, &answer.notes[..]),
        (4, &[note.to_owned()][..])
    );
    assert_eq!(answer.policies[0].selects, ["shop/cart-0"]);
    let end = |pod: &str| {
        Some(End {
            of: Some(end::Of::Pod(pod.to_owned())),
        })
    };
    let request = TraceRequest {
        source: end("shop/frontend-6d9c7b-xk2vq"),
        destination: end("shop/cart-0"),
        port: "8080".to_owned(),
        ..TraceRequest::default()
    };
    let answer = client.trace(request).await.unwrap().into_inner();
    assert_eq!((answer.verdict(), answer.revision), (Verdict::Denied, 4));
    assert_eq!(answer.notes, [note]);
    let destination = answer.destination.unwrap();
    assert_eq!(destination.node_name, "node-a");
    drop(client);
    agent.end().await;
}

/// What a client compares changes with: a refused version of a policy is not in it, the one in force is.
#[tokio::test]
async fn the_state_is_what_is_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    let open = || {
        let checkpoint = cluster::source::Checkpoint::default();
        let opened = cluster::Directory::open(directory.path(), &checkpoint);
        opened.unwrap().state()
    };
    std::fs::write(&file, manifests()).unwrap();
    let good = open();
    let config = policy::Config::default();
    let persistent = policy::PersistentState::default();
    let mut compiler = policy::Compiler::new(config.clone(), "node-a", persistent);
    compiler.compile(&good);
    let never = POLICY.replace("allow-frontend", "never-good");
    let manifests = format!("{}---\n{never}", manifests()).replace("'8080'", "'80800'");
    std::fs::write(&file, manifests).unwrap();
    let state = open();
    let known = AppliedState {
        compiled: compiler.compile(&state),
        policies: compiler.policies(),
        manifests: compiler.manifests(),
        state,
        config: config.clone(),
        revision: 9,
        notes: Vec::new(),
    };
    let enforcing = Enforcing::start(Some(StateSnapshot::InSync(Box::new(known))));
    let agent = Agent::start_with(1000, 1000, Some(enforcing.access.clone())).await;
    let mut client = client(&agent);
    let answer = client.get_state(GetStateRequest {}).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        (
            answer.node_name.as_str(),
            answer.revision,
            &answer.notes[..]
        ),
        (
            "node-a",
            9,
            &["cnp shop/never-good is refused and not enforced".to_owned()][..]
        )
    );
    let (read, how) = explain::proto::read_state(&answer).unwrap();
    assert_eq!(how, config);
    assert_eq!((&read.pods, &read.nodes), (&good.pods, &good.nodes));
    let names: Vec<String> = read.policies.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["cnp shop/allow-frontend"]);
    for (name, policy) in read.policies.iter() {
        assert!(policy::same_rules(policy, good.policies.get(name).unwrap()));
        assert_eq!(policy.origin.to_string(), "shop.yaml:20:1");
    }
    drop(client);
    agent.end().await;
}

/// Answers stay small whatever the policies hold.
#[tokio::test]
async fn answers_about_huge_policies_are_small() {
    use prost::Message as _;

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), huge()).unwrap();
    let known = in_force(directory.path());
    assert!(
        known.compiled.entries.len() >= 10_000,
        "{}",
        known.compiled.entries.len()
    );
    let enforcing = Enforcing::start(Some(StateSnapshot::InSync(Box::new(known))));
    let agent = Agent::start_with(1000, 1000, Some(enforcing.access.clone())).await;
    let mut client = client(&agent).max_decoding_message_size(64 << 20);

    let answer = client.get_policies(GetPoliciesRequest {}).await.unwrap();
    let policies = answer.into_inner();
    let rules = policies.policies.iter().flat_map(|policy| &policy.rules);
    let longest = rules.map(|rule| rule.text.len()).max().unwrap();
    let meaning = policies
        .policies
        .iter()
        .map(|policy| policy.meaning.len())
        .max()
        .unwrap();
    assert!(longest < 1_000 && meaning < 3_000, "{longest} {meaning}");
    let size = policies.encoded_len();
    assert!(size < 10_000, "{size}");
    let text = policies.policies.iter().flat_map(|policy| &policy.rules);
    let prefixes = text
        .map(|rule| rule.text.as_str())
        .find(|text| text.contains("100.64"));
    assert!(
        prefixes.unwrap().contains(" and 1,292 more on 1/TCP"),
        "{prefixes:?}"
    );

    let pod = "shop/cart-0".to_owned();
    let answer = client
        .list_endpoints(ListEndpointsRequest { pod })
        .await
        .unwrap();
    let endpoints = answer.into_inner();
    let endpoint = &endpoints.endpoints[0];
    assert_eq!(endpoint.entries.len(), 10_000);
    let by_path = "cnp shop/prefixes spec.ingress[0]";
    assert!(endpoint.entries.iter().any(|entry| entry.text == by_path));
    let longest = endpoint.entries.iter().map(|entry| entry.text.len()).max();
    assert!(longest < Some(100), "{longest:?}");
    assert!(
        endpoints.notes[0].contains("entries more than the 10000"),
        "{:?}",
        endpoints.notes
    );
    let size = endpoints.encoded_len();
    assert!(size < 8 << 20, "{size}");
    assert!(
        endpoint.ingress_default.len() < 3_000,
        "{}",
        endpoint.ingress_default.len()
    );

    let source = Some(End {
        of: Some(end::Of::Ip("192.0.2.1".to_owned())),
    });
    let destination = Some(End {
        of: Some(end::Of::Pod("shop/cart-0".to_owned())),
    });
    let request = TraceRequest {
        source,
        destination,
        port: "80".to_owned(),
        ..TraceRequest::default()
    };
    let answer = client.trace(request).await.unwrap().into_inner();
    assert_eq!(answer.verdict(), Verdict::Denied);
    let size = answer.encoded_len();
    assert!(size < 20_000, "{size}");
    agent.end().await;
}
