//! Which identities a selector matches, without asking every identity for every selector.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::{CidrGroup, Identities, Identity, Labels};
use ipnet::IpNet;

use crate::rule::{CidrRule, Peer, Policy};
use crate::selector::{Demand, Requirement, Selector};

/// Identities by what selectors ask for.
pub(crate) struct Index<'a> {
    identities: &'a Identities,
    groups: &'a BTreeMap<Arc<str>, Arc<CidrGroup>>,
    all: Vec<Identity>,
    /// By key and value of each label, whatever its source.
    by_label: HashMap<(&'a str, &'a str), Vec<Identity>>,
    by_key: HashMap<&'a str, Vec<Identity>>,
    by_prefix: BTreeMap<IpNet, Vec<Identity>>,
    selected: HashMap<Selector, Arc<[Identity]>>,
    peers: HashMap<Peer, Arc<[Identity]>>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(
        identities: &'a Identities,
        in_use: &BTreeSet<Identity>,
        groups: &'a BTreeMap<Arc<str>, Arc<CidrGroup>>,
    ) -> Self {
        let mut index = Self {
            identities,
            groups,
            all: Vec::new(),
            by_label: HashMap::new(),
            by_key: HashMap::new(),
            by_prefix: BTreeMap::new(),
            selected: HashMap::new(),
            peers: HashMap::new(),
        };
        for (identity, labels) in identities.iter() {
            if identity.0 >= abi::identity::FIRST_DERIVED && !in_use.contains(&identity) {
                continue;
            }
            index.all.push(identity);
            for label in labels.iter() {
                let pair = (&*label.key, &*label.value);
                index.by_label.entry(pair).or_default().push(identity);
                index.by_key.entry(&*label.key).or_default().push(identity);
            }
            if let Some(prefix) = labels.cidr() {
                index.by_prefix.entry(prefix).or_default().push(identity);
            }
        }
        index
    }

    fn labels(&self, identity: Identity) -> Option<&'a Labels> {
        self.identities.labels(identity)
    }

    /// Identities whose labels a selector matches, sorted.
    pub(crate) fn select(&mut self, selector: &Selector) -> Arc<[Identity]> {
        if let Some(known) = self.selected.get(selector) {
            return Arc::clone(known);
        }
        let found = self.matching(self.candidates(selector), selector);
        self.selected.insert(selector.clone(), Arc::clone(&found));
        found
    }

    fn matching(&self, candidates: Vec<Identity>, selector: &Selector) -> Arc<[Identity]> {
        let mut found: Vec<Identity> = candidates
            .into_iter()
            .filter(|identity| {
                self.labels(*identity)
                    .is_some_and(|labels| selector.matches(labels))
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found.into()
    }

    /// The shortest list that holds everything a selector can match.
    fn candidates(&self, selector: &Selector) -> Vec<Identity> {
        selector
            .requirements
            .iter()
            .filter_map(|requirement| self.demanded(requirement))
            .min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>())
            .map_or_else(|| self.all.clone(), |lists| lists.concat())
    }

    /// Lists that hold everything that meets a requirement; `None` if absence meets it.
    fn demanded<'s>(&'s self, requirement: &'s Requirement) -> Option<Vec<&'s [Identity]>> {
        let key = &*requirement.key.name;
        match &requirement.demand {
            Demand::In(values) => Some(
                values
                    .iter()
                    .filter_map(|value| self.by_label.get(&(key, &**value)))
                    .map(Vec::as_slice)
                    .collect(),
            ),
            Demand::Exists => Some(
                self.by_key
                    .get(key)
                    .map(Vec::as_slice)
                    .into_iter()
                    .collect(),
            ),
            Demand::NotIn(_) | Demand::DoesNotExist => None,
        }
    }

    /// Identities that a peer names, sorted. [`Peer::All`] is not asked here: it is the column of any
    /// peer.
    pub(crate) fn peer(&mut self, peer: &Peer) -> Arc<[Identity]> {
        if let Peer::Labels(selector) = peer {
            return self.select(selector);
        }
        if let Some(known) = self.peers.get(peer) {
            return Arc::clone(known);
        }
        let mut found: Vec<Identity> = match peer {
            Peer::All => self.all.clone(),
            Peer::Labels(_) => Vec::new(),
            Peer::Reserved(name) => {
                let named = self.by_key.get(name).map(Vec::as_slice).unwrap_or_default();
                let reserved = |identity: &&Identity| {
                    self.labels(**identity)
                        .is_some_and(|labels| labels.is_reserved(name))
                };
                named.iter().filter(reserved).copied().collect()
            }
            Peer::Cidr(rule) => self.inside(rule),
            Peer::CidrGroup { .. } | Peer::CidrGroups { .. } => group_rules(peer, self.groups)
                .iter()
                .flat_map(|rule| self.inside(rule))
                .collect(),
        };
        found.sort_unstable();
        found.dedup();
        let found: Arc<[Identity]> = found.into();
        self.peers.insert(peer.clone(), Arc::clone(&found));
        found
    }

    fn inside(&self, rule: &CidrRule) -> Vec<Identity> {
        let mut found = Vec::new();
        if rule.cidr.prefix_len() == 0 {
            let world = self
                .by_key
                .iter()
                .filter(|(key, _)| key.starts_with("world"));
            let mut identities: Vec<Identity> = world
                .flat_map(|(_, identities)| identities.iter().copied())
                .collect();
            identities.retain(|identity| {
                self.labels(*identity)
                    .is_some_and(|labels| labels.cidr().is_none() && rule.matches(labels))
            });
            found.extend(identities);
        }
        // Prefixes sort by address first: those inside of a prefix follow it.
        for (prefix, identities) in self.by_prefix.range(rule.cidr..) {
            if !rule.cidr.contains(prefix) {
                if prefix.addr() > rule.cidr.broadcast() {
                    break;
                }
                continue;
            }
            if !rule.except.iter().any(|except| except.contains(prefix)) {
                found.extend(identities);
            }
        }
        found
    }
}

/// All prefixes that rules name: each gets an identity, and so do those taken out of others.
pub fn named_prefixes<'p>(
    policies: impl Iterator<Item = &'p Arc<Policy>>,
    groups: &BTreeMap<Arc<str>, Arc<CidrGroup>>,
) -> BTreeSet<IpNet> {
    let mut prefixes = BTreeSet::new();
    let statements = policies
        .flat_map(|policy| &policy.rules)
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
