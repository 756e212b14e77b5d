//! Reading. The generated readers take what is as it should be, quickly; the rest is judged by the
//! descriptors, which know all spellings of protojson and say what is wrong.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage};
use serde::Deserializer;
use serde_json::Value;

use super::fast::{self, TYPE};
use crate::{flow, flows, observer};

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

    /// Reads the plain form, if this message has a generated reader. What that refuses may still be
    /// this message.
    fn read_fast(text: &str) -> Option<Self> {
        let _none = text;
        None
    }
}

impl Readable for flow::Flow {
    const NAME: &'static str = "flow.Flow";

    fn read_fast(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
impl Readable for flow::LostEvent {
    const NAME: &'static str = "flow.LostEvent";

    fn read_fast(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
impl Readable for flow::FlowFilter {
    const NAME: &'static str = "flow.FlowFilter";
}
impl Readable for observer::GetFlowsRequest {
    const NAME: &'static str = "observer.GetFlowsRequest";
}
impl Readable for observer::GetFlowsResponse {
    const NAME: &'static str = "observer.GetFlowsResponse";

    fn read_fast(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
impl Readable for flows::v1::Acknowledgement {
    const NAME: &'static str = "flows.v1.Acknowledgement";
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

/// Reads one message from `text`, which holds nothing else. Field names may be original or
/// lowerCamelCase, enum values names or numbers, 64-bit numbers strings or numbers.
///
/// # Errors
/// See [`ReadError`].
pub fn read<M: Readable>(text: &str, unknown: Unknown) -> Result<M, ReadError> {
    if let Some(message) = fast::with(unknown, || M::read_fast(text)) {
        return Ok(message);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let read = from(&mut json, unknown);
    match read.and_then(|message| Ok(json.end().map(|()| message)?)) {
        Err(ReadError::Data(_)) if unknown == Unknown::Ignore => {
            let mut value: Value = serde_json::from_str(text)?;
            settle_extensions(&mut value);
            from(value, unknown)
        }
        read => read,
    }
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

fn from<'de, M: Readable, D: Deserializer<'de, Error = serde_json::Error>>(
    json: D,
    unknown: Unknown,
) -> Result<M, ReadError> {
    let descriptor = POOL
        .get_message_by_name(M::NAME)
        .expect("a Readable names a message of this crate");
    let options = DeserializeOptions::new().deny_unknown_fields(unknown == Unknown::Refuse);
    let message = DynamicMessage::deserialize_with_options(descriptor, json, &options)?;
    Ok(message.transcode_to()?)
}

/// Gives the extensions of a flow the type that ours are written without, and leaves out those of
/// another one, which the descriptors don't know.
fn settle_extensions(value: &mut Value) {
    let flow = match value.get_mut("flow") {
        Some(flow) => flow,
        None => value,
    };
    let Value::Object(flow) = flow else {
        return;
    };
    let Some(Value::Object(extensions)) = flow.get_mut("extensions") else {
        return;
    };
    match extensions.get(TYPE) {
        Some(url) if url == crate::EXTENSION_URL => {}
        None if !extensions.is_empty() => {
            extensions.insert(TYPE.to_owned(), crate::EXTENSION_URL.into());
        }
        Some(_) | None => {
            flow.remove("extensions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::GetFlowsResponse;

    /// What the descriptors make of a text.
    fn judged<M: Readable>(text: &str, unknown: Unknown) -> Option<M> {
        let mut json = serde_json::Deserializer::from_str(text);
        let read = from(&mut json, unknown).ok()?;
        json.end().is_ok().then_some(read)
    }

    /// The generated readers take nothing that the descriptors refuse, and read it alike.
    #[test]
    fn the_fast_way_is_the_same_way() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/hubble-golden/");
        let mut texts = Vec::new();
        for name in ["flows.jsonl", "flows-bad.jsonl"] {
            let text = std::fs::read_to_string(format!("{golden}{name}")).expect("it is there");
            texts.extend(text.lines().map(str::to_owned));
        }
        texts.extend(
            [
                r#"{"newer":[1.5e3,-0.25,1e-2,-0,18446744073709551616,null,true,{}],"node_name":"a"}"#,
                r#"{"newer":[[[["]}"]]],[false]],"node_name":"\u003ca\u003e\ud83d\ude00\n\"\\"}"#,
                r#"{"node_name":"\ud83d","time":"2026-01-01T00:00:00.5Z"}"#,
                "{\"node_name\":\"a\tb\u{7f}\u{2028}\u{e9}\"} ",
                " { \"lost_events\" : { \"num_events_lost\" : \"7\" , \"cpu\" : -1 } }\r\n",
            ]
            .map(str::to_owned),
        );
        let (mut taken, mut refused) = (0, 0);
        let mut compare = |text: &str| {
            for unknown in [Unknown::Refuse, Unknown::Ignore] {
                match fast::with(unknown, || GetFlowsResponse::read_fast(text)) {
                    Some(read) => {
                        assert_eq!(judged(text, unknown), Some(read), "{text}");
                        taken += 1;
                    }
                    None => refused += 1,
                }
            }
        };
        for (at, text) in texts.iter().enumerate() {
            compare(text);
            // Each text a little broken, in places of its own.
            for place in (at % 41..text.len()).step_by(41) {
                let (Some(before), Some(after)) = (text.get(..place), text.get(place + 1..)) else {
                    continue;
                };
                for between in ["", "0", "\"", "null", "-", "1e2", "}", "\":{},\""] {
                    compare(&format!("{before}{between}{after}"));
                }
            }
        }
        assert!(taken > 1_000 && refused > 1_000, "{taken} {refused}");
    }

    #[test]
    fn what_flows_are_made_of_is_read_fast() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/hubble-golden/");
        let text = std::fs::read_to_string(format!("{golden}flows.jsonl")).expect("it is there");
        let fast = |text: &&str| GetFlowsResponse::read_fast(text).is_none();
        assert_eq!(text.lines().filter(fast).count(), 0);
    }
}
