//! Identities: numbers for label sets.
//!
//! A pod's number is derived from its labels alone, so that nodes agree on it without talking. Two
//! label sets whose derived numbers collide are told apart by probing; a number in use is never moved,
//! so nodes that met the two in another order may disagree on these two. Nothing that decides relies
//! on agreement between nodes.

use std::collections::{BTreeMap, BTreeSet};

use abi::identity as number;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::labels::{Label, Labels};
use crate::shared_map::SharedMap;
use crate::shared_table::SharedTable;

/// Label sets and their numbers on this node. Serialises to what a restarted agent needs to give every
/// label set the number it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredIdentities", into = "StoredIdentities")]
pub struct Identities {
    by_labels: SharedTable<Labels, Identity>,
    by_number: SharedMap<Identity, Labels>,
    next_local: u32,
    dual_stack: bool,
}

/// What differs between two states of [`Identities`], as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityChanges {
    dual_stack: bool,
    next_local: u32,
    /// Labels of new numbers; `None`: the number is free again.
    labels: BTreeMap<u32, Option<Labels>>,
}

#[derive(Serialize, Deserialize)]
struct StoredIdentities {
    dual_stack: bool,
    next_local: u32,
    labels: BTreeMap<u32, Labels>,
}

/// No number is left for another prefix: 16 million are in use.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "no identity number is left; remove policies that name prefixes, or pods with labels of their own"
)]
pub struct Exhausted;

impl Identities {
    /// The reserved identities only. In a dual-stack cluster what is outside is world-ipv4 (9) and
    /// world-ipv6 (10), else world (2).
    pub fn new(dual_stack: bool) -> Self {
        let mut identities = Self {
            by_labels: SharedTable::default(),
            by_number: SharedMap::default(),
            next_local: number::FIRST_LOCAL,
            dual_stack,
        };
        for identity in Identity::reserved() {
            identities.insert(identity, reserved_labels(identity));
        }
        identities
    }

    /// Whether the world is told apart by address family.
    pub fn dual_stack(&self) -> bool {
        self.dual_stack
    }

    /// Changes how the world is told apart. Prefixes get new numbers, pods keep theirs.
    pub fn set_dual_stack(&mut self, dual_stack: bool) {
        self.dual_stack = dual_stack;
    }

    /// The identity of addresses outside of the cluster that no policy names.
    pub fn world(&self, ipv6: bool) -> Identity {
        Identity(match (self.dual_stack, ipv6) {
            (false, _) => number::WORLD,
            (true, false) => number::WORLD_IPV4,
            (true, true) => number::WORLD_IPV6,
        })
    }

    /// The number of a pod's labels; allocates it if the labels are new.
    ///
    /// # Errors
    /// All 16 million numbers are in use.
    pub fn for_labels(&mut self, labels: &Labels) -> Result<Identity, Exhausted> {
        if let Some(identity) = self.by_labels.get(labels) {
            return Ok(*identity);
        }
        let room = number::LAST_DERIVED - number::FIRST_DERIVED + 1;
        let digest = labels.digest();
        let start = u32::try_from(digest % u64::from(room)).expect("below a u32");
        for step in 0..room {
            // Linear probing: the neighbour is as likely free as any other number.
            let candidate = Identity(number::FIRST_DERIVED + (start + step) % room);
            if !self.by_number.contains_key(&candidate) {
                self.insert(candidate, labels.clone());
                return Ok(candidate);
            }
        }
        Err(Exhausted)
    }

    /// The node-local number of a prefix with these further labels (CIDR groups). `/0` is the world.
    ///
    /// # Errors
    /// All 16 million numbers are in use.
    pub fn for_prefix(
        &mut self,
        prefix: IpNet,
        further: impl IntoIterator<Item = Label>,
    ) -> Result<Identity, Exhausted> {
        let ipv6 = matches!(prefix, IpNet::V6(_));
        if prefix.prefix_len() == 0 {
            return Ok(self.world(ipv6));
        }
        let world = match (self.dual_stack, ipv6) {
            (false, _) => "world",
            (true, false) => "world-ipv4",
            (true, true) => "world-ipv6",
        };
        let labels: Labels = [Label::cidr(prefix), Label::reserved(world)]
            .into_iter()
            .chain(further)
            .collect();
        self.for_outside(labels)
    }

    /// The node-local number of addresses outside of the cluster that have these labels.
    ///
    /// # Errors
    /// All 16 million numbers are in use.
    pub fn for_outside(&mut self, labels: Labels) -> Result<Identity, Exhausted> {
        if let Some(identity) = self.by_labels.get(&labels) {
            return Ok(*identity);
        }
        let room = number::LAST_LOCAL - number::FIRST_LOCAL + 1;
        for _ in 0..room {
            let candidate = Identity(self.next_local);
            self.next_local = if self.next_local == number::LAST_LOCAL {
                number::FIRST_LOCAL
            } else {
                self.next_local + 1
            };
            if !self.by_number.contains_key(&candidate) {
                self.insert(candidate, labels);
                return Ok(candidate);
            }
        }
        Err(Exhausted)
    }

    /// The number of these labels, if they have one.
    pub fn find(&self, labels: &Labels) -> Option<Identity> {
        self.by_labels.get(labels).copied()
    }

    /// The labels behind a number.
    pub fn labels(&self, identity: Identity) -> Option<&Labels> {
        self.by_number.get(&identity)
    }

    /// All identities, reserved ones included, by number.
    pub fn iter(&self) -> impl Iterator<Item = (Identity, &Labels)> {
        self.by_number
            .iter()
            .map(|(identity, labels)| (*identity, labels))
    }

    /// Number of identities, reserved ones included.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Never: the reserved ones are always there.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Forgets all identities that are neither reserved nor `in_use`. Whoever still shows flows of an
    /// identity has to count it as in use.
    pub fn retain(&mut self, in_use: &BTreeSet<Identity>) {
        let is_kept =
            |identity: &Identity| identity.0 < number::FIRST_DERIVED || in_use.contains(identity);
        let all = self.by_number.keys().copied();
        let forgotten: Vec<Identity> = all.filter(|identity| !is_kept(identity)).collect();
        for identity in forgotten {
            self.remove(identity);
        }
    }

    /// The numbers that mean something else than `before`, and the labels that they have; `None`: the
    /// number is free again.
    pub fn changed_since<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (Identity, Option<&'a Labels>)> {
        let changed = SharedMap::changed(&before.by_number, &self.by_number, Labels::eq);
        changed
            .into_iter()
            .map(|(identity, _, now)| (*identity, now))
    }

    /// The way here from `before`; `None` if that is the same.
    pub fn changes(&self, before: &Self) -> Option<IdentityChanges> {
        let labels = self.changed_since(before);
        let labels: BTreeMap<u32, Option<Labels>> = labels
            .map(|(identity, now)| (identity.0, now.cloned()))
            .collect();
        let is_same = labels.is_empty()
            && self.dual_stack == before.dual_stack
            && self.next_local == before.next_local;
        (!is_same).then_some(IdentityChanges {
            dual_stack: self.dual_stack,
            next_local: self.next_local,
            labels,
        })
    }

    /// Goes the way that [`Self::changes`] told.
    pub fn apply(&mut self, changes: IdentityChanges) {
        self.dual_stack = changes.dual_stack;
        self.next_local = changes
            .next_local
            .clamp(number::FIRST_LOCAL, number::LAST_LOCAL);
        let derived = |number: &u32| *number >= number::FIRST_DERIVED;
        // Labels may have gone from one number to another.
        for number in changes.labels.keys().filter(|number| derived(number)) {
            self.remove(Identity(*number));
        }
        for (number, labels) in changes.labels {
            if let Some(labels) = labels.filter(|_| derived(&number)) {
                self.insert(Identity(number), labels);
            }
        }
    }

    fn remove(&mut self, identity: Identity) {
        if let Some(labels) = self.by_number.remove(&identity) {
            self.by_labels.remove(&labels);
        }
    }

    fn insert(&mut self, identity: Identity, labels: Labels) {
        self.by_labels.insert(labels.clone(), identity);
        self.by_number.insert(identity, labels);
    }
}

/// The labels of a reserved identity. The API server runs on a node, so its identity is one of a remote
/// node, too (`pkg/identity/reserved.go`).
fn reserved_labels(identity: Identity) -> Labels {
    let node = (identity.0 == number::KUBE_APISERVER).then_some(Identity(number::REMOTE_NODE));
    let names = [Some(identity), node].into_iter().flatten();
    names
        .filter_map(Identity::name)
        .map(Label::reserved)
        .collect()
}

impl From<StoredIdentities> for Identities {
    fn from(stored: StoredIdentities) -> Self {
        let mut identities = Self::new(stored.dual_stack);
        identities.next_local = stored
            .next_local
            .clamp(number::FIRST_LOCAL, number::LAST_LOCAL);
        for (number, labels) in stored.labels {
            if number >= number::FIRST_DERIVED {
                identities.insert(Identity(number), labels);
            }
        }
        identities
    }
}

impl From<Identities> for StoredIdentities {
    fn from(identities: Identities) -> Self {
        Self {
            dual_stack: identities.dual_stack,
            next_local: identities.next_local,
            labels: identities
                .iter()
                .filter(|(identity, _)| identity.0 >= number::FIRST_DERIVED)
                .map(|(identity, labels)| (identity.0, labels.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(n: u32) -> Labels {
        [Label::k8s("app", &n.to_string())].into_iter().collect()
    }

    #[test]
    fn numbers_follow_from_labels_alone() {
        let mut one = Identities::new(false);
        let mut other = Identities::new(true);
        for n in 0..100 {
            one.for_labels(&app(n)).expect("room");
        }
        for n in (0..100).rev() {
            let identity = other.for_labels(&app(n)).expect("room");
            assert_eq!(one.find(&app(n)), Some(identity));
            assert!((number::FIRST_DERIVED..=number::LAST_DERIVED).contains(&identity.0));
        }
        // Pinned: a change of the digest would renumber live clusters.
        assert_eq!(one.find(&app(0)), Some(Identity(PINNED)));
    }

    const PINNED: u32 = 1_466_842;

    #[test]
    fn collision_moves_nobody() {
        let mut identities = Identities::new(false);
        let first = identities.for_labels(&app(1)).expect("room");
        let mut taken = Identities::new(false);
        taken.insert(first, app(2));
        let second = taken.for_labels(&app(1)).expect("room");
        assert_ne!(first, second);
        assert_eq!(taken.labels(first), Some(&app(2)));
        assert_eq!(taken.labels(second), Some(&app(1)));
    }

    #[test]
    fn prefixes() {
        let mut identities = Identities::new(true);
        let eight: IpNet = "10.0.0.0/8".parse().expect("a prefix");
        let identity = identities.for_prefix(eight, []).expect("room");
        assert_eq!(identity.0, number::FIRST_LOCAL);
        assert_eq!(identities.for_prefix(eight, []), Ok(identity));
        let labels = identities.labels(identity).expect("allocated").to_strings();
        assert_eq!(labels, ["cidr:10.0.0.0/8", "reserved:world-ipv4"]);
        let all: IpNet = "::/0".parse().expect("a prefix");
        assert_eq!(
            identities.for_prefix(all, []),
            Ok(Identity(number::WORLD_IPV6))
        );
    }

    #[test]
    fn stored_form_keeps_numbers_and_retain_forgets() {
        let mut identities = Identities::new(false);
        let pod = identities.for_labels(&app(1)).expect("room");
        let net: IpNet = "10.0.0.0/8".parse().expect("a prefix");
        let local = identities.for_prefix(net, []).expect("room");
        let text = serde_json::to_string(&identities).expect("plain data");
        let restored: Identities = serde_json::from_str(&text).expect("own form");
        assert_eq!(restored, identities);
        let before = identities.clone();
        assert_eq!(identities.changes(&before), None);
        identities.retain(&BTreeSet::from([pod]));
        assert_eq!(identities.find(&app(1)), Some(pod));
        assert_eq!(identities.labels(local), None);
        identities.for_labels(&app(2)).expect("room");
        let mut followed = before.clone();
        followed.apply(identities.changes(&before).expect("one came and one went"));
        assert_eq!(followed, identities);
        let again = identities.for_prefix(net, []).expect("room");
        assert_ne!(again, local, "a freed local number isn't given out at once");
    }
}
