//! Which identities a selector matches, and which selectors an identity: kept, so that a change of one
//! doesn't ask all of the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::{Identity, Label, Labels};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::cidr::{covers, is_within, supernets};
use crate::rule::Peer;
use crate::selector::Demand;

mod find;
mod prefix_index;

use find::size;
use prefix_index::{Groups, PrefixIndex};

pub(crate) use prefix_index::StalePrefixes;

/// The whole address spaces.
const EVERYTHING: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::UNSPECIFIED, 0)),
    IpNet::V6(Ipv6Net::new_assert(std::net::Ipv6Addr::UNSPECIFIED, 0)),
];

/// A selector (or another way to name identities) in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotId(u32);

/// Identities that can be met, the selectors that rules use, and who matches whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelectorCache {
    labels: BTreeMap<Identity, Labels>,
    /// By the key of a label, whatever its source.
    keys: HashMap<Arc<str>, Key>,
    by_prefix: BTreeMap<IpNet, BTreeSet<Identity>>,
    slots: Vec<Option<Slot>>,
    free: Vec<SlotId>,
    ids: HashMap<Peer, SlotId>,
    /// Selectors that an identity may match by what it lacks: each new identity is held against them.
    unfiled: BTreeSet<SlotId>,
    prefixes: PrefixIndex,
}

/// A label's key, and one of its values or any.
type Ticket = (Arc<str>, Option<Arc<str>>);

/// What is known of a label's key.
#[derive(Clone, Debug, Default)]
struct Key {
    identities: BTreeSet<Identity>,
    /// Selectors for which it suffices to have the key to be asked.
    slots: BTreeSet<SlotId>,
    values: HashMap<Arc<str>, Value>,
}

#[derive(Clone, Debug, Default)]
struct Value {
    identities: BTreeSet<Identity>,
    /// Selectors that can match nobody without this value (or another one under which they are filed).
    slots: BTreeSet<SlotId>,
}

#[derive(Clone, Debug)]
struct Slot {
    peer: Peer,
    identities: BTreeSet<Identity>,
    /// Under which key, and which of its values, it is filed.
    filed: Vec<Ticket>,
    uses: usize,
}

impl SelectorCache {
    pub(crate) fn new(groups: Groups) -> Self {
        Self {
            prefixes: PrefixIndex::new(groups),
            ..Self::default()
        }
    }

    /// Whether an identity can be met.
    pub(crate) fn has(&self, identity: Identity) -> bool {
        self.labels.contains_key(&identity)
    }

    /// An identity that can be met from now on. Returns the selectors that match it.
    pub(crate) fn add(&mut self, identity: Identity, labels: &Labels) -> Vec<SlotId> {
        if self.labels.insert(identity, labels.clone()).is_some() {
            return Vec::new();
        }
        for label in labels.iter() {
            let key = self.keys.entry(Arc::clone(&label.key)).or_default();
            key.identities.insert(identity);
            let value = key.values.entry(Arc::clone(&label.value)).or_default();
            value.identities.insert(identity);
        }
        if let Some(prefix) = labels.cidr() {
            self.by_prefix.entry(prefix).or_default().insert(identity);
        }
        let matching = self.matching(labels);
        for id in &matching {
            if let Some(slot) = self.slot_mut(*id) {
                slot.identities.insert(identity);
            }
        }
        matching
    }

    /// An identity that can't be met any more. Returns the selectors that matched it.
    pub(crate) fn remove(&mut self, identity: Identity) -> Vec<SlotId> {
        let Some(labels) = self.labels.remove(&identity) else {
            return Vec::new();
        };
        for label in labels.iter() {
            let Some(key) = self.keys.get_mut(&*label.key) else {
                continue;
            };
            key.identities.remove(&identity);
            if let Some(value) = key.values.get_mut(&*label.value) {
                value.identities.remove(&identity);
                if value.identities.is_empty() && value.slots.is_empty() {
                    key.values.remove(&*label.value);
                }
            }
            if key.identities.is_empty() && key.slots.is_empty() && key.values.is_empty() {
                self.keys.remove(&*label.key);
            }
        }
        if let Some(prefix) = labels.cidr()
            && let Some(identities) = self.by_prefix.get_mut(&prefix)
        {
            identities.remove(&identity);
            if identities.is_empty() {
                self.by_prefix.remove(&prefix);
            }
        }
        let matching = self.matching(&labels);
        for id in &matching {
            if let Some(slot) = self.slot_mut(*id) {
                slot.identities.remove(&identity);
            }
        }
        matching
    }

    /// The selectors that match an identity that can be met.
    pub(crate) fn for_identity(&self, identity: Identity) -> Vec<SlotId> {
        let Some(labels) = self.labels.get(&identity) else {
            return Vec::new();
        };
        let candidates = self.candidates(labels).into_iter();
        // Whom each matches is known.
        let is_match = |id: &SlotId| self.identities(*id).contains(&identity);
        candidates.filter(is_match).collect()
    }

    fn matching(&self, labels: &Labels) -> Vec<SlotId> {
        let candidates = self.candidates(labels).into_iter();
        let is_match = |id: &SlotId| {
            crate::steps::count(1);
            self.slot(*id)
                .is_some_and(|slot| self.matches(&slot.peer, labels))
        };
        candidates.filter(is_match).collect()
    }

    /// All selectors that may match labels, and others.
    fn candidates(&self, labels: &Labels) -> BTreeSet<SlotId> {
        let mut candidates: BTreeSet<SlotId> = self.unfiled.clone();
        for label in labels.iter() {
            if let Some(key) = self.keys.get(&*label.key) {
                candidates.extend(&key.slots);
                candidates.extend(key.values.get(&*label.value).iter().flat_map(|v| &v.slots));
            }
        }
        // A prefix is meant by those that name one around it, the world by those that name everything.
        let around = match labels.cidr() {
            Some(prefix) => supernets(prefix).collect(),
            None if labels.iter().any(|label| &*label.source == "reserved") => EVERYTHING.to_vec(),
            None => Vec::new(),
        };
        let naming = around.iter().flat_map(|net| self.prefixes.naming(*net));
        candidates.extend(naming);
        candidates
    }

    fn matches(&self, peer: &Peer, labels: &Labels) -> bool {
        match peer {
            Peer::All => true,
            Peer::Labels(selector) => selector.matches(labels),
            Peer::Reserved(name) => labels.is_reserved(name),
            Peer::Name(text) => labels.is_fqdn(text),
            Peer::Cidr(rule) => rule.matches(labels),
            // It names a prefix around this one; what is left is what it takes out.
            Peer::CidrGroup { except, .. } | Peer::CidrGroups { except, .. } => {
                match labels.cidr() {
                    Some(prefix) => !is_within(prefix, except),
                    None => EVERYTHING
                        .iter()
                        .any(|all| covers(*all, except, labels) && self.names(peer, *all)),
                }
            }
        }
    }

    /// Whether a peer in the cache names a prefix.
    fn names(&self, peer: &Peer, prefix: IpNet) -> bool {
        let id = self.ids.get(peer);
        id.is_some_and(|id| self.prefixes.is_naming(*id, prefix))
    }

    /// Goes on to other CIDR groups. Returns the identities that selectors began or ceased to match by that.
    pub(crate) fn set_groups(&mut self, groups: &Groups) -> BTreeMap<Identity, Vec<SlotId>> {
        let mut met: BTreeMap<Identity, Vec<SlotId>> = BTreeMap::new();
        let Some(change) = self.prefixes.change_to(groups) else {
            return met;
        };
        let peers: Vec<(SlotId, Peer)> = self
            .prefixes
            .of_groups()
            .filter_map(|id| Some((id, &self.slot(id)?.peer)))
            .filter(|(_, peer)| change.concerns(peer))
            .map(|(id, peer)| (id, peer.clone()))
            .collect();
        for (id, prefixes) in self.prefixes.set_groups(groups, &change, &peers) {
            let inside: BTreeSet<Identity> = prefixes
                .iter()
                .flat_map(|prefix| self.inside(*prefix, &[]))
                .collect();
            for identity in inside {
                let matches = self.is_match(id, identity);
                let Some(slot) = self.slot_mut(id) else {
                    continue;
                };
                let differs = match matches {
                    true => slot.identities.insert(identity),
                    false => slot.identities.remove(&identity),
                };
                if differs {
                    met.entry(identity).or_default().push(id);
                }
            }
        }
        met
    }

    /// Whether a selector that names prefixes matches an identity.
    fn is_match(&self, id: SlotId, identity: Identity) -> bool {
        let (Some(slot), Some(labels)) = (self.slot(id), self.labels.get(&identity)) else {
            return false;
        };
        let is_around = |prefix| supernets(prefix).any(|net| self.prefixes.is_naming(id, net));
        labels.cidr().is_none_or(is_around) && self.matches(&slot.peer, labels)
    }

    /// Whether any selector names a prefix, or takes it out of others.
    pub(crate) fn is_named(&self, prefix: IpNet) -> bool {
        self.prefixes.is_named(prefix)
    }

    /// The labels that a prefix has from the groups it lies in.
    pub(crate) fn group_labels(&self, prefix: IpNet) -> impl Iterator<Item = Label> + '_ {
        self.prefixes.labels(prefix)
    }

    /// Prefixes whose identities may have to change, since this was last asked.
    pub(crate) fn take_stale_prefixes(&mut self) -> StalePrefixes {
        self.prefixes.take_stale()
    }

    fn slot(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    fn slot_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// Identities that a selector in the cache matches now.
    pub(crate) fn identities(&self, id: SlotId) -> &BTreeSet<Identity> {
        static NONE: BTreeSet<Identity> = BTreeSet::new();
        self.slot(id).map_or(&NONE, |slot| &slot.identities)
    }

    /// Puts a selector into the cache, or counts one use more of it.
    pub(crate) fn keep(&mut self, peer: &Peer) -> SlotId {
        if let Some(id) = self.ids.get(peer).copied() {
            if let Some(slot) = self.slot_mut(id) {
                slot.uses += 1;
            }
            return id;
        }
        let filed = self.tickets(peer);
        let slot = Slot {
            identities: self.find(peer),
            peer: peer.clone(),
            filed: filed.clone().unwrap_or_default(),
            uses: 1,
        };
        let id = self.free.pop().unwrap_or_else(|| {
            let next =
                u32::try_from(self.slots.len()).expect("fewer selectors than memory has bytes");
            self.slots.push(None);
            SlotId(next)
        });
        self.slots[id.0 as usize] = Some(slot);
        self.ids.insert(peer.clone(), id);
        let of_prefixes = matches!(
            peer,
            Peer::Cidr(_) | Peer::CidrGroup { .. } | Peer::CidrGroups { .. }
        );
        self.prefixes.insert(id, peer);
        match filed {
            _ if of_prefixes => {}
            None => drop(self.unfiled.insert(id)),
            Some(tickets) => {
                for (key, value) in tickets {
                    let key = self.keys.entry(key).or_default();
                    match value {
                        None => key.slots.insert(id),
                        Some(value) => key.values.entry(value).or_default().slots.insert(id),
                    };
                }
            }
        }
        id
    }

    /// Counts one use less; what nobody uses leaves the cache.
    pub(crate) fn release(&mut self, id: SlotId) {
        let Some(slot) = self.slot_mut(id) else {
            return;
        };
        slot.uses -= 1;
        if slot.uses > 0 {
            return;
        }
        let Some(slot) = self.slots[id.0 as usize].take() else {
            return;
        };
        self.free.push(id);
        self.ids.remove(&slot.peer);
        self.unfiled.remove(&id);
        self.prefixes.remove(id, &slot.peer);
        for (key, value) in slot.filed {
            let Some(known) = self.keys.get_mut(&key) else {
                continue;
            };
            match value {
                None => drop(known.slots.remove(&id)),
                Some(value) => {
                    if let Some(of_value) = known.values.get_mut(&value) {
                        of_value.slots.remove(&id);
                        if of_value.identities.is_empty() && of_value.slots.is_empty() {
                            known.values.remove(&value);
                        }
                    }
                }
            }
            if known.identities.is_empty() && known.slots.is_empty() && known.values.is_empty() {
                self.keys.remove(&key);
            }
        }
    }

    /// Where to file a selector so that few identities come upon it; `None`: everywhere.
    fn tickets(&self, peer: &Peer) -> Option<Vec<Ticket>> {
        match peer {
            Peer::Reserved(name) => Some(vec![(Arc::from(*name), None)]),
            Peer::Name(text) => Some(vec![(Arc::clone(text), None)]),
            Peer::Labels(selector) => selector
                .requirements
                .iter()
                .filter_map(|requirement| {
                    let identities = self.demanded(requirement)?;
                    let key = &requirement.key.name;
                    let tickets = match &requirement.demand {
                        Demand::In(values) => values
                            .iter()
                            .map(|value| (Arc::clone(key), Some(Arc::clone(value))))
                            .collect(),
                        Demand::Exists | Demand::NotIn(_) | Demand::DoesNotExist => {
                            vec![(Arc::clone(key), None)]
                        }
                    };
                    Some((size(&identities), tickets))
                })
                .min_by_key(|(size, _)| *size)
                .map(|(_, tickets)| tickets),
            Peer::All | Peer::Cidr(_) | Peer::CidrGroup { .. } | Peer::CidrGroups { .. } => None,
        }
    }
}
