//! What of a request doesn't fit a rule: found without a copy, and told of the one rule that is named.

use std::borrow::Cow;
use std::fmt;

use super::spec::SecretRef;

/// A condition of a rule that doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The method.
    Method,
    /// The path.
    Path,
    /// The host.
    Host,
    /// That of `headers` with this index.
    Header(usize, Fault),
    /// That of `headerMatches` with this index.
    HeaderMatch(usize, Fault),
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It isn't there.
    Missing,
    /// It has another value.
    Value,
    /// The secret with its value isn't there.
    NoSecret,
    /// The secret's value is none that a header has.
    BadSecret,
    /// There is another header that a server may take for it.
    Twin,
}

/// What of a request doesn't fit a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A part that has one value.
    Part {
        /// `method`, `path` or `host`.
        part: &'static str,
        /// The request's, escaped and cut to be read.
        is: Box<str>,
        /// The rule's, as written.
        wanted: Box<str>,
        /// Whether that is a plain text rather than an expression.
        is_literal: bool,
    },
    /// A header that isn't there.
    Missing {
        /// Name of the header.
        header: Box<str>,
    },
    /// A header with another value, or with another one among its lines. Values may be secret: not told.
    Value {
        /// Name of the header.
        header: Box<str>,
    },
    /// A header whose expected value is in a secret that isn't there, or can't be a header's value.
    Secret {
        /// Name of the header.
        header: Box<str>,
        /// The secret.
        secret: SecretRef,
        /// Whether it is there.
        is_there: bool,
    },
    /// A header that a server may take for the rule's.
    Twin {
        /// Name of the rule's header.
        header: Box<str>,
        /// Name of the request's.
        twin: Box<str>,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part {
                part,
                is,
                wanted,
                is_literal,
            } => {
                let verb = if *is_literal {
                    "is not"
                } else {
                    "does not match"
                };
                write!(f, "{part} {is} {verb} {wanted}")
            }
            Self::Missing { header } => write!(f, "header {header} is missing"),
            Self::Value { header } => write!(f, "header {header} has another value"),
            Self::Secret {
                header,
                secret,
                is_there,
            } => {
                write!(f, "the value of header {header} is not known: secret ")?;
                if !secret.namespace.is_empty() {
                    write!(f, "{}/", secret.namespace)?;
                }
                let wrong = match is_there {
                    true => "has a control character in it, a line end perhaps",
                    false => "is missing",
                };
                write!(f, "{} {wrong}", secret.name)
            }
            Self::Twin { header, twin } => {
                write!(f, "header {twin} may be taken for {header}")
            }
        }
    }
}

/// Bytes of a request in a sentence.
pub(super) fn shown(bytes: &[u8]) -> Box<str> {
    const MOST: usize = 256;
    let cut = bytes.get(..MOST).unwrap_or(bytes);
    let text: Cow<'_, str> = String::from_utf8_lossy(cut);
    let mut shown: String = text
        .chars()
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect();
    if cut.len() < bytes.len() {
        shown.push('…');
    }
    if shown.is_empty() {
        shown.push_str("(empty)");
    }
    shown.into()
}
