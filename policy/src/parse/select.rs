//! Label selectors: `matchLabels` and `matchExpressions`.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::Kind;
use cluster::labels::{LABEL_KEY, LABEL_VALUE, NAMESPACE_LABELS, is_label_key, is_label_value};
use cluster::yaml::Value;

use super::field::{Field, FieldErrors, Refused};
use crate::selector::{Demand, Key, Requirement, Selector};

/// Reads a selector. `key` says how a key as written becomes one that is compared.
pub(super) fn selector(field: &Field<'_>, key: fn(&str) -> Key) -> Result<Selector, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(field.only(&["matchLabels", "matchExpressions"], &[]));
    let mut requirements = Vec::new();
    if let Some(labels) = field.get("matchLabels") {
        for (name, value) in errors.record(labels.entries()).unwrap_or_default() {
            requirements.extend(errors.record(label(name, &value, key)));
        }
    }
    if let Some(expressions) = field.get("matchExpressions") {
        for expression in errors.record(expressions.list()).unwrap_or_default() {
            requirements.extend(errors.record(requirement(&expression, key)));
        }
    }
    errors.finish(Selector::new(requirements))
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
    let mut errors = FieldErrors::default();
    errors.record(field.only(&["key", "operator", "values"], &[]));
    let missing = |what: &str| field.refuse(format!("has no {what}"), format!("add {what}"));
    let name = field.get("key").ok_or_else(|| missing("key"));
    let name = errors.record(name).and_then(|field| {
        let name = errors.record(field.text())?;
        errors.record(check_key(&field, name))?;
        Some(name)
    });
    let operator = errors.record(field.get("operator").ok_or_else(|| missing("operator")));
    let mut values: BTreeSet<Arc<str>> = BTreeSet::new();
    if let Some(list) = field.get("values") {
        for value in errors.record(list.list()).unwrap_or_default() {
            if let Some(text) = errors.record(value.text())
                && errors.record(check_value(&value, text)).is_some()
            {
                values.insert(text.into());
            }
        }
    }
    errors.finish(())?;
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
                format!("invalid label selector: {other:?} is not an operator"),
                "use In, NotIn, Exists or DoesNotExist",
            ));
        }
    };
    Ok(Requirement {
        key: key(name),
        demand,
    })
}

/// A label's key, before which Cilium's selectors may name a source.
fn check_key(field: &Field<'_>, key: &str) -> Result<(), Refused> {
    let with_source = field.policy().name.kind != Kind::NetworkPolicy;
    let (source, bare) = match key.split_once(':') {
        Some((source, bare)) if with_source => (source, bare),
        Some(_) | None => ("", key),
    };
    // What repeats a label of the namespace may be longer by its prefix.
    let bare = bare
        .strip_prefix(NAMESPACE_LABELS)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(bare);
    let is_source = source
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_source && is_label_key(bare) {
        return Ok(());
    }
    Err(field.refuse(
        format!("invalid label selector: {key:?} is not a label key"),
        LABEL_KEY,
    ))
}

fn check_value(field: &Field<'_>, value: &str) -> Result<(), Refused> {
    if is_label_value(value) {
        return Ok(());
    }
    Err(field.refuse(
        format!("invalid label selector: {value:?} is not a label value"),
        LABEL_VALUE,
    ))
}
