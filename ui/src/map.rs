//! Who talks to whom: connections, or events, per edge.

mod connections;
mod events;
mod latency;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use flow::view::Transport;
use flow::workload_ref::{self, WorkloadRef};
use flow::{FlowView, Side};
use proto::flow::{Layer7, layer7::Record};

pub(crate) use connections::ConnectionTraffic;
pub(crate) use events::EventTraffic;
pub(crate) use latency::{Latencies, median};

/// Ends that are told apart; what comes then is one.
const ENDS: usize = 5000;

/// What went over an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Connections, or events.
    pub(crate) flows: u64,
    /// How many of them were denied or dropped.
    pub(crate) dropped: u64,
    /// Of events: how many connections began.
    pub(crate) connections: u64,
    pub(crate) bytes: u64,
    /// Numbers of drop reasons, as bits from 128 up: all that there are.
    pub(crate) reasons: u128,
    /// Requests that the connections carried, as a proxy judged them.
    pub(crate) requests: u64,
    /// How many of those no rule allowed.
    pub(crate) denied: u64,
    /// How many were allowed, and failed.
    pub(crate) failed: u64,
}

/// From, to, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) source: u32,
    pub(crate) destination: u32,
    pub(crate) port: u32,
}

/// What was asked over an edge, and how often.
pub(crate) type Asked = HashMap<Edge, BTreeMap<u32, u64>>;

/// What was counted of a time.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) edges: Vec<(Edge, Counts)>,
    pub(crate) asked: Asked,
    /// How long answers took.
    pub(crate) latencies: HashMap<Edge, Latencies>,
    /// How long that was, at least one.
    pub(crate) seconds: f64,
}

/// Names of what edges are of.
#[derive(Debug, Default)]
pub(crate) struct Parties {
    ends: Names<WorkloadRef>,
    ports: Names<String>,
    requests: Names<String>,
}

/// Numbers for things.
#[derive(Debug)]
struct Names<T> {
    numbers: HashMap<T, u32>,
    things: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            things: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    fn number(&mut self, thing: T, others: impl FnOnce() -> T) -> u32 {
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        let thing = match self.things.len() < ENDS {
            true => thing,
            false => others(),
        };
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        let number = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        self.things.push(thing.clone());
        self.numbers.insert(thing, number);
        number
    }
}

/// All ends that there is no room for.
fn others() -> WorkloadRef {
    WorkloadRef::outside(workload_ref::Kind::Entity, "others")
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.dropped += other.dropped;
        self.connections += other.connections;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.reasons |= other.reasons;
        self.requests += other.requests;
        self.denied += other.denied;
        self.failed += other.failed;
    }
}

impl Parties {
    /// The edge of a flow from one of its ends to the other.
    fn edge<V: FlowView>(&mut self, flow: &V, source: Side, destination: Side) -> Edge {
        Edge {
            source: self.ends.number(WorkloadRef::of(flow, source), others),
            destination: self.ends.number(WorkloadRef::of(flow, destination), others),
            port: self
                .ports
                .number(port(flow, destination), || "others".to_owned()),
        }
    }

    fn request_number(&mut self, request: String) -> u32 {
        self.requests.number(request, || "others".to_owned())
    }

    /// The name of what was asked: `HTTP GET`, `DNS AAAA`.
    pub(crate) fn request(&self, number: u32) -> &str {
        let request = usize::try_from(number)
            .ok()
            .and_then(|at| self.requests.things.get(at));
        request.map_or("", String::as_str)
    }

    pub(crate) fn end(&self, number: u32) -> Option<&WorkloadRef> {
        self.ends.things.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn port(&self, number: u32) -> &str {
        let port = usize::try_from(number)
            .ok()
            .and_then(|at| self.ports.things.get(at));
        port.map_or("", String::as_str)
    }
}

/// `HTTP GET`, `DNS AAAA`, `Kafka produce`: protocol and kind of what was asked; answers repeat it.
fn request(l7: &Layer7) -> Option<String> {
    Some(match l7.record.as_ref()? {
        Record::Http(http) => format!("HTTP {}", http.method),
        Record::Dns(dns) => format!("DNS {}", dns.qtypes.join(",")),
        Record::Kafka(kafka) => format!("Kafka {}", kafka.api_key),
    })
}

fn reason_bit(reason: i32) -> u128 {
    match u32::try_from(reason.saturating_sub(128)) {
        Ok(bit @ 0..128) => 1 << bit,
        _ => 0,
    }
}

/// Drop reasons whose bits are set.
pub(crate) fn reasons(bits: u128) -> Vec<&'static str> {
    let set = (0..128_u8).filter(|bit| bits >> bit & 1 == 1);
    set.filter_map(|bit| flow::monitor_api::drop_reason_text(bit + 128))
        .collect()
}

/// `5432/TCP`, `ICMPv4`.
fn port<V: FlowView>(flow: &V, destination: Side) -> String {
    let Some(transport) = flow.transport() else {
        return "other".to_owned();
    };
    let protocol = flow::format::protocol(transport);
    let port = match transport {
        Transport::Tcp | Transport::Udp | Transport::Sctp => flow.port(destination),
        Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp => None,
    };
    port.map_or_else(|| protocol.to_owned(), |port| format!("{port}/{protocol}"))
}

/// Seconds of a part of the time that is known (Unix ns), at least one: nothing was seen before and
/// after.
#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds((from, to): (i64, i64), (oldest, newest): (i64, i64)) -> f64 {
    let counted = to.min(newest).saturating_sub(from.max(oldest));
    (counted as f64 / 1e9).max(1.0)
}
