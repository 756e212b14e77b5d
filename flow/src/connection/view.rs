//! A connection as a flow: for filters, columns and groups.

use std::net::IpAddr;

use proto::flow::{Flow, IpVersion, Layer7, TraceReason, TrafficDirection, Verdict};

use super::outcome::Outcome;
use super::read::Connection;
use crate::identity::Identity;
use crate::layer7::Answered;
use crate::view::{
    Address, ConnectionFacts, Direction, Extension, FlowView, PolicyName, Side, Transport, forward,
};

/// Shows the events of both ends as one flow from who opened the connection. Its verdict is the
/// outcome's, its time that of the last event, its volumes those of the whole connection, and the
/// decisions those of the nodes that made them. All else is what the deciding event says.
#[derive(Debug)]
pub struct ConnectionView<'a, V> {
    flow: &'a V,
    swapped: bool,
    /// The events in which the decisions of source and destination stand.
    decided: [Option<&'a V>; 2],
    totals: Totals,
    facts: ConnectionFacts,
    requests: CarriedRequests<'a, V>,
}

/// The requests that a connection carried, with the newest event of an allowed one.
#[derive(Debug)]
pub struct CarriedRequests<'a, V> {
    /// All, the denied ones too.
    pub total: u64,
    /// Those that no rule allowed.
    pub denied: u64,
    /// Those that were allowed, and failed on the way.
    pub failed: u64,
    /// An answer or a request; `None` if none was allowed, or it isn't held any more.
    pub newest: Option<&'a V>,
    /// If all asked the same, and nothing of it is open or has failed: what became of them.
    pub alike: Option<Answered>,
}

#[derive(Debug, Clone, Copy)]
struct Totals {
    time: i64,
    verdict: Verdict,
    volume: [crate::view::Volume; 2],
    rtt_us: Option<u32>,
}

impl<'a, V: FlowView> ConnectionView<'a, V> {
    /// Of a connection at a moment (Unix ns), with the events that its witnesses stand for; `None` if
    /// none of them is there any more.
    pub fn new<K>(
        connection: &Connection<'a, K>,
        now: i64,
        mut read: impl FnMut(&'a K) -> Option<&'a V>,
    ) -> Option<Self> {
        // Of what nobody holds any more the other node's word is better than none.
        let flow =
            read(connection.deciding()).or_else(|| connection.witnesses().find_map(&mut read))?;
        let verdict = match connection.outcome() {
            Outcome::Allowed if flow.verdict() == Verdict::Dropped => Verdict::Forwarded,
            Outcome::Allowed => flow.verdict(),
            Outcome::Audited => Verdict::Audit,
            Outcome::Denied { .. } => Verdict::Dropped,
            Outcome::Unconfirmed => Verdict::Unknown,
        };
        let requests = connection.requests();
        let requests = CarriedRequests {
            total: requests.total,
            denied: requests.denied,
            failed: requests.failed,
            newest: requests.newest.and_then(&mut read),
            alike: requests.alike,
        };
        let mut decided = |end| connection.witness(end).and_then(&mut read);
        Some(Self {
            flow,
            swapped: is_swapped(flow, connection.end(Side::Source)),
            decided: [decided(Direction::Egress), decided(Direction::Ingress)],
            facts: connection.facts(now),
            requests,
            totals: Totals {
                time: connection.last(),
                verdict,
                volume: connection.volume(),
                rtt_us: connection.rtt_us(),
            },
        })
    }

    /// The same with the time (Unix ns) of its first event as its time.
    #[must_use]
    pub fn begun(mut self, start: i64) -> Self {
        self.totals.time = start;
        self
    }

    /// The event that explains the outcome.
    pub fn event(&self) -> &'a V {
        self.flow
    }

    /// The requests that it carried.
    pub fn requests(&self) -> &CarriedRequests<'a, V> {
        &self.requests
    }

    fn side(&self, side: Side) -> Side {
        match (side, self.swapped) {
            (Side::Source, false) | (Side::Destination, true) => Side::Source,
            (Side::Destination, false) | (Side::Source, true) => Side::Destination,
        }
    }
}

impl<V: FlowView> FlowView for ConnectionView<'_, V> {
    forward! { plain
        labels_follow_identity() -> bool;
        is_flow() -> bool;
        drop_reason() -> i32;
        event_type() -> Option<(i32, i32)>;
        direction() -> TrafficDirection;
        match_type() -> u32;
        trace_reason() -> TraceReason;
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
        uuid(see: &mut dyn FnMut(&str)) -> ();
        trace_id() -> &str;
        ip_trace_id() -> u64;
        summary() -> &str;
        any_policy(is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool;
        any_policy_log(is: &mut dyn FnMut(&str) -> bool) -> bool;
        message(see: &mut dyn FnMut(&Flow)) -> ();
    }
    forward! { sided
        port() -> Option<u16>;
        ip() -> Option<IpAddr>;
        address() -> Address<'_>;
        identity() -> Option<Identity>;
        namespace() -> &str;
        pod() -> &str;
        cluster() -> &str;
        any_label(is: &mut dyn FnMut(&str) -> bool) -> bool;
        any_workload(is: &mut dyn FnMut(&str, &str) -> bool) -> bool;
        any_name(is: &mut dyn FnMut(&str) -> bool) -> bool;
        service() -> Option<(&str, &str)>;
    }

    fn time_ns(&self) -> Option<i64> {
        Some(self.totals.time)
    }

    fn verdict(&self) -> Verdict {
        self.totals.verdict
    }

    fn is_reply(&self) -> Option<bool> {
        Some(false)
    }

    fn connection(&self) -> Option<ConnectionFacts> {
        Some(self.facts)
    }

    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        let [source, destination] = self.decided;
        // What is told of both ends needs both events at once.
        with(source, &mut |egress| {
            with(destination, &mut |ingress| {
                self.flow.with_extension(&mut |main| {
                    see(&Extension {
                        egress: egress.and_then(|of| of.egress),
                        ingress: ingress.and_then(|of| of.ingress),
                        forward: Some(self.totals.volume[0]),
                        reply: Some(self.totals.volume[1]),
                        rtt_us: self.totals.rtt_us,
                        limited: self.facts.drops.saturating_sub(1),
                        late: false,
                        ..*main
                    });
                });
            });
        });
    }
}

/// Whether a flow's source isn't who opened the connection.
fn is_swapped<V: FlowView>(flow: &V, (ip, port): (IpAddr, u16)) -> bool {
    let own = flow.ip(Side::Source).map(|ip| ip.to_canonical());
    own != Some(ip) || flow.port(Side::Source).is_some_and(|own| own != port)
}

/// Calls `see` once, with the flow's extension if it has one.
fn with<V: FlowView>(flow: Option<&V>, see: &mut dyn FnMut(Option<&Extension<'_>>)) {
    let mut seen = false;
    if let Some(flow) = flow {
        flow.with_extension(&mut |extension| {
            seen = true;
            see(Some(extension));
        });
    }
    if !seen {
        see(None);
    }
}
