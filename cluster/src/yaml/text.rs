//! The text of one object of a file, and text for a tree whose own is lost.

use std::fmt::Write as _;

use super::{Node, Position, Value};

/// The part of a file's lines that holds the object which begins `at`: its document, or the item of a list,
/// moved to the left margin. With the comments in and above it, without blank lines around it.
pub fn excerpt(lines: &[&str], at: Position) -> String {
    let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(first) = lines.get(line) else {
        return trimmed(lines);
    };
    let margin = usize::try_from(at.column.saturating_sub(1)).unwrap_or(0);
    let before: String = first.chars().take(margin).collect();
    let is_item = before.trim_end().ends_with('-') && before.trim_matches([' ', '-']).is_empty();
    if margin > 0 && is_item && before != "--- " {
        let inside = |line: &str| line.trim().is_empty() || indent(line) >= margin;
        let rest = lines[line + 1..].iter().take_while(|line| inside(line));
        let cut = |line: &&str| line.chars().skip(margin).collect::<String>();
        let item: Vec<String> = std::iter::once(first).chain(rest).map(cut).collect();
        return trimmed(&item.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let is_marker = |line: &str| line == "---" || line.starts_with("--- ") || line == "...";
    let start = lines[..=line].iter().rposition(|line| is_marker(line));
    let start = match start {
        // What stands behind the marker belongs to the document.
        Some(start) if start < line => start + 1,
        Some(start) => start,
        None => 0,
    };
    let end = lines[line + 1..].iter().position(|line| is_marker(line));
    let end = end.map_or(lines.len(), |end| line + 1 + end);
    trimmed(&lines[start..end])
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ').count()
}

fn trimmed(lines: &[&str]) -> String {
    let blank = |line: &&str| line.trim().is_empty();
    let start = lines.iter().position(|line| !blank(line));
    let end = lines.iter().rposition(|line| !blank(line));
    let (Some(start), Some(end)) = (start, end) else {
        return String::new();
    };
    let mut text = lines[start..=end].join("\n");
    text.push('\n');
    text
}

impl Node {
    /// The tree as YAML text, without the comments that its own text may have had.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        block(&mut text, &self.value, 0);
        text.trim_start().to_owned()
    }
}

/// Writes what follows a key or a dash: on the same line if it is short, below it otherwise.
fn block(out: &mut String, value: &Value, depth: usize) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Map(fields) if !fields.is_empty() => {
            for field in fields {
                let key = scalar(&field.key);
                // A String takes all that is written.
                let _written = write!(out, "\n{pad}{key}:");
                block(out, &field.node.value, depth + 1);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for item in items {
                let mut text = String::new();
                block(&mut text, &item.value, depth + 1);
                let _written = write!(out, "\n{pad}- {}", text.trim_start());
            }
        }
        Value::Map(_) => out.push_str(" {}"),
        Value::List(_) => out.push_str(" []"),
        Value::Null => {}
        Value::Bool(value) => drop(write!(out, " {value}")),
        Value::Int(value) => drop(write!(out, " {value}")),
        Value::Float(value) => drop(write!(out, " {value}")),
        Value::Text(text) => drop(write!(out, " {}", scalar(text))),
    }
}

/// A text as a scalar: plain where it can't be taken for anything else.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    match plain {
        true => text.to_owned(),
        false => {
            let mut quoted = String::from("\"");
            for c in text.chars() {
                match c {
                    '"' => quoted.push_str("\\\""),
                    '\\' => quoted.push_str("\\\\"),
                    '\n' => quoted.push_str("\\n"),
                    '\t' => quoted.push_str("\\t"),
                    c if c.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
                    c => quoted.push(c),
                }
            }
            quoted.push('"');
            quoted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn objects_have_their_own_text() {
        let at = |line, column| Position { line, column };
        let text = "# first\na: 1\n\n---\n# second\nb:\n  - c\n\n...\n--- {d: 2}\n";
        let list = "kind: List\nitems:\n- a: 1\n  b:\n    - c # why\n\n- d: 2\nx: 3\n";
        for (text, place, wanted) in [
            (text, at(2, 1), "# first\na: 1\n"),
            (text, at(6, 1), "# second\nb:\n  - c\n"),
            (text, at(10, 5), "--- {d: 2}\n"),
            (list, at(3, 3), "a: 1\nb:\n  - c # why\n"),
            (list, at(7, 3), "d: 2\n"),
            (
                "{\"a\": [{\"b\": 1}]}\n",
                at(1, 8),
                "{\"a\": [{\"b\": 1}]}\n",
            ),
            ("a: 1\n", at(0, 0), "a: 1\n"),
            ("a: 1\n", at(9, 9), "a: 1\n"),
            ("", at(1, 1), ""),
        ] {
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(excerpt(&lines, place), wanted, "{place} of {text:?}");
        }
    }

    #[test]
    fn trees_become_text_of_the_same_meaning() {
        let text = "a:\n  b: [1, {c: 'x: \"y\"', d: []}, [e, ~, 2.5]]\n  'no': {}\n  f: |\n    two\n    \\lines\t\nk8s:app: \"8080\"\nt: true\n";
        let tree = parse(text).expect("valid").remove(0);
        let written = tree.to_yaml();
        let again = parse(&written).expect(&written).remove(0);
        assert_eq!(again.digest(), tree.digest(), "{written}");
        assert!(written.starts_with("a:\n  b:\n    - 1\n"), "{written}");
    }
}
