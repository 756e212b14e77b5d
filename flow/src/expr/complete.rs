//! What may stand at the cursor.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, operators or tokens"
)]

use super::lex::{Keyword, Operator, Token, is_word, tokens};
use super::value::{operators, quote};
use super::{Span, name};
use crate::attribute::{Attribute, ValueType};

/// Most proposals.
const MOST: usize = 200;

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Bytes of the text that it replaces.
    pub range: Span,
    /// What to put there.
    pub text: String,
    /// A line about it; may be empty.
    pub doc: String,
}

/// Values that whoever asks has seen.
pub trait Values {
    /// Values of a field, by the name it has in [`Attribute::fields`], that begin so or have it in them; best
    /// first. Others are left out afterwards.
    fn values(&self, field: &str, beginning: &str) -> Vec<String>;
}

/// None seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoValues;

impl Values for NoValues {
    fn values(&self, _field: &str, _beginning: &str) -> Vec<String> {
        Vec::new()
    }
}

/// What stands before the cursor.
#[derive(Clone, Copy)]
enum State {
    /// A condition is to begin.
    Condition,
    /// Behind `has`.
    Has,
    /// Behind a word that is not a field.
    Name,
    /// Behind a field.
    Field(&'static Attribute),
    /// Behind a comparison; in braces, or not.
    Operator(&'static Attribute, Operator, bool),
    /// Behind a value in braces.
    InSet(&'static Attribute, Operator),
    /// Behind a condition.
    Done,
    /// Nothing that could be gone on with.
    Lost,
}

impl State {
    fn next(self, token: &Token) -> Self {
        let keyword = match token {
            Token::Word(word) => Keyword::of(word),
            _ => None,
        };
        let field = || match token {
            Token::Word(word) => Attribute::field(word),
            _ => None,
        };
        let joins = matches!(keyword, Some(Keyword::And | Keyword::Or))
            || matches!(token, Token::And | Token::Or);
        match (self, token, keyword) {
            (Self::Condition, Token::Open | Token::Bang, _)
            | (Self::Condition, _, Some(Keyword::Not)) => Self::Condition,
            (Self::Condition, _, Some(Keyword::Has)) => Self::Has,
            (Self::Condition, _, Some(Keyword::True | Keyword::False)) => Self::Done,
            (Self::Condition, Token::Quoted(_), _) => Self::Name,
            (Self::Condition, Token::Word(_), _) => field().map_or(Self::Name, Self::Field),
            (Self::Has, Token::Open, _) => Self::Has,
            (Self::Has, ..) if field().is_some() => Self::Done,
            (Self::Field(field), _, Some(Keyword::Operator(operator))) => {
                Self::Operator(field, operator, false)
            }
            (Self::Field(field), Token::Operator(operator), _) => {
                Self::Operator(field, *operator, false)
            }
            (Self::Field(field), _, Some(Keyword::Not)) => Self::Field(field),
            (Self::Field(_) | Self::Name | Self::Done, ..) if joins => Self::Condition,
            (Self::Field(_) | Self::Name | Self::Done, Token::Close, _) => Self::Done,
            (Self::Operator(field, operator, false), Token::OpenSet, _) => {
                Self::Operator(field, operator, true)
            }
            (Self::Operator(field, operator, true), Token::Word(_) | Token::Quoted(_), _) => {
                Self::InSet(field, operator)
            }
            (Self::Operator(_, _, false), Token::Word(_) | Token::Quoted(_), _)
            | (Self::Operator(_, _, true) | Self::InSet(..), Token::CloseSet, _) => Self::Done,
            (Self::InSet(field, operator), Token::Comma, _) => {
                Self::Operator(field, operator, true)
            }
            _ => Self::Lost,
        }
    }
}

/// What may stand at the cursor (bytes), in place of the word that it is in or behind.
pub fn complete(text: &str, cursor: usize, values: &dyn Values) -> Vec<Completion> {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let (mut before, bad) = tokens(&text[..cursor]);
    let behind = text[cursor..].find(|c| !is_word(c));
    let word_end = cursor + behind.unwrap_or(text.len() - cursor);
    let (range, beginning) = match (before.last(), bad) {
        // A quote that is still open.
        (_, Some(bad)) if text[bad.start..].starts_with(['"', '\'']) => {
            (bad.start..cursor, text[bad.start + 1..cursor].to_owned())
        }
        (_, Some(_)) => return Vec::new(),
        (Some((Token::Word(word), span)), None) if span.end == cursor => {
            let found = (span.start..word_end, word.clone());
            before.pop();
            found
        }
        _ => (cursor..cursor, String::new()),
    };
    let state = before
        .iter()
        .fold(State::Condition, |state, (token, _)| state.next(token));
    let count = |wanted: &Token| before.iter().filter(|(token, _)| token == wanted).count();
    let open = count(&Token::Open) > count(&Token::Close);
    let mut proposals = Proposals {
        range,
        beginning,
        list: Vec::new(),
    };
    proposals.of(state, open, values);
    proposals.finish()
}

struct Proposals {
    range: Span,
    beginning: String,
    /// How well it fits, and the proposal.
    list: Vec<(usize, Completion)>,
}

impl Proposals {
    fn of(&mut self, state: State, open: bool, values: &dyn Values) {
        match state {
            State::Condition => {
                self.fields();
                self.plain("not", "the opposite");
                self.plain("has", "whether there is such a thing");
                self.operator("(");
                self.names(values);
            }
            State::Has => self.fields(),
            State::Field(field) => {
                for operator in operators(field.value_type) {
                    self.plain(operator.text(), meaning(*operator, field.value_type));
                }
                if field.value_type == ValueType::Bool {
                    self.joins(open);
                }
            }
            State::Operator(field, operator, in_set) => {
                self.values(field, operator, values);
                if !in_set && operator == Operator::In {
                    self.operator("{");
                }
            }
            State::InSet(..) => {
                self.operator(",");
                self.operator("}");
            }
            State::Name | State::Done => self.joins(open),
            State::Lost => {}
        }
    }

    fn joins(&mut self, open: bool) {
        self.plain("and", "both");
        self.plain("or", "at least one");
        if open {
            self.operator(")");
        }
    }

    /// How well a name fits what is typed: 0 best, `None` not at all.
    fn fits(&self, name: &str) -> Option<usize> {
        let (name, typed) = (name.to_lowercase(), self.beginning.to_lowercase());
        match name.find(&typed)? {
            0 => Some(0),
            _ => Some(1),
        }
    }

    fn push(&mut self, rank: usize, text: &str, doc: &str) {
        if !self.list.iter().any(|(_, known)| known.text == text) {
            let completion = Completion {
                range: self.range.clone(),
                text: text.to_owned(),
                doc: doc.to_owned(),
            };
            self.list.push((rank, completion));
        }
    }

    fn plain(&mut self, text: &str, doc: &str) {
        if self.fits(text) == Some(0) {
            self.push(0, text, doc);
        }
    }

    /// Signs stand for themselves, and follow nothing.
    fn operator(&mut self, text: &str) {
        if self.beginning.is_empty() {
            self.push(3, text, "");
        }
    }

    fn fields(&mut self) {
        for field in Attribute::fields() {
            let aliases = field.aliases.iter().filter_map(|alias| self.fits(alias));
            let by_alias = aliases.min().map(|rank| rank + 1);
            let ranks = self.fits(field.name).into_iter().chain(by_alias);
            if let Some(rank) = ranks.min() {
                self.push(rank, field.name, field.doc);
            }
        }
    }

    /// Names that have what is typed in them, last.
    fn names(&mut self, seen: &dyn Values) {
        if self.beginning.is_empty() {
            return;
        }
        for field in name::SEARCHED {
            for value in seen.values(field, &self.beginning) {
                if let Some(rank) = self.fits(&value) {
                    let (text, doc) = (name::spelled(&value), "in any name");
                    self.push(rank + 4, &text, doc);
                }
            }
        }
    }

    fn values(&mut self, field: &'static Attribute, operator: Operator, seen: &dyn Values) {
        let ordered = matches!(
            operator,
            Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast
        );
        for (value, doc) in field.known_values() {
            // `5+` is not a number to compare with.
            if ordered && value.ends_with('+') {
                continue;
            }
            if let Some(rank) = self.fits(&value) {
                self.push(rank, &quote(&value), doc);
            }
        }
        for value in seen.values(field.name, &self.beginning) {
            if let Some(rank) = self.fits(&value) {
                self.push(rank, &quote(&value), "");
            }
        }
    }

    fn finish(mut self) -> Vec<Completion> {
        self.list.sort_by_key(|(rank, _)| *rank);
        self.list.truncate(MOST);
        let list = self.list.into_iter();
        list.map(|(_, completion)| completion).collect()
    }
}

fn meaning(operator: Operator, kind: ValueType) -> &'static str {
    match (operator, kind) {
        (Operator::Equal, ValueType::Labels) => "fits the label selector",
        (Operator::Equal, ValueType::Flags) => "these flags and no others",
        (Operator::Equal, ValueType::Ip) => "this address, or in this network",
        (Operator::Equal, _) => "is",
        (Operator::NotEqual, _) => "is not",
        (Operator::Less, _) => "less than",
        (Operator::AtMost, _) => "at most",
        (Operator::More, _) => "more than",
        (Operator::AtLeast, _) => "at least",
        (Operator::Like, ValueType::Flags) => "these flags, maybe others too",
        (Operator::Like, ValueType::Scoped) => "begins like [namespace/]name; * is anything",
        (Operator::Like, _) => "is like; * is anything, ? any character",
        (Operator::Unlike, _) => "is not like",
        (Operator::Regex, _) => "fits the regular expression",
        (Operator::In, ValueType::Number | ValueType::Bytes | ValueType::Time) => "one of {1, 5-9}",
        (Operator::In, ValueType::Ip) => "in a network, or one of {...}",
        (Operator::In, _) => "one of {...}",
        (Operator::Contains, _) => "has this text in it",
    }
}
