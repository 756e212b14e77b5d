//! What can be wrong with a filter. The texts are those of Hubble v1.19.4, which tools print as
//! they are.

use super::cel::CelError;
use super::selector::SelectorError;

/// Why a filter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// An empty pod, service or cluster name.
    #[error("invalid filter, name must not be empty")]
    EmptyName,
    /// The same in a service filter.
    #[error("invalid {side} service filter: invalid filter, name must not be empty")]
    Service {
        /// `source` or `destination`.
        side: &'static str,
    },
    /// Not an address.
    #[error("invalid IP address \"{text}\" in filter: {why}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not an address and a length.
    #[error("invalid IP prefix \"{text}\" in filter: {why}")]
    Prefix {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not a port.
    #[error("invalid {side} port filter: invalid port \"{text}\": {why}")]
    Port {
        /// `source` or `destination`.
        side: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: NotANumber,
    },
    /// Not a protocol's name.
    #[error("invalid protocol filter: unknown protocol: \"{0}\"")]
    Protocol(String),
    /// A label selector that can't be read.
    #[error("invalid {what} label filter: {why}")]
    Labels {
        /// `source`, `destination` or `node`.
        what: &'static str,
        /// What is wrong with it.
        why: SelectorError,
    },
    /// A pattern without a character.
    #[error("empty pattern")]
    EmptyPattern,
    /// A pattern ends in more than one dot.
    #[error("multiple trailing dots in pattern")]
    TrailingDots,
    /// A character that no name has.
    #[error("'{0}': invalid rune in pattern")]
    Rune(char),
    /// A node pattern with more than a cluster and a node.
    #[error("too many slashes in pattern")]
    Slashes,
    /// A question about HTTP beside an event type that has no HTTP.
    #[error("filtering by {0} requires the event type filter to only match 'l7' events")]
    NotL7(&'static str),
    /// Not a status code nor the beginning of one.
    #[error("invalid http status code filter: invalid status code prefix: \"{0}\"")]
    Status(String),
    /// A regular expression that can't be read.
    #[error("invalid {what} filter: {text}: {why}")]
    Regex {
        /// `http path` or `http url`.
        what: &'static str,
        /// The expression.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// An expression in CEL that can't be read.
    #[error(transparent)]
    Cel(#[from] CelError),
    /// More such expressions than are evaluated.
    #[error("more than {0} CEL expressions in one filter")]
    ManyCels(usize),
    /// The same, for DNS queries.
    #[error("invalid DNS query filter: failed to compile regexp: {0}")]
    Query(String),
}

/// Text that is not an unsigned number, said as Go's `strconv` says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("strconv.ParseUint: parsing \"{text}\": {}", if *.range { "value out of range" } else { "invalid syntax" })]
pub struct NotANumber {
    text: String,
    range: bool,
}

impl NotANumber {
    /// Reads a decimal number up to `max`.
    pub(crate) fn read(text: &str, max: u64) -> Result<u64, Self> {
        let error = |range| Self {
            text: text.to_owned(),
            range,
        };
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error(false));
        }
        match text.parse::<u64>() {
            Ok(number) if number <= max => Ok(number),
            Ok(_) | Err(_) => Err(error(true)),
        }
    }

    /// Reads a number as Go reads a literal: `0x`, `0o`, `0b`, a leading 0 for octal, `_` between
    /// digits of a literal with a prefix.
    pub(crate) fn read_literal(text: &str, max: u64) -> Result<u64, Self> {
        let error = |range| Self {
            text: text.to_owned(),
            range,
        };
        let lower = text.to_ascii_lowercase();
        let (digits, radix) = if let Some(hex) = lower.strip_prefix("0x") {
            (hex, 16)
        } else if let Some(octal) = lower.strip_prefix("0o") {
            (octal, 8)
        } else if let Some(binary) = lower.strip_prefix("0b") {
            (binary, 2)
        } else if lower.len() > 1 && lower.starts_with('0') {
            (&lower[1..], 8)
        } else {
            (lower.as_str(), 10)
        };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(error(false));
        }
        match u64::from_str_radix(digits, radix) {
            Ok(number) if number <= max => Ok(number),
            Ok(_) | Err(_) => Err(error(true)),
        }
    }
}
