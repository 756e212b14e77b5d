//! How a stored event is shown: as the flows that a Hubble user expects of it (which ones:
//! [`Parts`](crate::history::Parts)). Field by field after Hubble v1.19; where Hubble leaves
//! something out that is known here, it is filled in: a drop names the policies behind it, a default
//! deny those that select the pod.

mod extension;
mod summary;
pub mod view;

use std::fmt::Write as _;

use abi::{
    event::{self, Event},
    identity,
};
use proto::flow as pb;

use crate::{
    history::{EventRef, Part, drop_reason},
    names::{Decision, Endpoint, PolicyRef},
    observe::clock,
};

pub use extension::{TYPE_URL, extension};
pub use summary::summary;

/// What does not follow from the event.
#[derive(Clone, Debug)]
pub struct Expander {
    /// Hubble's name of the node.
    node_name: String,
    /// Tells apart the sequence numbers of successive agents of a node.
    run: u64,
    /// Fill `Flow.extensions`.
    pub extensions: bool,
}

impl Expander {
    /// For the flows of one agent. `run` differs between agents and between runs of one agent.
    pub fn new(node_name: String, run: u64) -> Self {
        Self {
            node_name,
            run,
            extensions: false,
        }
    }

    /// An expander for the agent that is starting now.
    ///
    /// # Errors
    /// The clock cannot be read.
    pub fn of_this_run(node_name: String) -> Result<Self, nix::Error> {
        let run = node_name.bytes().fold(clock::wall()?, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(Self::new(node_name, run))
    }

    /// Hubble's name of the node.
    pub fn node_name(&self) -> &str {
        &self.node_name
    }

    /// One of the flows of an event.
    pub fn flow(&self, stored: &EventRef<'_>, part: Part) -> pb::Flow {
        let event = stored.event();
        let mut flow = pb::Flow {
            time: Some(timestamp(event.time)),
            uuid: self.uuid(stored.sequence(), part),
            emitter: Some(pb::Emitter {
                name: "flows".into(),
                version: env!("CARGO_PKG_VERSION").into(),
            }),
            ip: ip(event),
            l4: l4(event),
            source: Some(endpoint(stored.end(0))),
            destination: Some(endpoint(stored.end(1))),
            r#type: pb::FlowType::L3L4.into(),
            node_name: self.node_name.clone(),
            node_labels: stored.node().labels.clone(),
            ..pb::Flow::default()
        };
        flow.summary = summary(event);
        match part {
            Part::EgressVerdict => verdict(&mut flow, stored, 0),
            Part::IngressVerdict => verdict(&mut flow, stored, 1),
            Part::Drop => drop_flow(&mut flow, stored),
            Part::Trace => trace(&mut flow, stored),
        }
        if self.extensions {
            flow.extensions = Some(extension(stored));
        }
        flow
    }

    /// Version 8: unique by agent, run, event and part, and the same whenever the flow is read.
    pub(crate) fn uuid(&self, sequence: u64, part: Part) -> String {
        let low = sequence << 2 | part as u64;
        let mut bytes = (u128::from(self.run) << 64 | u128::from(low)).to_be_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            write!(text, "{byte:02x}").expect("a String takes all that is written");
        }
        text
    }
}

/// ns since 1970 as protobuf has it.
pub fn timestamp(ns: u64) -> proto::google::Timestamp {
    proto::google::Timestamp {
        seconds: i64::try_from(ns / 1_000_000_000).expect("fits: a u64 of ns has few seconds"),
        nanos: i32::try_from(ns % 1_000_000_000).expect("fits: less than a second"),
    }
}

/// The packet reaches a pod of this node (else it leaves for elsewhere).
pub fn to_endpoint(event: &Event) -> bool {
    let receiver = if event.flags & event::F_REPLY != 0 {
        event.egress
    } else {
        event.ingress
    };
    event.flags & event::F_FROM_POD == 0 || receiver != event::NOT_JUDGED
}

/// Where a packet was seen passing.
pub fn observation_point(event: &Event) -> pb::TraceObservationPoint {
    if to_endpoint(event) {
        pb::TraceObservationPoint::ToEndpoint
    } else if event.dst_identity == identity::HOST {
        pb::TraceObservationPoint::ToStack
    } else {
        pb::TraceObservationPoint::ToNetwork
    }
}

/// `event_type.sub_type` of a trace: the datapath's number, which for to-endpoint is 0.
pub fn trace_sub_type(point: pb::TraceObservationPoint) -> i32 {
    if point == pb::TraceObservationPoint::ToEndpoint {
        0
    } else {
        point.into()
    }
}

/// Direction of a trace: that of the connection, as seen by the pod that reports.
pub fn trace_direction(event: &Event) -> pb::TrafficDirection {
    if to_endpoint(event) == (event.flags & event::F_REPLY != 0) {
        pb::TrafficDirection::Egress
    } else {
        pb::TrafficDirection::Ingress
    }
}

/// Direction of a drop: that of the end whose verdict it was; for packets that no policy judged, that
/// of the packet.
pub fn drop_direction(event: &Event) -> pb::TrafficDirection {
    let by_policy = |verdict| {
        matches!(
            verdict,
            abi::reason::POLICY_DENIED | abi::reason::POLICY_DENY
        )
    };
    let egress = match drop_reason(event) {
        (verdict, egress) if by_policy(verdict) => egress,
        _ => event.flags & event::F_FROM_POD != 0,
    };
    if egress {
        pb::TrafficDirection::Egress
    } else {
        pb::TrafficDirection::Ingress
    }
}

/// Message type numbers of Cilium's monitor.
pub mod message_type {
    /// Drop.
    pub const DROP: i32 = 1;
    /// Trace.
    pub const TRACE: i32 = 4;
    /// Policy verdict.
    pub const POLICY_VERDICT: i32 = 5;
}

fn verdict(flow: &mut pb::Flow, stored: &EventRef<'_>, end: usize) {
    let event = stored.event();
    let (given, shift, direction) = if end == 0 {
        (event.egress, 0, pb::TrafficDirection::Egress)
    } else {
        (event.ingress, 4, pb::TrafficDirection::Ingress)
    };
    flow.event_type = Some(pb::CiliumEventType {
        r#type: message_type::POLICY_VERDICT,
        sub_type: 0,
    });
    flow.traffic_direction = direction.into();
    flow.policy_match_type = u32::from(event.match_types >> shift & 0xf);
    match given {
        event::FORWARDED | event::REDIRECTED => {
            flow.verdict = if given == event::FORWARDED {
                pb::Verdict::Forwarded
            } else {
                pb::Verdict::Redirected
            }
            .into();
            flow.is_reply = Some(false.into());
        }
        reason => dropped(flow, reason),
    }
    attribute(flow, stored, end);
}

fn drop_flow(flow: &mut pb::Flow, stored: &EventRef<'_>) {
    let event = stored.event();
    let (reason, egress) = drop_reason(event);
    flow.event_type = Some(pb::CiliumEventType {
        r#type: message_type::DROP,
        sub_type: reason.into(),
    });
    flow.traffic_direction = drop_direction(event).into();
    dropped(flow, reason);
    attribute(flow, stored, usize::from(!egress));
}

fn trace(flow: &mut pb::Flow, stored: &EventRef<'_>) {
    let event = stored.event();
    let point = observation_point(event);
    let reply = event.flags & event::F_REPLY != 0;
    flow.verdict = pb::Verdict::Forwarded.into();
    flow.event_type = Some(pb::CiliumEventType {
        r#type: message_type::TRACE,
        sub_type: trace_sub_type(point),
    });
    flow.traffic_direction = trace_direction(event).into();
    flow.trace_observation_point = point.into();
    flow.trace_reason = if event.flags & event::F_RELATED != 0 {
        pb::TraceReason::Related
    } else if event.kind == event::NEW {
        pb::TraceReason::New
    } else if reply {
        pb::TraceReason::Reply
    } else {
        pb::TraceReason::Established
    }
    .into();
    flow.is_reply = Some(reply.into());
    flow.reply = reply;
    flow.interface = interface(stored, Part::Trace).map(|(index, name)| pb::NetworkInterface {
        index: *index,
        name: name.clone(),
    });
}

/// The veth at which a packet was seen passing.
fn interface<'a>(stored: &EventRef<'a>, part: Part) -> Option<&'a (u32, String)> {
    let reporter = usize::from(to_endpoint(stored.event()));
    (part == Part::Trace)
        .then(|| stored.end(reporter).interface.as_ref())
        .flatten()
}

fn dropped(flow: &mut pb::Flow, reason: u8) {
    flow.verdict = pb::Verdict::Dropped.into();
    flow.drop_reason_desc = reason.into();
    flow.drop_reason = reason.into();
}

fn attribute(flow: &mut pb::Flow, stored: &EventRef<'_>, end: usize) {
    let rule = stored.rule(end);
    let revision = u64::from(stored.event().revision);
    let policies = rule
        .policies
        .iter()
        .map(|known| policy(known, revision))
        .collect();
    let field = match (rule.decision, end) {
        (Decision::Allow, 0) => &mut flow.egress_allowed_by,
        (Decision::Allow, _) => &mut flow.ingress_allowed_by,
        (Decision::Deny | Decision::DefaultDeny, 0) => &mut flow.egress_denied_by,
        (Decision::Deny | Decision::DefaultDeny, _) => &mut flow.ingress_denied_by,
        (Decision::None | Decision::ImplicitAllow, _) => return,
    };
    *field = policies;
    flow.policy_log.clone_from(&rule.log);
}

fn policy(policy: &PolicyRef, revision: u64) -> pb::Policy {
    pb::Policy {
        name: policy.name.clone(),
        namespace: policy.namespace.clone(),
        labels: policy.labels.clone(),
        revision,
        kind: policy.kind.clone(),
    }
}

fn endpoint(known: &Endpoint) -> pb::Endpoint {
    pb::Endpoint {
        id: known.id,
        identity: known.identity,
        cluster_name: known.cluster.clone(),
        namespace: known.namespace.clone(),
        labels: known.labels.clone(),
        pod_name: known.pod.clone(),
        workloads: known
            .workloads
            .iter()
            .map(|workload| pb::Workload {
                name: workload.name.clone(),
                kind: workload.kind.clone(),
            })
            .collect(),
    }
}

/// The address of an end, if the packet had an IP header.
pub fn address(event: &Event, end: usize) -> Option<std::net::IpAddr> {
    let words = if end == 0 { event.src } else { event.dst };
    (event.flags & event::F_NO_IP == 0)
        .then(|| crate::names::AddrKey::of_event(words, event.flags).ip())
}

fn ip(event: &Event) -> Option<pb::Ip> {
    let version = if event.flags & event::F_IPV6 != 0 {
        pb::IpVersion::IPv6
    } else {
        pb::IpVersion::IPv4
    };
    Some(pb::Ip {
        source: address(event, 0)?.to_string(),
        destination: address(event, 1)?.to_string(),
        ip_version: version.into(),
        ..pb::Ip::default()
    })
}

/// The TCP flags of a packet; `None` if it is none.
pub fn tcp_flags(event: &Event) -> Option<pb::TcpFlags> {
    let bit = |n: u8| event.tcp_flags & 1 << n != 0;
    (event.proto == 6).then(|| pb::TcpFlags {
        fin: bit(0),
        syn: bit(1),
        rst: bit(2),
        psh: bit(3),
        ack: bit(4),
        urg: bit(5),
        ece: bit(6),
        cwr: bit(7),
        ns: false,
    })
}

/// Type of an SCTP packet's first chunk (RFC 9260, 3.2), as far as Hubble tells them apart.
fn chunk_type(number: u8) -> pb::SctpChunkType {
    match number {
        1 => pb::SctpChunkType::Init,
        2 => pb::SctpChunkType::InitAck,
        6 => pb::SctpChunkType::Abort,
        7 => pb::SctpChunkType::Shutdown,
        8 => pb::SctpChunkType::ShutdownAck,
        14 => pb::SctpChunkType::ShutdownComplete,
        _ => pb::SctpChunkType::Unsupported,
    }
}

fn l4(event: &Event) -> Option<pb::Layer4> {
    use pb::layer4::Protocol;
    if event.flags & event::F_NO_IP != 0 {
        return None;
    }
    let (source_port, destination_port) = (event.src_port.into(), event.dst_port.into());
    let protocol = match event.proto {
        1 => Protocol::IcmPv4(pb::IcmPv4 {
            r#type: source_port,
            code: destination_port,
        }),
        6 => Protocol::Tcp(pb::Tcp {
            source_port,
            destination_port,
            flags: tcp_flags(event),
        }),
        17 => Protocol::Udp(pb::Udp {
            source_port,
            destination_port,
        }),
        58 => Protocol::IcmPv6(pb::IcmPv6 {
            r#type: source_port,
            code: destination_port,
        }),
        132 => Protocol::Sctp(pb::Sctp {
            source_port,
            destination_port,
            chunk_type: chunk_type(event.tcp_flags).into(),
        }),
        _ => return None,
    };
    Some(pb::Layer4 {
        protocol: Some(protocol),
    })
}
