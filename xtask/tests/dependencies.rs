//! Dependencies point one way: the order of docs/ARCHITECTURE.md, asserted from `cargo metadata`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// For each crate of ours, which others of ours it may use. What isn't listed here must be added
/// here first, knowingly.
const MAY_USE: &[(&str, &[&str])] = &[
    ("flows-abi", &[]),
    ("flows-datapath-core", &["flows-abi"]),
    ("flows-datapath-host", &["flows-abi", "flows-datapath-core"]),
    ("flows-l7-wire", &[]),
    ("flows-l7", &["flows-l7-wire"]),
    ("flows-proto", &[]),
    ("flows-flow", &["flows-abi", "flows-proto"]),
    ("flows-durable", &[]),
    (
        "flows-cluster",
        &["flows-abi", "flows-durable", "flows-flow"],
    ),
    (
        "flows-policy",
        &[
            "flows-abi",
            "flows-cluster",
            "flows-datapath-core",
            "flows-datapath-host",
            "flows-l7",
        ],
    ),
    (
        "flows-explain",
        &[
            "flows-abi",
            "flows-cluster",
            "flows-datapath-core",
            "flows-datapath-host",
            "flows-flow",
            "flows-l7",
            "flows-policy",
            "flows-proto",
        ],
    ),
    (
        "flows-loader",
        &["flows-abi", "flows-datapath-core", "flows-datapath-host"],
    ),
    (
        "flows-agent",
        &[
            "flows-abi",
            "flows-cluster",
            "flows-datapath-core",
            "flows-datapath-host",
            "flows-durable",
            "flows-explain",
            "flows-flow",
            "flows-l7",
            "flows-loader",
            "flows-policy",
            "flows-proto",
            "flows-serve",
        ],
    ),
    ("flows-serve", &["flows-proto"]),
    (
        "flows-proxy",
        &[
            "flows-abi",
            "flows-durable",
            "flows-l7",
            "flows-l7-wire",
            "flows-loader",
            "flows-proto",
            "flows-serve",
        ],
    ),
    (
        "flows-relay",
        &["flows-abi", "flows-flow", "flows-proto", "flows-serve"],
    ),
    ("flows-client", &["flows-abi", "flows-flow", "flows-proto"]),
    (
        "flows-cli",
        &[
            "flows-abi",
            "flows-client",
            "flows-cluster",
            "flows-datapath-core",
            "flows-datapath-host",
            "flows-explain",
            "flows-flow",
            "flows-policy",
            "flows-proto",
        ],
    ),
    // For tests and benches: nothing else may use them.
    ("flows-testing", &["flows-flow", "flows-proto"]),
    ("flows-lab-apps", &[]),
    ("flows-ledger", &[]),
    ("flows-testing-program", &[]),
    ("flows-testing-bench", &[]),
    ("flows-testing-cases", &["flows-l7-wire"]),
    (
        "flows-testing-policy",
        &[
            "flows-abi",
            "flows-cluster",
            "flows-datapath-host",
            "flows-l7",
            "flows-policy",
            "flows-testing-cases",
        ],
    ),
    ("flows-testing-kernel", &["flows-abi", "flows-loader"]),
    ("flows-testing-lab", &["flows-lab", "flows-testing-program"]),
    (
        "flows-ui",
        &[
            "flows-abi",
            "flows-client",
            "flows-cluster",
            "flows-explain",
            "flows-flow",
            "flows-policy",
            "flows-proto",
            "flows-serve",
        ],
    ),
    (
        "flows-lab",
        &[
            "flows-abi",
            "flows-client",
            "flows-cluster",
            "flows-datapath-core",
            "flows-datapath-host",
            "flows-flow",
            "flows-lab-apps",
            "flows-loader",
            "flows-policy",
            "flows-proto",
        ],
    ),
];

/// What `cargo metadata` says, by package name; dependencies of tests and benches are left out.
struct Graph {
    /// Direct dependencies of each package.
    uses: BTreeMap<String, BTreeSet<String>>,
    /// The manifest of each package.
    manifests: BTreeMap<String, String>,
    /// The packages in the workspace.
    members: BTreeSet<String>,
}

impl Graph {
    fn read() -> Graph {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();

        let mut names = BTreeMap::new();
        let mut manifests = BTreeMap::new();
        for package in metadata["packages"].as_array().unwrap() {
            names.insert(text(&package["id"]), text(&package["name"]));
            manifests.insert(text(&package["name"]), text(&package["manifest_path"]));
        }
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let found = uses
                .entry(names[node["id"].as_str().unwrap()].clone())
                .or_default();
            for dependency in node["deps"].as_array().unwrap() {
                let kinds = dependency["dep_kinds"].as_array().unwrap();
                if kinds.iter().any(|kind| kind["kind"] != "dev") {
                    found.insert(names[dependency["pkg"].as_str().unwrap()].clone());
                }
            }
        }
        let members = metadata["workspace_members"].as_array().unwrap();
        let members = members
            .iter()
            .map(|id| names[id.as_str().unwrap()].clone())
            .collect();
        Graph {
            uses,
            manifests,
            members,
        }
    }

    /// Everything that is linked into `package`.
    fn links(&self, package: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut next = vec![package];
        while let Some(name) = next.pop() {
            for dependency in &self.uses[name] {
                if found.insert(dependency.as_str()) {
                    next.push(dependency);
                }
            }
        }
        found
    }
}

fn is_aya(package: &str) -> bool {
    package == "aya" || package.starts_with("aya-")
}

#[test]
fn crates_use_each_other_in_one_direction() {
    let graph = Graph::read();
    let may_use: BTreeMap<&str, BTreeSet<&str>> = MAY_USE
        .iter()
        .map(|(name, uses)| (*name, uses.iter().copied().collect()))
        .collect();
    for member in &graph.members {
        let none = BTreeSet::new();
        let allowed = may_use.get(member.as_str()).unwrap_or(&none);
        for used in graph.uses[member]
            .iter()
            .filter(|used| graph.members.contains(*used))
        {
            assert!(
                allowed.contains(used.as_str()),
                "{member} must not use {used}"
            );
        }
    }
}

#[test]
fn what_runs_in_the_kernel_has_no_dependencies_and_no_std() {
    let graph = Graph::read();
    assert_eq!(graph.links("flows-abi"), BTreeSet::new());
    assert_eq!(
        graph.links("flows-datapath-core"),
        BTreeSet::from(["flows-abi"])
    );
    assert_eq!(graph.links("flows-l7-wire"), BTreeSet::new());
    for name in ["flows-abi", "flows-datapath-core", "flows-l7-wire"] {
        let root = Path::new(&graph.manifests[name])
            .with_file_name("src")
            .join("lib.rs");
        let source = std::fs::read_to_string(&root).unwrap();
        assert!(
            source.lines().any(|line| line == "#![no_std]"),
            "{} must say #![no_std]",
            root.display()
        );
    }
}

#[test]
fn aya_is_used_by_the_loader_alone() {
    let graph = Graph::read();
    assert!(
        graph.uses["flows-loader"].contains("aya"),
        "the loader doesn't use aya: inert test"
    );
    for member in graph
        .members
        .iter()
        .filter(|member| *member != "flows-loader")
    {
        let aya: Vec<&String> = graph.uses[member]
            .iter()
            .filter(|used| is_aya(used))
            .collect();
        assert!(aya.is_empty(), "{member} must not use {aya:?}");
    }
    for name in [
        "flows-l7",
        "flows-flow",
        "flows-cluster",
        "flows-policy",
        "flows-explain",
        "flows-relay",
        "flows-cli",
    ] {
        let linked: Vec<&str> = graph
            .links(name)
            .into_iter()
            .filter(|linked| is_aya(linked))
            .collect();
        assert!(linked.is_empty(), "{name} must not link {linked:?}");
    }
}

#[test]
fn vocabulary_state_and_policy_do_not_speak_grpc() {
    let graph = Graph::read();
    for name in [
        "flows-l7",
        "flows-flow",
        "flows-cluster",
        "flows-policy",
        "flows-explain",
    ] {
        let grpc: Vec<&String> = graph.uses[name]
            .iter()
            .filter(|used| used.starts_with("tonic"))
            .collect();
        assert!(grpc.is_empty(), "{name} must not use {grpc:?}");
    }
}

#[test]
fn layer_7_is_judged_without_a_runtime() {
    let graph = Graph::read();
    let linked = graph.links("flows-l7");
    for runtime in ["tokio", "mio", "hyper", "prost"] {
        assert!(
            !linked.contains(runtime),
            "flows-l7 must not link {runtime}"
        );
    }
}
