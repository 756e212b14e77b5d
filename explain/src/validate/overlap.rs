//! Rules that leave nothing of others, and rules that add nothing to others.
//!
//! Each rule is held against few others: rules are kept by whom they select, and what they say by whom it
//! is about, so that the cost grows with the rules and not with their pairs.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use cluster::ObjectName;
use l7::rules::Allows;

use super::subsumption::Pods;
use super::summary::has_effect;
use super::{LintContext, subsumption};
use policy::Direction;
use policy::cancel;
use policy::rule::{Element, Peer, Policy, Rule};
use policy::selector::{Requirement, Selector};

/// Another rule that makes one pointless.
pub(super) struct Other<'a> {
    pub(super) policy: &'a ObjectName,
    pub(super) element: &'a Element,
}

/// An element, where it stands.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) policy: &'a Policy,
    pub(super) rule: &'a Rule,
    pub(super) element: &'a Element,
    /// Its place among all elements of a direction, in the order of policies.
    pub(super) number: usize,
}

/// All elements that say something on a direction for at least the pods that a subject selects.
pub(super) struct Others<'a> {
    pub(super) allows: List<'a>,
    pub(super) denies: List<'a>,
    dns: OnceCell<bool>,
    names: OnceCell<bool>,
}

/// Elements in order, and by their peers.
pub(super) struct List<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    by_peer: HashMap<Peer, Vec<usize>>,
    by_requirement: HashMap<&'a Requirement, Vec<usize>>,
    /// Those that may be about anyone.
    anyone: Vec<usize>,
}

/// What all policies say, by whom they select.
pub(super) struct Overlaps<'a> {
    subjects: Vec<Subject<'a>>,
    numbers: BTreeMap<&'a Selector, usize>,
    others: Vec<[OnceCell<Rc<Others<'a>>>; 2]>,
}

struct Subject<'a> {
    selector: &'a Selector,
    pods: Pods,
    entries: [Vec<Entry<'a>>; 2],
}

impl<'a> Overlaps<'a> {
    pub(super) fn new(
        policies: &'a BTreeMap<ObjectName, Arc<Policy>>,
        pods: impl Fn(&Selector) -> Pods,
    ) -> Self {
        let mut overlaps = Self {
            subjects: Vec::new(),
            numbers: BTreeMap::new(),
            others: Vec::new(),
        };
        let mut number = 0;
        for policy in cancel::each(policies.values()) {
            for rule in &policy.rules {
                let subjects = &mut overlaps.subjects;
                let subject = *overlaps.numbers.entry(&rule.subject).or_insert_with(|| {
                    subjects.push(Subject {
                        selector: &rule.subject,
                        pods: pods(&rule.subject),
                        entries: [Vec::new(), Vec::new()],
                    });
                    subjects.len() - 1
                });
                for direction in Direction::ALL {
                    let statement = rule.statement(direction);
                    let elements = statement.map(|s| s.elements.as_slice()).unwrap_or_default();
                    for element in elements.iter().filter(|element| has_effect(element)) {
                        subjects[subject].entries[direction as usize].push(Entry {
                            policy,
                            rule,
                            element,
                            number,
                        });
                        number += 1;
                    }
                }
            }
        }
        overlaps
            .others
            .resize_with(overlaps.subjects.len(), Default::default);
        overlaps
    }

    /// What is said on a direction of at least the pods that a rule selects.
    pub(super) fn others(&self, rule: &Rule, direction: Direction) -> Option<Rc<Others<'a>>> {
        let number = *self.numbers.get(&rule.subject)?;
        let others = self.others[number][direction as usize].get_or_init(|| {
            let own = &self.subjects[number];
            let covering = cancel::each(&self.subjects).filter(|other| {
                policy::steps::count(1);
                subsumption::selector(other.selector, own.selector)
                    || (!own.pods.is_empty() && own.pods.is_within(&other.pods))
            });
            let mut entries: Vec<Entry<'a>> = covering
                .flat_map(|subject| subject.entries[direction as usize].iter().copied())
                .collect();
            entries.sort_unstable_by_key(|entry| entry.number);
            let (denies, allows) = entries.into_iter().partition(|entry| entry.element.deny);
            Rc::new(Others {
                allows: List::new(allows),
                denies: List::new(denies),
                dns: OnceCell::new(),
                names: OnceCell::new(),
            })
        });
        Some(Rc::clone(others))
    }
}

impl<'a> Others<'a> {
    /// Those that allow, or those that deny.
    fn of(&self, deny: bool) -> &List<'a> {
        if deny { &self.denies } else { &self.allows }
    }

    /// Whether an allow of them meets a condition, which is always the same one.
    pub(super) fn has_dns(&self, condition: impl Fn(&Element) -> bool) -> bool {
        *self.dns.get_or_init(|| {
            self.allows
                .entries
                .iter()
                .any(|entry| condition(entry.element))
        })
    }
}

impl Others<'_> {
    /// Whether questions for names are read of one of them, so that their addresses are learned.
    pub(super) fn reads_names(&self) -> bool {
        *self.names.get_or_init(|| {
            let elements = self.allows.entries.iter().map(|entry| entry.element);
            let mut rules = elements.flat_map(|element| &element.port_rules);
            rules.any(|rule| matches!(*rule.allows, Allows::Dns(_)))
        })
    }
}

impl<'a> List<'a> {
    fn new(entries: Vec<Entry<'a>>) -> Self {
        let mut uses: HashMap<&Requirement, usize> = HashMap::new();
        let selectors = entries.iter().flat_map(|entry| &entry.element.peers);
        for peer in selectors {
            if let Peer::Labels(selector) = peer {
                for requirement in &selector.requirements {
                    *uses.entry(requirement).or_default() += 1;
                }
            }
        }
        let mut list = Self {
            by_peer: HashMap::new(),
            by_requirement: HashMap::new(),
            anyone: Vec::new(),
            entries: Vec::new(),
        };
        for (place, entry) in entries.iter().enumerate() {
            for peer in &entry.element.peers {
                let places = match peer {
                    Peer::All => &mut list.anyone,
                    // Under the rarest thing that it asks for.
                    Peer::Labels(selector) => match selector
                        .requirements
                        .iter()
                        .min_by_key(|requirement| uses.get(requirement))
                    {
                        Some(requirement) => list.by_requirement.entry(requirement).or_default(),
                        None => &mut list.anyone,
                    },
                    Peer::Cidr(rule) => list
                        .by_peer
                        .entry(subsumption::whole(rule.cidr))
                        .or_default(),
                    Peer::Reserved(_)
                    | Peer::CidrGroup { .. }
                    | Peer::CidrGroups { .. }
                    | Peer::Name(_) => list.by_peer.entry(peer.clone()).or_default(),
                };
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
        list.entries = entries;
        list
    }

    /// Elements of which a peer may be about all that this one is about, in order.
    fn around(&self, peer: &Peer) -> Vec<Entry<'a>> {
        let mut places = self.anyone.clone();
        let mut add = |found: Option<&Vec<usize>>| places.extend(found.into_iter().flatten());
        match peer {
            Peer::All => {}
            Peer::Labels(selector) => {
                for requirement in &selector.requirements {
                    add(self.by_requirement.get(requirement));
                }
            }
            Peer::Cidr(rule) => {
                for net in policy::supernets(rule.cidr) {
                    add(self.by_peer.get(&subsumption::whole(net)));
                }
                add(self.by_peer.get(&Peer::Reserved("world")));
            }
            Peer::Reserved(_)
            | Peer::CidrGroup { .. }
            | Peer::CidrGroups { .. }
            | Peer::Name(_) => {
                add(self.by_peer.get(peer));
            }
        }
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .map(|place| self.entries[place])
            .collect()
    }
}

/// A deny that covers an allow wholly: the allow never has an effect.
pub(super) fn shadow<'a>(
    others: &Others<'a>,
    element: &Element,
    context: &LintContext<'a>,
) -> Option<Other<'a>> {
    let mut denies = others.denies.entries.iter();
    denies
        .find(|other| subsumption::element_now(other.element, element, context))
        .map(|other| Other {
            policy: &other.policy.name,
            element: other.element,
        })
}

/// Another rule of the same kind that covers this one. Of two that cover each other, the later one is
/// the pointless one.
pub(super) fn wider<'a>(
    others: &Others<'a>,
    rule: &Rule,
    direction: Direction,
    element: &Element,
    context: &LintContext<'a>,
) -> Option<Other<'a>> {
    let default_deny = |rule: &Rule| {
        let statement = rule.statement(direction);
        statement.is_some_and(|statement| statement.default_deny)
    };
    let list = others.of(element.deny);
    let same = |other: &Element| std::ptr::eq(other, element);
    let own = list
        .entries
        .iter()
        .find(|entry| same(entry.element))?
        .number;
    let candidates = list.around(element.peers.first()?);
    candidates
        .into_iter()
        .find(|other| {
            // A rule that also switches default deny on is not pointless beside one that doesn't.
            let as_strict = default_deny(other.rule) || !default_deny(rule);
            !same(other.element)
                && as_strict
                && subsumption::selector(&other.rule.subject, &rule.subject)
                && subsumption::element(other.element, element, context)
                && !(other.number > own && subsumption::element(element, other.element, context))
        })
        .map(|other| Other {
            policy: &other.policy.name,
            element: other.element,
        })
}
