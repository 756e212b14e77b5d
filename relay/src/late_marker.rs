//! The mark on a flow that is delivered behind a later one.

use bytes::Bytes;
use prost::Message;
use proto::observer::get_flows_response::ResponseTypes;

use crate::raw::Raw;

/// The same response with `late` set in its flow's extension. A response that can't be decoded, or
/// carries an extension that isn't ours, is left as it is: it is delivered, and counted, all the same.
pub(crate) fn mark(raw: Raw) -> Raw {
    let Ok(mut message) = raw.decode() else {
        return raw;
    };
    let Some(ResponseTypes::Flow(flow)) = &mut message.response_types else {
        return raw;
    };
    let mut extension = flow.extension();
    if extension.is_none() && flow.extensions.is_some() {
        return raw;
    }
    extension.get_or_insert_default().late = true;
    if let Some(extension) = &extension {
        flow.set_extension(extension);
    }
    Raw {
        bytes: Bytes::from(message.encode_to_vec()),
        ..raw
    }
}
