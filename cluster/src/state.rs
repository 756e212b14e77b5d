//! One snapshot of a cluster.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::differ::{changed, same};
use crate::labels::Labels;
use crate::manifest::{
    CidrGroup, EndpointSlice, Ignored, LabelMap, Namespace, Node, Object, Pod, Policy, Service,
};
use crate::named_labels::NamedLabels;
use crate::object::{Kind, NamespacedName, ObjectName};
use crate::problem::Problem;
use crate::shared_map::SharedMap;

/// Everything that is known of a cluster at one moment. Never changes; a source makes a new one,
/// which shares the objects that stayed as they were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Grows with every snapshot of a source, from 1.
    pub generation: u64,
    /// Nodes by name.
    pub nodes: BTreeMap<Arc<str>, Arc<Node>>,
    /// Namespaces by name. A namespace in which pods live need not be here.
    pub namespaces: BTreeMap<Arc<str>, Arc<Namespace>>,
    /// Pods, of which there are the most.
    pub pods: SharedMap<NamespacedName, Arc<Pod>>,
    /// Services.
    pub services: BTreeMap<NamespacedName, Arc<Service>>,
    /// Endpoint slices.
    pub endpoint_slices: BTreeMap<NamespacedName, Arc<EndpointSlice>>,
    /// CIDR groups by name.
    pub cidr_groups: BTreeMap<Arc<str>, Arc<CidrGroup>>,
    /// Policies of all three kinds, rules not yet read.
    pub policies: SharedMap<ObjectName, Arc<Policy>>,
    /// Labels by which those policies choose pods, although identities leave them out.
    pub named_labels: NamedLabels,
    /// What is wrong in the manifests, by origin. Objects named here are absent above, or stand there
    /// in their last good form.
    pub problems: Vec<Problem>,
    /// Objects of kinds that aren't used here.
    pub ignored: Vec<Ignored>,
}

impl State {
    /// Puts an object in its place; an object of the same name is replaced.
    pub fn insert(&mut self, object: Object) {
        match object {
            Object::Node(node) => drop(self.nodes.insert(Arc::clone(&node.name), node)),
            Object::Namespace(ns) => drop(self.namespaces.insert(Arc::clone(&ns.name), ns)),
            Object::Pod(pod) => {
                drop(self.pods.insert(pod.name.clone(), pod));
            }
            Object::Service(service) => {
                drop(self.services.insert(service.name.clone(), service));
            }
            Object::EndpointSlice(slice) => {
                drop(self.endpoint_slices.insert(slice.name.clone(), slice));
            }
            Object::CidrGroup(group) => {
                drop(self.cidr_groups.insert(Arc::clone(&group.name), group));
            }
            Object::Policy(policy) => {
                self.named_labels.add(&policy);
                self.policies.insert(policy.name.clone(), policy);
            }
        }
    }

    /// Whether an object is here in this form.
    pub fn holds(&self, object: &Object) -> bool {
        match object {
            Object::Node(node) => self.nodes.get(&node.name) == Some(node),
            Object::Namespace(ns) => self.namespaces.get(&ns.name) == Some(ns),
            Object::Pod(pod) => self.pods.get(&pod.name) == Some(pod),
            Object::Service(service) => self.services.get(&service.name) == Some(service),
            Object::EndpointSlice(slice) => self.endpoint_slices.get(&slice.name) == Some(slice),
            Object::CidrGroup(group) => self.cidr_groups.get(&group.name) == Some(group),
            Object::Policy(policy) => self.policies.get(&policy.name) == Some(policy),
        }
    }

    /// Whether an object of that name is here.
    pub fn contains(&self, object: &ObjectName) -> bool {
        match object.kind {
            Kind::Node => self.nodes.contains_key(&object.name),
            Kind::Namespace => self.namespaces.contains_key(&object.name),
            Kind::Pod => self.pods.contains_key(&object.namespaced()),
            Kind::Service => self.services.contains_key(&object.namespaced()),
            Kind::EndpointSlice => self.endpoint_slices.contains_key(&object.namespaced()),
            Kind::CiliumCidrGroup => self.cidr_groups.contains_key(&object.name),
            Kind::CiliumNetworkPolicy
            | Kind::CiliumClusterwideNetworkPolicy
            | Kind::NetworkPolicy => self.policies.contains_key(object),
        }
    }

    /// As [`Self::insert`]; says whether it is another one than before.
    pub(crate) fn insert_if_changed(&mut self, object: &Object) -> bool {
        let is_there = self.holds(object);
        if !is_there {
            self.insert(object.clone());
        }
        !is_there
    }

    /// Takes an object out; says whether it was there. The labels that it named stay named until
    /// [`Self::rebuild_named_labels`].
    pub fn remove(&mut self, object: &ObjectName) -> bool {
        match object.kind {
            Kind::Node => self.nodes.remove(&object.name).is_some(),
            Kind::Namespace => self.namespaces.remove(&object.name).is_some(),
            Kind::Pod => self.pods.remove(&object.namespaced()).is_some(),
            Kind::Service => self.services.remove(&object.namespaced()).is_some(),
            Kind::EndpointSlice => self.endpoint_slices.remove(&object.namespaced()).is_some(),
            Kind::CiliumCidrGroup => self.cidr_groups.remove(&object.name).is_some(),
            Kind::CiliumNetworkPolicy
            | Kind::CiliumClusterwideNetworkPolicy
            | Kind::NetworkPolicy => self.policies.remove(object).is_some(),
        }
    }

    /// Collects again the labels that the policies name.
    pub fn rebuild_named_labels(&mut self) {
        self.named_labels = NamedLabels::default();
        for policy in self.policies.values() {
            self.named_labels.add(policy);
        }
    }

    /// Labels of a namespace; none if it isn't known.
    pub fn namespace_labels(&self, namespace: &str) -> &LabelMap {
        static NONE: LabelMap = LabelMap::new();
        self.namespaces
            .get(namespace)
            .map_or(&NONE, |ns| &ns.labels)
    }

    /// Labels of a pod's identity in the cluster of this name.
    pub fn identity_labels(&self, pod: &Pod, cluster: &str) -> Labels {
        self.identity_labels_with(pod, cluster, &self.named_labels)
    }

    /// Labels of a pod's identity, with those that others than the present policies name, too.
    pub fn identity_labels_with(&self, pod: &Pod, cluster: &str, named: &NamedLabels) -> Labels {
        let labels = pod.identity_labels(self.namespace_labels(&pod.name.namespace), cluster);
        if named.is_empty() {
            return labels;
        }
        labels.iter().cloned().chain(named.for_pod(pod)).collect()
    }

    /// Pods placed on a node that have a network of their own.
    pub fn pods_on_node<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Arc<Pod>> {
        self.pods.values().filter(move |pod| pod.is_on(node))
    }

    /// Whether addresses of both families are in use (nodes' pod ranges, pods), so that the world is
    /// told apart by family.
    pub fn is_dual_stack(&self) -> bool {
        let mut families = AddressFamilies::default();
        families.advance(&Self::default(), self);
        families.is_dual_stack()
    }

    /// Whether everything but generation, problems and ignored objects is the same.
    pub fn same_objects(&self, other: &Self) -> bool {
        self.nodes == other.nodes
            && self.namespaces == other.namespaces
            && self.pods == other.pods
            && self.services == other.services
            && self.endpoint_slices == other.endpoint_slices
            && self.cidr_groups == other.cidr_groups
            && self.policies == other.policies
    }
}

/// How many addresses of each family a state has: of pods, and of the ranges that nodes have for them.
/// The default is that of an empty state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressFamilies {
    v4: usize,
    v6: usize,
}

impl AddressFamilies {
    /// Goes on from one state, whose families these are, to another, by what differs.
    pub fn advance(&mut self, from: &State, to: &State) {
        for (_, before, now) in SharedMap::changed(&from.pods, &to.pods, same) {
            for ip in now.iter().flat_map(|pod| &pod.ips) {
                *self.count(*ip) += 1;
            }
            for ip in before.iter().flat_map(|pod| &pod.ips) {
                *self.count(*ip) -= 1;
            }
        }
        for (_, before, now) in changed(&from.nodes, &to.nodes, same) {
            for range in now.iter().flat_map(|node| &node.pod_cidrs) {
                *self.count(range.addr()) += 1;
            }
            for range in before.iter().flat_map(|node| &node.pod_cidrs) {
                *self.count(range.addr()) -= 1;
            }
        }
    }

    fn count(&mut self, ip: IpAddr) -> &mut usize {
        match ip {
            IpAddr::V4(_) => &mut self.v4,
            IpAddr::V6(_) => &mut self.v6,
        }
    }

    /// Whether there are both.
    pub fn is_dual_stack(self) -> bool {
        self.v4 > 0 && self.v6 > 0
    }
}
