//! Rules of policies, checked and with everything unsaid filled in: namespaces, clusters, defaults.
//! CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy and NetworkPolicy become the same rules.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cluster::{CidrGroup, Labels, ObjectName, Problem};
use ipnet::IpNet;
use l7::lint::Severity;
use l7::rules::Allows;

use crate::attribution::Direction;
use crate::cidr::{covers, group_labels, is_within};
use crate::path::RulePath;
use crate::selector::Selector;

pub(crate) mod layer7_text;

pub use layer7_text::item as item_text;

/// A policy object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Kind, namespace and name.
    pub name: ObjectName,
    /// `metadata.uid`.
    pub uid: Option<Arc<str>>,
    /// Resource version, or a digest of the object.
    pub version: Arc<str>,
    /// Its rules; all of them count.
    pub rules: Vec<Rule>,
    /// What its author hardly means, although it has a meaning in Cilium, which counts: a port `"0x50"`
    /// is the name of a port. Each is an error to whoever is told of it.
    pub doubts: Vec<Problem>,
    /// What is valid in its rules of layer 7 and for names, and hardly meant, or often taken for more than it
    /// is: a path of HTTP that has no children.
    pub findings: Vec<Finding>,
}

impl Policy {
    /// Whether it has rules that a proxy judges: of layer 7, or for names, whose addresses it learns.
    pub fn needs_proxy(&self) -> bool {
        let statements = self.rules.iter().flat_map(|rule| {
            let directions = Direction::ALL.into_iter();
            directions.filter_map(|direction| rule.statement(direction))
        });
        let mut elements = statements.flat_map(|statement| &statement.elements);
        elements.any(|element| {
            let is_name = |peer: &Peer| matches!(peer, Peer::Name(_));
            !element.port_rules.is_empty() || element.peers.iter().any(is_name)
        })
    }
}

/// Something that is valid, and worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How sure it is that something else was meant.
    pub severity: Severity,
    /// What is found, and where.
    pub problem: Problem,
}

/// One rule: `spec`, or one of `specs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where in the object: `spec`, `specs[0]`.
    pub path: RulePath,
    /// The pods it applies to.
    pub subject: Selector,
    /// What it says on traffic to them; `None`: nothing, not even a default deny.
    pub ingress: Option<Statement>,
    /// What it says on traffic from them.
    pub egress: Option<Statement>,
    /// Its labels, `source:key=value`.
    pub labels: Vec<Arc<str>>,
    /// What is to stand in the log for what it decides.
    pub log: Option<Arc<str>>,
}

impl Rule {
    /// The statement on a direction.
    pub fn statement(&self, direction: Direction) -> Option<&Statement> {
        match direction {
            Direction::Ingress => self.ingress.as_ref(),
            Direction::Egress => self.egress.as_ref(),
        }
    }
}

/// What a rule says on one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// It switches the direction to default deny.
    pub default_deny: bool,
    /// Its elements, those that allow before those that deny.
    pub elements: Vec<Element>,
}

/// One element of a rule's list: peers and ports, both must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Where in the object: `spec.ingress[0]`.
    pub path: RulePath,
    /// Denies instead of allows.
    pub deny: bool,
    /// Who; empty: nobody.
    pub peers: Vec<Peer>,
    /// On which ports; empty: nothing.
    pub ports: Vec<Ports>,
    /// The items of `toPorts`, if one of them has rules of layer 7: their ports together are `ports`. Empty:
    /// what is allowed on these is allowed whatever is said there.
    pub port_rules: Vec<PortRule>,
    /// Peers and ports as a person would say it, `app=auth-service on 5432/TCP`.
    pub text: Arc<str>,
    /// The peers alone, `app=auth-service`; `nobody` if there are none.
    pub who: Arc<str>,
    /// The ports alone, `5432/TCP`; empty for all ports, `nothing` if there are none.
    pub on: Arc<str>,
}

/// An item of `toPorts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRule {
    /// Where in the object: `spec.ingress[0].toPorts[1]`.
    pub path: RulePath,
    /// Its ports; empty: it is about nothing.
    pub ports: Vec<Ports>,
    /// What may be said on them.
    pub allows: Arc<Allows>,
    /// The ports and what may be said, `8080/TCP (HTTP)`.
    pub on: Arc<str>,
}

impl PortRule {
    /// One of its rules of layer 7 as a person would say it: `GET /public`.
    pub fn item_text(&self, index: usize) -> Option<String> {
        layer7_text::item(&self.allows, index)
    }
}

/// One alternative of an element's peers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// Everything, the world and the nodes included.
    All,
    /// Identities whose labels a selector matches.
    Labels(Selector),
    /// Identities with a reserved label.
    Reserved(&'static str),
    /// Addresses outside of the cluster.
    Cidr(CidrRule),
    /// Addresses of the group of this name.
    CidrGroup {
        /// The group's name.
        name: Arc<str>,
        /// Prefixes taken out of it.
        except: Vec<IpNet>,
    },
    /// Addresses of all groups whose labels a selector matches.
    CidrGroups {
        /// Selector over the groups' labels (source `cidrgroup`).
        selector: Selector,
        /// Prefixes taken out of them.
        except: Vec<IpNet>,
    },
    /// Addresses outside of the cluster that were learned for a name: those of the selector of `toFQDNs` with
    /// this name or pattern, as written. Their identities have its label ([`cluster::Label::fqdn`]).
    Name(Arc<str>),
}

impl Peer {
    /// Whether an identity with these labels is meant. `groups` are the CIDR groups there are.
    pub fn matches(&self, labels: &Labels, groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>) -> bool {
        match self {
            Self::All => true,
            Self::Labels(selector) => selector.matches(labels),
            Self::Reserved(name) => labels.is_reserved(name),
            Self::Name(text) => labels.is_fqdn(text),
            Self::Cidr(rule) => rule.matches(labels),
            Self::CidrGroup { except, .. } | Self::CidrGroups { except, .. } => self
                .group_prefixes(groups)
                .into_iter()
                .any(|cidr| covers(cidr, except, labels)),
        }
    }

    /// Whether a group is one of those that a group peer names.
    pub(crate) fn names_group(&self, group: &CidrGroup) -> bool {
        match self {
            Self::CidrGroup { name, .. } => *name == group.name,
            Self::CidrGroups { selector, .. } => selector.matches(&group_labels(group).collect()),
            Self::All | Self::Labels(_) | Self::Reserved(_) | Self::Cidr(_) | Self::Name(_) => {
                false
            }
        }
    }

    /// The prefixes that the groups of a group peer have now, whatever it takes out of them; none of a group
    /// that isn't there.
    pub(crate) fn group_prefixes(&self, groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>) -> Vec<IpNet> {
        let chosen: Vec<&Arc<CidrGroup>> = match self {
            Self::CidrGroup { name, .. } => groups.get(name).into_iter().collect(),
            Self::CidrGroups { .. } => {
                let groups = groups.values();
                groups.filter(|group| self.names_group(group)).collect()
            }
            Self::All | Self::Labels(_) | Self::Reserved(_) | Self::Cidr(_) | Self::Name(_) => {
                Vec::new()
            }
        };
        let cidrs = chosen.into_iter().flat_map(|group| &group.cidrs);
        cidrs.copied().collect()
    }
}

/// As policies write it, without what scoping adds.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("anyone"),
            Self::Labels(selector) => selector.fmt(f),
            Self::Reserved(name) => f.write_str(name),
            Self::Cidr(rule) => rule.cidr.fmt(f),
            Self::CidrGroup { name, .. } => write!(f, "CIDR group {name}"),
            Self::CidrGroups { selector, .. } => write!(f, "CIDR groups {selector}"),
            Self::Name(text) => f.write_str(text),
        }
    }
}

/// A prefix with parts taken out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CidrRule {
    /// The prefix, host bits clear.
    pub cidr: IpNet,
    /// Prefixes inside of it that the rule isn't about, sorted.
    pub except: Vec<IpNet>,
}

impl CidrRule {
    /// Whether a prefix is among those taken out.
    pub fn excepts(&self, prefix: IpNet) -> bool {
        is_within(prefix, &self.except)
    }

    /// Whether the rule is about an identity with these labels: one that stands for a prefix inside
    /// `cidr` and not inside of an exception, or the world if `cidr` is everything.
    pub fn matches(&self, labels: &Labels) -> bool {
        covers(self.cidr, &self.except, labels)
    }
}

/// One alternative of an element's ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ports {
    /// Every protocol and port.
    All,
    /// All ports of a protocol.
    Protocol(u8),
    /// Ports (ICMP: types) of a protocol, both ends included.
    Range {
        /// IP protocol number.
        protocol: u8,
        /// First.
        first: u16,
        /// Last, not below the first.
        last: u16,
    },
    /// The port that the destination pod gives this name.
    Named {
        /// IP protocol number.
        protocol: u8,
        /// Name, lower case.
        name: Arc<str>,
    },
}

/// IP protocol numbers.
pub use abi::proto as protocol;
