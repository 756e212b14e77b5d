//! Words, texts in quotes, and operators.

use super::{ExprError, Span};

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A field, a keyword, a value: which one, its place says.
    Word(String),
    /// A value in quotes.
    Quoted(String),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `{`
    OpenSet,
    /// `}`
    CloseSet,
    /// `,`
    Comma,
    /// `!`
    Bang,
    /// `&&`
    And,
    /// `||`
    Or,
    /// A comparison.
    Operator(Operator),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
    /// `~`
    Like,
    /// `!~`
    Unlike,
    /// `=~`
    Regex,
    /// `in`
    In,
    /// `contains`
    Contains,
}

impl Operator {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Like => "~",
            Self::Unlike => "!~",
            Self::Regex => "=~",
            Self::In => "in",
            Self::Contains => "contains",
        }
    }
}

/// The words that mean something between fields and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    Has,
    True,
    False,
    Operator(Operator),
}

impl Keyword {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "and" => Self::And,
            "or" => Self::Or,
            "not" => Self::Not,
            "has" | "exists" => Self::Has,
            "true" => Self::True,
            "false" => Self::False,
            "in" => Self::Operator(Operator::In),
            "matches" => Self::Operator(Operator::Regex),
            "contains" => Self::Operator(Operator::Contains),
            _ => return None,
        })
    }
}

/// Whether the character can stand in a word.
pub(crate) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || "_.:/*?+-@%".contains(char)
}

/// A token and its place.
pub(super) type Spanned = (Token, Span);

/// The tokens up to what is none, and that.
pub(super) fn tokens(text: &str) -> (Vec<Spanned>, Option<ExprError>) {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.is_empty() {
            return (tokens, None);
        }
        match token(trimmed) {
            Ok((token, length)) => {
                tokens.push((token, at..at + length));
                at += length;
            }
            Err((length, message)) => {
                return (
                    tokens,
                    Some(ExprError::new(text, &(at..at + length), message)),
                );
            }
        }
    }
}

/// The token at the beginning, and its length.
fn token(text: &str) -> Result<(Token, usize), (usize, String)> {
    const SIGNS: [(&str, Token); 18] = [
        ("&&", Token::And),
        ("||", Token::Or),
        ("==", Token::Operator(Operator::Equal)),
        ("=~", Token::Operator(Operator::Regex)),
        ("!=", Token::Operator(Operator::NotEqual)),
        ("!~", Token::Operator(Operator::Unlike)),
        ("<=", Token::Operator(Operator::AtMost)),
        (">=", Token::Operator(Operator::AtLeast)),
        ("=", Token::Operator(Operator::Equal)),
        ("<", Token::Operator(Operator::Less)),
        (">", Token::Operator(Operator::More)),
        ("~", Token::Operator(Operator::Like)),
        ("!", Token::Bang),
        ("(", Token::Open),
        (")", Token::Close),
        ("{", Token::OpenSet),
        ("}", Token::CloseSet),
        (",", Token::Comma),
    ];
    for (operator, token) in SIGNS {
        if text.starts_with(operator) {
            return Ok((token, operator.len()));
        }
    }
    match text.chars().next() {
        Some('"') => quoted(text),
        Some('\'') => match text[1..].find('\'') {
            Some(end) => Ok((Token::Quoted(text[1..=end].to_owned()), end + 2)),
            None => Err((text.len(), "this ' has no second one".to_owned())),
        },
        Some(first) if is_word(first) => {
            let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
            Ok((Token::Word(text[..end].to_owned()), end))
        }
        Some(other) => Err((
            other.len_utf8(),
            format!("`{}` means nothing here", other.escape_debug()),
        )),
        None => Err((0, "something is missing".to_owned())),
    }
}

/// A text between double quotes; a backslash takes a quote's or a backslash's meaning away, and
/// stays before anything else, as regular expressions need it.
fn quoted(text: &str) -> Result<(Token, usize), (usize, String)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((Token::Quoted(content), at + 1)),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => content.push(escaped),
                None => content.push('\\'),
            },
            char => content.push(char),
        }
    }
    Err((text.len(), "this \" has no second one".to_owned()))
}
