//! Events as a node tells them, and connections in a form that can be compared.

use std::net::IpAddr;

use flow::connection::{Connection, Connections, Outcome, State};
use flow::view::{Direction, EndpointDecision, Extension, PolicyName, Transport, Volume};
use flow::{FlowView, Identity, Side, TrafficDirection, Verdict};
use flows_flow as flow;
use proto::flow::IpVersion;
use proto::flows::v1::Cause;

/// A moment, in ms since the test's beginning.
pub(crate) const MS: i64 = 1_000_000;
/// When the tests happen, Unix ns.
pub(crate) const BEGIN: i64 = 1_795_343_415_000_000_000;

/// What one node says of one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Told {
    pub(crate) node: &'static str,
    /// Unix ns.
    pub(crate) time: i64,
    /// Of who opened the connection.
    pub(crate) port: u16,
    pub(crate) reply: bool,
    pub(crate) transport: Transport,
    pub(crate) cause: Cause,
    pub(crate) flags: u16,
    /// Judged at the source, at the destination.
    pub(crate) judged: [Option<Verdict>; 2],
    /// Packets so far, forward and back; 100 bytes each.
    pub(crate) packets: [u64; 2],
    pub(crate) rtt_us: Option<u32>,
    pub(crate) limited: u64,
    /// The destination is a pod.
    pub(crate) to_pod: bool,
    /// Told by a Hubble, without our extension.
    pub(crate) hubble: Option<Hubble>,
}

/// What stands in Hubble's own fields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hubble {
    pub(crate) direction: TrafficDirection,
    /// Of the event: 1 a drop, 4 a trace, 5 a policy verdict, 7 a socket's translation.
    pub(crate) kind: i32,
    /// A policy is named.
    pub(crate) named: bool,
}

impl Told {
    /// The first packet, allowed at an end.
    pub(crate) fn new(node: &'static str, ms: i64, judged: [Option<Verdict>; 2]) -> Self {
        Self {
            node,
            time: BEGIN + ms * MS,
            port: 40_000,
            reply: false,
            transport: Transport::Tcp,
            cause: Cause::New,
            flags: flow::view::tcp::SYN,
            judged,
            packets: [1, 0],
            rtt_us: None,
            limited: 0,
            to_pod: true,
            hubble: None,
        }
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.judged.contains(&Some(Verdict::Dropped))
    }
}

impl FlowView for Told {
    fn time_ns(&self) -> Option<i64> {
        Some(self.time)
    }
    fn verdict(&self) -> Verdict {
        match self.is_dropped() {
            true => Verdict::Dropped,
            false if self.judged.contains(&Some(Verdict::Audit)) => Verdict::Audit,
            false => Verdict::Forwarded,
        }
    }
    fn is_reply(&self) -> Option<bool> {
        (!self.is_dropped()).then_some(self.reply)
    }
    fn transport(&self) -> Option<Transport> {
        Some(self.transport)
    }
    fn port(&self, side: Side) -> Option<u16> {
        Some(match (side, self.reply) {
            (Side::Source, false) | (Side::Destination, true) => self.port,
            (Side::Source, true) | (Side::Destination, false) => 6379,
        })
    }
    fn tcp_flags(&self) -> Option<u16> {
        Some(self.flags)
    }
    fn ip(&self, side: Side) -> Option<IpAddr> {
        Some(match (side, self.reply) {
            (Side::Source, false) | (Side::Destination, true) => [10, 0, 0, 1].into(),
            (Side::Source, true) | (Side::Destination, false) => [10, 0, 1, 2].into(),
        })
    }
    fn ip_version(&self) -> IpVersion {
        IpVersion::IPv4
    }
    fn encrypted(&self) -> bool {
        false
    }
    fn identity(&self, _side: Side) -> Option<Identity> {
        None
    }
    fn namespace(&self, _side: Side) -> &str {
        "shop"
    }
    fn pod(&self, side: Side) -> &str {
        match (side, self.reply) {
            (Side::Source, false) | (Side::Destination, true) => "web",
            (Side::Source, true) | (Side::Destination, false) if self.to_pod => "session",
            (Side::Source, true) | (Side::Destination, false) => "",
        }
    }
    fn node(&self) -> &str {
        self.node
    }
    fn direction(&self) -> TrafficDirection {
        self.hubble
            .map_or(TrafficDirection::Unknown, |it| it.direction)
    }
    fn event_type(&self) -> Option<(i32, i32)> {
        self.hubble.map(|it| (it.kind, 0))
    }
    fn any_policy(&self, is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool {
        self.hubble.is_some_and(|it| it.named) && is(PolicyName::default())
    }
    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        if self.hubble.is_some() {
            return;
        }
        let decision = |verdict: Option<Verdict>| {
            verdict.map(|verdict| EndpointDecision {
                verdict,
                drop_reason: 0,
                match_type: 0,
                default_deny: false,
                rules: &(),
                why: "",
            })
        };
        let volume = |at: usize| {
            (self.cause != Cause::Drop).then(|| Volume {
                packets: self.packets[at],
                bytes: self.packets[at] * 100,
            })
        };
        see(&Extension {
            egress: decision(self.judged[0]),
            ingress: decision(self.judged[1]),
            forward: volume(0),
            reply: volume(1),
            rtt_us: self.rtt_us,
            limited: self.limited,
            cause: self.cause,
            ..Extension::default()
        });
    }

    flow::absent! {
        drop_reason match_type trace_reason icmp source_xlated cluster any_label any_workload any_name
        service any_node_label interface l7 uuid trace_id ip_trace_id summary any_policy_log connection
        message
    }
}

/// All that is told of a connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fate {
    pub(crate) port: u16,
    pub(crate) start: i64,
    pub(crate) last: i64,
    pub(crate) outcome: Outcome,
    pub(crate) state: State,
    pub(crate) packets: [u64; 2],
    pub(crate) drops: u64,
    pub(crate) rtt_us: Option<u32>,
    pub(crate) nodes: [Option<String>; 2],
    pub(crate) silent: Option<Direction>,
    pub(crate) lost: u64,
}

pub(crate) fn fate<K>(connection: &Connection<'_, K>, now: i64) -> Fate {
    let node = |end| connection.node(end).map(str::to_owned);
    Fate {
        port: connection.end(Side::Source).1,
        start: (connection.start() - BEGIN) / MS,
        last: (connection.last() - BEGIN) / MS,
        outcome: connection.outcome(),
        state: connection.state(now),
        packets: connection.volume().map(|volume| volume.packets),
        drops: connection.drops(),
        rtt_us: connection.rtt_us(),
        nodes: [node(Direction::Egress), node(Direction::Ingress)],
        silent: connection.silent(),
        lost: connection.lost(now),
    }
}

/// What becomes of events, by time.
pub(crate) fn fates<'a>(events: impl IntoIterator<Item = &'a Told>, now: i64) -> Vec<Fate> {
    let mut connections = Connections::default();
    for event in events {
        connections.push(event, || *event).unwrap();
    }
    let mut fates: Vec<Fate> = connections.iter().map(|one| fate(&one, now)).collect();
    fates.sort_by_key(|fate| (fate.start, fate.port, fate.last));
    fates
}
