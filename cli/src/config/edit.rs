//! Changing a file; comments and order stay.

use toml_edit::{DocumentMut, InlineTable, Item, Key, Table, TableLike, Value};

use super::Change;
use super::read::{CONTEXTS, CURRENT};

/// A key as TOML takes it.
pub(crate) fn key(name: &str) -> String {
    Key::new(name).to_string()
}

/// A text as TOML takes it.
pub(crate) fn quoted(value: &str) -> String {
    Value::from(value).to_string()
}

/// The file with a change; what isn't TOML stays as it is.
fn changed(file: &str, change: impl FnOnce(&mut DocumentMut)) -> String {
    let Ok(mut document) = file.parse::<DocumentMut>() else {
        return file.to_owned();
    };
    change(&mut document);
    document.to_string()
}

/// Sets a value, with the comments of the one before.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    let mut value = Value::from(text);
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(before) => {
            value.decor_mut().clone_from(before.decor());
            *before = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

/// Sets, replaces or takes out the current context.
pub(super) fn set_current(file: &str, name: Option<&str>) -> String {
    changed(file, |document| match name {
        Some(name) => set(document.as_table_mut(), CURRENT, name),
        None => drop(document.remove(CURRENT)),
    })
}

/// Makes a context, or changes what is given of it.
pub(super) fn set_context(file: &str, name: &str, changes: &[Change<'_>]) -> String {
    changed(file, |document| {
        let all = document.entry(CONTEXTS).or_insert_with(|| {
            let mut all = Table::new();
            // Its heading says nothing beside those of the contexts.
            all.set_implicit(true);
            Item::Table(all)
        });
        let is_table = all.is_table();
        let context = all.as_table_like_mut().map(|all| {
            let context = all.entry(name);
            // In a line there is room for a line only.
            context.or_insert_with(|| match is_table {
                true => Item::Table(Table::new()),
                false => Item::Value(InlineTable::new().into()),
            })
        });
        let Some(context) = context.and_then(Item::as_table_like_mut) else {
            return;
        };
        for (key, text) in changes {
            match text {
                Some(text) => set(context, key, text),
                None => drop(context.remove(key)),
            }
        }
    })
}

/// Takes a context out, with all that is in it.
pub(super) fn delete_context(file: &str, name: &str) -> String {
    changed(file, |document| {
        let all = document.get_mut(CONTEXTS);
        let all = all.and_then(Item::as_table_like_mut);
        if let Some(all) = all {
            all.remove(name);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\ncurrent-context = \"a\"\n\n[contexts.a] # near\nserver = 'x:1' # old\n\n[contexts.b]\nlab = \"demo\"\n";

    #[test]
    fn other_lines_stay() {
        let changed = set_context(
            FILE,
            "a",
            &[("server", Some("y:2")), ("namespace", Some("s"))],
        );
        assert_eq!(
            changed,
            FILE.replace(
                "server = 'x:1' # old",
                "server = \"y:2\" # old\nnamespace = \"s\""
            )
        );
        let taken = set_context(FILE, "b", &[("lab", None), ("server", Some("z:1"))]);
        assert_eq!(taken, FILE.replace("lab = \"demo\"", "server = \"z:1\""));
        let new = set_context(FILE, "c d", &[("lab", Some("l"))]);
        assert_eq!(new, format!("{FILE}\n[contexts.\"c d\"]\nlab = \"l\"\n"));
        assert_eq!(
            set_current(FILE, Some("b")),
            FILE.replace("current-context = \"a\"", "current-context = \"b\"")
        );
        assert_eq!(set_current("", Some("b")), "current-context = \"b\"\n");
        let without = set_current(FILE, None);
        assert!(!without.contains("current-context"), "{without}");
        let deleted = delete_context(FILE, "a");
        assert!(
            !deleted.contains("x:1") && deleted.contains("[contexts.b]"),
            "{deleted}"
        );
        assert_eq!(delete_context(FILE, "nosuch"), FILE);
        assert_eq!(set_context("not toml", "a", &[]), "not toml");
        let inline = "[contexts]\nb = { server = \"x:1\" }\n";
        let changed = set_context(inline, "b", &[("namespace", Some("s"))]);
        assert!(changed.contains("namespace = \"s\""), "{changed}");
        let whole = "contexts = { b = { lab = \"l\" } }\n";
        let more = set_context(whole, "c", &[("lab", Some("m"))]);
        assert!(more.contains("c = ") && more.contains("\"m\""), "{more}");
        let less = delete_context(&more, "b");
        assert!(!less.contains("\"l\"") && less.contains("\"m\""), "{less}");
    }
}
