//! What the generated readers need: numbers, well-known types, and what to do with unknown fields.
//!
//! They may refuse what is right (then the descriptors judge), but never take what is not.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use prost::Message as _;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer as _, MapAccess, Visitor,
};

use super::Unknown;
use crate::flows::v1::FlowExtension;
use crate::google::{Any, BoolValue, Int32Value, Timestamp, UInt32Value};

thread_local! {
    /// The generated readers have no room for it.
    static UNKNOWN: Cell<Unknown> = const { Cell::new(Unknown::Refuse) };
}

/// Reads with `read`, which meets unknown fields as said.
pub(super) fn with<T>(unknown: Unknown, read: impl FnOnce() -> T) -> T {
    let before = UNKNOWN.replace(unknown);
    let read = read();
    UNKNOWN.set(before);
    read
}

/// A field that the message doesn't have.
pub(crate) fn unknown_field<E: Error>(
    name: &str,
    fields: &'static [&'static str],
) -> Result<(), E> {
    // The type of an `Any` that doesn't stand first in it, where it would have been read.
    if name == TYPE || UNKNOWN.get() == Unknown::Refuse {
        return Err(E::unknown_field(name, fields));
    }
    Ok(())
}

/// Where an `Any` says its type.
pub(super) const TYPE: &str = "@type";

/// A whole number: as such, or as a string of its digits.
pub(crate) struct Number<T>(pub(crate) T);

impl<'de, T: FromStr + TryFrom<i64> + TryFrom<u64>> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits<T>(PhantomData<T>);
        impl<T: FromStr + TryFrom<i64> + TryFrom<u64>> Visitor<'_> for Digits<T> {
            type Value = Number<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number<T>, E> {
                let read = T::try_from(number).map(Number);
                read.map_err(|_out_of_range| E::custom("out of range"))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number<T>, E> {
                let read = T::try_from(number).map(Number);
                read.map_err(|_out_of_range| E::custom("out of range"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number<T>, E> {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                    && (digits == "0" && digits == text || !digits.starts_with('0'));
                let read = plain.then(|| text.parse().ok()).flatten().map(Number);
                read.ok_or_else(|| E::custom("not a number"))
            }
        }
        deserializer.deserialize_any(Digits(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Timestamp;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a time")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
                utc(text.as_bytes()).ok_or_else(|| E::custom("not a time in UTC"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// `2026-01-02T03:04:05.678Z`, with up to 9 digits of a second.
fn utc(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(19)?;
    let number = |at: usize, length: usize| {
        let digits = date.get(at..at + length)?.iter();
        digits
            .clone()
            .all(u8::is_ascii_digit)
            .then(|| digits.fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0')))
    };
    let small = |at: usize| i8::try_from(number(at, 2)?).ok();
    let between = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !between.iter().all(|(at, byte)| date[*at] == *byte) {
        return None;
    }
    let fraction = rest.strip_suffix(b"Z")?;
    let nanos = match fraction.strip_prefix(b".") {
        None if fraction.is_empty() => 0,
        Some(digits) if (1..=9).contains(&digits.len()) => {
            let digits = digits
                .iter()
                .copied()
                .chain(std::iter::repeat(b'0'))
                .take(9);
            digits
                .clone()
                .all(|digit| digit.is_ascii_digit())
                .then(|| {
                    digits.fold(0_i32, |number, digit| number * 10 + i32::from(digit - b'0'))
                })?
        }
        Some(_) | None => return None,
    };
    let (year, month, day) = (number(0, 4)?, small(5)?, small(8)?);
    let (hour, minute, second) = (small(11)?, small(14)?, small(17)?);
    let moment = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    let moment = jiff::tz::Offset::UTC.to_timestamp(moment).ok()?;
    // The first year is one that jiff has and protobuf hasn't.
    (year > 0).then(|| Timestamp::from(moment))
}

impl<'de> Deserialize<'de> for Any {
    /// Ours, with or without its type; of another type nothing is kept.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Any;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a message of any type")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
                let mut first = map.next_key::<String>()?;
                if first.is_none() {
                    return Ok(Any::default());
                }
                if first.take_if(|name| name == TYPE).is_some() {
                    let url: String = map.next_value()?;
                    if url != crate::EXTENSION_URL {
                        let message = format!("extensions of an unknown type: {url}");
                        return match UNKNOWN.get() {
                            Unknown::Refuse => Err(A::Error::custom(message)),
                            Unknown::Ignore => {
                                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                                Ok(Any::default())
                            }
                        };
                    }
                }
                let rest = MapAccessDeserializer::new(Chain { first, map });
                let extension = FlowExtension::deserialize(rest)?;
                Ok(Any {
                    type_url: crate::EXTENSION_URL.to_owned(),
                    value: extension.encode_to_vec(),
                })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A map whose first key is read already.
struct Chain<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Chain<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(name) => seed.deserialize(name.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl<'de> Deserialize<'de> for BoolValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Int32Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer).map(|number| Self { value: number.0 })
    }
}

impl<'de> Deserialize<'de> for UInt32Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer).map(|number| Self { value: number.0 })
    }
}
