//! What status and metrics show of the node.

use std::collections::BTreeMap;
use std::fmt;

use cluster::Problem;
use loader::{Counters, Damage};

use super::usage::MapUsage;

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
    pub fills: Vec<MapUsage>,
    /// The kernel's counters.
    pub counters: Counters,
    /// Events that readers of the rings took, now and before, and what they left unread.
    pub accounted: u64,
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
