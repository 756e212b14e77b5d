//! A filter as an expression.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about one of a few forms of text"
)]

use std::fmt;

use super::name;
use super::value::quote;
use crate::attribute::{Attribute, AttributeId, EndAttribute, ValueType};
use crate::filter::{Filter, HttpLeaf, Leaf, Name, NumberLeaf, Scoped, Selector, Test, TextLeaf};
use crate::identity::Identity;
use crate::monitor_api::event_type_text;
use crate::view::Side;

/// What a filter is as text.
enum Text {
    /// `field operator value`, or `field in {value, value}`.
    Compare {
        field: &'static str,
        operator: &'static str,
        values: Vec<String>,
    },
    /// Binds like a comparison.
    Atom(String),
    Not(String),
    All(String),
    Any(String),
}

impl fmt::Display for Filter {
    /// An expression that means the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self).into_string())
    }
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Compare {
                field,
                operator,
                values,
            } => comparison(field, operator, &values),
            Self::Atom(text) | Self::Not(text) | Self::All(text) | Self::Any(text) => text,
        }
    }

    /// As part of something that binds tighter.
    fn within(self, all: bool) -> String {
        match self {
            Self::Any(text) => format!("({text})"),
            Self::All(text) if !all => format!("({text})"),
            other => other.into_string(),
        }
    }
}

fn comparison(field: &str, operator: &str, values: &[String]) -> String {
    match (operator, values) {
        (_, []) => "false".to_owned(),
        (operator, [one]) => format!("{field} {operator} {one}"),
        ("==", many) => format!("{field} in {{{}}}", many.join(", ")),
        (operator, many) => format!("{field} {operator} {{{}}}", many.join(", ")),
    }
}

fn text(filter: &Filter) -> Text {
    match filter {
        Filter::All(all) => match all.as_slice() {
            [] => Text::Atom("true".to_owned()),
            [one] => text(one),
            all => {
                let all: Vec<String> = all.iter().map(|part| text(part).within(true)).collect();
                Text::All(all.join(" and "))
            }
        },
        Filter::Any(any) => match any.as_slice() {
            [] => Text::Atom("false".to_owned()),
            [one] => text(one),
            [source, destination] => either(text(source), text(destination)),
            any => {
                let any = any.iter().map(|part| text(part).within(true));
                Text::Any(any.collect::<Vec<_>>().join(" or "))
            }
        },
        Filter::Not(not) => match text(not) {
            Text::Compare {
                field,
                operator: "==",
                values,
            } if values.len() == 1 => Text::Compare {
                field,
                operator: "!=",
                values,
            },
            inner => Text::Not(format!("not {}", inner.within(false))),
        },
        Filter::Leaf(leaf) => of_leaf(leaf),
    }
}

/// Two alternatives; of the same question to both ends, one.
fn either(one: Text, other: Text) -> Text {
    if let (
        Text::Compare {
            field: source,
            operator,
            values,
        },
        Text::Compare {
            field: destination,
            operator: same,
            values: equal,
        },
    ) = (&one, &other)
        && let (Some(name), Some(end)) = (
            source.strip_prefix("src."),
            destination.strip_prefix("dst."),
        )
        && (name, operator, values) == (end, same, equal)
    {
        return Text::Compare {
            field: name,
            operator,
            values: values.clone(),
        };
    }
    Text::Any(format!("{} or {}", one.within(true), other.within(true)))
}

fn compare(id: AttributeId, operator: &'static str, values: Vec<String>) -> Text {
    Text::Compare {
        field: id.name(),
        operator,
        values,
    }
}

fn plain<T>(id: AttributeId, of: &[T], value: impl Fn(&T) -> String) -> Text {
    compare(id, "==", of.iter().map(value).collect())
}

fn has(id: AttributeId) -> Text {
    Text::Atom(format!("has {}", id.name()))
}

/// Several comparisons of one field.
fn any(mut of: Vec<Text>) -> Text {
    match (of.len(), of.pop()) {
        (1, Some(one)) => one,
        (_, None) => Text::Atom("false".to_owned()),
        (_, Some(last)) => {
            of.push(last);
            let of: Vec<String> = of.into_iter().map(|text| text.within(true)).collect();
            Text::Any(of.join(" or "))
        }
    }
}

fn bits(id: AttributeId, set: u32) -> Text {
    let numbers: Vec<u32> = (0..32).filter(|number| set >> number & 1 == 1).collect();
    if id == AttributeId::Verdict && set == !1 {
        return has(id);
    }
    plain(id, &numbers, |number| name(id.attribute(), *number))
}

fn name(of: &Attribute, number: u32) -> String {
    let names = of.names();
    let name = names.iter().find(|(known, ..)| *known == number);
    name.map_or_else(|| number.to_string(), |(_, name, _)| quote(name))
}

fn of_leaf(leaf: &Leaf) -> Text {
    let text = |text: &String| quote(text);
    match leaf {
        Leaf::Verdict(set) => bits(AttributeId::Verdict, *set),
        Leaf::Direction(set) => bits(AttributeId::Direction, *set),
        Leaf::IpVersion(set) => bits(AttributeId::IpVersion, *set),
        Leaf::DropReason(reasons) if reasons.len() == 255 => has(AttributeId::Reason),
        Leaf::DropReason(reasons) => plain(AttributeId::Reason, reasons, |reason| {
            u32::try_from(*reason).map_or_else(
                |_| "0".to_owned(),
                |n| name(AttributeId::Reason.attribute(), n),
            )
        }),
        Leaf::EventType(types) if types.as_slice() == [(None, None)] => has(AttributeId::Type),
        Leaf::EventType(types) => plain(AttributeId::Type, types, |(kind, sub)| {
            event_type_text(*kind, *sub)
        }),
        Leaf::Reply(true) => Text::Atom("reply".to_owned()),
        Leaf::Encrypted(true) => Text::Atom("encrypted".to_owned()),
        Leaf::Reply(no) => plain(AttributeId::Reply, &[no], ToString::to_string),
        Leaf::Encrypted(no) => plain(AttributeId::Encrypted, &[no], ToString::to_string),
        Leaf::Protocol(protocols) => {
            plain(AttributeId::Protocol, protocols, |p| p.name().to_owned())
        }
        Leaf::Port(side, ports) => plain(
            AttributeId::Of(*side, EndAttribute::Port),
            ports,
            ToString::to_string,
        ),
        Leaf::TcpFlags(sets) if sets.as_slice() == [0] => has(AttributeId::TcpFlags),
        Leaf::TcpFlags(sets) => {
            let sets = sets.iter().map(|set| flags(*set)).collect();
            compare(AttributeId::TcpFlags, "~", sets)
        }
        Leaf::Identity(side, identities) => plain(
            AttributeId::Of(*side, EndAttribute::Identity),
            identities,
            |number| identity(*number),
        ),
        Leaf::Ip(side, addresses) => compare(
            AttributeId::Of(*side, EndAttribute::Ip),
            "==",
            addresses.texts(),
        ),
        Leaf::SourceXlated(addresses) => compare(AttributeId::SnatIp, "==", addresses.texts()),
        Leaf::Pod(side, names) => pods(*side, EndAttribute::Pod, names),
        Leaf::Service(side, names) => pods(*side, EndAttribute::Service, names),
        Leaf::Cluster(side, clusters) => plain(
            AttributeId::Of(*side, EndAttribute::Cluster),
            clusters,
            text,
        ),
        Leaf::Workload(side, workloads)
            if workloads
                .iter()
                .any(|(kind, name)| kind.is_empty() && name.is_empty()) =>
        {
            has(AttributeId::Of(*side, EndAttribute::Workload))
        }
        Leaf::Workload(side, workloads) => {
            plain(
                AttributeId::Of(*side, EndAttribute::Workload),
                workloads,
                |workload| match workload {
                    (kind, name) if kind.is_empty() && !name.contains('/') => quote(name),
                    (kind, name) if kind.starts_with(|c: char| c.is_ascii_uppercase()) => {
                        quote(&format!("{kind}/{name}"))
                    }
                    // It would be taken for a namespace.
                    (kind, name) => quote(&format!("/{kind}/{name}")),
                },
            )
        }
        Leaf::Fqdn(side, patterns) => {
            let operator = operator(patterns.iter().any(|p| p.to_string().contains('*')));
            let patterns = patterns.iter().map(|p| quote(&p.to_string()));
            compare(
                AttributeId::Of(*side, EndAttribute::Fqdn),
                operator,
                patterns.collect(),
            )
        }
        Leaf::Node(patterns) if patterns.iter().any(|p| p.to_string() == "/") => {
            has(AttributeId::Node)
        }
        Leaf::Node(patterns) => {
            let operator = operator(patterns.iter().any(|p| p.to_string().contains('*')));
            let patterns = patterns.iter().map(|p| quote(&p.to_string()));
            compare(AttributeId::Node, operator, patterns.collect())
        }
        Leaf::Labels(labels) => selectors(
            AttributeId::Of(labels.side, EndAttribute::Label),
            &labels.selectors,
        ),
        Leaf::NodeLabels(labels) => selectors(AttributeId::NodeLabel, labels),
        Leaf::Interface(interfaces) if interfaces.contains(&(0, String::new())) => {
            has(AttributeId::Interface)
        }
        Leaf::Interface(interfaces) => {
            plain(
                AttributeId::Interface,
                interfaces,
                |interface| match interface {
                    (0, name) => quote(name),
                    (index, name) if name.is_empty() => quote(&format!("#{index}")),
                    (index, name) => quote(&format!("#{index}:{name}")),
                },
            )
        }
        Leaf::Uuid(ids) => plain(AttributeId::Uuid, ids, text),
        Leaf::TraceId(ids) => plain(AttributeId::TraceId, ids, text),
        Leaf::IpTraceId(ids) => plain(AttributeId::IpTraceId, ids, ToString::to_string),
        Leaf::Http(http) => of_http(http),
        Leaf::DnsQuery(queries) => regexes(AttributeId::DnsQuery, queries),
        // Another language: this is for reading only.
        Leaf::Cel(expressions) => {
            let expressions = expressions.iter().map(|cel| format!("cel({})", cel.text()));
            Text::Any(expressions.collect::<Vec<_>>().join(" or "))
        }
        Leaf::AnyName(name) => Text::Atom(name::spelled(name.text())),
        Leaf::Text(text) => of_text(text),
        Leaf::Number(number) => of_number(number),
    }
}

fn of_http(leaf: &HttpLeaf) -> Text {
    match leaf {
        HttpLeaf::Status(beginnings) => plain(AttributeId::HttpStatus, beginnings, |beginning| {
            let all = if beginning.len() == 3 { "" } else { "+" };
            format!("{beginning}{all}")
        }),
        HttpLeaf::Method(methods) => {
            // An empty one fits nothing.
            let methods = methods.iter().filter(|method| !method.is_empty());
            let methods = methods.map(|method| quote(method)).collect();
            compare(AttributeId::HttpMethod, "==", methods)
        }
        HttpLeaf::Path(paths) => regexes(AttributeId::HttpPath, paths),
        HttpLeaf::Url(urls) => regexes(AttributeId::HttpUrl, urls),
        HttpLeaf::Header(headers) => plain(AttributeId::HttpHeader, headers, |(key, value)| {
            quote(&format!("{key}:{value}"))
        }),
    }
}

fn regexes(id: AttributeId, of: &[regex::Regex]) -> Text {
    let texts = of.iter().map(|regex| quote(regex.as_str()));
    compare(id, "=~", texts.collect())
}

fn operator(pattern: bool) -> &'static str {
    if pattern { "~" } else { "==" }
}

fn selectors(id: AttributeId, of: &[Selector]) -> Text {
    if of.iter().any(Selector::is_everything) {
        return Text::Atom("true".to_owned());
    }
    plain(id, of, |selector| quote(&selector.to_string()))
}

/// A pattern that only this text fits.
fn literal(text: &str) -> String {
    let text = text.replace('\\', "\\\\");
    text.replace('*', "\\*").replace('?', "\\?")
}

/// Beginnings of names; whole namespaces, where that is all that is asked for.
fn pods(side: Side, of: EndAttribute, names: &[Name]) -> Text {
    let whole = |name: &Name| name.prefix.is_empty() && !name.namespace.is_empty();
    if of == EndAttribute::Pod && names.iter().all(whole) {
        let namespace = AttributeId::Of(side, EndAttribute::Namespace);
        return plain(namespace, names, |name| quote(&name.namespace));
    }
    let names = names.iter().map(|name| {
        let slash = if name.namespace.is_empty() { "" } else { "/" };
        let (namespace, prefix) = (literal(&name.namespace), literal(&name.prefix));
        quote(&format!("{namespace}{slash}{prefix}*"))
    });
    compare(AttributeId::Of(side, of), "~", names.collect())
}

fn flags(set: u16) -> String {
    let known = crate::format::FLAGS.iter();
    let names = known.filter(|(_, bit)| set & bit != 0);
    let names: Vec<String> = names.map(|(name, _)| name.to_lowercase()).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join("+"),
    }
}

fn identity(number: u32) -> String {
    let reserved = Identity(number).name().filter(|_| number != 0);
    reserved.map_or_else(|| number.to_string(), ToOwned::to_owned)
}

fn of_text(leaf: &TextLeaf) -> Text {
    let id = leaf.of.id;
    let scoped = |test: &Scoped, name: &str| match &test.scope {
        Some(Test::Exact(scope)) => format!("{scope}/{name}"),
        Some(Test::Glob(scope)) => format!("{scope}/{name}"),
        Some(Test::Any | Test::Regex(_)) | None => name.to_owned(),
    };
    let (mut exact, mut globs, mut regexes) = (Vec::new(), Vec::new(), Vec::new());
    let mut there = false;
    for test in &leaf.tests {
        match &test.name {
            Test::Any => there = true,
            // Compared by `==`, labels are selected, and a header has to be one.
            Test::Exact(name)
                if leaf.of.value_type == ValueType::Labels || id == AttributeId::HttpHeader =>
            {
                globs.push(quote(&literal(name)));
            }
            Test::Exact(name) => exact.push(quote(&scoped(test, name))),
            Test::Glob(name) => globs.push(quote(&scoped(test, &name.to_string()))),
            Test::Regex(regex) => regexes.push(quote(regex.as_str())),
        }
    }
    let mut texts = Vec::new();
    if there {
        texts.push(has(id));
    }
    for (operator, values) in [("==", exact), ("~", globs), ("=~", regexes)] {
        if !values.is_empty() {
            texts.push(compare(id, operator, values));
        }
    }
    any(texts)
}

fn of_number(leaf: &NumberLeaf) -> Text {
    let (id, most) = (leaf.of.id, leaf.of.max);
    let number = |number: u64| match u32::try_from(number) {
        Ok(number) if matches!(id, AttributeId::Of(_, EndAttribute::Identity)) => identity(number),
        Ok(number) => name(leaf.of, number),
        Err(_) => number.to_string(),
    };
    match leaf.ranges.as_slice() {
        [(1, 1)] if leaf.of.value_type == ValueType::Bool => Text::Atom(id.name().to_owned()),
        [(0, 0)] if leaf.of.value_type == ValueType::Bool => {
            compare(id, "==", vec!["false".to_owned()])
        }
        [(0, to)] if *to == most => has(id),
        [(0, to)] if *to != 0 => compare(id, "<=", vec![to.to_string()]),
        [(from, to)] if *to == most && from != to => compare(id, ">=", vec![from.to_string()]),
        ranges => plain(id, ranges, |(from, to)| match from == to {
            true => number(*from),
            false => format!("{from}-{to}"),
        }),
    }
}
