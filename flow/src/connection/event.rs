//! What one event says of its connection.

use proto::flow::{TrafficDirection, Verdict};
use proto::flows::v1::Cause;

use super::NodeId;
use crate::monitor_api::event as kind;
use crate::view::{Direction, Extension, FlowView, Side, TraceReason, Volume, tcp};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    /// Unix ns.
    pub(super) time: i64,
    /// Number of the node that tells it.
    pub(super) node: NodeId,
    /// The packet goes against the direction in which the connection was opened.
    pub(super) is_reply: bool,
    /// It was dropped, at which end's veth if that is told.
    pub(super) dropped: Option<Option<Direction>>,
    /// The ends at which it was judged: source, destination.
    pub(super) judged: [bool; 2],
    /// The ends that are pods.
    pub(super) pods: [bool; 2],
    /// The connection begins here.
    pub(super) is_new: bool,
    /// TCP: the packet asks for a connection.
    pub(super) is_syn: bool,
    /// The connection ends here.
    pub(super) is_end: bool,
    /// Our extension came with it, so that what begins and ends is told.
    pub(super) is_ours: bool,
    /// It names who decided.
    pub(super) names_policies: bool,
    /// Running totals of the connection, forward and reply.
    pub(super) volume: [Option<Volume>; 2],
    /// Round trip of the handshake, us.
    pub(super) rtt_us: Option<u32>,
    /// It would have been dropped, if policy were enforced.
    pub(super) audited: bool,
    /// Further packets dropped alike.
    pub(super) limited: u64,
    /// TCP flags of the packet.
    pub(super) tcp_flags: u16,
}

impl Event {
    pub(super) fn of<V: FlowView>(flow: &V, node: NodeId, is_reply: bool) -> Self {
        let is_drop = matches!(flow.verdict(), Verdict::Dropped | Verdict::Error);
        let mut pods = [Side::Source, Side::Destination].map(|side| !flow.pod(side).is_empty());
        if is_reply {
            pods.reverse();
        }
        let tcp_flags = flow.tcp_flags().unwrap_or(0);
        let mut event = Self {
            time: flow.time_ns().unwrap_or(0),
            node,
            is_reply,
            dropped: is_drop.then_some(None),
            judged: [false; 2],
            pods,
            is_new: false,
            is_syn: !is_reply && tcp_flags & (tcp::SYN | tcp::ACK) == tcp::SYN,
            is_end: false,
            is_ours: false,
            names_policies: false,
            volume: [None; 2],
            rtt_us: None,
            audited: flow.verdict() == Verdict::Audit,
            limited: 0,
            tcp_flags,
        };
        flow.with_extension(&mut |extension| event.add(extension));
        if !event.is_ours {
            event.add_hubble(flow);
        }
        event
    }

    fn add(&mut self, extension: &Extension<'_>) {
        self.is_ours = true;
        self.names_policies = true;
        self.judged = [extension.egress.is_some(), extension.ingress.is_some()];
        self.is_new = extension.cause == Cause::New;
        self.is_end = extension.cause == Cause::End;
        self.volume = [extension.forward, extension.reply];
        self.rtt_us = extension.rtt_us;
        self.limited = extension.limited;
        let is_drop = extension.cause == Cause::Drop || self.dropped.is_some();
        if is_drop {
            let mut ends = extension.explaining(true);
            self.dropped = Some(ends.next().map(|(end, _)| end));
        }
    }

    /// What Hubble's own fields say of it.
    fn add_hubble<V: FlowView>(&mut self, flow: &V) {
        let end = match flow.direction() {
            TrafficDirection::Egress => Some(Direction::Egress),
            TrafficDirection::Ingress => Some(Direction::Ingress),
            TrafficDirection::Unknown => None,
        };
        let is_verdict = flow
            .event_type()
            .is_some_and(|(of, _)| of == kind::POLICY_VERDICT);
        // The direction is the connection's, except where it isn't known whether this is a reply: then it is
        // the packet's, and a reply leaves the pod that the connection came in to.
        let is_turned = flow.is_reply().is_none() && self.is_reply;
        let end = match (end, is_turned) {
            (Some(Direction::Egress), true) => Some(Direction::Ingress),
            (Some(Direction::Ingress), true) => Some(Direction::Egress),
            (end, _) => end,
        };
        match end {
            Some(Direction::Egress) => self.judged[0] = true,
            Some(Direction::Ingress) => self.judged[1] = true,
            None => {}
        }
        self.is_new = !self.is_reply && (is_verdict || flow.trace_reason() == TraceReason::New);
        self.names_policies = flow.any_policy(&mut |_| true);
        if self.dropped.is_some() {
            self.dropped = Some(end);
        }
    }
}
