//! Classes of characters, and what a backslash means inside and outside of them.

use super::text::{between, error, write_char};
use super::{ErrorCode, RegexpError};

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A class `[...]` at the start of `text`: how it is written, and what follows it.
pub(super) fn parse(text: &str) -> Result<(String, &str), RegexpError> {
    let missing = || error(ErrorCode::MissingBracket, text);
    let mut rest = text.strip_prefix('[').ok_or_else(missing)?;
    let mut out = String::from("[");
    if let Some(inside) = rest.strip_prefix('^') {
        out.push('^');
        rest = inside;
    }
    let mut is_first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !is_first) {
            out.push(']');
            return Ok((out, after));
        }
        is_first = false;
        if let Some((name, after)) = rest
            .strip_prefix("[:")
            .and_then(|inside| inside.split_once(":]"))
        {
            if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return Err(error(ErrorCode::CharacterRange, between(rest, after)));
            }
            out.push_str(between(rest, after));
            rest = after;
            continue;
        }
        if let Some((class, after)) = parse_named(rest)? {
            out.push_str(&class);
            rest = after;
            continue;
        }
        let start = rest;
        let (low, after) = parse_char(rest).unwrap_or_else(|| Err(missing()))?;
        write_char(&mut out, low);
        rest = after;
        // In front of the end a dash is itself.
        if let Some(after) = rest
            .strip_prefix('-')
            .filter(|after| !after.starts_with(']'))
        {
            let (high, after) = parse_char(after).unwrap_or_else(|| Err(missing()))?;
            if high < low {
                return Err(error(ErrorCode::CharacterRange, between(start, after)));
            }
            out.push('-');
            write_char(&mut out, high);
            rest = after;
        }
    }
}

/// A character of a class; `None` at the end.
fn parse_char(text: &str) -> Option<Result<(char, &str), RegexpError>> {
    match text.chars().next()? {
        '\\' => Some(parse_escape(text)),
        char => Some(Ok((char, &text[char.len_utf8()..]))),
    }
}

/// `\d`, `\pL` and the like, inside a class or outside; `None` if it is none of them.
pub(super) fn parse_named(text: &str) -> Result<Option<(String, &str)>, RegexpError> {
    let Some(name) = text
        .strip_prefix('\\')
        .and_then(|escape| escape.chars().next())
    else {
        return Ok(None);
    };
    let rest = text.get(1 + name.len_utf8()..).unwrap_or_default();
    let class = match name {
        // Of ASCII, other than in `regex`.
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\x0c\r ]",
        'S' => r"[^\t\n\x0c\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return parse_unicode(text, rest, name == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((class.to_owned(), rest)))
}

/// A class of Unicode, its name being at the start of `rest`.
fn parse_unicode<'a>(
    text: &'a str,
    rest: &'a str,
    is_negated: bool,
) -> Result<(String, &'a str), RegexpError> {
    let invalid = |rest: &str| error(ErrorCode::CharacterRange, between(text, rest));
    let (name, rest) = match rest.strip_prefix('{') {
        Some(inside) => inside.split_once('}').ok_or_else(|| invalid(""))?,
        None => match rest.chars().next() {
            Some(char) => rest.split_at(char.len_utf8()),
            None => return Err(invalid("")),
        },
    };
    let (name, is_negated) = match name.strip_prefix('^') {
        Some(name) => (name, !is_negated),
        None => (name, is_negated),
    };
    if name.is_empty()
        || !name
            .chars()
            .all(|char| char.is_ascii_alphabetic() || char == '_')
    {
        return Err(invalid(rest));
    }
    let letter = if is_negated { 'P' } else { 'p' };
    Ok((format!("\\{letter}{{{name}}}"), rest))
}

/// A backslash at the start of `text` that makes one character: which, and what follows.
pub(super) fn parse_escape(text: &str) -> Result<(char, &str), RegexpError> {
    let mut chars = text.chars();
    chars.next();
    let Some(char) = chars.next() else {
        return Err(error(ErrorCode::TrailingBackslash, ""));
    };
    let rest = chars.as_str();
    let invalid = |rest: &str| error(ErrorCode::Escape, between(text, rest));
    let found = match char {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return parse_hexadecimal(rest).ok_or_else(|| invalid(rest)),
        // One digit that isn't zero would be a reference to a group.
        '0'..='7' if char == '0' || rest.starts_with(|next| matches!(next, '0'..='7')) => {
            let more = rest
                .chars()
                .take(2)
                .take_while(|next| matches!(next, '0'..='7'));
            let digits: String = std::iter::once(char).chain(more).collect();
            let value = u32::from_str_radix(&digits, 8)
                .ok()
                .and_then(char::from_u32);
            let rest = rest
                .get(digits.len().saturating_sub(1)..)
                .unwrap_or_default();
            return value
                .map(|value| (value, rest))
                .ok_or_else(|| invalid(rest));
        }
        char if char.is_ascii() && !char.is_ascii_alphanumeric() => char,
        _ => return Err(invalid(rest)),
    };
    Ok((found, rest))
}

/// What follows `\x`: two digits, or any number of them in braces.
fn parse_hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(inside) => inside.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    if digits.is_empty() || !digits.chars().all(|char| char.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(value)?, rest))
}
