//! Reading the file.

use std::ops::Range;

use flow::spelling::{closest, did_you_mean};
use toml_edit::{Document, Item, Key, TableLike};

use super::{Context, Contexts};

/// The keys of a context.
const KEYS: [&str; 3] = ["server", "lab", "namespace"];
/// The key in front of all tables.
pub(super) const CURRENT: &str = "current-context";
/// The table of all contexts.
pub(super) const CONTEXTS: &str = "contexts";

/// Where something is in the text, and what is wrong with it.
type Wrong = (Option<Range<usize>>, String);

/// The contexts of a text.
///
/// # Errors
/// The number of the line, and what is wrong in it.
pub(super) fn contexts(text: &str) -> Result<Contexts, (usize, String)> {
    let numbered = |(span, why): Wrong| {
        let before = text.get(..span.map_or(0, |span| span.start));
        (1 + before.unwrap_or(text).matches('\n').count(), why)
    };
    let document = Document::parse(text);
    let document =
        document.map_err(|error| numbered((error.span(), error.message().to_owned())))?;
    read(document.as_table()).map_err(numbered)
}

fn read(root: &dyn TableLike) -> Result<Contexts, Wrong> {
    let mut all = Contexts::default();
    for (key, item) in fields(root) {
        match key.get() {
            CURRENT => all.current = Some(text(key, item)?),
            CONTEXTS => {
                for (name, item) in fields(table(key, item)?) {
                    let context = context(table(name, item)?)?;
                    all.contexts.insert(name.get().to_owned(), context);
                }
            }
            _ => return Err(unknown(key, &[CURRENT, CONTEXTS])),
        }
    }
    Ok(all)
}

fn context(table: &dyn TableLike) -> Result<Context, Wrong> {
    let mut context = Context::default();
    for (key, item) in fields(table) {
        let place = match key.get() {
            "server" => &mut context.server,
            "lab" => &mut context.lab,
            "namespace" => &mut context.namespace,
            CURRENT => {
                let why = format!("{CURRENT} stands in front of all contexts");
                return Err((key.span(), why));
            }
            _ => return Err(unknown(key, &KEYS)),
        };
        *place = Some(text(key, item)?);
        if context.server.is_some() && context.lab.is_some() {
            let why = "a context has a server and a lab, but one is enough";
            return Err((key.span(), why.to_owned()));
        }
    }
    Ok(context)
}

fn fields(table: &dyn TableLike) -> impl Iterator<Item = (&Key, &Item)> {
    let names = table.iter().map(|(name, _)| name);
    names.filter_map(|name| table.get_key_value(name))
}

fn table<'a>(key: &Key, item: &'a Item) -> Result<&'a dyn TableLike, Wrong> {
    item.as_table_like().ok_or_else(|| {
        let why = format!("{key} has to be a table: [{CONTEXTS}.NAME]");
        (key.span(), why)
    })
}

fn text(key: &Key, item: &Item) -> Result<String, Wrong> {
    match item.as_str() {
        Some("") => Err((key.span(), format!("{key} is empty"))),
        Some(text) => Ok(text.to_owned()),
        None => Err((key.span(), format!("the value of {key} has to be a text"))),
    }
}

fn unknown(key: &Key, known: &[&str]) -> Wrong {
    let near: Vec<&str> = closest(key, known.iter().copied()).into_iter().collect();
    let why = match near.is_empty() {
        false => format!("unknown key {key}{}", did_you_mean(&near)),
        true => format!("unknown key {key}; there are: {}", known.join(", ")),
    };
    (key.span(), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right() {
        let text = "current-context = 'my lab' # c\n[ contexts . \"my lab\" ]\nlab = 'a\\'\n[contexts]\nb = {server = \"x:1\"}";
        let read = contexts(text).unwrap();
        assert_eq!(read.current.as_deref(), Some("my lab"));
        assert_eq!(read.contexts["my lab"].lab.as_deref(), Some("a\\"));
        assert_eq!(read.contexts["b"].server.as_deref(), Some("x:1"));
        assert_eq!(contexts("").unwrap(), Contexts::default());
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
            ("[contexts.a]\n[contexts.a]", 2, "duplicate"),
            ("[contexts.a]\nserver = x", 2, "string"),
            ("[contexts.a]\nserver = 7", 2, "server has to be a text"),
            ("[contexts.a]\nserver = \"x\" y", 2, "newline"),
            ("[contexts.a]\nserver = \"x", 2, "string"),
            ("[contexts.a]\nserver = \"\"", 2, "server is empty"),
            ("[contexts.a]\nlab = 'x'\nlab = 'y'", 3, "duplicate"),
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
            ("[servers.a]", 1, "unknown key servers"),
            ("contexts = 1", 1, "has to be a table"),
            ("[contexts]\na = 'x'", 2, "has to be a table"),
            ("[contexts.]", 1, ""),
            ("server", 1, ""),
        ] {
            let (line, why) = contexts(text).unwrap_err();
            assert!(
                why.contains(wanted) && line == number,
                "{text}: {line}: {why}"
            );
        }
    }
}
