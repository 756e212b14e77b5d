//! What each rule has to do with a connection: a scan over the rules as they were read, without tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::labels::NAMESPACE;
use cluster::{CidrGroup, Identity, Labels, ObjectName, Origin};

use super::resolved_peer::ResolvedPeer;
use super::{PortText, protocol_name};
use policy::Direction;
use policy::NamedPort;
use policy::RulePath;
use policy::bounded;
use policy::cancel;
use policy::rule::{Element, Peer, Policy, Ports, protocol};
use policy::selector::{Key, Requirement, Selector};

/// One end of a connection and what is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct MatchInput<'a> {
    /// Seen from the subject.
    pub direction: Direction,
    /// Who is judged.
    pub subject: &'a ResolvedPeer,
    /// The other side.
    pub peer: &'a ResolvedPeer,
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port; ICMP: type.
    pub port: u16,
    /// Any port is asked about: a rule for some ports matches.
    pub any_port: bool,
    /// CIDR groups by name.
    pub groups: &'a BTreeMap<Arc<str>, Arc<CidrGroup>>,
    /// Named ports of all pods of each identity.
    pub named_ports: &'a BTreeMap<Identity, BTreeSet<NamedPort>>,
}

/// A policy that selects the end, and what became of its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFinding {
    /// Its name.
    pub policy: ObjectName,
    /// Its version.
    pub version: Arc<str>,
    /// Where it came from, if that is known.
    pub origin: Option<Origin>,
    /// It puts the direction in default deny.
    pub default_deny: bool,
    /// The rules that select the end: `spec`, `specs[1]`.
    pub selecting: Vec<RulePath>,
    /// Elements of those rules for the direction.
    pub rules: Vec<RuleFinding>,
}

/// An element of a rule, and why it doesn't match if it doesn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFinding {
    /// Where in the policy: `spec.ingress[0]`.
    pub path: RulePath,
    /// It denies.
    pub deny: bool,
    /// Peers and ports.
    pub text: Arc<str>,
    /// Conditions that failed, in the order in which they are asked; empty: it matches.
    pub failed: Vec<String>,
    /// It is about addresses that are learned for names.
    pub of_names: bool,
    /// How much would have to be otherwise for it to match: labels of the peer that it comes nearest to, and
    /// the port.
    pub distance: usize,
}

impl RuleFinding {
    /// Whether it is about the connection.
    pub fn matched(&self) -> bool {
        self.failed.is_empty()
    }
}

/// The distance of a rule for others altogether.
const FAR: usize = 1000;

/// The rule that allows and comes nearest to matching, and the policy that has it; `None` if there is none, or
/// each is about another peer and another port.
pub(super) fn nearest(findings: &[PolicyFinding]) -> Option<(&PolicyFinding, &RuleFinding)> {
    let rules = findings
        .iter()
        .flat_map(|finding| finding.rules.iter().map(move |rule| (finding, rule)));
    rules
        .filter(|(_, rule)| !rule.deny && rule.failed.len() == 1 && rule.distance < FAR)
        .min_by_key(|(_, rule)| rule.distance)
}

/// Looks at all rules that select the end.
pub fn scan(
    policies: &BTreeMap<ObjectName, Arc<Policy>>,
    input: &MatchInput<'_>,
    origin: impl Fn(&ObjectName) -> Option<Origin>,
) -> Vec<PolicyFinding> {
    let mut findings = Vec::new();
    for policy in cancel::each(policies.values()) {
        let mut finding = PolicyFinding {
            policy: policy.name.clone(),
            version: Arc::clone(&policy.version),
            origin: origin(&policy.name),
            default_deny: false,
            selecting: Vec::new(),
            rules: Vec::new(),
        };
        for rule in &policy.rules {
            let Some(statement) = rule.statement(input.direction) else {
                continue;
            };
            if !rule.subject.matches(&input.subject.labels) {
                continue;
            }
            finding.selecting.push(rule.path);
            finding.default_deny |= statement.default_deny;
            finding
                .rules
                .extend(statement.elements.iter().map(|element| {
                    RuleFinding {
                        path: element.path,
                        deny: element.deny,
                        text: Arc::clone(&element.text),
                        failed: input.failed(element),
                        of_names: element
                            .peers
                            .iter()
                            .any(|peer| matches!(peer, Peer::Name(_))),
                        distance: input.distance(element),
                    }
                }));
        }
        if !finding.selecting.is_empty() {
            findings.push(finding);
        }
    }
    findings
}

impl MatchInput<'_> {
    fn failed(&self, element: &Element) -> Vec<String> {
        self.peer_failed(element)
            .into_iter()
            .chain(self.port_failed(element))
            .collect()
    }

    fn distance(&self, element: &Element) -> usize {
        let labels = &self.peer.labels;
        let of = |peer: &Peer| match (peer.matches(labels, self.groups), selector(peer)) {
            (true, _) => 0,
            (false, Some(selector)) => {
                let failing = selector.requirements.iter();
                failing.filter(|of| !of.matches(labels)).count().max(1)
            }
            // Nothing about the peer could make it one of these.
            (false, None) => FAR,
        };
        let peers = element.peers.iter().map(of).min().unwrap_or(FAR);
        peers + usize::from(self.port_failed(element).is_some())
    }

    fn peer_failed(&self, element: &Element) -> Option<String> {
        let word = match self.direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        if element.peers.is_empty() {
            return Some(format!("{word}: it lists no peer, so it never matches"));
        }
        let labels = &self.peer.labels;
        let matches = |peer: &Peer| peer.matches(labels, self.groups);
        if element.peers.iter().any(matches) {
            return None;
        }
        let who = &element.who;
        if labels.iter().any(|label| &*label.source == "reserved") {
            return Some(format!("{word}: {who}, have {}", self.outsider()));
        }
        let failing: Vec<&Requirement> = element
            .peers
            .iter()
            .filter_map(selector)
            .flat_map(|selector| &selector.requirements)
            .filter(|requirement| !requirement.matches(labels))
            .collect();
        if failing.is_empty() {
            // Prefixes and entities: no label could help.
            let hint = if element.peers.iter().any(is_cidr) {
                "; prefixes never mean pods"
            } else {
                ""
            };
            return Some(format!("{word}: {who}, have pod {}{hint}", self.peer.name));
        }
        let mut have: Vec<String> = Vec::new();
        for requirement in &failing {
            let text = label_of(labels, &requirement.key);
            if !have.contains(&text) {
                have.push(text);
            }
        }
        // The namespace that a selector leaves unsaid is its policy's.
        let unsaid = failing
            .iter()
            .find(|requirement| is_namespace(&requirement.key) && !who.contains("namespace"));
        let home = match unsaid {
            Some(requirement) if !who.starts_with("all pods of") => {
                let requirement = bounded::item(&requirement.to_string());
                format!(" with {requirement} (the policy's own, as none is named)")
            }
            _ => String::new(),
        };
        let have = bounded::list(&have, ", ");
        Some(format!("{word}: {who}{home}, have {have}"))
    }

    /// A peer that is no pod, as people call it.
    fn outsider(&self) -> String {
        let labels = &self.peer.labels;
        let reserved: Vec<&str> = labels
            .iter()
            .filter(|label| &*label.source == "reserved")
            .map(|label| &*label.key)
            .collect();
        let kind = reserved.join(", ");
        if kind == self.peer.name || self.peer.name.contains(&kind) {
            return self.peer.name.clone();
        }
        match labels.cidr() {
            Some(prefix) => format!("{} ({kind}, known as {prefix})", self.peer.name),
            None => format!("{} ({kind})", self.peer.name),
        }
    }

    fn port_failed(&self, element: &Element) -> Option<String> {
        if element.ports.is_empty() {
            return Some("it names no port, so it never matches".to_owned());
        }
        // Which ones are allowed is told apart: the rule's own text says on which ports it speaks.
        if self.any_port || element.ports.iter().any(|ports| self.port_matches(ports)) {
            return None;
        }
        let is_icmp = matches!(self.protocol, protocol::ICMP | protocol::ICMPV6);
        let same_protocol = element
            .ports
            .iter()
            .any(|ports| protocol_of(ports) == Some(self.protocol));
        let have = match (is_icmp, same_protocol) {
            (true, _) => PortText {
                protocol: self.protocol,
                port: self.port,
            }
            .to_string(),
            (false, true) => format!("port {}", self.port),
            (false, false) => format!("port {}/{}", self.port, protocol_name(self.protocol)),
        };
        let named: Vec<String> = element
            .ports
            .iter()
            .filter_map(|ports| self.name_meant(ports))
            .collect();
        let named = match named.is_empty() {
            true => String::new(),
            false => format!(" ({})", bounded::list(&named, ", ")),
        };
        Some(format!("{have} not in {}{named}", element.on))
    }

    /// Whether a rule's port is the one that is asked about.
    pub fn port_matches(&self, ports: &Ports) -> bool {
        match ports {
            Ports::All => true,
            Ports::Protocol(protocol) => *protocol == self.protocol,
            Ports::Range {
                protocol,
                first,
                last,
            } => *protocol == self.protocol && (*first..=*last).contains(&self.port),
            Ports::Named { protocol, name } => {
                *protocol == self.protocol
                    && self
                        .meant(*protocol, name)
                        .any(|number| number == self.port)
            }
        }
    }

    /// What a port's name means: on ingress the subject's own port, on egress the peer's.
    fn meant<'m>(&'m self, protocol: u8, name: &'m str) -> impl Iterator<Item = u16> + 'm {
        let own = match self.direction {
            Direction::Ingress => Some(self.subject.ports.iter()),
            Direction::Egress => None,
        };
        let peers = match self.direction {
            Direction::Ingress => None,
            Direction::Egress => self.named_ports.get(&self.peer.identity),
        };
        own.into_iter()
            .flatten()
            .chain(peers.into_iter().flatten())
            .filter(move |port| port.protocol == protocol && &*port.name == name)
            .map(|port| port.port)
    }

    fn name_meant(&self, ports: &Ports) -> Option<String> {
        let Ports::Named { protocol, name } = ports else {
            return None;
        };
        let whose = match self.direction {
            Direction::Ingress => &self.subject.name,
            Direction::Egress => &self.peer.name,
        };
        let known: Vec<String> = self
            .meant(*protocol, name)
            .map(|number| number.to_string())
            .collect();
        Some(match known.is_empty() {
            true => format!(
                "{whose} has no {} port named {name}",
                protocol_name(*protocol)
            ),
            false => format!("{name} is {} at {whose}", known.join(" and ")),
        })
    }
}

fn selector(peer: &Peer) -> Option<&Selector> {
    match peer {
        Peer::Labels(selector) => Some(selector),
        Peer::All
        | Peer::Reserved(_)
        | Peer::Cidr(_)
        | Peer::CidrGroup { .. }
        | Peer::CidrGroups { .. }
        | Peer::Name(_) => None,
    }
}

fn is_cidr(peer: &Peer) -> bool {
    matches!(
        peer,
        Peer::Cidr(_) | Peer::CidrGroup { .. } | Peer::CidrGroups { .. }
    )
}

fn is_namespace(key: &Key) -> bool {
    &*key.name == NAMESPACE
}

fn protocol_of(ports: &Ports) -> Option<u8> {
    match ports {
        Ports::All => None,
        Ports::Protocol(protocol)
        | Ports::Range { protocol, .. }
        | Ports::Named { protocol, .. } => Some(*protocol),
    }
}

/// The label under a key as a selector shows it, or that there is none.
fn label_of(labels: &Labels, key: &Key) -> String {
    match labels.get(key.source.as_deref(), &key.name) {
        Some("") => format!("{key}"),
        Some(value) => format!("{key}={value}"),
        None => format!("no {key}"),
    }
}
