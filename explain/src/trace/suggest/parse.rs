//! Suggestions read as the agent would read them: what isn't sound YAML or isn't taken is not offered.

use cluster::manifest::{self, Document};
use cluster::{Kind, Object, ObjectName, yaml};

use super::yaml::indented;
use policy::rule::{Element, Policy};
use policy::{Config, Direction};

/// The policy that a manifest describes.
pub(super) fn policy(text: &str, config: &Config) -> Option<Policy> {
    let documents = yaml::parse(text).ok()?;
    let mut read = documents
        .into_iter()
        .flat_map(|document| manifest::read(&"suggestion".into(), document));
    let policy = match (read.next(), read.next()) {
        (Some(Document::Object(_, Object::Policy(raw), _)), None) => {
            policy::parse(&raw, config).ok()?
        }
        _ => return None,
    };
    Some(policy)
}

/// The rule that a text describes which is to be added to a policy.
pub(super) fn element(
    name: &ObjectName,
    direction: Direction,
    text: &str,
    config: &Config,
) -> Option<Element> {
    let (version, subject, types) = match (name.kind == Kind::NetworkPolicy, direction) {
        (true, Direction::Ingress) => (
            "networking.k8s.io/v1",
            "podSelector",
            "  policyTypes: [Ingress]\n",
        ),
        (true, Direction::Egress) => (
            "networking.k8s.io/v1",
            "podSelector",
            "  policyTypes: [Egress]\n",
        ),
        (false, _) => ("cilium.io/v2", "endpointSelector", ""),
    };
    let namespace = match &name.namespace {
        Some(namespace) => format!("  namespace: \"{namespace}\"\n"),
        None => String::new(),
    };
    let whole = format!(
        "apiVersion: {version}\nkind: {}\nmetadata:\n  name: suggestion\n{namespace}spec:\n  \
         {subject}: {{}}\n{types}  {direction}:\n{}",
        name.kind.name(),
        indented(text, 2)
    );
    let mut rules = policy(&whole, config)?.rules.into_iter();
    let rule = rules.next()?;
    let statement = match direction {
        Direction::Ingress => rule.ingress,
        Direction::Egress => rule.egress,
    };
    let mut elements = statement?.elements.into_iter();
    elements.next().filter(|_| elements.next().is_none())
}
