//! Label selectors: `matchLabels` and `matchExpressions`.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::Kind;
use cluster::labels::NAMESPACE_LABELS;
use cluster::yaml::Value;

use super::field::{Field, Gather, Refused};
use crate::selector::{Demand, Key, Requirement, Selector};

/// Reads a selector. `key` says how a key as written becomes one that is compared.
pub(super) fn selector(field: &Field<'_>, key: fn(&str) -> Key) -> Result<Selector, Refused> {
    let mut gather = Gather::default();
    gather.take(field.only(&["matchLabels", "matchExpressions"], &[]));
    let mut requirements = Vec::new();
    if let Some(labels) = field.get("matchLabels") {
        for (name, value) in gather.take(labels.entries()).unwrap_or_default() {
            requirements.extend(gather.take(label(name, &value, key)));
        }
    }
    if let Some(expressions) = field.get("matchExpressions") {
        for expression in gather.take(expressions.list()).unwrap_or_default() {
            requirements.extend(gather.take(requirement(&expression, key)));
        }
    }
    gather.done(Selector::new(requirements))
}

fn label(name: &str, value: &Field<'_>, key: fn(&str) -> Key) -> Result<Requirement, Refused> {
    check_key(value, name)?;
    let text = if value.node.value == Value::Null {
        ""
    } else {
        value.text()?
    };
    check_value(value, text)?;
    Ok(Requirement::equals(key(name), text))
}

fn requirement(field: &Field<'_>, key: fn(&str) -> Key) -> Result<Requirement, Refused> {
    let mut gather = Gather::default();
    gather.take(field.only(&["key", "operator", "values"], &[]));
    let missing = |what: &str| field.refuse(format!("has no {what}"), format!("add {what}"));
    let name = field.get("key").ok_or_else(|| missing("key"));
    let name = gather.take(name).and_then(|field| {
        let name = gather.take(field.text())?;
        gather.take(check_key(&field, name))?;
        Some(name)
    });
    let operator = gather.take(field.get("operator").ok_or_else(|| missing("operator")));
    let mut values: BTreeSet<Arc<str>> = BTreeSet::new();
    if let Some(list) = field.get("values") {
        for value in gather.take(list.list()).unwrap_or_default() {
            if let Some(text) = gather.take(value.text())
                && gather.take(check_value(&value, text)).is_some()
            {
                values.insert(text.into());
            }
        }
    }
    gather.done(())?;
    // What is missing was refused.
    let (Some(name), Some(operator)) = (name, operator) else {
        return Err(missing("key or operator"));
    };
    let demand = match (operator.text()?, values.is_empty()) {
        ("In", false) => Demand::In(values),
        ("NotIn", false) => Demand::NotIn(values),
        ("Exists", true) => Demand::Exists,
        ("DoesNotExist", true) => Demand::DoesNotExist,
        (operator @ ("In" | "NotIn"), true) => {
            return Err(field.refuse(
                format!("invalid label selector: {operator} has no values"),
                "list at least one under values",
            ));
        }
        (operator @ ("Exists" | "DoesNotExist"), false) => {
            return Err(field.refuse(
                format!("invalid label selector: {operator} takes no values"),
                "remove values, or use In or NotIn",
            ));
        }
        (other, _) => {
            return Err(operator.refuse(
                format!("invalid label selector: {other:?} is no operator"),
                "use In, NotIn, Exists or DoesNotExist",
            ));
        }
    };
    Ok(Requirement {
        key: key(name),
        demand,
    })
}

/// Kubernetes' syntax of label keys: a name, and before it perhaps a domain and a slash. What repeats a
/// label of the namespace may be longer by its prefix.
fn check_key(field: &Field<'_>, key: &str) -> Result<(), Refused> {
    // Only Cilium's selectors know sources.
    let (source, bare) = match field.policy().name.kind {
        Kind::NetworkPolicy => ("", key),
        _ => key.split_once(':').unwrap_or(("", key)),
    };
    let bare = bare
        .strip_prefix(NAMESPACE_LABELS)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(bare);
    let (domain, name) = match bare.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, bare),
    };
    let edges = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = name.len() <= 63 && edges(name) && name.chars().all(fits);
    let is_domain = |domain: &str| {
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let label = |label: &str| edges(label) && label.chars().all(lower);
        domain.len() <= 253 && domain.split('.').all(label)
    };
    let is_source = source
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name && is_source && domain.is_none_or(is_domain) {
        return Ok(());
    }
    Err(field.refuse(
        format!("invalid label selector: {key:?} is no label key"),
        "use a name of at most 63 letters, digits, '-', '_' and '.', if wanted with a domain and one '/' before it",
    ))
}

/// Kubernetes' syntax of label values.
fn check_value(field: &Field<'_>, value: &str) -> Result<(), Refused> {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.len() > 63
        || !value.chars().all(fits)
        || !edge(value.chars().next())
        || !edge(value.chars().next_back())
    {
        return Err(field.refuse(
            format!("invalid label selector: {value:?} is no label value"),
            "use at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
        ));
    }
    Ok(())
}
