//! Flows of all sorts are explained: as the agent sends them, as a stock server does, cut down, old,
//! and made up to do harm.

mod hostile;
mod not_policy;
mod present;
mod requests;
mod sorts;

use std::collections::BTreeSet;

use cluster::{Identities, State};
use flows_explain::explain_flow::Responder;
use flows_explain::proto::explain_flow;
use flows_explain::trace::PolicyContext;
use policy::Config;
use proto::flow as pb;
use proto::flow::Verdict::{Dropped, Forwarded};
use proto::flows::v1::trace_response::Verdict;
use proto::flows::v1::{Decision, ExplainResponse, FlowExtension, PolicyKind, Rule};
use testing_policy::{add, shown, state};

const CLUSTER: &str = "
apiVersion: v1
kind: Node
metadata: {name: node-a}
spec: {podCIDR: 10.0.1.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: production, labels: {app: web}}
spec: {nodeName: node-a}
status: {podIP: 10.0.1.1}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: production, labels: {app: db}}
spec: {nodeName: node-a}
status: {podIP: 10.0.1.2}
---
# Who may ask the database.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: production, resourceVersion: '5'}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: auth}}]
    toPorts: [{ports: [{port: '5432', protocol: TCP}]}]
";

fn explain(state: &State, flow: &pb::Flow) -> ExplainResponse {
    explain_with(state, &Config::default(), flow)
}

fn explain_with(state: &State, config: &Config, flow: &pb::Flow) -> ExplainResponse {
    let (policies, refused) = policy::read(state, config);
    assert_eq!(shown(&refused), [""; 0]);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(state, &policies, config, identities);
    let responder = Responder {
        node_name: "node-a".to_owned(),
        revision: 9,
        stale: BTreeSet::new(),
    };
    explain_flow(&context, flow, &responder)
}

fn pod(name: &str, app: &str) -> Option<pb::Endpoint> {
    let labels = [
        &format!("k8s:app={app}"),
        "k8s:io.cilium.k8s.policy.cluster=default",
        "k8s:io.cilium.k8s.policy.serviceaccount=default",
        "k8s:io.kubernetes.pod.namespace=production",
    ];
    Some(pb::Endpoint {
        namespace: "production".to_owned(),
        pod_name: name.to_owned(),
        labels: labels.map(str::to_owned).to_vec(),
        ..pb::Endpoint::default()
    })
}

fn tcp(source_port: u32, destination_port: u32) -> Option<pb::Layer4> {
    Some(pb::Layer4 {
        protocol: Some(pb::layer4::Protocol::Tcp(pb::Tcp {
            source_port,
            destination_port,
            flags: None,
        })),
    })
}

fn addresses(source: &str, destination: &str) -> Option<pb::Ip> {
    Some(pb::Ip {
        source: source.to_owned(),
        destination: destination.to_owned(),
        ..pb::Ip::default()
    })
}

fn rule(version: &str) -> Rule {
    Rule {
        kind: PolicyKind::CiliumNetworkPolicy.into(),
        namespace: "production".to_owned(),
        name: "db".to_owned(),
        text: "allows app=auth on 5432/TCP".to_owned(),
        resource_version: version.to_owned(),
        ..Rule::default()
    }
}

/// The flow of a drop at the database, as an agent sends it.
fn dropped() -> pb::Flow {
    let mut flow = pb::Flow {
        verdict: Dropped.into(),
        drop_reason: 133,
        drop_reason_desc: 133,
        ip: addresses("10.0.1.1", "10.0.1.2"),
        l4: tcp(40_001, 5432),
        source: pod("web", "web"),
        destination: pod("db", "db"),
        node_name: "node-a".to_owned(),
        traffic_direction: pb::TrafficDirection::Ingress.into(),
        ..pb::Flow::default()
    };
    flow.set_extension(&FlowExtension {
        egress: Some(Decision {
            verdict: Forwarded.into(),
            ..Decision::default()
        }),
        ingress: Some(Decision {
            verdict: Dropped.into(),
            drop_reason: 133,
            default_deny: true,
            rules: vec![rule("5")],
            ..Decision::default()
        }),
        revision: 9,
        ..FlowExtension::default()
    });
    flow
}
