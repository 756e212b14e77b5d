//! A word by itself, which is searched for in names.

use std::net::IpAddr;

use ipnet::IpNet;

use super::lex::{Keyword, is_word};
use super::parse::Literal;
use super::value::in_quotes;
use super::{ExprError, is_like_a_field, quote};
use crate::attribute::AttributeId;
use crate::filter::{AnyName, Filter, Leaf};

/// The fields whose values a word is searched in.
pub(super) const SEARCHED: [&str; 6] = ["pod", "workload", "service", "ns", "fqdn", "policy"];

/// The filter of a word, or of a text in quotes.
pub(super) fn filter(text: &str, name: &Literal, quoted: bool) -> Result<Filter, ExprError> {
    let error = |message: String| ExprError::new(text, &name.span, message);
    if !quoted && let Some((what, meant)) = other_meaning(&name.text) {
        let message = format!(
            "`{}` is {what}; only in quotes is it a part of a name",
            name.text
        );
        return Err(error(message).meant(Some(meant)));
    }
    match AnyName::new(&name.text) {
        Some(name) => Ok(Filter::Leaf(Leaf::AnyName(name))),
        None if name.text.is_empty() => Err(error("a part of a name is missing".to_owned())),
        None => {
            let most = AnyName::MAX_LENGTH;
            Err(error(format!("longer than any name: {most} characters")))
        }
    }
}

/// As the language takes it for a part of a name.
pub(super) fn spelled(name: &str) -> String {
    let bare = !name.is_empty()
        && name.chars().all(is_word)
        && Keyword::of(name).is_none()
        && !is_like_a_field(name)
        && other_meaning(name).is_none();
    match bare {
        true => name.to_owned(),
        false => in_quotes(name),
    }
}

/// What a word is that would be found in no name, and the comparison that was meant.
fn other_meaning(word: &str) -> Option<(&'static str, String)> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(("a number", format!("port == {word}")));
    }
    if word.parse::<IpAddr>().is_ok() {
        return Some(("an address", format!("ip == {word}")));
    }
    if word.parse::<IpNet>().is_ok() {
        return Some(("a network", format!("ip in {word}")));
    }
    if let Some((name, port)) = word.rsplit_once(':')
        && !name.contains(':')
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        let meant = match name {
            "" => format!("port == {port}"),
            name if name.parse::<IpAddr>().is_ok() => format!("ip == {name} and port == {port}"),
            name => format!("{} and port == {port}", quote(name)),
        };
        return Some(("a name with a port", meant));
    }
    let verdict = match &*word.to_ascii_lowercase() {
        "dropped" | "denied" => Some("DROPPED"),
        "forwarded" | "allowed" => Some("FORWARDED"),
        _ => None,
    };
    if let Some(verdict) = verdict {
        return Some(("a verdict", format!("verdict == {verdict}")));
    }
    // Names of Kubernetes have no capitals.
    [
        (AttributeId::Verdict, "a verdict"),
        (AttributeId::Reason, "a reason"),
    ]
    .into_iter()
    .find_map(|(id, what)| {
        let field = id.attribute();
        let mut names = field.names().into_iter();
        let known = names.any(|(_, name, _)| name == word);
        known.then(|| (what, format!("{} == {}", field.name, quote(word))))
    })
}
