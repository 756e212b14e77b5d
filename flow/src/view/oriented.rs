//! A flow as one of its connection.

use std::net::IpAddr;

use proto::flow::{Flow, IpVersion, Layer7, TraceReason, TrafficDirection, Verdict};

use super::{Address, Extra, FlowView, PolicyName, Side, Transport};
use crate::identity::Identity;

/// A flow with who opened the connection as its source: a reply has its ends swapped. So packets of
/// both directions are grouped together.
#[derive(Debug, Clone, Copy)]
pub struct Oriented<'a, V> {
    flow: &'a V,
    swapped: bool,
}

impl<'a, V: FlowView> Oriented<'a, V> {
    /// The flow, seen so.
    pub fn new(flow: &'a V) -> Self {
        Self {
            flow,
            swapped: flow.is_reply() == Some(true),
        }
    }

    pub(crate) fn side(&self, side: Side) -> Side {
        match (side, self.swapped) {
            (Side::Source, false) | (Side::Destination, true) => Side::Source,
            (Side::Destination, false) | (Side::Source, true) => Side::Destination,
        }
    }
}

impl<V: FlowView> FlowView for Oriented<'_, V> {
    const LABELS_FOLLOW_IDENTITY: bool = V::LABELS_FOLLOW_IDENTITY;
    const IS_FLOW: bool = V::IS_FLOW;

    super::same! { flow:
        time_ns() -> Option<i64>;
        verdict() -> Verdict;
        verdict_number() -> i32;
        drop_reason() -> i32;
        event_type() -> Option<(i32, i32)>;
        direction() -> TrafficDirection;
        match_type() -> u32;
        trace_reason() -> TraceReason;
        is_reply() -> Option<bool>;
        transport() -> Option<Transport>;
        tcp_flags() -> Option<u16>;
        icmp() -> Option<(u32, u32)>;
        source_xlated() -> Option<IpAddr>;
        ip_version() -> IpVersion;
        encrypted() -> bool;
        node() -> &str;
        any_node_label(is: &mut dyn FnMut(&str) -> bool) -> bool;
        interface() -> Option<(u32, &str)>;
        l7() -> Option<&Layer7>;
        uuid_is(text: &str) -> bool;
        uuid(see: &mut dyn FnMut(&str));
        trace_id() -> &str;
        ip_trace_id() -> u64;
        summary() -> &str;
        any_policy(is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool;
        message(see: &mut dyn FnMut(&Flow));
        extra(see: &mut dyn FnMut(&Extra<'_>));
    }

    fn port(&self, side: Side) -> Option<u16> {
        self.flow.port(self.side(side))
    }
    fn ip(&self, side: Side) -> Option<IpAddr> {
        self.flow.ip(self.side(side))
    }
    fn address(&self, side: Side) -> Address<'_> {
        self.flow.address(self.side(side))
    }
    fn identity(&self, side: Side) -> Option<Identity> {
        self.flow.identity(self.side(side))
    }
    fn namespace(&self, side: Side) -> &str {
        self.flow.namespace(self.side(side))
    }
    fn pod(&self, side: Side) -> &str {
        self.flow.pod(self.side(side))
    }
    fn cluster(&self, side: Side) -> &str {
        self.flow.cluster(self.side(side))
    }
    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.flow.any_label(self.side(side), is)
    }
    fn any_workload(&self, side: Side, is: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        self.flow.any_workload(self.side(side), is)
    }
    fn any_name(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.flow.any_name(self.side(side), is)
    }
    fn service(&self, side: Side) -> Option<(&str, &str)> {
        self.flow.service(self.side(side))
    }
}
