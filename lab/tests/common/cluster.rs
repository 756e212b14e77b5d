//! The cluster of the policy tests.

use flows_lab::harness::{Family, Probe, TestLab, options};
use flows_lab::traffic::client::Outcome;

use super::common::program;

/// A server and its friends and strangers, on its own node and on the other.
const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  nodeName: one
  containers:
    - {name: tcp, command: [flows-lab, serve, tcp, --port, "80"]}
    - {name: other, command: [flows-lab, serve, tcp, --port, "81"]}
    - name: udp
      command: [flows-lab, serve, udp, --port, "53"]
      env: [{name: FLOWS_LOG, value: debug}]
---
apiVersion: v1
kind: Pod
metadata: {name: open, labels: {app: open}}
spec:
  nodeName: one
  containers:
    - {name: tcp, command: [flows-lab, serve, tcp, --port, "80"]}
    - {name: udp, command: [flows-lab, serve, udp, --port, "53"]}
---
apiVersion: v1
kind: Pod
metadata: {name: friend-near, labels: {role: friend}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Pod
metadata: {name: friend-far, labels: {role: friend}}
spec: {nodeName: two}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger-near, labels: {role: stranger}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger-far, labels: {role: stranger}}
spec: {nodeName: two}
---
apiVersion: v1
kind: Pod
metadata: {name: caged-near, labels: {role: friend, caged: "yes"}}
spec: {nodeName: one}
---
apiVersion: v1
kind: Pod
metadata: {name: caged-far, labels: {role: friend, caged: "yes"}}
spec: {nodeName: two}
"#;

/// Friends may use TCP 80 and UDP 53 of the server; whoever is caged may use TCP 80 of the server
/// and ping the open pod.
const POLICIES: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: server}
spec:
  endpointSelector: {matchLabels: {app: server}}
  ingress:
    - fromEndpoints: [{matchLabels: {role: friend}}]
      toPorts:
        - ports:
            - {port: "80", protocol: TCP}
            - {port: "53", protocol: UDP}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: caged}
spec:
  endpointSelector: {matchLabels: {caged: "yes"}}
  egress:
    - toEndpoints: [{matchLabels: {app: server}}]
      toPorts: [{ports: [{port: "80", protocol: TCP}]}]
    - toEndpoints: [{matchLabels: {role: stranger}}]
"#;

/// Brings it up, with its servers listening and a host outside.
pub(crate) fn up() -> TestLab {
    let mut options = options(program(), true);
    options.outside = true;
    let lab = TestLab::up(&options, &format!("{PODS}---{POLICIES}")).unwrap();
    for (server, from) in [("server", "friend-near"), ("open", "stranger-near")] {
        for (port, probe) in [(80, Probe::Tcp), (53, Probe::Udp)] {
            let to = format!("{server}:{port}");
            lab.wait_for(Outcome::Connected, from, &to, probe, Family::V4)
                .unwrap();
        }
    }
    lab
}
