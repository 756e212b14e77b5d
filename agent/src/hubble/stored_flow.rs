//! A stored flow as a filter sees it, without making the message.

use std::net::IpAddr;

use flow::{
    FlowView, Identity, Side,
    view::{Direction, Transport},
};
use proto::flow as pb;

use super::{
    FlowBuilder, drop_direction, ip_version, message_type, observation_point, trace_direction,
    trace_sub_type, verdict_of,
};
use crate::{
    fact::{FlowKind, Judgement, Packet},
    history::PacketRef,
    node::names::Endpoint,
};

/// One of the flows of a packet.
#[derive(Clone, Copy, Debug)]
pub struct StoredFlow<'a> {
    flow_builder: &'a FlowBuilder,
    stored: PacketRef<'a>,
    part: FlowKind,
}

impl<'a> StoredFlow<'a> {
    /// The flow that [`FlowBuilder::flow`] would make.
    pub fn new(flow_builder: &'a FlowBuilder, stored: PacketRef<'a>, part: FlowKind) -> Self {
        Self {
            flow_builder,
            stored,
            part,
        }
    }

    fn end(&self, side: Side) -> &'a Endpoint {
        self.stored.end(side)
    }

    fn packet(&self) -> &'a Packet {
        self.stored.packet()
    }

    fn judgement(&self) -> Judgement {
        self.part.judgement(self.packet())
    }
}

impl FlowView for StoredFlow<'_> {
    fn labels_follow_identity(&self) -> bool {
        true
    }

    fn verdict(&self) -> pb::Verdict {
        verdict_of(self.judgement())
    }

    fn drop_reason(&self) -> i32 {
        self.judgement().reason().into()
    }

    fn event_type(&self) -> Option<(i32, i32)> {
        Some(match self.part {
            FlowKind::EgressVerdict | FlowKind::IngressVerdict => (message_type::POLICY_VERDICT, 0),
            FlowKind::Drop => (message_type::DROP, self.drop_reason()),
            FlowKind::Trace => (
                message_type::TRACE,
                trace_sub_type(observation_point(self.packet())),
            ),
        })
    }

    fn direction(&self) -> pb::TrafficDirection {
        match self.part {
            FlowKind::EgressVerdict => pb::TrafficDirection::Egress,
            FlowKind::IngressVerdict => pb::TrafficDirection::Ingress,
            FlowKind::Drop => drop_direction(self.packet()),
            FlowKind::Trace => trace_direction(self.packet()),
        }
    }

    fn is_reply(&self) -> Option<bool> {
        match self.part {
            FlowKind::EgressVerdict | FlowKind::IngressVerdict => {
                (self.drop_reason() == 0).then_some(false)
            }
            FlowKind::Drop => None,
            FlowKind::Trace => Some(self.packet().is_reply()),
        }
    }

    fn transport(&self) -> Option<Transport> {
        self.packet().transport()
    }

    fn port(&self, side: Side) -> Option<u16> {
        self.packet().port(side)
    }

    fn tcp_flags(&self) -> Option<u16> {
        self.packet().tcp_flags().map(u16::from)
    }

    fn ip(&self, side: Side) -> Option<IpAddr> {
        self.packet().address(side)
    }

    fn ip_version(&self) -> pb::IpVersion {
        ip_version(self.packet())
    }

    fn identity(&self, side: Side) -> Option<Identity> {
        Some(Identity(self.end(side).identity))
    }

    fn namespace(&self, side: Side) -> &str {
        &self.end(side).namespace
    }

    fn pod(&self, side: Side) -> &str {
        &self.end(side).pod
    }

    fn cluster(&self, side: Side) -> &str {
        &self.end(side).cluster
    }

    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.end(side).labels.iter().any(|label| is(label))
    }

    fn any_workload(&self, side: Side, is: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let mut workloads = self.end(side).workloads.iter();
        workloads.any(|workload| is(&workload.kind, &workload.name))
    }

    fn any_name(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        let names = self.flow_builder.names_of_packet(self.packet(), side);
        names.iter().any(|name| is(name))
    }

    fn node(&self) -> &str {
        self.flow_builder.node_name()
    }

    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.stored.node().labels.iter().any(|label| is(label))
    }

    fn interface(&self) -> Option<(u32, &str)> {
        let interface = super::interface(&self.stored, self.part)?;
        Some((interface.index, &interface.name))
    }

    fn uuid_is(&self, text: &str) -> bool {
        self.flow_builder.uuid(self.stored.sequence(), self.part) == text
    }

    fn uuid(&self, see: &mut dyn FnMut(&str)) {
        see(&self.flow_builder.uuid(self.stored.sequence(), self.part));
    }

    fn time_ns(&self) -> Option<i64> {
        i64::try_from(self.packet().time()).ok()
    }

    fn any_policy_log(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        let end = match self.part {
            FlowKind::EgressVerdict => Direction::Egress,
            FlowKind::IngressVerdict => Direction::Ingress,
            FlowKind::Drop => self.packet().decisive().0,
            FlowKind::Trace => return false,
        };
        self.stored.rule(end).log.iter().any(|value| is(value))
    }

    fn message(&self, see: &mut dyn FnMut(&pb::Flow)) {
        see(&self.flow_builder.flow(&self.stored, self.part));
    }

    // What filters of Hubble's messages can't ask for, and what a packet doesn't have.
    flow::absent! {
        match_type trace_reason icmp source_xlated encrypted service l7 trace_id
        ip_trace_id summary any_policy connection with_extension
    }
}
