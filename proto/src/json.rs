//! The JSON form, byte for byte as Hubble's tools write it: protojson with original field names in
//! the order of the .proto file, as Go's `encoding/json` leaves it (compact, `<`, `>`, `&`, U+2028
//! and U+2029 escaped). Other letters that could steer a terminal are escaped, too ([`steers`]).

use std::io;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::{flow, observer};

/// What to do with fields and enum names that we don't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They are an error.
    Refuse,
    /// They are left out.
    Ignore,
}

/// Text that is not the JSON form of the message that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON at all, or cut off.
    #[error("syntax error: {0}")]
    Syntax(#[source] serde_json::Error),
    /// JSON, but not of this message: an unknown field or enum name, or a value that doesn't fit.
    #[error("{0}")]
    Data(#[source] serde_json::Error),
    /// The message was read, but its own type can't hold it.
    #[error("{0}")]
    Decode(#[from] prost::DecodeError),
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() {
            Self::Data(error)
        } else {
            Self::Syntax(error)
        }
    }
}

/// A message that can be read from its JSON form.
pub trait Readable: prost::Message + Default {
    /// Full protobuf name.
    const NAME: &'static str;
}

impl Readable for flow::Flow {
    const NAME: &'static str = "flow.Flow";
}
impl Readable for flow::FlowFilter {
    const NAME: &'static str = "flow.FlowFilter";
}
impl Readable for observer::GetFlowsRequest {
    const NAME: &'static str = "observer.GetFlowsRequest";
}
impl Readable for observer::GetFlowsResponse {
    const NAME: &'static str = "observer.GetFlowsResponse";
}
impl Readable for observer::ExportEvent {
    const NAME: &'static str = "observer.ExportEvent";
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(crate::DESCRIPTOR_SET).expect("the generated descriptors are valid")
});

/// The descriptors of all messages of this crate.
pub fn descriptors() -> &'static DescriptorPool {
    &POOL
}

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

/// Reads one message from `text`, which holds nothing else. Field names may be original or
/// lowerCamelCase, enum values names or numbers, 64-bit numbers strings or numbers.
///
/// # Errors
/// See [`ReadError`].
pub fn read<M: Readable>(text: &str, unknown: Unknown) -> Result<M, ReadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let message = next(&mut json, unknown)?;
    json.end()?;
    Ok(message)
}

/// Reads the messages that `text` holds one after another.
///
/// # Errors
/// See [`ReadError`].
pub fn read_all<M: Readable>(text: &str, unknown: Unknown) -> Result<Vec<M>, ReadError> {
    let mut messages = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        // The reader does not tell how far it came, a stream of ignored values does.
        let mut values =
            serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        values.next().transpose()?;
        let (this, next) = rest.split_at(values.byte_offset());
        messages.push(read(this, unknown)?);
        rest = next.trim_start();
    }
    Ok(messages)
}

fn next<'de, M: Readable, R: serde_json::de::Read<'de>>(
    json: &mut serde_json::Deserializer<R>,
    unknown: Unknown,
) -> Result<M, ReadError> {
    let descriptor = POOL
        .get_message_by_name(M::NAME)
        .expect("a Readable names a message of this crate");
    let options = DeserializeOptions::new().deny_unknown_fields(unknown == Unknown::Refuse);
    let message = DynamicMessage::deserialize_with_options(descriptor, json, &options)?;
    Ok(message.transcode_to()?)
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
