//! Whether what one rule is about lies within what another is about.

use std::collections::{HashMap, HashSet};

use ipnet::IpNet;

use super::LintContext;
use policy::rule::{CidrRule, Element, Peer, Ports};
use policy::selector::Selector;
use policy::supernets;

/// Sets of labels that pods have, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pods(Vec<u64>);

impl Pods {
    pub(super) fn insert(&mut self, number: usize) {
        let (word, bit) = (number / 64, number % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    pub(super) fn has(&self, number: usize) -> bool {
        let word = self.0.get(number / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Adds others.
    pub(super) fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(one, other)| *one |= other);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether all of them are among others.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let others = other.0.iter().chain(std::iter::repeat(&0));
        self.0
            .iter()
            .zip(others)
            .all(|(one, other)| one & !other == 0)
    }

    /// Numbers of those that are in both.
    pub(super) fn common(&self, other: &Self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().zip(&other.0).enumerate();
        words.flat_map(|(word, (one, other))| {
            let both = one & other;
            (0..64)
                .filter(move |bit| both >> bit & 1 == 1)
                .map(move |bit| word * 64 + bit)
        })
    }
}

/// What is known of an element beforehand, so that it can be held against many.
pub(super) struct ElementScope {
    peers: HashSet<Peer>,
    cidrs: HashMap<IpNet, Vec<CidrRule>>,
    selectors: Vec<Selector>,
    anyone: bool,
    world: bool,
    /// Pods that it is about.
    pub(super) pods: Pods,
}

impl ElementScope {
    pub(super) fn new(element: &Element, pods: Pods) -> Self {
        let mut known = Self {
            peers: element.peers.iter().cloned().collect(),
            cidrs: HashMap::new(),
            selectors: Vec::new(),
            anyone: element.peers.contains(&Peer::All),
            world: element.peers.contains(&Peer::Reserved("world")),
            pods,
        };
        for peer in &element.peers {
            match peer {
                Peer::Cidr(rule) => {
                    let same = known.cidrs.entry(rule.cidr).or_default();
                    same.push(rule.clone());
                }
                Peer::Labels(selector) => known.selectors.push(selector.clone()),
                Peer::All
                | Peer::Reserved(_)
                | Peer::CidrGroup { .. }
                | Peer::CidrGroups { .. }
                | Peer::Name(_) => {}
            }
        }
        known
    }

    /// Whether it is about all that a peer means, whatever pods there are.
    pub(super) fn has(&self, peer: &Peer) -> bool {
        policy::steps::count(1);
        if self.anyone || self.peers.contains(peer) {
            return true;
        }
        match peer {
            Peer::Labels(inner) => self.selectors.iter().any(|outer| selector(outer, inner)),
            Peer::Cidr(inner) => {
                let around = supernets(inner.cidr).filter_map(|net| self.cidrs.get(&net));
                self.world || around.flatten().any(|outer| prefix(outer, inner))
            }
            Peer::All
            | Peer::Reserved(_)
            | Peer::CidrGroup { .. }
            | Peer::CidrGroups { .. }
            | Peer::Name(_) => false,
        }
    }
}

/// A prefix as a peer.
pub(super) fn whole(cidr: IpNet) -> Peer {
    Peer::Cidr(CidrRule {
        cidr,
        except: Vec::new(),
    })
}

/// Whether `outer` is about everything that `inner` is about, whatever pods there are.
pub(super) fn element(outer: &Element, inner: &Element, context: &LintContext<'_>) -> bool {
    all_ports(outer, inner) && {
        let outer = context.scope_of(outer);
        inner.peers.iter().all(|peer| outer.has(peer))
    }
}

/// Whether `outer` is about everything that `inner` is about, with the pods that there are.
pub(super) fn element_now(outer: &Element, inner: &Element, context: &LintContext<'_>) -> bool {
    all_ports(outer, inner) && {
        let outer = context.scope_of(outer);
        let mut peers = inner.peers.iter();
        peers.all(|peer| outer.has(peer) || covers_pods(&outer, peer, context))
    }
}

fn all_ports(outer: &Element, inner: &Element) -> bool {
    // What rules of layer 7 leave of a port isn't compared.
    if !outer.port_rules.is_empty() {
        return false;
    }
    let covered = |ports: &Ports| outer.ports.iter().any(|other| has_ports(other, ports));
    inner.ports.iter().all(covered)
}

/// Whether `outer` selects everything that `inner` selects: it demands no more.
pub(super) fn selector(outer: &Selector, inner: &Selector) -> bool {
    outer
        .requirements
        .iter()
        .all(|requirement| inner.requirements.contains(requirement))
}

fn prefix(outer: &CidrRule, inner: &CidrRule) -> bool {
    outer.cidr.contains(&inner.cidr)
        && outer.except.iter().all(|hole| {
            inner.excepts(*hole) || !(inner.cidr.contains(hole) || hole.contains(&inner.cidr))
        })
}

/// Whether all pods that a selector means are meant by an element, too; only if there are any.
pub(super) fn covers_pods(outer: &ElementScope, inner: &Peer, context: &LintContext<'_>) -> bool {
    let Peer::Labels(selector) = inner else {
        return false;
    };
    let meant = context.pods_of(selector);
    !meant.is_empty() && meant.is_within(&outer.pods)
}

pub(super) fn has_ports(outer: &Ports, inner: &Ports) -> bool {
    match (outer, inner) {
        (Ports::All, _) => true,
        (
            Ports::Protocol(outer),
            Ports::Protocol(inner)
            | Ports::Range {
                protocol: inner, ..
            }
            | Ports::Named {
                protocol: inner, ..
            },
        ) => outer == inner,
        (
            Ports::Range {
                protocol,
                first,
                last,
            },
            Ports::Range {
                protocol: other,
                first: low,
                last: high,
            },
        ) => protocol == other && first <= low && high <= last,
        (outer, inner) => outer == inner,
    }
}
