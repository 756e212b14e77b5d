//! A filter as an expression.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about one of a few forms of text"
)]

use std::fmt;

use super::leaf::{HttpLeaf, Leaf, Name, Protocol};
use super::text::{Scoped, Test, TextLeaf};
use super::{Filter, NumberLeaf, NumberOf};
use crate::expr::{greatest, number_of, quote, text_of};
use crate::field::{Ends, FIELDS, Field, What, named};
use crate::identity::Identity;
use crate::view::{Side, Transport};
use crate::vocabulary::{event, observation_point};

/// What a filter is as text.
enum Text {
    /// `field sign value`, or `field in {value, value}`.
    Compare {
        field: &'static str,
        sign: &'static str,
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
                sign,
                values,
            } => comparison(field, sign, &values),
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

fn comparison(field: &str, sign: &str, values: &[String]) -> String {
    match (sign, values) {
        (_, []) => "false".to_owned(),
        (sign, [one]) => format!("{field} {sign} {one}"),
        ("==", many) => format!("{field} in {{{}}}", many.join(", ")),
        (sign, many) => format!("{field} {sign} {{{}}}", many.join(", ")),
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
                sign: "==",
                values,
            } if values.len() == 1 => Text::Compare {
                field,
                sign: "!=",
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
            sign,
            values,
        },
        Text::Compare {
            field: destination,
            sign: same,
            values: equal,
        },
    ) = (&one, &other)
        && let (Some(name), Some(end)) = (
            source.strip_prefix("src."),
            destination.strip_prefix("dst."),
        )
        && (name, sign, values) == (end, same, equal)
    {
        return Text::Compare {
            field: name,
            sign,
            values: values.clone(),
        };
    }
    Text::Any(format!("{} or {}", one.within(true), other.within(true)))
}

/// The name of a field.
fn field(what: What, side: Side) -> &'static str {
    let found = FIELDS.iter().find(|field| {
        field.what == what && (field.ends == Ends::None || field.ends == Ends::One(side))
    });
    found.map_or("", |field: &Field| field.name)
}

fn compare(what: What, side: Side, sign: &'static str, values: Vec<String>) -> Text {
    Text::Compare {
        field: field(what, side),
        sign,
        values,
    }
}

/// A question that isn't about an end.
fn plain<T>(what: What, of: &[T], value: impl Fn(&T) -> String) -> Text {
    ended(what, Side::Source, of, value)
}

fn ended<T>(what: What, side: Side, of: &[T], value: impl Fn(&T) -> String) -> Text {
    compare(what, side, "==", of.iter().map(value).collect())
}

fn has(what: What, side: Side) -> Text {
    Text::Atom(format!("has {}", field(what, side)))
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

fn bits(what: What, set: u32) -> Text {
    let numbers: Vec<u32> = (0..32).filter(|number| set >> number & 1 == 1).collect();
    if what == What::Verdict && set == !1 {
        return has(what, Side::Source);
    }
    plain(what, &numbers, |number| name(what, *number))
}

fn name(what: What, number: u32) -> String {
    let names = named(what);
    let name = names.iter().find(|(known, ..)| *known == number);
    name.map_or_else(|| number.to_string(), |(_, name, _)| quote(name))
}

fn of_leaf(leaf: &Leaf) -> Text {
    let text = |text: &String| quote(text);
    match leaf {
        Leaf::Verdict(set) => bits(What::Verdict, *set),
        Leaf::Direction(set) => bits(What::Direction, *set),
        Leaf::IpVersion(set) => bits(What::IpVersion, *set),
        Leaf::DropReason(reasons) if reasons.len() == 255 => has(What::Reason, Side::Source),
        Leaf::DropReason(reasons) => plain(What::Reason, reasons, |reason| {
            u32::try_from(*reason).map_or_else(|_| "0".to_owned(), |n| name(What::Reason, n))
        }),
        Leaf::EventType(types) if types.as_slice() == [(None, None)] => {
            has(What::Type, Side::Source)
        }
        Leaf::EventType(types) => plain(What::Type, types, |(kind, sub)| event_type(*kind, *sub)),
        Leaf::Reply(true) => Text::Atom("reply".to_owned()),
        Leaf::Encrypted(true) => Text::Atom("encrypted".to_owned()),
        Leaf::Reply(no) => plain(What::Reply, &[no], ToString::to_string),
        Leaf::Encrypted(no) => plain(What::Encrypted, &[no], ToString::to_string),
        Leaf::Protocol(protocols) => plain(What::Protocol, protocols, |p| protocol(*p).to_owned()),
        Leaf::Port(side, ports) => ended(What::Port, *side, ports, ToString::to_string),
        Leaf::TcpFlags(sets) if sets.as_slice() == [0] => has(What::Flags, Side::Source),
        Leaf::TcpFlags(sets) => {
            let sets = sets.iter().map(|set| flags(*set)).collect();
            compare(What::Flags, Side::Source, "~", sets)
        }
        Leaf::Identity(side, identities) => ended(What::Identity, *side, identities, |number| {
            identity(*number)
        }),
        Leaf::Ip(side, addresses) => compare(What::Ip, *side, "==", addresses.texts()),
        Leaf::SourceXlated(addresses) => {
            compare(What::SnatIp, Side::Source, "==", addresses.texts())
        }
        Leaf::Pod(side, names) => pods(What::Pod, *side, names),
        Leaf::Service(side, names) => pods(What::Service, *side, names),
        Leaf::Cluster(side, clusters) => ended(What::Cluster, *side, clusters, text),
        Leaf::Workload(side, workloads)
            if workloads
                .iter()
                .any(|(kind, name)| kind.is_empty() && name.is_empty()) =>
        {
            has(What::Workload, *side)
        }
        Leaf::Workload(side, workloads) => {
            ended(
                What::Workload,
                *side,
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
            let sign = sign(patterns.iter().any(|p| p.to_string().contains('*')));
            let patterns = patterns.iter().map(|p| quote(&p.to_string()));
            compare(What::Fqdn, *side, sign, patterns.collect())
        }
        Leaf::Node(patterns) if patterns.iter().any(|p| p.to_string() == "/") => {
            has(What::Node, Side::Source)
        }
        Leaf::Node(patterns) => {
            let sign = sign(patterns.iter().any(|p| p.to_string().contains('*')));
            let patterns = patterns.iter().map(|p| quote(&p.to_string()));
            compare(What::Node, Side::Source, sign, patterns.collect())
        }
        Leaf::Labels(labels) => selectors(What::Label, labels.side, &labels.selectors),
        Leaf::NodeLabels(labels) => selectors(What::NodeLabel, Side::Source, labels),
        Leaf::Interface(interfaces) if interfaces.contains(&(0, String::new())) => {
            has(What::Interface, Side::Source)
        }
        Leaf::Interface(interfaces) => {
            plain(What::Interface, interfaces, |interface| match interface {
                (0, name) => quote(name),
                (index, name) if name.is_empty() => quote(&format!("#{index}")),
                (index, name) => quote(&format!("#{index}:{name}")),
            })
        }
        Leaf::Uuid(ids) => plain(What::Uuid, ids, text),
        Leaf::TraceId(ids) => plain(What::TraceId, ids, text),
        Leaf::IpTraceId(ids) => plain(What::IpTraceId, ids, ToString::to_string),
        Leaf::Http(http) => of_http(http),
        Leaf::DnsQuery(queries) => regexes(What::DnsQuery, queries),
        // Another language: this is for reading only.
        Leaf::Cel(expressions) => {
            let expressions = expressions.iter().map(|cel| format!("cel({})", cel.text()));
            Text::Any(expressions.collect::<Vec<_>>().join(" or "))
        }
        Leaf::Text(text) => of_text(text),
        Leaf::Number(number) => of_number(number),
    }
}

fn of_http(leaf: &HttpLeaf) -> Text {
    match leaf {
        HttpLeaf::Status(beginnings) => plain(What::HttpStatus, beginnings, |beginning| {
            let all = if beginning.len() == 3 { "" } else { "+" };
            format!("{beginning}{all}")
        }),
        HttpLeaf::Method(methods) => {
            // An empty one fits nothing.
            let methods = methods.iter().filter(|method| !method.is_empty());
            let methods = methods.map(|method| quote(method)).collect();
            compare(What::HttpMethod, Side::Source, "==", methods)
        }
        HttpLeaf::Path(paths) => regexes(What::HttpPath, paths),
        HttpLeaf::Url(urls) => regexes(What::HttpUrl, urls),
        HttpLeaf::Header(headers) => plain(What::HttpHeader, headers, |(key, value)| {
            quote(&format!("{key}:{value}"))
        }),
    }
}

fn regexes(what: What, of: &[regex::Regex]) -> Text {
    let texts = of.iter().map(|regex| quote(regex.as_str()));
    compare(what, Side::Source, "=~", texts.collect())
}

fn sign(pattern: bool) -> &'static str {
    if pattern { "~" } else { "==" }
}

fn selectors(what: What, side: Side, of: &[super::Selector]) -> Text {
    if of.iter().any(super::Selector::is_everything) {
        return Text::Atom("true".to_owned());
    }
    ended(what, side, of, |selector| quote(&selector.to_string()))
}

/// Beginnings of names; whole namespaces, where that is all that is asked for.
fn pods(what: What, side: Side, names: &[Name]) -> Text {
    let whole = |name: &Name| name.prefix.is_empty() && !name.namespace.is_empty();
    if what == What::Pod && names.iter().all(whole) {
        return ended(What::Namespace, side, names, |name| quote(&name.namespace));
    }
    let literal = |text: &str| {
        let text = text.replace('\\', "\\\\");
        text.replace('*', "\\*").replace('?', "\\?")
    };
    let names = names.iter().map(|name| {
        let slash = if name.namespace.is_empty() { "" } else { "/" };
        let (namespace, prefix) = (literal(&name.namespace), literal(&name.prefix));
        quote(&format!("{namespace}{slash}{prefix}*"))
    });
    compare(what, side, "~", names.collect())
}

pub(crate) fn event_type(kind: Option<i32>, sub: Option<i32>) -> String {
    let known = event::NAMES.iter().find(|(_, known)| Some(*known) == kind);
    let name = match (known, kind) {
        (Some((name, _)), _) => (*name).to_owned(),
        (None, Some(kind)) => kind.to_string(),
        (None, None) => "any".to_owned(),
    };
    match (kind, sub, sub.and_then(observation_point)) {
        (_, None, _) => name,
        (Some(event::TRACE), _, Some(point)) => format!("{name}:{point}"),
        (_, Some(sub), _) => format!("{name}:{sub}"),
    }
}

pub(super) fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Transport(Transport::Tcp) => "tcp",
        Protocol::Transport(Transport::Udp) => "udp",
        Protocol::Transport(Transport::Sctp) => "sctp",
        Protocol::Transport(Transport::IcmpV4) => "icmpv4",
        Protocol::Transport(Transport::IcmpV6) => "icmpv6",
        Protocol::Transport(Transport::Vrrp) => "vrrp",
        Protocol::Transport(Transport::Igmp) => "igmp",
        Protocol::Dns => "dns",
        Protocol::Http => "http",
        Protocol::Kafka => "kafka",
    }
}

fn flags(set: u16) -> String {
    let known = crate::describe::FLAGS.iter();
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

/// The field that asks for it.
fn asking(asks: impl Fn(What, Side) -> bool) -> Option<(What, Side)> {
    FIELDS.iter().find_map(|field| {
        let side = match field.ends {
            Ends::One(side) => side,
            Ends::None => Side::Source,
            Ends::Either => return None,
        };
        asks(field.what, side).then_some((field.what, side))
    })
}

fn of_text(leaf: &TextLeaf) -> Text {
    let Some((what, side)) = asking(|what, side| text_of(what, side) == Some(leaf.of)) else {
        return Text::Atom("false".to_owned());
    };
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
            Test::Exact(name) => exact.push(quote(&scoped(test, name))),
            Test::Glob(name) => globs.push(quote(&scoped(test, &name.to_string()))),
            Test::Regex(regex) => regexes.push(quote(regex.as_str())),
        }
    }
    let mut texts = Vec::new();
    if there {
        texts.push(has(what, side));
    }
    for (sign, values) in [("==", exact), ("~", globs), ("=~", regexes)] {
        if !values.is_empty() {
            texts.push(compare(what, side, sign, values));
        }
    }
    any(texts)
}

fn of_number(leaf: &NumberLeaf) -> Text {
    let Some((what, side)) = asking(|what, side| number_of(what, side) == Some(leaf.of)) else {
        return Text::Atom("false".to_owned());
    };
    let most = greatest(what);
    let number = |number: u64| match u32::try_from(number) {
        Ok(number) if matches!(leaf.of, NumberOf::Identity(_)) => identity(number),
        Ok(number) => name(what, number),
        Err(_) => number.to_string(),
    };
    match leaf.ranges.as_slice() {
        [(0, to)] if *to == most => has(what, side),
        [(0, to)] if *to != 0 => compare(what, side, "<=", vec![to.to_string()]),
        [(from, to)] if *to == most && from != to => {
            compare(what, side, ">=", vec![from.to_string()])
        }
        ranges => ended(what, side, ranges, |(from, to)| match from == to {
            true => number(*from),
            false => format!("{from}-{to}"),
        }),
    }
}
