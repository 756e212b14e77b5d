//! The cluster, and how it is asked.

use std::process::Output;

use testing_lab::TestLab;

/// Pods of two namespaces and accounts. The servers `a` and `b` have equal labels, but the port named
/// `web` is another one.
pub(crate) const PODS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: sales}}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {team: research}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop, labels: {app: server}}
spec:
  nodeName: one
  containers:
    - name: web
      command: [flows-lab, serve, tcp, --port, "8080"]
      ports: [{name: web, containerPort: 8080}]
    - {name: other, command: [flows-lab, serve, tcp, --port, "8081"]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: shop, labels: {app: server}}
spec:
  nodeName: two
  containers:
    - name: web
      command: [flows-lab, serve, tcp, --port, "8081"]
      ports: [{name: web, containerPort: 8081}]
    - {name: other, command: [flows-lab, serve, tcp, --port, "8080"]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: one, serviceAccountName: buyer}
---
apiVersion: v1
kind: Pod
metadata: {name: thief, namespace: shop, labels: {app: client}}
spec: {nodeName: two, serviceAccountName: thief}
---
apiVersion: v1
kind: Pod
metadata: {name: guest, namespace: lab, labels: {app: client}}
spec: {nodeName: two, serviceAccountName: buyer}
"#;

pub(crate) fn flows(lab: &TestLab, arguments: &[&str]) -> (String, Option<i32>) {
    let output = asked(lab, arguments);
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).expect("text"), output.status.code())
}

pub(crate) fn asked(lab: &TestLab, arguments: &[&str]) -> Output {
    lab.flows().args(arguments).output().expect("flows runs")
}
