//! Names outside of the cluster: the selectors of `toFQDNs`, and which of them match a name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{Identity, Label, Labels};
use l7::names::{FqdnSelector, NameSpec};
use l7::wire::name::Name;
use policy::rule::Peer;

use super::End;
use super::peer_groups::{Member, PeerGroup, PeerKind};
use crate::trace::{KnownIdentities, PolicyContext};

/// All selectors of `toFQDNs` of some clusters, by their text.
#[derive(Clone, Debug, Default)]
pub(crate) struct NameSelectors {
    selectors: BTreeMap<Arc<str>, FqdnSelector>,
}

impl NameSelectors {
    pub(super) fn new<const N: usize>(contexts: [&PolicyContext<'_>; N]) -> Self {
        let mut selectors = BTreeMap::new();
        let policies = contexts
            .iter()
            .flat_map(|context| context.policies().values());
        let rules = policies.flat_map(|policy| &policy.rules);
        let egress = rules.filter_map(|rule| rule.egress.as_ref());
        let peers = egress.flat_map(|egress| egress.elements.iter().flat_map(|one| &one.peers));
        for peer in peers {
            let Peer::Name(text) = peer else {
                continue;
            };
            // What was read as a policy was checked.
            if let Ok(selector) = FqdnSelector::new(&NameSpec::of_selector(text)) {
                selectors.insert(Arc::clone(text), selector);
            }
        }
        Self { selectors }
    }

    /// Those that match one of some names.
    pub(super) fn matching(&self, names: &[String]) -> BTreeSet<Arc<str>> {
        let names = names.iter().filter_map(|name| Name::from_text(name).ok());
        let names: Vec<Name> = names.collect();
        let selectors = self.selectors.iter();
        let matching =
            selectors.filter(|(_, selector)| names.iter().any(|name| selector.matches(name)));
        matching.map(|(text, _)| Arc::clone(text)).collect()
    }

    /// A group for each selector: an address that is learned for the name or, of a pattern, for one that nothing
    /// else matches, which no prefix of a policy covers but one that covers everything.
    pub(super) fn members<const N: usize>(
        &self,
        known: &mut [KnownIdentities; N],
    ) -> Vec<Member<N>> {
        let member = |text: &Arc<str>| {
            let mut selectors = self.matching(&[text.to_string()]);
            selectors.insert(Arc::clone(text));
            let labels: [Labels; N] = std::array::from_fn(|cluster| {
                let known = &known[cluster];
                let anywhere = known.identities.labels(known.anywhere());
                let anywhere = anywhere.cloned().unwrap_or_default();
                let own = selectors.iter().map(|text| Label::fqdn(text));
                anywhere.iter().cloned().chain(own).collect()
            });
            let ends = std::array::from_fn(|cluster| End {
                identity: known[cluster].add(&labels[cluster], std::iter::empty()),
                table: None,
            });
            Member {
                group: Arc::new(PeerGroup {
                    kind: PeerKind::Name,
                    name: text.to_string(),
                    workload: None,
                    pods: Vec::new(),
                }),
                labels,
                selectors,
                ends,
            }
        };
        self.selectors.keys().map(member).collect()
    }
}

/// The group of addresses that have no name and are in no prefix, by its place.
pub(super) fn anywhere<const N: usize>(
    members: &[Member<N>],
    known: &[KnownIdentities; N],
) -> Option<usize> {
    let wanted: [Identity; N] = std::array::from_fn(|cluster| known[cluster].anywhere());
    members
        .iter()
        .position(|member| member.ends.map(|end| end.identity) == wanted)
}
