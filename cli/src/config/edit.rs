//! Changing lines of a file whose text is valid; all other lines stay as they are.

use super::Change;
use super::read::{CURRENT, Line, is_bare, line};

/// A key as TOML takes it.
pub(crate) fn key(name: &str) -> String {
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A text as TOML takes it. Control characters can't be in one, and are in no name.
pub(crate) fn quoted(value: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Where a context's lines are: its heading, and the first one behind them.
fn place(lines: &[String], name: &str) -> Option<(usize, usize)> {
    let is_context = |at: &str| matches!(line(at), Ok(Line::Context(_)));
    let start = lines
        .iter()
        .position(|at| line(at) == Ok(Line::Context(name.to_owned())))?;
    let rest = lines.get(start + 1..).unwrap_or_default();
    let length = rest.iter().position(|at| is_context(at));
    Some((start, start + 1 + length.unwrap_or(rest.len())))
}

/// Where a key's line is.
fn value(lines: &[String], wanted: &str) -> Option<usize> {
    lines
        .iter()
        .position(|at| matches!(line(at), Ok(Line::Value(key, _)) if key == wanted))
}

/// Sets, replaces or takes out the line of the current context.
pub(super) fn set_current(file: &str, name: Option<&str>) -> String {
    let mut lines = lines(file);
    let at = value(&lines, CURRENT);
    match (at, name) {
        (Some(at), Some(name)) => lines[at] = format!("{CURRENT} = {}", quoted(name)),
        (Some(at), None) => {
            lines.remove(at);
        }
        (None, Some(name)) => lines.insert(0, format!("{CURRENT} = {}", quoted(name))),
        (None, None) => {}
    }
    joined(&lines)
}

/// Makes a context, or changes what is given of it.
pub(super) fn set_context(file: &str, name: &str, changes: &[Change<'_>]) -> String {
    let mut lines = lines(file);
    let (start, mut end) = place(&lines, name).unwrap_or_else(|| {
        if lines.last().is_some_and(|last| !last.trim().is_empty()) {
            lines.push(String::new());
        }
        lines.push(format!("[contexts.{}]", key(name)));
        (lines.len() - 1, lines.len())
    });
    for (wanted, new) in changes {
        let at = value(&lines[start..end], wanted).map(|at| start + at);
        let new = new.map(|new| format!("{wanted} = {}", quoted(new)));
        match (at, new) {
            (Some(at), Some(new)) => lines[at] = new,
            (Some(at), None) => {
                lines.remove(at);
                end -= 1;
            }
            (None, Some(new)) => {
                // In front of the blank lines at the end.
                let mut at = end;
                while at > start + 1 && lines[at - 1].trim().is_empty() {
                    at -= 1;
                }
                lines.insert(at, new);
                end += 1;
            }
            (None, None) => {}
        }
    }
    joined(&lines)
}

/// Takes a context out, with all of its lines.
pub(super) fn delete_context(file: &str, name: &str) -> String {
    let mut lines = lines(file);
    if let Some((start, end)) = place(&lines, name) {
        lines.drain(start..end);
    }
    joined(&lines)
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
                "server = \"y:2\"\nnamespace = \"s\""
            )
        );
        let taken = set_context(FILE, "b", &[("lab", None), ("server", Some("z:1"))]);
        assert_eq!(taken, FILE.replace("lab = \"demo\"", "server = \"z:1\""));
        let new = set_context(FILE, "a \"c\"", &[("lab", Some("l"))]);
        assert_eq!(
            new,
            format!("{FILE}\n[contexts.\"a \\\"c\\\"\"]\nlab = \"l\"\n")
        );
        assert_eq!(
            set_current(FILE, Some("b")),
            FILE.replace("current-context = \"a\"", "current-context = \"b\"")
        );
        assert_eq!(set_current("", Some("b")), "current-context = \"b\"\n");
        assert_eq!(
            set_current(FILE, None),
            FILE.replace("current-context = \"a\"\n", "")
        );
        let deleted = delete_context(FILE, "a");
        assert_eq!(
            deleted,
            "# mine\ncurrent-context = \"a\"\n\n[contexts.b]\nlab = \"demo\"\n"
        );
        assert_eq!(delete_context(FILE, "nosuch"), FILE);
    }
}
