//! From the events of the YAML parser to trees, without recursion and within limits: whoever can write a
//! file can write anything, and must cost no more than the file's size.

use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag, options};

use super::{Error, Field, Node, Position, Value, scalar, syntax};

/// Bytes of a text at most.
pub const MAX_BYTES: usize = 32 << 20;
/// How deep values may be nested. Manifests need 15, definitions of resources 40.
pub const MAX_DEPTH: usize = 64;
/// Values of a text at most, those that aliases repeat included.
pub const MAX_NODES: usize = 2_000_000;
/// Values that anchors and aliases may repeat, over all of a text.
pub const MAX_REPEATED_NODES: usize = 100_000;
/// Bytes of texts that anchors and aliases may repeat, over all of a text.
pub const MAX_REPEATED_BYTES: usize = 8 << 20;

/// Reads all documents of a YAML stream; empty ones are left out.
///
/// # Errors
/// The text is no YAML, has a key twice in one mapping, or exceeds a limit.
pub fn parse(text: &str) -> Result<Vec<Node>, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error {
            at: Position::default(),
            problem: too_large(text.len() as u64),
        });
    }
    // The scanner's own limits count brackets and indentations apart; ours counts both together.
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| scan_error(&error))?;
        builder.event(event, &span)?;
    }
    Ok(builder.documents)
}

/// What to say of a text or file of so many bytes.
pub(crate) fn too_large(bytes: u64) -> String {
    format!(
        "is too large: {} MiB, at most {} MiB are read; split it",
        bytes.div_ceil(1 << 20),
        MAX_BYTES >> 20
    )
}

fn too_deep() -> String {
    format!("is nested too deep: at most {MAX_DEPTH} levels are read")
}

fn scan_error(error: &ScanError) -> Error {
    let problem = if *error.kind() == ErrorKind::RecursionLimitExceeded {
        too_deep()
    } else {
        syntax::error_text(error.kind())
    };
    Error {
        at: position(error.marker()),
        problem,
    }
}

fn position(marker: &Marker) -> Position {
    Position {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
    }
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    /// Lists and mappings that are open, the innermost last.
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    repeated: Weight,
}

/// A list or mapping that is being read.
struct Open {
    at: Position,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        fields: Vec<Field>,
        /// The key whose value comes next.
        key: Option<Key>,
        /// Mappings to be merged in (`<<`).
        merged: Vec<Node>,
    },
}

struct Anchored {
    node: Node,
    weight: Weight,
}

#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

/// A key of a mapping that is being read.
struct Key {
    text: String,
    at: Position,
    /// It is `<<`, which merges its value into the mapping.
    merges: bool,
}

impl Builder {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "events that carry no value are passed over, whatever the parser will have"
    )]
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Error> {
        let at = position(&span.start);
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.key(&text, style, tag.as_deref(), anchor, at);
                }
                let value = value(&text, style, tag.as_deref());
                self.complete(Node { at, value }, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(at, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Map {
                    fields: Vec::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.begin(at, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Alias(anchor) => self.alias(anchor, at)?,
            _ => {}
        }
        Ok(())
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.open.last().map(|open| &open.content),
            Some(Content::Map { key: None, .. })
        )
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Error> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let problem = format!("has too many values: at most {MAX_NODES} are read; split it");
            return Err(Error { at, problem });
        }
        Ok(())
    }

    /// Counts what is held a second time.
    fn repeat(&mut self, weight: Weight, at: Position) -> Result<(), Error> {
        self.repeated.nodes += weight.nodes;
        self.repeated.bytes += weight.bytes;
        if self.repeated.nodes > MAX_REPEATED_NODES || self.repeated.bytes > MAX_REPEATED_BYTES {
            let problem = format!(
                "anchors and aliases repeat too much: at most {MAX_REPEATED_NODES} values and {} MiB; write it out",
                MAX_REPEATED_BYTES >> 20
            );
            return Err(Error { at, problem });
        }
        Ok(())
    }

    fn key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        at: Position,
    ) -> Result<(), Error> {
        let is_plain = style == ScalarStyle::Plain && tag.is_none();
        if is_plain && scalar::plain(text) == Value::Null {
            return Err(Error {
                at,
                problem: "a key is missing before the colon".to_owned(),
            });
        }
        self.count(1, at)?;
        if anchor != 0 {
            let value = Value::Text(text.to_owned());
            self.store_anchor(anchor, &Node { at, value })?;
        }
        self.set_key(Key {
            text: text.to_owned(),
            at,
            merges: is_plain && text == "<<",
        });
        Ok(())
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Open {
            content: Content::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(new);
        }
    }

    fn begin(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), Error> {
        if self.wants_key() {
            let problem = "a list or mapping can't be a key; quote it if it is text".to_owned();
            return Err(Error { at, problem });
        }
        if self.open.len() >= MAX_DEPTH {
            let problem = too_deep();
            return Err(Error { at, problem });
        }
        self.open.push(Open {
            at,
            anchor,
            content,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map { fields, merged, .. } => Value::Map(self.fields(fields, merged)?),
        };
        self.complete(Node { at: open.at, value }, open.anchor)
    }

    /// The fields of a mapping, each key once, with those merged in that it doesn't have itself.
    fn fields(&mut self, mut fields: Vec<Field>, merged: Vec<Node>) -> Result<Vec<Field>, Error> {
        let mut known: HashSet<&str> = HashSet::with_capacity(fields.len());
        for field in &fields {
            if !known.insert(&field.key) {
                let first = fields.iter().find(|first| first.key == field.key);
                let line = first.map_or(0, |first| first.at.line);
                let problem = format!(
                    "key {:?} stands twice in this mapping, first on line {line}; remove one",
                    field.key
                );
                return Err(Error {
                    at: field.at,
                    problem,
                });
            }
        }
        let mut known: HashSet<String> = match merged.is_empty() {
            true => return Ok(fields),
            false => known.into_iter().map(str::to_owned).collect(),
        };
        for node in merged {
            let parts = match node {
                Node {
                    value: Value::List(items),
                    ..
                } => items,
                node => vec![node],
            };
            for part in parts {
                let Value::Map(more) = part.value else {
                    let problem = "<< takes a mapping, or a list of mappings".to_owned();
                    return Err(Error {
                        at: part.at,
                        problem,
                    });
                };
                let new = more
                    .into_iter()
                    .filter(|field| known.insert(field.key.clone()));
                fields.extend(new);
            }
        }
        Ok(fields)
    }

    /// A value that is whole goes to where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        self.count(1, node.at)?;
        if anchor != 0 {
            self.store_anchor(anchor, &node)?;
        }
        self.attach(node);
        Ok(())
    }

    fn store_anchor(&mut self, anchor: usize, node: &Node) -> Result<(), Error> {
        let weight = weight(node);
        self.repeat(weight, node.at)?;
        let node = node.clone();
        self.anchors.insert(anchor, Anchored { node, weight });
        Ok(())
    }

    fn attach(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            if node.value != Value::Null {
                self.documents.push(node);
            }
            return;
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map {
                fields,
                key,
                merged,
            } => match key.take() {
                Some(key) if key.merges => merged.push(node),
                Some(key) => fields.push(Field {
                    key: key.text,
                    at: key.at,
                    node,
                }),
                // Only a scalar comes to a mapping that waits for a key, and it becomes one.
                None => {}
            },
        }
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Error> {
        let Some(Anchored { node, weight }) = self.anchors.get(&anchor) else {
            let problem = "repeats a value that it is itself a part of".to_owned();
            return Err(Error { at, problem });
        };
        let (weight, depth) = (*weight, self.open.len() + node.depth());
        if depth > MAX_DEPTH {
            let problem = too_deep();
            return Err(Error { at, problem });
        }
        self.repeat(weight, at)?;
        self.count(weight.nodes, at)?;
        let Some(Anchored { node, .. }) = self.anchors.get(&anchor) else {
            return Ok(());
        };
        let value = node.value.clone();
        if self.wants_key() {
            let Value::Text(text) = value else {
                let problem = "a key has to be text".to_owned();
                return Err(Error { at, problem });
            };
            self.set_key(Key {
                text,
                at,
                merges: false,
            });
            return Ok(());
        }
        self.attach(Node { at, value });
        Ok(())
    }
}

fn weight(node: &Node) -> Weight {
    let mut sum = Weight { nodes: 1, bytes: 0 };
    let mut add = |weight: Weight| {
        sum.nodes += weight.nodes;
        sum.bytes += weight.bytes;
    };
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        Value::Text(text) => sum.bytes += text.len(),
        Value::List(items) => items.iter().for_each(|item| add(weight(item))),
        Value::Map(fields) => fields.iter().for_each(|field| {
            add(Weight {
                nodes: 1,
                bytes: field.key.len(),
            });
            add(weight(&field.node));
        }),
    }
    sum
}

fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let core = tag.and_then(Tag::core_suffix);
    match (style, core) {
        (_, Some("str")) => Value::Text(text.to_owned()),
        (_, Some("null" | "bool" | "int" | "float")) => scalar::plain(text),
        // `!` alone says that it is text; of other tags nothing is known.
        (ScalarStyle::Plain, _) => match tag {
            Some(tag) if tag.original() == "!" => Value::Text(text.to_owned()),
            Some(_) | None => scalar::plain(text),
        },
        (_, _) => Value::Text(text.to_owned()),
    }
}
