//! How attributes are read.

use percent_encoding::percent_decode_str;
use proto::flow::layer7::Record;
use proto::flow::{Dns, Http, Verdict};

use crate::view::{Extension, FlowView, Side};

/// What is called on each text, until it says true.
pub(super) type AnyText<'a> = &'a mut dyn FnMut(&str) -> bool;
/// What is called on each namespace (or kind) and name, until it says true.
pub(super) type AnyPair<'a> = &'a mut dyn FnMut(&str, &str) -> bool;

/// How an attribute is read, and so by which question it is compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    /// Not at all: no expression asks for it.
    No,
    /// By a question of its own.
    Special,
    /// Yes or no.
    Bool(fn(&dyn FlowView) -> Option<bool>),
    /// A number; `None` if there is none.
    Number(fn(&dyn FlowView, Side) -> Option<u64>),
    /// Texts.
    Text(fn(&dyn FlowView, Side, AnyText<'_>) -> bool),
    /// Texts that are two, a namespace (or kind) and a name, and are so for tests, too.
    Pair(fn(&dyn FlowView, Side, AnyPair<'_>) -> bool),
}

/// A number of what only our own servers say.
pub(super) fn extension(
    flow: &dyn FlowView,
    read: fn(&Extension<'_>) -> Option<u64>,
) -> Option<u64> {
    Extension::read(flow, read).flatten()
}

fn record(flow: &dyn FlowView) -> Option<&Record> {
    flow.l7()?.record.as_ref()
}

pub(super) fn http(flow: &dyn FlowView) -> Option<&Http> {
    match record(flow) {
        Some(Record::Http(http)) => Some(http),
        Some(Record::Dns(_) | Record::Kafka(_)) | None => None,
    }
}

pub(super) fn dns(flow: &dyn FlowView) -> Option<&Dns> {
    match record(flow) {
        Some(Record::Dns(dns)) => Some(dns),
        Some(Record::Http(_) | Record::Kafka(_)) | None => None,
    }
}

/// A text, if it is not empty.
pub(super) fn text(text: &str, is: AnyText<'_>) -> bool {
    !text.is_empty() && is(text)
}

/// Labels, with and without their sources.
pub(super) fn labels(flow: &dyn FlowView, side: Side, is: AnyText<'_>) -> bool {
    flow.any_label(side, &mut |label| is(label) || is(without_source(label)))
}

/// Label without its source.
fn without_source(label: &str) -> &str {
    let name = label.find('=').unwrap_or(label.len());
    label[..name]
        .find(':')
        .map_or(label, |colon| &label[colon + 1..])
}

/// The policies that decided.
pub(super) fn policies(flow: &dyn FlowView, is: AnyPair<'_>) -> bool {
    let dropped = flow.verdict() == Verdict::Dropped;
    let explained = Extension::read(flow, |extension| {
        extension.explaining(dropped).any(|(_, decided)| {
            decided
                .rules
                .any(&mut |rule| is(rule.policy.namespace, rule.policy.name))
        })
    });
    explained.unwrap_or_else(|| flow.any_policy(&mut |policy| is(policy.namespace, policy.name)))
}

/// The path in `url`, unescaped; `None` if it is no URL.
pub(crate) fn url_path(url: &str) -> Option<String> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let plain = &url[..end];
    if plain.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return None;
    }
    let path = match plain.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        // A scheme can't be told from a first segment with a colon.
        None if plain.split('/').next().is_some_and(|s| s.contains(':')) => return None,
        None => plain,
    };
    let is_escape = |digits: Option<&[u8]>| {
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    path.split('%')
        .skip(1)
        .all(|after| is_escape(after.as_bytes().get(..2)))
        .then(|| percent_decode_str(path).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (url, path) in [
            ("http://h:80/a/b?q=1#f", Some("/a/b")),
            ("/a%20b", Some("/a b")),
            ("http://h", Some("")),
            ("/a%2", None),
            ("/a%zz", None),
            ("/a%+f", None),
            ("a:b/c", None),
            ("not a url", Some("not a url")),
        ] {
            assert_eq!(url_path(url).as_deref(), path, "{url}");
        }
    }

    #[test]
    fn labels_lose_their_source() {
        for (label, without) in [
            ("k8s:app=a:b", "app=a:b"),
            ("app=a:b", "app=a:b"),
            ("reserved:world", "world"),
        ] {
            assert_eq!(without_source(label), without);
        }
    }
}
