//! How far the kernel is with the manifests, for those who wait for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::{ObjectName, State};
use policy::Compiled;

use super::report::Failure;

/// What the kernel has, and what it never will have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The node's revision.
    pub revision: u32,
    /// Snapshot of the manifests that is in force, or was looked at last.
    pub generation: u64,
    /// Why the kernel is not in step with the manifests, if it is not.
    pub failure: Option<String>,
    /// `policies` says what the kernel has: it was brought in step once, or asked.
    pub is_known: bool,
    /// Versions of the policies in force.
    pub policies: BTreeMap<ObjectName, Arc<str>>,
    /// Versions that were refused, and why. An empty version: the policy is gone, but still in force.
    pub refused: BTreeMap<ObjectName, (Arc<str>, String)>,
}

impl Progress {
    /// After a look at a snapshot; `before` is what was told after the last one.
    pub(super) fn new(
        revision: u32,
        state: &State,
        compiled: &Compiled,
        failure: Option<&Failure>,
        before: &Self,
    ) -> Self {
        let refused = state.policies.iter().filter_map(|(name, raw)| {
            let in_force = compiled.policies.get(name);
            if in_force.is_some_and(|in_force| !in_force.stale) {
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
        Self {
            revision,
            generation: state.generation,
            failure: failure.map(Failure::text),
            is_known: before.is_known || !matches!(failure, Some(Failure::Passing(_))),
            policies,
            refused,
        }
    }
}
