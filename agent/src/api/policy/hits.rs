//! What rules decided: the kernel counts by cookie, and a cookie names rules.

use std::collections::{BTreeMap, HashMap};

use abi::conntrack::CtEntry;
use cluster::ObjectName;
use loader::Stats;
use policy::{Direction, Reason, RulePath};
use tonic::Status;

use crate::node::AppliedState;

/// A rule: policy, place in it, direction (a spec may put both in default deny).
pub(super) type RuleKey = (ObjectName, RulePath, Direction);

/// What one rule decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub(super) decisions: u64,
    /// Open now, and what went through those so far.
    pub(super) connections: u64,
    pub(super) bytes: u64,
}

/// Decisions by cookie.
pub(super) fn decisions(stats: Option<&Stats>) -> Result<BTreeMap<u32, u64>, Status> {
    let Some(stats) = stats else {
        return Ok(BTreeMap::new());
    };
    let read = stats.decisions().map_err(unreadable)?;
    Ok(read.into_iter().collect())
}

/// What all rules decided. A decision that several rules stand behind counts for each.
pub(super) fn of(
    stats: Option<&Stats>,
    known: &AppliedState,
) -> Result<BTreeMap<RuleKey, Hits>, Status> {
    let mut by_cookie: HashMap<u32, Hits> = HashMap::new();
    for (cookie, decisions) in decisions(stats)? {
        by_cookie.entry(cookie).or_default().decisions = decisions;
    }
    let count = |entry: &CtEntry| {
        for cookie in [entry.egress_cookie, entry.ingress_cookie] {
            if cookie != abi::policy::COOKIE_NONE {
                let hits = by_cookie.entry(cookie).or_default();
                hits.connections += 1;
                hits.bytes += entry.bytes[0].saturating_add(entry.bytes[1]);
            }
        }
    };
    if let Some(stats) = stats {
        stats.open_connections(count).map_err(unreadable)?;
    }
    let mut hits: BTreeMap<RuleKey, Hits> = BTreeMap::new();
    for (cookie, reason) in known.compiled.cookies.iter() {
        let Some(found) = by_cookie.get(&cookie) else {
            continue;
        };
        for key in rules(reason) {
            let sum = hits.entry(key).or_default();
            sum.decisions += found.decisions;
            sum.connections += found.connections;
            sum.bytes = sum.bytes.saturating_add(found.bytes);
        }
    }
    Ok(hits)
}

fn rules(reason: &Reason) -> impl Iterator<Item = RuleKey> {
    let origins = reason.origins.iter();
    origins.map(|origin| (origin.policy.clone(), origin.rule, reason.direction))
}

fn unreadable(error: loader::Error) -> Status {
    Status::internal(format!("the kernel's maps can't be read: {error}"))
}
