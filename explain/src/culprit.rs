//! Which change decided: for a connection or a request that is denied (or allowed) now, the changes of the
//! cluster's state without which it would be the other way round.
//!
//! It is proven, not guessed: each change is taken back by itself on the present state, and the verdict is
//! asked for again.

use std::collections::BTreeSet;

use cluster::{Identities, Kind, ObjectChange, State};
use policy::Config;

use crate::trace::{PolicyContext, QueryError, Request, TraceQuery};

/// Changes that are tried at most, the newest.
pub const MOST: usize = 300;

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprits {
    /// Whether the connection, and the request on it if one was asked about, is allowed now.
    pub allowed: bool,
    /// Places of the changes each of which, taken back by itself, would change that; the newest first, of
    /// each object one.
    pub alone: Vec<usize>,
    /// If there is none: how many of the newest changes, taken back together, would.
    pub together: Option<usize>,
    /// Changes that were tried.
    pub tried: usize,
}

/// Tries changes, the oldest of which comes first. `request`: what the connection is to carry.
///
/// # Errors
/// The question names what isn't there now.
pub fn find(
    present: &State,
    config: &Config,
    query: &TraceQuery,
    request: Option<&Request>,
    changes: &[ObjectChange],
) -> Result<Culprits, QueryError> {
    let allowed = verdict(present, config, query, request)?;
    let differs = |state: &State| {
        // What isn't there any more without the change has no verdict.
        verdict(state, config, query, request).is_ok_and(|other| other != allowed)
    };
    let newest = changes.iter().enumerate().rev();
    let newest: Vec<(usize, &ObjectChange)> = newest
        .filter(|(_, it)| decides(it.name.kind))
        .take(MOST)
        .collect();
    let mut alone = Vec::new();
    let mut named = BTreeSet::new();
    for (place, change) in &newest {
        if named.contains(&change.name) {
            continue;
        }
        let mut without = present.clone();
        without.undo([*change]);
        if differs(&without) {
            named.insert(change.name.clone());
            alone.push(*place);
        }
    }
    let mut together = None;
    if alone.is_empty() {
        let mut before = present.clone();
        for (taken, (_, change)) in newest.iter().enumerate() {
            before.undo([*change]);
            if differs(&before) {
                together = Some(taken + 1);
                break;
            }
        }
    }
    Ok(Culprits {
        allowed,
        alone,
        together,
        tried: newest.len(),
    })
}

/// Objects on which a verdict can depend.
fn decides(kind: Kind) -> bool {
    match kind {
        Kind::Node
        | Kind::Namespace
        | Kind::Pod
        | Kind::CiliumCidrGroup
        | Kind::CiliumNetworkPolicy
        | Kind::CiliumClusterwideNetworkPolicy
        | Kind::NetworkPolicy => true,
        Kind::Service | Kind::EndpointSlice => false,
    }
}

fn verdict(
    state: &State,
    config: &Config,
    query: &TraceQuery,
    request: Option<&Request>,
) -> Result<bool, QueryError> {
    let (policies, _refused) = policy::read(state, config);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(state, &policies, config, identities);
    Ok(context.verdict(query, request)?.allowed())
}
