//! What control tells of itself.

use std::collections::BTreeMap;
use std::fmt;

use cluster::{Problem, State};
use loader::{Counters, Damage};
use policy::Compiled;

/// A snapshot for status and metrics.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Generation of the manifests.
    pub generation: u64,
    /// The node's revision.
    pub revision: u32,
    /// Why the kernel is not in step with the manifests, if it is not.
    pub failure: Option<String>,
    /// What is wrong in manifests and policies.
    pub problems: Vec<PolicyProblem>,
    /// What is wrong with the datapath, or was a short while ago.
    pub datapath: Vec<PolicyProblem>,
    /// Repairs of what others changed in the datapath, by what was wrong.
    pub repairs: BTreeMap<Damage, u64>,
    /// Policies in force.
    pub policies: usize,
    /// Pods of this node.
    pub endpoints: usize,
    /// Of those, the ones that a policy in force selects.
    pub selected: usize,
    /// How full the maps are.
    pub fills: Vec<Fill>,
    /// The kernel's counters.
    pub counters: Counters,
    /// Events that readers of the rings took, now and before, and what they left unread.
    pub accounted: u64,
}

/// How full a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Name of the map.
    pub map: &'static str,
    /// Entries in it.
    pub entries: u64,
    /// Entries that the manifests ask for; more than `max` are refused.
    pub wanted: u64,
    /// Its size.
    pub max: u32,
}

impl From<loader::Fill> for Fill {
    fn from(fill: loader::Fill) -> Self {
        Self {
            map: fill.map,
            entries: fill.entries as u64,
            wanted: fill.entries as u64,
            max: fill.max,
        }
    }
}

/// Something wrong in the manifests, and what it means for enforcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// What and where.
    pub problem: Problem,
    /// A policy of which no form is in force.
    pub not_enforced: bool,
    /// A policy of which an earlier form is in force.
    pub stale: bool,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

/// The problems of a state and of what was compiled from it.
pub(super) fn problems(state: &State, compiled: &Compiled) -> Vec<PolicyProblem> {
    state
        .problems
        .iter()
        .chain(&compiled.problems)
        .map(|problem| {
            let policy = problem.object.as_ref();
            let policy = policy.filter(|object| object.kind.is_policy());
            let in_force = policy.map(|policy| compiled.policies.get(policy));
            PolicyProblem {
                problem: problem.clone(),
                not_enforced: in_force == Some(None),
                stale: matches!(in_force, Some(Some(in_force)) if in_force.stale),
            }
        })
        .collect()
}

/// How many of the node's pods a policy in force selects: their tables say something.
pub(super) fn selected(compiled: &Compiled) -> usize {
    let endpoints = compiled.endpoints.values();
    let tables = endpoints.filter_map(|endpoint| compiled.tables.get(&endpoint.table));
    let says = |direction: &abi::policy::Direction| {
        direction.flags & abi::policy::ENFORCED != 0
            || direction.peer_shapes != 0
            || direction.any_shapes != 0
    };
    tables
        .filter(|table| says(&table.ingress) || says(&table.egress))
        .count()
}
