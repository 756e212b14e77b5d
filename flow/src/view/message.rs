//! The protobuf message as a view.

use std::net::IpAddr;

use proto::flow::{
    Endpoint, Flow, IpVersion, Layer7, Policy, TcpFlags, TraceReason, TrafficDirection, Verdict,
    layer4,
};
use proto::flows::v1::FlowExtension;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use super::{
    Address, ConnectionFacts, Extension, FlowView, PolicyName, Side, Transport, forward, tcp,
};
use crate::identity::Identity;

/// The flow of a response.
///
/// # Errors
/// What stands in for it if the response carries none.
pub fn of_response(response: &GetFlowsResponse) -> Result<&Flow, NoFlow> {
    match &response.response_types {
        Some(ResponseTypes::Flow(flow)) => Ok(flow),
        Some(ResponseTypes::NodeStatus(_) | ResponseTypes::LostEvents(_)) | None => Err(NoFlow),
    }
}

fn endpoint(flow: &Flow, side: Side) -> Option<&Endpoint> {
    match side {
        Side::Source => flow.source.as_ref(),
        Side::Destination => flow.destination.as_ref(),
    }
}

fn protocol(flow: &Flow) -> Option<&layer4::Protocol> {
    flow.l4.as_ref()?.protocol.as_ref()
}

/// Flags as bits, see [`tcp`].
pub(crate) fn flag_bits(flags: &TcpFlags) -> u16 {
    [
        (flags.fin, tcp::FIN),
        (flags.syn, tcp::SYN),
        (flags.rst, tcp::RST),
        (flags.psh, tcp::PSH),
        (flags.ack, tcp::ACK),
        (flags.urg, tcp::URG),
        (flags.ece, tcp::ECE),
        (flags.cwr, tcp::CWR),
        (flags.ns, tcp::NS),
    ]
    .iter()
    .filter(|(set, _)| *set)
    .fold(0, |bits, (_, bit)| bits | bit)
}

/// The policies of Hubble's lists that this flow's verdict is due to.
pub(crate) fn policies(flow: &Flow) -> &[Policy] {
    let allowed = matches!(flow.verdict(), Verdict::Forwarded | Verdict::Redirected);
    match (flow.traffic_direction(), allowed) {
        (TrafficDirection::Egress, true) => &flow.egress_allowed_by,
        (TrafficDirection::Ingress, true) => &flow.ingress_allowed_by,
        (TrafficDirection::Egress, false) => &flow.egress_denied_by,
        (TrafficDirection::Ingress, false) => &flow.ingress_denied_by,
        (TrafficDirection::Unknown, _) => &[],
    }
}

impl FlowView for Flow {
    fn connection(&self) -> Option<ConnectionFacts> {
        None
    }
    fn message(&self, see: &mut dyn FnMut(&Flow)) {
        see(self);
    }

    fn time_ns(&self) -> Option<i64> {
        let time = self.time?;
        time.checked().ok().map(|_| time.unix_nanos())
    }

    fn verdict(&self) -> Verdict {
        self.verdict()
    }

    fn verdict_number(&self) -> i32 {
        self.verdict
    }

    fn drop_reason(&self) -> i32 {
        self.drop_reason_desc
    }

    fn event_type(&self) -> Option<(i32, i32)> {
        self.event_type
            .as_ref()
            .map(|event| (event.r#type, event.sub_type))
    }

    fn direction(&self) -> TrafficDirection {
        self.traffic_direction()
    }

    fn match_type(&self) -> u32 {
        self.policy_match_type
    }

    fn trace_reason(&self) -> TraceReason {
        self.trace_reason()
    }

    fn is_reply(&self) -> Option<bool> {
        self.is_reply.map(|reply| reply.value)
    }

    fn transport(&self) -> Option<Transport> {
        Some(match protocol(self)? {
            layer4::Protocol::Tcp(_) => Transport::Tcp,
            layer4::Protocol::Udp(_) => Transport::Udp,
            layer4::Protocol::Sctp(_) => Transport::Sctp,
            layer4::Protocol::IcmPv4(_) => Transport::IcmpV4,
            layer4::Protocol::IcmPv6(_) => Transport::IcmpV6,
            layer4::Protocol::Vrrp(_) => Transport::Vrrp,
            layer4::Protocol::Igmp(_) => Transport::Igmp,
        })
    }

    fn port(&self, side: Side) -> Option<u16> {
        let (source, destination) = match protocol(self)? {
            layer4::Protocol::Tcp(tcp) => (tcp.source_port, tcp.destination_port),
            layer4::Protocol::Udp(udp) => (udp.source_port, udp.destination_port),
            layer4::Protocol::Sctp(sctp) => (sctp.source_port, sctp.destination_port),
            layer4::Protocol::IcmPv4(_)
            | layer4::Protocol::IcmPv6(_)
            | layer4::Protocol::Vrrp(_)
            | layer4::Protocol::Igmp(_) => return None,
        };
        u16::try_from(match side {
            Side::Source => source,
            Side::Destination => destination,
        })
        .ok()
    }

    fn tcp_flags(&self) -> Option<u16> {
        if let layer4::Protocol::Tcp(tcp) = protocol(self)? {
            tcp.flags.as_ref().map(flag_bits)
        } else {
            None
        }
    }

    fn icmp(&self) -> Option<(u32, u32)> {
        match protocol(self)? {
            layer4::Protocol::IcmPv4(icmp) => Some((icmp.r#type, icmp.code)),
            layer4::Protocol::IcmPv6(icmp) => Some((icmp.r#type, icmp.code)),
            layer4::Protocol::Tcp(_)
            | layer4::Protocol::Udp(_)
            | layer4::Protocol::Sctp(_)
            | layer4::Protocol::Vrrp(_)
            | layer4::Protocol::Igmp(_) => None,
        }
    }

    fn address(&self, side: Side) -> Address<'_> {
        match (&self.ip, &self.ethernet, side) {
            (Some(ip), _, Side::Source) => Address::IpText(&ip.source),
            (Some(ip), _, Side::Destination) => Address::IpText(&ip.destination),
            (None, Some(ethernet), Side::Source) => Address::Mac(&ethernet.source),
            (None, Some(ethernet), Side::Destination) => Address::Mac(&ethernet.destination),
            (None, None, _) => Address::None,
        }
    }

    fn ip(&self, side: Side) -> Option<IpAddr> {
        let ip = self.ip.as_ref()?;
        match side {
            Side::Source => ip.source.parse().ok(),
            Side::Destination => ip.destination.parse().ok(),
        }
    }

    fn source_xlated(&self) -> Option<IpAddr> {
        self.ip.as_ref()?.source_xlated.parse().ok()
    }

    fn ip_version(&self) -> IpVersion {
        self.ip
            .as_ref()
            .map_or(IpVersion::IpNotUsed, proto::flow::Ip::ip_version)
    }

    fn encrypted(&self) -> bool {
        self.ip.as_ref().is_some_and(|ip| ip.encrypted)
    }

    fn identity(&self, side: Side) -> Option<Identity> {
        endpoint(self, side).map(|e| Identity(e.identity))
    }

    fn namespace(&self, side: Side) -> &str {
        endpoint(self, side).map_or("", |e| &e.namespace)
    }

    fn pod(&self, side: Side) -> &str {
        endpoint(self, side).map_or("", |e| &e.pod_name)
    }

    fn cluster(&self, side: Side) -> &str {
        endpoint(self, side).map_or("", |e| &e.cluster_name)
    }

    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        endpoint(self, side).is_some_and(|e| e.labels.iter().any(|label| is(label)))
    }

    fn any_workload(&self, side: Side, is: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        endpoint(self, side).is_some_and(|e| e.workloads.iter().any(|w| is(&w.kind, &w.name)))
    }

    fn any_name(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        match side {
            Side::Source => self.source_names.iter().any(|name| is(name)),
            Side::Destination => self.destination_names.iter().any(|name| is(name)),
        }
    }

    fn service(&self, side: Side) -> Option<(&str, &str)> {
        let service = match side {
            Side::Source => self.source_service.as_ref(),
            Side::Destination => self.destination_service.as_ref(),
        };
        service.map(|s| (s.namespace.as_str(), s.name.as_str()))
    }

    fn node(&self) -> &str {
        &self.node_name
    }

    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.node_labels.iter().any(|label| is(label))
    }

    fn interface(&self) -> Option<(u32, &str)> {
        self.interface.as_ref().map(|i| (i.index, i.name.as_str()))
    }

    fn l7(&self) -> Option<&Layer7> {
        self.l7.as_ref()
    }

    fn uuid_is(&self, text: &str) -> bool {
        self.uuid == text
    }

    fn uuid(&self, see: &mut dyn FnMut(&str)) {
        if !self.uuid.is_empty() {
            see(&self.uuid);
        }
    }

    fn trace_id(&self) -> &str {
        self.trace_context
            .as_ref()
            .and_then(|context| context.parent.as_ref())
            .map_or("", |parent| &parent.trace_id)
    }

    fn ip_trace_id(&self) -> u64 {
        self.ip_trace_id.as_ref().map_or(0, |id| id.trace_id)
    }

    fn summary(&self) -> &str {
        &self.summary
    }

    fn any_policy(&self, is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool {
        policies(self).iter().any(|policy| {
            is(PolicyName {
                kind: &policy.kind,
                namespace: &policy.namespace,
                name: &policy.name,
            })
        })
    }

    fn any_policy_log(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.policy_log.iter().any(|value| is(value))
    }

    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        if let Some(extension) = self.extension() {
            see(&Extension::from_message(&extension));
        }
    }
}

/// A message with its extension unpacked once, for those who look at the extension repeatedly.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    flow: &'a Flow,
    extension: Option<FlowExtension>,
}

impl<'a> Message<'a> {
    /// Unpacks the extension.
    pub fn new(flow: &'a Flow) -> Self {
        Self {
            flow,
            extension: flow.extension(),
        }
    }

    fn side(&self, side: Side) -> Side {
        side
    }
}

impl FlowView for Message<'_> {
    forward! {}

    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        if let Some(extension) = &self.extension {
            see(&Extension::from_message(extension));
        }
    }
}

/// What a stream carries besides flows. Filters that ask nothing of a flow, or only that it lacks
/// something, let it pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoFlow;

impl FlowView for NoFlow {
    fn is_flow(&self) -> bool {
        false
    }

    fn verdict(&self) -> Verdict {
        Verdict::Unknown
    }

    crate::absent! {
        time_ns drop_reason event_type direction match_type trace_reason is_reply transport port
        tcp_flags icmp ip source_xlated ip_version encrypted identity namespace pod cluster any_label
        any_workload any_name service node any_node_label interface l7 uuid trace_id ip_trace_id
        summary any_policy any_policy_log connection message with_extension
    }
}
