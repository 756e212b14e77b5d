//! A request's header, and what of its body is kept: topics, what decides about an answer, and what an
//! answer of ours repeats.

use std::collections::HashSet;

use super::error::ReadError;
use super::judge::{Head, Topics};
use super::key::ApiKey;
use super::schema::Role;
use super::walk::Found;

/// Reads a request's header, up to its client id. None: it needs that many bytes. Then the head, and
/// how many bytes it takes.
///
/// # Errors
///
/// The client's id isn't text.
pub(super) fn head(bytes: &[u8]) -> Result<Result<(Head, usize), usize>, ReadError> {
    const FIXED: usize = 8;
    let Some(&[k0, k1, v0, v1, c0, c1, c2, c3]) = bytes.first_chunk::<FIXED>() else {
        return Ok(Err(FIXED));
    };
    let mut head = Head {
        api_key: ApiKey(i16::from_be_bytes([k0, k1])),
        api_version: i16::from_be_bytes([v0, v1]),
        correlation_id: i32::from_be_bytes([c0, c1, c2, c3]),
        client_id: None,
    };
    // The oldest header of all.
    if head.api_key == ApiKey::CONTROLLED_SHUTDOWN && head.api_version == 0 {
        return Ok(Ok((head, FIXED)));
    }
    let rest = bytes.get(FIXED..).unwrap_or_default();
    let Some((&length, rest)) = rest.split_first_chunk::<2>() else {
        return Ok(Err(FIXED.saturating_add(2)));
    };
    let used = FIXED.saturating_add(2);
    let length = match i16::from_be_bytes(length) {
        -1 => return Ok(Ok((head, used))),
        length => usize::try_from(length).map_err(|_below| ReadError::Length)?,
    };
    let used = used.saturating_add(length);
    let Some(client) = rest.get(..length) else {
        return Ok(Err(used));
    };
    let client = std::str::from_utf8(client).map_err(|_bytes| ReadError::Text)?;
    head.client_id = Some(client.to_owned());
    Ok(Ok((head, used)))
}

/// How much of a request is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    /// Topics, partitions and whatever else an answer repeats.
    pub(super) items: usize,
    /// Bytes of names.
    pub(super) text: usize,
    /// Whether the request is denied whatever its topics are: then few of their names are kept, for its event,
    /// and that there are more; otherwise more than fit are refused.
    pub(super) is_denied: bool,
}

/// Topics that are kept of a request which is denied whatever they are.
const FEW_TOPICS: usize = 100;

/// What a request's body says.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) topics: Topics,
    /// The same once more, when they are many.
    seen: HashSet<String>,
    /// Bytes of their names.
    text: usize,
    /// Whether there are topics that aren't kept.
    pub(super) has_more_topics: bool,
    pub(super) acks: Option<i64>,
    pub(super) max_wait: i64,
    pub(super) session: i64,
    pub(super) epoch: i64,
    pub(super) key_type: i64,
    pub(super) echo: Echo,
    /// Where the outermost array that matters stands.
    pub(super) array: Places,
    /// How many topics are announced, when each stands in an element of that array.
    pub(super) announced: Option<u32>,
    /// How many of them were begun.
    begun: u32,
    /// Level of the element that is read; 0 = none.
    level: u8,
    element: Element,
}

/// What the outermost element being read names.
#[derive(Debug, Default, Clone, Copy)]
struct Element {
    name: bool,
    id: bool,
}

/// Where an array stands in a message, in bytes from where the walk began.
#[derive(Debug, Default, Clone)]
pub(super) struct Places {
    /// Its length, from and to.
    pub(super) length: (u64, u64),
    /// Where each element begins, and whose it is: its topic, if it has one.
    pub(super) elements: Vec<(u64, Option<String>)>,
    pub(super) end: u64,
}

/// What an answer repeats of a request, in the order of the request.
#[derive(Debug, Default)]
pub(super) struct Echo {
    tokens: Vec<Token>,
    text: String,
}

/// Bytes that names take.
pub(super) fn names_size(names: &[String]) -> usize {
    let sizes = names
        .iter()
        .map(|name| size_of::<String>().saturating_add(name.len()));
    sizes.fold(0, usize::saturating_add)
}

/// A part of an [`Echo`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Token {
    /// An element of that level begins.
    Item(u8),
    Int(Role, i64),
    /// From and to, in the echo's text.
    Text(Role, u32, u32),
    Uuid(Role, [u8; 16]),
}

impl Token {
    /// The number of that role.
    pub(super) fn int(self, role: Role) -> Option<i64> {
        match self {
            Self::Int(of, value) if of == role => Some(value),
            Self::Int(..) | Self::Item(_) | Self::Text(..) | Self::Uuid(..) => None,
        }
    }

    /// Where the text of that role stands.
    pub(super) fn text(self, role: Role) -> Option<(u32, u32)> {
        match self {
            Self::Text(of, from, to) if of == role => Some((from, to)),
            Self::Int(..) | Self::Item(_) | Self::Text(..) | Self::Uuid(..) => None,
        }
    }

    /// The uuid of that role.
    pub(super) fn uuid(self, role: Role) -> Option<[u8; 16]> {
        match self {
            Self::Uuid(of, id) if of == role => Some(id),
            Self::Int(..) | Self::Item(_) | Self::Text(..) | Self::Uuid(..) => None,
        }
    }
}

impl Body {
    /// Takes what was found, of a request of that kind.
    ///
    /// # Errors
    ///
    /// More than may be kept.
    pub(super) fn take(
        &mut self,
        key: ApiKey,
        keep: Keep,
        found: Found<'_>,
    ) -> Result<(), ReadError> {
        match found {
            Found::Array {
                level,
                from,
                to,
                count,
            } => {
                if level == 1 {
                    self.array.length = (from, to);
                    self.announced = count;
                }
                // A group of several that asks for all of its topics; of other kinds an element that named
                // no topic before what it wants of it.
                let is_unnamed = level == 2 && !self.element.name;
                if is_unnamed && (key != ApiKey::OFFSET_FETCH || count.unwrap_or(0) == 0) {
                    self.topics.unnamed = true;
                }
            }
            Found::Item { level, at } => {
                if level == 1 {
                    self.close_element();
                    self.begun = self.begun.saturating_add(1);
                    if key == ApiKey::METADATA {
                        self.array.elements.push((at, None));
                    }
                }
                self.level = level;
                self.echo.push(Token::Item(level), keep)?;
            }
            Found::End { level, at } => {
                if level == 1 {
                    self.close_element();
                    self.array.end = at;
                }
                self.level = level.saturating_sub(1);
            }
            Found::Int(role, value) => self.int(role, value, keep)?,
            Found::Text(Role::Topic, Some(name)) => {
                self.element.name = true;
                // Beside an id the name counts for nothing: the broker goes by the id.
                if let Some((_, of)) = self.array.elements.last_mut()
                    && !self.element.id
                {
                    *of = Some(name.to_owned());
                }
                self.name(name, keep)?;
                self.echo(Role::Topic, name, keep)?;
            }
            Found::Text(Role::Topic, None) => self.topics.unnamed = true,
            Found::Text(role, Some(text)) => self.echo(role, text, keep)?,
            Found::Text(_, None) => {}
            Found::Uuid(role, id) => {
                self.element.id |= id != [0; 16];
                if self.level > 0 {
                    self.echo.push(Token::Uuid(role, id), keep)?;
                }
            }
        }
        Ok(())
    }

    /// The topics of all that was read, of an element that isn't over too.
    pub(super) fn topics_so_far(&self) -> Topics {
        let mut topics = self.topics.clone();
        topics.unnamed = self.has_unnamed_topics();
        topics
    }

    /// Whether any topic so far was named by its id, or not at all.
    pub(super) fn has_unnamed_topics(&self) -> bool {
        self.topics.unnamed || self.element.id
    }

    /// Whether the last topic's name was read, where each stands in an element of the outermost array.
    pub(super) fn has_all_topics(&self) -> bool {
        self.announced == Some(self.begun) && (self.element.name || self.element.id)
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let strings = self.topics.names.len().saturating_mul(size_of::<String>());
        let names = strings.saturating_add(self.text);
        let names = if self.seen.is_empty() {
            names
        } else {
            names.saturating_mul(2)
        };
        let elements = &self.array.elements;
        let places = elements
            .len()
            .saturating_mul(size_of::<(u64, Option<String>)>());
        let of = elements
            .iter()
            .filter_map(|(_, of)| of.as_ref())
            .map(String::len);
        let places = of.fold(places, usize::saturating_add);
        names
            .saturating_add(places)
            .saturating_add(self.echo.size())
    }

    /// Keeps a topic's name, once.
    ///
    /// # Errors
    ///
    /// There are more than may be kept, and all must be known.
    fn name(&mut self, name: &str, keep: Keep) -> Result<(), ReadError> {
        if self.knows(name) {
            return Ok(());
        }
        let text = self.text.saturating_add(name.len());
        let names = &mut self.topics.names;
        let most = if keep.is_denied {
            FEW_TOPICS.min(keep.items)
        } else {
            keep.items
        };
        if names.len() >= most || text > keep.text {
            self.has_more_topics = true;
            return if keep.is_denied {
                Ok(())
            } else {
                Err(ReadError::TooMany)
            };
        }
        names.push(name.to_owned());
        self.text = text;
        if !self.seen.is_empty() {
            self.seen.insert(name.to_owned());
        }
        Ok(())
    }

    /// Whether a topic is among those that are kept.
    fn knows(&mut self, name: &str) -> bool {
        /// So many are looked through; most requests have fewer.
        const FEW: usize = 16;
        let names = &self.topics.names;
        if names.len() < FEW {
            return names.iter().any(|known| known == name);
        }
        if self.seen.is_empty() {
            self.seen.extend(names.iter().cloned());
        }
        self.seen.contains(name)
    }

    fn int(&mut self, role: Role, value: i64, keep: Keep) -> Result<(), ReadError> {
        match role {
            Role::Acks => self.acks = Some(value),
            Role::MaxWait => self.max_wait = value,
            Role::Session => self.session = value,
            Role::Epoch => self.epoch = value,
            Role::KeyType => self.key_type = value,
            Role::Partition | Role::Type if self.level > 0 => {
                self.echo.push(Token::Int(role, value), keep)?;
            }
            Role::Partition
            | Role::Type
            | Role::Skip
            | Role::Topic
            | Role::TopicId
            | Role::Name
            | Role::Second
            | Role::Error
            | Role::ErrorIfEmpty => {}
        }
        Ok(())
    }

    fn echo(&mut self, role: Role, text: &str, keep: Keep) -> Result<(), ReadError> {
        if self.level == 0 {
            return Ok(());
        }
        let from = self.echo.text.len();
        let to = from.saturating_add(text.len());
        if to > keep.text {
            return Err(ReadError::TooMany);
        }
        self.echo.text.push_str(text);
        let place = |at| u32::try_from(at).map_err(|_wide| ReadError::TooMany);
        self.echo
            .push(Token::Text(role, place(from)?, place(to)?), keep)
    }

    /// An element that names its topic by id, or not at all, has no name that a rule could have: beside an id
    /// the broker doesn't look at it.
    fn close_element(&mut self) {
        if self.level > 0 {
            let Element { name, id } = std::mem::take(&mut self.element);
            self.topics.unnamed |= id || !name;
        }
    }
}

impl Echo {
    /// One element with a topic's name.
    pub(super) fn topic(name: &str) -> Self {
        let end = u32::try_from(name.len()).unwrap_or(u32::MAX);
        Self {
            tokens: vec![Token::Item(1), Token::Text(Role::Topic, 0, end)],
            text: name.to_owned(),
        }
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The text of a token.
    pub(super) fn text(&self, from: u32, to: u32) -> &str {
        let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
        self.text.get(place(from)..place(to)).unwrap_or_default()
    }

    fn push(&mut self, token: Token, keep: Keep) -> Result<(), ReadError> {
        if self.tokens.len() >= keep.items {
            return Err(ReadError::TooMany);
        }
        self.tokens.push(token);
        Ok(())
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let tokens = self.tokens.len().saturating_mul(size_of::<Token>());
        tokens.saturating_add(self.text.len())
    }
}
