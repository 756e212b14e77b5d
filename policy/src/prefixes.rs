//! The prefixes that rules name, themselves or by a CIDR group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::CidrGroup;
use ipnet::IpNet;

use crate::rule::{CidrRule, Peer, Policy};

/// A prefix and all that it lies in, the longest first: at most 33 or 129 look-ups tell whether one of many
/// prefixes holds another.
pub(crate) fn supernets(prefix: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(Some(prefix.trunc()), IpNet::supernet)
}

/// The prefixes that a policy's rules name: each gets an identity, and so do those taken out of others.
pub(crate) fn prefixes_of(
    policy: &Policy,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> BTreeSet<IpNet> {
    let mut prefixes = BTreeSet::new();
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
                prefixes.insert(rule.cidr);
                prefixes.extend(&rule.except);
            }
            Peer::CidrGroup { .. } | Peer::CidrGroups { .. } => {
                for rule in group_rules(peer, groups) {
                    prefixes.insert(rule.cidr);
                    prefixes.extend(rule.except);
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

/// A group peer as the prefixes that the groups have now; nothing for a group that isn't there.
pub(crate) fn group_rules(
    peer: &Peer,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> Vec<CidrRule> {
    let (chosen, except): (Vec<&Arc<CidrGroup>>, &[IpNet]) = match peer {
        Peer::CidrGroup { name, except } => (groups.get(name).into_iter().collect(), except),
        Peer::CidrGroups { selector, except } => {
            let matching = groups
                .values()
                .filter(|group| selector.matches(&group_labels(group).collect()));
            (matching.collect(), except)
        }
        Peer::All | Peer::Labels(_) | Peer::Reserved(_) | Peer::Cidr(_) => (Vec::new(), &[]),
    };
    chosen
        .into_iter()
        .flat_map(|group| &group.cidrs)
        .map(|cidr| CidrRule {
            cidr: *cidr,
            except: except.to_vec(),
        })
        .collect()
}

/// Labels that prefixes get from a group they are in.
pub(crate) fn group_labels(group: &CidrGroup) -> impl Iterator<Item = cluster::Label> {
    let name = format!("{}/{}", cluster::labels::CIDR_GROUP, group.name);
    std::iter::once(cluster::Label::new("cidrgroup", &name, "")).chain(
        group
            .labels
            .iter()
            .map(|(key, value)| cluster::Label::new("cidrgroup", key, value)),
    )
}
