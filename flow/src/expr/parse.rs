//! From tokens to a tree: `or` binds loosest, then `and`, then `not`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, operators or tokens"
)]

use super::lex::{Keyword, Operator, Spanned, Token, tokens};
use super::{ExprError, MAX_DEPTH, MAX_LENGTH, Span, is_like_a_field};
use crate::attribute::{Attribute, ValueType};

/// A value, with its place.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) span: Span,
}

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Constant(bool),
    /// A text that a name has in it.
    Name {
        text: Literal,
        quoted: bool,
    },
    /// A field by itself.
    Bare(&'static Attribute),
    Has(&'static Attribute),
    Compare {
        field: &'static Attribute,
        operator: Operator,
        /// Where the operator stands.
        at: Span,
        values: Vec<Literal>,
    },
}

/// Reads a text; `None` if there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Expr>, ExprError> {
    if text.len() > MAX_LENGTH {
        let end = text.len();
        let message = format!("longer than {MAX_LENGTH} bytes");
        return Err(ExprError::new(text, &(end..end), message));
    }
    let (tokens, bad) = tokens(text);
    if tokens.is_empty() && bad.is_none() {
        return Ok(None);
    }
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        bad,
    };
    let expr = parser.any(0)?;
    match parser.peek() {
        None => parser.bad.map_or(Ok(Some(expr)), Err),
        Some((Token::Close, span)) => {
            let message = "no `(` belongs to this `)`";
            Err(ExprError::new(text, span, message))
        }
        Some(_) => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
    /// What stands behind the last token and is none.
    bad: Option<ExprError>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Spanned> {
        self.tokens.get(self.at)
    }

    fn next_if(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let found = self.peek().is_some_and(|(token, _)| wanted(token));
        if found {
            self.at += 1;
        }
        found
    }

    fn error(&self, span: &Span, message: impl Into<String>) -> ExprError {
        ExprError::new(self.text, span, message)
    }

    /// Something else stands here, or nothing.
    fn unexpected(&self, expected: &str) -> ExprError {
        match (self.peek(), &self.bad) {
            (Some((_, span)), _) => {
                let found = &self.text[span.clone()];
                self.error(span, format!("expected {expected}, found `{found}`"))
            }
            (None, Some(bad)) => bad.clone(),
            (None, None) => {
                let end = self.text.trim_end().len();
                self.error(&(end..end), format!("expected {expected}"))
            }
        }
    }

    fn keyword(&self) -> Option<Keyword> {
        match self.peek() {
            Some((Token::Word(word), _)) => Keyword::of(word),
            Some(_) | None => None,
        }
    }

    /// `a or b or c`
    fn any(&mut self, depth: usize) -> Result<Expr, ExprError> {
        let first = self.all(depth)?;
        let mut any = vec![first];
        while self.keyword() == Some(Keyword::Or) || self.peek().is_some_and(|t| t.0 == Token::Or) {
            self.at += 1;
            any.push(self.all(depth)?);
        }
        Ok(one_or(any, Expr::Any))
    }

    /// `a and b and c`
    fn all(&mut self, depth: usize) -> Result<Expr, ExprError> {
        let first = self.not(depth)?;
        let mut all = vec![first];
        while self.keyword() == Some(Keyword::And) || self.peek().is_some_and(|t| t.0 == Token::And)
        {
            self.at += 1;
            all.push(self.not(depth)?);
        }
        Ok(one_or(all, Expr::All))
    }

    fn not(&mut self, depth: usize) -> Result<Expr, ExprError> {
        if depth >= MAX_DEPTH
            && let Some((_, span)) = self.peek()
        {
            let message = format!("nested deeper than {MAX_DEPTH}");
            return Err(self.error(span, message));
        }
        if self.keyword() == Some(Keyword::Not) || self.peek().is_some_and(|t| t.0 == Token::Bang) {
            self.at += 1;
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if let Some((Token::Open, open)) = self.peek().cloned() {
            self.at += 1;
            let inner = self.any(depth + 1)?;
            if !self.next_if(|token| *token == Token::Close) {
                return Err(match self.peek() {
                    Some(_) => self.unexpected("`and`, `or` or `)`"),
                    None if self.bad.is_some() => self.unexpected("`)`"),
                    None => self.error(&open, "this `(` is not closed"),
                });
            }
            return Ok(inner);
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Expr, ExprError> {
        match self.keyword() {
            Some(Keyword::True | Keyword::False) => {
                let constant = self.keyword() == Some(Keyword::True);
                self.at += 1;
                return Ok(Expr::Constant(constant));
            }
            Some(Keyword::Has) => {
                self.at += 1;
                let open = self.next_if(|token| *token == Token::Open);
                let field = self.field()?;
                if open && !self.next_if(|token| *token == Token::Close) {
                    return Err(self.unexpected("`)`"));
                }
                return Ok(Expr::Has(field));
            }
            Some(_) | None => {}
        }
        if let Some(name) = self.name() {
            return Ok(name);
        }
        let field = self.field()?;
        let negated_in = self.keyword() == Some(Keyword::Not)
            && matches!(self.tokens.get(self.at + 1), Some((Token::Word(word), _))
                if Keyword::of(word) == Some(Keyword::Operator(Operator::In)));
        self.at += usize::from(negated_in);
        let Some((operator, at)) = self.operator() else {
            return match field.value_type {
                ValueType::Bool => Ok(Expr::Bare(field)),
                _ => Err(self.no_operator(field)),
            };
        };
        self.at += 1;
        let values = self.values()?;
        let compare = Expr::Compare {
            field,
            operator,
            at,
            values,
        };
        Ok(match negated_in {
            true => Expr::Not(Box::new(compare)),
            false => compare,
        })
    }

    /// A text by itself that is not a field: a part of some name. In front of a comparison, it was meant
    /// for a field.
    fn name(&mut self) -> Option<Expr> {
        let (quoted, text, span) = match self.peek()? {
            (Token::Quoted(text), span) => (true, text.clone(), span.clone()),
            (Token::Word(word), span) if Keyword::of(word).is_none() && !is_like_a_field(word) => {
                (false, word.clone(), span.clone())
            }
            _ => return None,
        };
        self.at += 1;
        let is_not = self.keyword() == Some(Keyword::Not);
        let is_called = self.peek().is_some_and(|(token, _)| *token == Token::Open);
        if self.operator().is_some() || is_not || is_called {
            self.at -= 1;
            return None;
        }
        let text = Literal { text, span };
        Some(Expr::Name { text, quoted })
    }

    fn operator(&self) -> Option<(Operator, Span)> {
        let (token, span) = self.peek()?;
        let operator = match (token, self.keyword()) {
            (Token::Operator(operator), _) => *operator,
            (_, Some(Keyword::Operator(operator))) => operator,
            _ => return None,
        };
        Some((operator, span.clone()))
    }

    fn no_operator(&self, field: &Attribute) -> ExprError {
        let error = self.unexpected("a comparison (`==`, `!=`, `~`, `in`, ...)");
        if self.peek().is_none() && self.bad.is_none() {
            let name = field.name;
            let message = format!(
                "`{name}` needs a comparison (`==`, `!=`, `~`, `in`, ...); in quotes it is a part of a name"
            );
            return ExprError { message, ..error };
        }
        error
    }

    fn field(&mut self) -> Result<&'static Attribute, ExprError> {
        let Some((Token::Word(word), span)) = self.peek() else {
            return Err(self.unexpected("a field"));
        };
        let Some(field) = Attribute::field(word) else {
            let unknown = self.error(span, format!("unknown field `{word}`"));
            if Keyword::of(word).is_some() {
                return Err(self.unexpected("a field"));
            }
            return Err(unknown.meant(super::nearest_field(word)));
        };
        self.at += 1;
        Ok(field)
    }

    /// One value, or several in braces.
    fn values(&mut self) -> Result<Vec<Literal>, ExprError> {
        let Some((Token::OpenSet, open)) = self.peek().cloned() else {
            return Ok(vec![self.value()?]);
        };
        self.at += 1;
        let mut values = Vec::new();
        loop {
            if self.next_if(|token| *token == Token::CloseSet) {
                return Ok(values);
            }
            values.push(self.value()?);
            if !self.next_if(|token| *token == Token::Comma)
                && !self
                    .peek()
                    .is_some_and(|(token, _)| *token == Token::CloseSet)
            {
                return Err(match self.peek() {
                    None if self.bad.is_none() => self.error(&open, "this `{` is not closed"),
                    _ => self.unexpected("`,` or `}`"),
                });
            }
        }
    }

    fn value(&mut self) -> Result<Literal, ExprError> {
        let (text, span) = match self.peek() {
            Some((Token::Word(text) | Token::Quoted(text), span)) => (text.clone(), span.clone()),
            Some((Token::Open, _)) => {
                return Err(self.unexpected("a value, or several in braces as `{53, 443}`"));
            }
            Some(_) | None => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(Literal { text, span })
    }
}

fn one_or(mut of: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    if of.len() == 1
        && let Some(one) = of.pop()
    {
        return one;
    }
    many(of)
}
