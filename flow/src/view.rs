//! What a filter needs to see of a flow, whatever form the flow has.

mod message;

use std::net::IpAddr;

use proto::flow::{IpVersion, Layer7, TrafficDirection, Verdict};

use crate::identity::Identity;

pub(crate) use message::flag_bits;
pub use message::{NoFlow, of_response};

/// One of the two ends of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where the packet came from.
    Source,
    /// Where it went.
    Destination,
}

/// What is above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// A flow as a filter sees it. Nothing here allocates; what a form of flow does not have, it leaves
/// to the default.
///
/// Lists are shown one by one: `any_*` calls its argument on each element until that says true, and
/// says whether it did.
pub trait FlowView {
    /// The labels of a side are a function of its identity, for as long as a filter lives. A filter
    /// then asks for them once per identity.
    const LABELS_FOLLOW_IDENTITY: bool = false;
    /// False for what a stream carries besides flows (lost events, node status).
    const IS_FLOW: bool = true;

    /// The verdict.
    fn verdict(&self) -> Verdict;
    /// Number of the drop reason; 0 if not dropped.
    fn drop_reason(&self) -> i32 {
        0
    }
    /// Event type and sub type.
    fn event_type(&self) -> Option<(i32, i32)>;
    /// Direction of the traffic, as seen by the endpoint at which this was observed.
    fn direction(&self) -> TrafficDirection {
        TrafficDirection::Unknown
    }
    /// Whether this goes against the connection's direction, if that is known.
    fn is_reply(&self) -> Option<bool> {
        None
    }
    /// Protocol above IP.
    fn transport(&self) -> Option<Transport>;
    /// Port, of protocols that have them.
    fn port(&self, side: Side) -> Option<u16>;
    /// TCP flags, see [`tcp`].
    fn tcp_flags(&self) -> Option<u16> {
        None
    }
    /// Address.
    fn ip(&self, side: Side) -> Option<IpAddr>;
    /// Source address after translation.
    fn source_xlated(&self) -> Option<IpAddr> {
        None
    }
    /// Version of IP; `NotUsed` without IP.
    fn ip_version(&self) -> IpVersion;
    /// Whether the packet was encrypted between nodes.
    fn encrypted(&self) -> bool {
        false
    }

    /// Identity; `None` if nothing is known about that side.
    fn identity(&self, side: Side) -> Option<Identity>;
    /// Namespace; empty if none.
    fn namespace(&self, side: Side) -> &str;
    /// Name of the pod; empty if none.
    fn pod(&self, side: Side) -> &str;
    /// Name of the cluster; empty if not known.
    fn cluster(&self, _side: Side) -> &str {
        ""
    }
    /// Labels, `source:key=value`.
    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool;
    /// Workloads, kind and name.
    fn any_workload(&self, _side: Side, _is: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        false
    }
    /// DNS names.
    fn any_name(&self, _side: Side, _is: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
    /// Namespace and name of the service.
    fn service(&self, _side: Side) -> Option<(&str, &str)> {
        None
    }

    /// Name of the node, `cluster/node` or `node`.
    fn node(&self) -> &str;
    /// Labels of the node, `key=value`.
    fn any_node_label(&self, _is: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
    /// Index and name of the network interface.
    fn interface(&self) -> Option<(u32, &str)> {
        None
    }
    /// What a proxy saw.
    fn l7(&self) -> Option<&Layer7> {
        None
    }
    /// Whether the flow's unique id is this text. A flow without one has the empty text.
    fn uuid_is(&self, text: &str) -> bool {
        text.is_empty()
    }
    /// Trace id of the request's context; empty if none.
    fn trace_id(&self) -> &str {
        ""
    }
    /// Trace id carried in an IP option; 0 if none.
    fn ip_trace_id(&self) -> u64 {
        0
    }
}
