//! Rules of Kafka, and rules of one port beside each other.

use super::{Finding, Lint, lint};
use crate::kafka::RuleSpec;
use crate::rules::{Allows, Alternative, Peers, SetSpec};

/// Looks at an item of `rules.kafka`.
pub fn kafka(spec: &RuleSpec) -> Vec<Lint> {
    let has = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let is_open = has(&spec.topic) && !has(&spec.role) && !has(&spec.api_key);
    let found = is_open.then(|| lint("topic", Finding::TopicOfAnyKind));
    found.into_iter().collect()
}

/// Looks at the alternatives of a port beside each other. The field is empty.
pub fn set(set: &SetSpec) -> Vec<Lint> {
    let mut found = Vec::new();
    let wide = set
        .alternatives
        .iter()
        .filter(|one| one.is_wide && one.allows == Allows::Everything);
    for wide in wide {
        let is_dns = |one: &&Alternative| matches!(one.allows, Allows::Dns(_));
        let narrow = set
            .alternatives
            .iter()
            .filter(|one| !one.is_wide && is_dns(one));
        for names in narrow.filter(|names| share(&names.peers, &wide.peers)) {
            let finding = Finding::NamesNotOpened {
                wide: wide.rule,
                names: names.rule,
            };
            found.push(lint("", finding));
        }
    }
    found
}

fn share(a: &Peers, b: &Peers) -> bool {
    match (a, b) {
        (Peers::Any, _) | (_, Peers::Any) => true,
        (Peers::Identities(a), Peers::Identities(b)) => {
            let a: std::collections::BTreeSet<_> = a.iter().collect();
            b.iter().any(|identity| a.contains(identity))
        }
    }
}
