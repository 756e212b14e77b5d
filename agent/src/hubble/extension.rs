//! What Hubble's messages have no field for.

use flow::{Side, view::Direction};
use prost::Message as _;
use proto::flows::v1 as ext;

use crate::{
    fact::{Judgement, Kind, Packet},
    history::PacketRef,
    node::names::{Attribution, Decision},
};

/// Type of the `Any` in `Flow.extensions`.
pub const TYPE_URL: &str = "type.googleapis.com/flows.v1.FlowExtension";

/// The extension of every flow of a packet.
pub fn extension(stored: &PacketRef<'_>) -> proto::google::Any {
    let packet = stored.packet();
    let message = ext::FlowExtension {
        egress: decision(stored, Direction::Egress),
        ingress: decision(stored, Direction::Ingress),
        forward: volume(packet, 0),
        reply: volume(packet, 1),
        handshake_rtt_us: packet.round_trip_us(),
        revision: packet.revision(),
        limited: packet.limited().into(),
        late: false,
        cause: cause(packet.kind()).into(),
    };
    proto::google::Any {
        type_url: TYPE_URL.into(),
        value: message.encode_to_vec(),
    }
}

fn decision(stored: &PacketRef<'_>, end: Direction) -> Option<ext::Decision> {
    let (packet, rule) = (stored.packet(), stored.rule(end));
    let judgement = packet.judgement(end);
    if judgement == Judgement::None {
        return None;
    }
    let reason = judgement.reason();
    Some(ext::Decision {
        verdict: super::verdict_of(judgement).into(),
        drop_reason: reason.into(),
        match_type: packet.match_type(end).into(),
        default_deny: rule.decision == Decision::DefaultDeny,
        rules: rules(rule),
        why: match reason {
            abi::reason::INVALID_SOURCE_IP => forged(stored),
            _ => String::new(),
        },
        log: rule.log.clone(),
    })
}

/// The rules that decided.
pub(super) fn rules(by: &Attribution) -> Vec<ext::Rule> {
    let rules = by.policies.iter().flat_map(|of| {
        of.rules.iter().map(|rule| ext::Rule {
            kind: explain::proto::policy_kind(of.kind).into(),
            namespace: of.namespace.clone(),
            name: of.name.clone(),
            path: Some(explain::proto::path(rule.path)),
            text: rule.text.clone(),
            resource_version: of.resource_version.clone(),
            labels: of.labels.clone(),
        })
    });
    rules.collect()
}

/// Who used which address.
fn forged(stored: &PacketRef<'_>) -> String {
    let Some(address) = stored.packet().address(Side::Source) else {
        return String::new();
    };
    let sender = stored.end(Side::Source);
    if sender.pod.is_empty() {
        format!("sent as {address} by an unknown sender")
    } else {
        format!("{}/{} sent as {address}", sender.namespace, sender.pod)
    }
}

fn volume(packet: &Packet, direction: usize) -> Option<ext::Volume> {
    let (packets, bytes) = packet.volume(direction)?;
    Some(ext::Volume {
        packets: packets.into(),
        bytes,
    })
}

fn cause(kind: Kind) -> ext::Cause {
    match kind {
        Kind::New => ext::Cause::New,
        Kind::Drop => ext::Cause::Drop,
        Kind::Changed => ext::Cause::Changed,
        Kind::Flags => ext::Cause::Flags,
        Kind::End => ext::Cause::End,
        Kind::Active => ext::Cause::Active,
        Kind::Packet => ext::Cause::Packet,
    }
}
