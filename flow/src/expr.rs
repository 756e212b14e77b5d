//! The expression language of filters: `verdict == DROPPED and (src.pod ~ "prod/*" or dst.port in
//! {53, 443}) and not reply`. Grammar and fields stand in docs/FILTERS.md.
//!
//! ```text
//!   text --lex--> tokens --parse--> Expr, with places --compile--> Filter --Display--> text
//!                   \--complete--> what may stand at the cursor
//! ```
//!
//! The parser is written by hand: completion and errors need the same tokens with their places as the
//! parser does, and to know at each what may follow.

mod comparison;
mod compile;
mod complete;
mod display;
mod error;
mod lex;
mod literals;
mod name;
mod parse;
mod value;

use std::ops::Range;

use crate::attribute::Attribute;
use crate::filter::Filter;
use crate::spelling::closest;

pub use complete::{Completion, NoValues, Values, complete};
pub use error::ExprError;
pub(crate) use lex::is_word;
pub use value::quote;

/// The field whose name is most like this one.
pub(crate) fn nearest_field(name: &str) -> Option<&'static str> {
    let fields = Attribute::fields();
    let names = fields.clone().map(|field| field.name);
    closest(
        name,
        names.chain(fields.flat_map(|field| field.aliases.iter().copied())),
    )
}

/// Whether a word is a field, or can only be a mistyped one: `src.prt`.
fn is_like_a_field(word: &str) -> bool {
    if Attribute::field(word).is_some() {
        return true;
    }
    let Some((group, _)) = word.split_once('.') else {
        return false;
    };
    let is_end = ["src", "dst", "source", "destination"]
        .iter()
        .any(|end| group.eq_ignore_ascii_case(end));
    let is_group = || {
        Attribute::fields().any(|field| {
            let known = field.name.split_once('.');
            known.is_some_and(|(known, _)| known.eq_ignore_ascii_case(group))
        })
    };
    is_end || is_group() && nearest_field(word).is_some()
}

/// Longest expression, in bytes.
pub const MAX_LENGTH: usize = 16 << 10;
/// Deepest nesting of parentheses and negations.
pub const MAX_DEPTH: usize = 64;

/// Bytes of the text.
pub(crate) type Span = Range<usize>;

impl Filter {
    /// Reads an expression; one of white space only is always true.
    ///
    /// # Errors
    /// What can't be understood, and where.
    pub fn parse_expr(text: &str) -> Result<Self, ExprError> {
        match parse::parse(text)? {
            Some(expr) => compile::filter(text, expr),
            None => Ok(Self::default()),
        }
    }
}

impl std::str::FromStr for Filter {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        Self::parse_expr(text)
    }
}
