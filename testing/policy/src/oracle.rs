//! The oracle: reads the rules as they are written and scans all of them for every probe. Slow, plain,
//! and without a line in common with the compiler or the lookup. Semantics: Cilium's documentation of
//! policy rules, and the table of cases.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{Element, Peers, Pod, Policy, Port, Ports, Requirement, Rule, Selector, World};

/// The other side of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Index of a pod.
    Pod(usize),
    /// The node of the pod that is judged.
    Host,
    /// Another node.
    RemoteNode,
    /// An address outside of the cluster.
    World(IpAddr),
    /// An address of a pod range that is no known pod's.
    Unmanaged,
}

/// A packet that opens a connection, judged at one pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// Index of the pod that is judged.
    pub subject: usize,
    pub egress: bool,
    pub peer: Peer,
    pub protocol: u8,
    /// Destination port; ICMP: type.
    pub port: u16,
}

/// What has to come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No policy enforces the direction and none allows or denies this.
    NotEnforced,
    /// One or more of these policies allow it.
    Allowed(BTreeSet<String>),
    /// One or more of these policies allow it, and one of them has rules of layer 7 for the port.
    Redirected(BTreeSet<String>),
    /// The pod's own node.
    Localhost,
    /// One or more of these policies deny it.
    Denied(BTreeSet<String>),
    /// All of these select the pod, and nothing allows it.
    DefaultDeny(BTreeSet<String>),
}

/// Scans all rules.
pub fn answer(world: &World, probe: &Probe) -> Answer {
    let subject = &world.pods[probe.subject];
    let direction = usize::from(probe.egress);
    let (mut allow, mut deny, mut selecting) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut enforced, mut redirected) = (false, false);
    for policy in &world.policies {
        for rule in &policy.rules {
            if !selects(policy, rule, subject) {
                continue;
            }
            let allows = rule.sections[2 * direction].as_deref().unwrap_or_default();
            let denies = rule.sections[2 * direction + 1]
                .as_deref()
                .unwrap_or_default();
            if allows.is_empty() && denies.is_empty() {
                continue;
            }
            selecting.insert(policy.name.clone());
            enforced |= rule.default_deny[direction].unwrap_or(true);
            let matches = |element: &&Element| element_matches(world, policy, element, probe);
            if allows.iter().any(|element| matches(&element)) {
                allow.insert(policy.name.clone());
            }
            redirected |= allows
                .iter()
                .any(|element| matches(&element) && names_servers(world, element, probe));
            if denies.iter().any(|element| matches(&element)) {
                deny.insert(policy.name.clone());
            }
        }
    }
    if !deny.is_empty() {
        Answer::Denied(deny)
    } else if redirected {
        Answer::Redirected(allow)
    } else if !allow.is_empty() {
        Answer::Allowed(allow)
    } else if !enforced {
        Answer::NotEnforced
    } else if !probe.egress && probe.peer == Peer::Host {
        Answer::Localhost
    } else {
        Answer::DefaultDeny(selecting)
    }
}

fn selects(policy: &Policy, rule: &Rule, pod: &Pod) -> bool {
    match policy.namespace {
        // Its own namespace, whatever the selector says of namespaces.
        Some(namespace) => pod.namespace == namespace && labels_match(&rule.subject, pod),
        None => {
            labels_match(&rule.subject, pod)
                && rule
                    .subject
                    .namespace
                    .is_none_or(|namespace| namespace == pod.namespace)
        }
    }
}

fn labels_match(selector: &Selector, pod: &Pod) -> bool {
    selector
        .requirements
        .iter()
        .all(|requirement| match requirement {
            Requirement::Equals(key, value) => pod.label(key) == Some(value),
            Requirement::In(key, values) => {
                pod.label(key).is_some_and(|value| values.contains(&value))
            }
            Requirement::NotIn(key, values) => {
                pod.label(key).is_none_or(|value| !values.contains(&value))
            }
            Requirement::Exists(key) => pod.label(key).is_some(),
            Requirement::DoesNotExist(key) => pod.label(key).is_none(),
        })
}

fn element_matches(world: &World, policy: &Policy, element: &Element, probe: &Probe) -> bool {
    // An empty list of ports is as good as none.
    let ports = match &element.ports {
        None => None,
        Some(Ports::Ports(items)) if items.is_empty() => None,
        Some(ports) => Some(ports),
    };
    let peer_matches = match &element.peers {
        // No peers and no ports: nothing; no peers but ports: anyone.
        None => ports.is_some(),
        Some(peers) => is_peer(world, policy, peers, probe),
    };
    peer_matches && ports.is_none_or(|ports| port_matches(world, ports, probe))
}

fn is_peer(world: &World, policy: &Policy, peers: &Peers, probe: &Probe) -> bool {
    match (peers, &probe.peer) {
        (Peers::Endpoints(selectors), Peer::Pod(index)) => {
            let pod = &world.pods[*index];
            selectors.iter().any(|selector| {
                let home = selector.namespace.or(policy.namespace);
                home.is_none_or(|namespace| namespace == pod.namespace)
                    && labels_match(selector, pod)
            })
        }
        // Nodes and the world have no namespace, which every selector here asks for.
        (Peers::Endpoints(_), _) => false,
        (Peers::Entities(names), peer) => names.iter().any(|name| match (*name, peer) {
            ("all", _) => true,
            ("world", Peer::World(_)) => true,
            ("cluster", peer) => !matches!(peer, Peer::World(_)),
            ("host", Peer::Host) => true,
            ("remote-node", Peer::RemoteNode) => true,
            ("unmanaged", Peer::Unmanaged) => true,
            _ => false,
        }),
        (Peers::Cidr(prefixes), Peer::World(ip)) => prefixes.iter().any(|net| net.contains(ip)),
        (Peers::CidrSet(items), Peer::World(ip)) => items
            .iter()
            .any(|(net, except)| net.contains(ip) && !except.iter().any(|net| net.contains(ip))),
        // Prefixes never mean pods or nodes.
        (Peers::Cidr(_) | Peers::CidrSet(_), _) => false,
    }
}

fn port_matches(world: &World, ports: &Ports, probe: &Probe) -> bool {
    match ports {
        Ports::Icmp(types) => types.iter().any(|(family, number)| {
            let protocol = if *family == "IPv4" { 1 } else { 58 };
            probe.protocol == protocol && probe.port == u16::from(*number)
        }),
        Ports::Ports(items) => items
            .iter()
            .flat_map(|item| &item.ports)
            .any(|port| one_port(world, port, probe)),
    }
}

/// Whether an element that matches names servers on the port.
fn names_servers(world: &World, element: &Element, probe: &Probe) -> bool {
    let Some(Ports::Ports(items)) = &element.ports else {
        return false;
    };
    items
        .iter()
        .filter(|item| item.names_servers)
        .flat_map(|item| &item.ports)
        .any(|port| one_port(world, port, probe))
}

fn one_port(world: &World, port: &Port, probe: &Probe) -> bool {
    let protocol = match port.protocol {
        None | Some("ANY") => matches!(probe.protocol, 6 | 17 | 132),
        Some("TCP") => probe.protocol == 6,
        Some("UDP") => probe.protocol == 17,
        Some("SCTP") => probe.protocol == 132,
        Some(_) => false,
    };
    if !protocol {
        return false;
    }
    match port.port.parse::<u16>() {
        Ok(0) => true,
        Ok(first) => {
            let last = port.end.filter(|end| *end >= first).unwrap_or(first);
            (first..=last).contains(&probe.port)
        }
        // A name means a TCP port of the destination pod, or of pods just like it.
        Err(_) => {
            let destination = match (probe.egress, &probe.peer) {
                (false, _) => Some(probe.subject),
                (true, Peer::Pod(index)) => Some(*index),
                (true, _) => None,
            };
            let Some(index) = destination else {
                return false;
            };
            let pod = &world.pods[index];
            let named = |pod: &Pod| {
                probe.protocol == 6
                    && pod
                        .ports
                        .iter()
                        .any(|(name, number)| *name == port.port && *number == probe.port)
            };
            if probe.egress {
                let twin =
                    |other: &&Pod| other.namespace == pod.namespace && other.labels == pod.labels;
                world.pods.iter().filter(twin).any(named)
            } else {
                named(pod)
            }
        }
    }
}
