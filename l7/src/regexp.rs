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
/// Bytes that an expression may take compiled: the first of these that is enough is what it is taken to cost.
const COMPILED: [usize; 3] = [8 << 10, 32 << 10, 128 << 10];
/// Bytes of what an expression keeps of its last matches, for each thread that matches.
const MAX_CACHE: usize = 64 << 10;
/// Most bytes that all expressions of a node may cost.
pub const MAX_ALL: usize = 128 << 20;

/// An expression that matches whole strings. A clone shares its memory.
#[derive(Clone, Debug)]
pub struct Regexp {
    text: Arc<str>,
    form: Form,
    /// Bytes, at most.
    cost: usize,
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
    /// Together with the others, more than [`MAX_ALL`].
    #[error("all expressions together are too large, more than {} MiB compiled", MAX_ALL >> 20)]
    AllTooLarge,
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
        let (form, compiled) = match parser::translate(text)? {
            parser::Translated::Literal(literal) => (Form::Literal(literal.into()), 0),
            parser::Translated::Regex(translated) => {
                let (regex, size) = compile(&translated).map_err(whole)?;
                (Form::Regex(regex), size)
            }
        };
        Ok(Self {
            text: text.into(),
            form,
            cost: compiled.saturating_add(text.len().saturating_mul(2)),
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

/// Compiles what was translated; and how many bytes are enough for it.
fn compile(translated: &str) -> Result<(bytes::Regex, usize), ErrorCode> {
    for size in COMPILED {
        let regex = bytes::RegexBuilder::new(&format!(r"\A(?:{translated})\z"))
            .size_limit(size)
            .dfa_size_limit(MAX_CACHE)
            .nest_limit(200)
            .build();
        let error = match regex {
            Ok(regex) => return Ok((regex, size)),
            Err(regex::Error::CompiledTooBig(_)) => continue,
            Err(error) => error.to_string(),
        };
        // What else it is, `regex` tells in words alone, behind the expression.
        let (_, error) = error.rsplit_once("error: ").unwrap_or_default();
        return Err(if error.contains("nest") {
            ErrorCode::TooDeep
        } else if error.contains("Unicode property") {
            ErrorCode::CharacterRange
        } else {
            ErrorCode::Unsupported
        });
    }
    Err(ErrorCode::TooLarge)
}

/// Compiles each text once: policies repeat themselves, and so does each state of them the one before.
#[derive(Clone, Debug)]
pub struct Regexps {
    compiled: HashMap<Arc<str>, Regexp>,
    /// Those of the state before, which cost nothing until they are wanted.
    before: HashMap<Arc<str>, Regexp>,
    /// Bytes that may still be used.
    left: usize,
}

impl Default for Regexps {
    fn default() -> Self {
        Self::with_limit(MAX_ALL)
    }
}

impl Regexps {
    /// None, and so many bytes for all.
    #[must_use]
    pub fn with_limit(bytes: usize) -> Self {
        Self {
            compiled: HashMap::new(),
            before: HashMap::new(),
            left: bytes,
        }
    }

    /// None, but those of the state before are at hand.
    #[must_use]
    pub fn after(&self) -> Self {
        Self {
            before: self.compiled.clone(),
            ..Self::default()
        }
    }

    /// Without what isn't wanted any more.
    #[must_use]
    pub fn done(self) -> Self {
        Self {
            before: HashMap::new(),
            ..self
        }
    }

    /// As [`Regexp::new`].
    ///
    /// # Errors
    /// As [`Regexp::new`], and if all together are too large.
    pub fn get(&mut self, text: &str) -> Result<Regexp, RegexpError> {
        if let Some(known) = self.compiled.get(text) {
            return Ok(known.clone());
        }
        let regexp = match self.before.get(text) {
            Some(known) => known.clone(),
            None => Regexp::new(text)?,
        };
        self.left = self.left.checked_sub(regexp.cost).ok_or(RegexpError {
            code: ErrorCode::AllTooLarge,
            part: text.into(),
        })?;
        self.compiled.insert(regexp.text.clone(), regexp.clone());
        Ok(regexp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(regexps: &mut Regexps, text: &str) -> Result<Regexp, ErrorCode> {
        regexps.get(text).map_err(|error| error.code)
    }

    fn is_same(a: &Result<Regexp, ErrorCode>, b: &Result<Regexp, ErrorCode>) -> bool {
        matches!((a, b), (Ok(a), Ok(b)) if Arc::ptr_eq(&a.text, &b.text))
    }

    #[test]
    fn the_next_state_takes_what_it_has_in_common() {
        let mut one = Regexps::default();
        let (kept, left) = (get(&mut one, "/a.*"), get(&mut one, "/b.*"));
        assert!(is_same(&kept, &get(&mut one, "/a.*")));
        let mut two = one.after();
        assert!(is_same(&kept, &get(&mut two, "/a.*")));
        // What the state between doesn't have is gone.
        let mut three = two.done().after();
        assert!(is_same(&kept, &get(&mut three, "/a.*")));
        assert!(!is_same(&left, &get(&mut three, "/b.*")));
    }

    #[test]
    fn all_together_have_a_limit() {
        let mut regexps = Regexps::with_limit(20 << 10);
        for text in ["/a.*", "/a.*", "/b.*", "/plain"] {
            assert!(get(&mut regexps, text).is_ok(), "{text}");
        }
        let error = regexps.get("/c.*").err();
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some(
                "error parsing regexp: all expressions together are too large, more than 128 MiB \
                 compiled: `/c.*`"
            )
        );
        // One that is known costs nothing, and a failure takes nothing away.
        assert!(get(&mut regexps, "/a.*").is_ok());
        assert!(get(&mut regexps, "/d").is_ok());
    }
}
