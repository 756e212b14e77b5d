//! The fewest labels that say who a pod is, told from all others that there are.

use std::collections::BTreeMap;

use cluster::Labels;
use cluster::labels::{CLUSTER, NAMESPACE, NAMESPACE_LABELS, SERVICE_ACCOUNT};

use crate::trace::PolicyContext;
use crate::trace::resolved_peer::ResolvedPeer;

/// Labels by which people tell applications apart, the usual ones first.
const IDENTIFYING_KEYS: [&str; 5] = [
    "app",
    "app.kubernetes.io/name",
    "k8s-app",
    "name",
    "component",
];

/// The pods of the cluster by their labels.
pub(super) struct PodsByLabels(BTreeMap<Labels, Vec<String>>);

/// Labels, as a selector of Cilium's writes them.
pub(super) struct UniqueLabels {
    /// Key and value.
    pub(super) labels: Vec<(String, String)>,
    /// Pods that they don't tell it from.
    pub(super) also: Vec<String>,
}

impl PodsByLabels {
    pub(super) fn from_context(context: &PolicyContext<'_>) -> Self {
        let mut by_labels: BTreeMap<Labels, Vec<String>> = BTreeMap::new();
        for pod in context.state.pods.values().filter(|pod| !pod.host_network) {
            let labels = context.state.identity_labels(pod, &context.config.cluster);
            by_labels
                .entry(labels)
                .or_default()
                .push(pod.name.to_string());
        }
        Self(by_labels)
    }

    /// Some of the pods whose labels pass a test; empty if none does.
    pub(super) fn named(&self, test: impl Fn(&Labels) -> bool) -> String {
        const SHOWN: usize = 3;
        let found = self.0.iter().filter(|(labels, _)| test(labels));
        let names: Vec<&str> = found
            .flat_map(|(_, pods)| pods)
            .map(String::as_str)
            .collect();
        let shown = names[..names.len().min(SHOWN)].join(", ");
        match names.len().saturating_sub(SHOWN) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

/// The fewest labels that tell a pod from all others of its namespace; `accounts`: the selector may name
/// its service account. `None` if it has none of its own: what is left would be all of the namespace.
pub(super) fn labels(
    resolved: &ResolvedPeer,
    others: &PodsByLabels,
    namespace: Option<&str>,
    accounts: bool,
) -> Option<UniqueLabels> {
    let own = own_labels(resolved, accounts);
    let home = resolved.namespace();
    let has = |labels: &Labels, (key, value): &(String, String)| {
        labels.get(Some("k8s"), key) == Some(value.as_str())
    };
    let mut alike: Vec<(&Labels, &Vec<String>)> = others
        .0
        .iter()
        .filter(|(labels, _)| **labels != resolved.labels)
        .filter(|(labels, _)| labels.get(Some("k8s"), NAMESPACE) == home)
        .collect();
    let mut chosen: Vec<(String, String)> = Vec::new();
    for label in own {
        // Each has to tell it from somebody; the first one says what it is.
        if chosen.is_empty() || alike.iter().any(|(labels, _)| !has(labels, &label)) {
            alike.retain(|(labels, _)| has(labels, &label));
            chosen.push(label);
        }
        if alike.is_empty() {
            break;
        }
    }
    let only_account = chosen.iter().all(|(key, _)| key == SERVICE_ACCOUNT);
    if chosen.is_empty() || only_account && !alike.is_empty() {
        return None;
    }
    for (key, _) in &mut chosen {
        if key == SERVICE_ACCOUNT {
            *key = format!("k8s:{SERVICE_ACCOUNT}");
        }
    }
    if home != namespace
        && let Some(home) = home.filter(|home| is_label_value(home))
    {
        chosen.push((format!("k8s:{NAMESPACE}"), home.to_owned()));
    }
    Some(UniqueLabels {
        labels: chosen,
        also: alike
            .into_iter()
            .flat_map(|(_, pods)| pods.clone())
            .collect(),
    })
}

/// A pod's own labels, the telling ones first; its service account last, unless it is that of all.
fn own_labels(resolved: &ResolvedPeer, accounts: bool) -> Vec<(String, String)> {
    let own = resolved.labels.iter().filter(|label| {
        let key = &*label.key;
        &*label.source == "k8s"
            && ![NAMESPACE, CLUSTER].contains(&key)
            && !key.starts_with(NAMESPACE_LABELS)
            && !(key == SERVICE_ACCOUNT && (!accounts || &*label.value == "default"))
            && is_label_key(key)
            && is_label_value(&label.value)
    });
    let mut own: Vec<(String, String)> = own
        .map(|label| (label.key.to_string(), label.value.to_string()))
        .collect();
    let rank = |key: &str| match IDENTIFYING_KEYS.iter().position(|known| *known == key) {
        Some(place) => place,
        None if key == SERVICE_ACCOUNT => usize::MAX,
        None => IDENTIFYING_KEYS.len(),
    };
    own.sort_by(|(one, _), (other, _)| rank(one).cmp(&rank(other)).then_with(|| one.cmp(other)));
    own
}

/// What Kubernetes takes as a label's value: it needs no escaping in YAML but quotes.
pub(super) fn is_label_value(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && text.chars().all(fits)
}

fn is_label_key(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    text.len() <= 317 && text.chars().all(fits)
}
