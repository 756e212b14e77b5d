//! What a change of policies does: which connections become denied, and which become allowed, and which
//! requests on those that stay allowed, each with the rules that decide before and after. By what the tables of
//! both states say, whatever the texts are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::Labels;
use policy::{Direction, Reason};

use crate::cancel::Cancel;
use crate::connectivity::{
    Connectivity, Decisions, PairColumns, PeerGroup, PeerKind, PortSet, ReasonId, SpanDecisions,
    allows, products,
};
use crate::trace::PolicyContext;

mod flow_impact;
mod request_impact;
mod requests;

pub use flow_impact::{FlowChange, FlowImpact};
pub use request_impact::{RecordedRequestChange, RequestImpact};
pub use requests::{ChangedRequests, RequestChange, RequestsBecame};

use requests::RequestKey;

/// All that a change does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Of connections; what becomes denied first.
    pub connections: Vec<Change>,
    /// Of requests on connections that stay allowed; what becomes denied first.
    pub requests: Vec<RequestChange>,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Became {
    /// It was allowed.
    Denied,
    /// It was denied.
    Allowed,
}

/// Connections between any of some sources and any of some destinations that change alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What becomes of them.
    pub became: Became,
    /// Who opens them, by kind and name.
    pub sources: Vec<Arc<PeerGroup>>,
    /// To whom, likewise.
    pub destinations: Vec<Arc<PeerGroup>>,
    /// On which ports.
    pub ports: PortSet,
    /// The ends whose verdict changes, in the order of a packet's way; never empty.
    pub ends: Vec<ChangedEnd>,
}

/// An end whose verdict changes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedEnd {
    /// The source's egress, or the destination's ingress.
    pub direction: Direction,
    /// What decides before; `None` if it is not known.
    pub before: Option<Arc<Reason>>,
    /// What decides after.
    pub after: Option<Arc<Reason>>,
}

/// Two states of a cluster side by side.
pub struct Comparison {
    connectivity: Connectivity<2>,
    cancel: Cancel,
}

/// Of a change without its ends: what it is put together by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct ChangeKey {
    became: Became,
    ends: Vec<(Direction, ReasonId, ReasonId)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Connections(ChangeKey),
    Requests(RequestKey),
}

impl Comparison {
    /// Compiles what pods' policies are before and after. `former` are labels of pods that are gone and
    /// whose flows are to be looked at. If it is cancelled, then or later, what is told isn't whole: it is for
    /// nobody.
    pub fn new(
        before: &PolicyContext<'_>,
        after: &PolicyContext<'_>,
        former: &BTreeSet<Labels>,
        cancel: &Cancel,
    ) -> Self {
        Self {
            connectivity: Connectivity::new([before, after], former, cancel),
            cancel: cancel.clone(),
        }
    }

    /// Pods that are in one of the states only, and none of whose workload is in the other: there is nothing
    /// to compare them with.
    pub fn unmatched(&self) -> &[String] {
        self.connectivity.unmatched()
    }

    /// Everyone who is compared: pods, then prefixes, then names, then entities, each by name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<PeerGroup>> {
        let members = self.connectivity.members().iter();
        members.map(|member| &member.group)
    }

    /// How many workloads (and pods that have none) are compared.
    pub fn workloads(&self) -> usize {
        self.groups()
            .filter(|group| group.kind == PeerKind::Pods)
            .count()
    }

    /// All changes.
    pub fn changes(&self) -> Changes {
        let mut known: HashMap<PairColumns<2>, Vec<(Key, PortSet)>> = HashMap::new();
        let mut pairs: BTreeMap<(Key, PortSet), BTreeSet<(usize, usize)>> = BTreeMap::new();
        let members = self.connectivity.members();
        let count = members.len();
        // Towards whom each may change, seen from its own table.
        let changed: Vec<_> = (0..count)
            .map(|index| Direction::ALL.map(|way| self.connectivity.changed_peers(index, way)))
            .collect();
        // Pods that are gone are asked about by flows alone.
        let is_there = |index: &usize| members[*index].group.kind != PeerKind::FormerPods;
        let sources = (0..count).filter(is_there);
        for source in sources.filter(|index| self.connectivity.is_source(*index)) {
            if self.cancel.is_cancelled() {
                return Changes::default();
            }
            for destination in (0..count).filter(is_there) {
                let ([ingress, _], [_, egress]) = (&changed[destination], &changed[source]);
                if !ingress.contains(source) && !egress.contains(destination) {
                    continue;
                }
                let ends = [&members[source].ends, &members[destination].ends];
                let changes = known
                    .entry(self.connectivity.columns(ends))
                    .or_insert_with(|| self.pair_changes(&self.connectivity.spans(ends)));
                for change in changes.iter() {
                    let pairs = pairs.entry(change.clone()).or_default();
                    pairs.insert((source, destination));
                }
            }
        }
        let is_idle = |index: usize| members[index].group.is_single();
        let mut changes = Changes::default();
        for ((key, ports), mut pairs) in pairs {
            pairs.retain(|(source, destination)| source != destination || !is_idle(*source));
            self.drop_implied_names(&mut pairs);
            if self.cancel.is_cancelled() {
                return Changes::default();
            }
            for product in products(&pairs, is_idle) {
                let groups = |of: &BTreeSet<usize>| -> Vec<Arc<PeerGroup>> {
                    of.iter()
                        .map(|index| Arc::clone(&members[*index].group))
                        .collect()
                };
                let (sources, destinations) =
                    (groups(&product.sources), groups(&product.destinations));
                let ports = ports.clone();
                match &key {
                    Key::Connections(key) => changes.connections.push(Change {
                        became: key.became,
                        sources,
                        destinations,
                        ports,
                        ends: self.ends(key),
                    }),
                    Key::Requests(key) => changes.requests.push(RequestChange {
                        became: key.became,
                        sources,
                        destinations,
                        ports,
                        ends: self.changed_requests(key),
                    }),
                }
            }
        }
        changes.connections.sort_by_cached_key(|row| {
            let ends = [&row.destinations, &row.sources].map(|groups| names(groups));
            (row.became, ends, row.ports.clone())
        });
        changes.requests.sort_by_cached_key(|row| {
            let ends = [&row.destinations, &row.sources].map(|groups| names(groups));
            (row.became, ends, row.ports.clone())
        });
        changes
    }

    /// Leaves out pairs to names of which the source's pair to the rest of the world says the same.
    fn drop_implied_names(&self, pairs: &mut BTreeSet<(usize, usize)>) {
        let Some(anywhere) = self.connectivity.anywhere() else {
            return;
        };
        let of_world = pairs.iter().filter(|(_, to)| *to == anywhere);
        let of_world: BTreeSet<usize> = of_world.map(|(from, _)| *from).collect();
        pairs.retain(|(from, to)| self.connectivity.is_source(*to) || !of_world.contains(from));
    }

    /// What changes for a pair, and on which ports.
    fn pair_changes(&self, spans: &[SpanDecisions<2>]) -> Vec<(Key, PortSet)> {
        let connections = changes(spans).into_iter();
        let connections = connections.map(|(key, ports)| (Key::Connections(key), ports));
        let requests = self.request_changes(spans).into_iter();
        let requests = requests.map(|(key, ports)| (Key::Requests(key), ports));
        connections.chain(requests).collect()
    }

    fn ends(&self, key: &ChangeKey) -> Vec<ChangedEnd> {
        let reason = |id: &ReasonId| self.connectivity.reason(*id).cloned();
        let ends = key.ends.iter();
        let ends = ends.map(|(direction, before, after)| ChangedEnd {
            direction: *direction,
            before: reason(before),
            after: reason(after),
        });
        ends.collect()
    }
}

/// Kinds and names, to sort by.
fn names(groups: &[Arc<PeerGroup>]) -> Vec<(PeerKind, String)> {
    let names = groups.iter();
    names
        .map(|group| (group.kind, group.name.clone()))
        .collect()
}

/// What changes for connections of a pair, and on which ports.
fn changes(spans: &[SpanDecisions<2>]) -> Vec<(ChangeKey, PortSet)> {
    let mut changed: BTreeMap<ChangeKey, Vec<_>> = BTreeMap::new();
    for SpanDecisions { span, decisions } in spans {
        if let Some(key) = change(decisions) {
            changed.entry(key).or_default().push(*span);
        }
    }
    let changed = changed.into_iter();
    changed
        .map(|(key, spans)| (key, PortSet::from_spans(spans)))
        .collect()
}

/// What becomes of a connection; `None` if nothing does.
fn change([before, after]: &[Decisions; 2]) -> Option<ChangeKey> {
    let became = match (allows(before), allows(after)) {
        (true, false) => Became::Denied,
        (false, true) => Became::Allowed,
        (true, true) | (false, false) => return None,
    };
    let ends = Direction::ALL.into_iter().zip(before.iter().zip(after));
    let ends = ends.filter_map(|(direction, (before, after))| {
        let (before, after) = (before.as_ref()?, after.as_ref()?);
        let changes = before.allows != after.allows;
        changes.then_some((direction, before.reason, after.reason))
    });
    let mut ends: Vec<_> = ends.collect();
    // A packet meets the source's policies first.
    ends.reverse();
    Some(ChangeKey { became, ends })
}
