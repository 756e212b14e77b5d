//! Which names the policies select.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cluster::{Label, Labels};
use ipnet::IpNet;
use l7::names::{FqdnSelector, NameSpec};
use l7::wire::name::Name;
use policy::rule::Peer;
use policy::{Compiled, Policy};

/// The selectors of `toFQDNs`, each once, with the label of what it selects.
#[derive(Debug, Default)]
pub(super) struct Selectors(Vec<(Label, FqdnSelector)>);

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
            let has_stars = text.contains('*');
            let text_of = |is: bool| is.then(|| Box::from(text));
            let spec = NameSpec {
                match_name: text_of(!has_stars),
                match_pattern: text_of(has_stars),
            };
            Some((text, FqdnSelector::new(&spec).ok()?))
        });
        let each_once: BTreeMap<&str, FqdnSelector> = read.collect();
        let labelled = each_once.into_iter();
        Self(
            labelled
                .map(|(text, selector)| (Label::fqdn(text), selector))
                .collect(),
        )
    }

    /// The labels of those that match a name.
    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = &Label> {
        let name = Name::from_text(name).ok();
        let matching = self
            .0
            .iter()
            .filter(move |(_, selector)| name.as_ref().is_some_and(|name| selector.matches(name)));
        matching.map(|(label, _)| label)
    }

    /// Whether one matches a name.
    pub(super) fn select(&self, name: &str) -> bool {
        self.of_name(name).next().is_some()
    }
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
