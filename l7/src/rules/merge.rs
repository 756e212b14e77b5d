//! Rules of one filter that have one selector: what they allow together, and what can't stand together. Cilium's
//! `mergePortProto` (1.20.0-dev, `pkg/policy/rule.go`).
//!
//! Rules of other filters or selectors aren't merged: they meet as alternatives.

use std::collections::HashMap;

use super::snapshot::{Allows, Alternative, RuleRef};

/// A rule of a filter: of one way to write a port (number or name), its end, and a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The selector of its peers as text: equal ones are merged.
    pub selector: &'a str,
    /// What it allows.
    pub alternative: Alternative,
}

/// Rules that can't stand together, in Cilium's words. The endpoint keeps the policy that it had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Of two protocols.
    #[error("cannot merge conflicting L7 parsers ({}/{})", .parsers[0], .parsers[1])]
    Parsers {
        /// What the rules before have, and what this one has.
        parsers: [&'static str; 2],
        /// A rule that has the former, and one that has the latter.
        rules: [RuleRef; 2],
    },
    /// What is encrypted can't be judged beyond the server's name.
    #[error(
        "cannot merge L7 rules for cached selector {selector} with SNI filtering without TLS termination: {names:?}"
    )]
    ServerNames {
        /// As given.
        selector: Box<str>,
        /// The servers' names.
        names: Box<[Box<str>]>,
        /// The rule of the protocol, and that of the names; or the other way round, as they came.
        rules: [RuleRef; 2],
    },
}

/// Merges the rules of one filter, and returns what is left of them, in their order:
///
/// | same selector | together |
/// |---|---|
/// | one kind | the union |
/// | plain beside HTTP, Kafka or DNS | everything |
/// | plain beside server names | these names: a plain rule opens no others |
/// | server names beside HTTP or Kafka | an error |
/// | any other two kinds | an error |
///
/// # Errors
/// With the first rule that can't stand beside one before it.
pub fn merge(parts: Vec<Part<'_>>) -> Result<Vec<Alternative>, MergeError> {
    // Of each selector one rule of each kind: what others of the kind can stand beside is the same.
    let mut kinds: HashMap<&str, Vec<&Part<'_>>> = HashMap::new();
    for part in &parts {
        let known = kinds.entry(part.selector).or_default();
        let kind = parser(&part.alternative.allows);
        if known
            .iter()
            .any(|one| parser(&one.alternative.allows) == kind)
        {
            continue;
        }
        for before in known.iter() {
            check(before, part)?;
        }
        known.push(part);
    }
    let has_names = |selector: &str| {
        let mut known = kinds.get(selector).into_iter().flatten();
        known.any(|one| matches!(one.alternative.allows, Allows::ServerNames(_)))
    };
    let stays = |part: &&Part<'_>| {
        part.alternative.allows != Allows::Everything || !has_names(part.selector)
    };
    let left = parts.iter().filter(stays);
    Ok(left.map(|part| part.alternative.clone()).collect())
}

/// Whether two rules of one selector can stand together.
fn check(before: &Part<'_>, part: &Part<'_>) -> Result<(), MergeError> {
    let (a, b) = (&before.alternative, &part.alternative);
    let rules = [a.rule, b.rule];
    match (&a.allows, &b.allows) {
        (Allows::ServerNames(names), Allows::Http(_) | Allows::Kafka(_))
        | (Allows::Http(_) | Allows::Kafka(_), Allows::ServerNames(names)) => {
            Err(MergeError::ServerNames {
                selector: part.selector.into(),
                names: names.clone().into(),
                rules,
            })
        }
        (a, b) => match (parser(a), parser(b)) {
            (Some(a), Some(b)) if a != b => Err(MergeError::Parsers {
                parsers: [a, b],
                rules,
            }),
            (Some(_) | None, Some(_) | None) => Ok(()),
        },
    }
}

/// As Cilium calls what reads the bytes; `None`: nothing does.
fn parser(allows: &Allows) -> Option<&'static str> {
    match allows {
        Allows::Everything => None,
        Allows::Http(_) => Some("http"),
        Allows::Kafka(_) => Some("kafka"),
        Allows::Dns(_) => Some("dns"),
        Allows::ServerNames(_) => Some("tls"),
    }
}
