//! From the tree to a filter, with the leaves that Hubble's filters have where they say the same, so
//! that servers can evaluate them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, signs or tokens"
)]

use super::lex::Sign;
use super::parse::{Expr, Literal};
use super::parts::Parts;
use super::texts;
use super::value::{self, Bad, greatest};
use super::{ExprError, Span};
use crate::field::{Ends, Field, What};
use crate::filter::{
    Addresses, Filter, Leaf, NumberLeaf, NumberOf, Test, TextLeaf, TextOf, protocol, status,
};
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
        Expr::Bare(field) => yes(field),
        Expr::Has(field) => ends(field, |field, side| Ok(has(field, side)))?,
        Expr::Compare {
            field,
            sign,
            at,
            values,
        } => {
            let (sign, not) = match sign {
                Sign::NotEqual => (Sign::Equal, true),
                Sign::Unlike => (Sign::Like, true),
                sign => (sign, false),
            };
            check(text, field, sign, &at)?;
            let compared = ends(field, |field, side| {
                compare(text, field, side, sign, &values)
            })?;
            if not { negated(compared) } else { compared }
        }
    })
}

fn negated(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// Of both ends, if the field is of either.
fn ends(
    field: &'static Field,
    of: impl Fn(&'static Field, Side) -> Result<Filter, ExprError>,
) -> Result<Filter, ExprError> {
    match field.ends {
        Ends::None => of(field, Side::Source),
        Ends::One(side) => of(field, side),
        Ends::Either => Ok(Filter::Any(vec![
            of(field.at(Side::Source), Side::Source)?,
            of(field.at(Side::Destination), Side::Destination)?,
        ])),
    }
}

fn check(text: &str, field: &Field, sign: Sign, at: &Span) -> Result<(), ExprError> {
    let taken = value::signs(field.kind);
    if taken.contains(&sign) {
        return Ok(());
    }
    let taken: Vec<&str> = taken.iter().map(|sign| sign.text()).collect();
    let message = format!(
        "{} ({}) can't be compared by this, but by {}",
        field.name,
        field.kind.name(),
        taken.join(" ")
    );
    Err(ExprError::new(text, at, message))
}

/// A field of yes or no.
fn yes(field: &Field) -> Filter {
    Filter::Leaf(match field.what {
        What::Encrypted => Leaf::Encrypted(true),
        What::Flag(bit) => Leaf::TcpFlags(vec![bit]),
        _ => Leaf::Reply(true),
    })
}

/// The texts of a field, if it has any.
pub(crate) fn text_of(what: What, side: Side) -> Option<TextOf> {
    Some(match what {
        What::Namespace => TextOf::Namespace(side),
        What::Pod => TextOf::Pod(side),
        What::Workload => TextOf::Workload(side),
        What::Service => TextOf::Service(side),
        What::Fqdn => TextOf::Fqdn(side),
        What::Cluster => TextOf::Cluster(side),
        What::Label => TextOf::Label(side),
        What::NodeLabel => TextOf::NodeLabel,
        What::Node => TextOf::Node,
        What::Interface => TextOf::Interface,
        What::Policy => TextOf::Policy,
        What::HttpMethod => TextOf::HttpMethod,
        What::HttpPath => TextOf::HttpPath,
        What::HttpUrl => TextOf::HttpUrl,
        What::HttpHeader => TextOf::HttpHeader,
        What::DnsQuery => TextOf::DnsQuery,
        What::Uuid => TextOf::Uuid,
        What::TraceId => TextOf::TraceId,
        What::Text(of) => of,
        _ => return None,
    })
}

/// The number of a field, if it is one.
pub(crate) fn number_of(what: What, side: Side) -> Option<NumberOf> {
    Some(match what {
        What::Port => NumberOf::Port(side),
        What::Identity => NumberOf::Identity(side),
        What::HttpStatus => NumberOf::HttpStatus,
        What::IpTraceId => NumberOf::IpTraceId,
        What::Number(of) | What::Named(of) => of,
        _ => return None,
    })
}

fn has(field: &Field, side: Side) -> Filter {
    let any = |of| Filter::Leaf(Leaf::Text(TextLeaf::new(of, vec![Test::Any])));
    if let Some(of) = number_of(field.what, side) {
        let ranges = vec![(0, greatest(field.what))];
        return Filter::Leaf(Leaf::Number(NumberLeaf { of, ranges }));
    }
    match (field.what, text_of(field.what, side)) {
        (What::Uuid, _) => negated(Filter::Leaf(Leaf::Uuid(vec![String::new()]))),
        (What::TraceId, _) => negated(Filter::Leaf(Leaf::TraceId(vec![String::new()]))),
        (What::Interface, _) => Filter::Leaf(Leaf::Interface(vec![(0, String::new())])),
        (What::Workload, _) => {
            Filter::Leaf(Leaf::Workload(side, vec![(String::new(), String::new())]))
        }
        (_, Some(of)) => any(of),
        (What::Ip, _) => Filter::Leaf(Leaf::Ip(side, Addresses::all())),
        (What::SnatIp, _) => Filter::Leaf(Leaf::SourceXlated(Addresses::all())),
        (What::Reason, _) => Filter::Leaf(Leaf::DropReason((1..=i32::from(u8::MAX)).collect())),
        (What::Type, _) => Filter::Leaf(Leaf::EventType(vec![(None, None)])),
        (What::Flags | What::Flag(_), _) => Filter::Leaf(Leaf::TcpFlags(vec![0])),
        (What::Direction, _) => Filter::Leaf(Leaf::Direction(0b110)),
        (What::IpVersion, _) => Filter::Leaf(Leaf::IpVersion(0b110)),
        (What::Verdict, _) => Filter::Leaf(Leaf::Verdict(!1)),
        (What::Protocol, _) => {
            let protocols = crate::field::PROTOCOLS.iter();
            let protocols = protocols.filter_map(|name| protocol(name).ok()).flatten();
            Filter::Leaf(Leaf::Protocol(protocols.copied().collect()))
        }
        (What::Encrypted, _) => Filter::Leaf(Leaf::Encrypted(true)),
        // Reply, the last one: known either way.
        _ => Filter::Any(vec![
            Filter::Leaf(Leaf::Reply(true)),
            Filter::Leaf(Leaf::Reply(false)),
        ]),
    }
}

/// One field of at most one end.
fn compare(
    text: &str,
    field: &'static Field,
    side: Side,
    sign: Sign,
    values: &[Literal],
) -> Result<Filter, ExprError> {
    let mut parts = Parts::default();
    for literal in values {
        let taken = match number_of(field.what, side) {
            Some(of) => number(field, of, sign, literal, &mut parts),
            None => other(field, side, sign, literal, &mut parts),
        };
        taken.map_err(|bad: Bad| bad.at(text, literal))?;
    }
    Ok(parts.finish(field, side))
}

fn number(
    field: &Field,
    of: NumberOf,
    sign: Sign,
    literal: &Literal,
    parts: &mut Parts,
) -> Result<(), Bad> {
    if matches!(field.what, What::Named(_))
        && matches!(sign, Sign::Like | Sign::Regex | Sign::Contains)
    {
        let numbers = value::names(field, sign, literal)?.into_iter();
        parts.ranges.extend(numbers.map(|n| (n.into(), n.into())));
        return Ok(());
    }
    if of == NumberOf::HttpStatus
        && matches!(sign, Sign::Equal | Sign::In)
        && let Ok(beginning) = status(&literal.text)
    {
        parts.statuses.push(beginning);
        return Ok(());
    }
    let most = greatest(field.what);
    let one = || value::number(field, &literal.text);
    let range = match sign {
        Sign::Less => one()?.checked_sub(1).map(|to| (0, to)),
        Sign::AtMost => Some((0, one()?)),
        Sign::More => one()?.checked_add(1).map(|from| (from, most)),
        Sign::AtLeast => Some((one()?, most)),
        _ => Some(value::range(field, literal)?),
    };
    parts.ranges.extend(range.filter(|(from, to)| from <= to));
    Ok(())
}

fn other(
    field: &Field,
    side: Side,
    sign: Sign,
    literal: &Literal,
    parts: &mut Parts,
) -> Result<(), Bad> {
    let text = literal.text.as_str();
    match field.what {
        What::Ip | What::SnatIp => {
            value::address(text, parts.addresses.get_or_insert_default())?;
        }
        What::Verdict | What::Reason | What::Direction | What::IpVersion => {
            parts.numbers.extend(value::names(field, sign, literal)?);
        }
        What::Type if matches!(sign, Sign::Equal | Sign::In) => {
            parts.types.push(value::event_type(text)?);
        }
        What::Type => {
            for known in value::known_like(field, sign, text)? {
                parts.types.push(value::event_type(&known)?);
            }
        }
        What::Protocol if matches!(sign, Sign::Equal | Sign::In) => {
            let unknown = |_| Bad {
                message: format!(
                    "`{text}` is no protocol known, which are {}",
                    crate::field::PROTOCOLS.join(", ")
                ),
                suggestion: super::nearest(text, crate::field::PROTOCOLS).map(str::to_owned),
            };
            parts.protocols.extend(protocol(text).map_err(unknown)?);
        }
        What::Protocol => {
            for known in value::known_like(field, sign, text)? {
                parts.protocols.extend(protocol(&known).unwrap_or_default());
            }
        }
        What::Reply => parts
            .whole
            .push(Filter::Leaf(Leaf::Reply(value::boolean(text)?))),
        What::Encrypted => {
            let want = value::boolean(text)?;
            parts.whole.push(Filter::Leaf(Leaf::Encrypted(want)));
        }
        What::Flag(_) => {
            let set = yes(field);
            let want = value::boolean(text)?;
            parts.whole.push(if want { set } else { negated(set) });
        }
        What::Flags if sign == Sign::Like => parts.sets.push(value::flags(text)?),
        What::Flags => {
            let set = value::flags(text)?;
            let others = crate::describe::FLAGS.iter().map(|(_, bit)| *bit);
            let others = others.filter(|bit| set & bit == 0).collect();
            parts.whole.push(Filter::All(vec![
                Filter::Leaf(Leaf::TcpFlags(vec![set])),
                negated(Filter::Leaf(Leaf::TcpFlags(others))),
            ]));
        }
        // What is left are texts.
        _ => texts::read(field, side, sign, literal, parts)?,
    }
    Ok(())
}
