//! What a change would have done to connections that were recorded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Became, ChangeKey, ChangedEnd, Comparison, change};
use crate::connectivity::{PeerGroup, allows};
use crate::flow_groups::{FlowGroups, RecordedPeer};

/// Connections that were recorded and would be decided otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowImpact {
    /// Newly denied ones first, then those of most connections.
    pub changes: Vec<FlowChange>,
    /// All connections that were looked at.
    pub connections: u64,
    /// Their flows.
    pub flows: u64,
    /// Flows that told too little, or of ends that nothing is known about.
    pub unknown: u64,
    /// Flows that were not looked at since there are too many kinds of connections.
    pub beyond: u64,
    /// There were more connections than are counted.
    pub is_lower_bound: bool,
    /// Connections that were not decided then as the state before the change decides: policies were others.
    pub decided_otherwise: u64,
}

/// Connections between two groups on one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowChange {
    /// What would become of them.
    pub became: Became,
    /// Who opened them.
    pub source: Arc<PeerGroup>,
    /// To whom.
    pub destination: Arc<PeerGroup>,
    /// IP protocol number.
    pub protocol: u8,
    /// Port of the destination; ICMP: type.
    pub port: u16,
    /// How many connections.
    pub connections: u64,
    /// Their flows.
    pub flows: u64,
    /// Source and destination of the most flows among them.
    pub example: [RecordedPeer; 2],
    /// The ends whose verdict changes, as in [`Change`](super::Change).
    pub ends: Vec<ChangedEnd>,
}

/// A change while it is summed up.
struct Sum {
    connections: u64,
    flows: u64,
    example: usize,
}

impl Comparison {
    /// Decides each kind of recorded connection as before and as after. The comparison must have been made
    /// with the labels of their pods.
    pub fn flow_impact(&self, flows: &FlowGroups) -> FlowImpact {
        let locator = self.connectivity.locator();
        let members = self.connectivity.members();
        let mut impact = FlowImpact {
            flows: flows.flows(),
            unknown: flows.unreadable(),
            beyond: flows.beyond(),
            is_lower_bound: flows.has_uncounted(),
            ..FlowImpact::default()
        };
        let mut known: HashMap<(usize, usize, u8, u16), _> = HashMap::new();
        let mut sums: BTreeMap<(ChangeKey, usize, usize, u8, u16), Sum> = BTreeMap::new();
        for (index, group) in flows.groups().iter().enumerate() {
            if self.cancel.is_cancelled() {
                return impact;
            }
            let ends = [&group.source, &group.destination].map(|end| locator.find(end));
            let [Some(source), Some(destination)] = ends else {
                impact.unknown += group.flows;
                continue;
            };
            impact.connections += group.connections;
            let (protocol, port) = (group.protocol, group.port);
            let decisions = known
                .entry((source, destination, protocol, port))
                .or_insert_with(|| {
                    let ends = [&members[source].ends, &members[destination].ends];
                    self.connectivity.decide(ends, protocol, port)
                });
            let was_allowed = allows(&decisions[0]);
            if was_allowed && group.denied > 0 || !was_allowed && group.allowed > 0 {
                impact.decided_otherwise += group.connections;
            }
            let Some(key) = change(decisions) else {
                continue;
            };
            let key = (key, source, destination, protocol, port);
            let sum = sums.entry(key).or_insert(Sum {
                connections: 0,
                flows: 0,
                example: index,
            });
            sum.connections += group.connections;
            sum.flows += group.flows;
            if flows.groups()[sum.example].flows < group.flows {
                sum.example = index;
            }
        }
        impact.changes = sums
            .into_iter()
            .map(|((key, source, destination, protocol, port), sum)| {
                let example = &flows.groups()[sum.example];
                FlowChange {
                    became: key.became,
                    source: Arc::clone(&members[source].group),
                    destination: Arc::clone(&members[destination].group),
                    protocol,
                    port,
                    connections: sum.connections,
                    flows: sum.flows,
                    example: [example.source.clone(), example.destination.clone()],
                    ends: self.ends(&key),
                }
            })
            .collect();
        impact.changes.sort_by(|one, other| {
            let key = |change: &FlowChange| (change.became, std::cmp::Reverse(change.connections));
            key(one).cmp(&key(other))
        });
        impact
    }
}

impl FlowImpact {
    /// Connections that become so.
    pub fn connections(&self, became: Became) -> u64 {
        let changes = self.changes.iter().filter(|change| change.became == became);
        changes.map(|change| change.connections).sum()
    }
}
