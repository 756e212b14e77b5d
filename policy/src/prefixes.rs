//! The prefixes that rules name, themselves or by a CIDR group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::CidrGroup;
use ipnet::IpNet;

use crate::rule::{Peer, Policy};
use crate::steps;

/// The prefixes that a peer names, and those that it takes out of them. A group that has no prefixes has none
/// that could be taken out.
pub(crate) fn prefixes_of_peer<'p>(
    peer: &'p Peer,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> (BTreeSet<IpNet>, &'p [IpNet]) {
    let (cidrs, except) = match peer {
        Peer::Cidr(rule) => (BTreeSet::from([rule.cidr]), rule.except.as_slice()),
        Peer::CidrGroup { except, .. } | Peer::CidrGroups { except, .. } => {
            let cidrs: BTreeSet<IpNet> = peer.group_prefixes(groups).into_iter().collect();
            let except: &[IpNet] = if cidrs.is_empty() { &[] } else { except };
            (cidrs, except)
        }
        Peer::All | Peer::Labels(_) | Peer::Reserved(_) | Peer::Name(_) => {
            (BTreeSet::new(), &[][..])
        }
    };
    steps::count((cidrs.len() + except.len()) as u64);
    (cidrs, except)
}

/// The prefixes that a policy's rules name: each gets an identity, and so do those taken out of others.
fn prefixes_of(policy: &Policy, groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>) -> BTreeSet<IpNet> {
    let mut prefixes = BTreeSet::new();
    let statements = policy
        .rules
        .iter()
        .flat_map(|rule| rule.ingress.iter().chain(&rule.egress));
    for peer in statements
        .flat_map(|s| &s.elements)
        .flat_map(|element| &element.peers)
    {
        let (cidrs, except) = prefixes_of_peer(peer, groups);
        prefixes.extend(cidrs);
        prefixes.extend(except);
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
