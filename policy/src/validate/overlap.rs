//! Rules that leave nothing of others, and rules that add nothing to others.

use cluster::ObjectName;

use super::meaning::says_something;
use super::{Setting, cover};
use crate::reason::Direction;
use crate::rule::{Element, Policy, Rule};

/// Another rule that makes one pointless.
pub(super) struct Other<'a> {
    pub(super) policy: &'a ObjectName,
    pub(super) element: &'a Element,
}

/// A deny that covers an allow wholly: the allow never has an effect.
pub(super) fn shadow<'a>(
    rule: &Rule,
    direction: Direction,
    element: &Element,
    setting: &Setting<'a>,
) -> Option<Other<'a>> {
    others(rule, direction, setting)
        .find(|(_, _, other)| other.deny && cover::element_now(other, element, setting))
        .map(|(policy, _, element)| Other {
            policy: &policy.name,
            element,
        })
}

/// Another rule of the same kind that covers this one. Of two that cover each other, the later one is
/// the pointless one.
pub(super) fn wider<'a>(
    own: &Policy,
    rule: &Rule,
    direction: Direction,
    element: &Element,
    setting: &Setting<'a>,
) -> Option<Other<'a>> {
    let default_deny = |rule: &Rule| {
        let statement = rule.statement(direction);
        statement.is_some_and(|statement| statement.default_deny)
    };
    others(rule, direction, setting)
        .find(|(policy, other_rule, other)| {
            let itself = policy.name == own.name && other.path == element.path;
            let later =
                (&policy.name, position(policy, other)) > (&own.name, position(own, element));
            // A rule that also switches default deny on is not pointless beside one that doesn't.
            let as_strict = default_deny(other_rule) || !default_deny(rule);
            other.deny == element.deny
                && !itself
                && as_strict
                && cover::selector(&other_rule.subject, &rule.subject)
                && cover::element(other, element)
                && !(later && cover::element(element, other))
        })
        .map(|(policy, _, element)| Other {
            policy: &policy.name,
            element,
        })
}

fn position(policy: &Policy, element: &Element) -> Option<usize> {
    let statements = policy
        .rules
        .iter()
        .flat_map(|rule| rule.ingress.iter().chain(&rule.egress));
    let mut elements = statements.flat_map(|statement| &statement.elements);
    elements.position(|other| other.path == element.path)
}

/// All elements that say something on a direction for at least the pods that a rule selects.
pub(super) fn others<'a>(
    rule: &Rule,
    direction: Direction,
    setting: &Setting<'a>,
) -> impl Iterator<Item = (&'a Policy, &'a Rule, &'a Element)> {
    let policies = setting.policies.values();
    let rules = policies.flat_map(|policy| policy.rules.iter().map(move |rule| (&**policy, rule)));
    rules
        .filter(|(_, other)| {
            if cover::selector(&other.subject, &rule.subject) {
                return true;
            }
            let mut selected = setting
                .pods
                .keys()
                .filter(|labels| rule.subject.matches(labels))
                .peekable();
            selected.peek().is_some() && selected.all(|labels| other.subject.matches(labels))
        })
        .filter_map(move |(policy, rule)| Some((policy, rule, rule.statement(direction)?)))
        .flat_map(|(policy, rule, statement)| {
            let elements = statement.elements.iter();
            elements.map(move |element| (policy, rule, element))
        })
        .filter(|(_, _, element)| says_something(element))
        .collect::<Vec<_>>()
        .into_iter()
}
