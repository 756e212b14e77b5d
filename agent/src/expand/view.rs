//! A stored flow as a filter sees it, without making the message.

use std::net::IpAddr;

use abi::event;
use flow::{FlowView, Identity, Side, view::Transport};
use proto::flow as pb;

use super::{
    Expander, address, drop_direction, message_type, observation_point, trace_direction,
    trace_sub_type,
};
use crate::{
    history::{EventRef, Part, drop_reason},
    names::Endpoint,
};

/// One of the flows of an event.
#[derive(Clone, Copy, Debug)]
pub struct StoredFlow<'a> {
    expander: &'a Expander,
    stored: EventRef<'a>,
    part: Part,
}

impl<'a> StoredFlow<'a> {
    /// The flow that [`Expander::flow`] would make.
    pub fn new(expander: &'a Expander, stored: EventRef<'a>, part: Part) -> Self {
        Self {
            expander,
            stored,
            part,
        }
    }

    fn end(&self, side: Side) -> &'a Endpoint {
        self.stored.end(index(side))
    }

    /// The verdict as in the event.
    fn given(&self) -> u8 {
        let event = self.stored.event();
        match self.part {
            Part::EgressVerdict => event.egress,
            Part::IngressVerdict => event.ingress,
            Part::Drop => drop_reason(event).0,
            Part::Trace => event::FORWARDED,
        }
    }

    fn has_ip(&self) -> bool {
        self.stored.event().flags & event::F_NO_IP == 0
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::Source => 0,
        Side::Destination => 1,
    }
}

impl FlowView for StoredFlow<'_> {
    const LABELS_FOLLOW_IDENTITY: bool = true;

    fn verdict(&self) -> pb::Verdict {
        match self.given() {
            event::FORWARDED => pb::Verdict::Forwarded,
            event::REDIRECTED => pb::Verdict::Redirected,
            _ => pb::Verdict::Dropped,
        }
    }

    fn drop_reason(&self) -> i32 {
        match self.given() {
            event::FORWARDED | event::REDIRECTED => 0,
            reason => reason.into(),
        }
    }

    fn event_type(&self) -> Option<(i32, i32)> {
        let event = self.stored.event();
        Some(match self.part {
            Part::EgressVerdict | Part::IngressVerdict => (message_type::POLICY_VERDICT, 0),
            Part::Drop => (message_type::DROP, drop_reason(event).0.into()),
            Part::Trace => (
                message_type::TRACE,
                trace_sub_type(observation_point(event)),
            ),
        })
    }

    fn direction(&self) -> pb::TrafficDirection {
        let event = self.stored.event();
        match self.part {
            Part::EgressVerdict => pb::TrafficDirection::Egress,
            Part::IngressVerdict => pb::TrafficDirection::Ingress,
            Part::Drop => drop_direction(event),
            Part::Trace => trace_direction(event),
        }
    }

    fn is_reply(&self) -> Option<bool> {
        match self.part {
            Part::EgressVerdict | Part::IngressVerdict => {
                (self.drop_reason() == 0).then_some(false)
            }
            Part::Drop => None,
            Part::Trace => Some(self.stored.event().flags & event::F_REPLY != 0),
        }
    }

    fn transport(&self) -> Option<Transport> {
        if !self.has_ip() {
            return None;
        }
        Some(match self.stored.event().proto {
            1 => Transport::IcmpV4,
            6 => Transport::Tcp,
            17 => Transport::Udp,
            58 => Transport::IcmpV6,
            132 => Transport::Sctp,
            _ => return None,
        })
    }

    fn port(&self, side: Side) -> Option<u16> {
        let event = self.stored.event();
        match self.transport()? {
            Transport::Tcp | Transport::Udp | Transport::Sctp => Some(match side {
                Side::Source => event.src_port,
                Side::Destination => event.dst_port,
            }),
            Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp => None,
        }
    }

    fn tcp_flags(&self) -> Option<u16> {
        let event = self.stored.event();
        (self.transport()? == Transport::Tcp).then_some(event.tcp_flags.into())
    }

    fn ip(&self, side: Side) -> Option<IpAddr> {
        address(self.stored.event(), index(side))
    }

    fn ip_version(&self) -> pb::IpVersion {
        if !self.has_ip() {
            pb::IpVersion::IpNotUsed
        } else if self.stored.event().flags & event::F_IPV6 != 0 {
            pb::IpVersion::IPv6
        } else {
            pb::IpVersion::IPv4
        }
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

    fn node(&self) -> &str {
        self.expander.node_name()
    }

    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.stored.node().labels.iter().any(|label| is(label))
    }

    fn interface(&self) -> Option<(u32, &str)> {
        let interface = super::interface(&self.stored, self.part)?;
        Some((interface.0, &interface.1))
    }

    fn uuid_is(&self, text: &str) -> bool {
        self.expander.uuid(self.stored.sequence(), self.part) == text
    }
    fn message(&self, see: &mut dyn FnMut(&pb::Flow)) {
        see(&self.expander.flow(&self.stored, self.part));
    }
}
