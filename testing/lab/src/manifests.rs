//! Manifests that tests of a lab need again and again.

/// A pod with such labels (`app: server`) on a node, with a server on each of the ports (`("tcp", 80)`).
/// Join several of them by `---\n`.
pub fn pod(name: &str, labels: &str, node: &str, servers: &[(&str, u16)]) -> String {
    let servers = servers.iter().map(|(protocol, port)| {
        format!(
            "    - {{name: {protocol}-{port}, command: [flows-lab, serve, {protocol}, --port, \"{port}\"]}}\n"
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
