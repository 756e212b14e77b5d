//! Hubble's filter flags, in the order in which they stand on the command line, as lists of filters.
//!
//! There are two pairs of filters, one for plain flags and one for those after `--not`. A flag about
//! one side of a flow, or about none, goes into both filters of its pair; one about either side
//! (`--pod`) puts the source into the left one and the destination into the right one. A pair is
//! sent as one filter if both are equal, else as two.

mod catalogue;
mod tracker;
mod value;

use proto::flow::FlowFilter;
use proto::json::{self, ReadError, Unknown};

pub use catalogue::{FLAGS, Flag};
use tracker::Tracker;
pub use value::ValueError;

/// Flags as they come.
#[derive(Debug, Default)]
pub struct FilterFlags {
    not: bool,
    plain: Tracker,
    negated: Tracker,
    allow: Vec<FlowFilter>,
    deny: Vec<FlowFilter>,
}

/// The lists of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lists {
    /// A flow must match one of these, if there are any.
    pub whitelist: Vec<FlowFilter>,
    /// A flow must match none of these.
    pub blacklist: Vec<FlowFilter>,
}

/// Why flags were refused; the texts are Hubble's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// A value that doesn't fit its flag.
    #[error("invalid argument \"{value}\" for \"{}\" flag: {why}", Flag::display(.flag))]
    Value {
        /// Name, without dashes.
        flag: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: ValueError,
    },
    /// Not a filter flag.
    #[error("unknown flag: --{0}")]
    Unknown(String),
    /// Nothing follows the last `--not`.
    #[error("trailing --not found in the arguments")]
    TrailingNot,
    /// Text that is no list of filters.
    #[error("invalid --{flag} flag: failed to decode '{text}': {why}")]
    Raw {
        /// `allowlist` or `denylist`.
        flag: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: ReadError,
    },
}

impl FlagError {
    /// What to write instead, if that can be said in a line.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Value { value, why, .. } => why.hint(value),
            Self::Unknown(_) | Self::TrailingNot | Self::Raw { .. } => None,
        }
    }
}

impl FilterFlags {
    /// Takes the next flag, named without dashes; one that needs no value has any. `not` is a flag
    /// like the others, and applies to the next one.
    ///
    /// # Errors
    /// See [`FlagError`]. What was taken before stays.
    pub fn set(&mut self, flag: &str, value: &str) -> Result<(), FlagError> {
        let error = |why| FlagError::Value {
            flag: flag.to_owned(),
            value: value.to_owned(),
            why,
        };
        match flag {
            "not" if self.not => return Err(error(ValueError::ConsecutiveNot)),
            "not" => {
                self.not = true;
                return Ok(());
            }
            "allowlist" => return raw("allowlist", value, &mut self.allow),
            "denylist" => return raw("denylist", value, &mut self.deny),
            _ => {}
        }
        let tracker = if std::mem::take(&mut self.not) {
            &mut self.negated
        } else {
            &mut self.plain
        };
        // `--from pod:shop/cart` is `--from-pod shop/cart`.
        let (name, what) = match (flag, value.split_once(':')) {
            ("from" | "to", Some((kind, what))) => (format!("{flag}-{kind}"), what),
            ("from" | "to", None) => return Err(error(ValueError::NoKind(value.to_owned()))),
            _ => (flag.to_owned(), value),
        };
        let known = FLAGS.iter().find(|known| known.name == name);
        match known {
            Some(known) => tracker.set(known.name, what).map_err(error),
            None if name == flag => Err(FlagError::Unknown(name)),
            None => Err(error(ValueError::NoKind(value.to_owned()))),
        }
    }

    /// The lists, when all flags have been taken.
    ///
    /// # Errors
    /// A `--not` without a flag behind it.
    pub fn finish(self) -> Result<Lists, FlagError> {
        if self.not {
            return Err(FlagError::TrailingNot);
        }
        let mut whitelist = self.plain.filters();
        whitelist.extend(self.allow);
        let mut blacklist = self.negated.filters();
        blacklist.extend(self.deny);
        Ok(Lists {
            whitelist,
            blacklist,
        })
    }
}

fn raw(flag: &'static str, text: &str, list: &mut Vec<FlowFilter>) -> Result<(), FlagError> {
    let filters = json::read_all(text, Unknown::Refuse).map_err(|why| FlagError::Raw {
        flag,
        text: text.to_owned(),
        why,
    })?;
    list.extend(filters);
    Ok(())
}

impl Lists {
    /// What `--print-raw-filters` prints.
    ///
    /// # Errors
    /// None that filters can cause.
    pub fn yaml(&self) -> std::io::Result<String> {
        let mut out = String::new();
        for (name, list) in [
            ("allowlist", &self.whitelist),
            ("denylist", &self.blacklist),
        ] {
            if !list.is_empty() {
                out.push_str(name);
                out.push_str(":\n");
            }
            for filter in list {
                let text = json::to_string(filter)?.replace('\'', "''");
                out.push_str("    - '");
                out.push_str(&text);
                out.push_str("'\n");
            }
        }
        if out.is_empty() {
            out.push_str("{}\n");
        }
        Ok(out)
    }
}
