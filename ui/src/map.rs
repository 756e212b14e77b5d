//! Who talks to whom: counts per edge in slices of time, kept up to date.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use client::view::{self, Match};
use client::{Item, Row, Snapshot, View};
use flow::end::{self, End};
use flow::view::{Extra, Transport};
use flow::{FlowView as _, Side, Verdict, similar};
use proto::flow::{Layer7, layer7::Record};

/// Length of a slice, ns.
const SLICE: i64 = 5_000_000_000;
/// Slices that are kept: an hour.
const SLICES: usize = 720;
/// Ends that are told apart; what comes then is one.
const ENDS: usize = 5000;
/// Edges per slice that are told apart.
const EDGES: usize = 50_000;
/// Connections whose bytes are followed.
const CONNECTIONS: usize = 500_000;

/// What went over an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) flows: u64,
    pub(crate) dropped: u64,
    pub(crate) connections: u64,
    pub(crate) bytes: u64,
    /// Numbers of drop reasons, as bits from 128 up: all that there are.
    pub(crate) reasons: u128,
}

/// From, to, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) source: u32,
    pub(crate) destination: u32,
    pub(crate) port: u32,
}

/// What was counted in a slice of time.
#[derive(Debug, Default)]
struct Slice {
    edges: HashMap<Edge, Counts>,
    /// Flows of which a proxy read what was asked, by the number of its name.
    asked: HashMap<(Edge, u32), u64>,
}

/// What was asked over an edge, and how often.
pub(crate) type Asked = HashMap<Edge, BTreeMap<u32, u64>>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    ends: Names<End>,
    ports: Names<String>,
    requests: Names<String>,
    /// By their place in time.
    slices: BTreeMap<i64, Slice>,
    /// Bytes so far of each connection.
    connections: HashMap<u64, u64>,
    /// Connections were forgotten: one that isn't known may be an old one.
    forgot: bool,
    /// Items up to here have been counted.
    counted: u64,
    /// Time of the newest flow, ns.
    pub(crate) newest: i64,
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
fn others() -> End {
    End::outside(end::Kind::Entity, "others")
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.dropped += other.dropped;
        self.connections += other.connections;
        self.bytes += other.bytes;
        self.reasons |= other.reasons;
    }
}

impl Traffic {
    /// Counts what has come to a view, and lets go of what is older than the store. `anew`: older
    /// flows were put before, so everything is counted once more.
    pub(crate) fn advance(&mut self, view: &View, snapshot: &Snapshot, anew: bool) {
        if anew {
            *self = Self::default();
        }
        let matches = view.matches();
        for found in matches.range(view.place(self.counted)..) {
            if let Some(Item::Flow(row)) = snapshot.get(found.number) {
                self.count(row);
            }
        }
        self.counted = snapshot.range().end;
        // A mark may stand before flows that are older: a relay says first who is connected.
        let is_flow = |found: &&Match| matches!(found.kind, view::Kind::Flow(_));
        let oldest = matches.iter().find(is_flow);
        let oldest = oldest.map_or(0, |first| first.time).div_euclid(SLICE);
        let first = self.slices.last_key_value().map_or(0, |(last, _)| {
            last - i64::try_from(SLICES).unwrap_or(i64::MAX)
        });
        self.slices = self.slices.split_off(&oldest.max(first));
    }

    /// Counts what a view had at the moment of a number, from a time (Unix ns) on.
    pub(crate) fn held(view: &View, snapshot: &Snapshot, at: u64, from: i64) -> Self {
        let mut this = Self::default();
        let matches = view.matches();
        for found in matches.range(..view.place(at.saturating_add(1))) {
            if found.time >= from.div_euclid(SLICE) * SLICE
                && let Some(Item::Flow(row)) = snapshot.get(found.number)
            {
                this.count(row);
            }
        }
        this
    }

    fn count(&mut self, row: &Row) {
        let [source, destination] = similar::opened(row);
        let edge = Edge {
            source: self.ends.number(End::of(row, source), others),
            destination: self.ends.number(End::of(row, destination), others),
            port: self
                .ports
                .number(port(row, destination), || "others".to_owned()),
        };
        let dropped = matches!(row.verdict(), Verdict::Dropped | Verdict::Error);
        let (connection, bytes) = self.connection(row, source, destination);
        let counts = Counts {
            flows: 1,
            dropped: u64::from(dropped),
            connections: u64::from(connection),
            bytes,
            reasons: reason_bit(row.drop_reason()),
        };
        let time = row.time_ns().unwrap_or_default();
        self.newest = self.newest.max(time);
        let slice = self.slices.entry(time.div_euclid(SLICE)).or_default();
        let Slice { edges, asked } = slice;
        if edges.len() < EDGES || edges.contains_key(&edge) {
            edges.entry(edge).or_default().add(&counts);
            if let Some(request) = row.l7().and_then(request) {
                let number = self.requests.number(request, || "others".to_owned());
                *asked.entry((edge, number)).or_default() += 1;
            }
        }
    }

    /// Whether the flow is the first of its connection, and by how many bytes the connection grew.
    fn connection(&mut self, row: &Row, source: Side, destination: Side) -> (bool, u64) {
        let mut hasher = DefaultHasher::new();
        let end = |side| (row.ip(side), row.port(side));
        (end(source), end(destination), row.transport(), row.node()).hash(&mut hasher);
        let bytes = Extra::read(row, |extra| extra.volume().map_or(0, |volume| volume.bytes));
        let bytes = bytes.unwrap_or(0);
        if self.connections.len() >= CONNECTIONS {
            self.connections.clear();
            self.forgot = true;
        }
        match self.connections.insert(hasher.finish(), bytes) {
            // A port that is used again begins anew.
            Some(before) if bytes >= before => (false, bytes - before),
            Some(_) => (true, bytes),
            None if self.forgot => (false, 0),
            None => (true, bytes),
        }
    }

    /// Counts per edge within a time (Unix ns), and how many seconds were counted.
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    pub(crate) fn within(&self, from: i64, to: i64) -> (Vec<(Edge, Counts)>, f64) {
        let (first, last) = (
            from.div_euclid(SLICE),
            to.div_euclid(SLICE).max(from.div_euclid(SLICE)),
        );
        let mut edges: HashMap<Edge, Counts> = HashMap::new();
        let mut slices = 0_u32;
        let mut start = None;
        for (at, slice) in self.slices.range(first..=last) {
            start.get_or_insert(*at);
            slices = u32::try_from(at - start.unwrap_or(*at) + 1).unwrap_or(u32::MAX);
            for (edge, counts) in &slice.edges {
                edges.entry(*edge).or_default().add(counts);
            }
        }
        let mut edges: Vec<_> = edges.into_iter().collect();
        edges.sort_by_key(|(edge, _)| *edge);
        (edges, f64::from(slices.max(1)) * 5.0)
    }

    /// What was asked within a time (Unix ns).
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    pub(crate) fn asked(&self, from: i64, to: i64) -> Asked {
        let (first, last) = (from.div_euclid(SLICE), to.div_euclid(SLICE));
        let mut asked = Asked::new();
        for (_, slice) in self.slices.range(first..=last.max(first)) {
            for ((edge, request), count) in &slice.asked {
                *asked.entry(*edge).or_default().entry(*request).or_default() += count;
            }
        }
        asked
    }

    /// The name of what was asked: `HTTP GET`, `DNS AAAA`.
    pub(crate) fn request(&self, number: u32) -> &str {
        let request = usize::try_from(number)
            .ok()
            .and_then(|at| self.requests.things.get(at));
        request.map_or("", String::as_str)
    }

    pub(crate) fn end(&self, number: u32) -> Option<&End> {
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
    match u32::try_from(reason - 128) {
        Ok(bit @ 0..128) => 1 << bit,
        _ => 0,
    }
}

/// Drop reasons whose bits are set.
pub(crate) fn reasons(bits: u128) -> Vec<&'static str> {
    let set = (0..128_u8).filter(|bit| bits >> bit & 1 == 1);
    set.filter_map(|bit| flow::vocabulary::drop_reason_text(bit + 128))
        .collect()
}

/// `5432/TCP`, `ICMPv4`.
fn port(row: &Row, destination: Side) -> String {
    let protocol = match row.transport() {
        Some(Transport::Tcp) => "TCP",
        Some(Transport::Udp) => "UDP",
        Some(Transport::Sctp) => "SCTP",
        Some(Transport::IcmpV4) => return "ICMPv4".to_owned(),
        Some(Transport::IcmpV6) => return "ICMPv6".to_owned(),
        Some(Transport::Vrrp) => return "VRRP".to_owned(),
        Some(Transport::Igmp) => return "IGMP".to_owned(),
        None => return "other".to_owned(),
    };
    match row.port(destination) {
        Some(port) => format!("{port}/{protocol}"),
        None => protocol.to_owned(),
    }
}
