//! Writing: compact, into bytes in memory, escaped as Go does. Without layers between the generated
//! code and the bytes, as flows are written by the million.

use std::fmt;

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::escape::escape;

/// Why a value has no JSON form.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoForm(String);

impl ser::Error for NoForm {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

type Written = Result<(), NoForm>;

/// Writes one value.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

/// Writes the parts of a list or an object.
pub(super) struct Parts<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    end: &'static [u8],
}

impl<'a> Writer<'a> {
    fn text(self, text: &str) {
        self.0.push(b'"');
        escape(self.0, text);
        self.0.push(b'"');
    }

    fn begin(self, begin: &'static [u8], end: &'static [u8]) -> Parts<'a> {
        self.0.extend_from_slice(begin);
        Parts {
            out: self.0,
            first: true,
            end,
        }
    }

    /// What a variant of an enum holds is the one field of an object.
    fn variant(self, name: &'static str, begin: &[u8], end: &'static [u8]) -> Parts<'a> {
        let mut object = self.begin(b"{", b"");
        object.name(name);
        object.out.extend_from_slice(begin);
        Parts {
            out: object.out,
            first: true,
            end,
        }
    }
}

impl Parts<'_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    /// A name that a program gave, which needs no escapes.
    fn name(&mut self, name: &'static str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn part<T: Serialize + ?Sized>(&mut self, part: &T) -> Written {
        self.comma();
        part.serialize(Writer(self.out))
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.name(name);
        value.serialize(Writer(self.out))
    }

    fn close(self) -> Written {
        self.out.extend_from_slice(self.end);
        Ok(())
    }
}

/// Writes the digits of a number.
fn digits(out: &mut Vec<u8>, mut number: u64) {
    // The largest has 20.
    let mut text = [0; 20];
    let mut start = text.len();
    loop {
        start -= 1;
        text[start] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[start..]);
}

macro_rules! numbers {
    ($($name:ident($type:ty);)*) => {
        $(fn $name(self, number: $type) -> Written {
            self.serialize_i64(number.into())
        })*
    };
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = NoForm;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    numbers! {
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
    }

    fn serialize_bool(self, value: bool) -> Written {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.0.extend_from_slice(text);
        Ok(())
    }

    fn serialize_i64(self, number: i64) -> Written {
        if number < 0 {
            self.0.push(b'-');
        }
        digits(self.0, number.unsigned_abs());
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Written {
        digits(self.0, number);
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Written {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Written {
        // Go writes whole numbers without a fraction, up to 1e21.
        let text = match number {
            _ if !number.is_finite() => return self.serialize_unit(),
            _ if number.fract() == 0.0 && number.abs() < 1e21 => format!("{number:.0}"),
            _ => number.to_string(),
        };
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn serialize_char(self, letter: char) -> Written {
        self.text(letter.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Written {
        self.text(text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Written {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, it: &T) -> Written {
        it.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let mut object = self.begin(b"{", b"}");
        object.field(variant, value)?;
        object.close()
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Parts<'a>, NoForm> {
        Ok(self.begin(b"[", b"]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Parts<'a>, NoForm> {
        Ok(self.begin(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, NoForm> {
        Ok(self.begin(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, NoForm> {
        Ok(self.variant(variant, b"[", b"]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Parts<'a>, NoForm> {
        Ok(self.begin(b"{", b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, NoForm> {
        Ok(self.begin(b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Parts<'a>, NoForm> {
        Ok(self.variant(variant, b"{", b"}}"))
    }
}

macro_rules! lists {
    ($($kind:ident::$name:ident;)*) => {
        $(impl $kind for Parts<'_> {
            type Ok = ();
            type Error = NoForm;

            fn $name<T: Serialize + ?Sized>(&mut self, part: &T) -> Written {
                self.part(part)
            }

            fn end(self) -> Written {
                self.close()
            }
        })*
    };
}

lists! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! objects {
    ($($kind:ident;)*) => {
        $(impl $kind for Parts<'_> {
            type Ok = ();
            type Error = NoForm;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Written {
                self.field(name, value)
            }

            fn end(self) -> Written {
                self.close()
            }
        })*
    };
}

objects! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = NoForm;

    /// Numbers and truth values become texts, as all keys of objects are.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.comma();
        let start = self.out.len();
        key.serialize(Writer(self.out))?;
        if self.out.get(start) != Some(&b'"') {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.out.push(b':');
        value.serialize(Writer(self.out))
    }

    fn end(self) -> Written {
        self.close()
    }
}
