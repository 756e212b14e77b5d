//! The objects of a cluster as far as policy, names of flows and the lab need them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::labels::Labels;
use crate::object::{NamespacedName, ObjectName};
use crate::origin::Origin;
use crate::yaml;

mod fields;
mod kinds;
mod objects;
mod read;
mod reader;
mod stored_policy;
mod workload;
mod write;

pub use read::{Document, Ignored, object_name, read};
pub use workload::Workload;

/// Labels as a manifest writes them.
pub type LabelMap = BTreeMap<String, String>;

/// Any of the objects below.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant holds the type of its name")]
pub enum Object {
    Node(Arc<Node>),
    Namespace(Arc<Namespace>),
    Pod(Arc<Pod>),
    Service(Arc<Service>),
    EndpointSlice(Arc<EndpointSlice>),
    CidrGroup(Arc<CidrGroup>),
    Policy(Arc<Policy>),
}

/// A machine of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Name.
    pub name: Arc<str>,
    /// Labels.
    #[serde(default, skip_serializing_if = "LabelMap::is_empty")]
    pub labels: LabelMap,
    /// Ranges from which its pods get their addresses (`spec.podCIDRs`, `spec.podCIDR`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pod_cidrs: Vec<IpNet>,
    /// Addresses of type InternalIP and ExternalIP (`status.addresses`), internal ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Name.
    pub name: Arc<str>,
    /// Labels.
    #[serde(default, skip_serializing_if = "LabelMap::is_empty")]
    pub labels: LabelMap,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Namespace and name.
    pub name: NamespacedName,
    /// Labels.
    #[serde(default, skip_serializing_if = "LabelMap::is_empty")]
    pub labels: LabelMap,
    /// Unique id, if the manifest has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Arc<str>>,
    /// Node it runs on; `None` before it is placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Arc<str>>,
    /// Its addresses, the first one the primary. Empty before it has any, and once it has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<IpAddr>,
    /// It shares its node's network: it has no identity of its own and `ips` are the node's.
    #[serde(default)]
    pub host_network: bool,
    /// Service account, `default` if none is named.
    pub service_account: Arc<str>,
    /// Ports of all containers, as declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ContainerPort>,
    /// What runs the pod (Deployment, StatefulSet, ...); `None` for a bare pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
}

impl Pod {
    /// Whether it is placed on a node, and has a network of its own there.
    pub fn is_on(&self, node: &str) -> bool {
        self.node.as_deref() == Some(node) && !self.host_network
    }

    /// Labels of the pod's identity. `namespace` are its namespace's labels, empty if the namespace
    /// isn't known.
    pub fn identity_labels(&self, namespace: &LabelMap, cluster: &str) -> Labels {
        Labels::for_pod(
            &self.name.namespace,
            &self.labels,
            namespace,
            &self.service_account,
            cluster,
        )
    }
}

/// A declared port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerPort {
    /// Name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Number.
    pub port: u16,
    /// IP protocol number: 6, 17 or 132.
    pub protocol: u8,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Namespace and name.
    pub name: NamespacedName,
    /// Labels.
    #[serde(default, skip_serializing_if = "LabelMap::is_empty")]
    pub labels: LabelMap,
    /// Selector; `None`: the service's endpoints are given by slices alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelMap>,
    /// Cluster addresses; empty for a headless service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_ips: Vec<IpAddr>,
    /// Ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
}

/// A port of a service or of a slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Number.
    pub port: u16,
    /// IP protocol number: 6, 17 or 132.
    pub protocol: u8,
    /// Port of the pods, a number or a name; `None`: the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Arc<str>>,
}

/// Endpoints of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSlice {
    /// Namespace and name.
    pub name: NamespacedName,
    /// The service's name (label `kubernetes.io/service-name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Arc<str>>,
    /// Addresses of ready endpoints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
}

/// A named group of prefixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CidrGroup {
    /// Name.
    pub name: Arc<str>,
    /// Labels.
    #[serde(default, skip_serializing_if = "LabelMap::is_empty")]
    pub labels: LabelMap,
    /// The prefixes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cidrs: Vec<IpNet>,
}

/// A policy object, its rules not yet read: that is the policy crate's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    try_from = "stored_policy::StoredPolicy",
    into = "stored_policy::StoredPolicy"
)]
pub struct Policy {
    /// Kind, namespace and name.
    pub name: ObjectName,
    /// Unique id, if the manifest has one.
    pub uid: Option<Arc<str>>,
    /// `metadata.resourceVersion`, else a digest of the whole object.
    pub version: Arc<str>,
    /// Labels of the object.
    pub labels: LabelMap,
    /// The whole document with positions.
    pub document: Arc<yaml::Node>,
    /// Where it came from.
    pub origin: Origin,
    /// Its own text in the file; empty if only the document is known.
    pub text: Arc<str>,
}

impl Policy {
    /// Its text, if need be made of the document.
    pub fn yaml(&self) -> String {
        match &*self.text {
            "" => self.document.to_yaml(),
            text => text.to_owned(),
        }
    }
}
