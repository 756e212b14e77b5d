//! A host's name as labels, and the patterns that are matched against it.

mod pattern;

use core::fmt::{self, Write as _};
use core::hash::{Hash, Hasher};

pub use pattern::{Kind, MAX_PATTERN, Pattern, PatternError};

/// Most bytes of a name on the wire, length bytes and the root's zero included (RFC 1035, 2.3.4).
pub const MAX_NAME: usize = 255;
/// Most bytes of one label (RFC 1035, 2.3.4).
pub const MAX_LABEL: usize = 63;

/// A name in canonical form: labels as on the wire, ASCII letters in lower case, absolute. A label may hold
/// any byte, a dot too: two names are equal only if their labels are.
#[derive(Clone)]
pub struct Name {
    /// Length byte and label, one after the other, without the root's zero.
    bytes: [u8; MAX_NAME],
    length: u8,
}

/// Why something is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Two dots beside each other, or one at the start.
    EmptyLabel,
    /// A label of more than [`MAX_LABEL`] bytes.
    LongLabel,
    /// More than [`MAX_NAME`] bytes on the wire.
    LongName,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyLabel => f.write_str("a label is empty"),
            Self::LongLabel => write!(f, "a label is longer than {MAX_LABEL} bytes"),
            Self::LongName => write!(f, "the name is longer than {} characters", MAX_NAME - 2),
        }
    }
}

impl core::error::Error for NameError {}

impl Name {
    /// The root: a name without labels.
    pub const ROOT: Self = Self {
        bytes: [0; MAX_NAME],
        length: 0,
    };

    /// Of `api.example.com` or `api.example.com.`; `.` is the root. Backslashes escape nothing: a text of
    /// a rule has none.
    ///
    /// # Errors
    /// If no name on the wire reads so. An empty text is an empty label.
    pub fn from_text(text: &str) -> Result<Self, NameError> {
        let mut name = Self::ROOT;
        if text == "." {
            return Ok(name);
        }
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            name.push(label.as_bytes())?;
        }
        Ok(name)
    }

    /// Appends a label, in lower case.
    ///
    /// # Errors
    /// If the label is empty or too long, or the name becomes so.
    pub fn push(&mut self, label: &[u8]) -> Result<(), NameError> {
        let length = match u8::try_from(label.len()) {
            Ok(0) => return Err(NameError::EmptyLabel),
            Ok(length) if label.len() <= MAX_LABEL => length,
            Ok(_) | Err(_) => return Err(NameError::LongLabel),
        };
        // One byte is left for the root.
        let free = self.bytes.get_mut(usize::from(self.length)..MAX_NAME - 1);
        let Some((first, rest)) = free.and_then(<[u8]>::split_first_mut) else {
            return Err(NameError::LongName);
        };
        let place = rest.get_mut(..label.len()).ok_or(NameError::LongName)?;
        *first = length;
        place.copy_from_slice(label);
        place.make_ascii_lowercase();
        self.length = self.length.saturating_add(length).saturating_add(1);
        Ok(())
    }

    /// The labels, from the left. None for the root.
    pub fn labels(&self) -> Labels<'_> {
        Labels {
            rest: self.wire(),
            left: self.wire().len(),
        }
    }

    /// As on the wire without the root's zero.
    fn wire(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire() == other.wire()
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.wire().hash(state);
    }
}

impl fmt::Display for Name {
    /// With the dot at the end. What is neither a letter, a digit, `-` nor `_` is escaped as in RFC 1035, 5.1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length == 0 {
            return f.write_char('.');
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        f.write_char('\\')?;
                        f.write_char(char::from(byte))?;
                    }
                    b'!'..=b'~' => f.write_char(char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_char('.')?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// The labels of a [`Name`], each not empty.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    rest: &'a [u8],
    /// No more labels than bytes: keeps a damaged name from going on for ever.
    left: usize,
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (length, rest) = self.rest.split_first()?;
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        Some(label)
    }
}

/// Whether all of a label is what a star stands for: letters of ASCII, digits, `-` and `_`.
fn is_plain(label: &[u8]) -> bool {
    label
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
