//! What stands beside the tables: the rules by which a proxy judges what is redirected to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::ObjectName;
use l7::rules::{Binding, Protocol, RuleRef, SetSpec, Snapshot, VERSION};

use crate::attribution::Direction;
use crate::path::RulePath;

/// The rules of one direction of a table, on the ports that are redirected there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSets {
    /// Rules that ports share. Each is named by a cookie ([`crate::Cookies`]), whose reason has the item of
    /// `toPorts` as its one origin.
    pub sets: Vec<SetSpec>,
    /// Which ports have which; they don't overlap.
    pub ports: Vec<PortSet>,
    /// There is more than a direction may hold: some sets are empty, and everything is refused on their ports.
    pub is_cut: bool,
}

/// Ports that have a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSet {
    /// Of the connection.
    pub protocol: Protocol,
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
    /// Index of the set.
    pub set: usize,
}

/// The rules of all tables, by table and direction.
pub type TablePortSets = BTreeMap<(u32, Direction), Arc<PortSets>>;

/// Rules for one selector and one port that can't stand together, because they are of several protocols. What
/// they select is redirected and refused there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Policy of the rule that came second.
    pub policy: ObjectName,
    /// The rule.
    pub rule: RulePath,
    /// Policy of the rule that it can't stand beside.
    pub other_policy: ObjectName,
    /// That rule.
    pub other: RulePath,
    /// Why, in Cilium's words.
    pub problem: String,
}

impl PortSets {
    /// The cookies that name its rules, one for each use.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = u32> + '_ {
        let alternatives = self.sets.iter().flat_map(|set| &set.alternatives);
        alternatives.map(|one| {
            let RuleRef(cookie) = one.rule;
            cookie
        })
    }
}

/// All rules together, for a proxy. An endpoint is what has a table: the table's number.
pub fn snapshot(tables: &TablePortSets, revision: u64) -> Snapshot {
    let mut snapshot = Snapshot {
        version: VERSION,
        revision,
        sets: Vec::new(),
        bindings: Vec::new(),
    };
    for ((table, direction), rules) in tables {
        let before = snapshot.sets.len();
        let direction = match direction {
            Direction::Ingress => l7::rules::Direction::Ingress,
            Direction::Egress => l7::rules::Direction::Egress,
        };
        let bindings = rules.ports.iter().map(|ports| Binding {
            endpoint: *table,
            direction,
            protocol: ports.protocol,
            first_port: ports.first,
            last_port: ports.last,
            set: u32::try_from(before + ports.set).expect("fewer sets than memory has bytes"),
        });
        snapshot.bindings.extend(bindings);
        snapshot.sets.extend(rules.sets.iter().cloned());
    }
    snapshot
}
