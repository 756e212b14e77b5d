//! Ports and prefixes that mean something else than they look like.

use cluster::yaml::Node;
use ipnet::IpNet;

use super::Lints;
use super::Severity::Warning;
use policy::Direction;
use policy::rule::{Element, Ports, Rule};

impl Lints<'_, '_> {
    pub(super) fn covers_pods(&mut self, element: &Element, cidr: IpNet) {
        if cidr.prefix_len() == 0 {
            return;
        }
        let nodes = self.context.state.nodes.values();
        let mut ranges = nodes.flat_map(|node| &node.pod_cidrs);
        let range = ranges.find(|range| cidr.contains(*range) || range.contains(&cidr));
        if let Some(range) = range {
            self.warn(
                Warning,
                "prefix-of-pods",
                element.path,
                format!("{cidr} meets the pods' range {range}, but prefixes never mean pods"),
                "select pods by labels",
            );
        }
    }

    pub(super) fn host_bits(&mut self, list: &str) {
        let items = self.node(list).and_then(|node| node.value.as_list());
        let found: Vec<(String, IpNet)> = items
            .unwrap_or_default()
            .iter()
            .enumerate()
            .filter_map(|(n, item)| {
                let (path, text) = match item.get("cidr") {
                    Some(cidr) => (format!("{list}[{n}].cidr"), cidr.value.as_text()?),
                    None => (format!("{list}[{n}]"), item.value.as_text()?),
                };
                let net: IpNet = text.parse().ok()?;
                (net != net.trunc()).then_some((path, net))
            })
            .collect();
        for (path, net) in found {
            let problem = format!("{net} has host bits set: it means {}", net.trunc());
            let remedy = format!("write {}, or {}", net.trunc(), IpNet::from(net.addr()));
            self.warn(Warning, "host-bits", &path, problem, remedy);
        }
    }

    pub(super) fn ports(&mut self, rule: &Rule, direction: Direction, element: &Element) {
        for ports in &element.ports {
            let Ports::Named { protocol, name } = ports else {
                continue;
            };
            if !self.context.knows_pods() {
                continue;
            }
            let has = |pod: &&cluster::Pod| {
                pod.ports.iter().any(|port| {
                    let named = port.name.as_deref();
                    named.is_some_and(|n| n.eq_ignore_ascii_case(name))
                        && port.protocol == *protocol
                })
            };
            let missing = match direction {
                Direction::Ingress => {
                    let pods = self.context.selected(&rule.subject);
                    !pods.is_empty() && !pods.iter().any(has)
                }
                Direction::Egress => !self.context.pods.values().flatten().any(has),
            };
            // ANY is three protocols: one of them is enough.
            let by_another = element.ports.iter().any(|other| {
                matches!(other, Ports::Named { name: same, protocol: other } if same == name && other != protocol)
            });
            if missing && !by_another {
                let whose = match direction {
                    Direction::Ingress => "none of the selected pods",
                    Direction::Egress => "no pod",
                };
                let problem = format!("{whose} has a port named {name}: the rule matches nothing");
                let remedy = "use the number, or name the port in the pod's containers";
                self.warn(Warning, "unknown-port", element.path, problem, remedy);
            }
        }
        let field = format!("{}.toPorts", element.path);
        let Some(list) = self.node(&field).and_then(|node| node.value.as_list()) else {
            return;
        };
        let mut backwards = Vec::new();
        for (n, item) in list.iter().enumerate() {
            let ports = item.get("ports").and_then(|node| node.value.as_list());
            for (m, port) in ports.unwrap_or_default().iter().enumerate() {
                let number = |node: &Node| {
                    let text = node.value.as_text();
                    text.map_or_else(|| node.value.as_int(), |text| text.parse().ok())
                };
                let first = port.get("port").and_then(number);
                let last = port.get("endPort").and_then(|node| node.value.as_int());
                if let (Some(first), Some(last)) = (first, last)
                    && last < first
                    && last != 0
                {
                    backwards.push((format!("{field}[{n}].ports[{m}].endPort"), first, last));
                }
            }
        }
        for (path, first, last) in backwards {
            let problem = format!("{last} is below port {first}: the range is port {first} alone");
            self.warn(Warning, "backwards-range", &path, problem, "swap the two");
        }
    }
}
