//! Connections per edge, kept up to date: what changes is taken back as it was counted, and counted again.
//! Memory is bounded by the store's: of a connection that it holds no flow of nothing is left.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use client::connections::{Changes, Entry, Joined, carrier, denied_request, view};
use client::{Item, Snapshot};
use flow::connection::{ConnectionId, TupleId};
use flow::{FlowView as _, Side};

use super::latency::{Latencies, step};
use super::{Asked, Counted, Counts, Edge, Parties, reason_bit, request, seconds};

/// What a connection was counted as.
#[derive(Clone, Copy, Debug)]
struct Part {
    edge: Edge,
    /// When it began and when it was heard of last, Unix ns.
    lived: (i64, i64),
    dropped: bool,
    bytes: u64,
    reason: u128,
    /// All that it carried, those that were denied, and those that failed.
    requests: [u64; 3],
}

/// A denied request that is counted for itself, if its connection isn't.
#[derive(Clone, Copy, Debug)]
struct Refused {
    edge: Edge,
    /// Unix ns.
    time: i64,
    of: Option<TupleId>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ConnectionTraffic {
    parties: Parties,
    parts: HashMap<ConnectionId, Part>,
    /// The sums of all.
    edges: HashMap<Edge, Counts>,
    /// How many were denied for each reason, a bit of [`Counts::reasons`].
    reasons: HashMap<(Edge, u128), u64>,
    /// What a proxy read that was asked, of each connection: by the second and the number of its name.
    asked: HashMap<ConnectionId, BTreeMap<(i64, u32), u64>>,
    /// The same of answers, by how long they took.
    answered: HashMap<ConnectionId, BTreeMap<(i64, u32), u64>>,
    /// Denied requests by the numbers of their flows.
    refused: BTreeMap<u64, Refused>,
    /// Items of this epoch up to here have been looked at for what was asked.
    read: (u64, u64),
    /// Number of the first item after the last time that old requests were forgotten.
    pruned: u64,
}

impl Part {
    /// As it counts.
    fn counts(&self) -> Counts {
        Counts {
            flows: 1,
            dropped: u64::from(self.dropped),
            connections: 1,
            bytes: self.bytes,
            reasons: self.reason,
            requests: self.requests[0],
            denied: self.requests[1],
            failed: self.requests[2],
        }
    }
}

/// The second of a moment (Unix ns).
fn second(ns: i64) -> i64 {
    ns.div_euclid(1_000_000_000)
}

impl ConnectionTraffic {
    /// Counts what a list has had so far, or what changed in it; `now`: Unix ns.
    pub(crate) fn advance(
        &mut self,
        changes: &Changes,
        joined: &Joined,
        snapshot: &Snapshot,
        now: i64,
    ) {
        for id in &changes.gone {
            self.remove(*id);
        }
        self.refused = self.refused.split_off(&snapshot.range().start);
        if self.read.0 != joined.epoch() {
            self.refused.clear();
        }
        for entry in &changes.fresh {
            match entry.is_request() {
                true => self.add_refused(entry, joined, snapshot),
                false => self.add(entry, joined, snapshot, now),
            }
        }
        self.read_requests(joined, snapshot);
    }

    fn add_refused(&mut self, entry: &Entry, joined: &Joined, snapshot: &Snapshot) {
        let row = snapshot.row(entry.number);
        let (Some(row), Some(view)) = (row, denied_request(snapshot, entry.number)) else {
            return;
        };
        let refused = Refused {
            edge: self.parties.edge(&view, Side::Source, Side::Destination),
            time: entry.start,
            of: joined.connections().id_of(row),
        };
        self.refused.insert(entry.number, refused);
    }

    fn add(&mut self, entry: &Entry, joined: &Joined, snapshot: &Snapshot, now: i64) {
        let Some(connection) = entry.id.and_then(|id| joined.connections().get(id)) else {
            return;
        };
        let Some(view) = view(&connection, snapshot, now) else {
            return;
        };
        let dropped = entry.is_bad();
        let carried = connection.requests();
        let part = Part {
            edge: self.parties.edge(&view, Side::Source, Side::Destination),
            lived: (entry.start, entry.last),
            dropped,
            bytes: connection
                .volume()
                .iter()
                .fold(0, |sum, volume| sum.saturating_add(volume.bytes)),
            reason: match dropped {
                true => reason_bit(view.drop_reason()),
                false => 0,
            },
            requests: [carried.total, carried.denied, carried.failed],
        };
        self.remove(connection.id());
        self.edges.entry(part.edge).or_default().add(&part.counts());
        if part.reason > 0 {
            *self.reasons.entry((part.edge, part.reason)).or_default() += 1;
        }
        self.parts.insert(connection.id(), part);
    }

    /// Takes a connection back.
    fn remove(&mut self, id: ConnectionId) {
        let Some(part) = self.parts.remove(&id) else {
            return;
        };
        let Some(counts) = self.edges.get_mut(&part.edge) else {
            return;
        };
        if counts.flows <= 1 {
            self.edges.remove(&part.edge);
            self.reasons.remove(&(part.edge, part.reason));
            return;
        }
        counts.flows -= 1;
        counts.connections -= 1;
        counts.dropped -= u64::from(part.dropped);
        // A sum that has reached its limit stays below it.
        counts.bytes = counts.bytes.saturating_sub(part.bytes);
        counts.requests -= part.requests[0];
        counts.denied -= part.requests[1];
        counts.failed -= part.requests[2];
        if let Some(count) = self.reasons.get_mut(&(part.edge, part.reason)) {
            *count -= 1;
            if *count == 0 {
                self.reasons.remove(&(part.edge, part.reason));
                counts.reasons &= !part.reason;
            }
        }
    }

    /// Counts what was asked: it stands in events of their own, whatever explains the connection.
    fn read_requests(&mut self, joined: &Joined, snapshot: &Snapshot) {
        let seen = joined.seen();
        let from = match self.read {
            (epoch, end) if epoch == joined.epoch() => end.max(seen.start),
            _ => {
                self.asked.clear();
                self.answered.clear();
                self.pruned = seen.start;
                seen.start
            }
        };
        self.read = (joined.epoch(), seen.end);
        for (_, item) in snapshot.iter(from..seen.end) {
            let Item::Flow(row) = item else { continue };
            let Some(layer7) = row.l7() else { continue };
            let Some(request) = request(layer7) else {
                continue;
            };
            if let Some(of) = carrier(joined.connections(), row) {
                let number = self.parties.request_number(request);
                let asked = self.asked.entry(of.id()).or_default();
                *asked.entry((second(row.time()), number)).or_default() += 1;
                if layer7.latency_ns > 0 {
                    let answered = self.answered.entry(of.id()).or_default();
                    let at = (second(row.time()), step(layer7.latency_ns));
                    *answered.entry(at).or_default() += 1;
                }
            }
        }
        // Looking at all is worth it once an eighth of them may have left.
        if seen.start.saturating_sub(self.pruned) > (seen.end - seen.start) / 8 {
            self.pruned = seen.start;
            let mut items = snapshot.iter(seen).map(|(_, item)| item.time());
            let oldest = second(items.find(|time| *time > 0).unwrap_or(i64::MIN));
            for known in [&mut self.asked, &mut self.answered] {
                known.retain(|_, known| {
                    *known = known.split_off(&(oldest, 0));
                    !known.is_empty()
                });
            }
        }
    }

    /// What lived within a time (Unix ns); `None`: all. `known` is the time that the store's flows are
    /// of.
    #[expect(clippy::iter_over_hash_type, reason = "sums don't depend on the order")]
    pub(crate) fn counted(&self, within: Option<(i64, i64)>, known: Option<(i64, i64)>) -> Counted {
        let lived = |part: &Part| {
            within.is_none_or(|(from, to)| part.lived.0 <= to && part.lived.1 >= from)
        };
        let mut edges: HashMap<Edge, Counts> = match within {
            None => self.edges.clone(),
            Some(_) => {
                let mut edges: HashMap<Edge, Counts> = HashMap::new();
                for part in self.parts.values().filter(|part| lived(part)) {
                    edges.entry(part.edge).or_default().add(&part.counts());
                }
                edges
            }
        };
        // Those of a connection that isn't counted, as it doesn't match.
        let carriers = self
            .parts
            .iter()
            .filter(|(_, part)| part.requests[1] > 0 && lived(part));
        let carriers: BTreeSet<TupleId> = carriers.map(|(id, _)| id.tuple).collect();
        for refused in self.refused.values() {
            let is_within = within.is_none_or(|(from, to)| (from..=to).contains(&refused.time));
            if is_within && refused.of.is_none_or(|of| !carriers.contains(&of)) {
                let counts = edges.entry(refused.edge).or_default();
                counts.requests += 1;
                counts.denied += 1;
            }
        }
        let mut edges: Vec<(Edge, Counts)> = edges.into_iter().collect();
        edges.sort_by_key(|(edge, _)| *edge);
        let is_within =
            |at: i64| within.is_none_or(|(from, to)| (second(from)..=second(to)).contains(&at));
        let sum = |known: &HashMap<ConnectionId, BTreeMap<(i64, u32), u64>>| {
            let mut sums: HashMap<Edge, BTreeMap<u32, u64>> = HashMap::new();
            for (id, counts) in known {
                let Some(part) = self.parts.get(id).filter(|part| lived(part)) else {
                    continue;
                };
                for ((_, what), count) in counts.iter().filter(|((at, _), _)| is_within(*at)) {
                    let sums = sums.entry(part.edge).or_default();
                    *sums.entry(*what).or_default() += count;
                }
            }
            sums
        };
        let asked: Asked = sum(&self.asked);
        let latencies: HashMap<Edge, Latencies> = sum(&self.answered);
        let all = (i64::MIN, i64::MAX);
        Counted {
            edges,
            asked,
            latencies,
            seconds: known.map_or(1.0, |known| seconds(within.unwrap_or(all), known)),
        }
    }

    /// Names of what was counted.
    pub(crate) fn parties(&self) -> &Parties {
        &self.parties
    }
}

#[cfg(test)]
mod tests {
    use client::Store;
    use client::connections::ConnectionList;
    use flow::Filter;
    use proto::observer::GetFlowsResponse;

    use super::*;

    /// Kept up to date it is what it is counted at once, while flows come and go.
    #[test]
    fn what_is_kept_up_to_date_is_what_is_there() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/shop/flows.jsonl");
        let text = std::fs::read_to_string(file).unwrap();
        let read = |line| proto::json::read(line, proto::json::Unknown::Ignore).unwrap();
        let flows: Vec<GetFlowsResponse> = text.lines().map(read).collect();
        for filter in ["", "drops > 0 or state == closed"] {
            let filter = match filter {
                "" => Filter::default(),
                text => Filter::parse_expr(text).unwrap(),
            };
            let store = Store::new(400);
            let (mut joined, mut list) = (Joined::default(), ConnectionList::new(&filter));
            let mut kept = ConnectionTraffic::default();
            let (mut denied, mut now) = (0, 0);
            for part in flows.chunks(40).cycle().take(120) {
                store.push(part, i64::MAX);
                let snapshot = store.snapshot();
                let times = snapshot.iter(snapshot.range()).map(|(_, item)| item.time());
                now = times.fold(now, i64::max);
                joined.advance(&snapshot);
                let changes = list.advance(&joined, &snapshot, now);
                kept.advance(&changes, &joined, &snapshot, now);
                let all = Changes {
                    gone: Vec::new(),
                    fresh: list.entries().to_vec(),
                };
                let mut anew = ConnectionTraffic::default();
                anew.advance(&all, &joined, &snapshot, now);
                // Numbers of names are their own.
                let named = |traffic: &ConnectionTraffic, within| {
                    let name = |number| traffic.parties.end(number).unwrap().id();
                    let edges = traffic.counted(within, None).edges.into_iter();
                    let edges = edges.map(|(edge, counts)| {
                        let port = traffic.parties.port(edge.port).to_owned();
                        ((name(edge.source), name(edge.destination), port), counts)
                    });
                    edges.collect::<BTreeMap<_, _>>()
                };
                let whole = named(&kept, None);
                assert_eq!(whole, named(&anew, None));
                assert_eq!(whole, named(&kept, Some((i64::MIN, i64::MAX))));
                let counted = whole.values().map(|counts| counts.flows).sum::<u64>();
                assert_eq!(counted, list.connections() as u64);
                denied += whole.values().map(|counts| counts.dropped).sum::<u64>();
            }
            assert!(store.snapshot().counts().evicted > 0 && denied > 0);
        }
    }
}
