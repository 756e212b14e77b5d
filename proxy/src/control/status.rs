//! What the proxy says of itself.

use proto::flows::v1::GetProxyStatusResponse;

use crate::context::Context;

/// Where the proxy listens, in host order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For connections.
    pub tcp: u16,
    /// For DNS, by TCP and UDP.
    pub dns: u16,
}

pub(super) fn status(context: &Context, ports: Ports, has_agent: bool) -> GetProxyStatusResponse {
    let counters = &context.counters;
    let records = context.records.counts();
    let room = &context.room;
    let (held, crowded) = room.held();
    GetProxyStatusResponse {
        revision: context.rules.load().revision(),
        tcp_port: ports.tcp.into(),
        dns_port: ports.dns.into(),
        connections: counters.connections.get(),
        open_connections: context.connections.count() as u64,
        connections_refused: counters.connections_refused.get(),
        connections_reset: counters.connections_reset.get(),
        connects_failed: counters.connects_failed.get(),
        queries: counters.queries.get(),
        open_queries: context.queries.count() as u64,
        queries_refused: counters.queries_refused.get(),
        queries_timed_out: counters.queries_timed_out.get(),
        answers_unexpected: counters.answers_unexpected.get(),
        answers_unlearned: counters.answers_unlearned.get(),
        replies_failed: counters.replies_failed.get(),
        records: records.made,
        records_delivered: records.delivered,
        records_lost: records.lost,
        records_waiting: records.waiting(),
        has_agent,
        held_bytes: held as u64,
        crowded_clients: crowded.iter().map(ToString::to_string).collect(),
        connections_stopped: room.stopped.get(),
        connections_given_up: room.given_up.get(),
    }
}
