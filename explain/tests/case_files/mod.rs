//! The form of `testdata/policies/cases.yaml`: policies, probes and what must come out of each, and a
//! set's policies compiled for whoever its probes ask about. Of `testdata/l7/cases.yaml`, whose probes have
//! `l4`, it is what becomes of the packet; the requests are others' to judge.
#![expect(clippy::panic, reason = "helpers of a test fail it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::manifest::{self, Document, Object};
use cluster::yaml::{self, Node};
use cluster::{LabelMap, ObjectName};
use policy::{Config, Policy, ProxyPorts};

mod fixtures;
mod probe;
pub(crate) mod run;
mod scan;

pub(crate) use fixtures::Fixtures;
pub(crate) use probe::Probe;
pub(crate) use run::Run;

/// The files of cases that are kept here.
pub(crate) const FILES: [&str; 4] = [
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/cases.yaml"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/bug-cases.yaml"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/policies/conformance-cases.yaml"
    ),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/l7/cases.yaml"),
];

/// With rules of layer 7 in force.
pub(crate) fn config() -> Config {
    Config {
        layer7: Some(ProxyPorts {
            tcp: 10_000,
            dns: 10_053,
        }),
        ..Config::default()
    }
}

/// A file of cases.
pub(crate) struct File {
    pub(crate) fixtures: Fixtures,
    pub(crate) sets: Vec<Set>,
}

/// A set of policies, and probes.
pub(crate) struct Set {
    pub(crate) id: String,
    pub(crate) title: String,
    node: Node,
    pub(crate) probes: Vec<Probe>,
}

/// What became of a set's policies.
pub(crate) enum Loaded {
    /// They are fine, or refused as they must be; those that are fine are left.
    Fine(BTreeMap<ObjectName, Arc<Policy>>),
    /// They use what isn't there yet.
    Unsupported(String),
    /// They are refused, or not refused, and must not be.
    Wrong(String),
}

impl File {
    /// Reads a file.
    pub(crate) fn read(text: &str) -> Self {
        let table = &yaml::parse(text).expect("valid YAML")[0];
        Self {
            fixtures: Fixtures::read(table.get("fixtures").expect("fixtures")),
            sets: items(table, "sets").iter().map(Set::read).collect(),
        }
    }
}

impl Set {
    fn read(node: &Node) -> Self {
        Self {
            id: node.text("id").expect("an id").to_owned(),
            title: node.text("title").unwrap_or_default().to_owned(),
            probes: items(node, "probes").iter().map(Probe::read).collect(),
            node: node.clone(),
        }
    }

    /// Reads the policies, and holds refusals against those wanted.
    pub(crate) fn load(&self) -> Loaded {
        let mut policies = BTreeMap::new();
        let mut refused = Vec::new();
        for document in items(&self.node, "policies") {
            for document in manifest::read(&"cases.yaml".into(), document.clone()) {
                match document {
                    Document::Object(name, Object::Policy(raw), _) => {
                        match policy::parse(&raw, &config()) {
                            Ok(policy) => drop(policies.insert(name, Arc::new(policy))),
                            Err(problem) => refused.push(problem.to_string()),
                        }
                    }
                    Document::Bad(_, problem) => refused.push(problem.to_string()),
                    other @ (Document::Object(..) | Document::Ignored(..)) => {
                        refused.push(format!("is no policy: {other:?}"));
                    }
                }
            }
        }
        let refused = refused.into_iter().next();
        // The language itself has a refusal that says so.
        let unsupported = |refused: &str| refused.contains("supported yet");
        match (self.node.text("load_error"), refused) {
            (None, None) => Loaded::Fine(policies),
            (Some(wanted), Some(refused)) => {
                let wanted = wanted.split(" (either order)").next().unwrap_or(wanted);
                if refused.contains(wanted) {
                    Loaded::Fine(policies)
                } else if unsupported(&refused) {
                    Loaded::Unsupported(refused)
                } else {
                    Loaded::Wrong(format!("refused for {refused:?}, not for {wanted:?}"))
                }
            }
            (Some(wanted), None) => Loaded::Wrong(format!("not refused for {wanted:?}")),
            (None, Some(refused)) if unsupported(&refused) => Loaded::Unsupported(refused),
            (None, Some(refused)) => Loaded::Wrong(format!("refused: {refused}")),
        }
    }
}

fn fields(node: &Node) -> &[yaml::Field] {
    node.value.as_map().unwrap_or_default()
}

fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key)
        .and_then(|node| node.value.as_list())
        .unwrap_or_default()
}

fn map_of(node: Option<&Node>) -> LabelMap {
    let Some(node) = node else {
        return LabelMap::new();
    };
    let text = |node: &Node| node.value.as_text().expect("text").to_owned();
    fields(node)
        .iter()
        .map(|field| (field.key.clone(), text(&field.node)))
        .collect()
}

fn number_of(node: &Node, key: &str) -> u16 {
    let number = node
        .get(key)
        .and_then(|node| node.value.as_int())
        .expect("a number");
    u16::try_from(number).expect("a port")
}
