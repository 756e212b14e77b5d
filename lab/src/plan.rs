//! From manifests to a plan: which nodes and pods there will be, where, with which addresses. Pure;
//! nothing is made here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::manifest::{self, Container, Document};

/// Labs that can have ranges of their own at once.
pub const MAX_LABS: u8 = 100;
/// Nodes of one lab.
pub const MAX_NODES: usize = 240;
/// Directories of a lab that a node's name must not take.
const RESERVED: [&str; 4] = ["manifests", "netns", "pods", "outside"];

/// A node: a network namespace with an address on the underlay and ranges for its pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Number in the lab, from 0, never reused.
    pub number: u16,
    /// Address on the underlay.
    pub ipv4: Ipv4Addr,
    /// Address on the underlay.
    pub ipv6: Ipv6Addr,
    /// Range of its pods.
    pub pods_ipv4: Ipv4Net,
    /// Range of its pods.
    pub pods_ipv6: Ipv6Net,
}

/// A pod: a network namespace joined to its node's by a veth pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Namespace in the cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// Labels, for services' selectors.
    pub labels: BTreeMap<String, String>,
    /// Address.
    pub ipv4: Ipv4Addr,
    /// Address.
    pub ipv6: Ipv6Addr,
    /// The veth's end in the node's namespace; the pod's own end is eth0.
    pub interface: String,
    /// What runs in it.
    pub containers: Vec<Container>,
}

impl Pod {
    /// `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Ethernet address of eth0.
    pub fn mac(&self) -> [u8; 6] {
        mac(0x58, self.ipv4)
    }

    /// Ethernet address of the node's end.
    pub fn host_mac(&self) -> [u8; 6] {
        mac(0x59, self.ipv4)
    }
}

impl Node {
    /// Ethernet address on the underlay.
    pub fn mac(&self) -> [u8; 6] {
        mac(0x5a, self.ipv4)
    }
}

/// A locally administered address that is unique where the IPv4 address is.
pub fn mac(kind: u8, address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x0a, kind, a, b, c, d]
}

/// A service: a name for the pods that its selector picks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Namespace in the cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels that its pods have.
    pub selector: BTreeMap<String, String>,
}

impl Service {
    /// Whether the pod is one of the service's.
    pub fn selects(&self, pod: &Pod) -> bool {
        pod.namespace == self.namespace
            && !self.selector.is_empty()
            && self
                .selector
                .iter()
                .all(|(key, value)| pod.labels.get(key) == Some(value))
    }
}

/// Nodes, pods and services of a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Number of the lab among those that are up, from 0: where allocated addresses come from.
    pub lab: u8,
    /// Nodes, in the order of their numbers.
    pub nodes: Vec<Node>,
    /// Pods, in the order they came.
    pub pods: Vec<Pod>,
    /// Services.
    pub services: Vec<Service>,
}

impl Plan {
    /// An empty plan for a lab.
    pub fn new(lab: u8) -> Self {
        Self {
            lab,
            ..Self::default()
        }
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The pod of that namespace and name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.pods
            .iter()
            .find(|pod| pod.namespace == namespace && pod.name == name)
    }

    /// Adds what the documents describe to the plan, at least `nodes` nodes in all. Pods and nodes
    /// that are there already keep their place and addresses.
    ///
    /// # Errors
    /// [`Error::Plan`] or [`Error::Manifest`] for objects that don't fit; the plan is then
    /// half-changed and must be thrown away.
    pub fn add(&mut self, documents: &[Document], nodes: usize) -> Result<()> {
        for document in documents {
            if document.object.is("Node") {
                self.add_node(&document.object.name, &document.parse()?)?;
            }
        }
        let pods: Vec<(&Document, manifest::Pod)> = documents
            .iter()
            .filter(|document| document.object.is("Pod"))
            .map(|document| Ok((document, document.parse()?)))
            .collect::<Result<_>>()?;
        let named: BTreeSet<&str> = pods
            .iter()
            .filter_map(|(_, pod)| pod.spec.node_name.as_deref())
            .collect();
        for name in named {
            if self.node(name).is_none() {
                self.add_node(name, &empty_node())?;
            }
        }
        let mut number = 1;
        while self.nodes.len() < nodes.max(1) {
            let name = format!("node-{number}");
            if self.node(&name).is_none() {
                self.add_node(&name, &empty_node())?;
            }
            number += 1;
        }
        for (document, pod) in pods {
            self.add_pod(document, &pod)?;
        }
        for document in documents {
            if document.object.is("Service") {
                let service: manifest::Service = document.parse()?;
                let (namespace, name) = (&document.object.namespace, &document.object.name);
                self.services
                    .retain(|old| (&old.namespace, &old.name) != (namespace, name));
                self.services.push(Service {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    selector: service.spec.selector,
                });
            }
        }
        self.check()
    }

    fn add_node(&mut self, name: &str, manifest: &manifest::Node) -> Result<()> {
        if self.node(name).is_some() {
            return Ok(());
        }
        if RESERVED.contains(&name) {
            return Err(Error::Plan {
                what: format!("node {name}: the lab uses this name for a directory of its own"),
            });
        }
        let number = self
            .nodes
            .iter()
            .map(|node| node.number + 1)
            .max()
            .unwrap_or(0);
        if usize::from(number) >= MAX_NODES {
            return Err(Error::Plan {
                what: format!("node {name}: a lab has at most {MAX_NODES} nodes"),
            });
        }
        let mut node = Node {
            name: name.to_owned(),
            number,
            ipv4: Ipv4Addr::new(172, 30, self.lab, low_byte(number) + 10),
            ipv6: Ipv6Addr::new(0xfd00, 0x1ab, self.lab.into(), 0, 0, 0, 0, number + 10),
            pods_ipv4: Ipv4Net::new_assert(
                Ipv4Addr::new(10, 100 + self.lab, low_byte(number), 0),
                24,
            ),
            pods_ipv6: Ipv6Net::new_assert(
                Ipv6Addr::new(0xfd00, 0x1ab, self.lab.into(), number + 1, 0, 0, 0, 0),
                64,
            ),
        };
        let addresses = manifest.status.addresses.iter();
        for address in addresses.filter(|address| address.kind == "InternalIP") {
            match address.address.parse() {
                Ok(IpAddr::V4(ip)) => node.ipv4 = ip,
                Ok(IpAddr::V6(ip)) => node.ipv6 = ip,
                Err(error) => {
                    return Err(Error::Plan {
                        what: format!("node {name}: address {:?}: {error}", address.address),
                    });
                }
            }
        }
        for range in manifest
            .spec
            .pod_cidr
            .iter()
            .chain(&manifest.spec.pod_cidrs)
        {
            match range {
                IpNet::V4(range) => node.pods_ipv4 = range.trunc(),
                IpNet::V6(range) => node.pods_ipv6 = range.trunc(),
            }
        }
        self.nodes.push(node);
        Ok(())
    }

    fn add_pod(&mut self, document: &Document, manifest: &manifest::Pod) -> Result<()> {
        let object = &document.object;
        let refuse = |what: &str| Error::Plan {
            what: format!("{object}: {what}"),
        };
        if manifest.spec.host_network {
            return Err(refuse("hostNetwork is not supported by the lab"));
        }
        let said: BTreeSet<IpAddr> = manifest
            .status
            .pod_ip
            .iter()
            .copied()
            .chain(manifest.status.pod_ips.iter().map(|ip| ip.ip))
            .collect();
        if let Some(old) = self
            .pods
            .iter_mut()
            .find(|pod| pod.namespace == object.namespace && pod.name == object.name)
        {
            let moved = manifest
                .spec
                .node_name
                .as_ref()
                .is_some_and(|node| *node != old.node)
                || said.iter().any(|ip| *ip != old.ipv4 && *ip != old.ipv6);
            if moved || manifest.spec.containers != old.containers {
                return Err(refuse(
                    "node, addresses and containers of a running pod can't change: delete it first",
                ));
            }
            old.labels.clone_from(&manifest.metadata.labels);
            return Ok(());
        }
        let name = match &manifest.spec.node_name {
            Some(name) => name.clone(),
            None => self.emptiest_node(),
        };
        let node = self
            .node(&name)
            .ok_or_else(|| refuse("its node is missing"))?;
        let ipv4 = said.iter().find_map(|ip| match ip {
            IpAddr::V4(ip) => Some(*ip),
            IpAddr::V6(_) => None,
        });
        let ipv6 = said.iter().find_map(|ip| match ip {
            IpAddr::V6(ip) => Some(*ip),
            IpAddr::V4(_) => None,
        });
        let full = || refuse(&format!("no address is left in the ranges of node {name}"));
        let free4 = |ip: &Ipv4Addr| self.pods.iter().all(|pod| pod.ipv4 != *ip);
        let free6 = |ip: &Ipv6Addr| self.pods.iter().all(|pod| pod.ipv6 != *ip);
        let pod = Pod {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            node: name.clone(),
            labels: manifest.metadata.labels.clone(),
            // The first addresses of a range are left to those that manifests name.
            ipv4: match ipv4 {
                Some(ip) => ip,
                None => node
                    .pods_ipv4
                    .hosts()
                    .skip(9)
                    .find(free4)
                    .ok_or_else(full)?,
            },
            ipv6: match ipv6 {
                Some(ip) => ip,
                None => node
                    .pods_ipv6
                    .hosts()
                    .skip(10)
                    .find(free6)
                    .ok_or_else(full)?,
            },
            interface: interface_name(&object.namespace, &object.name),
            containers: manifest.spec.containers.clone(),
        };
        self.pods.push(pod);
        Ok(())
    }

    fn emptiest_node(&self) -> String {
        let load = |node: &Node| self.pods.iter().filter(|pod| pod.node == node.name).count();
        self.nodes
            .iter()
            .min_by_key(|node| load(node))
            .map(|node| node.name.clone())
            .unwrap_or_default()
    }

    /// Two things with one address, interface or file would take each other's traffic.
    fn check(&self) -> Result<()> {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut claim =
            |what: String, owner: String| match taken.insert(what.clone(), owner.clone()) {
                Some(first) => Err(Error::Plan {
                    what: format!("{first} and {owner} both have {what}"),
                }),
                None => Ok(()),
            };
        for node in &self.nodes {
            let owner = format!("node {}", node.name);
            claim(format!("address {}", node.ipv4), owner.clone())?;
            claim(format!("address {}", node.ipv6), owner.clone())?;
            claim(format!("pod range {}", node.pods_ipv4), owner.clone())?;
            claim(format!("pod range {}", node.pods_ipv6), owner)?;
        }
        for pod in &self.pods {
            let owner = format!("pod {}", pod.full_name());
            claim(format!("address {}", pod.ipv4), owner.clone())?;
            claim(format!("address {}", pod.ipv6), owner.clone())?;
            claim(format!("interface {}", pod.interface), owner)?;
        }
        Ok(())
    }
}

fn empty_node() -> manifest::Node {
    manifest::Node {
        metadata: manifest::Metadata::default(),
        spec: manifest::NodeSpec::default(),
        status: manifest::NodeStatus::default(),
    }
}

fn low_byte(number: u16) -> u8 {
    let [_, low] = number.to_be_bytes();
    low
}

/// `lxc` and 8 hex digits: within the kernel's 15 bytes, and the same whenever the pod is made.
fn interface_name(namespace: &str, name: &str) -> String {
    let mut hash: u32 = 0x811c_9dc5; // FNV-1a
    for byte in namespace.bytes().chain([b'/']).chain(name.bytes()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    format!("lxc{hash:08x}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plan(text: &str, nodes: usize) -> Result<Plan> {
        let mut plan = Plan::new(3);
        plan.add(&manifest::split(Path::new("f.yaml"), text)?, nodes)?;
        Ok(plan)
    }

    fn pod(name: &str, more: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\n{more}\n"
        )
    }

    #[test]
    fn pods_are_spread_and_get_addresses_of_their_node() {
        let text = pod("a", "") + &pod("b", "") + &pod("c", "spec: {nodeName: node-2}");
        let plan = plan(&text, 2).unwrap();
        let seen: Vec<_> = plan
            .pods
            .iter()
            .map(|pod| format!("{} {} {} {}", pod.name, pod.node, pod.ipv4, pod.ipv6))
            .collect();
        assert_eq!(
            seen,
            [
                "a node-2 10.103.0.10 fd00:1ab:3:1::a",
                "b node-1 10.103.1.10 fd00:1ab:3:2::a",
                "c node-2 10.103.0.11 fd00:1ab:3:1::b",
            ]
        );
        assert_eq!(plan.nodes[1].ipv4, Ipv4Addr::new(172, 30, 3, 11));
    }

    #[test]
    fn what_manifests_say_is_kept() {
        let text = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: {podCIDR: 10.1.2.0/24}\n\
                    status: {addresses: [{type: InternalIP, address: 192.168.1.1}]}\n"
            .to_owned()
            + &pod("a", "status: {podIP: 10.1.2.10}") + &pod("b", "");
        let mut plan = plan(&text, 1).unwrap();
        assert_eq!(plan.nodes.len(), 1);
        assert_eq!(plan.nodes[0].ipv4, Ipv4Addr::new(192, 168, 1, 1));
        assert_eq!(plan.pods[0].ipv4, Ipv4Addr::new(10, 1, 2, 10));
        assert_eq!(plan.pods[1].ipv4, Ipv4Addr::new(10, 1, 2, 11));
        // The same again changes nothing.
        let before = plan.clone();
        plan.add(&manifest::split(Path::new("f.yaml"), &text).unwrap(), 1)
            .unwrap();
        assert_eq!(plan, before);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cases = [
            (
                pod("a", "status: {podIP: 10.0.0.1}") + &pod("b", "status: {podIP: 10.0.0.1}"),
                "pod default/a and pod default/b both have address 10.0.0.1",
            ),
            (
                pod("a", "spec: {hostNetwork: true}"),
                "pod default/a: hostNetwork is not supported by the lab",
            ),
            (
                pod("a", "spec: {nodeName: manifests}"),
                "node manifests: the lab uses this name for a directory of its own",
            ),
            (
                pod("a", "spec: {nodeName: n}") + &pod("a", "spec: {nodeName: m}"),
                "pod default/a: node, addresses and containers of a running pod can't change: \
                 delete it first",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(plan(&text, 1).unwrap_err().to_string(), expected);
        }
    }
}
