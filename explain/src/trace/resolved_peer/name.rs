//! An end that is a name outside of the cluster.

use cluster::Labels;
use l7::wire::name::Name;

use super::super::identities::KnownIdentities;
use super::super::request::name_text;
use super::super::{PolicyContext, name_resolution};
use super::ResolvedPeer;

/// An address that was learned for a name, which no prefix of a policy covers but one that covers everything.
pub(super) fn from_name(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    name: &Name,
) -> ResolvedPeer {
    let world = known
        .identities
        .labels(known.anywhere())
        .cloned()
        .unwrap_or_default();
    let labels = name_resolution::labels(context.policies, name);
    let labels: Labels = world.iter().cloned().chain(labels).collect();
    ResolvedPeer {
        name: name_text(name),
        identity: known.add(&labels, std::iter::empty()),
        labels,
        pod: None,
        pods: 0,
        ports: Vec::new(),
        judged: false,
        assumed: false,
        ip: None,
        node: None,
        spread: Vec::new(),
        unlike: 0,
    }
}
