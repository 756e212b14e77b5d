//! The rules in force, by what they refer to: who uses a selector, as whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::{Identity, ObjectName};

use crate::attribution::Direction;
use crate::rule::{Element, Peer, Policy, Ports, Rule};
use crate::selector_cache::{SelectorCache, SlotId};

/// A rule: its policy, and its place among the policy's rules.
pub(crate) type RuleRef = (ObjectName, usize);

/// The policies in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleStore {
    policies: BTreeMap<ObjectName, Entry>,
    users: HashMap<SlotId, Users>,
    /// Rules with a named port of any peer on egress: what they mean depends on every identity.
    of_any_names: BTreeSet<RuleRef>,
}

#[derive(Clone, Debug)]
struct Entry {
    policy: Arc<Policy>,
    rules: Vec<RuleSlots>,
}

/// Selectors of one rule.
#[derive(Clone, Debug)]
struct RuleSlots {
    subject: SlotId,
    /// Of each element, in the order of its peers.
    ingress: Vec<Vec<PeerSlot>>,
    egress: Vec<Vec<PeerSlot>>,
}

/// A peer of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PeerSlot {
    /// Everybody: the column of any peer.
    All,
    /// Whom a selector matches.
    Of(SlotId),
}

/// Rules that use a selector.
#[derive(Clone, Debug, Default)]
struct Users {
    as_subject: BTreeSet<RuleRef>,
    /// And whom each of them selects.
    as_peer: BTreeMap<RuleRef, SlotId>,
}

/// A rule that selects the owner of a table.
#[derive(Clone, Copy)]
pub(crate) struct SelectedRule<'a> {
    pub(crate) policy: &'a Policy,
    slots: &'a RuleSlots,
    /// Its place among the policy's rules.
    pub(crate) number: usize,
}

impl<'a> SelectedRule<'a> {
    pub(crate) fn rule(&self) -> &'a Rule {
        &self.policy.rules[self.number]
    }

    /// What it says on a direction, element by element, and whom each is about.
    pub(crate) fn elements(
        &self,
        direction: Direction,
    ) -> impl Iterator<Item = (&'a Element, &'a [PeerSlot])> + use<'a> {
        let elements = self
            .rule()
            .statement(direction)
            .map(|statement| statement.elements.as_slice())
            .unwrap_or_default();
        let slots = self
            .slots
            .for_direction(direction)
            .iter()
            .map(Vec::as_slice);
        elements.iter().zip(slots)
    }
}

impl RuleSlots {
    fn for_direction(&self, direction: Direction) -> &[Vec<PeerSlot>] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    fn peers(&self) -> impl Iterator<Item = SlotId> + '_ {
        let all = self.ingress.iter().chain(&self.egress).flatten();
        all.filter_map(|slot| match slot {
            PeerSlot::All => None,
            PeerSlot::Of(id) => Some(*id),
        })
    }
}

impl RuleStore {
    /// Adds a policy that isn't there.
    pub(crate) fn insert(&mut self, policy: &Arc<Policy>, selector_cache: &mut SelectorCache) {
        let mut rules = Vec::with_capacity(policy.rules.len());
        for (number, rule) in policy.rules.iter().enumerate() {
            let reference = (policy.name.clone(), number);
            let subject = selector_cache.keep(&Peer::Labels(rule.subject.clone()));
            let mut slots = |direction| -> Vec<Vec<PeerSlot>> {
                let statement = rule.statement(direction);
                let elements = statement.map(|s| s.elements.as_slice()).unwrap_or_default();
                elements
                    .iter()
                    .map(|element| {
                        let peers = element.peers.iter().map(|peer| match peer {
                            Peer::All => PeerSlot::All,
                            Peer::Labels(_)
                            | Peer::Reserved(_)
                            | Peer::Cidr(_)
                            | Peer::CidrGroup { .. }
                            | Peer::CidrGroups { .. }
                            | Peer::Name(_) => PeerSlot::Of(selector_cache.keep(peer)),
                        });
                        peers.collect()
                    })
                    .collect()
            };
            let slots = RuleSlots {
                subject,
                ingress: slots(Direction::Ingress),
                egress: slots(Direction::Egress),
            };
            let users = self.users.entry(subject).or_default();
            users.as_subject.insert(reference.clone());
            for id in slots.peers() {
                let users = self.users.entry(id).or_default();
                users.as_peer.insert(reference.clone(), subject);
            }
            if asks_any_names(rule) {
                self.of_any_names.insert(reference);
            }
            rules.push(slots);
        }
        let entry = Entry {
            policy: Arc::clone(policy),
            rules,
        };
        self.policies.insert(policy.name.clone(), entry);
    }

    /// Removes a policy, and from the cache the selectors that it alone used.
    pub(crate) fn remove(&mut self, name: &ObjectName, selector_cache: &mut SelectorCache) {
        let Some(entry) = self.policies.remove(name) else {
            return;
        };
        for (number, slots) in entry.rules.iter().enumerate() {
            let reference = (name.clone(), number);
            self.of_any_names.remove(&reference);
            for id in slots.peers().chain([slots.subject]) {
                if let Some(users) = self.users.get_mut(&id) {
                    users.as_peer.remove(&reference);
                    users.as_subject.remove(&reference);
                    if users.as_peer.is_empty() && users.as_subject.is_empty() {
                        self.users.remove(&id);
                    }
                }
                selector_cache.release(id);
            }
        }
    }

    /// The rules that select the pods of an identity, by policy and place.
    pub(crate) fn selecting(
        &self,
        selector_cache: &SelectorCache,
        identity: Identity,
    ) -> Vec<SelectedRule<'_>> {
        // Rules for pods never apply to the node itself.
        if identity.0 == abi::identity::HOST {
            return Vec::new();
        }
        let references: BTreeSet<&RuleRef> = selector_cache
            .for_identity(identity)
            .iter()
            .filter_map(|id| self.users.get(id))
            .flat_map(|users| &users.as_subject)
            .collect();
        references
            .into_iter()
            .filter_map(|reference| self.get(reference))
            .collect()
    }

    fn get(&self, (name, number): &RuleRef) -> Option<SelectedRule<'_>> {
        let entry = self.policies.get(name)?;
        Some(SelectedRule {
            policy: &entry.policy,
            slots: entry.rules.get(*number)?,
            number: *number,
        })
    }

    /// The rules of a policy.
    pub(crate) fn rules_of(&self, name: &ObjectName) -> impl Iterator<Item = SelectedRule<'_>> {
        let entry = self.policies.get(name);
        entry.into_iter().flat_map(|entry| {
            let rules = entry.rules.iter().enumerate();
            rules.map(|(number, slots)| SelectedRule {
                policy: &entry.policy,
                slots,
                number,
            })
        })
    }

    /// The subjects of the rules in which these selectors stand as peers.
    pub(crate) fn subjects_of_users(&self, ids: &[SlotId]) -> BTreeSet<SlotId> {
        let users = ids.iter().filter_map(|id| self.users.get(id));
        users
            .flat_map(|users| users.as_peer.values())
            .copied()
            .collect()
    }

    /// The subjects of the rules that ask every identity for its named ports.
    pub(crate) fn subjects_of_any_names(&self) -> BTreeSet<SlotId> {
        let rules = self.of_any_names.iter();
        rules
            .filter_map(|reference| self.get(reference))
            .map(|selecting| selecting.slots.subject)
            .collect()
    }
}

impl SelectedRule<'_> {
    /// Whom the rule selects.
    pub(crate) fn subject(&self) -> SlotId {
        self.slots.subject
    }
}

fn asks_any_names(rule: &Rule) -> bool {
    let elements = rule.egress.iter().flat_map(|statement| &statement.elements);
    elements
        .filter(|element| element.peers.contains(&Peer::All))
        .flat_map(|element| &element.ports)
        .any(|ports| matches!(ports, Ports::Named { .. }))
}
