//! Field masks over `flow.Flow`. Works on the encoded message: a mask is a tree of field numbers, so
//! it knows every field that the .proto file has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _},
    encoding::{
        DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
    },
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use proto::flow as pb;
use thiserror::Error;

/// A path that names no field, or leads through a list.
#[derive(Debug, Error)]
#[error("invalid fieldmask: no field `{path}` in flow.Flow")]
pub struct MaskError {
    path: String,
}

/// The fields that a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(BTreeMap<u32, Field>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Whole,
    /// Some fields of a message. `allocate`: an absent message comes out empty, as Hubble's do, but
    /// for those of a oneof.
    FlowKind {
        mask: Mask,
        allocate: bool,
    },
}

type Messages = BTreeMap<String, DescriptorProto>;

/// Message types of the API by full name with a leading dot.
static MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(proto::DESCRIPTOR_SET)
        .expect("the descriptor set is generated together with the code");
    let mut messages = Messages::new();
    for file in set.file {
        let prefix = format!(".{}", file.package());
        for message in file.message_type {
            messages.insert(format!("{prefix}.{}", message.name()), message);
        }
    }
    messages
});

impl Mask {
    /// The mask of some paths; `None` if there are none, which means everything.
    ///
    /// # Errors
    /// A path names no field.
    pub fn new(paths: &[String]) -> Result<Option<Self>, MaskError> {
        let mut mask = Self(BTreeMap::new());
        for path in paths {
            let names: Vec<&str> = path.split('.').collect();
            mask.add(".flow.Flow", &names)
                .ok_or_else(|| MaskError { path: path.clone() })?;
        }
        Ok((!paths.is_empty()).then_some(mask))
    }

    fn add(&mut self, message: &str, path: &[&str]) -> Option<()> {
        let (name, rest) = path.split_first()?;
        let field = MESSAGES
            .get(message)?
            .field
            .iter()
            .find(|field| field.name() == *name)?;
        let number = u32::try_from(field.number()).ok()?;
        if rest.is_empty() {
            self.0.insert(number, Field::Whole);
            return Some(());
        }
        if field.r#type() != Type::Message || field.label() == Label::Repeated {
            return None;
        }
        let entry = self.0.entry(number).or_insert_with(|| Field::FlowKind {
            mask: Self(BTreeMap::new()),
            allocate: is_plain(field),
        });
        match entry {
            // Still checked: a wrong path is an error even below a right one.
            Field::Whole => Self(BTreeMap::new()).add(field.type_name(), rest),
            Field::FlowKind { mask, .. } => mask.add(field.type_name(), rest),
        }
    }

    /// The flow with nothing but the wanted fields.
    pub fn apply(&self, flow: &pb::Flow) -> pb::Flow {
        let encoded = flow.encode_to_vec();
        let mut kept = Vec::with_capacity(encoded.len());
        self.copy(&encoded, &mut kept);
        pb::Flow::decode(kept.as_slice()).expect("whole fields of an encoded flow are a flow")
    }

    fn copy(&self, mut from: &[u8], to: &mut Vec<u8>) {
        let mut seen = Vec::new();
        while from.has_remaining() {
            let start = from;
            let (tag, wire) = decode_key(&mut from).expect(OWN);
            match self.0.get(&tag) {
                Some(Field::FlowKind { mask, .. }) if wire == WireType::LengthDelimited => {
                    let len = usize::try_from(decode_varint(&mut from).expect(OWN)).expect(OWN);
                    let (inner, rest) = from.split_at(len);
                    from = rest;
                    seen.push(tag);
                    let mut kept = Vec::with_capacity(len);
                    mask.copy(inner, &mut kept);
                    put(tag, &kept, to);
                }
                wanted => {
                    skip_field(wire, tag, &mut from, DecodeContext::default()).expect(OWN);
                    if wanted.is_some() {
                        to.put_slice(&start[..start.len() - from.len()]);
                    }
                }
            }
        }
        for (tag, field) in &self.0 {
            if let Field::FlowKind {
                mask,
                allocate: true,
            } = field
                && !seen.contains(tag)
            {
                let mut kept = Vec::new();
                mask.copy(&[], &mut kept);
                put(*tag, &kept, to);
            }
        }
    }
}

const OWN: &str = "prost encoded it a moment ago";

fn put(tag: u32, message: &[u8], to: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, to);
    encode_varint(message.len() as u64, to);
    to.put_slice(message);
}

fn is_plain(field: &FieldDescriptorProto) -> bool {
    field.oneof_index.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> pb::Flow {
        pb::Flow {
            node_name: "node-a".into(),
            verdict: pb::Verdict::Dropped.into(),
            source: Some(pb::Endpoint {
                id: 7,
                identity: 20_001,
                pod_name: "frontend".into(),
                ..pb::Endpoint::default()
            }),
            l4: Some(pb::Layer4 {
                protocol: Some(pb::layer4::Protocol::Udp(pb::Udp {
                    source_port: 1,
                    destination_port: 53,
                })),
            }),
            is_reply: Some(false.into()),
            ..pb::Flow::default()
        }
    }

    fn masked(paths: &[&str]) -> Result<pb::Flow, MaskError> {
        let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        let flow = flow();
        Ok(match Mask::new(&paths)? {
            Some(mask) => mask.apply(&flow),
            None => flow,
        })
    }

    #[test]
    fn keeps_what_is_named() {
        let pod = |name: &str, identity| {
            Some(pb::Endpoint {
                pod_name: name.into(),
                identity,
                ..pb::Endpoint::default()
            })
        };
        let rows: &[(&[&str], pb::Flow)] = &[
            (&[], flow()),
            (
                &["verdict", "is_reply"],
                pb::Flow {
                    verdict: pb::Verdict::Dropped.into(),
                    is_reply: Some(false.into()),
                    ..pb::Flow::default()
                },
            ),
            (
                &["source.pod_name", "source.identity"],
                pb::Flow {
                    source: pod("frontend", 20_001),
                    ..pb::Flow::default()
                },
            ),
            (
                // The parent swallows the child, in whatever order they come.
                &["source.pod_name", "source", "source.identity"],
                pb::Flow {
                    source: flow().source,
                    ..pb::Flow::default()
                },
            ),
            (
                // An absent parent is allocated, as upstream does it.
                &["destination.pod_name"],
                pb::Flow {
                    destination: pod("", 0),
                    ..pb::Flow::default()
                },
            ),
            (
                // Only the active variant of a oneof is.
                &["l4.TCP.source_port", "l4.UDP.destination_port"],
                pb::Flow {
                    l4: Some(pb::Layer4 {
                        protocol: Some(pb::layer4::Protocol::Udp(pb::Udp {
                            source_port: 0,
                            destination_port: 53,
                        })),
                    }),
                    ..pb::Flow::default()
                },
            ),
        ];
        for (paths, expected) in rows {
            assert_eq!(&masked(paths).unwrap(), expected, "{paths:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_field() {
        for path in [
            "",
            ".",
            "nonsense",
            "source.nonsense",
            "verdict.x",
            "source.workloads.name",
            "podName",
        ] {
            assert!(masked(&["source", path]).is_err(), "{path}");
        }
    }
}
