//! Label selectors: `matchLabels` and `matchExpressions`.

use std::collections::BTreeSet;
use std::sync::Arc;

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

fn check_key(field: &Field<'_>, key: &str) -> Result<(), Refused> {
    let name = key.split_once(':').map_or(key, |(_, name)| name);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(field.refuse(
            format!("invalid label selector: {key:?} is no label key"),
            "use letters, digits, '-', '_', '.' and '/', with a source such as k8s: before if wanted",
        ));
    }
    Ok(())
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
