//! A destination that is a name: which selectors of `toFQDNs` its addresses belong to, and whether a pod learns
//! them. It learns what it asks for where a rule of DNS has its questions read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cluster::{Label, Labels, ObjectName};
use l7::names::{FqdnSelector, NameSpec};
use l7::rules::{Allows, Alternative, Decision, Peers, RuleRef, Set, SetSpec};
use l7::wire::name::Name;
use policy::rule::{Element, Peer, Policy, Ports, protocol};
use policy::{Layer7List, RulePath};

use super::request::{Layer7Rule, name_text, rule_text};
use super::{End, EndpointVerdict, PolicyContext};

/// Whether a pod may ask for a name, and whether its addresses are learned from the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameResolution {
    /// The name, without the dot at its end.
    pub name: String,
    /// It may, and they are or need not be, since it may go there whatever the name.
    pub allowed: bool,
    /// The rule that allows the question, or comes nearest to it.
    pub rule: Option<Layer7Rule>,
    /// Why not, or why nothing is learned; `None`: it is.
    pub failed: Option<String>,
}

impl fmt::Display for NameResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.allowed, &self.rule, self.failed.as_deref()) {
            (true, Some(rule), None) => write!(f, "may be asked for, by {rule}"),
            (true, _, failed) => write!(f, "may be asked for: {}", failed.unwrap_or_default()),
            (false, Some(rule), failed) => write!(
                f,
                "may not be asked for; nearest: {rule} ({})",
                failed.unwrap_or_default()
            ),
            (false, None, failed) => f.write_str(failed.unwrap_or_default()),
        }
    }
}

/// The labels of addresses that are learned for a name: one for each selector that it matches.
pub(super) fn labels(
    policies: &BTreeMap<ObjectName, Arc<Policy>>,
    name: &Name,
) -> impl Iterator<Item = Label> {
    let rules = policies.values().flat_map(|policy| &policy.rules);
    let elements = rules.flat_map(|rule| rule.egress.iter().flat_map(|egress| &egress.elements));
    let texts = elements
        .flat_map(|element| &element.peers)
        .filter_map(|peer| match peer {
            Peer::Name(text) => Some(text),
            Peer::All
            | Peer::Labels(_)
            | Peer::Reserved(_)
            | Peer::Cidr(_)
            | Peer::CidrGroup { .. }
            | Peer::CidrGroups { .. } => None,
        });
    let matches = |text: &&Arc<str>| {
        let selector = FqdnSelector::new(&NameSpec::of_selector(text));
        selector.is_ok_and(|selector| selector.matches(name))
    };
    let labels = texts.filter(matches).map(|text| Label::fqdn(text));
    labels.collect::<Vec<_>>().into_iter()
}

/// What becomes of a question for a name by a pod with these labels. `verdict` is that on its connection to an address of it. `None`:
/// nothing restricts the pod, or the destination is no name.
pub(super) fn resolve(
    context: &PolicyContext<'_>,
    source: &Labels,
    destination: &End,
    verdict: &EndpointVerdict,
) -> Option<NameResolution> {
    let End::Fqdn(name) = destination else {
        return None;
    };
    if !verdict.policies.iter().any(|finding| finding.default_deny) {
        return None;
    }
    let mut reading = Vec::new();
    for (policy, element) in allowing(context, source) {
        for rule in &element.port_rules {
            if let Allows::Dns(_) = &*rule.allows {
                reading.push((policy, rule.path, &rule.allows));
            }
        }
    }
    let is_read = !reading.is_empty();
    let mut plain = allowing(context, source).filter(|(_, element)| opens_dns(element, is_read));
    let plain = plain.next().map(|(policy, element)| (policy, element.path));
    let number = |index: usize| RuleRef(u32::try_from(index).unwrap_or(u32::MAX));
    let alternatives = reading.iter().enumerate();
    let set = Set::new(&SetSpec {
        alternatives: alternatives
            .map(|(index, (_, _, allows))| Alternative {
                rule: number(index),
                // Which server is asked isn't known.
                peers: Peers::Any,
                is_wide: false,
                allows: (***allows).clone(),
            })
            .collect(),
    })
    // What was read as a policy was checked.
    .ok()?;
    let named = |RuleRef(number): RuleRef, item: Option<usize>| {
        let (policy, path, _) = reading.get(usize::try_from(number).ok()?)?;
        let path = item.map_or(*path, |item| path.layer7(Layer7List::Dns, item));
        Some(Layer7Rule::OfPolicy {
            policy: (*policy).clone(),
            text: rule_text(context.policies, policy, path),
            path,
        })
    };
    let denial = match set.judge_dns(0, name) {
        Decision::Allowed(allowed) => {
            return Some(NameResolution {
                name: name_text(name),
                allowed: true,
                rule: named(allowed.rule, allowed.item),
                failed: None,
            });
        }
        Decision::Denied(denial) => denial,
    };
    let nearest = denial.nearest.as_ref();
    let nearest = nearest.and_then(|nearest| named(nearest.rule, nearest.item));
    let (allowed, rule, failed) = match (plain, nearest) {
        (Some((policy, path)), _) => {
            let rules = verdict.policies.iter().flat_map(|finding| &finding.rules);
            let mut opening = rules.filter(|rule| rule.matched() && !rule.deny);
            let by_name = verdict.decision.allows() && opening.all(|rule| rule.of_names);
            let unread = format!(
                "{} of {policy} allows DNS and has no rules.dns, so nobody reads the answer and no address is \
                 learned",
                plain_path(path)
            );
            (!by_name, None, unread)
        }
        (None, nearest @ Some(_)) => (false, nearest, denial.to_string()),
        (None, None) => {
            let nothing = "may not be asked for: no rule allows DNS (53/UDP) with rules.dns";
            (false, None, nothing.to_owned())
        }
    };
    Some(NameResolution {
        name: name_text(name),
        allowed,
        rule,
        failed: Some(failed),
    })
}

fn plain_path(path: RulePath) -> String {
    let path = path.to_string();
    path.strip_prefix("spec.").unwrap_or(&path).to_owned()
}

/// The rules that allow a pod with these labels something on egress, each with its policy.
fn allowing<'a>(
    context: &PolicyContext<'a>,
    source: &Labels,
) -> impl Iterator<Item = (&'a ObjectName, &'a Element)> {
    let policies = context.policies.values();
    let rules = policies.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
    let selecting = rules.filter(|(_, rule)| rule.subject.matches(source));
    let elements = selecting.flat_map(|(policy, rule)| {
        let egress = rule.egress.iter();
        let elements = egress.flat_map(|egress| &egress.elements);
        elements.map(move |element| (&policy.name, element))
    });
    elements.filter(|(_, element)| !element.deny)
}

/// Whether an element allows DNS on its port, and nobody reads it. Where another one has questions read, one that
/// allows somebody everything is hardly about a DNS server.
fn opens_dns(element: &Element, is_read: bool) -> bool {
    let is_for_dns = !is_read || element.peers.contains(&Peer::All);
    let is_dns = |ports: &Ports| match ports {
        Ports::All => is_for_dns,
        Ports::Protocol(protocol) => is_for_dns && *protocol == protocol::UDP,
        Ports::Range {
            protocol,
            first,
            last,
        } => *protocol == protocol::UDP && (*first..=*last).contains(&53),
        Ports::Named { .. } => false,
    };
    // What is only about learned addresses opens no server to ask.
    let is_name = |peer: &Peer| matches!(peer, Peer::Name(_));
    if element.peers.iter().all(is_name) {
        return false;
    }
    match element.port_rules.is_empty() {
        true => element.ports.iter().any(is_dns),
        false => {
            let mut rules = element.port_rules.iter();
            rules.any(|rule| *rule.allows == Allows::Everything && rule.ports.iter().any(is_dns))
        }
    }
}
