//! A flow's message in two parts: what it has in common with thousands of others (ends, policies, who
//! decided and why), and what is its own (time, addresses, ports, volumes). The first part is held once.
//!
//! Messages are cut between the fields of their encoding, so that nothing of them can get lost: both parts
//! together are the message, whoever sent it. Of our own extension the volumes are cut out, too, as long as
//! its fields stand in order; else it is as it is.
//!
//! ```text
//! part:  length of the fields, the fields, fields of the extension
//! ```

use prost::{
    Message as _,
    encoding::{decode_varint, encode_varint},
};
use proto::{EXTENSION_URL, flow::Flow, flows::v1::FlowExtension, google::Any};
use uuid::Uuid;

/// Fields of `flow.Flow` that differ from flow to flow. An id in the usual form is held elsewhere.
const UUID: u32 = 34;
const OWN: [u32; 9] = [
    1,  // time
    5,  // IP
    6,  // l4
    15, // l7
    30, // trace_context
    32, // socket_cookie
    39, // tunnel
    40, // ip_trace_id
    UUID,
];
/// A few texts, but those of layer 7: `TCP Flags: SYN`, and `HTTP/1.1 GET /cart/17`.
const SUMMARY: u32 = 100_000;
const EXTENSIONS: u32 = 150_000;
/// Fields of `flows.v1.FlowExtension` that differ from flow to flow.
const OWN_OF_EXTENSION: [u32; 4] = [
    3, // forward
    4, // reply
    5, // handshake_rtt_us
    7, // limited
];

/// Both parts of a message, in memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) common: Vec<u8>,
    pub(super) own: Vec<u8>,
    whole: Vec<u8>,
    extension: [Vec<u8>; 2],
    fields: [Vec<u8>; 2],
}

impl Parts {
    /// Cuts a message. `without_id`: its id is held elsewhere.
    pub(super) fn cut(&mut self, flow: &Flow, without_id: bool) {
        let Self {
            common,
            own,
            whole,
            extension,
            fields,
        } = self;
        let [one, other] = extension;
        let [first, second] = fields;
        for used in [&mut *common, own, whole, one, other, first, second] {
            used.clear();
        }
        // A vector takes any length.
        let _always = flow.encode(whole);
        let splits = flow.extensions.as_ref().is_some_and(|any| {
            any.type_url == EXTENSION_URL && cut_extension(&any.value, extension)
        });
        for (number, field) in Fields(whole) {
            match number {
                UUID if without_id => {}
                EXTENSIONS if splits => {}
                SUMMARY => fields[usize::from(flow.l7.is_some())].extend_from_slice(field),
                number => fields[usize::from(OWN.contains(&number))].extend_from_slice(field),
            }
        }
        let cut = fields.iter().zip(&*extension);
        for (part, (fields, extension)) in [common, own].into_iter().zip(cut) {
            encode_varint(2 * fields.len() as u64 + u64::from(splits), part);
            part.extend_from_slice(fields);
            if splits {
                part.extend_from_slice(extension);
            }
        }
    }

    /// What flows have in common of our extension; `None` if it wasn't cut.
    pub(super) fn common_of_extension(common: &[u8]) -> Option<FlowExtension> {
        let [_, extension] = opened(common)?;
        FlowExtension::decode(extension?).ok()
    }

    /// What differs from flow to flow in our extension; `None` if it wasn't cut.
    pub(super) fn own_of_extension(&self) -> Option<FlowExtension> {
        let [_, extension] = opened(&self.own)?;
        FlowExtension::decode(extension?).ok()
    }
}

/// Cuts an extension into what is common and what is its own, unless it is not as we write it.
fn cut_extension(value: &[u8], parts: &mut [Vec<u8>; 2]) -> bool {
    let mut before = 0;
    let mut length = 0;
    for (number, field) in Fields(value) {
        if number <= before {
            break;
        }
        before = number;
        length += field.len();
        parts[usize::from(OWN_OF_EXTENSION.contains(&number))].extend_from_slice(field);
    }
    length == value.len()
}

/// The message of both parts; `id`: the one that was left out.
pub(super) fn join(common: &[u8], own: &[u8], id: Option<Uuid>) -> Option<Flow> {
    let ([fields, extension], [own_fields, own_extension]) = (opened(common)?, opened(own)?);
    let mut flow = Flow::decode(fields?).ok()?;
    flow.merge(own_fields?).ok()?;
    if let (Some(one), Some(other)) = (extension, own_extension) {
        let mut fields: Vec<(u32, &[u8])> = Fields(one).chain(Fields(other)).collect();
        fields.sort_by_key(|(number, _)| *number);
        let fields: Vec<&[u8]> = fields.into_iter().map(|(_, field)| field).collect();
        flow.extensions = Some(Any {
            type_url: EXTENSION_URL.to_owned(),
            value: fields.concat(),
        });
    }
    if let Some(id) = id {
        flow.uuid = id.hyphenated().to_string();
    }
    Some(flow)
}

/// The fields of a part, and those of its extension if that was cut.
fn opened(part: &[u8]) -> Option<[Option<&[u8]>; 2]> {
    let mut rest = part;
    let head = decode_varint(&mut rest).ok()?;
    let length = usize::try_from(head / 2).ok()?;
    let (fields, extension) = rest.split_at_checked(length)?;
    Some([Some(fields), (head % 2 == 1).then_some(extension)])
}

/// The fields of an encoded message with their numbers, each as it stands there; ends where it is broken.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let whole = self.0;
        let mut rest = whole;
        if rest.is_empty() {
            return None;
        }
        let key = decode_varint(&mut rest).ok()?;
        let length = match key % 8 {
            0 => {
                decode_varint(&mut rest).ok()?;
                0
            }
            1 => 8,
            2 => usize::try_from(decode_varint(&mut rest).ok()?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (_, after) = rest.split_at_checked(length)?;
        let (field, after) = whole.split_at(whole.len() - after.len());
        self.0 = after;
        Some((u32::try_from(key / 8).ok()?, field))
    }
}

#[cfg(test)]
mod tests {
    use proto::flows::v1::{Cause, Volume};

    use super::*;

    fn flow() -> Flow {
        let mut flow = Flow {
            uuid: "5076bcf3-5f9f-815d-8000-00000000028e".to_owned(),
            node_name: "node".to_owned(),
            summary: "TCP Flags: SYN".to_owned(),
            policy_log: vec!["a".to_owned(), "b".to_owned()],
            ..Flow::default()
        };
        flow.set_extension(&FlowExtension {
            forward: Some(Volume {
                packets: 3,
                bytes: 180,
            }),
            handshake_rtt_us: 70,
            revision: 9,
            cause: Cause::New.into(),
            ..FlowExtension::default()
        });
        flow
    }

    fn there_and_back(flow: &Flow) -> Parts {
        let mut parts = Parts::default();
        // Nothing of the one before stays.
        parts.cut(&self::flow(), false);
        for id in [None, Uuid::try_parse(&flow.uuid).ok()] {
            parts.cut(flow, id.is_some());
            assert_eq!(join(&parts.common, &parts.own, id).as_ref(), Some(flow));
        }
        parts
    }

    #[test]
    fn both_parts_together_are_the_message() {
        let parts = there_and_back(&flow());
        let own = parts.own_of_extension().unwrap();
        assert_eq!(
            (own.forward.unwrap().packets, own.handshake_rtt_us),
            (3, 70)
        );
        assert_eq!(own.revision, 0);
        let other = Flow {
            uuid: "5076bcf3-5f9f-815d-8000-00000000028f".to_owned(),
            socket_cookie: 7,
            ..flow()
        };
        assert_eq!(there_and_back(&other).common, parts.common);
        there_and_back(&Flow::default());
    }

    #[test]
    fn an_extension_that_is_not_as_we_write_it_stays_as_it_is() {
        let ours = flow().extensions.unwrap();
        for value in [
            // Out of order, twice, broken off, groups, nothing.
            [&[0x30, 9][..], &ours.value].concat(),
            [&ours.value[..], &[0x48, 1]].concat(),
            ours.value[..ours.value.len() - 1].to_vec(),
            vec![0x0b, 0x0c],
            vec![0x80],
            Vec::new(),
        ] {
            let flow = Flow {
                extensions: Some(Any {
                    value,
                    ..ours.clone()
                }),
                ..flow()
            };
            there_and_back(&flow);
        }
        let foreign = Flow {
            extensions: Some(Any {
                type_url: "type.googleapis.com/else".to_owned(),
                ..ours
            }),
            ..flow()
        };
        assert_eq!(there_and_back(&foreign).own_of_extension(), None);
    }
}
