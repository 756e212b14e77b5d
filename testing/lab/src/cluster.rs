//! The cluster of the policy tests: a server and its friends and strangers, on its own node and on the
//! other.

use std::path::Path;

use lab::traffic::client::Outcome;

use crate::harness::{Family, Probe, TestLab, options};
use crate::manifests::pod;

fn pods() -> String {
    let pods = [
        pod(
            "server",
            "app: server",
            "one",
            &[("tcp", 80), ("tcp", 81), ("udp", 53)],
        ),
        pod("open", "app: open", "one", &[("tcp", 80), ("udp", 53)]),
        pod("friend-near", "role: friend", "one", &[]),
        pod("friend-far", "role: friend", "two", &[]),
        pod("stranger-near", "role: stranger", "one", &[]),
        pod("stranger-far", "role: stranger", "two", &[]),
        pod("caged-near", "role: friend, caged: \"yes\"", "one", &[]),
        pod("caged-far", "role: friend, caged: \"yes\"", "two", &[]),
    ];
    pods.join("---\n")
}

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
///
/// # Panics
/// If that fails.
pub fn up(program: &Path) -> TestLab {
    let mut options = options(program, true);
    options.outside = true;
    let lab = TestLab::up(&options, &format!("{}---{POLICIES}", pods())).unwrap();
    for (server, from) in [("server", "friend-near"), ("open", "stranger-near")] {
        for (port, probe) in [(80, Probe::Tcp), (53, Probe::Udp)] {
            let to = format!("{server}:{port}");
            lab.wait_for(Outcome::Connected, from, &to, probe, Family::V4)
                .unwrap();
        }
    }
    lab
}
