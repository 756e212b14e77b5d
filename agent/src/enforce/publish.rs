//! What the enforcing thread publishes: status, progress, peers, counters.

use std::{collections::BTreeMap, sync::Arc};

use abi::{maps, policy::is_reserved};
use cluster::State;
use policy::Compiled;
use tracing::{error, info, warn};

use super::{
    Reconciler,
    capacity::{Refusal, capacity_of},
    error::EnforceError,
};
use crate::{
    error::chain,
    node::{MapUsage, PolicyProblem, Progress, Status, names::Node},
};

/// Why the kernel is not in step with the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something failed that may succeed the next time.
    Passing(String),
    /// The manifests ask for more than there is room for: only a change of them helps.
    Refused(Box<Refusal>),
    /// They do, and are in force without what there is no room for.
    LeftOut(Box<Refusal>),
}

impl Failure {
    /// In one line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Passing(text) => text.clone(),
            Self::Refused(refusal) | Self::LeftOut(refusal) => refusal.text(),
        }
    }
}

/// How many cookies are handed out, of those that can be. Those of a fixed meaning aren't among them.
fn handed_out(cookies: &policy::Cookies) -> MapUsage {
    let map = &maps::DECISIONS;
    let mut numbers = cookies.iter().map(|(cookie, _)| cookie);
    let fixed = numbers.by_ref().take_while(|cookie| is_reserved(*cookie));
    let entries = (cookies.len() - fixed.count()) as u64;
    MapUsage {
        map: map.name,
        entries,
        wanted: entries,
        max: map.room(map.size.initial()),
    }
}

impl Reconciler {
    /// What to make of an error.
    pub(super) fn failure(&self, state: &State, error: &EnforceError) -> Failure {
        let Some(room) = capacity_of(error) else {
            return Failure::Passing(chain(error));
        };
        Failure::Refused(Box::new(Refusal::new(
            room,
            state,
            self.compiler.compiled(),
            &self.compiler.policies(),
            &self.datapath.in_force(),
            &self.published.progress.borrow(),
        )))
    }

    /// Says in the log what went wrong, unless it is what was said last.
    pub(super) fn log_failure(&self, failure: &Failure) {
        let text = failure.text();
        if self.published.progress.borrow().failure.as_ref() != Some(&text) {
            error!(error = %text, "the kernel's maps are not in step with the manifests");
        }
    }

    /// Says that there are no manifests yet.
    pub(super) fn report_waiting(&self) {
        let failure = format!("waiting for {}", self.manifests.waiting_for());
        let progress = Progress {
            revision: self.datapath.revision(),
            failure: Some(failure.clone()),
            ..Progress::clone(&self.published.progress.borrow())
        };
        let status = Status {
            revision: progress.revision,
            failure: Some(failure),
            ..Status::clone(&self.published.status.load())
        };
        self.published.status.store(Arc::new(status));
        self.published.progress.send_if_modified(|known| {
            let is_new = **known != progress;
            if is_new {
                *known = Arc::new(progress);
            }
            is_new
        });
    }

    pub(super) fn report(&self, state: &State, failure: Option<&Failure>) {
        let compiled = self.compiler.compiled();
        let before = self.published.status.load_full();
        let refusal = match failure {
            Some(Failure::Refused(refusal) | Failure::LeftOut(refusal)) => Some(refusal),
            Some(Failure::Passing(_)) | None => None,
        };
        let mut problems = problems(state, compiled);
        problems.extend(refusal.iter().flat_map(|refusal| refusal.problems(state)));
        for problem in &mut problems {
            self.manifests.locate(&mut problem.problem);
        }
        let progress = progress(
            self.datapath.revision(),
            state,
            compiled,
            failure,
            &self.published.progress.borrow(),
        );
        let status = Status {
            generation: state.generation,
            revision: progress.revision,
            failure: progress.failure.clone().or_else(|| self.trouble()),
            problems,
            selected: selected(compiled),
            policies: progress.policies.len(),
            endpoints: self.endpoints.iter().count(),
            fills: self.fills(refusal.map(|refusal| &**refusal)),
            ..(*before).clone()
        };
        for problem in status
            .problems
            .iter()
            .filter(|new| !before.problems.contains(new))
        {
            warn!("{problem}");
        }
        if status.problems.is_empty() && !before.problems.is_empty() {
            info!("all manifests are good again");
        }
        // Whoever waited for the progress and then asks for the status finds the same.
        self.published.status.store(Arc::new(status));
        self.published.progress.send_replace(Arc::new(progress));
    }

    /// What doesn't work although the maps are in step.
    fn trouble(&self) -> Option<String> {
        let layer7 = || self.layer7.as_ref()?.failure();
        self.integrity.failure().or_else(layer7)
    }

    fn fills(&self, refusal: Option<&Refusal>) -> Vec<MapUsage> {
        let mut fills: Vec<MapUsage> = self
            .datapath
            .fills()
            .into_iter()
            .map(MapUsage::from)
            .collect();
        if let Some(refusal) = refusal {
            for fill in fills.iter_mut().filter(|fill| fill.map == refusal.map) {
                fill.wanted = refusal.wanted as u64;
            }
        }
        fills.push(handed_out(&self.compiler.compiled().cookies));
        fills
    }

    pub(super) fn tell_peers(&self, state: &State) {
        let peers = state
            .nodes
            .values()
            .map(|node| {
                let name = Node {
                    cluster: self.config.cluster.clone(),
                    name: node.name.to_string(),
                    labels: vec![],
                };
                let address = node
                    .addresses
                    .iter()
                    .find(|address| address.is_ipv4())
                    .or(node.addresses.first());
                let address = match (address, self.port) {
                    (Some(ip), Some(port)) => std::net::SocketAddr::new(*ip, port).to_string(),
                    (Some(ip), None) => ip.to_string(),
                    (None, _) => String::new(),
                };
                (name.full_name(), address)
            })
            .collect();
        self.published.peers.send_if_modified(|known| {
            let changed = **known != peers;
            if changed {
                *known = Arc::new(peers);
            }
            changed
        });
    }

    /// Reads the kernel's counters.
    pub(super) fn count(&mut self) {
        match self.datapath.stats().counters_per_cpu() {
            Ok(counters) => {
                for (failed, cpu) in self.published.failed.iter().zip(&counters) {
                    failed.store(cpu.events_failed, std::sync::atomic::Ordering::Relaxed);
                }
                let before = self.published.status.load_full();
                self.published.status.store(Arc::new(Status {
                    counters: counters.into_iter().sum(),
                    failure: self
                        .published
                        .progress
                        .borrow()
                        .failure
                        .clone()
                        .or_else(|| self.trouble()),
                    datapath: self.integrity.problems(&self.endpoints),
                    repairs: self.integrity.repairs(),
                    accounted: self.datapath.stats().events_accounted(),
                    ..(*before).clone()
                }));
            }
            Err(error) => warn!(error = %chain(&error), "counters not read"),
        }
    }
}

/// After a look at a snapshot; `before` is what was told after the last one.
pub(super) fn progress(
    revision: u32,
    state: &State,
    compiled: &Compiled,
    failure: Option<&Failure>,
    before: &Progress,
) -> Progress {
    let mut in_force = compiled.policies.iter().peekable();
    let refused = state.policies.iter().filter_map(|(name, raw)| {
        // Both are in the order of names.
        while in_force.next_if(|(known, _)| *known < name).is_some() {}
        let known = in_force.next_if(|(known, _)| *known == name);
        if known.is_some_and(|(_, in_force)| !in_force.stale) {
            return None;
        }
        let mut problems = compiled.problems.iter().chain(&state.problems);
        let problem = problems.find(|problem| problem.object.as_ref() == Some(name));
        let why = problem.map(ToString::to_string).unwrap_or_default();
        Some((name.clone(), (Arc::clone(&raw.version), why)))
    });
    let mut refused: BTreeMap<_, _> = refused.collect();
    let versions = compiled
        .policies
        .iter()
        .map(|(name, in_force)| (name.clone(), Arc::clone(&in_force.version)));
    let policies = match failure {
        None => versions.collect(),
        Some(Failure::LeftOut(refusal)) => {
            for (name, behind) in &refusal.behind {
                refused.insert(name.clone(), (Arc::clone(&behind.version), refusal.text()));
            }
            versions.collect()
        }
        Some(Failure::Passing(_)) => before.policies.clone(),
        Some(Failure::Refused(refusal)) => {
            for (name, behind) in &refusal.behind {
                let why = || (Arc::clone(&behind.version), refusal.text());
                refused.entry(name.clone()).or_insert_with(why);
            }
            let mut policies = before.policies.clone();
            policies.extend(versions.filter(|(name, _)| !refusal.behind.contains_key(name)));
            policies
        }
    };
    Progress {
        revision,
        generation: state.generation,
        failure: failure.map(Failure::text),
        is_known: before.is_known || !matches!(failure, Some(Failure::Passing(_))),
        policies,
        refused,
    }
}

/// The problems of a state and of what was compiled from it.
fn problems(state: &State, compiled: &Compiled) -> Vec<PolicyProblem> {
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
fn selected(compiled: &Compiled) -> usize {
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

#[cfg(test)]
mod tests {
    use policy::{Direction, Reason, ReasonKind};

    use super::*;

    #[test]
    fn cookies_of_a_fixed_meaning_take_no_room() {
        let mut cookies = policy::Cookies::default();
        let fill = handed_out(&cookies);
        assert_eq!((fill.map, fill.entries, fill.max), ("DECISIONS", 0, 65_520));
        let _cookie = cookies.for_reason(Reason {
            direction: Direction::Egress,
            kind: ReasonKind::AlwaysEnforced,
            origins: vec![],
        });
        assert_eq!(handed_out(&cookies).entries, 1);
    }
}
