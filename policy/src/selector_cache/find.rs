//! Who matches, computed for a selector that is added to the cache.

use std::collections::BTreeSet;

use cluster::{Identity, Labels};
use ipnet::IpNet;

use super::SelectorCache;
use crate::cidr::{covers, is_within, within};
use crate::prefixes::prefixes_of_peer;
use crate::rule::Peer;
use crate::selector::{Demand, Requirement, Selector};

impl SelectorCache {
    /// Sets that hold everything that meets a requirement; `None` if absence meets it.
    pub(super) fn demanded(&self, requirement: &Requirement) -> Option<Vec<&BTreeSet<Identity>>> {
        let key = self.keys.get(&*requirement.key.name);
        match &requirement.demand {
            Demand::In(values) => Some(
                values
                    .iter()
                    .filter_map(|value| key?.values.get(&**value))
                    .map(|value| &value.identities)
                    .collect(),
            ),
            Demand::Exists => Some(key.map(|key| &key.identities).into_iter().collect()),
            Demand::NotIn(_) | Demand::DoesNotExist => None,
        }
    }

    /// Identities that a peer names, computed from the labels.
    pub(super) fn find(&self, peer: &Peer) -> BTreeSet<Identity> {
        match peer {
            Peer::All => self.labels.keys().copied().collect(),
            Peer::Labels(selector) => self.select(selector),
            Peer::Reserved(name) => self
                .having(name)
                .filter(|(_, labels)| labels.is_reserved(name))
                .map(|(identity, _)| identity)
                .collect(),
            Peer::Name(text) => self
                .having(text)
                .filter(|(_, labels)| labels.is_fqdn(text))
                .map(|(identity, _)| identity)
                .collect(),
            Peer::Cidr(rule) => self.inside(rule.cidr, &rule.except),
            Peer::CidrGroup { except, .. } | Peer::CidrGroups { except, .. } => {
                let (cidrs, _) = prefixes_of_peer(peer, self.prefixes.groups());
                let inside = cidrs.into_iter().map(|cidr| self.inside(cidr, except));
                inside.flatten().collect()
            }
        }
    }

    fn select(&self, selector: &Selector) -> BTreeSet<Identity> {
        let fewest = selector
            .requirements
            .iter()
            .filter_map(|requirement| self.demanded(requirement))
            .min_by_key(|sets| size(sets));
        let matches = |identity: &Identity| {
            self.labels
                .get(identity)
                .is_some_and(|labels| selector.matches(labels))
        };
        match fewest {
            Some(sets) => sets
                .into_iter()
                .flatten()
                .copied()
                .filter(matches)
                .collect(),
            None => self.labels.keys().copied().filter(matches).collect(),
        }
    }

    /// Identities that have a label with this key.
    fn having(&self, key: &str) -> impl Iterator<Item = (Identity, &Labels)> {
        let identities = self
            .keys
            .get(key)
            .into_iter()
            .flat_map(|key| &key.identities);
        identities.filter_map(|identity| Some((*identity, self.labels.get(identity)?)))
    }

    pub(super) fn inside(&self, cidr: IpNet, except: &[IpNet]) -> BTreeSet<Identity> {
        let mut found = BTreeSet::new();
        if cidr.prefix_len() == 0 {
            for name in ["world", "world-ipv4", "world-ipv6"] {
                let world = self
                    .having(name)
                    .filter(|(_, labels)| covers(cidr, except, labels));
                found.extend(world.map(|(identity, _)| identity));
            }
        }
        for (prefix, identities) in within(&self.by_prefix, cidr) {
            if !is_within(*prefix, except) {
                found.extend(identities);
            }
        }
        found
    }
}

/// Of several sets, at most.
pub(super) fn size(sets: &[&BTreeSet<Identity>]) -> usize {
    sets.iter().map(|set| set.len()).sum()
}
