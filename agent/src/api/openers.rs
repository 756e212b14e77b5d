//! Rules of `toFQDNs`, by which pods may reach addresses that they were told for names.

use std::collections::BTreeSet;

use cluster::NamespacedName;
use l7::names::{FqdnSelector, NameSpec};
use policy::rule::Peer;

use crate::node::AppliedState;

/// A selector of `toFQDNs` that opens names for a pod.
pub(super) struct Opener {
    /// As the policy writes it.
    pub(super) selector: String,
    pub(super) matches: FqdnSelector,
    /// `cnp shop/web: toFQDNs *.example.com on 443/TCP`
    pub(super) text: String,
}

/// The selectors of `toFQDNs` that open names for a pod, as policies write them, sorted.
pub(super) fn selectors_of(known: &AppliedState, pod: &NamespacedName) -> Vec<String> {
    let openers = openers_of(known, pod).into_iter();
    let selectors: BTreeSet<String> = openers.map(|opener| opener.selector).collect();
    selectors.into_iter().collect()
}

/// All of them, each as often as it stands in a policy.
pub(super) fn openers_of(known: &AppliedState, pod: &NamespacedName) -> Vec<Opener> {
    let endpoint = known.compiled.endpoints.get(pod);
    let Some(labels) =
        endpoint.and_then(|endpoint| known.compiled.identities.labels(endpoint.identity))
    else {
        return Vec::new();
    };
    let mut openers = Vec::new();
    for (name, policy) in &known.policies {
        let rules = policy.rules.iter();
        let rules = rules.filter(|rule| rule.subject.matches(labels));
        let elements = rules.flat_map(|rule| rule.egress.iter().flat_map(|it| &it.elements));
        for element in elements.filter(|element| !element.deny) {
            for peer in &element.peers {
                let Peer::Name(selector) = peer else {
                    continue;
                };
                // Policies whose selectors can't be read are not in force.
                let Ok(matches) = FqdnSelector::new(&NameSpec::of_selector(selector)) else {
                    continue;
                };
                let on = match &*element.on {
                    "" => "all ports",
                    on => on,
                };
                openers.push(Opener {
                    text: format!("{name}: toFQDNs {selector} on {on}"),
                    selector: selector.to_string(),
                    matches,
                });
            }
        }
    }
    openers
}
