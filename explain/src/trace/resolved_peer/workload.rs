//! The name of a workload, which stands for one of its pods.

use std::sync::Arc;

use cluster::{NamespacedName, Pod};
use policy::{NamedPort, ports_of};

use super::{PolicyContext, ResolvedPeer};

/// The pod of a name, or the first one of the workload that has it.
pub(super) fn pod_of<'a>(
    context: &PolicyContext<'a>,
    name: &NamespacedName,
) -> Option<&'a Arc<Pod>> {
    let pods = &context.state.pods;
    pods.get(name).or_else(|| {
        pods.values().find(|pod| {
            let workload = pod.workload.as_ref();
            pod.name.namespace == name.namespace
                && workload.is_some_and(|workload| workload.name == name.name)
        })
    })
}

/// Pods of the same workload that differ from one of them in what policy judges by. During a roll-out there
/// may be some.
pub(super) fn unlike(context: &PolicyContext<'_>, pod: &Pod, resolved: &ResolvedPeer) -> usize {
    let pods = context.state.pods.values().filter(|other| {
        other.name.namespace == pod.name.namespace
            && other.workload.as_ref().map(|of| &of.name)
                == pod.workload.as_ref().map(|of| &of.name)
    });
    let differs = pods.filter(|other| {
        let mut ports: Vec<NamedPort> = ports_of(other).collect();
        ports.sort();
        ports.dedup();
        let labels = context
            .state
            .identity_labels(other, &context.config.cluster);
        other.host_network || labels != resolved.labels || ports != resolved.ports
    });
    differs.count()
}
