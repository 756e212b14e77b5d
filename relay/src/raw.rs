//! A GetFlows response as it came off the wire.
//!
//! The relay needs a response's kind and time, nothing else, so it doesn't decode flows: it reads
//! the outer fields of the message in place and sends the bytes on. A message it cannot read is
//! refused with a status, never passed on.

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use proto::observer::{GetFlowsRequest, GetFlowsResponse};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::merge::Stamp;

/// What a response carries. Field numbers are observer.proto's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A flow (field 1).
    Flow,
    /// A node's state changed (field 2).
    NodeStatus,
    /// Events were lost (field 3).
    LostEvents,
    /// Neither: a node's word how far it has come.
    Progress,
}

/// One response, undecoded.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The encoded message.
    pub bytes: Bytes,
    /// Which of the oneof's fields is set.
    pub kind: Kind,
    /// The response's own time (field 1001), absent when the node sent none.
    pub time: Option<Stamp>,
}

/// Why bytes are not a GetFlowsResponse.
#[derive(Debug, thiserror::Error)]
#[error("a peer's response is not a GetFlowsResponse: {0}")]
pub struct NotAResponse(#[from] prost::DecodeError);

/// The outer fields of a response; the inner messages stay bytes.
#[derive(Clone, PartialEq, prost::Message)]
struct Outer {
    #[prost(bytes = "bytes", optional, tag = "1")]
    flow: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    node_status: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    lost_events: Option<Bytes>,
    #[prost(message, optional, tag = "1001")]
    time: Option<proto::google::Timestamp>,
}

impl Raw {
    /// Reads a response's outer fields.
    ///
    /// # Errors
    /// When the outer fields aren't well-formed protobuf.
    pub fn parse(bytes: Bytes) -> Result<Self, NotAResponse> {
        // From Bytes, so the inner messages are slices of the buffer, not copies.
        let outer = Outer::decode(bytes.clone())?;
        let kind = if outer.flow.is_some() {
            Kind::Flow
        } else if outer.lost_events.is_some() {
            Kind::LostEvents
        } else if outer.node_status.is_some() {
            Kind::NodeStatus
        } else {
            Kind::Progress
        };
        let time = outer.time.map(|time| Stamp {
            seconds: time.seconds,
            nanos: time.nanos,
        });
        Ok(Self { bytes, kind, time })
    }

    /// A response of the relay's own.
    #[must_use]
    pub fn encode(message: &GetFlowsResponse, kind: Kind) -> Self {
        let time = message.time.as_ref().map(|time| Stamp {
            seconds: time.seconds,
            nanos: time.nanos,
        });
        Self {
            bytes: Bytes::from(message.encode_to_vec()),
            kind,
            time,
        }
    }

    /// The whole message.
    ///
    /// # Errors
    /// When the bytes within the outer fields aren't well-formed.
    pub fn decode(&self) -> Result<GetFlowsResponse, NotAResponse> {
        Ok(GetFlowsResponse::decode(self.bytes.clone())?)
    }
}

/// A GetFlowsRequest, encoded, in two parts.
#[derive(Clone, Debug)]
pub struct Request(pub [Bytes; 2]);

/// GetFlows towards a peer: requests out, undecoded responses in.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerCodec;

/// GetFlows towards a client: requests in, undecoded responses out.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCodec;

/// Encoder and decoder of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestCodec;

/// Encoder and decoder of undecoded responses.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawCodec;

impl Codec for PeerCodec {
    type Encode = Request;
    type Decode = Raw;
    type Encoder = RequestCodec;
    type Decoder = RawCodec;

    fn encoder(&mut self) -> Self::Encoder {
        RequestCodec
    }

    fn decoder(&mut self) -> Self::Decoder {
        RawCodec
    }
}

impl Codec for ClientCodec {
    type Encode = Raw;
    type Decode = GetFlowsRequest;
    type Encoder = RawCodec;
    type Decoder = RequestCodec;

    fn encoder(&mut self) -> Self::Encoder {
        RawCodec
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestCodec
    }
}

impl Encoder for RequestCodec {
    type Item = Request;
    type Error = Status;

    fn encode(&mut self, Request(parts): Request, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        parts.iter().for_each(|part| buf.put_slice(part));
        Ok(())
    }
}

impl Decoder for RequestCodec {
    type Item = GetFlowsRequest;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let request = GetFlowsRequest::decode(buf);
        request
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Encoder for RawCodec {
    type Item = Raw;
    type Error = Status;

    fn encode(&mut self, item: Raw, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.put_slice(&item.bytes);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Raw;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Raw>, Status> {
        let bytes = buf.copy_to_bytes(buf.remaining());
        Raw::parse(bytes)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
