//! YAML as a tree in which every value and every key knows its line and column.
//!
//! Manifests are read by hand from this tree instead of through derived types, because an error in a
//! policy has to name file, line, field and remedy, and because absent, `null`, `[]` and `{}` mean
//! different things in policies.

use std::fmt;

use thiserror::Error;

mod build;
mod scalar;
mod syntax;
mod text;

pub(crate) use build::too_large;
pub use build::{MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_REPEATED_BYTES, MAX_REPEATED_NODES, parse};
pub use text::excerpt;

/// A place in a file, both counted from 1. Zero: not known.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    fn move_lines(&mut self, lines: i64) {
        if self.line > 0 {
            self.line = u32::try_from(i64::from(self.line) + lines).unwrap_or(0);
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Node {
    /// Where the value begins.
    pub at: Position,
    /// The value.
    pub value: Value,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number: a fraction, a whole one outside of 64 bits, or one that the versions of YAML
    /// read differently (`010`, `0x50`, `1_000`, `+80`) and that is therefore taken for none of them.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file. Keys are unique.
    Map(Vec<Field>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Field {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Position,
    /// Its value.
    pub node: Node,
}

/// Why a text can't be read as YAML.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{at}: {problem}")]
pub struct Error {
    /// Where reading ended.
    pub at: Position,
    /// What is wrong there; a limit is named with its value.
    pub problem: String,
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self {
            Some(*number)
        } else {
            None
        }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        if let Self::List(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// The fields, if it is a mapping.
    pub fn as_map(&self) -> Option<&[Field]> {
        if let Self::Map(fields) = self {
            Some(fields)
        } else {
            None
        }
    }

    /// The kind of value as a manifest's author would call it, for error messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl Node {
    /// The value under `key`, if this is a mapping that has it. `null` counts as absent, as in
    /// Kubernetes.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(fields) = &self.value else {
            return None;
        };
        fields
            .iter()
            .find(|field| field.key == key)
            .map(|field| &field.node)
            .filter(|node| node.value != Value::Null)
    }

    /// The value at a field path such as `spec.ingress[0].toPorts`; `None` if there is none. Keys with a
    /// dot in them can't be named.
    pub fn at_path(&self, path: &str) -> Option<&Self> {
        let mut node = self;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            let (key, indices) = step.split_once('[').unwrap_or((step, ""));
            node = node.get(key)?;
            for index in indices.split('[').filter(|index| !index.is_empty()) {
                let index: usize = index.strip_suffix(']')?.parse().ok()?;
                node = node.value.as_list()?.get(index)?;
            }
        }
        Some(node)
    }

    /// The text under `key`, if it is there and text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.value.as_text()
    }

    /// Moves the value and all in it this many lines down; upwards if that is negative. A place that is not
    /// known stays so.
    pub(crate) fn move_lines(&mut self, lines: i64) {
        self.at.move_lines(lines);
        match &mut self.value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.move_lines(lines)),
            Value::Map(fields) => fields.iter_mut().for_each(|field| {
                field.at.move_lines(lines);
                field.node.move_lines(lines);
            }),
        }
    }

    /// How deep it is nested: 0 for a value that is neither a list nor a mapping.
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => 0,
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(fields) => 1 + fields.iter().map(|f| f.node.depth()).max().unwrap_or(0),
        }
    }

    /// A 64-bit digest of the value that ignores positions: equal for texts that differ in comments,
    /// indentation or place only. Stable over versions of this program.
    pub fn digest(&self) -> u64 {
        let mut digest = durable::Digest::default();
        self.feed(&mut digest);
        digest.finish()
    }

    fn feed(&self, digest: &mut durable::Digest) {
        match &self.value {
            Value::Null => digest.tagged(b'n', &[]),
            Value::Bool(value) => digest.tagged(b'b', &[u8::from(*value)]),
            Value::Int(value) => digest.tagged(b'i', &value.to_le_bytes()),
            Value::Float(value) => digest.tagged(b'f', &value.to_bits().to_le_bytes()),
            Value::Text(value) => digest.tagged(b't', value.as_bytes()),
            Value::List(items) => {
                digest.tagged(b'l', &items.len().to_le_bytes());
                items.iter().for_each(|item| item.feed(digest));
            }
            Value::Map(fields) => {
                digest.tagged(b'm', &fields.len().to_le_bytes());
                let mut sorted: Vec<&Field> = fields.iter().collect();
                sorted.sort_by(|a, b| a.key.cmp(&b.key));
                for field in sorted {
                    digest.tagged(b'k', field.key.as_bytes());
                    field.node.feed(digest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place() {
        let documents = parse("a: 1\nb:\n  - x: '8080'\n  -\n---\n# nothing\n---\nc: {}\nd: []\n")
            .expect("valid");
        assert_eq!(documents.len(), 2);
        let b = documents[0].get("b").expect("b");
        let Value::List(items) = &b.value else {
            panic!("{b:?}")
        };
        assert_eq!(items[0].text("x"), Some("8080"));
        assert_eq!(
            items[0].get("x").expect("x").at,
            Position { line: 3, column: 8 }
        );
        assert_eq!(items[1].value, Value::Null);
        let x = documents[0].at_path("b[0].x").expect("b[0].x");
        assert_eq!(x.at, Position { line: 3, column: 8 });
        assert_eq!(documents[0].at_path("b[2]"), None);
        assert_eq!(documents[0].at_path("b.x"), None);
        assert_eq!(documents[0].get("a").expect("a").value, Value::Int(1));
        assert_eq!(documents[1].get("c").expect("c").value, Value::Map(vec![]));
        assert_eq!(documents[1].get("d").expect("d").value, Value::List(vec![]));
        let Value::Map(fields) = &documents[1].value else {
            panic!()
        };
        assert_eq!(fields[1].at, Position { line: 9, column: 1 });
    }

    #[test]
    fn errors_know_their_place() {
        for (name, text, line) in [
            ("twice", "a: 1\na: 2\n", 2),
            ("cut short", "a: [1, 2\n", 1),
            ("bad indent", "a:\n  b: 1\n c: 2\n", 3),
        ] {
            let error = parse(text).expect_err(name);
            assert!(error.at.line >= line, "{name}: {error}");
            assert!(!error.problem.is_empty(), "{name}");
        }
    }

    #[test]
    fn digest_ignores_form_but_not_content() {
        let digest = |text: &str| parse(text).expect("valid")[0].digest();
        assert_eq!(
            digest("a: {x: 1, y: [b]}"),
            digest("# note\na:\n  y:\n  - b\n  x: 1\n")
        );
        assert_ne!(digest("a: '1'"), digest("a: 1"));
        assert_ne!(digest("a: []"), digest("a: {}"));
        assert_ne!(digest("a: [b, c]"), digest("a: [bc]"));
    }
}
