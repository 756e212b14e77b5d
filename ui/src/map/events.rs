//! Events per edge in slices of time, kept up to date.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::ops::RangeInclusive;

use client::view::{self, Match};
use client::{Item, Row, Snapshot, View};
use flow::view::Extension;
use flow::{FlowView as _, Side, Verdict, filter_for};

use super::{Asked, Counted, Counts, Edge, Parties, reason_bit, request, seconds};

/// Length of a slice at first, ns. It doubles when there would be too many.
const SLICE: i64 = 5_000_000_000;
/// Slices of the time that is held, at most.
const SLICES: i64 = 720;
/// Edges per slice that are told apart.
const EDGES: usize = 50_000;
/// Connections whose bytes are followed.
const CONNECTIONS: usize = 500_000;

/// What was counted in a slice of time.
#[derive(Debug, Default)]
struct Slice {
    edges: HashMap<Edge, Counts>,
    /// Flows of which a proxy read what was asked, by the number of its name.
    asked: HashMap<(Edge, u32), u64>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct EventTraffic {
    parties: Parties,
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

impl Default for EventTraffic {
    fn default() -> Self {
        Self {
            parties: Parties::default(),
            length: SLICE,
            slices: BTreeMap::new(),
            connections: HashMap::new(),
            forgot: false,
            counted: 0,
            newest: 0,
        }
    }
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

impl EventTraffic {
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
        let edge = self.parties.edge(row, source, destination);
        let request = row.l7().and_then(request);
        let request = request.map(|request| self.parties.request_number(request));
        let dropped = matches!(row.verdict(), Verdict::Dropped | Verdict::Error);
        let (connection, bytes) = self.connection(row, source, destination);
        let counts = Counts {
            flows: 1,
            dropped: u64::from(dropped),
            connections: u64::from(connection),
            bytes,
            reasons: reason_bit(row.drop_reason()),
            ..Counts::default()
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
    fn covered(&self, from: i64, to: i64) -> (i64, i64) {
        let places = self.places(from, to);
        let end = places.end().saturating_add(1).saturating_mul(self.length);
        (places.start().saturating_mul(self.length), end)
    }

    /// The time that the flows which were counted are of (Unix ns), if those that came first and last
    /// are of this one.
    fn known(&self, (oldest, newest): (i64, i64)) -> (i64, i64) {
        let first = self.slices.first_key_value().map(|(place, _)| *place);
        // Flows that are out of order: one that came later is from before.
        let first = first.filter(|first| *first < oldest.div_euclid(self.length));
        let oldest = first.map_or(oldest, |first| first.saturating_mul(self.length));
        (oldest, newest.max(self.newest))
    }

    /// Counts per edge within a time (Unix ns).
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    fn within(&self, from: i64, to: i64) -> Vec<(Edge, Counts)> {
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
    fn asked(&self, from: i64, to: i64) -> Asked {
        let mut asked = Asked::new();
        for (_, slice) in self.slices.range(self.places(from, to)) {
            for ((edge, request), count) in &slice.asked {
                *asked.entry(*edge).or_default().entry(*request).or_default() += count;
            }
        }
        asked
    }

    /// What was counted within a time (Unix ns); `known` is the time that the store's flows are of.
    pub(crate) fn counted(&self, within: (i64, i64), known: Option<(i64, i64)>) -> Counted {
        let (from, to) = within;
        let known = known.map(|known| self.known(known));
        Counted {
            latencies: HashMap::new(),
            edges: self.within(from, to),
            asked: self.asked(from, to),
            seconds: known.map_or(1.0, |known| seconds(self.covered(from, to), known)),
        }
    }

    /// Names of what was counted.
    pub(crate) fn parties(&self) -> &Parties {
        &self.parties
    }
}
