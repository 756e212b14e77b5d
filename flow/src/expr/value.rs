//! Reading values.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, operators or tokens"
)]

use std::net::IpAddr;

use ipnet::IpNet;
use proto::flow::Verdict;
use regex::{Regex, RegexBuilder};

use super::parse::Literal;
use super::{ExprError, lex::Operator};
use crate::attribute::{Attribute, AttributeId, ValueType};
use crate::filter::{Addresses, Glob};
use crate::monitor_api::event;
use crate::quantity::byte_unit;
use crate::spelling::closest;

/// Memory (bytes) that one regular expression may take.
const REGEX_SIZE: usize = 1 << 20;

/// A value that can't be read, before its place is known.
pub(super) struct ValueError {
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

impl ValueError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            suggestion: None,
        }
    }

    /// The error at the value's place.
    pub(super) fn at(self, text: &str, literal: &Literal) -> ExprError {
        ExprError::new(text, &literal.span, self.message).meant(self.suggestion)
    }
}

/// The operators that a field of that kind can be compared by, best first.
pub(super) fn operators(kind: ValueType) -> &'static [Operator] {
    use Operator::{
        AtLeast, AtMost, Contains, Equal, In, Less, Like, More, NotEqual, Regex, Unlike,
    };
    match kind {
        ValueType::Bool => &[Equal, NotEqual],
        ValueType::Number | ValueType::Bytes | ValueType::Time => {
            &[Equal, NotEqual, In, Less, AtMost, More, AtLeast]
        }
        ValueType::Name => &[Equal, NotEqual, In, Like, Unlike, Regex, Contains],
        ValueType::Text | ValueType::Scoped | ValueType::Labels => {
            &[Equal, NotEqual, Like, Unlike, Regex, In, Contains]
        }
        ValueType::Ip => &[Equal, NotEqual, In],
        ValueType::Flags => &[Like, Unlike, Equal, NotEqual, In],
    }
}

/// A number as the field's kind spells it.
pub(super) fn number(field: &Attribute, text: &str) -> Result<u64, ValueError> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_');
    let (digits, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match (field.value_type, unit) {
        (_, "") => Some(1),
        (ValueType::Bytes, unit) => byte_unit(unit),
        (ValueType::Time, "us" | "\u{b5}s") => Some(1),
        (ValueType::Time, "ms") => Some(1_000),
        (ValueType::Time, "s") => Some(1_000_000),
        _ => None,
    };
    let number = digits.replace('_', "").parse::<u64>().ok();
    match (number, factor, field.names().as_slice()) {
        (Some(number), Some(factor), _) => number
            .checked_mul(factor)
            .filter(|number| *number <= field.max)
            .ok_or_else(|| {
                let most = field.max;
                ValueError::new(format!(
                    "`{text}` is too much: {} ends at {most}",
                    field.name
                ))
            }),
        (.., []) => Err(ValueError::new(match field.value_type {
            ValueType::Bytes => format!("`{text}` is not a number of bytes (`1500`, `10k`, `2MB`)"),
            ValueType::Time => format!("`{text}` is not a duration (`500us`, `20ms`, `1s`)"),
            _ => format!("`{text}` is not a number"),
        })),
        (.., names) => one_named(field, names, text).map(u64::from),
    }
}

/// A number or a range of them, ends included.
pub(super) fn range(field: &Attribute, literal: &Literal) -> Result<(u64, u64), ValueError> {
    // A name may have a dash, too.
    if let Some((from, to)) = literal.text.split_once('-')
        && from.starts_with(|c: char| c.is_ascii_digit())
    {
        let (from, to) = (number(field, from)?, number(field, to)?);
        return match from <= to {
            true => Ok((from, to)),
            false => Err(ValueError::new(format!(
                "`{}` is an empty range",
                literal.text
            ))),
        };
    }
    let number = number(field, &literal.text)?;
    Ok((number, number))
}

/// Spellings of a name that count as one.
fn plain(name: &str) -> String {
    name.to_lowercase().replace([' ', '-'], "_")
}

fn one_named(
    field: &Attribute,
    names: &[(u32, String, &'static str)],
    text: &str,
) -> Result<u32, ValueError> {
    // Rows say DENIED of a drop that a policy made.
    let is_denied = field.id == AttributeId::Verdict && text.eq_ignore_ascii_case("DENIED");
    let wanted = plain(if is_denied {
        Verdict::Dropped.as_str_name()
    } else {
        text
    });
    let found = names.iter().find(|(_, name, about)| {
        plain(name) == wanted || field.id == AttributeId::Reason && plain(about) == wanted
    });
    if let Some((number, ..)) = found {
        return Ok(*number);
    }
    let most = if field.id == AttributeId::Verdict {
        31
    } else {
        u32::MAX
    };
    if let Ok(number) = text.parse::<u32>()
        && number <= most
    {
        return Ok(number);
    }
    let known = names.iter().map(|(_, name, _)| name.as_str());
    let message = match names.len() {
        0..=11 => {
            let known: Vec<_> = known.clone().collect();
            format!(
                "{} is not `{text}`, but one of {}",
                field.name,
                known.join(", ")
            )
        }
        _ => format!("`{text}` is no {} known", field.name),
    };
    Err(ValueError {
        message,
        suggestion: closest(text, known).map(quote),
    })
}

/// The numbers of the names that the value is, or is like.
pub(super) fn names(
    field: &Attribute,
    operator: Operator,
    literal: &Literal,
) -> Result<Vec<u32>, ValueError> {
    let names = field.names();
    let text = &literal.text;
    let fits: Box<dyn Fn(&str) -> bool> = match operator {
        Operator::Equal | Operator::In => {
            return one_named(field, &names, text).map(|one| vec![one]);
        }
        Operator::Like => {
            let glob = Glob::new(&text.to_lowercase());
            Box::new(move |name| glob.fits(&name.to_lowercase()))
        }
        _ => {
            let regex = regex(operator, text)?;
            Box::new(move |name| regex.is_match(name))
        }
    };
    let numbers: Vec<u32> = names
        .iter()
        .filter(|(_, name, about)| fits(name) || field.id == AttributeId::Reason && fits(about))
        .map(|(number, ..)| *number)
        .collect();
    match numbers.as_slice() {
        [] => Err(ValueError::new(format!(
            "no {} is like `{text}`",
            field.name
        ))),
        _ => Ok(numbers),
    }
}

/// The known values of a field without numbers that the value is like.
pub(super) fn known_like(
    field: &Attribute,
    operator: Operator,
    text: &str,
) -> Result<Vec<String>, ValueError> {
    let glob = Glob::new(&text.to_lowercase());
    let regex = match operator {
        Operator::Like => None,
        _ => Some(regex(operator, text)?),
    };
    let values: Vec<String> = field
        .known_values()
        .into_iter()
        .map(|(value, _)| value)
        .filter(|value| match &regex {
            Some(regex) => regex.is_match(value),
            None => glob.fits(value),
        })
        .collect();
    match values.as_slice() {
        [] => Err(ValueError::new(format!(
            "no {} is like `{text}`",
            field.name
        ))),
        _ => Ok(values),
    }
}

/// The regular expression of `=~`, or of `contains`.
pub(super) fn regex(operator: Operator, text: &str) -> Result<Regex, ValueError> {
    let pattern = match operator {
        Operator::Contains => regex::escape(text),
        _ => text.to_owned(),
    };
    let regex = RegexBuilder::new(&pattern)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .build();
    regex.map_err(|error| {
        let text = error.to_string();
        // The last line says what is wrong, those before show where, over several lines.
        let last = text.lines().last().unwrap_or_default();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        ValueError::new(format!("no regular expression: {why}"))
    })
}

/// Adds an address or a network.
pub(super) fn address(text: &str, to: &mut Addresses) -> Result<(), ValueError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        to.exact.push(address);
        return Ok(());
    }
    match text.parse::<IpNet>() {
        Ok(network) => to.networks.push(network),
        Err(_) if text.contains('/') => {
            return Err(ValueError::new(format!(
                "`{text}` is not a network (`10.0.0.0/8`, `fd00::/8`)"
            )));
        }
        Err(_) => {
            return Err(ValueError::new(format!(
                "`{text}` is neither an address (`10.0.0.1`, `fd00::1`) nor a network (`10.0.0.0/8`)"
            )));
        }
    }
    Ok(())
}

pub(super) fn boolean(text: &str) -> Result<bool, ValueError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(ValueError::new(format!(
            "expected `true` or `false`, found `{text}`"
        ))),
    }
}

/// `syn,ack`, `syn+ack`, `none`.
pub(super) fn flags(text: &str) -> Result<u16, ValueError> {
    if text.is_empty() || text.eq_ignore_ascii_case("none") {
        return Ok(0);
    }
    let known = crate::format::FLAGS;
    text.split([',', '+', '|', ' '])
        .filter(|name| !name.is_empty())
        .try_fold(0, |bits, name| {
            let found = known
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, bit)| bits | bit).ok_or_else(|| ValueError {
                message: format!("`{name}` is not a TCP flag"),
                suggestion: closest(name, known.iter().map(|(name, _)| *name))
                    .map(str::to_lowercase),
            })
        })
}

/// `drop`, `trace:to-endpoint`, `5:1`, `any:3`.
pub(super) fn event_type(text: &str) -> Result<(Option<i32>, Option<i32>), ValueError> {
    let (kind, sub) = match text.split_once(':') {
        Some((kind, sub)) => (kind, Some(sub)),
        None => (text, None),
    };
    if kind.eq_ignore_ascii_case("any") {
        let sub = sub.map(str::parse::<i32>).transpose();
        return match sub {
            Ok(sub) => Ok((None, sub)),
            Err(_) => Err(ValueError::new(format!(
                "`{text}` is not a number after `any:`"
            ))),
        };
    }
    match crate::filter::event_type(&text.to_ascii_lowercase()) {
        Ok(filter) => {
            let kind = (filter.r#type != 0).then_some(filter.r#type);
            Ok((kind, filter.match_sub_type.then_some(filter.sub_type)))
        }
        Err(_) => {
            let points = crate::monitor_api::observation_points();
            let meant = match (kind, sub) {
                ("trace", Some(sub)) => {
                    closest(sub, points).map(|point| quote(&format!("trace:{point}")))
                }
                _ => closest(kind, event::NAMES.iter().map(|(name, _)| *name)).map(str::to_owned),
            };
            Err(ValueError {
                message: format!("`{text}` is not an event type"),
                suggestion: meant,
            })
        }
    }
}

/// A value as the language takes it: in quotes, unless it is a plain word.
pub fn quote(text: &str) -> String {
    match !text.is_empty() && text.chars().all(super::is_word) {
        true => text.to_owned(),
        false => in_quotes(text),
    }
}

/// A value in quotes.
pub(super) fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
