//! Drops that no policy made: what happened, who sent the packet, and what usually causes it. Nothing
//! here offers a rule: none would let such a packet through.

use std::net::IpAddr;

use abi::reason::{INVALID_SOURCE_IP, PROXY_LOOKUP_FAILED};
use cluster::NamespacedName;
use policy::Direction;

use super::flow::{DropReason, RecordedFlow};
use super::sanitize::plain;
use crate::trace::PolicyContext;

/// One sentence about a drop that no policy made.
pub(super) fn sentence(
    context: &PolicyContext<'_>,
    flow: &RecordedFlow,
    reason: DropReason,
) -> String {
    let address = plain(&flow.source.ip);
    let sender = sender(context, flow, reason);
    // The address is what is wrong, so it is named in any case.
    let from = match reason.is(INVALID_SOURCE_IP) && !address.is_empty() {
        true => format!("{sender} sent it as {address}"),
        false => format!("{sender} sent it"),
    };
    let DropReason {
        meaning,
        usual_cause,
        ..
    } = reason;
    let node = plain(&flow.node_name);
    let meaning = match reason.is(PROXY_LOOKUP_FAILED) && !node.is_empty() {
        true => format!("a rule sends it through the layer-7 proxy, and no proxy runs on {node}"),
        false => meaning.to_owned(),
    };
    format!("{meaning} ({from}); usual cause: {usual_cause}")
}

/// Who sent the packet: the pod behind the veth it came out of, as far as the flow tells.
fn sender(context: &PolicyContext<'_>, flow: &RecordedFlow, reason: DropReason) -> String {
    let address = flow.source.ip.parse().ok();
    let told = flow.source.endpoint.as_ref();
    let named = told.filter(|end| !end.pod_name.is_empty() && !end.namespace.is_empty());
    let name = named.map(|end| (plain(&end.namespace), plain(&end.pod_name)));
    let has = |address: IpAddr| {
        let pods = context.state().pods.values();
        let mut pods = pods.filter(|pod| !pod.host_network);
        pods.find(|pod| pod.ips.contains(&address))
    };
    match (name, address) {
        // The owner of a borrowed address is the last to blame.
        (Some((namespace, name)), Some(address)) if reason.is(INVALID_SOURCE_IP) => {
            let pod = context
                .state()
                .pods
                .get(&NamespacedName::new(&namespace, &name));
            match pod.is_some_and(|pod| pod.ips.contains(&address)) {
                true => format!(
                    "{}, not {namespace}/{name}, whose address it is,",
                    unknown_sender(flow)
                ),
                false => format!("{namespace}/{name}"),
            }
        }
        (Some((namespace, name)), _) => format!("{namespace}/{name}"),
        (None, Some(address)) if !reason.is(INVALID_SOURCE_IP) => match has(address) {
            Some(pod) => pod.name.to_string(),
            None => address.to_string(),
        },
        (None, _) => unknown_sender(flow),
    }
}

/// A sender of which only the place is known.
fn unknown_sender(flow: &RecordedFlow) -> String {
    let outgoing = flow.direction == Some(Direction::Egress);
    let what = if outgoing { "a pod" } else { "somebody" };
    let veth = plain(&flow.interface);
    let node = plain(&flow.node_name);
    match (veth.as_str(), node.as_str()) {
        ("", "") => what.to_owned(),
        ("", node) if outgoing => format!("{what} on {node}"),
        ("", _) => what.to_owned(),
        (veth, "") => format!("{what} behind {veth}"),
        (veth, node) => format!("{what} behind {veth} on {node}"),
    }
}
