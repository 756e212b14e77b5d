//! How a stored packet is shown: as the flows that a Hubble user expects of it (which ones:
//! [`FlowKinds`](crate::fact::FlowKinds)). Field by field after Hubble v1.19; where Hubble leaves
//! something out that is known here, it is filled in: a drop names the policies behind it, a default
//! deny those that select the pod.

pub mod agent_events;
mod extension;
mod request_summary;
pub mod stored_flow;
pub mod stored_request;
mod summary;

use std::{fmt::Write as _, net::IpAddr, sync::Arc};

use flow::{
    Side,
    view::{Direction, Transport},
};
use proto::flow as pb;

use crate::{
    fact::{FlowKind, Judgement, Kind, Packet},
    history::PacketRef,
    node::{
        ToldNames, clock,
        names::{Decision, Device, Endpoint, PolicyRef},
    },
};

pub use extension::{TYPE_URL, extension};
pub(crate) use request_summary::rcode as dns_rcode;
pub use summary::summary;

/// What does not follow from the packet.
#[derive(Clone, Debug)]
pub struct FlowBuilder {
    /// Hubble's name of the node.
    node_name: String,
    /// Tells apart the sequence numbers of successive agents of a node.
    run: u64,
    /// Fill `Flow.extensions`.
    pub extensions: bool,
    /// The names of addresses, as pods asked for them.
    names: Arc<ToldNames>,
}

impl FlowBuilder {
    /// For the flows of one agent. `run` differs between agents and between runs of one agent.
    pub fn new(node_name: String, run: u64) -> Self {
        Self {
            node_name,
            run,
            extensions: false,
            names: Arc::default(),
        }
    }

    /// With names of addresses.
    #[must_use]
    pub fn with_names(self, names: Arc<ToldNames>) -> Self {
        Self { names, ..self }
    }

    /// The names of one end's address, as the other end had asked for them at that time.
    fn names(&self, of: Option<IpAddr>, other: Option<IpAddr>, time: u64) -> Vec<String> {
        let ends = of.zip(other);
        ends.map_or_else(Vec::new, |(of, other)| self.names.names(other, of, time))
    }

    /// Those of a packet's end.
    pub(crate) fn names_of_packet(&self, packet: &Packet, side: Side) -> Vec<String> {
        let other = packet.address(other(side));
        self.names(packet.address(side), other, packet.time())
    }

    /// A builder for the agent that is starting now.
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

    /// One of the flows of a packet.
    pub fn flow(&self, stored: &PacketRef<'_>, part: FlowKind) -> pb::Flow {
        let packet = stored.packet();
        let mut flow = pb::Flow {
            time: Some(timestamp(packet.time())),
            uuid: self.uuid(stored.sequence(), part),
            emitter: Some(emitter()),
            ethernet: ethernet(stored),
            ip: ip(packet),
            l4: l4(packet),
            source: Some(endpoint(stored.end(Side::Source))),
            destination: Some(endpoint(stored.end(Side::Destination))),
            source_names: self.names_of_packet(packet, Side::Source),
            destination_names: self.names_of_packet(packet, Side::Destination),
            r#type: pb::FlowType::L3L4.into(),
            node_name: self.node_name.clone(),
            node_labels: stored.node().labels.clone(),
            ..pb::Flow::default()
        };
        flow.summary = summary(packet);
        match part {
            FlowKind::EgressVerdict => verdict(&mut flow, stored, Direction::Egress),
            FlowKind::IngressVerdict => verdict(&mut flow, stored, Direction::Ingress),
            FlowKind::Drop => drop_flow(&mut flow, stored),
            FlowKind::Trace => trace(&mut flow, stored),
        }
        if self.extensions {
            flow.extensions = Some(extension(stored));
        }
        flow
    }

    /// Version 8: unique by agent, run, event and part, and the same whenever the flow is read.
    pub(crate) fn uuid(&self, sequence: u64, part: FlowKind) -> String {
        self.uuid_of(sequence, part as u64)
    }

    /// The same by the part's number, 0 to 3.
    fn uuid_of(&self, sequence: u64, part: u64) -> String {
        let low = sequence << 2 | part;
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

/// The other end.
fn other(side: Side) -> Side {
    match side {
        Side::Source => Side::Destination,
        Side::Destination => Side::Source,
    }
}

/// Who made a flow.
fn emitter() -> pb::Emitter {
    pb::Emitter {
        name: "flows".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// ns since 1970 as protobuf has it.
pub fn timestamp(ns: u64) -> proto::google::Timestamp {
    proto::google::Timestamp {
        seconds: i64::try_from(ns / 1_000_000_000).expect("fits: a u64 of ns has few seconds"),
        nanos: i32::try_from(ns % 1_000_000_000).expect("fits: less than a second"),
    }
}

/// Where a packet was seen passing.
pub fn observation_point(packet: &Packet) -> pb::TraceObservationPoint {
    if packet.reaches_pod() {
        pb::TraceObservationPoint::ToEndpoint
    } else if !packet.leaves_node() {
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
pub fn trace_direction(packet: &Packet) -> pb::TrafficDirection {
    if packet.reaches_pod() == packet.is_reply() {
        pb::TrafficDirection::Egress
    } else {
        pb::TrafficDirection::Ingress
    }
}

/// Direction of a drop: that of the end whose verdict it was; for packets that no policy judged, that
/// of the packet.
pub fn drop_direction(packet: &Packet) -> pb::TrafficDirection {
    let egress = match packet.decisive() {
        (end, judgement) if judgement.is_by_policy() => end == Direction::Egress,
        _ => packet.is_from_pod(),
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
    /// What a proxy saw.
    pub const ACCESS_LOG: i32 = 129;
}

fn verdict(flow: &mut pb::Flow, stored: &PacketRef<'_>, end: Direction) {
    let packet = stored.packet();
    flow.event_type = Some(pb::CiliumEventType {
        r#type: message_type::POLICY_VERDICT,
        sub_type: 0,
    });
    flow.traffic_direction = match end {
        Direction::Egress => pb::TrafficDirection::Egress,
        Direction::Ingress => pb::TrafficDirection::Ingress,
    }
    .into();
    flow.policy_match_type = packet.match_type(end).into();
    match packet.judgement(end) {
        Judgement::Dropped(reason) => dropped(flow, reason),
        judgement @ (Judgement::None | Judgement::Forwarded | Judgement::Redirected) => {
            flow.verdict = verdict_of(judgement).into();
            flow.is_reply = Some(false.into());
        }
    }
    attribute(flow, stored, end);
}

fn drop_flow(flow: &mut pb::Flow, stored: &PacketRef<'_>) {
    let packet = stored.packet();
    let (end, judgement) = packet.decisive();
    flow.event_type = Some(pb::CiliumEventType {
        r#type: message_type::DROP,
        sub_type: judgement.reason().into(),
    });
    flow.traffic_direction = drop_direction(packet).into();
    dropped(flow, judgement.reason());
    attribute(flow, stored, end);
}

fn trace(flow: &mut pb::Flow, stored: &PacketRef<'_>) {
    let packet = stored.packet();
    let point = observation_point(packet);
    let reply = packet.is_reply();
    flow.verdict = pb::Verdict::Forwarded.into();
    flow.event_type = Some(pb::CiliumEventType {
        r#type: message_type::TRACE,
        sub_type: trace_sub_type(point),
    });
    flow.traffic_direction = trace_direction(packet).into();
    flow.trace_observation_point = point.into();
    flow.trace_reason = if packet.is_related() {
        pb::TraceReason::Related
    } else if packet.kind() == Kind::New {
        pb::TraceReason::New
    } else if reply {
        pb::TraceReason::Reply
    } else {
        pb::TraceReason::Established
    }
    .into();
    flow.is_reply = Some(reply.into());
    flow.reply = reply;
    flow.interface = interface(stored, FlowKind::Trace).map(|device| pb::NetworkInterface {
        index: device.index,
        name: device.name.clone(),
    });
}

/// Where a packet was seen passing: at a pod's veth, or at the device by which it left the node.
fn interface<'a>(stored: &PacketRef<'a>, part: FlowKind) -> Option<&'a Device> {
    if part != FlowKind::Trace {
        return None;
    }
    let packet = stored.packet();
    let veth = |side| stored.end(side).interface.as_ref();
    if packet.leaves_node() {
        stored.device()
    } else if packet.reaches_pod() {
        veth(Side::Destination)
    } else {
        veth(Side::Source)
    }
}

fn dropped(flow: &mut pb::Flow, reason: u8) {
    flow.verdict = pb::Verdict::Dropped.into();
    flow.drop_reason_desc = reason.into();
    flow.drop_reason = reason.into();
}

/// A judgement as Hubble's verdict.
pub(crate) fn verdict_of(judgement: Judgement) -> pb::Verdict {
    match judgement {
        Judgement::None => pb::Verdict::Unknown,
        Judgement::Forwarded => pb::Verdict::Forwarded,
        Judgement::Redirected => pb::Verdict::Redirected,
        Judgement::Dropped(_) => pb::Verdict::Dropped,
    }
}

fn attribute(flow: &mut pb::Flow, stored: &PacketRef<'_>, end: Direction) {
    let rule = stored.rule(end);
    let revision = u64::from(stored.packet().revision());
    let policies = rule
        .policies
        .iter()
        .map(|known| policy(known, revision))
        .collect();
    let field = match (rule.decision, end) {
        (Decision::Allow, Direction::Egress) => &mut flow.egress_allowed_by,
        (Decision::Allow, Direction::Ingress) => &mut flow.ingress_allowed_by,
        (Decision::Deny | Decision::DefaultDeny, Direction::Egress) => &mut flow.egress_denied_by,
        (Decision::Deny | Decision::DefaultDeny, Direction::Ingress) => &mut flow.ingress_denied_by,
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
        kind: policy.kind.name().to_owned(),
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

fn ip(packet: &Packet) -> Option<pb::Ip> {
    Some(pb::Ip {
        source: packet.address(Side::Source)?.to_string(),
        destination: packet.address(Side::Destination)?.to_string(),
        ip_version: ip_version(packet).into(),
        ..pb::Ip::default()
    })
}

/// The version of IP, if the packet has one.
pub(crate) fn ip_version(packet: &Packet) -> pb::IpVersion {
    match (packet.has_ip(), packet.is_ipv6()) {
        (false, _) => pb::IpVersion::IpNotUsed,
        (true, false) => pb::IpVersion::IPv4,
        (true, true) => pb::IpVersion::IPv6,
    }
}

fn ethernet(stored: &PacketRef<'_>) -> Option<pb::Ethernet> {
    let addresses = stored.ethernet();
    Some(pb::Ethernet {
        source: addresses.address(Side::Source)?.to_string(),
        destination: addresses.address(Side::Destination)?.to_string(),
    })
}

fn flags(bits: u8) -> pb::TcpFlags {
    let bit = |n: u8| bits & 1 << n != 0;
    pb::TcpFlags {
        fin: bit(0),
        syn: bit(1),
        rst: bit(2),
        psh: bit(3),
        ack: bit(4),
        urg: bit(5),
        ece: bit(6),
        cwr: bit(7),
        ns: false,
    }
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

fn l4(packet: &Packet) -> Option<pb::Layer4> {
    use pb::layer4::Protocol;
    let port = |side| packet.port(side).unwrap_or_default().into();
    let (source_port, destination_port) = (port(Side::Source), port(Side::Destination));
    let [kind, code] = packet.icmp().unwrap_or_default().map(u32::from);
    let protocol = match packet.transport()? {
        Transport::IcmpV4 => Protocol::IcmPv4(pb::IcmPv4 { r#type: kind, code }),
        Transport::Tcp => Protocol::Tcp(pb::Tcp {
            source_port,
            destination_port,
            flags: packet.tcp_flags().map(flags),
        }),
        Transport::Udp => Protocol::Udp(pb::Udp {
            source_port,
            destination_port,
        }),
        Transport::IcmpV6 => Protocol::IcmPv6(pb::IcmPv6 { r#type: kind, code }),
        Transport::Sctp => Protocol::Sctp(pb::Sctp {
            source_port,
            destination_port,
            chunk_type: chunk_type(packet.sctp_chunk().unwrap_or_default()).into(),
        }),
        Transport::Vrrp | Transport::Igmp => return None,
    };
    Some(pb::Layer4 {
        protocol: Some(protocol),
    })
}
