//! Labels that are no part of identities, but by which NetworkPolicies choose pods.
//!
//! Identities leave out labels that differ from pod to pod (`statefulset.kubernetes.io/pod-name`), so
//! that pods with equal labels share one. Kubernetes lets a NetworkPolicy choose pods by them all the
//! same, and a pod that it isolates must not stay open for that. Where a policy names such a label it
//! becomes part of the identities of the pods that it can mean, under a name that no other selector
//! asks for: what a CiliumNetworkPolicy selects doesn't change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::labels::{Label, POD_LABELS, is_identity_label};
use crate::manifest::{Pod, Policy};
use crate::object::Kind;
use crate::yaml::Node;

/// The labels that policies name, by where the pods are that they can mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedLabels {
    by_namespace: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    everywhere: BTreeSet<Arc<str>>,
}

impl NamedLabels {
    /// Adds what a policy names: its subject's labels, and those by which it leaves peers out. By a peer's
    /// label alone nobody is let in, as in Cilium.
    pub fn add(&mut self, policy: &Policy) {
        let Some(spec) = policy.document.get("spec") else {
            return;
        };
        if policy.name.kind != Kind::NetworkPolicy {
            return;
        }
        let own: Arc<str> = policy.name.namespace.clone().unwrap_or_default();
        let mut subject = Vec::new();
        if let Some(selector) = spec.get("podSelector") {
            let labels = selector
                .get("matchLabels")
                .and_then(|node| node.value.as_map());
            subject.extend(labels.into_iter().flatten().map(|field| field.key.as_str()));
            subject.extend(expressions(selector).map(|(key, _)| key));
        }
        self.insert_keys(Some(&own), subject);
        for (section, peers) in [("ingress", "from"), ("egress", "to")] {
            for peer in items(spec, section).flat_map(|element| items(element, peers)) {
                let Some(selector) = peer.get("podSelector") else {
                    continue;
                };
                let left_out = expressions(selector)
                    .filter(|(_, operator)| matches!(*operator, "NotIn" | "DoesNotExist"))
                    .map(|(key, _)| key);
                let namespace = match peer.get("namespaceSelector") {
                    Some(_) => None,
                    None => Some(&own),
                };
                self.insert_keys(namespace, left_out.collect());
            }
        }
    }

    fn insert_keys(&mut self, namespace: Option<&Arc<str>>, keys: Vec<&str>) {
        for key in keys.into_iter().filter(|key| !is_identity_label(key)) {
            let known = match namespace {
                Some(namespace) => self.by_namespace.entry(Arc::clone(namespace)).or_default(),
                None => &mut self.everywhere,
            };
            known.insert(key.into());
        }
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.by_namespace.is_empty() && self.everywhere.is_empty()
    }

    /// What the identity of a pod has beside the labels that every identity has.
    pub fn for_pod<'a>(&'a self, pod: &'a Pod) -> impl Iterator<Item = Label> + 'a {
        let here = self.by_namespace.get(&pod.name.namespace);
        let keys: BTreeSet<&Arc<str>> =
            here.into_iter().flatten().chain(&self.everywhere).collect();
        keys.into_iter().filter_map(|key| {
            let value = pod.labels.get(&**key)?;
            Some(Label::k8s(&format!("{POD_LABELS}.{key}"), value))
        })
    }
}

fn items<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = &'n Node> {
    let list = node.get(key).and_then(|node| node.value.as_list());
    list.unwrap_or_default().iter()
}

/// Keys and operators of a selector's expressions.
fn expressions(selector: &Node) -> impl Iterator<Item = (&str, &str)> {
    items(selector, "matchExpressions")
        .filter_map(|expression| Some((expression.text("key")?, expression.text("operator")?)))
}
