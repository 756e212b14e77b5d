//! What user space knows of addresses, identities and cookies at one moment. A snapshot is made by
//! the enforcing thread, swapped in as a whole, and read by the observer thread, which freezes what it
//! finds into the history: a later snapshot never changes an event that is already stored.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use cluster::{Kind, ObjectName, SharedTable};
use foldhash::{HashMap, fast::RandomState};
use policy::RulePath;

/// A Kubernetes object that owns a pod, as Hubble's `Workload`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Workload {
    /// For example `Deployment`.
    pub kind: String,
    /// Name of the object.
    pub name: String,
}

/// One end of a flow, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Index of the endpoint on this node; 0 = not a pod of this node.
    pub id: u32,
    /// Security identity; 0 = not known.
    pub identity: u32,
    /// Cluster of the pod; empty for what is no pod.
    pub cluster: String,
    /// Namespace; empty for what is no pod.
    pub namespace: String,
    /// Name of the pod; empty for what is no pod.
    pub pod: String,
    /// `source:key=value`, sorted.
    pub labels: Vec<String>,
    /// Owners.
    pub workloads: Vec<Workload>,
    /// Host side of the pod's veth, for pods of this node.
    pub interface: Option<Device>,
}

/// A network interface of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number in the node's network namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
}

/// Rules of a policy that took part in a decision and have the same labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// Kind.
    pub kind: Kind,
    /// Namespace; empty for cluster-wide kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels that the rules carry in Cilium, sorted.
    pub labels: Vec<String>,
    /// `metadata.resourceVersion`, or what stands for it in a directory of files.
    pub resource_version: String,
    /// The rules behind the decision, in order.
    pub rules: Vec<RuleRef>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRef {
    /// Where in the policy.
    pub path: RulePath,
    /// In a reader's words, for example `allows app=auth-service on 5432/TCP`.
    pub text: String,
}

/// How a cookie's rules decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decision {
    /// Nothing judged it.
    #[default]
    None,
    /// Allowed because no policy selects the endpoint in that direction.
    ImplicitAllow,
    /// A rule allows.
    Allow,
    /// A rule denies.
    Deny,
    /// No rule matched; the policies are those that select the endpoint.
    DefaultDeny,
}

/// What a cookie stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The cookie itself.
    pub cookie: u32,
    /// How it decides.
    pub decision: Decision,
    /// The policies behind it, sorted.
    pub policies: Vec<PolicyRef>,
    /// What they want to stand in the log (`spec.log.value`), each once.
    pub log: Vec<String>,
}

/// The node that an event was seen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Cluster.
    pub cluster: String,
    /// Name without the cluster.
    pub name: String,
    /// `key=value`, sorted.
    pub labels: Vec<String>,
}

impl Node {
    /// Hubble's node name: bare in a cluster called `default`, else `<cluster>/<node>`.
    pub fn full_name(&self) -> String {
        if self.cluster.is_empty() || self.cluster == "default" {
            self.name.clone()
        } else {
            format!("{}/{}", self.cluster, self.name)
        }
    }
}

/// An address as it stands in an event: IPv4 in the first word, and whether it is IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrKey {
    words: [u32; 4],
    v6: bool,
}

impl Hash for AddrKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.words[0]) << 32 | u64::from(self.words[1]));
        state.write_u64(u64::from(self.words[2]) << 32 | u64::from(self.words[3]));
    }
}

impl From<IpAddr> for AddrKey {
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(v4) => Self {
                words: [u32::from_ne_bytes(v4.octets()), 0, 0, 0],
                v6: false,
            },
            IpAddr::V6(v6) => {
                let octets = v6.octets();
                let mut words = [0; 4];
                for (word, bytes) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
                    *word = u32::from_ne_bytes(*bytes);
                }
                Self { words, v6: true }
            }
        }
    }
}

impl AddrKey {
    /// The address of the words that the datapath writes.
    pub fn new(words: [u32; 4], v6: bool) -> Self {
        Self { words, v6 }
    }

    /// The words that the datapath writes.
    pub fn words(self) -> [u32; 4] {
        self.words
    }

    /// The address.
    pub fn ip(self) -> IpAddr {
        if self.v6 {
            let mut octets = [0u8; 16];
            for (bytes, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(self.words) {
                *bytes = word.to_ne_bytes();
            }
            IpAddr::from(octets)
        } else {
            IpAddr::from(self.words[0].to_ne_bytes())
        }
    }
}

/// Versions of policies by their names.
pub type PolicyVersions = BTreeMap<ObjectName, Arc<str>>;

/// The snapshot. Shares with the one before what stayed as it was.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    /// This node.
    pub node: Arc<Node>,
    /// Pods and nodes by address.
    pub by_address: SharedTable<AddrKey, Arc<Endpoint>, RandomState>,
    /// Pods of this node by endpoint index.
    pub by_index: HashMap<u32, Arc<Endpoint>>,
    /// What an identity alone tells: labels, but no pod.
    pub by_identity: SharedTable<u32, Arc<Endpoint>, RandomState>,
    /// What cookies stand for.
    pub attributions: SharedTable<u32, Arc<Attribution>, RandomState>,
    /// The policies in force, with their versions.
    pub policies: Arc<PolicyVersions>,
}

/// The names of one event.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Source and destination.
    pub ends: [Arc<Endpoint>; 2],
    /// What decided at the connection's source pod and at its destination pod.
    pub rules: [Arc<Attribution>; 2],
    /// Where the packet leaves the node, as far as that is known.
    pub device: Option<Arc<Device>>,
}
