//! Regular expressions of policies: Go's and RE2's language, matched against a whole string.
//!
//! Cilium checks them with Go's `regexp` and matches them with RE2, which read one language; that of the
//! crate `regex` is another one that looks the same: `{id}` is text to the former and an error to the
//! latter, `\w` has Unicode's letters, `\<` is a border of words, `[a&&b]` a section. So the expression is
//! parsed here as Go does (go1.24, `regexp/syntax/parse.go`, flags `Perl`), with Go's errors, and written
//! out for `regex` in forms that can mean one thing only.

mod class;
mod parser;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use regex::bytes;

/// Most bytes of an expression.
pub const MAX_LENGTH: usize = 8 * 1024;
/// Most bytes that an expression may take compiled.
const MAX_COMPILED: usize = 1 << 20;

/// An expression that matches whole strings. A clone shares its memory.
#[derive(Clone, Debug)]
pub struct Regexp {
    text: Arc<str>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// Nothing in it is special: the one string that matches.
    Literal(Arc<str>),
    Regex(bytes::Regex),
}

/// Why a text is not an expression: what is wrong, as Go says it, and with which part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexpError {
    /// What is wrong.
    pub code: ErrorCode,
    /// The part that is, or the whole.
    pub part: Box<str>,
}

impl fmt::Display for RegexpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.code, self.part)
    }
}

impl std::error::Error for RegexpError {}

/// What can be wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorCode {
    /// A class of characters that isn't known.
    #[error("invalid character class range")]
    CharacterRange,
    /// A backslash before what it gives no meaning to, a backward reference for example.
    #[error("invalid escape sequence")]
    Escape,
    /// `(?` with what is not a flag.
    #[error("invalid or unsupported Perl syntax")]
    PerlSyntax,
    /// A name of a group that isn't one.
    #[error("invalid named capture")]
    NamedCapture,
    /// A repetition of a repetition.
    #[error("invalid nested repetition operator")]
    NestedRepetition,
    /// More than 1,000 repetitions, or least and most the wrong way round.
    #[error("invalid repeat count")]
    RepeatCount,
    /// A repetition of nothing.
    #[error("missing argument to repetition operator")]
    MissingArgument,
    /// A class without end.
    #[error("missing closing ]")]
    MissingBracket,
    /// A group without end.
    #[error("missing closing )")]
    MissingParenthesis,
    /// An end without a group.
    #[error("unexpected )")]
    UnexpectedParenthesis,
    /// A backslash at the end.
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    /// Longer than [`MAX_LENGTH`], or too much memory compiled.
    #[error("expression too large")]
    TooLarge,
    /// More groups inside each other than can be matched.
    #[error("expression nests too deeply")]
    TooDeep,
    /// Go takes it, but `regex` doesn't; `a(?i)*` for example.
    #[error("unsupported syntax")]
    Unsupported,
}

impl Regexp {
    /// Compiles an expression. It is anchored at both ends, whatever it says itself.
    ///
    /// # Errors
    /// If Go would refuse it, or it takes too much memory.
    pub fn new(text: &str) -> Result<Self, RegexpError> {
        let whole = |code| RegexpError {
            code,
            part: text.into(),
        };
        if text.len() > MAX_LENGTH {
            let mut part = text.chars().take(64).collect::<String>();
            part.push('…');
            return Err(RegexpError {
                part: part.into(),
                ..whole(ErrorCode::TooLarge)
            });
        }
        let form = match parser::translate(text)? {
            parser::Translated::Literal(literal) => Form::Literal(literal.into()),
            parser::Translated::Regex(translated) => {
                let regex = bytes::RegexBuilder::new(&format!(r"\A(?:{translated})\z"))
                    .size_limit(MAX_COMPILED)
                    .dfa_size_limit(MAX_COMPILED)
                    .nest_limit(200)
                    .build();
                Form::Regex(regex.map_err(|error| {
                    // What it is of the rest, `regex` tells in words alone.
                    let text = error.to_string();
                    whole(if matches!(error, regex::Error::CompiledTooBig(_)) {
                        ErrorCode::TooLarge
                    } else if text.contains("nest") {
                        ErrorCode::TooDeep
                    } else if text.contains("Unicode property") {
                        ErrorCode::CharacterRange
                    } else {
                        ErrorCode::Unsupported
                    })
                })?)
            }
        };
        Ok(Self {
            text: text.into(),
            form,
        })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The one string that matches, if there is nothing special in it.
    pub fn literal(&self) -> Option<&str> {
        match &self.form {
            Form::Literal(literal) => Some(literal),
            Form::Regex(_) => None,
        }
    }

    /// Whether it matches the whole of `bytes`.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match &self.form {
            Form::Literal(literal) => literal.as_bytes() == bytes,
            Form::Regex(regex) => regex.is_match(bytes),
        }
    }
}

impl fmt::Display for Regexp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Compiles each text once: policies repeat themselves.
#[derive(Debug, Default)]
pub struct Regexps {
    compiled: HashMap<Box<str>, Regexp>,
}

impl Regexps {
    /// As [`Regexp::new`].
    ///
    /// # Errors
    /// As [`Regexp::new`].
    pub fn get(&mut self, text: &str) -> Result<Regexp, RegexpError> {
        if let Some(known) = self.compiled.get(text) {
            return Ok(known.clone());
        }
        let regexp = Regexp::new(text)?;
        self.compiled.insert(text.into(), regexp.clone());
        Ok(regexp)
    }
}
