//! A policy in a sentence or two.

use super::{LintContext, selector_text};
use policy::Direction;
use policy::bounded;
use policy::rule::{Element, Policy, Rule, Statement};

pub(super) fn summary(policy: &Policy, context: &LintContext<'_>) -> String {
    let sentences: Vec<String> = policy
        .rules
        .iter()
        .map(|rule| {
            let text = sentence(policy, rule, context);
            match policy.rules.len() {
                1 => text,
                _ => format!("{}: {text}", rule.path),
            }
        })
        .collect();
    bounded::list_of_bounded(&sentences, ". ")
}

fn sentence(policy: &Policy, rule: &Rule, context: &LintContext<'_>) -> String {
    let parts = [
        subject(policy, rule, context),
        direction(Direction::Ingress, rule.ingress.as_ref()),
        direction(Direction::Egress, rule.egress.as_ref()),
    ];
    parts.join("; ")
}

/// Pods that a sentence names before it counts.
const NAMED: usize = 3;

fn subject(policy: &Policy, rule: &Rule, context: &LintContext<'_>) -> String {
    let written = bounded::item(&selector_text(&rule.subject));
    if !context.knows_pods() {
        return format!("selects pods with {written}");
    }
    let pods = context.selected(&rule.subject);
    let names: Vec<String> = pods
        .iter()
        .take(NAMED)
        .map(|pod| match &policy.name.namespace {
            Some(_) => pod.name.name.to_string(),
            None => pod.name.to_string(),
        })
        .collect();
    let place = match &policy.name.namespace {
        Some(namespace) => format!(" of {namespace}"),
        None => String::new(),
    };
    match pods.len() {
        0 => format!("selects no pod ({written})"),
        1 => format!("selects 1 pod{place} ({})", names.join(", ")),
        n if n > NAMED => format!(
            "selects {n} pods{place} ({} and {} more)",
            names.join(", "),
            n - NAMED
        ),
        n => format!("selects {n} pods{place} ({})", names.join(", ")),
    }
}

fn direction(direction: Direction, statement: Option<&Statement>) -> String {
    let Some(statement) = statement else {
        return format!("{direction} is not restricted");
    };
    let word = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let says = |deny: bool| -> Vec<String> {
        let elements = statement.elements.iter();
        elements
            .filter(|element| element.deny == deny && has_effect(element))
            .map(|element| match element.on.is_empty() {
                true => format!("{word} {}", element.who),
                false => format!("{word} {} on {}", element.who, element.on),
            })
            .collect()
    };
    let (allows, denies) = (says(false), says(true));
    let denied = match denies.is_empty() {
        true => String::new(),
        false => format!(
            "denies {direction} {}",
            bounded::list_of_bounded(&denies, " and ")
        ),
    };
    let allowed = match (allows.is_empty(), statement.default_deny) {
        (true, true) if denies.is_empty() => format!("allows no {direction} at all"),
        (true, true) => format!("allows no other {direction} either"),
        (false, true) if allows.contains(&format!("{word} anyone")) => {
            format!("allows all {direction}")
        }
        (false, true) => format!(
            "allows {direction} only {}",
            bounded::list_of_bounded(&allows, " and ")
        ),
        (true, false) => format!("does not restrict other {direction}"),
        (false, false) => format!(
            "allows {direction} {}, without restricting the rest",
            bounded::list_of_bounded(&allows, " and ")
        ),
    };
    match denied.is_empty() {
        true => allowed,
        false => format!("{denied}, {allowed}"),
    }
}

/// Whether an element is about anything.
pub(super) fn has_effect(element: &Element) -> bool {
    !element.peers.is_empty() && !element.ports.is_empty()
}
