//! Which names the policies select.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use cluster::{Label, Labels};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use l7::names::{FqdnSelector, NameSpec};
use l7::wire::name::Name;
use policy::rule::Peer;
use policy::{Compiled, Policy};

/// How many sets of selectors have identities before a name that they match is asked for. Each may have an entry in
/// each table.
const PREPARED: usize = 256;

/// What stands in the place of a star in a name that a pattern matches, and that nobody has.
const ANY: &str = "flows-any-label";

/// The selectors of `toFQDNs`, each once, in the order of their labels.
#[derive(Debug, Default)]
pub(super) struct Selectors(Vec<Selector>);

#[derive(Debug)]
struct Selector {
    /// Of what it selects.
    label: Label,
    spec: NameSpec,
    compiled: FqdnSelector,
}

impl Selectors {
    /// Those of policies.
    pub(super) fn new<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let rules = policies.flat_map(|policy| &policy.rules);
        let elements =
            rules.flat_map(|rule| rule.egress.iter().flat_map(|egress| &egress.elements));
        let texts = elements
            .flat_map(|element| &element.peers)
            .filter_map(|peer| match peer {
                Peer::Name(text) => Some(&**text),
                Peer::All
                | Peer::Labels(_)
                | Peer::Reserved(_)
                | Peer::Cidr(_)
                | Peer::CidrGroup { .. }
                | Peer::CidrGroups { .. } => None,
            });
        let read = texts.filter_map(|text| {
            let spec = NameSpec::of_selector(text);
            let compiled = FqdnSelector::new(&spec).ok()?;
            let label = Label::fqdn(text);
            let selector = Selector {
                label: label.clone(),
                spec,
                compiled,
            };
            Some((label, selector))
        });
        let each_once: BTreeMap<Label, Selector> = read.collect();
        Self(each_once.into_values().collect())
    }

    /// As they are written.
    pub(super) fn specs(&self) -> Vec<NameSpec> {
        let specs = self.0.iter().map(|selector| selector.spec.clone());
        specs.collect()
    }

    /// The place of the one that has a label.
    pub(super) fn place(&self, label: &Label) -> Option<usize> {
        let search = self
            .0
            .binary_search_by(|selector| selector.label.cmp(label));
        search.ok()
    }

    /// Labels that addresses outside of all prefixes will have, for a name of each selector and then for names of
    /// two: there is an identity before anybody asks for one.
    pub(super) fn prepared(&self, compiled: &Compiled) -> BTreeSet<Labels> {
        let worlds = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        let worlds = worlds.iter().filter_map(|world| {
            let identity = compiled.prefixes.get(world)?;
            compiled.identities.labels(*identity)
        });
        let worlds: BTreeSet<&Labels> = worlds.collect();
        let names = self.0.iter().filter_map(|selector| {
            let spec = &selector.spec;
            let pattern = spec.match_pattern.as_deref().map(an_instance);
            pattern.or_else(|| Some(spec.match_name.as_deref()?.to_owned()))
        });
        let one = names.map(|name| self.of_name(&name).collect::<BTreeSet<&Label>>());
        let one: BTreeSet<BTreeSet<&Label>> = one.filter(|selected| !selected.is_empty()).collect();
        let two = one.iter().enumerate().flat_map(|(place, first)| {
            let others = one.iter().skip(place + 1);
            others.map(move |second| first.union(second).copied().collect())
        });
        let all = one.iter().cloned().chain(two).take(PREPARED);
        let labels = all.flat_map(|selected: BTreeSet<&Label>| {
            let labels = worlds.iter().map(|world| {
                let labels = world.iter().chain(selected.iter().copied());
                labels.cloned().collect()
            });
            labels.collect::<Vec<Labels>>()
        });
        labels.collect()
    }

    /// The labels of those that match a name.
    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = &Label> {
        let name = Name::from_text(name).ok();
        let matching = self.0.iter().filter(move |selector| {
            name.as_ref()
                .is_some_and(|name| selector.compiled.matches(name))
        });
        matching.map(|selector| &selector.label)
    }

    /// Whether one matches a name.
    pub(super) fn select(&self, name: &str) -> bool {
        self.of_name(name).next().is_some()
    }
}

/// A name that a pattern matches.
fn an_instance(pattern: &str) -> String {
    let mut name = String::new();
    for (place, character) in pattern.char_indices() {
        if character != '*' {
            name.push(character);
        } else if !pattern[..place].ends_with('*') {
            name.push_str(ANY);
        }
    }
    name
}

/// What an address has without a name: the labels of the longest prefix that covers it.
pub(super) fn outside(address: IpAddr, compiled: &Compiled) -> Option<&Labels> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefixes = (0..=longest)
        .rev()
        .filter_map(|length| IpNet::new(address, length).ok());
    let mut known = prefixes.filter_map(|prefix| compiled.prefixes.get(&prefix.trunc()));
    compiled.identities.labels(*known.next()?)
}
