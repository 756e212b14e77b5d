//! The JSON form, byte for byte as Hubble's tools write it: protojson with original field names in
//! the order of the .proto file, as Go's `encoding/json` leaves it (compact, `<`, `>`, `&`, U+2028
//! and U+2029 escaped).

use std::io;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage};
use serde::Serialize;
use serde_json::ser::Formatter;

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

/// Compact, and escaped as Go does.
struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let (escape, length): (&[u8], usize) = match byte {
                b'<' => (b"\\u003c", 1),
                b'>' => (b"\\u003e", 1),
                b'&' => (b"\\u0026", 1),
                0xe2 if bytes[at..].starts_with("\u{2028}".as_bytes()) => (b"\\u2028", 3),
                0xe2 if bytes[at..].starts_with("\u{2029}".as_bytes()) => (b"\\u2029", 3),
                _ => continue,
            };
            writer.write_all(&bytes[start..at])?;
            writer.write_all(escape)?;
            start = at + length;
        }
        writer.write_all(&bytes[start..])
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
