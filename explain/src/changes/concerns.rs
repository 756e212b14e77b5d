//! Which changes can concern a pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{
    Kind, LabelMap, Labels, NamedLabels, NamespacedName, Object, ObjectChange, ObjectName, Pod,
    State,
};
use policy::rule::{Peer, Policy};
use policy::{Direction, Language, group_labels};
use thiserror::Error;

/// Neither the present state nor the changes know the pod.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no pod {0}, and none is known to have been")]
pub struct NoSuchPod(pub NamespacedName);

/// What a pod was and is, and the policies that selected it.
#[derive(Debug)]
pub struct PodScope {
    pod: NamespacedName,
    /// The forms of policies that select it with any of the labels that it had.
    selecting: BTreeMap<ObjectName, Vec<Arc<Policy>>>,
    /// Labels of the namespaces now.
    namespaces: BTreeMap<Arc<str>, LabelMap>,
    named: NamedLabels,
    cluster: String,
}

impl PodScope {
    /// Looks at the present state, with the policies in force, and at all changes that are known.
    ///
    /// # Errors
    /// Nobody knows the pod.
    pub fn new<'l>(
        pod: NamespacedName,
        present: &State,
        policies: &BTreeMap<ObjectName, Arc<Policy>>,
        changes: &[&ObjectChange],
        language: impl Into<Language<'l>>,
    ) -> Result<Self, NoSuchPod> {
        let language = language.into();
        let cluster = language.cluster;
        let mut named = present.named_labels.clone();
        let forms = || {
            changes
                .iter()
                .flat_map(|change| [&change.before, &change.after])
        };
        let forms = || forms().flatten();
        for form in forms() {
            if let Object::Policy(policy) = form {
                named.add(policy);
            }
        }
        let pods = forms().filter_map(|form| {
            if let Object::Pod(pod) = form {
                Some(&**pod)
            } else {
                None
            }
        });
        let own = pods.chain(present.pods.get(&pod).map(|pod| &**pod));
        let own: Vec<&Pod> = own.filter(|form| form.name == pod).collect();
        if own.is_empty() {
            return Err(NoSuchPod(pod));
        }
        let none = LabelMap::new();
        let namespaces = forms().filter_map(|form| {
            if let Object::Namespace(namespace) = form {
                Some(namespace)
            } else {
                None
            }
        });
        let own_namespace = namespaces.filter(|form| form.name == pod.namespace);
        let of_namespace: Vec<&LabelMap> = own_namespace
            .map(|form| &form.labels)
            .chain([present.namespace_labels(&pod.namespace), &none])
            .collect();
        let mut labels = BTreeSet::new();
        for form in own {
            for namespace in &of_namespace {
                labels.insert(identity_labels(form, namespace, &named, cluster));
            }
        }
        let mut selecting: BTreeMap<ObjectName, Vec<Arc<Policy>>> = BTreeMap::new();
        let past = forms().filter_map(|form| {
            if let Object::Policy(raw) = form {
                policy::parse(raw, language).ok()
            } else {
                None
            }
        });
        let past = past.map(Arc::new);
        for policy in policies.values().cloned().chain(past) {
            let mut rules = policy.rules.iter();
            if rules.any(|rule| labels.iter().any(|labels| rule.subject.matches(labels))) {
                let forms = selecting.entry(policy.name.clone()).or_default();
                if !forms.contains(&policy) {
                    forms.push(policy);
                }
            }
        }
        let namespaces = present.namespaces.values();
        let namespaces = namespaces.map(|ns| (Arc::clone(&ns.name), ns.labels.clone()));
        Ok(Self {
            pod,
            selecting,
            namespaces: namespaces.collect(),
            named,
            cluster: cluster.to_owned(),
        })
    }

    /// Why a change can concern the pod; `None` if it can't, as far as can be told: changes of other
    /// namespaces' labels, of services and of nodes are left out.
    pub fn concern(&self, change: &ObjectChange) -> Option<String> {
        let name = &change.name;
        match name.kind {
            Kind::Pod if name.namespaced() == self.pod => Some("the pod itself".to_owned()),
            Kind::Namespace => {
                (name.name == self.pod.namespace).then(|| "its namespace".to_owned())
            }
            Kind::CiliumNetworkPolicy
            | Kind::CiliumClusterwideNetworkPolicy
            | Kind::NetworkPolicy => {
                // A form that doesn't select it any more is one of the same policy.
                self.selecting
                    .contains_key(name)
                    .then(|| "selects it".to_owned())
            }
            Kind::Pod => {
                let labels = |form: &Option<Object>| {
                    let Some(Object::Pod(pod)) = form else {
                        return None;
                    };
                    let none = LabelMap::new();
                    let namespace = self.namespaces.get(&pod.name.namespace);
                    let namespace = namespace.unwrap_or(&none);
                    Some(identity_labels(pod, namespace, &self.named, &self.cluster))
                };
                let (before, after) = (labels(&change.before), labels(&change.after));
                self.peer_of(|peer| {
                    let Peer::Labels(selector) = peer else {
                        return false;
                    };
                    let matches = |labels: &Option<Labels>| {
                        labels
                            .as_ref()
                            .is_some_and(|labels| selector.matches(labels))
                    };
                    matches(&before) != matches(&after)
                })
            }
            Kind::CiliumCidrGroup => {
                let forms = [&change.before, &change.after];
                let groups: Vec<(&str, Labels)> = forms
                    .into_iter()
                    .flatten()
                    .filter_map(|form| {
                        if let Object::CidrGroup(group) = form {
                            Some((&*group.name, group_labels(group).collect()))
                        } else {
                            None
                        }
                    })
                    .collect();
                self.peer_of(|peer| match peer {
                    Peer::CidrGroup { name, .. } => {
                        groups.iter().any(|(group, _)| *group == &**name)
                    }
                    Peer::CidrGroups { selector, .. } => {
                        groups.iter().any(|(_, labels)| selector.matches(labels))
                    }
                    Peer::All
                    | Peer::Labels(_)
                    | Peer::Reserved(_)
                    | Peer::Cidr(_)
                    | Peer::Name(_) => false,
                })
            }
            Kind::Node | Kind::Service | Kind::EndpointSlice => None,
        }
    }

    /// The first policy that selects the pod and has such a peer.
    fn peer_of(&self, is: impl Fn(&Peer) -> bool) -> Option<String> {
        let has = |policy: &Arc<Policy>| {
            policy.rules.iter().any(|rule| {
                let statements = Direction::ALL.into_iter();
                let statements = statements.filter_map(|direction| rule.statement(direction));
                let mut elements = statements.flat_map(|statement| &statement.elements);
                elements.any(|element| element.peers.iter().any(&is))
            })
        };
        let mut selecting = self.selecting.iter();
        let (name, _) = selecting.find(|(_, forms)| forms.iter().any(has))?;
        Some(format!("peer of {name}"))
    }
}

fn identity_labels(pod: &Pod, namespace: &LabelMap, named: &NamedLabels, cluster: &str) -> Labels {
    let labels = pod.identity_labels(namespace, cluster);
    labels.iter().cloned().chain(named.for_pod(pod)).collect()
}
