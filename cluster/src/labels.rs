//! Labels of identities: `source:key=value`, sorted, and how a pod's labels become those of its
//! identity.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Label of a pod's namespace, source `k8s`.
pub const NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// Prefix of the labels that repeat those of the pod's namespace, without the dot, source `k8s`.
pub const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels";
/// Label that every namespace has, its name: the API server sets it, so it needn't be written.
pub const NAME_OF_NAMESPACE: &str = "kubernetes.io/metadata.name";
/// Prefix of labels of the pod itself that are part of its identity only because a NetworkPolicy names
/// them ([`crate::NamedLabels`]), without the dot, source `k8s`.
pub const POD_LABELS: &str = "io.flows.pod.labels";
/// Label of a pod's service account, source `k8s`.
pub const SERVICE_ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";
/// Label of the cluster a pod runs in, source `k8s`.
pub const CLUSTER: &str = "io.cilium.k8s.policy.cluster";
/// Label that names the CIDR group of a prefix, followed by `/` and the group's name, source
/// `cidrgroup`.
pub const CIDR_GROUP: &str = "io.cilium.policy.cidrgroupname";

/// One label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// Where the label comes from: `k8s`, `reserved`, `cidr`, ...
    pub source: Arc<str>,
    /// Key; may contain `.`, `/` and, for CIDRs, `-`.
    pub key: Arc<str>,
    /// Value; empty for reserved and CIDR labels.
    pub value: Arc<str>,
}

impl Label {
    /// A label of its parts.
    pub fn new(source: &str, key: &str, value: &str) -> Self {
        Self {
            source: source.into(),
            key: key.into(),
            value: value.into(),
        }
    }

    /// `reserved:key`.
    pub fn reserved(key: &str) -> Self {
        Self::new("reserved", key, "")
    }

    /// `k8s:key=value`.
    pub fn k8s(key: &str, value: &str) -> Self {
        Self::new("k8s", key, value)
    }

    /// `fqdn:*.example.com`: a selector of `toFQDNs`, as written.
    pub fn fqdn(selector: &str) -> Self {
        Self::new("fqdn", selector, "")
    }

    /// `cidr:10.0.0.0/8`. In IPv6 prefixes `-` stands for `:`, as in Cilium's (`pkg/labels/cidr.go`),
    /// and a zero is put where the key would begin or end with `-`.
    pub fn cidr(prefix: IpNet) -> Self {
        let prefix = prefix.trunc();
        let key = match prefix {
            IpNet::V4(net) => net.to_string(),
            IpNet::V6(net) => {
                let mut addr = net.network().to_string().replace(':', "-");
                if addr.starts_with('-') {
                    addr.insert(0, '0');
                }
                if addr.ends_with('-') {
                    addr.push('0');
                }
                format!("{addr}/{}", net.prefix_len())
            }
        };
        Self::new("cidr", &key, "")
    }

    /// The prefix that a `cidr:` label names; `None` for other labels.
    pub fn as_cidr(&self) -> Option<IpNet> {
        if &*self.source != "cidr" {
            return None;
        }
        if self.key.contains('.') {
            return self.key.parse().ok();
        }
        self.key.replace('-', ":").parse().ok()
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.key)?;
        if !self.value.is_empty() {
            write!(f, "={}", self.value)?;
        }
        Ok(())
    }
}

/// A text that is not a label.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a label: write source:key=value, for example k8s:app=web")]
pub struct InvalidLabel(pub String);

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let (source, rest) = text
            .split_once(':')
            .ok_or_else(|| InvalidLabel(text.to_owned()))?;
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        if source.is_empty() || key.is_empty() {
            return Err(InvalidLabel(text.to_owned()));
        }
        Ok(Self::new(source, key, value))
    }
}

/// The labels of an identity, sorted, each once. Cheap to clone.
#[derive(Clone, Debug, Default, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Labels(Arc<[Label]>);

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        // Where states are compared, nearly all are shared ones.
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl std::hash::Hash for Labels {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Labels {
    /// The labels in order.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No label at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under `key`, from `source` or, if that is `None`, from any source (the first in
    /// order).
    pub fn get(&self, source: Option<&str>, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|label| &*label.key == key && source.is_none_or(|s| s == &*label.source))
            .map(|label| &*label.value)
    }

    /// Has `reserved:key`.
    pub fn is_reserved(&self, key: &str) -> bool {
        self.get(Some("reserved"), key).is_some()
    }

    /// Whether there is `fqdn:selector`.
    pub fn is_fqdn(&self, selector: &str) -> bool {
        self.get(Some("fqdn"), selector).is_some()
    }

    /// The prefix that a CIDR identity stands for.
    pub fn cidr(&self) -> Option<IpNet> {
        self.0.iter().find_map(Label::as_cidr)
    }

    /// The labels in their text form, as Hubble's flows have them.
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(Label::to_string).collect()
    }

    /// Labels of a pod's identity: its own as far as [`is_identity_label`] keeps them, those of its
    /// namespace, which always has [`NAME_OF_NAMESPACE`], and its namespace, service account and cluster.
    pub fn for_pod(
        namespace: &str,
        labels: &BTreeMap<String, String>,
        namespace_labels: &BTreeMap<String, String>,
        service_account: &str,
        cluster: &str,
    ) -> Self {
        let own = labels
            .iter()
            .filter(|(key, _)| is_identity_label(key))
            // A pod can't claim another namespace, account or cluster by labelling itself.
            .filter(|(key, _)| ![NAMESPACE, SERVICE_ACCOUNT, CLUSTER].contains(&key.as_str()))
            .filter(|(key, _)| !key.starts_with(NAMESPACE_LABELS) && !key.starts_with(POD_LABELS))
            .map(|(key, value)| Label::k8s(key, value));
        let of_namespace = namespace_labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            // Whatever stands there, as the API server has it.
            .filter(|(key, _)| *key != NAME_OF_NAMESPACE)
            .chain([(NAME_OF_NAMESPACE, namespace)])
            .map(|(key, value)| Label::k8s(&format!("{NAMESPACE_LABELS}.{key}"), value));
        own.chain(of_namespace)
            .chain([
                Label::k8s(NAMESPACE, namespace),
                Label::k8s(SERVICE_ACCOUNT, service_account),
                Label::k8s(CLUSTER, cluster),
            ])
            .collect()
    }

    pub(crate) fn digest(&self) -> u64 {
        let mut digest = durable::Digest::default();
        for label in self.iter() {
            digest.tagged(b's', label.source.as_bytes());
            digest.tagged(b'k', label.key.as_bytes());
            digest.tagged(b'v', label.value.as_bytes());
        }
        digest.finish()
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        let mut labels: Vec<Label> = labels.into_iter().collect();
        labels.sort();
        labels.dedup();
        Self(labels.into())
    }
}

impl TryFrom<Vec<String>> for Labels {
    type Error = InvalidLabel;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidLabel> {
        texts.iter().map(|text| text.parse()).collect()
    }
}

impl From<Labels> for Vec<String> {
    fn from(labels: Labels) -> Self {
        labels.to_strings()
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, label) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write!(f, "{label}")?;
        }
        Ok(())
    }
}

/// What a label's key may be, for remedies.
pub const LABEL_KEY: &str = "use a name of at most 63 letters, digits, '-', '_' and '.', if wanted with a domain and one '/' before it";
/// What a label's value may be, for remedies.
pub const LABEL_VALUE: &str =
    "use at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";

/// Kubernetes' syntax of label keys: a name, and before it perhaps a domain and a slash.
pub fn is_label_key(key: &str) -> bool {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    !name.is_empty() && is_label_value(name) && domain.is_none_or(is_domain)
}

/// Kubernetes' syntax of label values; an empty one is fine.
pub fn is_label_value(value: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    value.len() <= 63 && value.chars().all(fits) && has_edges(value)
}

/// Kubernetes' syntax of domains and of most objects' names: lower case, in parts with dots between.
pub fn is_domain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let part = |part: &str| !part.is_empty() && part.chars().all(fits) && has_edges(part);
    text.len() <= 253 && text.split('.').all(part)
}

fn has_edges(text: &str) -> bool {
    let fits = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    fits(text.chars().next()) && fits(text.chars().next_back())
}

/// Whether a pod's label takes part in its identity: Cilium's default filter
/// (`pkg/labelsfilter/filter.go`), first match decides, what nothing matches is kept.
pub fn is_identity_label(key: &str) -> bool {
    const KEPT: [&str; 5] = [
        NAMESPACE,
        NAMESPACE_LABELS,
        "app.kubernetes.io",
        CLUSTER,
        SERVICE_ACCOUNT,
    ];
    const DROPPED: [&str; 14] = [
        "io.kubernetes",
        "kubernetes.io",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/controller-uid",
        "k8s.io",
        "pod-template-generation",
        "pod-template-hash",
        "controller-revision-hash",
        "controller-uid",
        "annotation",
        "etcd_node",
        "topology.kubernetes.io",
    ];
    KEPT.iter().any(|prefix| key.starts_with(prefix))
        || !(DROPPED.iter().any(|prefix| key.starts_with(prefix))
            || key.contains("beta.kubernetes.io"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_keeps_and_drops() {
        for (key, kept) in [
            ("app", true),
            ("app.kubernetes.io/name", true),
            ("io.kubernetes.pod.namespace", true),
            ("io.kubernetes.pod.name", false),
            ("kubernetes.io/os", false),
            ("node.beta.kubernetes.io/x", false),
            ("pod-template-hash", false),
            ("controller-revision-hash", false),
            ("statefulset.kubernetes.io/pod-name", false),
            ("apps.kubernetes.io/pod-index", false),
            ("topology.kubernetes.io/zone", false),
            ("example.com/k8s.io", true),
        ] {
            assert_eq!(is_identity_label(key), kept, "{key}");
        }
    }

    #[test]
    fn pod_labels() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let labels = Labels::for_pod(
            "production",
            &map(&[
                ("app", "web"),
                ("pod-template-hash", "5d9"),
                ("io.kubernetes.pod.namespace", "kube-system"),
            ]),
            &map(&[
                ("team", "t"),
                ("kubernetes.io/metadata.name", "kube-system"),
            ]),
            "default",
            "east",
        );
        assert_eq!(
            labels.to_strings(),
            [
                "k8s:app=web",
                "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=production",
                "k8s:io.cilium.k8s.namespace.labels.team=t",
                "k8s:io.cilium.k8s.policy.cluster=east",
                "k8s:io.cilium.k8s.policy.serviceaccount=default",
                "k8s:io.kubernetes.pod.namespace=production",
            ]
        );
    }

    #[test]
    fn text_form_is_read_back() {
        for prefix in ["10.0.0.0/8", "2001:db8::/32", "::1/128", "fe80::/10"] {
            let prefix: IpNet = prefix.parse().expect("a prefix");
            let label = Label::cidr(prefix);
            assert_eq!(label.as_cidr(), Some(prefix), "{label}");
            assert_eq!(label.to_string().parse(), Ok(label));
        }
        let labels: Labels = [Label::reserved("host"), Label::k8s("a", "b=c")]
            .into_iter()
            .collect();
        assert_eq!(Labels::try_from(labels.to_strings()), Ok(labels));
        for bad in ["", "app", ":a=b", "k8s:", "k8s:=b"] {
            assert!(bad.parse::<Label>().is_err(), "{bad:?}");
        }
    }
}
