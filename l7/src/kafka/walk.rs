//! Reads a message by its table, as its bytes arrive: split anywhere, and without keeping anything but
//! a place in the table and the text or number being read.
//!
//! Work is bounded by the bytes: an array that announces more elements than bytes are left is refused,
//! and every element of every table takes at least a byte.

use super::error::ReadError;
use super::schema::{Field, Kind, Role};

/// What was found, in the order of the bytes. `at` is a place in bytes from where the walk began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An array whose elements matter begins: where its length stands, where its first element does,
    /// and how many there are; none: it is null.
    Array {
        level: u8,
        from: u64,
        to: u64,
        count: Option<u32>,
    },
    /// An element of such an array begins; 1 is the outermost.
    Item {
        level: u8,
        at: u64,
    },
    /// The array ended.
    End {
        level: u8,
        at: u64,
    },
    Int(Role, i64),
    /// None: null.
    Text(Role, Option<&'a str>),
    Uuid(Role, [u8; 16]),
}

/// Longest text that is wanted: that of a 2-byte length. Kafka's topics have at most 249 bytes.
const MAX_TEXT: usize = 32_767;
/// Tables are not deeper; a test holds them.
const MAX_DEPTH: usize = 6;

/// A place in a table.
#[derive(Debug)]
pub(super) struct Walk {
    version: i16,
    flexible: bool,
    levels: Vec<Level>,
    state: State,
    /// Bytes of the message not read yet.
    left: u64,
    /// Bytes read.
    at: u64,
}

#[derive(Debug)]
struct Level {
    fields: &'static [Field],
    /// Elements left, this one among them.
    elements: u32,
    /// The number of the array, if its elements matter.
    number: Option<u8>,
    /// Elements are plain values: no versions, no tagged fields.
    plain: bool,
    /// The next field; after the last one stand the tagged ones.
    next: usize,
}

#[derive(Debug)]
enum State {
    /// The next field of the innermost level.
    Next,
    Fixed(Role, Number),
    /// The length of a text, of bytes or of an array.
    Length(Field, Number),
    Text(Role, Vec<u8>, usize),
    Skip(u64),
    /// How many tagged fields there are.
    Tags(Number),
    /// A tagged field's number, then its length; so many fields are left, this one among them.
    Tag(u32, Number),
    TagLength(u32, Number),
    TagBytes(u32, u64),
    Done,
}

/// A number being read: so many bytes of it, or a varint.
#[derive(Debug, Clone, Copy)]
struct Number {
    bytes: [u8; 16],
    have: u8,
    /// 0 = a varint.
    want: u8,
}

impl Number {
    const fn fixed(want: u8) -> Self {
        Self {
            bytes: [0; 16],
            have: 0,
            want,
        }
    }

    const VARINT: Self = Self::fixed(0);

    /// Takes bytes; true once it is whole.
    fn take(&mut self, input: &mut Input<'_>) -> Result<bool, ReadError> {
        while self.want == 0 || self.have < self.want {
            let Some(byte) = input.byte() else {
                return Ok(false);
            };
            // An unsigned varint of 32 bits has at most 5 bytes.
            if self.want == 0 && self.have == 5 {
                return Err(ReadError::Varint);
            }
            if let Some(place) = self.bytes.get_mut(usize::from(self.have)) {
                *place = byte;
            }
            self.have = self.have.saturating_add(1);
            if self.want == 0 && byte & 0x80 == 0 {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Signed, in network order.
    fn signed(&self) -> i64 {
        let mut bytes = self.bytes.iter().take(usize::from(self.want.min(8)));
        let first = bytes
            .next()
            .map_or(0, |&byte| i64::from(i8::from_ne_bytes([byte])));
        bytes.fold(first, |value, &byte| (value << 8) | i64::from(byte))
    }

    /// As an unsigned varint.
    fn varint(&self) -> Result<u32, ReadError> {
        let bytes = self.bytes.iter().take(usize::from(self.have));
        let value = bytes
            .rev()
            .fold(0u64, |value, &byte| (value << 7) | u64::from(byte & 0x7f));
        u32::try_from(value).map_err(|_wide| ReadError::Varint)
    }
}

/// Bytes to read, and where in the message they stand.
struct Input<'a> {
    bytes: &'a [u8],
    at: u64,
    /// Bytes of the message from `at` on.
    left: u64,
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        self.take(1).first().copied()
    }

    /// At most so many.
    fn take(&mut self, most: u64) -> &'a [u8] {
        let most = usize::try_from(most.min(self.left)).unwrap_or(usize::MAX);
        let (taken, rest) = self.bytes.split_at(most.min(self.bytes.len()));
        self.bytes = rest;
        self.at = self.at.saturating_add(taken.len() as u64);
        self.left = self.left.saturating_sub(taken.len() as u64);
        taken
    }
}

/// What is told of what was found.
pub(super) type Sink<'s> = &'s mut dyn FnMut(Found<'_>) -> Result<(), ReadError>;

impl Walk {
    /// A walk over a message of `size` bytes. `tags_first`: a header's tagged fields stand before it.
    pub(super) fn new(
        fields: &'static [Field],
        version: i16,
        flexible: bool,
        tags_first: bool,
        size: u64,
    ) -> Self {
        let whole = Level {
            fields,
            elements: 1,
            number: None,
            plain: false,
            next: 0,
        };
        Self {
            version,
            flexible,
            levels: vec![whole],
            state: if tags_first {
                State::Tags(Number::VARINT)
            } else {
                State::Next
            },
            left: size,
            at: 0,
        }
    }

    /// Whether all that matters was read; what follows isn't looked at.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Bytes read.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Reads on: `bytes` is what follows in the message.
    ///
    /// # Errors
    ///
    /// The bytes are not such a message, or `found` refuses; what it refused was read.
    pub(super) fn feed(&mut self, bytes: &[u8], found: Sink<'_>) -> Result<(), ReadError> {
        let mut input = Input {
            bytes,
            at: self.at,
            left: self.left,
        };
        let result = loop {
            match self.step(&mut input, found) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.at = input.at;
        self.left = input.left;
        result?;
        if self.left == 0 && !self.is_done() {
            return Err(ReadError::Truncated);
        }
        Ok(())
    }

    /// One step; false when it needs more bytes, or nothing more is wanted.
    fn step(&mut self, input: &mut Input<'_>, found: Sink<'_>) -> Result<bool, ReadError> {
        let next = match &mut self.state {
            State::Done => return Ok(false),
            State::Next => self.next(input.at, found)?,
            State::Fixed(role, number) => {
                if !number.take(input)? {
                    return Ok(false);
                }
                if *role != Role::Skip {
                    found(match number.want {
                        16 => Found::Uuid(*role, number.bytes),
                        _ => Found::Int(*role, number.signed()),
                    })?;
                }
                State::Next
            }
            State::Length(field, number) => {
                if !number.take(input)? {
                    return Ok(false);
                }
                let (field, number) = (*field, *number);
                self.length(field, number, input, found)?
            }
            State::Text(role, text, want) => {
                let more = want.saturating_sub(text.len());
                text.extend_from_slice(input.take(more as u64));
                if text.len() < *want {
                    return Ok(false);
                }
                let text = std::str::from_utf8(text).map_err(|_bytes| ReadError::Text)?;
                found(Found::Text(*role, Some(text)))?;
                State::Next
            }
            State::Skip(more) => {
                *more = more.saturating_sub(input.take(*more).len() as u64);
                if *more > 0 {
                    return Ok(false);
                }
                State::Next
            }
            State::Tags(number) => {
                if !number.take(input)? {
                    return Ok(false);
                }
                State::tags(number.varint()?)
            }
            State::Tag(tags, number) => {
                if !number.take(input)? {
                    return Ok(false);
                }
                State::TagLength(*tags, Number::VARINT)
            }
            State::TagLength(tags, number) => {
                if !number.take(input)? {
                    return Ok(false);
                }
                State::TagBytes(*tags, u64::from(number.varint()?))
            }
            State::TagBytes(tags, more) => {
                *more = more.saturating_sub(input.take(*more).len() as u64);
                if *more > 0 {
                    return Ok(false);
                }
                State::tags(tags.saturating_sub(1))
            }
        };
        self.state = next;
        Ok(true)
    }

    /// The next field, element or level.
    fn next(&mut self, at: u64, found: Sink<'_>) -> Result<State, ReadError> {
        loop {
            let depth = self.levels.len();
            let Some(level) = self.levels.last_mut() else {
                return Ok(State::Done);
            };
            let place = level.next;
            level.next = place.saturating_add(1);
            if let Some(field) = level.fields.get(place) {
                if level.plain || field.is_in(self.version) {
                    return Ok(State::field(*field, self.flexible));
                }
                continue;
            }
            if depth == 1 {
                return Ok(State::Done);
            }
            if place == level.fields.len() && self.flexible && !level.plain {
                return Ok(State::Tags(Number::VARINT));
            }
            // The element is over; so may its array be.
            level.elements = level.elements.saturating_sub(1);
            level.next = 0;
            let number = level.number;
            let over = level.elements == 0;
            if over {
                self.levels.pop();
            }
            match number {
                Some(level) if over => found(Found::End { level, at })?,
                Some(level) => found(Found::Item { level, at })?,
                None => {}
            }
        }
    }

    /// What a length that was read begins.
    fn length(
        &mut self,
        field: Field,
        number: Number,
        input: &Input<'_>,
        found: Sink<'_>,
    ) -> Result<State, ReadError> {
        let length = if self.flexible {
            number.varint()?.checked_sub(1)
        } else {
            match number.signed() {
                -1 => None,
                length => Some(u32::try_from(length).map_err(|_below| ReadError::Length)?),
            }
        };
        if u64::from(length.unwrap_or(0)) > input.left {
            return Err(ReadError::Truncated);
        }
        let (fields, plain) = match field.kind {
            Kind::Array(fields) => (fields, false),
            Kind::List(item) => (std::slice::from_ref(item), true),
            Kind::Text | Kind::Bytes | Kind::Fixed(_) => {
                return match length {
                    Some(length) if field.role == Role::Skip => Ok(State::Skip(length.into())),
                    Some(length) => {
                        let length = usize::try_from(length).unwrap_or(usize::MAX);
                        if length > MAX_TEXT {
                            return Err(ReadError::Length);
                        }
                        Ok(State::Text(field.role, Vec::new(), length))
                    }
                    None => {
                        if field.role != Role::Skip {
                            found(Found::Text(field.role, None))?;
                        }
                        Ok(State::Next)
                    }
                };
            }
        };
        let level = field.each.then(|| {
            let outside = self.levels.iter().filter_map(|level| level.number).max();
            outside.unwrap_or(0).saturating_add(1)
        });
        let (to, elements) = (input.at, length.unwrap_or(0));
        if let Some(level) = level {
            let from = to.saturating_sub(number.have.into());
            found(Found::Array {
                level,
                from,
                to,
                count: length,
            })?;
            found(match elements {
                0 => Found::End { level, at: to },
                _ => Found::Item { level, at: to },
            })?;
        }
        if elements > 0 {
            if self.levels.len() >= MAX_DEPTH {
                return Err(ReadError::Length);
            }
            self.levels.push(Level {
                fields,
                elements,
                number: level,
                plain,
                next: 0,
            });
        }
        Ok(State::Next)
    }
}

impl State {
    /// So many tagged fields are left.
    const fn tags(left: u32) -> Self {
        match left {
            0 => Self::Next,
            left => Self::Tag(left, Number::VARINT),
        }
    }

    const fn field(field: Field, flexible: bool) -> Self {
        let number = match field.kind {
            Kind::Fixed(size) => return Self::Fixed(field.role, Number::fixed(size)),
            _ if flexible => Number::VARINT,
            Kind::Text => Number::fixed(2),
            Kind::Bytes | Kind::Array(_) | Kind::List(_) => Number::fixed(4),
        };
        Self::Length(field, number)
    }
}
