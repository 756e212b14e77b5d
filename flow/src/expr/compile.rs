//! From the tree to a filter, with the leaves that Hubble's filters have where they say the same, so
//! that servers can evaluate them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, operators or tokens"
)]

use super::comparison::ComparedValues;
use super::lex::Operator;
use super::literals;
use super::parse::{Expr, Literal};
use super::value::{self, ValueError};
use super::{ExprError, Span, name};
use crate::attribute::{Attribute, AttributeId, EndAttribute, PROTOCOLS, ValueType};
use crate::filter::{Addresses, Filter, Leaf, NumberLeaf, Test, TextLeaf, protocol, status};
use crate::spelling::closest;
use crate::view::Side;

/// The filter of an expression.
pub(super) fn filter(text: &str, expr: Expr) -> Result<Filter, ExprError> {
    let all = |of: Vec<Expr>| {
        let of = of.into_iter().map(|expr| filter(text, expr));
        of.collect::<Result<Vec<_>, _>>()
    };
    Ok(match expr {
        Expr::All(of) => Filter::All(all(of)?),
        Expr::Any(of) => Filter::Any(all(of)?),
        Expr::Not(not) => negated(filter(text, *not)?),
        Expr::Constant(true) => Filter::All(Vec::new()),
        Expr::Constant(false) => Filter::Any(Vec::new()),
        Expr::Name { text: name, quoted } => name::filter(text, &name, quoted)?,
        Expr::Bare(field) => yes(field),
        Expr::Has(field) => ends(field, |field| Ok(has(field)))?,
        Expr::Compare {
            field,
            operator,
            at,
            values,
        } => {
            let (operator, not) = match operator {
                Operator::NotEqual => (Operator::Equal, true),
                Operator::Unlike => (Operator::Like, true),
                operator => (operator, false),
            };
            check(text, field, operator, &at)?;
            let compared = ends(field, |field| compare(text, field, operator, &values))?;
            if not { negated(compared) } else { compared }
        }
    })
}

fn negated(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// Of both ends, if the field is of either.
fn ends(
    field: &'static Attribute,
    of: impl Fn(&'static Attribute) -> Result<Filter, ExprError>,
) -> Result<Filter, ExprError> {
    match field.id {
        AttributeId::Either(_) => Ok(Filter::Any(vec![
            of(field.at(Side::Source))?,
            of(field.at(Side::Destination))?,
        ])),
        _ => of(field),
    }
}

fn check(text: &str, field: &Attribute, operator: Operator, at: &Span) -> Result<(), ExprError> {
    let taken = value::operators(field.value_type);
    if taken.contains(&operator) {
        return Ok(());
    }
    let taken: Vec<&str> = taken.iter().map(|operator| operator.text()).collect();
    let message = format!(
        "{} ({}) can't be compared by this, but by {}",
        field.name,
        field.value_type.name(),
        taken.join(" ")
    );
    Err(ExprError::new(text, at, message))
}

/// A field of yes or no.
fn yes(field: &'static Attribute) -> Filter {
    Filter::Leaf(match field.id {
        AttributeId::Encrypted => Leaf::Encrypted(true),
        AttributeId::TcpFlag(bit) => Leaf::TcpFlags(vec![bit]),
        AttributeId::Reply => Leaf::Reply(true),
        _ => within(field, 1, 1),
    })
}

fn within(of: &'static Attribute, from: u64, to: u64) -> Leaf {
    let ranges = vec![(from, to)];
    Leaf::Number(NumberLeaf { of, ranges })
}

fn has(field: &'static Attribute) -> Filter {
    if field.is_number() {
        return Filter::Leaf(within(field, 0, field.max));
    }
    Filter::Leaf(match field.id {
        AttributeId::Uuid => return negated(Filter::Leaf(Leaf::Uuid(vec![String::new()]))),
        AttributeId::TraceId => return negated(Filter::Leaf(Leaf::TraceId(vec![String::new()]))),
        AttributeId::Reply => {
            // Known either way.
            let reply = [true, false].map(|reply| Filter::Leaf(Leaf::Reply(reply)));
            return Filter::Any(reply.into());
        }
        AttributeId::Interface => Leaf::Interface(vec![(0, String::new())]),
        AttributeId::Of(side, EndAttribute::Workload) => {
            Leaf::Workload(side, vec![(String::new(), String::new())])
        }
        AttributeId::Of(side, EndAttribute::Ip) => Leaf::Ip(side, Addresses::all()),
        AttributeId::SnatIp => Leaf::SourceXlated(Addresses::all()),
        AttributeId::Reason => Leaf::DropReason((1..=i32::from(u8::MAX)).collect()),
        AttributeId::Type => Leaf::EventType(vec![(None, None)]),
        AttributeId::TcpFlags | AttributeId::TcpFlag(_) => Leaf::TcpFlags(vec![0]),
        AttributeId::Direction => Leaf::Direction(0b110),
        AttributeId::IpVersion => Leaf::IpVersion(0b110),
        AttributeId::Verdict => Leaf::Verdict(!1),
        AttributeId::Protocol => {
            let protocols = PROTOCOLS.iter();
            let protocols = protocols.filter_map(|name| protocol(name).ok()).flatten();
            Leaf::Protocol(protocols.copied().collect())
        }
        AttributeId::Encrypted => Leaf::Encrypted(true),
        // What is left are texts.
        _ => Leaf::Text(TextLeaf::new(field, vec![Test::Any])),
    })
}

/// One field of at most one end.
fn compare(
    text: &str,
    field: &'static Attribute,
    operator: Operator,
    values: &[Literal],
) -> Result<Filter, ExprError> {
    let mut parts = ComparedValues::default();
    for literal in values {
        let taken = match field.is_number() {
            true => number(field, operator, literal, &mut parts),
            false => other(field, operator, literal, &mut parts),
        };
        taken.map_err(|bad: ValueError| bad.at(text, literal))?;
    }
    Ok(parts.finish(field))
}

fn number(
    field: &Attribute,
    operator: Operator,
    literal: &Literal,
    parts: &mut ComparedValues,
) -> Result<(), ValueError> {
    if field.value_type == ValueType::Bool {
        let number = u64::from(value::boolean(&literal.text)?);
        parts.ranges.push((number, number));
        return Ok(());
    }
    if field.value_type == ValueType::Name
        && matches!(
            operator,
            Operator::Like | Operator::Regex | Operator::Contains
        )
    {
        let numbers = value::names(field, operator, literal)?.into_iter();
        parts.ranges.extend(numbers.map(|n| (n.into(), n.into())));
        return Ok(());
    }
    if field.id == AttributeId::HttpStatus
        && matches!(operator, Operator::Equal | Operator::In)
        && let Ok(beginning) = status(&literal.text)
    {
        parts.statuses.push(beginning);
        return Ok(());
    }
    let most = field.max;
    let one = || value::number(field, &literal.text);
    let range = match operator {
        Operator::Less => one()?.checked_sub(1).map(|to| (0, to)),
        Operator::AtMost => Some((0, one()?)),
        Operator::More => one()?.checked_add(1).map(|from| (from, most)),
        Operator::AtLeast => Some((one()?, most)),
        _ => Some(value::range(field, literal)?),
    };
    parts.ranges.extend(range.filter(|(from, to)| from <= to));
    Ok(())
}

fn other(
    field: &'static Attribute,
    operator: Operator,
    literal: &Literal,
    parts: &mut ComparedValues,
) -> Result<(), ValueError> {
    let text = literal.text.as_str();
    match field.id {
        AttributeId::Of(_, EndAttribute::Ip) | AttributeId::SnatIp => {
            value::address(text, parts.addresses.get_or_insert_default())?;
        }
        AttributeId::Verdict
        | AttributeId::Reason
        | AttributeId::Direction
        | AttributeId::IpVersion => {
            parts
                .numbers
                .extend(value::names(field, operator, literal)?);
        }
        AttributeId::Type if matches!(operator, Operator::Equal | Operator::In) => {
            parts.types.push(value::event_type(text)?);
        }
        AttributeId::Type => {
            for known in value::known_like(field, operator, text)? {
                parts.types.push(value::event_type(&known)?);
            }
        }
        AttributeId::Protocol if matches!(operator, Operator::Equal | Operator::In) => {
            let unknown = |_| ValueError {
                message: format!(
                    "`{text}` is not a protocol; known are {}",
                    PROTOCOLS.join(", ")
                ),
                suggestion: closest(text, PROTOCOLS).map(str::to_owned),
            };
            parts.protocols.extend(protocol(text).map_err(unknown)?);
        }
        AttributeId::Protocol => {
            for known in value::known_like(field, operator, text)? {
                parts.protocols.extend(protocol(&known).unwrap_or_default());
            }
        }
        AttributeId::Reply => parts
            .whole
            .push(Filter::Leaf(Leaf::Reply(value::boolean(text)?))),
        AttributeId::Encrypted => {
            let want = value::boolean(text)?;
            parts.whole.push(Filter::Leaf(Leaf::Encrypted(want)));
        }
        AttributeId::TcpFlag(_) => {
            let set = yes(field);
            let want = value::boolean(text)?;
            parts.whole.push(if want { set } else { negated(set) });
        }
        AttributeId::TcpFlags if operator == Operator::Like => parts.sets.push(value::flags(text)?),
        AttributeId::TcpFlags => {
            let set = value::flags(text)?;
            let others = crate::format::FLAGS.iter().map(|(_, bit)| *bit);
            let others = others.filter(|bit| set & bit == 0).collect();
            parts.whole.push(Filter::All(vec![
                Filter::Leaf(Leaf::TcpFlags(vec![set])),
                negated(Filter::Leaf(Leaf::TcpFlags(others))),
            ]));
        }
        // What is left are texts.
        _ => literals::read(field, operator, literal, parts)?,
    }
    Ok(())
}
