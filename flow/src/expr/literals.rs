//! Values of fields that are texts.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, operators or tokens"
)]

use super::comparison::ComparedValues;
use super::lex::Operator;
use super::parse::Literal;
use super::value::{self, ValueError};
use crate::attribute::{Attribute, AttributeId, EndAttribute, ValueType};
use crate::filter::{
    Filter, Glob, Leaf, Name, NodePattern, Pattern, Scoped, Selector, Test, TextLeaf,
};

/// Reads a value of a text into its part.
pub(super) fn read(
    field: &'static Attribute,
    operator: Operator,
    literal: &Literal,
    parts: &mut ComparedValues,
) -> Result<(), ValueError> {
    let text = literal.text.as_str();
    let equal = matches!(operator, Operator::Equal | Operator::In);
    if equal && text.is_empty() {
        parts.whole.push(none(field));
        return Ok(());
    }
    // Names of Kubernetes have no such letter: a pattern was meant, which would match nothing.
    if equal
        && text.contains('*')
        && matches!(
            field.id,
            AttributeId::Of(
                _,
                EndAttribute::Pod
                    | EndAttribute::Service
                    | EndAttribute::Workload
                    | EndAttribute::Namespace
                    | EndAttribute::Cluster
            ) | AttributeId::Policy
                | AttributeId::Node
        )
    {
        return Err(ValueError {
            message: format!("`{text}` is a pattern, and `==` and `in` compare names"),
            suggestion: Some(format!("{} ~ \"{text}\"", field.name)),
        });
    }
    match field.id {
        _ if field.value_type == ValueType::Scoped
            && matches!(operator, Operator::Equal | Operator::In | Operator::Like) =>
        {
            scoped(field, equal, text, parts)?;
        }
        AttributeId::Of(_, EndAttribute::Namespace)
            if matches!(operator, Operator::Equal | Operator::In | Operator::Like) =>
        {
            let glob = Glob::new(text);
            let exact = if equal {
                Some(text.to_owned())
            } else {
                glob.literal()
            };
            match exact {
                Some(namespace) if !namespace.contains('/') => parts.names.push(Name {
                    namespace,
                    prefix: String::new(),
                }),
                Some(exact) => push(parts, Test::Exact(exact)),
                None => push(parts, Test::Glob(glob)),
            }
        }
        AttributeId::Of(_, EndAttribute::Label) | AttributeId::NodeLabel if equal => {
            let selector = text.parse::<Selector>();
            let bad = |error: crate::filter::SelectorError| ValueError::new(error.to_string());
            parts.selectors.push(selector.map_err(bad)?);
        }
        AttributeId::Of(_, EndAttribute::Fqdn) if equal || operator == Operator::Like => {
            match Pattern::new(text) {
                Ok(pattern) if !(equal && text.contains('*')) => parts.patterns.push(pattern),
                Ok(_) | Err(_) => push(parts, exact_or_glob(equal, text)),
            }
        }
        AttributeId::Node if equal || operator == Operator::Like => match NodePattern::new(text) {
            Ok(pattern) if !(equal && text.contains('*')) && text.to_lowercase() == text => {
                parts.nodes.push(pattern);
            }
            Ok(_) | Err(_) => push(parts, exact_or_glob(equal, text)),
        },
        AttributeId::Of(_, EndAttribute::Cluster)
        | AttributeId::Uuid
        | AttributeId::TraceId
        | AttributeId::HttpMethod
            if equal =>
        {
            parts.texts.push(text.to_owned());
        }
        AttributeId::Interface if equal => {
            let (index, name) = match text.strip_prefix('#') {
                Some(index) => index.split_once(':').unwrap_or((index, "")),
                None => ("0", text),
            };
            if index.parse::<u32>().is_err() {
                return Err(ValueError::new(format!(
                    "`{index}` is not an interface index"
                )));
            }
            parts.pairs.push((index.to_owned(), name.to_owned()));
        }
        AttributeId::HttpHeader if equal => match text.split_once(':') {
            Some((key, value)) => parts.pairs.push((key.to_owned(), value.to_owned())),
            None => {
                return Err(ValueError::new(format!(
                    "`{text}` is not a header (`KEY:VALUE`)"
                )));
            }
        },
        AttributeId::HttpPath | AttributeId::HttpUrl | AttributeId::DnsQuery
            if operator == Operator::Regex =>
        {
            parts.regexes.push(value::regex(operator, text)?);
        }
        _ if matches!(operator, Operator::Regex | Operator::Contains) => {
            push(parts, Test::Regex(value::regex(operator, text)?));
        }
        _ => push(parts, exact_or_glob(equal, text)),
    }
    Ok(())
}

/// That there is no such text.
fn none(field: &'static Attribute) -> Filter {
    let has = match field.id {
        AttributeId::Uuid => return Filter::Leaf(Leaf::Uuid(vec![String::new()])),
        AttributeId::TraceId => return Filter::Leaf(Leaf::TraceId(vec![String::new()])),
        AttributeId::Of(side, EndAttribute::Workload) => {
            Leaf::Workload(side, vec![(String::new(), String::new())])
        }
        AttributeId::Interface => Leaf::Interface(vec![(0, String::new())]),
        _ => Leaf::Text(TextLeaf::new(field, vec![Test::Any])),
    };
    Filter::Not(Box::new(Filter::Leaf(has)))
}

fn push(parts: &mut ComparedValues, name: Test) {
    parts.tests.push(Scoped { scope: None, name });
}

fn exact_or_glob(equal: bool, text: &str) -> Test {
    match (equal, Glob::new(text)) {
        (true, _) => Test::Exact(text.to_owned()),
        (false, glob) => match glob.literal() {
            Some(literal) => Test::Exact(literal),
            None => Test::Glob(glob),
        },
    }
}

/// `[namespace/]name`, of workloads also `Kind/name`; with `~`, a pattern of the namespace and the
/// beginning of the name.
fn scoped(
    field: &Attribute,
    equal: bool,
    text: &str,
    parts: &mut ComparedValues,
) -> Result<(), ValueError> {
    debug_assert!(field.value_type == ValueType::Scoped, "{}", field.name);
    let split = |text| match str::split_once(text, '/') {
        Some((scope, name)) => (Some(scope).filter(|scope| !scope.is_empty()), name),
        None => (None, text),
    };
    let (mut scope, mut name) = split(text);
    if matches!(field.id, AttributeId::Of(_, EndAttribute::Workload)) && equal {
        // Kinds begin with a capital, namespaces can't; after a slash, anything is a kind.
        let kind = match text.strip_prefix('/') {
            Some(rest) => {
                (scope, name) = split(rest);
                true
            }
            None => scope.is_none_or(|scope| scope.starts_with(|c: char| c.is_ascii_uppercase())),
        };
        if kind {
            let kind = scope.unwrap_or_default();
            parts.pairs.push((kind.to_owned(), name.to_owned()));
            return Ok(());
        }
    }
    if name.contains('/') {
        return Err(ValueError::new(format!("`{text}` has more than one slash")));
    }
    let namespaced = matches!(
        field.id,
        AttributeId::Of(_, EndAttribute::Pod | EndAttribute::Service)
    );
    if equal {
        // All of a namespace.
        if name.is_empty() && namespaced {
            parts.names.push(Name {
                namespace: scope.unwrap_or_default().to_owned(),
                prefix: String::new(),
            });
            return Ok(());
        }
        parts.tests.push(Scoped {
            scope: scope.map(|scope| Test::Exact(scope.to_owned())),
            name: Test::Exact(name.to_owned()),
        });
        return Ok(());
    }
    let scope = scope
        .map(Glob::new)
        .filter(|scope| scope.to_string() != "*");
    let name = Glob::prefix(name);
    let literal = scope.as_ref().map_or(Some(String::new()), Glob::literal);
    match (literal, name.only_beginning()) {
        (Some(namespace), Some(prefix)) if namespaced => {
            parts.names.push(Name { namespace, prefix });
        }
        _ => parts.tests.push(Scoped {
            scope: scope.map(Test::Glob),
            name: Test::Glob(name),
        }),
    }
    Ok(())
}
