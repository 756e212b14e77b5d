//! `flows policy diff` of a cluster of 500 workloads and 1,000 policies with a million recorded flows: how
//! long comparing takes, and what a flow costs beside reading it from a file of JSON lines.
//!
//! Arguments: the number of flows (default 1,000,000).
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use cluster::{Identities, ObjectName, State};
use flows_explain::cancel::Cancel;
use flows_explain::diff::Comparison;
use flows_explain::flow_groups::FlowGroups;
use flows_explain::proto::group_flow;
use flows_explain::trace::PolicyContext;
use policy::{Config, Policy};
use proto::flow as pb;
use testing_bench::{Row, median};

const NAMESPACES: usize = 20;
const WORKLOADS: usize = 25;
const PODS: usize = 2;
const POLICIES: usize = 50;
const RUNS: usize = 5;
/// Lines that are read to see what reading costs.
const LINES: usize = 20_000;

struct Cluster {
    state: State,
    policies: BTreeMap<ObjectName, Arc<Policy>>,
    config: Config,
}

impl Cluster {
    /// In each namespace, workloads in a ring: each lets in its predecessors on a port. `closed`: and one
    /// namespace lets nobody in.
    fn new(closed: bool) -> Self {
        let mut text = String::from(
            "{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDRs: [10.0.0.0/8]}}\n",
        );
        let mut add = |document: String| {
            writeln!(text, "---\n{document}").expect("text takes everything");
        };
        for space in 0..NAMESPACES {
            for app in 0..WORKLOADS {
                for pod in 0..PODS {
                    add(format!(
                        "{{apiVersion: v1, kind: Pod, metadata: {{name: w{app}-{pod}, namespace: n{space}, \
                         labels: {{app: w{app}}}, ownerReferences: [{{kind: StatefulSet, name: w{app}, \
                         controller: true}}]}}, spec: {{nodeName: a}}, status: {{podIP: \
                         10.{space}.{app}.{pod}}}}}"
                    ));
                }
            }
            for number in 0..POLICIES {
                let (app, from) = (
                    number % WORKLOADS,
                    (number + 1 + number / WORKLOADS) % WORKLOADS,
                );
                add(format!(
                    "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: p{number}, \
                     namespace: n{space}}}, spec: {{endpointSelector: {{matchLabels: {{app: w{app}}}}}, \
                     ingress: [{{fromEndpoints: [{{matchLabels: {{app: w{from}}}}}], toPorts: [{{ports: \
                     [{{port: '{}', protocol: TCP}}]}}]}}]}}}}",
                    8000 + number
                ));
            }
        }
        if closed {
            add("{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: closed, namespace: \
                 n0}, spec: {endpointSelector: {}, ingressDeny: [{fromEntities: [all]}]}}"
                .to_owned());
        }
        let (state, config) = (testing_policy::state(&text), Config::default());
        let (policies, refused) = policy::read(&state, &config);
        assert_eq!(refused, [], "the policies are good");
        Self {
            state,
            policies,
            config,
        }
    }

    fn context(&self) -> PolicyContext<'_> {
        let identities = Identities::new(false);
        PolicyContext::new(&self.state, &self.policies, &self.config, identities)
    }
}

/// Between two pods of a namespace, one of a few thousand such pairs.
fn flow(number: usize) -> pb::Flow {
    let (space, app) = (number % NAMESPACES, number / NAMESPACES % WORKLOADS);
    let peer = (app + 1 + number / 7 % 3) % WORKLOADS;
    let pod = number / 3 % PODS;
    let end = |app: usize| pb::Endpoint {
        namespace: format!("n{space}"),
        pod_name: format!("w{app}-{pod}"),
        labels: vec![
            format!("k8s:app=w{app}"),
            "k8s:io.cilium.k8s.policy.cluster=default".to_owned(),
            "k8s:io.cilium.k8s.policy.serviceaccount=default".to_owned(),
            format!("k8s:io.kubernetes.pod.namespace=n{space}"),
        ],
        ..pb::Endpoint::default()
    };
    pb::Flow {
        verdict: pb::Verdict::Forwarded.into(),
        ip: Some(pb::Ip {
            source: format!("10.{space}.{peer}.{pod}"),
            destination: format!("10.{space}.{app}.{pod}"),
            ..pb::Ip::default()
        }),
        l4: Some(l4(0, app)),
        source: Some(end(peer)),
        destination: Some(end(app)),
        ..pb::Flow::default()
    }
}

fn l4(source_port: usize, app: usize) -> pb::Layer4 {
    let port = |port: usize| u32::try_from(port).expect("a port");
    pb::Layer4 {
        protocol: Some(pb::layer4::Protocol::Tcp(pb::Tcp {
            source_port: port(source_port),
            destination_port: port(8000 + app),
            ..pb::Tcp::default()
        })),
    }
}

/// Seconds that something takes, the median of some runs.
fn seconds(mut run: impl FnMut()) -> f64 {
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    median(times.collect())
}

fn main() {
    let arguments = std::env::args().skip(1);
    let flows = arguments.filter_map(|word| word.parse().ok()).next();
    let flows: usize = flows.unwrap_or(1_000_000);
    let (before, after) = (Cluster::new(false), Cluster::new(true));
    let mut kinds: Vec<pb::Flow> = (0..10_000).map(flow).collect();
    let lines: Vec<String> = kinds
        .iter()
        .cycle()
        .take(LINES)
        .map(|flow| proto::json::to_string(flow).expect("flows can be written"))
        .collect();
    let reading = seconds(|| {
        let mut read = proto::json::Lines::default();
        for line in &lines {
            read.push(line, |read| read.map(|_flow| ())).expect("flows");
        }
    });

    let mut groups = FlowGroups::default();
    let grouping = seconds(|| {
        groups = FlowGroups::default();
        for number in 0..flows {
            let kind = number % kinds.len();
            kinds[kind].l4 = Some(l4(number / kinds.len(), kind / NAMESPACES % WORKLOADS));
            group_flow(&mut groups, &kinds[kind]);
        }
    });
    assert_eq!(groups.flows(), flows as u64);
    let labels = groups.pod_labels();
    let (mut rows, mut denied) = (0, 0);
    let comparing = seconds(|| {
        let comparison = Comparison::new(
            &before.context(),
            &after.context(),
            &labels,
            &Cancel::default(),
        );
        rows = comparison.changes().connections.len();
    });
    let comparison = Comparison::new(
        &before.context(),
        &after.context(),
        &labels,
        &Cancel::default(),
    );
    let deciding = seconds(|| denied = comparison.flow_impact(&groups).changes.len());
    assert!(
        rows > 0 && denied > 0 && !comparison.changes().connections.is_empty(),
        "something changes"
    );

    let what = format!(
        "{} policies, {} workloads",
        NAMESPACES * POLICIES,
        NAMESPACES * WORKLOADS
    );
    let per = |seconds: f64, of: usize| seconds / of as f64 * 1e9;
    Row::new(format!("comparing, {what}"), comparing, "s").print();
    let base = ("reading a flow from JSON lines", per(reading, LINES));
    Row::new("grouping a flow", per(grouping, flows), "ns")
        .against(Some(base))
        .print();
    Row::new(
        format!("deciding {} groups of flows", groups.groups().len()),
        deciding,
        "s",
    )
    .print();
    let whole = comparing + grouping + deciding;
    let reading_all = per(reading, LINES) * flows as f64 / 1e9;
    Row::new(
        format!("all but reading, {flows} flows, {what}"),
        whole,
        "s",
    )
    .against(Some(("reading the flows", reading_all)))
    .goal("<= 2")
    .print();
}
