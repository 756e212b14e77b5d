//! The prefixes that rules name, themselves or by a CIDR group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::CidrGroup;
use ipnet::IpNet;

use crate::effort;
use crate::rule::{Peer, Policy};

/// A prefix and all that it lies in, the longest first: at most 33 or 129 look-ups tell whether one of many
/// prefixes holds another.
pub fn supernets(prefix: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(Some(prefix.trunc()), IpNet::supernet)
}

/// The prefixes that a policy's rules name: each gets an identity, and so do those taken out of others.
pub(crate) fn prefixes_of(
    policy: &Policy,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> BTreeSet<IpNet> {
    let mut prefixes = BTreeSet::new();
    let mut add = |more: &[IpNet]| {
        effort::count(more.len() as u64);
        prefixes.extend(more);
    };
    let statements = policy
        .rules
        .iter()
        .flat_map(|rule| rule.ingress.iter().chain(&rule.egress));
    for peer in statements
        .flat_map(|s| &s.elements)
        .flat_map(|element| &element.peers)
    {
        match peer {
            Peer::Cidr(rule) => {
                add(&[rule.cidr]);
                add(&rule.except);
            }
            Peer::CidrGroup { except, .. } | Peer::CidrGroups { except, .. } => {
                let cidrs = group_prefixes(peer, groups);
                if !cidrs.is_empty() {
                    add(&cidrs);
                    add(except);
                }
            }
            Peer::All | Peer::Labels(_) | Peer::Reserved(_) => {}
        }
    }
    prefixes
}

/// All prefixes that rules name.
pub fn named_prefixes<'p>(
    policies: impl Iterator<Item = &'p Arc<Policy>>,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> BTreeSet<IpNet> {
    policies
        .flat_map(|policy| prefixes_of(policy, groups))
        .collect()
}

/// The prefixes that the groups of a group peer have now, whatever it takes out of them; none of a group
/// that isn't there.
pub(crate) fn group_prefixes(
    peer: &Peer,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> Vec<IpNet> {
    let chosen: Vec<&Arc<CidrGroup>> = match peer {
        Peer::CidrGroup { name, .. } => groups.get(name).into_iter().collect(),
        Peer::CidrGroups { selector, .. } => groups
            .values()
            .filter(|group| selector.matches(&group_labels(group).collect()))
            .collect(),
        Peer::All | Peer::Labels(_) | Peer::Reserved(_) | Peer::Cidr(_) => Vec::new(),
    };
    let cidrs = chosen.into_iter().flat_map(|group| &group.cidrs);
    cidrs.copied().collect()
}

/// Labels that prefixes get from a group they are in.
pub fn group_labels(group: &CidrGroup) -> impl Iterator<Item = cluster::Label> {
    let name = format!("{}/{}", cluster::labels::CIDR_GROUP, group.name);
    std::iter::once(cluster::Label::new("cidrgroup", &name, "")).chain(
        group
            .labels
            .iter()
            .map(|(key, value)| cluster::Label::new("cidrgroup", key, value)),
    )
}
