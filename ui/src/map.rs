//! Who talks to whom: counts per edge in slices of time, kept up to date.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::ops::RangeInclusive;

use client::view::{self, Match};
use client::{Item, Row, Snapshot, View};
use flow::view::{Extension, Transport};
use flow::workload_ref::{self, WorkloadRef};
use flow::{FlowView as _, Side, Verdict, filter_for};
use proto::flow::{Layer7, layer7::Record};

/// Length of a slice at first, ns. It doubles when there would be too many.
const SLICE: i64 = 5_000_000_000;
/// Slices of the time that is held, at most.
const SLICES: i64 = 720;
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
#[derive(Debug)]
pub(crate) struct Traffic {
    ends: Names<WorkloadRef>,
    ports: Names<String>,
    requests: Names<String>,
    /// Length of a slice, ns.
    length: i64,
    /// By their place in time.
    slices: BTreeMap<i64, Slice>,
    /// Bytes so far of each connection.
    connections: HashMap<u64, u64>,
    /// Connections were forgotten: one that isn't known may be an old one.
    forgot: bool,
    /// Items up to here have been counted.
    counted: u64,
    /// Time of the newest flow, ns.
    newest: i64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            ends: Names::default(),
            ports: Names::default(),
            requests: Names::default(),
            length: SLICE,
            slices: BTreeMap::new(),
            connections: HashMap::new(),
            forgot: false,
            counted: 0,
            newest: 0,
        }
    }
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

impl Slice {
    /// Adds what another one counted.
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    fn take(&mut self, other: Self) {
        for (edge, counts) in &other.edges {
            self.edges.entry(*edge).or_default().add(counts);
        }
        for (asked, count) in other.asked {
            *self.asked.entry(asked).or_default() += count;
        }
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.dropped += other.dropped;
        self.connections += other.connections;
        self.bytes = self.bytes.saturating_add(other.bytes);
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
        let oldest = oldest.map_or(0, |first| first.time).div_euclid(self.length);
        self.slices = self.slices.split_off(&oldest);
    }

    /// Counts what a view had at the moment of a number, within a time (Unix ns).
    pub(crate) fn held(
        view: &View,
        snapshot: &Snapshot,
        at: u64,
        within: RangeInclusive<i64>,
    ) -> Self {
        let mut this = Self::default();
        let matches = view.matches();
        for found in matches.range(..view.place(at.saturating_add(1))) {
            if within.contains(&found.time)
                && let Some(Item::Flow(row)) = snapshot.get(found.number)
            {
                this.count(row);
            }
        }
        this
    }

    fn count(&mut self, row: &Row) {
        let [source, destination] = filter_for::opened(row);
        let edge = Edge {
            source: self.ends.number(WorkloadRef::of(row, source), others),
            destination: self.ends.number(WorkloadRef::of(row, destination), others),
            port: self
                .ports
                .number(port(row, destination), || "others".to_owned()),
        };
        let request = row.l7().and_then(request);
        let request = request.map(|request| self.requests.number(request, || "others".to_owned()));
        let dropped = matches!(row.verdict(), Verdict::Dropped | Verdict::Error);
        let (connection, bytes) = self.connection(row, source, destination);
        let counts = Counts {
            flows: 1,
            dropped: u64::from(dropped),
            connections: u64::from(connection),
            bytes,
            reasons: reason_bit(row.drop_reason()),
        };
        // What has no time counts as of its neighbour.
        let time = row.time_ns().unwrap_or(self.newest);
        self.newest = self.newest.max(time);
        let Slice { edges, asked } = self.slice(time);
        if edges.len() < EDGES || edges.contains_key(&edge) {
            edges.entry(edge).or_default().add(&counts);
            if let Some(number) = request {
                *asked.entry((edge, number)).or_default() += 1;
            }
        }
    }

    /// The slice of a time (Unix ns), the slices as long as they must be.
    fn slice(&mut self, time: i64) -> &mut Slice {
        let span = |slices: &BTreeMap<i64, Slice>, place: i64| {
            let (first, last) = (slices.first_key_value(), slices.last_key_value());
            let first = first.map_or(place, |(first, _)| place.min(*first));
            let last = last.map_or(place, |(last, _)| place.max(*last));
            last.saturating_sub(first)
        };
        while span(&self.slices, time.div_euclid(self.length)) >= SLICES {
            self.length = self.length.saturating_mul(2);
            let mut longer: BTreeMap<i64, Slice> = BTreeMap::new();
            for (place, slice) in std::mem::take(&mut self.slices) {
                longer.entry(place.div_euclid(2)).or_default().take(slice);
            }
            self.slices = longer;
        }
        self.slices.entry(time.div_euclid(self.length)).or_default()
    }

    /// Whether the flow is the first of its connection, and by how many bytes the connection grew.
    fn connection(&mut self, row: &Row, source: Side, destination: Side) -> (bool, u64) {
        let mut hasher = DefaultHasher::new();
        let end = |side| (row.ip(side), row.port(side));
        (end(source), end(destination), row.transport(), row.node()).hash(&mut hasher);
        let bytes = Extension::read(row, |extra| extra.volume().map_or(0, |volume| volume.bytes));
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

    /// Places of the slices that a time (Unix ns) touches.
    fn places(&self, from: i64, to: i64) -> RangeInclusive<i64> {
        let first = from.div_euclid(self.length);
        first..=to.div_euclid(self.length).max(first)
    }

    /// The time that counts of a time (Unix ns) are of: that of whole slices.
    pub(crate) fn covered(&self, from: i64, to: i64) -> (i64, i64) {
        let places = self.places(from, to);
        let end = places.end().saturating_add(1).saturating_mul(self.length);
        (places.start().saturating_mul(self.length), end)
    }

    /// The time that the flows which were counted are of (Unix ns), if those that came first and last
    /// are of this one.
    pub(crate) fn known(&self, (oldest, newest): (i64, i64)) -> (i64, i64) {
        let first = self.slices.first_key_value().map(|(place, _)| *place);
        // Flows that are out of order: one that came later is from before.
        let first = first.filter(|first| *first < oldest.div_euclid(self.length));
        let oldest = first.map_or(oldest, |first| first.saturating_mul(self.length));
        (oldest, newest.max(self.newest))
    }

    /// Counts per edge within a time (Unix ns).
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    pub(crate) fn within(&self, from: i64, to: i64) -> Vec<(Edge, Counts)> {
        let mut edges: HashMap<Edge, Counts> = HashMap::new();
        for (_, slice) in self.slices.range(self.places(from, to)) {
            for (edge, counts) in &slice.edges {
                edges.entry(*edge).or_default().add(counts);
            }
        }
        let mut edges: Vec<_> = edges.into_iter().collect();
        edges.sort_by_key(|(edge, _)| *edge);
        edges
    }

    /// What was asked within a time (Unix ns).
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    pub(crate) fn asked(&self, from: i64, to: i64) -> Asked {
        let mut asked = Asked::new();
        for (_, slice) in self.slices.range(self.places(from, to)) {
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
fn port(row: &Row, destination: Side) -> String {
    let Some(transport) = row.transport() else {
        return "other".to_owned();
    };
    let protocol = flow::format::protocol(transport);
    let port = match transport {
        Transport::Tcp | Transport::Udp | Transport::Sctp => row.port(destination),
        Transport::IcmpV4 | Transport::IcmpV6 | Transport::Vrrp | Transport::Igmp => None,
    };
    port.map_or_else(|| protocol.to_owned(), |port| format!("{port}/{protocol}"))
}
