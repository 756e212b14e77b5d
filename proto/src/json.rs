//! The JSON form, byte for byte as Hubble's tools write it: protojson with original field names in
//! the order of the .proto file, as Go's `encoding/json` leaves it (compact, `<`, `>`, `&`, U+2028
//! and U+2029 escaped). Other letters that could steer a terminal are escaped, too ([`steers`]).

mod escape;
mod fast;
mod lines;
mod read;
mod write;

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

pub use escape::{has_steering, steers};
pub use lines::{LONGEST, Lines, NotAFlow, Read};
pub use read::{ReadError, Readable, Unknown, descriptors, read, read_all};

pub(crate) use fast::{Number, unknown_field};

/// Adds `message` to what stands in `out`, without a newline.
///
/// # Errors
/// The message holds what has no JSON form (a timestamp out of range). Nothing is added then.
pub fn append<M: Serialize>(out: &mut Vec<u8>, message: &M) -> io::Result<()> {
    let before = out.len();
    message.serialize(write::Writer(out)).map_err(|why| {
        out.truncate(before);
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}

/// Writes `message` to `out`, without a newline.
///
/// # Errors
/// `out` fails, or the message holds what has no JSON form (a timestamp out of range).
pub fn write<M: Serialize>(mut out: impl io::Write, message: &M) -> io::Result<()> {
    let mut text = Vec::with_capacity(1024);
    append(&mut text, message)?;
    out.write_all(&text)
}

/// `message` as a string.
///
/// # Errors
/// The message holds what has no JSON form (a timestamp out of range).
pub fn to_string<M: Serialize>(message: &M) -> io::Result<String> {
    let mut out = Vec::with_capacity(1024);
    append(&mut out, message)?;
    String::from_utf8(out).map_err(io::Error::other)
}

/// An enum value: its name, or its number if that has no name here.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Variant<T> {
    Name(T),
    Number(i32),
}

/// Writes `value` indented, for people, and a newline.
///
/// # Errors
/// `out` fails, or the value has no JSON form.
pub fn write_pretty<T: Serialize + ?Sized>(mut out: impl io::Write, value: &T) -> io::Result<()> {
    let pretty = Pretty(PrettyFormatter::new());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, pretty);
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Indented, and escaped like what is compact.
struct Pretty(PrettyFormatter<'static>);

impl Formatter for Pretty {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut escaped = Vec::with_capacity(text.len());
        escape::escape(&mut escaped, text);
        writer.write_all(&escaped)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}
