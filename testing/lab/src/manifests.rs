//! Manifests that tests of a lab need again and again.

/// A pod with such labels (`app: server`) on a node, with a server on each of the ports (`("tcp", 80)`).
/// What comes to a server is in its log, `tcp-80.log`. Join several pods by `---\n`.
pub fn pod(name: &str, labels: &str, node: &str, servers: &[(&str, u16)]) -> String {
    let servers = servers.iter().map(|(protocol, port)| {
        format!(
            "    - name: {protocol}-{port}\n      \
             command: [flows-lab, serve, {protocol}, --port, \"{port}\"]\n      \
             env: [{{name: FLOWS_LOG, value: debug}}]\n"
        )
    });
    let mut containers: String = servers.collect();
    if !containers.is_empty() {
        containers.insert_str(0, "  containers:\n");
    }
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec:\n  \
         nodeName: {node}\n{containers}"
    )
}

/// A policy `guard` of the pods `app: server`: it lets in what comes from pods with that label `app`, on a
/// port (`80`), or on any.
pub fn guard(from: &str, port: Option<u16>) -> String {
    let ports =
        port.map(|port| format!("    toPorts: [{{ports: [{{port: '{port}', protocol: TCP}}]}}]\n"));
    format!(
        "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: guard, namespace: default}}
spec:
  endpointSelector: {{matchLabels: {{app: server}}}}
  ingress:
  - fromEndpoints: [{{matchLabels: {{app: {from}}}}}]
{}",
        ports.unwrap_or_default()
    )
}
