//! Reads an expression as Go does, and writes it for `regex`. Groups capture nothing.

use super::text::{between, error, write_char};
use super::{ErrorCode, RegexpError, class};

/// Most repetitions, Go's and RE2's.
const MAX_REPEAT: u32 = 1000;

/// An expression for `regex`.
pub(super) enum Translated {
    /// This string alone.
    Literal(String),
    Regex(String),
}

/// Translates an expression.
pub(super) fn translate(text: &str) -> Result<Translated, RegexpError> {
    let mut parser = Parser {
        rest: text,
        out: String::new(),
        literal: Some(String::new()),
        depth: 0,
        has_argument: false,
    };
    parser.run()?;
    if parser.depth > 0 {
        return Err(error(ErrorCode::MissingParenthesis, text));
    }
    Ok(match parser.literal {
        Some(literal) => Translated::Literal(literal),
        None => Translated::Regex(parser.out),
    })
}

struct Parser<'a> {
    rest: &'a str,
    out: String,
    /// What was read, as long as it is nothing but characters.
    literal: Option<String>,
    /// Open groups.
    depth: usize,
    /// Whether there is something that a repetition can be of.
    has_argument: bool,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), RegexpError> {
        // The repetition that was just read, from its operator on.
        let mut repetition: Option<&'a str> = None;
        while let Some(char) = self.rest.chars().next() {
            let start = self.rest;
            let mut repeated = None;
            match char {
                '(' => self.open()?,
                ')' => {
                    self.depth = self
                        .depth
                        .checked_sub(1)
                        .ok_or_else(|| error(ErrorCode::UnexpectedParenthesis, start))?;
                    self.special(1, ")");
                }
                '|' => {
                    self.special(1, "|");
                    self.has_argument = false;
                }
                '^' | '$' | '.' => self.special(1, &start[..1]),
                '[' => {
                    let (class, rest) = class::parse(start)?;
                    self.special(start.len().saturating_sub(rest.len()), &class);
                }
                '*' | '+' | '?' => {
                    self.repeat(1, &start[..1], repetition)?;
                    repeated = Some(start);
                }
                '{' => match counts(start)? {
                    Some((length, counts)) => {
                        self.repeat(length, &counts, repetition)?;
                        repeated = Some(start);
                    }
                    None => self.character(char, &start[1..]),
                },
                '\\' => self.escape()?,
                char => self.character(char, &start[char.len_utf8()..]),
            }
            repetition = repeated;
        }
        Ok(())
    }

    fn character(&mut self, char: char, rest: &'a str) {
        write_char(&mut self.out, char);
        if let Some(literal) = &mut self.literal {
            literal.push(char);
        }
        self.has_argument = true;
        self.rest = rest;
    }

    /// Anything but a character: `length` bytes of the expression, which are `written` for `regex`.
    fn special(&mut self, length: usize, written: &str) {
        self.out.push_str(written);
        self.literal = None;
        self.has_argument = true;
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn repeat(
        &mut self,
        length: usize,
        written: &str,
        repetition: Option<&'a str>,
    ) -> Result<(), RegexpError> {
        let start = self.rest;
        if !self.has_argument {
            let part = start.get(..length).unwrap_or(start);
            return Err(error(ErrorCode::MissingArgument, part));
        }
        self.special(length, written);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
        match repetition {
            Some(before) => Err(error(
                ErrorCode::NestedRepetition,
                between(before, self.rest),
            )),
            None => Ok(()),
        }
    }

    /// A group, or flags for the rest of one.
    fn open(&mut self) -> Result<(), RegexpError> {
        let start = self.rest;
        let Some(flags) = start.strip_prefix("(?") else {
            self.special(1, "(?:");
            self.depth += 1;
            self.has_argument = false;
            return Ok(());
        };
        let named = flags.strip_prefix("P<").or_else(|| flags.strip_prefix('<'));
        // `(?<=` and `(?<!` look behind: no group's name begins so.
        if let Some(named) = named.filter(|named| !named.starts_with(['=', '!'])) {
            let Some((name, rest)) = named.split_once('>') else {
                return Err(error(ErrorCode::NamedCapture, start));
            };
            let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
            if name.is_empty() || !name.chars().all(is_word) {
                let part = between(start, rest);
                return Err(error(ErrorCode::NamedCapture, part));
            }
            self.special(start.len().saturating_sub(rest.len()), "(?:");
            self.depth += 1;
            self.has_argument = false;
            return Ok(());
        }
        let (mut on, mut off) = (String::new(), String::new());
        let (mut is_off, mut is_flagged) = (false, false);
        for (at, char) in flags.char_indices() {
            let end = at + char.len_utf8();
            match char {
                'i' | 'm' | 's' | 'U' => {
                    let flags = if is_off { &mut off } else { &mut on };
                    if !flags.contains(char) {
                        flags.push(char);
                    }
                    is_flagged = true;
                }
                '-' if !is_off => (is_off, is_flagged) = (true, false),
                ':' | ')' if is_flagged || !is_off => {
                    on.retain(|flag| !off.contains(flag));
                    let off = if off.is_empty() {
                        off
                    } else {
                        format!("-{off}")
                    };
                    let is_group = char == ':';
                    let written = match (is_group, on.is_empty() && off.is_empty()) {
                        (true, _) => format!("(?{on}{off}:"),
                        (false, true) => String::new(),
                        (false, false) => format!("(?{on}{off})"),
                    };
                    let had_argument = self.has_argument;
                    self.special(2 + end, &written);
                    if is_group {
                        self.depth += 1;
                    }
                    self.has_argument = had_argument && !is_group;
                    return Ok(());
                }
                _ => {
                    let part = start.get(..2 + end).unwrap_or(start);
                    return Err(error(ErrorCode::PerlSyntax, part));
                }
            }
        }
        Err(error(ErrorCode::MissingParenthesis, start))
    }

    fn escape(&mut self) -> Result<(), RegexpError> {
        let start = self.rest;
        match start.as_bytes().get(1) {
            Some(b'A') => self.special(2, r"\A"),
            Some(b'z') => self.special(2, r"\z"),
            // Of ASCII words, as in RE2.
            Some(b'b') => self.special(2, r"(?-u:\b)"),
            Some(b'B') => self.special(2, r"(?-u:\B)"),
            Some(b'Q') => {
                let quoted = &start[2..];
                let (text, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                for char in text.chars() {
                    self.character(char, rest);
                }
                self.rest = rest;
            }
            _ => {
                if let Some((class, rest)) = class::parse_named(start)? {
                    self.special(start.len().saturating_sub(rest.len()), &class);
                } else {
                    let (char, rest) = class::parse_escape(start)?;
                    self.character(char, rest);
                }
            }
        }
        Ok(())
    }
}

/// `{2}`, `{2,}` or `{2,3}`: its length, and how it is written; `None` if it is none, and so is text.
fn counts(text: &str) -> Result<Option<(usize, String)>, RegexpError> {
    let read = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_octal = digits.len() > 1 && digits.starts_with('0');
        // What doesn't fit is too much in any case.
        (is_number && !is_octal).then(|| digits.parse::<u32>().unwrap_or(u32::MAX))
    };
    let Some((inside, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) else {
        return Ok(None);
    };
    let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
    let (Some(least), Some(most)) = (
        read(least),
        if most.is_empty() {
            Some(None)
        } else {
            read(most).map(Some)
        },
    ) else {
        return Ok(None);
    };
    let length = text.len().saturating_sub(rest.len());
    if least > MAX_REPEAT || most.is_some_and(|most| most > MAX_REPEAT || most < least) {
        return Err(error(ErrorCode::RepeatCount, between(text, rest)));
    }
    Ok(Some((length, between(text, rest).to_owned())))
}
