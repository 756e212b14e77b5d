//! Which connections policies allow, between everyone who can be an end of one: for whole clusters what
//! [`trace`](crate::trace) is for one connection, by the same tables and the same lookup.
//!
//! ```text
//! PolicyContext --peer_groups--> workloads, prefixes, entities
//!       |                             |
//!       '---tables---> columns: what a pod's table says of one peer
//!                         |
//!                      decisions: each span of ports between two groups, by the kernel's lookup
//! ```
//!
//! `N` clusters are looked at side by side: one, or one before and one after a change. Groups are cut so
//! that in each of them all members of a group are treated alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::Labels;
use ipnet::IpNet;
use policy::{Direction, Reason};

use crate::cancel::Cancel;
use crate::trace::{PolicyContext, Span, spans_between};

mod judge;
mod locator;
mod name_selectors;
mod peer_groups;
mod ports;
mod product;
mod requests;
mod tables;

pub(crate) use judge::RuleJudge;
pub(crate) use locator::Locator;
pub(crate) use peer_groups::{End, Ends, Member};
pub use peer_groups::{PeerGroup, PeerKind};
pub use ports::PortSet;
pub(crate) use product::products;
pub(crate) use requests::RequestsId;
pub use requests::{RequestRule, RequestSet};
pub(crate) use tables::{Column, ReasonId};

use name_selectors::NameSelectors;
use tables::{ClusterTables, Interner, TableColumns};

/// What one end's policies say of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EndDecision {
    pub(crate) allows: bool,
    pub(crate) reason: ReasonId,
    /// A proxy reads what is sent.
    pub(crate) redirected: bool,
    /// If it allows: which requests.
    pub(crate) requests: RequestsId,
}

/// What both ends say in one cluster, in the order of [`Direction::ALL`]: the destination's ingress, the
/// source's egress. `None` where there are no policies to ask, since the end is no pod.
pub(crate) type Decisions = [Option<EndDecision>; 2];

/// Ports that no rule of any of the clusters tells apart, and what is decided for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanDecisions<const N: usize> {
    pub(crate) span: Span,
    pub(crate) decisions: [Decisions; N],
}

/// What the tables hold about a pair of ends: all that its decisions depend on. Pairs of which it is the
/// same are decided alike, for the same reasons.
pub(crate) type PairColumns<const N: usize> = [[Option<Column>; 2]; N];

/// Everyone who can be an end of a connection in `N` clusters, and what their policies say.
pub(crate) struct Connectivity<const N: usize> {
    members: Vec<Member<N>>,
    unmatched: Vec<String>,
    prefixes: Vec<(IpNet, String)>,
    selectors: NameSelectors,
    /// The group of addresses without a name.
    anywhere: Option<usize>,
    tables: [ClusterTables; N],
    interner: Interner,
}

/// Whether a connection passes: no end denies it.
pub(crate) fn allows(decisions: &Decisions) -> bool {
    decisions.iter().flatten().all(|end| end.allows)
}

impl<const N: usize> Connectivity<N> {
    /// Compiles the tables of all pods. `former` are labels of pods that are gone: groups of their own,
    /// where no pod has them. If it is cancelled not all of it is there.
    pub(crate) fn new(
        contexts: [&PolicyContext<'_>; N],
        former: &BTreeSet<Labels>,
        cancel: &Cancel,
    ) -> Self {
        let mut found = peer_groups::find(contexts, former);
        let selectors = NameSelectors::new(contexts);
        found.members.extend(selectors.members(&mut found.known));
        let key = |member: &Member<N>| (member.group.kind, member.group.name.clone());
        found.members.sort_by_cached_key(key);
        let mut interner = Interner::default();
        let tables = std::array::from_fn(|cluster| {
            let (known, owners) = (&found.known[cluster], &found.owners[cluster]);
            ClusterTables::compile(contexts[cluster], known, owners, &mut interner, cancel)
        });
        Self {
            anywhere: name_selectors::anywhere(&found.members, &found.known),
            selectors,
            members: found.members,
            unmatched: found.unmatched,
            prefixes: found.prefixes,
            tables,
            interner,
        }
    }

    /// Everyone: pods, then prefixes, then names, then entities, each by name.
    pub(crate) fn members(&self) -> &[Member<N>] {
        &self.members
    }

    /// To find the members that flows are about.
    pub(crate) fn locator(&self) -> Locator {
        Locator::new(&self.members, &self.prefixes, &self.selectors)
    }

    /// Whether a member can open connections that are told of: of those from outside of the cluster names say nothing.
    pub(crate) fn is_source(&self, member: usize) -> bool {
        self.members[member].group.kind != PeerKind::Name
    }

    /// The group of addresses outside of the cluster that have no name and are in no prefix.
    pub(crate) fn anywhere(&self) -> Option<usize> {
        self.anywhere
    }

    /// Leaves names out of destinations that are alike, if the rest of the world is among them: then names say
    /// nothing more.
    pub(crate) fn drop_implied_names(&self, destinations: &mut Vec<usize>) {
        if self.anywhere.is_some_and(|it| destinations.contains(&it)) {
            destinations.retain(|to| self.is_source(*to));
        }
    }

    /// Pods of some of the clusters with nobody to stand for them in the others.
    pub(crate) fn unmatched(&self) -> &[String] {
        &self.unmatched
    }

    /// What a number stands for; `None` if it is not known.
    pub(crate) fn reason(&self, reason: ReasonId) -> Option<&Arc<Reason>> {
        self.interner.reason(reason)
    }

    /// Which requests a number stands for.
    pub(crate) fn requests(&self, requests: RequestsId) -> &RequestSet {
        self.interner.requests(requests)
    }

    /// What decides in a direction of a member's own table where no entry does; `None` if the direction is not
    /// enforced, or it has no table.
    pub(crate) fn default_of(
        &self,
        member: usize,
        cluster: usize,
        direction: Direction,
    ) -> Option<&Arc<Reason>> {
        let table = self.members[member].ends[cluster].table?;
        let columns = self.tables[cluster].of_table(table, direction)?;
        let enforced = columns.enforced.then_some(columns.default)?;
        self.reason(enforced)
    }

    /// What the tables hold about a pair, from its source to its destination.
    pub(crate) fn columns(&self, pair: [&Ends<N>; 2]) -> PairColumns<N> {
        std::array::from_fn(|cluster| {
            Direction::ALL.map(|direction| {
                let [subject, peer] = subject_and_peer(direction, pair);
                let table = subject[cluster].table?;
                Some(self.tables[cluster].column(table, direction, peer[cluster].identity))
            })
        })
    }

    /// What is decided for a pair on each port, by protocol and port.
    pub(crate) fn spans(&self, pair: [&Ends<N>; 2]) -> Vec<SpanDecisions<N>> {
        let mut named = BTreeSet::new();
        for column in self.columns(pair).iter().flatten().flatten() {
            named.extend(self.interner.ranges(*column));
        }
        let decided = |span: Span| SpanDecisions {
            span,
            decisions: self.decide(pair, span.protocol, span.first),
        };
        spans_between(&named).into_iter().map(decided).collect()
    }

    /// What is decided for a pair on a port (ICMP: type).
    pub(crate) fn decide(&self, pair: [&Ends<N>; 2], protocol: u8, port: u16) -> [Decisions; N] {
        std::array::from_fn(|cluster| {
            Direction::ALL.map(|direction| {
                let [subject, peer] = subject_and_peer(direction, pair);
                let table = subject[cluster].table?;
                let peer = peer[cluster].identity;
                let tables = &self.tables[cluster];
                Some(tables.decide(table, direction, peer, protocol, port, &self.interner))
            })
        })
    }
}

impl Connectivity<2> {
    /// Towards whom a member's own table may give another verdict in the second cluster than in the first.
    pub(crate) fn changed_peers(&self, member: usize, direction: Direction) -> ChangedPeers<'_> {
        let columns = |cluster: usize| {
            let table = self.members[member].ends[cluster].table?;
            self.tables[cluster].of_table(table, direction)
        };
        let mut changed = ChangedPeers {
            connectivity: self,
            columns: [columns(0), columns(1)],
            everyone: false,
        };
        let [before, after] = changed.columns.map(|columns| columns.map(|c| c.enforced));
        changed.everyone = before != after || !changed.same([0, 0]);
        changed
    }
}

/// See [`Connectivity::changed_peers`].
pub(crate) struct ChangedPeers<'a> {
    connectivity: &'a Connectivity<2>,
    columns: [Option<&'a TableColumns>; 2],
    everyone: bool,
}

impl ChangedPeers<'_> {
    /// Whether a member is among them.
    pub(crate) fn contains(&self, member: usize) -> bool {
        let peer = &self.connectivity.members[member].ends;
        self.everyone || !self.same(peer.map(|end| end.identity.0))
    }

    /// Whether what the tables have for identities gives the same verdicts.
    fn same(&self, [before, after]: [u32; 2]) -> bool {
        let verdicts = |columns: Option<&TableColumns>, identity| {
            let list = columns.and_then(|columns| columns.lists.get(&identity).copied());
            let requests = columns.map_or(0, |columns| columns.requests(identity));
            (self.connectivity.interner.list_verdicts(list), requests)
        };
        verdicts(self.columns[0], before) == verdicts(self.columns[1], after)
    }
}

/// Of a pair of source and destination, who is judged and who is the other.
fn subject_and_peer<T>(direction: Direction, [source, destination]: [T; 2]) -> [T; 2] {
    match direction {
        Direction::Ingress => [destination, source],
        Direction::Egress => [source, destination],
    }
}
