//! The prefixes that rules name, themselves or by a CIDR group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::CidrGroup;
use ipnet::IpNet;

use crate::rule::{Peer, Policy};
use crate::steps;

/// The prefixes that a policy's rules name: each gets an identity, and so do those taken out of others.
pub(crate) fn prefixes_of(
    policy: &Policy,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> BTreeSet<IpNet> {
    let mut prefixes = BTreeSet::new();
    let mut add = |more: &[IpNet]| {
        steps::count(more.len() as u64);
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
                let cidrs = peer.group_prefixes(groups);
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
