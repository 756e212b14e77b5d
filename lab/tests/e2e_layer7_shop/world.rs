//! A shop of forty pods on three nodes, as Deployments make them, with rules of layer 7.

use std::fmt::Write as _;
use std::process::Stdio;

use flows_lab::lab::{Options, Target};
use testing_lab::{TestLab, options};
use testing_program::Background;

pub(crate) const NODES: [&str; 3] = ["worker-1", "worker-2", "worker-3"];

/// What a Deployment is: namespace, name, the hash in its ReplicaSet's name, replicas, and what its pods run.
type Deployment = (
    &'static str,
    &'static str,
    &'static str,
    usize,
    &'static [&'static str],
);

const RESOLVER: &[&str] = &[
    "serve",
    "dns",
    "--port=53",
    "--answer=api.pay.test=203.0.113.10",
    "--answer=www.ads.test=203.0.113.11",
];

const DEPLOYMENTS: [Deployment; 9] = [
    ("shop", "storefront", "6c9d8f7b5c", 6, &[]),
    (
        "shop",
        "catalog",
        "7f4b9c6d58",
        3,
        &["serve", "tcp", "--port=8080", "--http=tea"],
    ),
    ("shop", "checkout", "5d6f7c8b9", 3, &[]),
    ("shop", "reviews", "84c6b5d7f9", 6, &[]),
    ("shop", "images", "66b8f9d4c7", 6, &[]),
    ("shop", "search", "b9f5c7d86", 6, &[]),
    ("data", "ledger", "78d9c6f5b4", 3, &[]),
    ("data", "reports", "9c5f8b6d7", 4, &[]),
    ("kube-system", "coredns", "5b8d7f9c64", 2, RESOLVER),
];

const REST: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: storefront}}
---
apiVersion: v1
kind: Namespace
metadata: {name: data}
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  selector: {app: coredns}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
---
apiVersion: v1
kind: Pod
metadata:
  name: kafka-0
  namespace: data
  labels: {app: kafka, apps.kubernetes.io/pod-index: '0'}
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: kafka, controller: true}]
spec:
  nodeName: worker-2
  containers:
    - {name: broker, command: [flows-lab, serve, kafka, --port=9092, --topic=orders, --topic=payments]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: catalog, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: catalog}}
  ingress:
    - fromEndpoints: [{matchLabels: {app: storefront}}]
      toPorts:
        - ports: [{port: '8080', protocol: TCP}]
          rules: {http: [{method: GET, path: '/products(/[0-9]+)?([?].*)?'}]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: storefront, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: storefront}}
  egress:
    - toEndpoints: [{matchLabels: {app: catalog}}]
      toPorts:
        - ports: [{port: '8080', protocol: TCP}]
          rules: {http: [{method: 'GET|POST'}]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: checkout, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: checkout}}
  egress:
    - toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': kube-system, app: coredns}}]
      toPorts:
        - ports: [{port: '53', protocol: ANY}]
          rules: {dns: [{matchPattern: '*.pay.test'}]}
    - toFQDNs: [{matchName: api.pay.test}]
      toPorts: [{ports: [{port: '443', protocol: TCP}]}]
    - toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': data, app: kafka}}]
      toPorts: [{ports: [{port: '9092', protocol: TCP}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: kafka, namespace: data}
spec:
  endpointSelector: {matchLabels: {app: kafka}}
  ingress:
    - fromEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': shop, app: checkout}}]
      toPorts:
        - ports: [{port: '9092', protocol: TCP}]
          rules: {kafka: [{role: produce, topic: orders}]}
    - fromEndpoints: [{matchLabels: {app: ledger}}]
      toPorts:
        - ports: [{port: '9092', protocol: TCP}]
          rules: {kafka: [{role: consume, topic: orders}]}
";

/// The replicas of a Deployment, on one node after the other.
fn replicas((namespace, name, hash, number, command): Deployment) -> String {
    // Kubernetes' names of pods have no vowels, so that they say nothing.
    const LETTERS: [char; 10] = ['b', 'd', 'g', 'k', 'n', 'q', 't', 'w', 'z', '7'];
    let mut text = String::new();
    for number in 0..number {
        let node = NODES[number % NODES.len()];
        let letter = |place: usize| LETTERS[(number * 7 + place * 3 + name.len()) % LETTERS.len()];
        let end: String = (0..5).map(letter).collect();
        write!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}-{hash}-{end}\n  namespace: {namespace}\n  \
             labels: {{app: {name}, pod-template-hash: {hash}}}\n  ownerReferences:\n    \
             - {{apiVersion: apps/v1, kind: ReplicaSet, name: {name}-{hash}, controller: true}}\n\
             spec:\n  nodeName: {node}\n"
        )
        .unwrap();
        if !command.is_empty() {
            let command = [&["flows-lab"], command].concat();
            let container = format!("{{name: {name}, command: {command:?}}}");
            writeln!(text, "  containers:\n    - {container}").unwrap();
        }
    }
    text
}

/// A replica.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    /// With its namespace.
    pub(crate) name: String,
    pub(crate) node: String,
}

/// The replicas of a workload.
pub(crate) fn replicas_of(lab: &TestLab, namespace: &str, workload: &str) -> Vec<Replica> {
    let pods = lab.lab().record().plan.pods.iter();
    let replicas = pods
        .filter(|pod| pod.namespace == namespace && pod.name.starts_with(&format!("{workload}-")));
    let replicas = replicas.map(|pod| Replica {
        name: format!("{namespace}/{}", pod.name),
        node: pod.node.clone(),
    });
    replicas.collect()
}

pub(crate) fn up() -> TestLab {
    let replicas: String = DEPLOYMENTS.into_iter().map(replicas).collect();
    let options = Options {
        l7_proxy: true,
        outside: true,
        ..options(crate::common::program(), true)
    };
    let lab = TestLab::up(&options, &format!("{REST}{replicas}")).unwrap();
    assert_eq!(lab.lab().record().plan.pods.len(), 40);
    lab
}

/// What the shop pays by, outside of the cluster.
pub(crate) fn bank(lab: &TestLab) -> Background {
    let line = [
        "flows-lab",
        "serve",
        "https",
        "--port=443",
        "--certificate=api.pay.test",
    ];
    let mut command = lab.lab().command(&Target::Outside, &line).unwrap();
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Background::start(&mut command)
}
