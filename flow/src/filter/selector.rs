//! Label selectors in the text form of Kubernetes, with Cilium's label sources.

use std::fmt;

/// A label selector: all of its requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    /// Source of the label; `None` is any.
    source: Option<String>,
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

/// Text that is not a label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse requirement: {what} in \"{text}\"")]
pub struct SelectorError {
    what: String,
    text: String,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Token<'a> {
    Word(&'a str),
    Not,
    Equal,
    NotEqual,
    Open,
    Close,
    Comma,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Token::Word(word) => word,
            Token::Not => "!",
            Token::Equal => "=",
            Token::NotEqual => "!=",
            Token::Open => "(",
            Token::Close => ")",
            Token::Comma => ",",
        })
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '!' if rest[1..].starts_with('=') => (Token::NotEqual, 2),
            '!' => (Token::Not, 1),
            '=' if rest[1..].starts_with('=') => (Token::Equal, 2),
            '=' => (Token::Equal, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "!=(),".contains(c))
                    .unwrap_or(rest.len());
                (Token::Word(&rest[..end]), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Parser<'a> {
    text: &'a str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
}

impl<'a> Parser<'a> {
    fn error(&self, what: impl Into<String>) -> SelectorError {
        SelectorError {
            what: what.into(),
            text: self.text.to_owned(),
        }
    }

    fn unexpected(&self, token: Option<Token<'a>>, expected: &str) -> SelectorError {
        match token {
            Some(token) => self.error(format!("found '{token}', expected: {expected}")),
            None => self.error(format!("found '', expected: {expected}")),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = self.tokens.next_if_eq(&Token::Not).is_some();
        let key = match self.tokens.next() {
            Some(Token::Word(word)) => word,
            token => return Err(self.unexpected(token, "identifier")),
        };
        let (source, key) = match key.split_once(':') {
            Some(("any", key)) => (None, key),
            Some((source, key)) => (Some(source.to_owned()), key),
            None => (None, key),
        };
        self.check_key(key)?;
        let test = match self.tokens.peek().copied() {
            _ if absent => Test::Absent,
            None | Some(Token::Comma) => Test::Exists,
            Some(Token::Equal) => {
                self.tokens.next();
                Test::In(vec![self.value()?])
            }
            Some(Token::NotEqual) => {
                self.tokens.next();
                Test::NotIn(vec![self.value()?])
            }
            Some(Token::Word("in")) => {
                self.tokens.next();
                Test::In(self.values()?)
            }
            Some(Token::Word("notin")) => {
                self.tokens.next();
                Test::NotIn(self.values()?)
            }
            token => return Err(self.unexpected(token, "in, notin, =, ==, !=")),
        };
        Ok(Requirement {
            source,
            key: key.to_owned(),
            test,
        })
    }

    /// The value after an operator; none means the empty one.
    fn value(&mut self) -> Result<String, SelectorError> {
        match self.tokens.peek().copied() {
            Some(Token::Word(word)) => {
                self.tokens.next();
                self.check_value(word)?;
                Ok(word.to_owned())
            }
            None | Some(Token::Comma) => Ok(String::new()),
            token => Err(self.unexpected(token, "identifier")),
        }
    }

    /// `(a, b)`; nothing between two separators means the empty value.
    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        match self.tokens.next() {
            Some(Token::Open) => {}
            token => return Err(self.unexpected(token, "'('")),
        }
        let mut values = Vec::new();
        let mut last = String::new();
        loop {
            match self.tokens.next() {
                Some(Token::Word(word)) if last.is_empty() => {
                    self.check_value(word)?;
                    word.clone_into(&mut last);
                }
                Some(Token::Comma) => values.push(std::mem::take(&mut last)),
                Some(Token::Close) => {
                    values.push(last);
                    return Ok(values);
                }
                token => return Err(self.unexpected(token, "',' or ')'")),
            }
        }
    }

    /// Prefix and name of a qualified name.
    fn check_key(&self, key: &str) -> Result<(), SelectorError> {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if key.is_empty() || !key.chars().all(known) || key.matches('/').count() > 1 {
            return Err(self.error(format!("invalid label key \"{key}\"")));
        }
        Ok(())
    }

    fn check_value(&self, value: &str) -> Result<(), SelectorError> {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = |c: char| c.is_ascii_alphanumeric();
        if value.len() > 63
            || !value.chars().all(known)
            || !value.starts_with(ends)
            || !value.ends_with(ends)
        {
            return Err(self.error(format!("invalid label value \"{value}\"")));
        }
        Ok(())
    }
}

impl std::str::FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser {
            text,
            tokens: tokens(text).into_iter().peekable(),
        };
        let mut requirements = Vec::new();
        while parser.tokens.peek().is_some() {
            requirements.push(parser.requirement()?);
            match parser.tokens.next() {
                None => break,
                Some(Token::Comma) if parser.tokens.peek().is_some() => {}
                Some(Token::Comma) => return Err(parser.unexpected(None, "identifier after ','")),
                token => return Err(parser.unexpected(token, "',' or end of string")),
            }
        }
        Ok(Self(requirements))
    }
}

impl fmt::Display for Selector {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, requirement) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if requirement.test == Test::Absent {
                f.write_str("!")?;
            }
            if let Some(source) = &requirement.source {
                write!(f, "{source}:")?;
            }
            f.write_str(&requirement.key)?;
            match &requirement.test {
                Test::Exists | Test::Absent => {}
                Test::In(values) if values.len() == 1 => write!(f, "={}", values[0])?,
                Test::NotIn(values) if values.len() == 1 => write!(f, "!={}", values[0])?,
                Test::In(values) => write!(f, " in ({})", values.join(","))?,
                Test::NotIn(values) => write!(f, " notin ({})", values.join(","))?,
            }
        }
        Ok(())
    }
}

/// Source, key and value of a label; without a source that is empty.
fn split(label: &str) -> (&str, &str, &str) {
    let (name, value) = label.split_once('=').unwrap_or((label, ""));
    let (source, key) = name.split_once(':').unwrap_or(("", name));
    (source, key, value)
}

impl Selector {
    /// Whether it asks for nothing.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the labels fit. `labels` calls its argument on each label until that says true, and
    /// says whether it did.
    pub fn matches(&self, labels: impl Fn(&mut dyn FnMut(&str) -> bool) -> bool) -> bool {
        self.0.iter().all(|requirement| {
            // The first label of that key counts.
            let mut outcome = None;
            labels(&mut |label| {
                let (source, key, value) = split(label);
                let it = key == requirement.key
                    && requirement.source.as_ref().is_none_or(|s| s == source);
                if it {
                    outcome = Some(match &requirement.test {
                        Test::Exists => true,
                        Test::Absent => false,
                        Test::In(values) => values.iter().any(|v| v == value),
                        Test::NotIn(values) => values.iter().all(|v| v != value),
                    });
                }
                it
            });
            outcome.unwrap_or(match requirement.test {
                Test::Exists | Test::In(_) => false,
                Test::Absent | Test::NotIn(_) => true,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        let labels = [
            "k8s:app=cart",
            "k8s:tier=api",
            "reserved:world",
            "k8s:empty=",
        ];
        for (text, fits) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("!nope", true),
            ("app=cart", true),
            ("app==cart", true),
            ("app = cart , tier=api", true),
            ("app=cart,tier=web", false),
            ("app!=cart", false),
            ("nope!=cart", true),
            ("app in (x, cart)", true),
            ("app notin (x, cart)", false),
            ("nope notin (x)", true),
            ("k8s:app=cart", true),
            ("container:app=cart", false),
            ("any:app=cart", true),
            ("reserved:world", true),
            ("world", true),
            ("empty=", true),
            ("empty in ()", true),
            ("app=", false),
        ] {
            let selector: Selector = text.parse().unwrap();
            let fitted = selector.matches(|is| labels.iter().any(|label| is(label)));
            assert_eq!(fitted, fits, "{text}");
            let printed = selector.to_string();
            assert_eq!(printed.parse::<Selector>().unwrap(), selector, "{printed}");
        }
    }

    #[test]
    fn what_is_no_selector() {
        for text in [
            "=",
            "app=a b",
            "app in",
            "app in (a",
            "a,",
            ",a",
            "app=a:b",
            "app in a",
            "a(",
            "!",
            "a/b/c",
        ] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
