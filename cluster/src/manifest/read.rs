//! Documents of a YAML stream into objects.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{
    CidrGroup, ContainerPort, EndpointSlice, LabelMap, Namespace, Node, Object, Pod, Policy,
    Service, ServicePort, Workload,
};
use crate::object::{Kind, NamespacedName, ObjectName, Place, Problem};
use crate::yaml::{self, Position, Value};

/// What became of one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An object of a known kind, with the tree it was read from.
    Object(ObjectName, Object, Arc<yaml::Node>),
    /// An object of a known kind that can't be used. The name is there if it could be read.
    Bad(Option<ObjectName>, Problem),
    /// An object of a kind that isn't used here, for example `apps/v1 Deployment`.
    Ignored(Place, String),
}

/// Reads one document; a `List` gives one result per item. `file` is the name for error messages.
pub fn read(file: &Arc<str>, document: yaml::Node) -> Vec<Document> {
    if document.text("kind") == Some("List") {
        let Value::Map(fields) = document.value else {
            return Vec::new();
        };
        let items = fields.into_iter().find(|field| field.key == "items");
        return match items.map(|field| field.node.value) {
            Some(Value::List(items)) => items
                .into_iter()
                .flat_map(|item| read(file, item))
                .collect(),
            _ => Vec::new(),
        };
    }
    let reader = Reader { file, name: None };
    vec![read_one(reader, document)]
}

fn read_one(mut reader: Reader<'_>, document: yaml::Node) -> Document {
    let kind = match reader.kind(&document) {
        Ok(Ok(kind)) => kind,
        Ok(Err(other)) => return Document::Ignored(reader.place(document.at), other),
        Err(problem) => return Document::Bad(None, *problem),
    };
    let name = match reader.name(kind, &document) {
        Ok(name) => name,
        Err(problem) => return Document::Bad(None, *problem),
    };
    reader.name = Some(name.clone());
    let document = Arc::new(document);
    match reader.object(&name, &document) {
        Ok(object) => Document::Object(name, object, document),
        Err(problem) => Document::Bad(Some(name), *problem),
    }
}

type Result<T> = std::result::Result<T, Box<Problem>>;

struct Reader<'a> {
    file: &'a Arc<str>,
    name: Option<ObjectName>,
}

impl Reader<'_> {
    fn place(&self, at: Position) -> Place {
        Place {
            file: Arc::clone(self.file),
            at,
        }
    }

    fn problem(&self, at: Position, field: &str, problem: String, remedy: &str) -> Box<Problem> {
        Box::new(Problem {
            place: self.place(at),
            object: self.name.clone(),
            field: field.to_owned(),
            problem,
            remedy: remedy.to_owned(),
        })
    }

    fn wrong_type(&self, node: &yaml::Node, field: &str, wanted: &str) -> Box<Problem> {
        let remedy = match node.value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) if wanted == "text" => "quote it",
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => "",
        };
        let problem = format!("is {}, should be {wanted}", node.value.kind());
        self.problem(node.at, field, problem, remedy)
    }

    /// The kind, or the text `apiVersion kind` of one that isn't used here.
    fn kind(&self, document: &yaml::Node) -> Result<std::result::Result<Kind, String>> {
        let text = |field: &str| match document.get(field).map(|node| (&node.value, node)) {
            Some((Value::Text(text), _)) => Ok(text.clone()),
            Some((_, node)) => Err(self.wrong_type(node, field, "text")),
            None => Err(self.problem(
                document.at,
                field,
                "is missing".to_owned(),
                "every object of a manifest needs apiVersion and kind",
            )),
        };
        let (version, kind) = (text("apiVersion")?, text("kind")?);
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let (found, versions): (Kind, &[&str]) = match (group, kind.as_str()) {
            ("", "Node") => (Kind::Node, &["v1"]),
            ("", "Namespace") => (Kind::Namespace, &["v1"]),
            ("", "Pod") => (Kind::Pod, &["v1"]),
            ("", "Service") => (Kind::Service, &["v1"]),
            ("discovery.k8s.io", "EndpointSlice") => {
                (Kind::EndpointSlice, &["discovery.k8s.io/v1"])
            }
            ("cilium.io", "CiliumNetworkPolicy") => (Kind::CiliumNetworkPolicy, &["cilium.io/v2"]),
            ("cilium.io", "CiliumClusterwideNetworkPolicy") => {
                (Kind::CiliumClusterwideNetworkPolicy, &["cilium.io/v2"])
            }
            ("cilium.io", "CiliumCIDRGroup") => (
                Kind::CiliumCidrGroup,
                &["cilium.io/v2", "cilium.io/v2alpha1"],
            ),
            ("networking.k8s.io", "NetworkPolicy") => {
                (Kind::NetworkPolicy, &["networking.k8s.io/v1"])
            }
            _ => {
                return match mistyped(group, &kind) {
                    None => Ok(Err(format!("{version} {kind}"))),
                    Some(meant) => Err(self.problem(
                        document.get("kind").map_or(document.at, |node| node.at),
                        "kind",
                        format!("{kind} of {version} is no known kind"),
                        &format!("did you mean {meant}?"),
                    )),
                };
            }
        };
        if versions.contains(&version.as_str()) {
            return Ok(Ok(found));
        }
        Err(self.problem(
            document
                .get("apiVersion")
                .map_or(document.at, |node| node.at),
            "apiVersion",
            format!("{version} isn't supported for {kind}"),
            &format!("use {}", versions[0]),
        ))
    }

    fn name(&self, kind: Kind, document: &yaml::Node) -> Result<ObjectName> {
        let name = self.opt_text(document, &["metadata", "name"])?;
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            let remedy = format!("give the {} a name", kind.name());
            return Err(self.problem(document.at, "metadata.name", "is missing".into(), &remedy));
        };
        let namespace = self.opt_text(document, &["metadata", "namespace"])?;
        Ok(ObjectName {
            kind,
            namespace: kind
                .is_namespaced()
                .then(|| namespace.unwrap_or_else(|| "default".into())),
            name,
        })
    }

    fn object(&self, name: &ObjectName, document: &Arc<yaml::Node>) -> Result<Object> {
        let own_name = || NamespacedName {
            namespace: name.namespace.clone().unwrap_or_default(),
            name: Arc::clone(&name.name),
        };
        let labels = self.labels(document, &["metadata", "labels"])?;
        Ok(match name.kind {
            Kind::Node => Object::Node(Arc::new(self.node(name, labels, document)?)),
            Kind::Namespace => Object::Namespace(Arc::new(Namespace {
                name: Arc::clone(&name.name),
                labels,
            })),
            Kind::Pod => Object::Pod(Arc::new(self.pod(own_name(), labels, document)?)),
            Kind::Service => {
                Object::Service(Arc::new(self.service(own_name(), labels, document)?))
            }
            Kind::EndpointSlice => Object::EndpointSlice(Arc::new(EndpointSlice {
                name: own_name(),
                service: labels
                    .get("kubernetes.io/service-name")
                    .map(|s| s.as_str().into()),
                addresses: self.slice_addresses(document)?,
                ports: self.service_ports(Some(document), "ports")?,
            })),
            Kind::CiliumCidrGroup => Object::CidrGroup(Arc::new(CidrGroup {
                name: Arc::clone(&name.name),
                labels,
                cidrs: self.parsed(document, &["spec", "externalCIDRs"], parse_cidr, "a CIDR")?,
            })),
            Kind::CiliumNetworkPolicy
            | Kind::CiliumClusterwideNetworkPolicy
            | Kind::NetworkPolicy => Object::Policy(Arc::new(Policy {
                name: name.clone(),
                uid: self.opt_text(document, &["metadata", "uid"])?,
                version: match self.opt_text(document, &["metadata", "resourceVersion"])? {
                    Some(version) => version,
                    None => format!("{:016x}", document.digest()).into(),
                },
                labels,
                document: Arc::clone(document),
                place: self.place(document.at),
                text: Arc::default(),
            })),
        })
    }

    fn node(&self, name: &ObjectName, labels: LabelMap, document: &yaml::Node) -> Result<Node> {
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

    fn pod(&self, name: NamespacedName, labels: LabelMap, document: &yaml::Node) -> Result<Pod> {
        let mut ips = Vec::new();
        if let Some(node) = at(document, &["status", "podIP"]) {
            ips.push(self.parse(node, "status.podIP", parse_ip, "an IP address")?);
        }
        for (n, item) in self
            .list(document, &["status", "podIPs"])?
            .iter()
            .enumerate()
        {
            if let Some(node) = item.get("ip") {
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
            host_network: at(document, &["spec", "hostNetwork"])
                .is_some_and(|node| node.value == Value::Bool(true)),
            service_account: account.unwrap_or_else(|| "default".into()),
            name,
            labels,
            ips,
            ports,
        })
    }

    fn workload(&self, labels: &LabelMap, document: &yaml::Node) -> Result<Option<Workload>> {
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
        Ok(Some(Workload::of_owner(kind, name, labels)))
    }

    fn service(
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

    fn service_ports(&self, parent: Option<&yaml::Node>, path: &str) -> Result<Vec<ServicePort>> {
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

    fn slice_addresses(&self, document: &yaml::Node) -> Result<Vec<IpAddr>> {
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

    fn port(&self, parent: &yaml::Node, key: &str, path: &str) -> Result<u16> {
        let field = format!("{path}.{key}");
        let Some(node) = parent.get(key) else {
            return Err(self.problem(parent.at, &field, "is missing".into(), ""));
        };
        let number = node
            .value
            .as_int()
            .and_then(|number| u16::try_from(number).ok());
        number.filter(|port| *port > 0).ok_or_else(|| {
            self.problem(
                node.at,
                &field,
                "is no port".into(),
                "use a number from 1 to 65535",
            )
        })
    }

    fn protocol(&self, parent: &yaml::Node, path: &str) -> Result<u8> {
        let Some(node) = parent.get("protocol") else {
            return Ok(6);
        };
        match node.value.as_text() {
            Some("TCP") => Ok(6),
            Some("UDP") => Ok(17),
            Some("SCTP") => Ok(132),
            _ => Err(self.problem(
                node.at,
                &format!("{path}.protocol"),
                "is no protocol".into(),
                "use TCP, UDP or SCTP",
            )),
        }
    }

    fn opt_text(&self, node: &yaml::Node, path: &[&str]) -> Result<Option<Arc<str>>> {
        match at(node, path).map(|node| (&node.value, node)) {
            None => Ok(None),
            Some((Value::Text(text), _)) => Ok(Some(text.as_str().into())),
            Some((_, node)) => Err(self.wrong_type(node, &path.join("."), "text")),
        }
    }

    fn list<'n>(&self, node: &'n yaml::Node, path: &[&str]) -> Result<&'n [yaml::Node]> {
        match at(node, path).map(|node| (&node.value, node)) {
            None => Ok(&[]),
            Some((Value::List(items), _)) => Ok(items),
            Some((_, node)) => Err(self.wrong_type(node, &path.join("."), "a list")),
        }
    }

    fn labels(&self, node: &yaml::Node, path: &[&str]) -> Result<LabelMap> {
        let fields = match at(node, path).map(|node| (&node.value, node)) {
            None => return Ok(LabelMap::new()),
            Some((Value::Map(fields), _)) => fields,
            Some((_, node)) => return Err(self.wrong_type(node, &path.join("."), "a mapping")),
        };
        let mut labels = LabelMap::new();
        for field in fields {
            let value = match &field.node.value {
                Value::Text(text) => text.clone(),
                Value::Null => String::new(),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::List(_)
                | Value::Map(_) => {
                    let path = format!("{}.{}", path.join("."), field.key);
                    return Err(self.wrong_type(&field.node, &path, "text"));
                }
            };
            labels.insert(field.key.clone(), value);
        }
        Ok(labels)
    }

    fn parse<T>(
        &self,
        node: &yaml::Node,
        field: &str,
        parse: fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<T> {
        let Some(text) = node.value.as_text() else {
            return Err(self.wrong_type(node, field, wanted));
        };
        parse(text)
            .ok_or_else(|| self.problem(node.at, field, format!("{text:?} is not {wanted}"), ""))
    }

    fn parsed<T>(
        &self,
        node: &yaml::Node,
        path: &[&str],
        parse: fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<Vec<T>> {
        self.list(node, path)?
            .iter()
            .enumerate()
            .map(|(n, item)| self.parse(item, &format!("{}[{n}]", path.join(".")), parse, wanted))
            .collect()
    }
}

/// The kind of a group that a name is probably a slip of. A kind that Kubernetes has but that isn't used
/// here is no slip.
fn mistyped(group: &str, kind: &str) -> Option<&'static str> {
    let known: &[&str] = match group {
        "" => &["Node", "Namespace", "Pod", "Service"],
        "discovery.k8s.io" => &["EndpointSlice"],
        "cilium.io" => &[
            "CiliumNetworkPolicy",
            "CiliumClusterwideNetworkPolicy",
            "CiliumCIDRGroup",
        ],
        "networking.k8s.io" => &["NetworkPolicy"],
        _ => return None,
    };
    crate::spelling::closest(kind, known)
}

fn at<'n>(node: &'n yaml::Node, path: &[&str]) -> Option<&'n yaml::Node> {
    path.iter().try_fold(node, |node, key| node.get(key))
}

fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// A prefix with its host bits cleared; an address alone is a prefix of its full length.
fn parse_cidr(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(net) => Some(net.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}
