//! Names and patterns, those of one list together.

use l7_wire::name::{Kind, Name, Pattern};

use super::{Finding, Lint, lint};
use crate::names::NameSpec;

/// Looks at the items of `rules.dns`, together: what one doesn't cover another may.
pub fn dns(specs: &[NameSpec]) -> Vec<Lint> {
    names(specs, Kind::DnsRule)
}

/// Looks at the items of `toFQDNs`, together.
pub fn to_fqdns(specs: &[NameSpec]) -> Vec<Lint> {
    names(specs, Kind::ToFqdns)
}

/// Looks at `serverNames`, together.
pub fn server_names(texts: &[Box<str>]) -> Vec<Lint> {
    let patterns = texts.iter().enumerate();
    let patterns = patterns.filter_map(|(index, text)| {
        let pattern = Pattern::new(&**text, Kind::ServerName).ok()?;
        Some((format!("[{index}]"), pattern))
    });
    stars(&patterns.collect::<Vec<_>>())
}

fn names(specs: &[NameSpec], kind: Kind) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut patterns = Vec::new();
    for (
        index,
        NameSpec {
            match_name,
            match_pattern,
        },
    ) in specs.iter().enumerate()
    {
        let fields = [
            (match_name, "matchName", Kind::Exact),
            (match_pattern, "matchPattern", kind),
        ];
        let fields = fields.into_iter().filter_map(|(text, field, kind)| {
            Some((
                text.as_deref().filter(|text| !text.is_empty())?,
                field,
                kind,
            ))
        });
        let fields: Vec<_> = fields.collect();
        if fields.is_empty() {
            found.push(lint(format!("[{index}]"), Finding::NoName));
        }
        for (text, field, kind) in fields {
            if let Ok(pattern) = Pattern::new(text, kind) {
                patterns.push((format!("[{index}].{field}"), pattern));
            }
        }
    }
    found.extend(stars(&patterns));
    found
}

/// What the stars of patterns don't stand for, unless another of them does.
fn stars(patterns: &[(String, Pattern<&str>)]) -> Vec<Lint> {
    let mut found = Vec::new();
    for (field, pattern) in patterns {
        if pattern.is_lone_star() || pattern.text() == "**" {
            continue;
        }
        let text = pattern.text().trim_end_matches('.');
        let rest = text.trim_start_matches('*');
        let stars = text.len().saturating_sub(rest.len());
        let is_covered = |name: &str| {
            let name = Name::from_text(name);
            name.is_ok_and(|name| patterns.iter().any(|(_, one)| one.matches(&name)))
        };
        let parent = rest
            .strip_prefix('.')
            .filter(|parent| !parent.contains('*'));
        let finding = match (stars, parent) {
            (0, _) => None,
            (1, Some(parent)) if !is_covered(parent) => Some(Finding::OneLabel {
                pattern: text.into(),
                parent: parent.into(),
            }),
            (2.., Some(parent)) if !is_covered(parent) => Some(Finding::NotTheParent {
                pattern: text.into(),
                parent: parent.into(),
            }),
            (_, Some(_)) => None,
            (_, None) if rest.contains('*') || rest.starts_with('.') => None,
            (_, None) if is_covered(&format!("www.{rest}")) => None,
            (_, None) => Some(Finding::StarWithinLabel(text.into())),
        };
        found.extend(finding.map(|finding| lint(field, finding)));
        if pattern.kind() != Kind::ServerName && rest.contains("**") {
            found.push(lint(field, Finding::InnerStars(text.into())));
        }
    }
    found
}
