//! The prefixes that the selectors of the cache name, and the groups that hold prefixes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::differ::{changed, same};
use cluster::{CidrGroup, Label};
use ipnet::IpNet;

use super::SlotId;
use crate::cidr::{group_labels, supernets, within};
use crate::prefixes::prefixes_of_peer;
use crate::rule::Peer;

/// CIDR groups by name.
pub(crate) type Groups = BTreeMap<Arc<str>, Arc<CidrGroup>>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct PrefixIndex {
    groups: Groups,
    /// The groups that hold each prefix.
    holders: HashMap<IpNet, BTreeSet<Arc<str>>>,
    /// Selectors that name each prefix.
    naming: HashMap<IpNet, BTreeSet<SlotId>>,
    /// Selectors that name groups.
    of_groups: BTreeSet<SlotId>,
    /// How many selectors name each prefix, or take it out of others.
    uses: BTreeMap<IpNet, usize>,
    stale: StalePrefixes,
}

/// Prefixes whose identities may have to change.
#[derive(Clone, Debug, Default)]
pub(crate) struct StalePrefixes {
    /// Named by more or fewer selectors than before.
    pub(crate) renamed: BTreeSet<IpNet>,
    /// In other groups than before, or in one that has other labels.
    pub(crate) relabelled: BTreeSet<IpNet>,
}

/// A group that came, went or changed.
#[derive(Debug)]
struct Pair {
    name: Arc<str>,
    before: Option<Arc<CidrGroup>>,
    now: Option<Arc<CidrGroup>>,
}

/// Groups that came, went or changed.
#[derive(Debug)]
pub(super) struct GroupChange(Vec<Pair>);

impl GroupChange {
    /// Whether a selector names one of the groups, as it was or as it is.
    pub(super) fn concerns(&self, peer: &Peer) -> bool {
        let mut groups = self.0.iter().flat_map(|pair| [&pair.before, &pair.now]);
        groups.any(|group| group.as_ref().is_some_and(|group| peer.names_group(group)))
    }
}

impl PrefixIndex {
    pub(super) fn new(groups: Groups) -> Self {
        let mut index = Self::default();
        if let Some(change) = index.change_to(&groups) {
            index.set_groups(&groups, &change, &[]);
        }
        index
    }

    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The labels that a prefix has from the groups it lies in.
    pub(super) fn labels(&self, prefix: IpNet) -> impl Iterator<Item = Label> + '_ {
        let names: BTreeSet<&Arc<str>> = supernets(prefix)
            .filter_map(|net| self.holders.get(&net))
            .flatten()
            .collect();
        let groups = names.into_iter().filter_map(|name| self.groups.get(name));
        groups.flat_map(|group| group_labels(group))
    }

    /// The selectors that name a prefix.
    pub(super) fn naming(&self, prefix: IpNet) -> impl Iterator<Item = SlotId> + '_ {
        self.naming.get(&prefix).into_iter().flatten().copied()
    }

    pub(super) fn is_naming(&self, id: SlotId, prefix: IpNet) -> bool {
        let naming = self.naming.get(&prefix);
        naming.is_some_and(|naming| naming.contains(&id))
    }

    /// Selectors that name groups.
    pub(super) fn of_groups(&self) -> impl Iterator<Item = SlotId> + '_ {
        self.of_groups.iter().copied()
    }

    /// Whether any selector names a prefix, or takes it out of others.
    pub(super) fn is_named(&self, prefix: IpNet) -> bool {
        self.uses.contains_key(&prefix)
    }

    /// Takes in the prefixes of a selector that is new to the cache.
    pub(super) fn insert(&mut self, id: SlotId, peer: &Peer) {
        let (cidrs, except) = prefixes_of_peer(peer, &self.groups);
        for prefix in cidrs {
            self.name(id, prefix);
        }
        for prefix in except {
            self.count(*prefix);
        }
        if matches!(peer, Peer::CidrGroup { .. } | Peer::CidrGroups { .. }) {
            self.of_groups.insert(id);
        }
    }

    /// Drops the prefixes of a selector that leaves the cache.
    pub(super) fn remove(&mut self, id: SlotId, peer: &Peer) {
        let (cidrs, except) = prefixes_of_peer(peer, &self.groups);
        for prefix in cidrs {
            self.unname(id, prefix);
        }
        for prefix in except {
            self.discount(*prefix);
        }
        self.of_groups.remove(&id);
    }

    /// What differs between the present groups and others; `None`: nothing.
    pub(super) fn change_to(&self, groups: &Groups) -> Option<GroupChange> {
        let pairs: Vec<Pair> = changed(&self.groups, groups, same)
            .into_iter()
            .map(|(name, before, now)| Pair {
                name: Arc::clone(name),
                before: before.cloned(),
                now: now.cloned(),
            })
            .collect();
        (!pairs.is_empty()).then_some(GroupChange(pairs))
    }

    /// Goes on to other groups, by `change`, which [`change_to`](Self::change_to) gave. `peers` are the selectors
    /// that it concerns. Returns those that name other prefixes than before, and by which they differ.
    pub(super) fn set_groups(
        &mut self,
        groups: &Groups,
        change: &GroupChange,
        peers: &[(SlotId, Peer)],
    ) -> Vec<(SlotId, Vec<IpNet>)> {
        let old = std::mem::replace(&mut self.groups, groups.clone());
        // First, while what had an identity before is still named.
        for Pair { name, before, now } in &change.0 {
            self.relabel(name, before.as_deref(), now.as_deref());
        }
        let mut differ = Vec::new();
        for (id, peer) in peers {
            let (before, except) = prefixes_of_peer(peer, &old);
            let (now, except_now) = prefixes_of_peer(peer, groups);
            for prefix in before.difference(&now) {
                self.unname(*id, *prefix);
            }
            for prefix in now.difference(&before) {
                self.name(*id, *prefix);
            }
            if except != except_now {
                except.iter().for_each(|prefix| self.discount(*prefix));
                except_now.iter().for_each(|prefix| self.count(*prefix));
            }
            let by: Vec<IpNet> = before.symmetric_difference(&now).copied().collect();
            if !by.is_empty() {
                differ.push((*id, by));
            }
        }
        differ
    }

    /// A group came, went or changed: what lies in it has other labels.
    fn relabel(&mut self, name: &Arc<str>, before: Option<&CidrGroup>, now: Option<&CidrGroup>) {
        let cidrs = |group: Option<&CidrGroup>| -> BTreeSet<IpNet> {
            let cidrs = group.into_iter().flat_map(|group| &group.cidrs);
            cidrs.copied().collect()
        };
        let labels = |group: Option<&CidrGroup>| group.map(|group| group.labels.clone());
        let keeps_labels = labels(before) == labels(now);
        let (before, now) = (cidrs(before), cidrs(now));
        for prefix in before.difference(&now) {
            if let Some(holders) = self.holders.get_mut(prefix) {
                holders.remove(name);
                if holders.is_empty() {
                    self.holders.remove(prefix);
                }
            }
        }
        for prefix in now.difference(&before) {
            let holders = self.holders.entry(*prefix).or_default();
            holders.insert(Arc::clone(name));
        }
        let differ: Vec<IpNet> = match keeps_labels {
            true => before.symmetric_difference(&now).copied().collect(),
            false => before.union(&now).copied().collect(),
        };
        for prefix in differ {
            let inside = within(&self.uses, prefix).map(|(inside, _)| *inside);
            self.stale.relabelled.extend(inside);
        }
    }

    fn name(&mut self, id: SlotId, prefix: IpNet) {
        self.naming.entry(prefix).or_default().insert(id);
        self.count(prefix);
    }

    fn unname(&mut self, id: SlotId, prefix: IpNet) {
        if let Some(naming) = self.naming.get_mut(&prefix) {
            naming.remove(&id);
            if naming.is_empty() {
                self.naming.remove(&prefix);
            }
        }
        self.discount(prefix);
    }

    fn count(&mut self, prefix: IpNet) {
        *self.uses.entry(prefix).or_default() += 1;
        self.stale.renamed.insert(prefix);
    }

    fn discount(&mut self, prefix: IpNet) {
        if let Some(uses) = self.uses.get_mut(&prefix) {
            *uses -= 1;
            if *uses == 0 {
                self.uses.remove(&prefix);
            }
        }
        self.stale.renamed.insert(prefix);
    }

    /// Prefixes whose identities may have to change, since this was last asked.
    pub(super) fn take_stale(&mut self) -> StalePrefixes {
        std::mem::take(&mut self.stale)
    }
}
