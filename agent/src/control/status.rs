//! What control tells of itself.

use std::fmt;

use cluster::{Problem, State};
use loader::Counters;
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
    /// Policies in force.
    pub policies: usize,
    /// Pods of this node.
    pub endpoints: usize,
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
            let not_enforced = problem.object.as_ref().is_some_and(|object| {
                object.kind.is_policy() && !compiled.policies.contains_key(object)
            });
            PolicyProblem {
                problem: problem.clone(),
                not_enforced,
            }
        })
        .collect()
}

/// Of all CPUs.
pub(crate) fn sum(per_cpu: &[Counters]) -> Counters {
    per_cpu
        .iter()
        .fold(Counters::default(), |sum, cpu| Counters {
            events_attempted: sum.events_attempted + cpu.events_attempted,
            events_failed: sum.events_failed + cpu.events_failed,
            events_limited: sum.events_limited + cpu.events_limited,
            packets_forwarded: sum.packets_forwarded + cpu.packets_forwarded,
            packets_dropped: sum.packets_dropped + cpu.packets_dropped,
            ct_full: sum.ct_full + cpu.ct_full,
        })
}
