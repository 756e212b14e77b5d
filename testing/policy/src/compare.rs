//! What is compiled from a random cluster, held against the oracle.

use std::collections::BTreeSet;

use abi::event::{FORWARDED, REDIRECTED};
use abi::reason::{POLICY_DENIED, POLICY_DENY};
use policy::{Compiled, Compiler, Config, PersistentState, ProxyPorts, Reason, ReasonKind};

use crate::model::{NODES, World};
use crate::oracle::Answer;
use crate::state::{shown, state};

/// The cluster as it is compiled from nothing for the node that is judged. `seed` is what it was made of.
///
/// # Panics
/// If its manifests have problems.
pub fn compiled(seed: u64, world: &World) -> Compiled {
    let manifests = world.manifests();
    let config = Config {
        layer7: world.has_layer7().then_some(ProxyPorts { tcp: 1, dns: 2 }),
        ..Config::default()
    };
    let mut compiler = Compiler::new(config, NODES[0].0, PersistentState::default());
    let compiled = compiler.compile(&state(&manifests));
    assert_eq!(
        shown(&compiled.problems),
        [""; 0],
        "seed {seed}\n{manifests}"
    );
    compiled
}

/// Whether a verdict is the oracle's answer, down to the policies that its reason names. The node's
/// standing permission is as specific as a rule can be: what comes `from_host` may be allowed by either.
pub fn agrees(answer: &Answer, verdict: u8, reason: &Reason, from_host: bool) -> bool {
    let names = reason.origins.iter();
    let named: BTreeSet<String> = names.map(|origin| origin.policy.name.to_string()).collect();
    let some_of = |policies: &BTreeSet<String>| !named.is_empty() && named.is_subset(policies);
    let kind = reason.kind;
    match answer {
        Answer::NotEnforced => verdict == FORWARDED && kind == ReasonKind::AllowAny,
        Answer::Localhost => verdict == FORWARDED && kind == ReasonKind::AllowLocalhost,
        Answer::Allowed(policies) => {
            let by_rule = kind == ReasonKind::Allow && some_of(policies);
            let localhost = from_host && kind == ReasonKind::AllowLocalhost;
            verdict == FORWARDED && (by_rule || localhost)
        }
        Answer::Redirected(policies) => {
            verdict == REDIRECTED && kind == ReasonKind::Allow && some_of(policies)
        }
        Answer::Denied(policies) => {
            verdict == POLICY_DENY && kind == ReasonKind::Deny && some_of(policies)
        }
        Answer::DefaultDeny(policies) => {
            verdict == POLICY_DENIED && kind == ReasonKind::DefaultDeny && named == *policies
        }
    }
}
