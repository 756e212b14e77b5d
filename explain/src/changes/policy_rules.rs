//! What a change does to a policy's rules. Rules are compared by what they say, not by where they stand.

use std::collections::HashMap;
use std::sync::Arc;

use cluster::{labels, manifest};
use policy::rule::{Element, Peer, Policy, Ports, Rule};
use policy::selector::Selector;
use policy::{Direction, Language, bounded};

use super::{ChangeSummary, RuleChange};

pub(super) fn summary(
    before: Option<&Arc<manifest::Policy>>,
    after: Option<&Arc<manifest::Policy>>,
    language: Language<'_>,
) -> ChangeSummary {
    let read = |raw: Option<&Arc<manifest::Policy>>| {
        raw.map(|raw| policy::parse(raw, language)).transpose()
    };
    match (read(before), read(after)) {
        (Ok(before), Ok(after)) => compare(before.as_ref(), after.as_ref()),
        (Err(problem), _) | (_, Err(problem)) => ChangeSummary {
            text: format!("its rules can't be read: {problem}"),
            rules: Vec::new(),
        },
    }
}

fn compare(before: Option<&Policy>, after: Option<&Policy>) -> ChangeSummary {
    let (lost, gained) = element_changes(before, after);
    let mut parts = match (before, after) {
        (Some(before), Some(after)) => spec_changes(before, after),
        (None, Some(policy)) => default_denies(policy, "denies other"),
        (Some(policy), None) => default_denies(policy, "no longer denies other"),
        (None, None) => Vec::new(),
    };
    let replaced = |of: &RuleChange, by: &RuleChange| of.path == by.path && of.deny == by.deny;
    for change in &lost {
        parts.push(match gained.iter().find(|by| replaced(change, by)) {
            Some(by) => rewritten(change, by),
            None => rule_text(change),
        });
    }
    let new = gained
        .iter()
        .filter(|by| !lost.iter().any(|of| replaced(of, by)));
    parts.extend(new.map(rule_text));
    let text = match parts.is_empty() {
        false => bounded::list_of_bounded(&parts, "; "),
        true if before.is_some() && after.is_some() => "no rule changed".to_owned(),
        true => "no rules".to_owned(),
    };
    ChangeSummary {
        text,
        rules: lost.into_iter().chain(gained).collect(),
    }
}

/// `lost rule ingress[1] (allows app=web on 6379/TCP)`.
fn rule_text(change: &RuleChange) -> String {
    let verb = if change.gained { "got" } else { "lost" };
    format!(
        "{verb} rule {} ({} {})",
        place(change),
        says(change),
        change.text
    )
}

fn place(change: &RuleChange) -> String {
    let path = change.path.to_string();
    path.strip_prefix("spec.").unwrap_or(&path).to_owned()
}

fn says(change: &RuleChange) -> &'static str {
    if change.deny { "denies" } else { "allows" }
}

/// A rule that says another thing: `rule ingress[1]: app=web -> app=api (allows app=api on 6379/TCP)` where one
/// word is another one, else `rule ingress[1] allows app=api on 80/TCP instead of app=web on 6379/TCP`.
fn rewritten(of: &RuleChange, by: &RuleChange) -> String {
    let (rule, says) = (place(by), says(by));
    if of.text == by.text {
        return format!(
            "rule {rule} changed in what its text leaves out, such as a header's value ({says} {})",
            by.text
        );
    }
    match one_word(&of.text, &by.text) {
        Some((was, is)) => format!("rule {rule}: {was} -> {is} ({says} {})", by.text),
        None => format!("rule {rule} {says} {} instead of {}", by.text, of.text),
    }
}

/// The one word in which two texts differ; `None` if there are several, or none.
fn one_word<'a>(before: &'a str, after: &'a str) -> Option<(&'a str, &'a str)> {
    let words = |text: &'a str| text.split([' ', ',']).filter(|word| !word.is_empty());
    if words(before).count() != words(after).count() {
        return None;
    }
    let mut differ = words(before)
        .zip(words(after))
        .filter(|(was, is)| was != is);
    let found = differ.next()?;
    differ.next().is_none().then_some(found)
}

/// Whom a policy that comes or goes closes, or closed, a direction of.
fn default_denies(policy: &Policy, verb: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rule in &policy.rules {
        for direction in Direction::ALL {
            let statement = rule.statement(direction);
            if statement.is_some_and(|statement| statement.default_deny) {
                found.push(format!("{verb} {direction} of {}", subject(rule)));
            }
        }
    }
    found.dedup();
    found
}

/// What tells elements apart.
type Key<'p> = (
    Option<u32>,
    Direction,
    bool,
    &'p [Peer],
    &'p [Ports],
    String,
);

/// The rules of layer 7 of an element, as something that can be compared.
fn layer7(element: &Element) -> String {
    let rules = element.port_rules.iter();
    let rules = rules.map(|rule| format!("{:?} {:?}\n", rule.ports, rule.allows));
    rules.collect()
}

fn elements(policy: Option<&Policy>) -> impl Iterator<Item = (Key<'_>, &Element)> {
    let rules = policy.into_iter().flat_map(|policy| &policy.rules);
    rules.flat_map(|rule| {
        Direction::ALL.into_iter().flat_map(move |direction| {
            let statement = rule.statement(direction).into_iter();
            let elements = statement.flat_map(|statement| &statement.elements);
            elements.map(move |element| {
                let (peers, ports) = (&*element.peers, &*element.ports);
                let layer7 = layer7(element);
                let key = (
                    rule.path.spec,
                    direction,
                    element.deny,
                    peers,
                    ports,
                    layer7,
                );
                (key, element)
            })
        })
    })
}

/// Elements that are gone, and those that are new, each in the order of its policy.
fn element_changes(
    before: Option<&Policy>,
    after: Option<&Policy>,
) -> (Vec<RuleChange>, Vec<RuleChange>) {
    let only = |of: Option<&Policy>, other: Option<&Policy>, gained| {
        let mut others: HashMap<Key<'_>, usize> = HashMap::new();
        for (key, _) in elements(other) {
            *others.entry(key).or_default() += 1;
        }
        let mut found = Vec::new();
        for (key, element) in elements(of) {
            match others.get_mut(&key) {
                Some(left @ 1..) => *left -= 1,
                Some(_) | None => found.push(RuleChange {
                    gained,
                    path: element.path,
                    direction: key.1,
                    deny: element.deny,
                    text: Arc::clone(&element.text),
                }),
            }
        }
        found
    };
    (only(before, after, false), only(after, before, true))
}

/// What changed of whom the rules select, and of their default denies.
fn spec_changes(before: &Policy, after: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    for rule in &after.rules {
        let Some(was) = before.rules.iter().find(|was| was.path == rule.path) else {
            found.push(format!(
                "got {}, which selects {}",
                rule.path,
                subject(rule)
            ));
            continue;
        };
        let of = match rule.path.spec {
            None => String::new(),
            Some(_) => format!("{} ", rule.path),
        };
        if was.subject != rule.subject {
            let (now, then) = (subject(rule), subject(was));
            found.push(format!("{of}selects {now} instead of {then}"));
        }
        for direction in Direction::ALL {
            let denies = |rule: &Rule| {
                let statement = rule.statement(direction);
                statement.is_some_and(|statement| statement.default_deny)
            };
            match (denies(was), denies(rule)) {
                (false, true) => found.push(format!("{of}denies other {direction}")),
                (true, false) => found.push(format!("{of}no longer denies other {direction}")),
                (true, true) | (false, false) => {}
            }
        }
    }
    for was in &before.rules {
        if after.rules.iter().all(|rule| rule.path != was.path) {
            found.push(format!(
                "lost {}, which selected {}",
                was.path,
                subject(was)
            ));
        }
    }
    found
}

/// Whom a rule selects, without the cluster and the namespace that follow from where it stands.
fn subject(rule: &Rule) -> String {
    let implied = [labels::CLUSTER, labels::NAMESPACE];
    let own = rule.subject.requirements.iter();
    let own = own.filter(|requirement| !implied.contains(&&*requirement.key.name));
    match Selector::new(own.cloned()).to_string().as_str() {
        "" => "all pods".to_owned(),
        text => bounded::item(text),
    }
}
