//! What of the manifests goes into force if not all of it fits: everything but the policies that ask for
//! more room than there is.
//!
//! All of it is tried first. On an overflow those policies are left out that are new or changed since the
//! last good state and ask for more than they had, the largest first, until the rest fits: a new one is
//! not in force then, of a changed one the version before. If it isn't policies that ask for the room,
//! pods that are new are left out, and stay cut off. Whatever takes something away always goes into force,
//! unless it is a CIDR group that asks for the room: those are not left out one by one yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{NamespacedName, ObjectName, State};
use loader::Changes;
use policy::{ChangeSet, LocalNode};
use tracing::error;

use super::{
    Reconciler,
    capacity::{Capacity, OutdatedPolicy, Refusal, capacity_of},
    desired::{self, desired},
    error::loader_error,
    learning::compile,
    manifests::Policies,
    publish::Failure,
};
use crate::node::name_book::now;

/// Rounds in which single policies are left out; then all that may be are.
const ROUNDS: usize = 16;

/// What goes into force.
pub(super) struct Admitted {
    /// The manifests without what is left out.
    pub(super) state: Arc<State>,
    /// What was left out, and why.
    pub(super) refusal: Option<Box<Refusal>>,
    /// The way there from what the kernel has; `None`: compared as a whole.
    pub(super) changes: Option<Changes>,
    /// What the node tells.
    pub(super) here: LocalNode,
    /// Since what the kernel has.
    pub(super) touched: ChangeSet,
}

/// What is left out.
#[derive(Clone, Debug, Default)]
struct LeftOut {
    policies: BTreeSet<ObjectName>,
    pods: BTreeSet<NamespacedName>,
}

impl LeftOut {
    /// The manifests without it.
    fn apply(&self, wanted: &Arc<State>, base: &Policies) -> Arc<State> {
        if self.policies.is_empty() && self.pods.is_empty() {
            return Arc::clone(wanted);
        }
        let mut state = State::clone(wanted);
        for name in &self.policies {
            match base.get(name) {
                Some(before) => drop(state.policies.insert(name.clone(), Arc::clone(before))),
                None => drop(state.policies.remove(name)),
            }
        }
        for name in &self.pods {
            state.pods.remove(name);
        }
        Arc::new(state)
    }
}

impl Reconciler {
    /// Finds what of the manifests fits, and compiles it. Nothing is written.
    ///
    /// # Errors
    /// It could not be found out, or there is no room even without what may be left out.
    pub(super) fn admit(&mut self, wanted: &Arc<State>) -> Result<Admitted, Failure> {
        // Unless all goes well, the next time everything is compared.
        let before = self.here.take();
        let mut left_out = LeftOut::default();
        let mut first: Option<Refusal> = None;
        let mut touched = ChangeSet::default();
        for round in 0.. {
            let state = left_out.apply(wanted, &self.base);
            let names = self.layer7.as_mut().map(|layer7| &mut layer7.names);
            let names = compile(&mut self.compiler, names, &state, &mut touched, now());
            let given = self.place_pods();
            self.given.extend(given);
            let here = desired::here(&self.endpoints, self.own.get(), names);
            let compiled = self.compiler.compiled();
            let changes = before
                .as_ref()
                .and_then(|before| compiled.changes(&touched, before, &here));
            let fits = match &changes {
                Some(changes) => self.datapath.check_changes(changes),
                None => {
                    let desired = desired(&self.config, compiled, &here);
                    self.datapath.check(&desired)
                }
            };
            let room = match fits.map_err(loader_error("checking the room in maps")) {
                Ok(()) => {
                    let refusal = first.map(|refusal| {
                        let pods = left_out.pods.len();
                        let behind = self.behind_of(wanted, &left_out);
                        Box::new(refusal.for_left_out(behind, pods))
                    });
                    return Ok(Admitted {
                        state,
                        refusal,
                        touched,
                        changes,
                        here,
                    });
                }
                Err(error) => match capacity_of(&error) {
                    Some(room) => room,
                    None => return Err(self.failure(wanted, &error)),
                },
            };
            let refusal = Refusal::new(
                room,
                &state,
                self.compiler.compiled(),
                &self.compiler.policies(),
                &self.datapath.in_force(),
                &self.published.progress.borrow(),
            );
            let goes_on = self.leave_out(&mut left_out, wanted, room, &refusal, round);
            let first = first.get_or_insert(refusal);
            if !goes_on {
                return Err(Failure::Refused(Box::new(first.clone())));
            }
        }
        Err(Failure::Passing("no round was the last one".to_owned()))
    }

    /// Gives pods their places in the endpoints map.
    fn place_pods(&mut self) -> Vec<u32> {
        let compiled = self.compiler.compiled();
        let pods: BTreeMap<_, _> = compiled
            .endpoints
            .iter()
            .map(|(name, endpoint)| (name, endpoint.ips.as_slice()))
            .collect();
        let (given, refused) = self.endpoints.update(
            pods.into_iter(),
            |ip| self.routes.get(ip),
            &self.file.saved().endpoints,
        );
        for name in refused {
            error!(pod = %name, "no endpoint index is left: the pod stays cut off");
        }
        given
    }

    /// Leaves out more; false if there is nothing that may be left out.
    fn leave_out(
        &self,
        left_out: &mut LeftOut,
        wanted: &State,
        room: Capacity,
        refusal: &Refusal,
        round: usize,
    ) -> bool {
        let may_go = |name: &ObjectName| {
            !left_out.policies.contains(name)
                && wanted.policies.get(name).is_some_and(|now| {
                    let before = self.base.get(name);
                    !before.is_some_and(|before| policy::same_rules(before, now))
                })
        };
        let asks_more = |claim: &&super::capacity::Asked| claim.more > 0 && may_go(&claim.policy);
        let mut missing = room.peak.max(room.wanted).saturating_sub(room.max);
        let mut chosen = Vec::new();
        for claim in refusal.asked.iter().filter(asks_more) {
            if missing == 0 && round < ROUNDS {
                break;
            }
            missing = missing.saturating_sub(claim.more);
            chosen.push(claim.policy.clone());
        }
        if !chosen.is_empty() {
            left_out.policies.extend(chosen);
            return true;
        }
        // It isn't policies: pods that weren't there.
        let Some(base) = self.in_force.as_ref().filter(|_| left_out.pods.is_empty()) else {
            return false;
        };
        let new = wanted.pods.keys();
        let new = new.filter(|name| !base.pods.contains_key(*name));
        *left_out = LeftOut {
            policies: BTreeSet::new(),
            pods: new.cloned().collect(),
        };
        !left_out.pods.is_empty()
    }

    /// The policies that the kernel doesn't have as the manifests have them.
    fn behind_of(
        &self,
        wanted: &State,
        left_out: &LeftOut,
    ) -> BTreeMap<ObjectName, OutdatedPolicy> {
        let policies = left_out.policies.iter().filter_map(|name| {
            let behind = OutdatedPolicy {
                version: Arc::clone(&wanted.policies.get(name)?.version),
                earlier: self.base.contains_key(name),
            };
            Some((name.clone(), behind))
        });
        policies.collect()
    }
}
