//! Policies as the generator makes them: what the manifests will say, and nothing that the compiler
//! makes of it. The oracle reads this; the compiler reads the manifests that are written from it.

use std::fmt::Write as _;

use ipnet::IpNet;

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    pub namespace: &'static str,
    pub labels: Vec<(&'static str, &'static str)>,
    pub ips: Vec<std::net::IpAddr>,
    pub node: &'static str,
    /// Named TCP ports.
    pub ports: Vec<(&'static str, u16)>,
}

impl Pod {
    pub fn label(&self, key: &str) -> Option<&'static str> {
        self.labels
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, value)| *value)
    }
}

/// A selector: requirements that must all be met.
#[derive(Clone, Debug)]
pub struct Selector {
    pub requirements: Vec<Requirement>,
    /// Value of an explicit namespace label.
    pub namespace: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub enum Requirement {
    Equals(&'static str, &'static str),
    In(&'static str, Vec<&'static str>),
    NotIn(&'static str, Vec<&'static str>),
    Exists(&'static str),
    DoesNotExist(&'static str),
}

#[derive(Clone, Debug)]
pub enum Peers {
    Endpoints(Vec<Selector>),
    Entities(Vec<&'static str>),
    Cidr(Vec<IpNet>),
    CidrSet(Vec<(IpNet, Vec<IpNet>)>),
}

#[derive(Clone, Debug)]
pub struct Port {
    /// A number, `0` for all, or a name.
    pub port: String,
    pub end: Option<u16>,
    pub protocol: Option<&'static str>,
}

/// An item of `toPorts`.
#[derive(Clone, Debug)]
pub struct PortRule {
    pub ports: Vec<Port>,
    /// It names servers of TLS connections, so that what it allows is redirected.
    pub names_servers: bool,
}

#[derive(Clone, Debug)]
pub enum Ports {
    /// `toPorts`.
    Ports(Vec<PortRule>),
    /// `icmps`: family and type.
    Icmp(Vec<(&'static str, u8)>),
}

/// One element of a rule's list.
#[derive(Clone, Debug)]
pub struct Element {
    pub peers: Option<Peers>,
    pub ports: Option<Ports>,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub subject: Selector,
    /// `ingress`, `ingressDeny`, `egress`, `egressDeny`.
    pub sections: [Option<Vec<Element>>; 4],
    /// `enableDefaultDeny`.
    pub default_deny: [Option<bool>; 2],
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub name: String,
    /// `None`: cluster-wide.
    pub namespace: Option<&'static str>,
    pub rules: Vec<Rule>,
}

/// A cluster and its policies.
#[derive(Clone, Debug)]
pub struct World {
    pub pods: Vec<Pod>,
    pub policies: Vec<Policy>,
}

const SECTIONS: [&str; 4] = ["ingress", "ingressDeny", "egress", "egressDeny"];

impl World {
    /// Whether a rule is of layer 7.
    pub fn has_layer7(&self) -> bool {
        let rules = self.policies.iter().flat_map(|policy| &policy.rules);
        let elements = rules.flat_map(|rule| rule.sections.iter().flatten().flatten());
        elements
            .filter_map(|element| element.ports.as_ref())
            .any(|ports| match ports {
                Ports::Ports(items) => items.iter().any(|item| item.names_servers),
                Ports::Icmp(_) => false,
            })
    }

    /// The manifests, as JSON documents of a YAML stream.
    pub fn manifests(&self) -> String {
        let mut text = String::new();
        for (node, range4, range6, address) in NODES {
            writeln!(
                text,
                "{{apiVersion: v1, kind: Node, metadata: {{name: {node}}}, spec: {{podCIDRs: ['{range4}', '{range6}']}}, \
                 status: {{addresses: [{{type: InternalIP, address: {address}}}]}}}}\n---"
            ).expect("text takes everything");
        }
        for pod in &self.pods {
            let labels: Vec<String> = pod
                .labels
                .iter()
                .map(|(key, value)| format!("{key}: '{value}'"))
                .collect();
            let ips: Vec<String> = pod.ips.iter().map(|ip| format!("{{ip: '{ip}'}}")).collect();
            let ports: Vec<String> = pod
                .ports
                .iter()
                .map(|(name, port)| format!("{{name: {name}, containerPort: {port}}}"))
                .collect();
            writeln!(
                text,
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {}, namespace: {}, labels: {{{}}}}}, \
                 spec: {{nodeName: {}, containers: [{{ports: [{}]}}]}}, status: {{podIPs: [{}]}}}}\n---",
                pod.name,
                pod.namespace,
                labels.join(", "),
                pod.node,
                ports.join(", "),
                ips.join(", ")
            ).expect("text takes everything");
        }
        for policy in &self.policies {
            let (kind, namespace) = match policy.namespace {
                Some(namespace) => ("CiliumNetworkPolicy", format!(", namespace: {namespace}")),
                None => ("CiliumClusterwideNetworkPolicy", String::new()),
            };
            let rules: Vec<String> = policy.rules.iter().map(rule).collect();
            writeln!(
                text,
                "{{apiVersion: cilium.io/v2, kind: {kind}, metadata: {{name: {}{namespace}}}, specs: [\n  {}\n]}}\n---",
                policy.name,
                rules.join(",\n  ")
            ).expect("text takes everything");
        }
        text
    }
}

/// Nodes: name, pod ranges, address. The first is the one whose tables are compiled.
pub const NODES: [(&str, &str, &str, &str); 2] = [
    ("a", "10.1.0.0/16", "fd00:1::/64", "172.16.0.1"),
    ("b", "10.2.0.0/16", "fd00:2::/64", "172.16.0.2"),
];

fn selector(selector: &Selector) -> String {
    let mut labels = Vec::new();
    let mut expressions = Vec::new();
    let quoted = |values: &[&str]| {
        values
            .iter()
            .map(|value| format!("'{value}'"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut expression = |key: &str, operator: &str, values: Option<String>| {
        let values = values
            .map(|values| format!(", values: [{values}]"))
            .unwrap_or_default();
        expressions.push(format!("{{key: '{key}', operator: {operator}{values}}}"));
    };
    for requirement in &selector.requirements {
        match requirement {
            Requirement::Equals(key, value) => labels.push(format!("'{key}': '{value}'")),
            Requirement::In(key, values) => expression(key, "In", Some(quoted(values))),
            Requirement::NotIn(key, values) => expression(key, "NotIn", Some(quoted(values))),
            Requirement::Exists(key) => expression(key, "Exists", None),
            Requirement::DoesNotExist(key) => expression(key, "DoesNotExist", None),
        }
    }
    if let Some(namespace) = selector.namespace {
        labels.push(format!("'k8s:io.kubernetes.pod.namespace': {namespace}"));
    }
    let mut parts = Vec::new();
    if !labels.is_empty() {
        parts.push(format!("matchLabels: {{{}}}", labels.join(", ")));
    }
    if !expressions.is_empty() {
        parts.push(format!("matchExpressions: [{}]", expressions.join(", ")));
    }
    format!("{{{}}}", parts.join(", "))
}

fn rule(rule: &Rule) -> String {
    let mut parts = vec![format!("endpointSelector: {}", selector(&rule.subject))];
    for (name, section) in SECTIONS.iter().zip(&rule.sections) {
        if let Some(elements) = section {
            let ingress = name.starts_with("ingress");
            let elements: Vec<String> = elements
                .iter()
                .map(|element| self::element(element, ingress))
                .collect();
            parts.push(format!("{name}: [{}]", elements.join(", ")));
        }
    }
    let defaults: Vec<String> = ["ingress", "egress"]
        .iter()
        .zip(rule.default_deny)
        .filter_map(|(name, value)| value.map(|value| format!("{name}: {value}")))
        .collect();
    if !defaults.is_empty() {
        parts.push(format!("enableDefaultDeny: {{{}}}", defaults.join(", ")));
    }
    format!("{{{}}}", parts.join(", "))
}

fn element(element: &Element, ingress: bool) -> String {
    let prefix = if ingress { "from" } else { "to" };
    let mut parts = Vec::new();
    let list = |items: Vec<String>| items.join(", ");
    match &element.peers {
        None => {}
        Some(Peers::Endpoints(selectors)) => {
            parts.push(format!(
                "{prefix}Endpoints: [{}]",
                list(selectors.iter().map(selector).collect())
            ));
        }
        Some(Peers::Entities(names)) => {
            parts.push(format!("{prefix}Entities: [{}]", names.join(", ")))
        }
        Some(Peers::Cidr(prefixes)) => {
            let items = prefixes.iter().map(|net| format!("'{net}'")).collect();
            parts.push(format!("{prefix}CIDR: [{}]", list(items)));
        }
        Some(Peers::CidrSet(items)) => {
            let items = items
                .iter()
                .map(|(net, except)| {
                    let except = except.iter().map(|net| format!("'{net}'")).collect();
                    format!("{{cidr: '{net}', except: [{}]}}", list(except))
                })
                .collect();
            parts.push(format!("{prefix}CIDRSet: [{}]", list(items)));
        }
    }
    match &element.ports {
        None => {}
        Some(Ports::Ports(items)) => {
            let items = items
                .iter()
                .map(|item| {
                    let ports = item.ports.iter().map(port).collect();
                    let names = match item.names_servers {
                        true => ", serverNames: [a.org]",
                        false => "",
                    };
                    format!("{{ports: [{}]{names}}}", list(ports))
                })
                .collect();
            parts.push(format!("toPorts: [{}]", list(items)));
        }
        Some(Ports::Icmp(types)) => {
            let fields = types
                .iter()
                .map(|(family, number)| format!("{{family: {family}, type: {number}}}"))
                .collect();
            parts.push(format!("icmps: [{{fields: [{}]}}]", list(fields)));
        }
    }
    format!("{{{}}}", parts.join(", "))
}

fn port(port: &Port) -> String {
    let mut text = format!("{{port: '{}'", port.port);
    if let Some(end) = port.end {
        write!(text, ", endPort: {end}").expect("text takes everything");
    }
    if let Some(protocol) = port.protocol {
        write!(text, ", protocol: {protocol}").expect("text takes everything");
    }
    text.push('}');
    text
}
