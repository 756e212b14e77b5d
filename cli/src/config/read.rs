//! Reading the lines.

use flow::spelling::{closest, did_you_mean};

use super::{Context, Contexts};

/// The keys of a context.
pub(super) const KEYS: [&str; 3] = ["server", "lab", "namespace"];
/// The key in front of all tables.
pub(super) const CURRENT: &str = "current-context";

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing, or a comment.
    Nothing,
    /// The beginning of a context.
    Context(String),
    /// A key with its text.
    Value(String, String),
}

/// The contexts of a text.
///
/// # Errors
/// The number of the line, and what is wrong in it.
pub(super) fn contexts(text: &str) -> Result<Contexts, (usize, String)> {
    let mut all = Contexts::default();
    let mut name: Option<String> = None;
    for (number, text) in text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        let wrong = |why: String| Err((number, why));
        match line(text).map_err(|why| (number, why))? {
            Line::Nothing => {}
            Line::Context(context) => {
                if all.contexts.contains_key(&context) {
                    return wrong(format!("there is a context {context:?} already"));
                }
                all.contexts.insert(context.clone(), Context::default());
                name = Some(context);
            }
            Line::Value(key, value) => {
                let context = name.as_ref().and_then(|name| all.contexts.get_mut(name));
                let place = match (context, key.as_str()) {
                    (None, CURRENT) => &mut all.current,
                    (None, key) => return wrong(unknown(key, &[CURRENT])),
                    (Some(context), "server") => &mut context.server,
                    (Some(context), "lab") => &mut context.lab,
                    (Some(context), "namespace") => &mut context.namespace,
                    (Some(_), CURRENT) => {
                        return wrong(format!("{CURRENT} stands in front of all contexts"));
                    }
                    (Some(_), key) => return wrong(unknown(key, &KEYS)),
                };
                if place.is_some() {
                    return wrong(format!("{key} stands here a second time"));
                }
                if value.is_empty() {
                    return wrong(format!("{key} is empty"));
                }
                *place = Some(value);
                let context = name.as_ref().and_then(|name| all.contexts.get(name));
                if context.is_some_and(|it| it.server.is_some() && it.lab.is_some()) {
                    return wrong("a context has a server and a lab, but one is enough".to_owned());
                }
            }
        }
    }
    Ok(all)
}

fn unknown(key: &str, known: &[&str]) -> String {
    let near: Vec<&str> = closest(key, known.iter().copied()).into_iter().collect();
    match near.is_empty() {
        false => format!("unknown key {key}{}", did_you_mean(&near)),
        true => format!("unknown key {key}; there are: {}", known.join(", ")),
    }
}

/// Reads a line.
///
/// # Errors
/// What is wrong.
pub(super) fn line(line: &str) -> Result<Line, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Nothing);
    }
    if let Some(rest) = line.strip_prefix('[') {
        let expected = || "expected [contexts.NAME]".to_owned();
        let rest = rest.trim_start().strip_prefix("contexts");
        let rest = rest.and_then(|rest| rest.trim_start().strip_prefix('.'));
        let (name, rest) = key(rest.ok_or_else(expected)?)?;
        let rest = rest.trim_start().strip_prefix(']').ok_or_else(expected)?;
        end(rest)?;
        return match name.is_empty() {
            true => Err("a context needs a name".to_owned()),
            false => Ok(Line::Context(name)),
        };
    }
    let (key, rest) = key(line)?;
    let Some(rest) = rest.trim_start().strip_prefix('=') else {
        return Err(format!("expected {key} = \"...\""));
    };
    let (value, rest) = match quoted(rest.trim_start())? {
        Some(read) => read,
        None => return Err(format!("the value of {key} has to be in quotes")),
    };
    end(rest)?;
    Ok(Line::Value(key, value))
}

/// Nothing but a comment is left.
fn end(rest: &str) -> Result<(), String> {
    let rest = rest.trim_start();
    match rest.is_empty() || rest.starts_with('#') {
        true => Ok(()),
        false => Err(format!("{rest:?} is more than belongs in this line")),
    }
}

/// A key, bare or in quotes, and what follows it.
fn key(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    if let Some(read) = quoted(text)? {
        return Ok(read);
    }
    let end = text.find(|c| !is_bare(c)).unwrap_or(text.len());
    match end {
        0 => Err("expected a name (letters, digits, - and _; others in quotes)".to_owned()),
        end => Ok((text[..end].to_owned(), &text[end..])),
    }
}

/// Whether a letter of a key needs no quotes.
pub(super) fn is_bare(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
}

/// A text in quotes, and what follows it; `None` if there is none.
fn quoted(text: &str) -> Result<Option<(String, &str)>, String> {
    if let Some(rest) = text.strip_prefix('\'') {
        let Some((value, rest)) = rest.split_once('\'') else {
            return Err("this ' has no second one".to_owned());
        };
        return Ok(Some((value.to_owned(), rest)));
    }
    let Some(rest) = text.strip_prefix('"') else {
        return Ok(None);
    };
    let mut value = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok(Some((value, &rest[at + 1..]))),
            '\\' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, 't')) => value.push('\t'),
                Some((_, other)) => return Err(format!("\\{other} means nothing in a text")),
                None => break,
            },
            letter => value.push(letter),
        }
    }
    Err("this \" has no second one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (text, wanted) in [
            ("", Line::Nothing),
            ("  # x = 1", Line::Nothing),
            ("[contexts.prod]", Line::Context("prod".to_owned())),
            (
                "[ contexts . \"my lab\" ] # x",
                Line::Context("my lab".to_owned()),
            ),
            (
                "a = 'b\\' # c",
                Line::Value("a".to_owned(), "b\\".to_owned()),
            ),
            (
                "\"a\"=\"b\\\"\\\\\"",
                Line::Value("a".to_owned(), "b\"\\".to_owned()),
            ),
        ] {
            assert_eq!(line(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_wrong() {
        for (text, number, wanted) in [
            (
                "server = \"x\"",
                1,
                "unknown key server; there are: current-context",
            ),
            (
                "\ncurrent-contex = \"x\"",
                2,
                "did you mean current-context?",
            ),
            ("[contexts.a]\n[contexts.a]", 2, "a context \"a\" already"),
            ("[contexts.a]\nserver = x", 2, "server has to be in quotes"),
            ("[contexts.a]\nserver = \"x\" y", 2, "more than belongs"),
            ("[contexts.a]\nserver = \"x", 2, "has no second one"),
            ("[contexts.a]\nserver = \"\"", 2, "server is empty"),
            ("[contexts.a]\nlab = 'x'\nlab = 'y'", 3, "a second time"),
            (
                "[contexts.a]\nlab = 'x'\nserver = 'y'",
                3,
                "a server and a lab",
            ),
            (
                "[contexts.a]\ncurrent-context = 'x'",
                2,
                "in front of all contexts",
            ),
            ("[servers.a]", 1, "expected [contexts.NAME]"),
            ("[contexts.]", 1, "expected a name"),
            ("[contexts.'']", 1, "needs a name"),
            ("server", 1, "expected server = \"...\""),
            ("= 'x'", 1, "expected a name"),
            ("a = \"\\x\"", 1, "\\x means nothing"),
        ] {
            let (line, why) = contexts(text).unwrap_err();
            assert!(
                why.contains(wanted) && line == number,
                "{text}: {line}: {why}"
            );
        }
    }
}
