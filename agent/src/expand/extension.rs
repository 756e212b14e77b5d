//! What Hubble's messages have no field for.

use abi::event::{self, Event};
use prost::Message as _;
use proto::{flow as pb, flows::v1 as ext};

use crate::{history::EventRef, names::Decision};

/// Type of the `Any` in `Flow.extensions`.
pub const TYPE_URL: &str = "type.googleapis.com/flows.v1.FlowExtension";

/// The extension of every flow of an event.
pub fn extension(stored: &EventRef<'_>) -> proto::google::Any {
    let event = stored.event();
    let dropped = event.kind == event::DROP;
    let message = ext::FlowExtension {
        egress: decision(stored, 0),
        ingress: decision(stored, 1),
        forward: (!dropped).then(|| volume(event, 0)),
        reply: (!dropped).then(|| volume(event, 1)),
        handshake_rtt_us: if dropped { 0 } else { event.aux },
        revision: event.revision,
        limited: if dropped {
            u64::from(event.packets[0].saturating_sub(1))
        } else {
            0
        },
        late: false,
        cause: cause(event.kind).into(),
    };
    proto::google::Any {
        type_url: TYPE_URL.into(),
        value: message.encode_to_vec(),
    }
}

fn decision(stored: &EventRef<'_>, end: usize) -> Option<ext::Decision> {
    let (event, rule) = (stored.event(), stored.rule(end));
    let (verdict, match_type) = match end {
        0 => (event.egress, event.match_types & 0xf),
        _ => (event.ingress, event.match_types >> 4),
    };
    let (verdict, reason) = match verdict {
        event::NOT_JUDGED => return None,
        event::FORWARDED => (pb::Verdict::Forwarded, 0),
        event::REDIRECTED => (pb::Verdict::Redirected, 0),
        reason => (pb::Verdict::Dropped, reason),
    };
    let rules = rule.policies.iter().flat_map(|policy| {
        policy.rules.iter().map(|rule| ext::Rule {
            kind: policy.kind.clone(),
            namespace: policy.namespace.clone(),
            name: policy.name.clone(),
            index: rule.index,
            text: rule.text.clone(),
            resource_version: policy.resource_version.clone(),
            labels: policy.labels.clone(),
        })
    });
    Some(ext::Decision {
        verdict: verdict.into(),
        drop_reason: reason.into(),
        match_type: match_type.into(),
        default_deny: rule.decision == Decision::DefaultDeny,
        rules: rules.collect(),
        why: match reason {
            abi::reason::INVALID_SOURCE_IP => forged(stored),
            _ => String::new(),
        },
        log: rule.log.clone(),
    })
}

/// Who used which address.
fn forged(stored: &EventRef<'_>) -> String {
    let Some(address) = super::address(stored.event(), 0) else {
        return String::new();
    };
    let sender = stored.end(0);
    if sender.pod.is_empty() {
        format!("sent as {address} by an unknown sender")
    } else {
        format!("{}/{} sent as {address}", sender.namespace, sender.pod)
    }
}

fn volume(event: &Event, direction: usize) -> ext::Volume {
    ext::Volume {
        packets: event.packets[direction].into(),
        bytes: event.bytes(direction),
    }
}

fn cause(kind: u8) -> ext::Cause {
    match kind {
        event::NEW => ext::Cause::New,
        event::DROP => ext::Cause::Drop,
        event::CHANGED => ext::Cause::Changed,
        event::FLAGS => ext::Cause::Flags,
        event::END => ext::Cause::End,
        event::ACTIVE => ext::Cause::Active,
        event::PACKET => ext::Cause::Packet,
        _ => ext::Cause::Unknown,
    }
}
