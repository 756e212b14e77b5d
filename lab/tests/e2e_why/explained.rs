//! A dropped flow, explained.

use std::process::Command;
use std::time::Duration;

use flows_lab::process::Deadline;
use flows_lab::traffic::client::Outcome;
use proto::flows::v1::trace_response;
use testing_lab::{Family, Probe, TestLab, options};

use crate::common::program;
use crate::pods::{PODS, flows};

/// A real drop, taken from the flows and explained by a node and by the relay; then its pod goes.
#[test]
fn a_dropped_flow_is_explained() {
    let mut lab = TestLab::up(&options(program(), true), PODS).expect("a lab");
    let policy = r#"
# Only buyers.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: server}}
  labels: [{key: team, value: sales}]
  ingress:
    - fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: buyer}}]
      toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
"#;
    lab.enforce("recipe.yaml", policy).expect("in force");
    let denied = lab.connect("shop/thief", "a:8080", Probe::Tcp, Family::V4);
    assert_eq!(denied.expect("it can be tried"), Outcome::TimedOut);
    let name = lab.lab().record().name.clone();
    let sockets =
        ["relay.sock", "one/hubble.sock"].map(|socket| format!("/run/flows/{name}/{socket}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let deadline = Deadline::after(Duration::from_secs(30));
    let flow = loop {
        if let Some(flow) = runtime.block_on(dropped_flow(&sockets[1])) {
            break flow;
        }
        assert!(deadline.pause(), "no flow was dropped");
    };
    for socket in &sockets {
        let answer = runtime.block_on(explained(socket, &flow));
        assert_eq!(
            answer.headline,
            "shop/thief may not reach shop/a on 8080/TCP: no ingress rule of cnp shop/web allows it; \
             nearest: ingress[0] of cnp shop/web (from: io.cilium.k8s.policy.serviceaccount=buyer, have \
             io.cilium.k8s.policy.serviceaccount=thief)"
        );
        assert_eq!(answer.node_name, flow.node_name);
        let now = answer.now.expect("both pods are there");
        assert_eq!(now.verdict(), trace_response::Verdict::Denied);
        assert!(now.suggestions[0].yaml.contains("app: client"), "{now:?}");
        let policy = &answer.policies[0];
        assert_eq!(policy.policy, "cnp shop/web");
        assert!(policy.in_force && policy.decided, "{policy:?}");
        assert!(
            policy.yaml.starts_with("# Only buyers.\n"),
            "{}",
            policy.yaml
        );
        let recorded = answer.recorded.expect("it was decided");
        let labels = &recorded.decided_by[0].labels;
        assert!(
            labels.contains(&"unspec:team=sales".to_owned()),
            "{labels:?}"
        );
        // The command that is given asks the same.
        let words: Vec<&str> = answer.command.split(' ').skip(1).collect();
        let (text, _) = flows(&lab, &words);
        assert!(text.ends_with("Verdict: DENIED\n"), "{text}");
    }

    // Any port: what the one rule allows.
    let any = [
        "policy",
        "trace",
        "--src-pod",
        "shop/client",
        "--dst-pod",
        "shop/a",
    ];
    let (text, _) = flows(&lab, &any);
    let verdict = "Verdict: ALLOWED on 8080/TCP, DENIED on everything else\n";
    assert!(text.ends_with(verdict), "{text}");
    assert!(
        !text.contains("To allow it"),
        "nobody asked for more: {text}"
    );

    // Who waits for what never comes is told how far the node is.
    let server = format!("unix://{}", sockets[1]);
    let wait = [
        "policy",
        "wait",
        "--revision",
        "9999",
        "--server",
        &server,
        "--request-timeout",
        "1s",
    ];
    let output = Command::new(program().with_file_name("flows"))
        .args(wait)
        .output();
    let output = output.expect("flows runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("not in force within 1 s") && text.contains("revision 9999 is waited for"),
        "{text}"
    );
    let (text, code) = flows(&lab, &["policy", "wait"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("in force on all nodes\n"), "{text}");
}

async fn channel(socket: &str) -> tonic::transport::Channel {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("unix://{socket}"));
    endpoint
        .expect("an address")
        .connect()
        .await
        .expect("it listens")
}

/// The newest flow that was dropped by policy, if one was told by now.
async fn dropped_flow(socket: &str) -> Option<proto::flow::Flow> {
    use proto::observer::{
        GetFlowsRequest, get_flows_response::ResponseTypes, observer_client::ObserverClient,
    };
    let mut request = tonic::Request::new(GetFlowsRequest {
        number: 1,
        whitelist: vec![proto::flow::FlowFilter {
            drop_reason_desc: vec![proto::flow::DropReason::PolicyDenied.into()],
            ..proto::flow::FlowFilter::default()
        }],
        ..GetFlowsRequest::default()
    });
    let metadata = request.metadata_mut();
    metadata.insert(proto::WANT_EXTENSIONS, "1".parse().expect("a value"));
    let stream = ObserverClient::new(channel(socket).await)
        .get_flows(request)
        .await;
    let mut stream = stream.expect("flows").into_inner();
    while let Some(response) = stream.message().await.expect("flows") {
        if let Some(ResponseTypes::Flow(flow)) = response.response_types {
            return Some(flow);
        }
    }
    None
}

async fn explained(socket: &str, flow: &proto::flow::Flow) -> proto::flows::v1::ExplainResponse {
    use proto::flows::v1::{ExplainRequest, policy_client::PolicyClient};
    let request = ExplainRequest {
        flow: Some(flow.clone()),
    };
    let answer = PolicyClient::new(channel(socket).await)
        .explain(request)
        .await;
    answer.expect("an explanation").into_inner()
}
