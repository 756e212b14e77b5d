//! Label selectors.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cluster::Labels;
use cluster::labels::{CLUSTER, NAMESPACE, NAMESPACE_LABELS, POD_LABELS, is_identity_label};

/// Requirements that labels must all meet. No requirement: everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector {
    /// The requirements, sorted.
    pub requirements: Vec<Requirement>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Requirement {
    /// The label it is about.
    pub key: Key,
    /// What it demands.
    pub demand: Demand,
}

/// A label's key as selectors name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Source the label must have; `None`: any.
    pub source: Option<Arc<str>>,
    /// Key without source.
    pub name: Arc<str>,
}

/// What a requirement demands of the label under its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Demand {
    /// Has one of the values.
    In(BTreeSet<Arc<str>>),
    /// Is absent or has none of the values.
    NotIn(BTreeSet<Arc<str>>),
    /// Is there.
    Exists,
    /// Is absent.
    DoesNotExist,
}

impl Key {
    /// A key as written in a policy: `key`, `any:key` or `source:key`. Only the first colon splits.
    pub fn parse(text: &str) -> Self {
        match text.split_once(':') {
            None => Self::new(None, text),
            Some(("any", name)) => Self::new(None, name),
            Some((source, name)) => Self::new(Some(source), name),
        }
    }

    /// A key of its parts.
    pub fn new(source: Option<&str>, name: &str) -> Self {
        Self {
            source: source.map(Into::into),
            name: name.into(),
        }
    }

    /// A key of source `k8s`.
    pub fn k8s(name: &str) -> Self {
        Self::new(Some("k8s"), name)
    }

    fn is_k8s_or_any(&self) -> bool {
        self.source.as_deref().is_none_or(|source| source == "k8s")
    }

    fn is_namespace(&self) -> bool {
        self.is_k8s_or_any() && &*self.name == NAMESPACE
    }

    fn is_namespace_label(&self) -> bool {
        self.name
            .strip_prefix(NAMESPACE_LABELS)
            .is_some_and(|rest| rest.starts_with('.'))
    }
}

impl Requirement {
    /// `key` has the value.
    pub fn equals(key: Key, value: &str) -> Self {
        Self {
            key,
            demand: Demand::In(BTreeSet::from([value.into()])),
        }
    }

    /// Whether labels meet it.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(self.key.source.as_deref(), &self.key.name);
        match (&self.demand, value) {
            (Demand::In(values), Some(value)) => values.contains(value),
            (Demand::NotIn(values), Some(value)) => !values.contains(value),
            (Demand::Exists, value) => value.is_some(),
            (Demand::DoesNotExist, value) => value.is_none(),
            (Demand::In(_), None) => false,
            (Demand::NotIn(_), None) => true,
        }
    }
}

impl Selector {
    /// A selector of its requirements.
    pub fn new(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        let mut requirements: Vec<Requirement> = requirements.into_iter().collect();
        requirements.sort();
        requirements.dedup();
        Self { requirements }
    }

    /// Whether labels meet all requirements.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }

    pub(crate) fn has_source(&self, source: &str) -> bool {
        self.requirements
            .iter()
            .any(|requirement| requirement.key.source.as_deref() == Some(source))
    }

    fn has(&self, test: impl Fn(&Key) -> bool) -> bool {
        self.requirements
            .iter()
            .any(|requirement| test(&requirement.key))
    }

    /// This selector and one requirement more.
    pub(crate) fn and(mut self, requirement: Requirement) -> Self {
        self.requirements.push(requirement);
        Self::new(self.requirements)
    }

    /// Confines a subject to a namespace, whatever it says itself.
    pub(crate) fn in_namespace_only(mut self, namespace: &str) -> Self {
        self.requirements
            .retain(|requirement| !requirement.key.is_namespace());
        self.and(Requirement::equals(Key::k8s(NAMESPACE), namespace))
    }

    /// Asks for labels that identities leave out under the name that they have where a NetworkPolicy
    /// names them ([`cluster::NamedLabels`]). `only_absence`: in requirements that absence meets alone.
    pub(crate) fn by_named_labels(mut self, only_absence: bool) -> Self {
        for requirement in &mut self.requirements {
            let leaves_out = match requirement.demand {
                Demand::NotIn(_) | Demand::DoesNotExist => true,
                Demand::In(_) | Demand::Exists => false,
            };
            let name = &requirement.key.name;
            if !is_identity_label(name) && (leaves_out || !only_absence) {
                requirement.key = Key::k8s(&format!("{POD_LABELS}.{name}"));
            }
        }
        Self::new(self.requirements)
    }

    /// Confines it to pods. A requirement that absence meets (NotIn, DoesNotExist) is met by nodes and
    /// the world, too, unless another one asks for something that only pods have.
    pub(crate) fn of_pods(self) -> Self {
        let asks_for = |requirement: &Requirement| match requirement.demand {
            Demand::In(_) | Demand::Exists => requirement.key.source.as_deref() == Some("k8s"),
            Demand::NotIn(_) | Demand::DoesNotExist => false,
        };
        if self.requirements.iter().any(asks_for) {
            return self;
        }
        self.and(Requirement {
            key: Key::k8s(NAMESPACE),
            demand: Demand::Exists,
        })
    }

    /// Adds what a peer's selector leaves unsaid: the policy's namespace (`None`: cluster-wide, any
    /// pod), and the local cluster. A selector of reserved labels is left as it is.
    pub(crate) fn scoped(self, namespace: Option<&str>, cluster: &str, any_peer: bool) -> Self {
        if self.has_source("reserved") {
            return self;
        }
        let mut scoped = self;
        if !scoped.has(|key| key.is_namespace() || key.is_namespace_label()) {
            scoped = match namespace {
                Some(namespace) => scoped.and(Requirement::equals(Key::k8s(NAMESPACE), namespace)),
                None if any_peer => scoped,
                None => scoped.and(Requirement {
                    key: Key::k8s(NAMESPACE),
                    demand: Demand::Exists,
                }),
            };
        }
        if !scoped.has(|key| key.is_k8s_or_any() && &*key.name == CLUSTER) {
            scoped = scoped.and(Requirement::equals(Key::k8s(CLUSTER), cluster));
        }
        scoped
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source.as_deref() {
            None | Some("k8s") => {}
            Some(source) => write!(f, "{source}:")?,
        }
        // The long prefixes are noise to a reader.
        match &*self.name {
            NAMESPACE => f.write_str("namespace"),
            name => {
                let behind = |prefix| name.strip_prefix(prefix)?.strip_prefix('.');
                match (behind(NAMESPACE_LABELS), behind(POD_LABELS)) {
                    (Some(label), _) => write!(f, "namespace.{label}"),
                    (None, Some(label)) => f.write_str(label),
                    (None, None) => f.write_str(name),
                }
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let list = |values: &BTreeSet<Arc<str>>| {
            values
                .iter()
                .map(|value| &**value)
                .collect::<Vec<_>>()
                .join("|")
        };
        match &self.demand {
            Demand::In(values) if values.iter().all(|value| value.is_empty()) => {
                write!(f, "{key}")
            }
            Demand::In(values) => write!(f, "{key}={}", list(values)),
            Demand::NotIn(values) => write!(f, "{key}!={}", list(values)),
            Demand::Exists => write!(f, "has {key}"),
            Demand::DoesNotExist => write!(f, "no {key}"),
        }
    }
}

/// As written, without what scoping adds. Empty for no requirement.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, requirement) in self.requirements.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}
