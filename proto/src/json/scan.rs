//! A reader of JSON for texts in memory: strings are parts of the text wherever they can be, and what
//! it can't read has no reason, as the descriptors look for one then.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::escape::before;

/// Most lists and objects within each other.
const DEEPEST: u32 = 100;

/// Reads the one value that stands in a text, if it is one.
pub(super) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    let mut scan = Scan {
        text,
        at: 0,
        depth: 0,
    };
    let read = T::deserialize(&mut scan).ok()?;
    (scan.peek().is_none()).then_some(read)
}

/// It is no JSON, or not of that type.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_why: T) -> Self {
        Self
    }
}

struct Scan<'de> {
    text: &'de str,
    /// Bytes read.
    at: usize,
    /// Lists and objects around.
    depth: u32,
}

/// A number as it is written.
enum Digits {
    Plain(u64),
    Negative(i64),
    Float(f64),
}

impl<'de> Scan<'de> {
    /// The next byte that is no blank, which is not passed.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Refused> {
        if self.peek() != Some(byte) {
            return Err(Refused);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), Refused> {
        self.peek();
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Refused);
        }
        self.at += word.len();
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Refused> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut has_escapes = false;
        loop {
            self.at += before(&bytes[self.at..], |eight| {
                eight.are(b'"') | eight.are(b'\\') | eight.are_controls()
            });
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.at = bytes.len().min(self.at + 2);
                }
                Some(_) | None => return Err(Refused),
            }
        }
        self.at += 1;
        if has_escapes {
            let quoted = self.text.get(start - 1..self.at).ok_or(Refused)?;
            let read = serde_json::from_str(quoted).map_err(|_no_escape| Refused)?;
            return Ok(Cow::Owned(read));
        }
        let text = self.text.get(start..self.at - 1);
        text.map(Cow::Borrowed).ok_or(Refused)
    }

    /// Passes digits, of which there is one at least.
    fn digits(&mut self) -> Result<&'de [u8], Refused> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        match length {
            0 => Err(Refused),
            length => Ok(&rest[..length]),
        }
    }

    fn number(&mut self) -> Result<Digits, Refused> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let negative = bytes.get(start) == Some(&b'-');
        self.at += usize::from(negative);
        let whole = self.digits()?;
        if whole.len() > 1 && whole[0] == b'0' {
            return Err(Refused);
        }
        if let Some(b'.' | b'e' | b'E') = bytes.get(self.at) {
            return self.float(start);
        }
        let number = whole.iter().try_fold(0u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        match (number, negative) {
            (Some(number), false) => Ok(Digits::Plain(number)),
            (Some(number @ 1..), true) => 0i64
                .checked_sub_unsigned(number)
                .map(Digits::Negative)
                .ok_or(Refused),
            _ => Err(Refused),
        }
    }

    /// Behind its whole part.
    fn float(&mut self, start: usize) -> Result<Digits, Refused> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        let number = self.text.get(start..self.at);
        let number = number.and_then(|text| text.parse().ok());
        let number = number.filter(|number: &f64| number.is_finite());
        number.map(Digits::Float).ok_or(Refused)
    }

    /// What `read` makes of the parts of a list or an object.
    fn parts<T>(
        &mut self,
        begin: u8,
        end: u8,
        read: impl FnOnce(&mut Parts<'_, 'de>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.expect(begin)?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refused);
        }
        let mut parts = Parts {
            scan: self,
            end,
            first: true,
            ended: false,
        };
        let read = read(&mut parts)?;
        // Who doesn't take all of them has not understood it.
        let ended = parts.ended;
        self.depth -= 1;
        ended.then_some(read).ok_or(Refused)
    }
}

/// The parts of a list or an object.
struct Parts<'a, 'de> {
    scan: &'a mut Scan<'de>,
    end: u8,
    first: bool,
    ended: bool,
}

impl Parts<'_, '_> {
    /// Whether there is another part, which comes next.
    fn has_next(&mut self) -> Result<bool, Refused> {
        if self.ended {
            return Ok(false);
        }
        if self.scan.peek() == Some(self.end) {
            self.scan.at += 1;
            self.ended = true;
            return Ok(false);
        }
        if !std::mem::take(&mut self.first) {
            self.scan.expect(b',')?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        match self.has_next()? {
            true => seed.deserialize(&mut *self.scan).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> MapAccess<'de> for Parts<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        match self.has_next()? {
            true if self.scan.peek() != Some(b'"') => Err(Refused),
            true => seed.deserialize(&mut *self.scan).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        self.scan.expect(b':')?;
        seed.deserialize(&mut *self.scan)
    }
}

impl<'de> Deserializer<'de> for &mut Scan<'de> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'{') => self.deserialize_map(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            Some(_) => match self.number()? {
                Digits::Plain(number) => visitor.visit_u64(number),
                Digits::Negative(number) => visitor.visit_i64(number),
                Digits::Float(number) => visitor.visit_f64(number),
            },
            None => Err(Refused),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let value = self.peek() == Some(b't');
        self.word(if value { "true" } else { "false" })?;
        visitor.visit_bool(value)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.word("null")?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.peek() == Some(b'n') {
            self.word("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.parts(b'[', b']', |parts| visitor.visit_seq(parts))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.parts(b'{', b'}', |parts| visitor.visit_map(parts))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit_struct
        newtype_struct tuple tuple_struct enum ignored_any
    }
}
