//! What filters, columns and fields see of a flow, whatever form the flow has.

#[macro_use]
mod absent;
mod any;
mod by_initiator;
mod connection;
mod extension;
mod forward;
mod message;

use std::net::IpAddr;

use proto::flow::{L7FlowType, TrafficDirection, Verdict};

use crate::identity::Identity;

pub use any::AnyFlow;
pub use by_initiator::ByInitiator;
pub use connection::{ConnectionFacts, ConnectionState};
pub use extension::{Direction, EndpointDecision, Extension, PolicyName, Rule, Rules, Volume};
pub(crate) use forward::forward;
pub use message::{Message, NoFlow, of_response};
pub(crate) use message::{flag_bits, policies as message_policies};
pub use proto::flow::{Flow, IpVersion, Layer7, TraceReason};

/// One of the two ends of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where the packet came from.
    Source,
    /// Where it went.
    Destination,
}

/// What an end is called where it has no better name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address<'a> {
    /// The packet has neither.
    None,
    /// Its address.
    Ip(IpAddr),
    /// Its address, as the flow spells it.
    IpText(&'a str),
    /// The packet is not of IP.
    Mac(&'a str),
}

impl Address<'_> {
    /// Whether the packet is of IP.
    pub fn is_ip(&self) -> bool {
        matches!(self, Self::Ip(_) | Self::IpText(_))
    }

    /// Whether there is a colon in its text.
    pub(crate) fn has_colon(&self) -> bool {
        match self {
            Self::None => false,
            Self::Ip(ip) => ip.is_ipv6(),
            Self::IpText(text) | Self::Mac(text) => text.contains(':'),
        }
    }
}

impl std::fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Ip(ip) => std::fmt::Display::fmt(ip, f),
            Self::IpText(text) | Self::Mac(text) => f.write_str(text),
        }
    }
}

/// What is above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP.
    IcmpV4,
    /// ICMPv6.
    IcmpV6,
    /// VRRP.
    Vrrp,
    /// IGMP.
    Igmp,
}

/// TCP flags as bits, in the order of RFC 9293 (FIN is bit 0, CWR bit 7), NS above.
pub mod tcp {
    /// FIN.
    pub const FIN: u16 = 1 << 0;
    /// SYN.
    pub const SYN: u16 = 1 << 1;
    /// RST.
    pub const RST: u16 = 1 << 2;
    /// PSH.
    pub const PSH: u16 = 1 << 3;
    /// ACK.
    pub const ACK: u16 = 1 << 4;
    /// URG.
    pub const URG: u16 = 1 << 5;
    /// ECE.
    pub const ECE: u16 = 1 << 6;
    /// CWR.
    pub const CWR: u16 = 1 << 7;
    /// NS.
    pub const NS: u16 = 1 << 8;
}

/// Whether what a proxy tells is an answer, by what it read.
pub(crate) fn is_answer<V: FlowView + ?Sized>(flow: &V) -> bool {
    let is_response = |layer7: &Layer7| layer7.r#type() == L7FlowType::Response;
    flow.is_reply() == Some(true) || flow.l7().is_some_and(is_response)
}

/// A flow as filters, columns and fields see it. Nothing here allocates, except where a form of flow
/// has to unpack what it shows. No attribute has a default: a form of flow says that it has none, with
/// [`absent!`](crate::absent).
///
/// Lists are shown one by one: `any_*` calls its argument on each element until that says true, and
/// says whether it did.
pub trait FlowView {
    /// The labels of a side are a function of its identity, for as long as a filter lives. A filter
    /// then asks for them once per identity.
    fn labels_follow_identity(&self) -> bool {
        false
    }
    /// False for what a stream carries besides flows (lost events, node status).
    fn is_flow(&self) -> bool {
        true
    }

    /// When it happened, in ns since 1970; `None` if that isn't known.
    fn time_ns(&self) -> Option<i64>;
    /// The verdict.
    fn verdict(&self) -> Verdict;
    /// The verdict's number, also of one that has no name here.
    fn verdict_number(&self) -> i32 {
        self.verdict() as i32
    }
    /// Number of the drop reason; 0 if not dropped.
    fn drop_reason(&self) -> i32;
    /// Event type and sub type.
    fn event_type(&self) -> Option<(i32, i32)>;
    /// Direction of the traffic, as seen by the endpoint at which this was observed.
    fn direction(&self) -> TrafficDirection;
    /// What a policy verdict matched on, see [`crate::monitor_api::match_type_text`].
    fn match_type(&self) -> u32;
    /// Place of the packet in its connection.
    fn trace_reason(&self) -> TraceReason;
    /// Whether this goes against the connection's direction, if that is known.
    fn is_reply(&self) -> Option<bool>;
    /// Protocol above IP.
    fn transport(&self) -> Option<Transport>;
    /// Port, of protocols that have them.
    fn port(&self, side: Side) -> Option<u16>;
    /// TCP flags, see [`tcp`].
    fn tcp_flags(&self) -> Option<u16>;
    /// Type and code of an ICMP message.
    fn icmp(&self) -> Option<(u32, u32)>;
    /// Address.
    fn ip(&self, side: Side) -> Option<IpAddr>;
    /// What to call a side that has no name.
    fn address(&self, side: Side) -> Address<'_> {
        self.ip(side).map_or(Address::None, Address::Ip)
    }
    /// Source address after translation.
    fn source_xlated(&self) -> Option<IpAddr>;
    /// Version of IP; `NotUsed` without IP.
    fn ip_version(&self) -> IpVersion;
    /// Whether the packet was encrypted between nodes.
    fn encrypted(&self) -> bool;

    /// Identity; `None` if nothing is known about that side.
    fn identity(&self, side: Side) -> Option<Identity>;
    /// Namespace; empty if none.
    fn namespace(&self, side: Side) -> &str;
    /// Name of the pod; empty if none.
    fn pod(&self, side: Side) -> &str;
    /// Name of the cluster; empty if not known.
    fn cluster(&self, side: Side) -> &str;
    /// Labels, `source:key=value`.
    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool;
    /// Workloads, kind and name.
    fn any_workload(&self, side: Side, is: &mut dyn FnMut(&str, &str) -> bool) -> bool;
    /// DNS names.
    fn any_name(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool;
    /// Namespace and name of the service.
    fn service(&self, side: Side) -> Option<(&str, &str)>;

    /// Name of the node, `cluster/node` or `node`.
    fn node(&self) -> &str;
    /// Labels of the node, `key=value`.
    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool;
    /// Index and name of the network interface.
    fn interface(&self) -> Option<(u32, &str)>;
    /// What a proxy saw.
    fn l7(&self) -> Option<&Layer7>;
    /// Whether the flow's unique id is this text. A flow without one has the empty text.
    fn uuid_is(&self, text: &str) -> bool;
    /// Calls `see` with the flow's unique id, if it has one.
    fn uuid(&self, see: &mut dyn FnMut(&str));
    /// Trace id of the request's context; empty if none.
    fn trace_id(&self) -> &str;
    /// Trace id carried in an IP option; 0 if none.
    fn ip_trace_id(&self) -> u64;
    /// One line about the packet, as Hubble's servers make it; may be empty.
    fn summary(&self) -> &str;

    /// The policies that the verdict is due to, from Hubble's lists.
    fn any_policy(&self, is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool;
    /// What those policies want to stand in the log (`spec.log.value`).
    fn any_policy_log(&self, is: &mut dyn FnMut(&str) -> bool) -> bool;
    /// What is known of the connection as a whole; `None` of a single flow.
    fn connection(&self) -> Option<ConnectionFacts>;
    /// Calls `see` with the message that this is, or would be; for questions that nothing above
    /// answers.
    fn message(&self, see: &mut dyn FnMut(&Flow));
    /// Calls `see` with what only our own servers say, if one did. See [`Extension::read`].
    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>));
}
