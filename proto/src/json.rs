//! The JSON form, byte for byte as Hubble's tools write it: protojson with original field names in
//! the order of the .proto file, as Go's `encoding/json` leaves it (compact, `<`, `>`, `&`, U+2028
//! and U+2029 escaped). Other letters that could steer a terminal are escaped, too ([`steers`]).

mod fast;
mod lines;
mod read;

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

pub use lines::{LONGEST, Lines, NotAFlow, Read};
pub use read::{ReadError, Readable, Unknown, descriptors, read, read_all};

pub(crate) use fast::{Number, unknown_field};

/// Writes `message` to `out`, without a newline.
///
/// # Errors
/// `out` fails, or the message holds what has no JSON form (a timestamp out of range).
pub fn write<M: Serialize>(out: impl io::Write, message: &M) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Go);
    message.serialize(&mut serializer).map_err(io::Error::from)
}

/// `message` as a string.
///
/// # Errors
/// The message holds what has no JSON form (a timestamp out of range).
pub fn to_string<M: Serialize>(message: &M) -> io::Result<String> {
    let mut out = Vec::with_capacity(1024);
    write(&mut out, message)?;
    String::from_utf8(out).map_err(io::Error::other)
}

/// An enum value: its name, or its number if that has no name here.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Variant<T> {
    Name(T),
    Number(i32),
}

/// Whether a letter can steer a terminal, end a line, or turn or hide the text around it: controls,
/// and Unicode's bidirectional and invisible letters. None of them reaches a terminal or a file of
/// ours unescaped.
pub fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
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

/// Writes a part of a string without quotes; what serde_json has escaped is not in it. `<`, `>` and
/// `&` are escaped as Go does, and all that steers.
fn fragment<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let letter = match byte {
            b'<' | b'>' | b'&' | 0x7f => char::from(*byte),
            // All that a letter which steers can begin with.
            0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3 => match text[at..].chars().next() {
                Some(letter) if steers(letter) => letter,
                Some(_) | None => continue,
            },
            _ => continue,
        };
        writer.write_all(&bytes[start..at])?;
        for unit in letter.encode_utf16(&mut [0; 2]) {
            write!(writer, "\\u{unit:04x}")?;
        }
        start = at + letter.len_utf8();
    }
    writer.write_all(&bytes[start..])
}

/// Indented, and escaped like [`Go`].
struct Pretty(PrettyFormatter<'static>);

impl Formatter for Pretty {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        fragment(writer, text)
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

/// Compact, and escaped as Go does.
struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        fragment(writer, text)
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // Go writes whole numbers without a fraction, up to 1e21.
        if value.fract() == 0.0 && value.abs() < 1e21 {
            write!(writer, "{value:.0}")
        } else {
            write!(writer, "{value}")
        }
    }
}
