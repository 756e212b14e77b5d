//! Objects out of their documents, as far as they are used.

use std::net::IpAddr;
use std::sync::Arc;

use super::fields::{at, parse_cidr, parse_ip};
use super::reader::{Reader, Result};
use super::{ContainerPort, LabelMap, Node, Pod, Service, ServicePort, Workload};
use crate::object::{NamespacedName, ObjectName};
use crate::yaml::{self, Value};

impl Reader<'_> {
    pub(super) fn node(
        &self,
        name: &ObjectName,
        labels: LabelMap,
        document: &yaml::Node,
    ) -> Result<Node> {
        let mut pod_cidrs = self.parsed(document, &["spec", "podCIDRs"], parse_cidr, "a CIDR")?;
        if let Some(node) = at(document, &["spec", "podCIDR"]) {
            let cidr = self.parse(node, "spec.podCIDR", parse_cidr, "a CIDR")?;
            if !pod_cidrs.contains(&cidr) {
                pod_cidrs.insert(0, cidr);
            }
        }
        let (mut internal, mut external) = (Vec::new(), Vec::new());
        for (n, item) in self
            .list(document, &["status", "addresses"])?
            .iter()
            .enumerate()
        {
            let place = match item.text("type") {
                Some("InternalIP") => &mut internal,
                Some("ExternalIP") => &mut external,
                _ => continue,
            };
            let field = format!("status.addresses[{n}].address");
            match item.get("address") {
                Some(node) => place.push(self.parse(node, &field, parse_ip, "an IP address")?),
                None => {
                    return Err(self.problem(item.at, &field, "is missing".into(), ""));
                }
            }
        }
        internal.append(&mut external);
        Ok(Node {
            name: Arc::clone(&name.name),
            labels,
            pod_cidrs,
            addresses: internal,
        })
    }

    pub(super) fn pod(
        &self,
        name: NamespacedName,
        labels: LabelMap,
        document: &yaml::Node,
    ) -> Result<Pod> {
        let mut ips = Vec::new();
        // An empty one is that of a pod that has none yet.
        let is_given = |node: &&yaml::Node| node.value.as_text() != Some("");
        if let Some(node) = at(document, &["status", "podIP"]).filter(is_given) {
            ips.push(self.parse(node, "status.podIP", parse_ip, "an IP address")?);
        }
        for (n, item) in self
            .list(document, &["status", "podIPs"])?
            .iter()
            .enumerate()
        {
            if let Some(node) = item.get("ip").filter(is_given) {
                let ip = self.parse(
                    node,
                    &format!("status.podIPs[{n}].ip"),
                    parse_ip,
                    "an IP address",
                )?;
                if !ips.contains(&ip) {
                    ips.push(ip);
                }
            }
        }
        // A pod that has ended gave its addresses back.
        let phase = self.opt_text(document, &["status", "phase"])?;
        if matches!(phase.as_deref(), Some("Succeeded" | "Failed")) {
            ips.clear();
        }
        let mut ports = Vec::new();
        // Sidecars are init containers that keep running.
        for containers in ["initContainers", "containers"] {
            for (n, container) in self
                .list(document, &["spec", containers])?
                .iter()
                .enumerate()
            {
                let path = format!("spec.{containers}[{n}].ports");
                for (n, item) in self.list(container, &["ports"])?.iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    ports.push(ContainerPort {
                        name: self.opt_text(item, &["name"])?,
                        port: self.port(item, "containerPort", &path)?,
                        protocol: self.protocol(item, &path)?,
                    });
                }
            }
        }
        let account = self.opt_text(document, &["spec", "serviceAccountName"])?;
        let account = match account {
            Some(account) => Some(account),
            None => self.opt_text(document, &["spec", "serviceAccount"])?,
        };
        Ok(Pod {
            workload: self.workload(&labels, document)?,
            uid: self.opt_text(document, &["metadata", "uid"])?,
            node: self.opt_text(document, &["spec", "nodeName"])?,
            host_network: self.opt_bool(document, &["spec", "hostNetwork"])?,
            service_account: account.unwrap_or_else(|| "default".into()),
            name,
            labels,
            ips,
            ports,
        })
    }

    pub(super) fn workload(
        &self,
        labels: &LabelMap,
        document: &yaml::Node,
    ) -> Result<Option<Workload>> {
        let owners = self.list(document, &["metadata", "ownerReferences"])?;
        let controller = owners.iter().find(|owner| {
            owner
                .get("controller")
                .is_some_and(|node| node.value == Value::Bool(true))
        });
        let Some(owner) = controller.or_else(|| owners.first()) else {
            return Ok(None);
        };
        let (Some(kind), Some(name)) = (owner.text("kind"), owner.text("name")) else {
            return Ok(None);
        };
        Ok(Some(Workload::from_owner(kind, name, labels)))
    }

    pub(super) fn service(
        &self,
        name: NamespacedName,
        labels: LabelMap,
        document: &yaml::Node,
    ) -> Result<Service> {
        let mut cluster_ips = Vec::new();
        let given = at(document, &["spec", "clusterIP"]).into_iter();
        let list = self.list(document, &["spec", "clusterIPs"])?;
        for node in given.chain(list) {
            if matches!(&node.value, Value::Text(text) if text.is_empty() || text == "None") {
                continue;
            }
            let ip = self.parse(node, "spec.clusterIPs", parse_ip, "an IP address")?;
            if !cluster_ips.contains(&ip) {
                cluster_ips.push(ip);
            }
        }
        let selector = match at(document, &["spec", "selector"]) {
            Some(_) => Some(self.labels(document, &["spec", "selector"])?),
            None => None,
        };
        Ok(Service {
            name,
            labels,
            selector: selector.filter(|labels| !labels.is_empty()),
            cluster_ips,
            ports: self.service_ports(document.get("spec"), "spec.ports")?,
        })
    }

    pub(super) fn service_ports(
        &self,
        parent: Option<&yaml::Node>,
        path: &str,
    ) -> Result<Vec<ServicePort>> {
        let mut ports = Vec::new();
        let Some(parent) = parent else {
            return Ok(ports);
        };
        for (n, item) in self.list(parent, &["ports"])?.iter().enumerate() {
            let path = format!("{path}[{n}]");
            let target = match item.get("targetPort").map(|node| &node.value) {
                Some(Value::Int(number)) => Some(number.to_string().into()),
                Some(Value::Text(name)) => Some(name.as_str().into()),
                _ => None,
            };
            ports.push(ServicePort {
                name: self.opt_text(item, &["name"])?,
                port: self.port(item, "port", &path)?,
                protocol: self.protocol(item, &path)?,
                target,
            });
        }
        Ok(ports)
    }

    pub(super) fn slice_addresses(&self, document: &yaml::Node) -> Result<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        for (n, endpoint) in self.list(document, &["endpoints"])?.iter().enumerate() {
            let not_ready = at(endpoint, &["conditions", "ready"])
                .is_some_and(|node| node.value == Value::Bool(false));
            if not_ready {
                continue;
            }
            for (m, node) in self.list(endpoint, &["addresses"])?.iter().enumerate() {
                let field = format!("endpoints[{n}].addresses[{m}]");
                addresses.push(self.parse(node, &field, parse_ip, "an IP address")?);
            }
        }
        Ok(addresses)
    }
}
