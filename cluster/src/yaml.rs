//! YAML as a tree in which every value and every key knows its line and column.
//!
//! Manifests are read by hand from this tree instead of through derived types, because an error in a
//! policy has to name file, line, field and remedy, and because absent, `null`, `[]` and `{}` mean
//! different things in policies.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use thiserror::Error;

mod text;

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
    /// Any other number, or a whole one outside of 64 bits.
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

/// Why a text is no YAML.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{at}: {problem}")]
pub struct Error {
    /// Where the parser gave up.
    pub at: Position,
    /// What it says.
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

    /// A 64-bit digest of the value that ignores positions: equal for texts that differ in comments,
    /// indentation or place only. Stable over versions of this program.
    pub fn digest(&self) -> u64 {
        let mut digest = crate::digest::Digest::default();
        self.feed(&mut digest);
        digest.finish()
    }

    fn feed(&self, digest: &mut crate::digest::Digest) {
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

/// Reads all documents of a YAML stream; empty ones are left out.
///
/// # Errors
/// The text is no YAML, has a key twice in one mapping, or is absurdly nested or large.
pub fn parse(text: &str) -> Result<Vec<Node>, Error> {
    // A file may hold a cluster of ten thousand pods; the limits that remain are those against
    // nesting and alias bombs.
    let budget = serde_saphyr::budget! {
        max_events: 50_000_000,
        max_nodes: 20_000_000,
        max_documents: 200_000,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options::<FromYaml>(text, options)
        .map(|documents| documents.into_iter().map(|document| document.0).collect())
        .map_err(|error| {
            let location = error.location();
            Error {
                at: location.map_or_else(Position::default, |l| position(&l)),
                problem: error.to_string(),
            }
        })
}

fn position(location: &serde_saphyr::Location) -> Position {
    Position {
        line: u32::try_from(location.line()).unwrap_or(u32::MAX),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX),
    }
}

/// Wrapper under which the tree is read from YAML, so that [`Node`] itself can have the plain serde
/// form for the agent's state file.
struct FromYaml(Node);

struct Inner(Value);

impl<'de> Deserialize<'de> for FromYaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Inner>::deserialize(deserializer)?;
        Ok(Self(Node {
            at: position(&spanned.referenced),
            value: spanned.value.0,
        }))
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InnerVisitor).map(Self)
    }
}

struct InnerVisitor;

impl<'de> Visitor<'de> for InnerVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Inner::deserialize(deserializer).map(|inner| inner.0)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(FromYaml(node)) = access.next_element()? {
            items.push(node);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let FromYaml(node) = access.next_value()?;
            fields.push(Field {
                at: position(&key.referenced),
                key: key.value,
                node,
            });
        }
        Ok(Value::Map(fields))
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
