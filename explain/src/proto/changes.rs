//! Changes of the cluster's state.

use cluster::{LabelMap, Object, ObjectChange, ServicePort};
use policy::Language;
use proto::flows::v1 as wire;

use super::{direction, path};
use crate::changes::{RuleChange, summary};
use crate::trace::protocol_name;

/// A change of an object; when and where it came into force is left to whoever answers, and so are the
/// versions of objects that have none. Policies are read in `language`.
pub fn change<'l>(change: &ObjectChange, language: impl Into<Language<'l>>) -> wire::Change {
    use wire::change::Action;
    let told = summary(change, language);
    let action = match (&change.before, &change.after) {
        (None, _) => Action::Added,
        (Some(_), None) => Action::Removed,
        (Some(_), Some(_)) => Action::Changed,
    };
    let name = &change.name;
    wire::Change {
        action: action.into(),
        object: name.to_string(),
        kind: name.kind.name().to_owned(),
        namespace: name.namespace.as_deref().unwrap_or_default().to_owned(),
        name: name.name.to_string(),
        summary: told.text,
        rules: told.rules.iter().map(rule_change).collect(),
        ..wire::Change::default()
    }
}

fn rule_change(change: &RuleChange) -> wire::RuleChange {
    wire::RuleChange {
        gained: change.gained,
        path: Some(path(change.path)),
        direction: direction(change.direction).into(),
        deny: change.deny,
        text: change.text.to_string(),
    }
}

/// An object as it was or is.
pub fn object_state(object: &Object) -> wire::ObjectState {
    use wire::object_state::Of;
    let of = match object {
        Object::Policy(policy) => Of::Policy(wire::PolicyObject {
            version: policy.version.to_string(),
            uid: policy.uid.as_deref().unwrap_or_default().to_owned(),
            yaml: policy.yaml(),
        }),
        Object::Pod(pod) => Of::Pod(wire::PodObject {
            labels: labels(&pod.labels),
            ips: texts(&pod.ips),
            node: pod.node.as_deref().unwrap_or_default().to_owned(),
            workload_kind: pod
                .workload
                .as_ref()
                .map(|it| it.kind.to_string())
                .unwrap_or_default(),
            workload_name: pod
                .workload
                .as_ref()
                .map(|it| it.name.to_string())
                .unwrap_or_default(),
            service_account: pod.service_account.to_string(),
            host_network: pod.host_network,
            ports: pod
                .ports
                .iter()
                .map(|port| port_text(port.name.as_deref(), port.port, port.protocol))
                .collect(),
            uid: pod.uid.as_deref().unwrap_or_default().to_owned(),
        }),
        Object::Namespace(namespace) => Of::Namespace(wire::NamespaceObject {
            labels: labels(&namespace.labels),
        }),
        Object::CidrGroup(group) => Of::CidrGroup(wire::CidrGroupObject {
            labels: labels(&group.labels),
            cidrs: texts(&group.cidrs),
        }),
        Object::Service(service) => Of::Service(wire::ServiceObject {
            labels: labels(&service.labels),
            selector: service.selector.as_ref().map(labels).unwrap_or_default(),
            has_selector: service.selector.is_some(),
            cluster_ips: texts(&service.cluster_ips),
            ports: service.ports.iter().map(service_port).collect(),
        }),
        Object::EndpointSlice(slice) => Of::EndpointSlice(wire::EndpointSliceObject {
            service: slice.service.as_deref().unwrap_or_default().to_owned(),
            addresses: texts(&slice.addresses),
            ports: slice.ports.iter().map(service_port).collect(),
        }),
        Object::Node(node) => Of::Node(wire::NodeObject {
            labels: labels(&node.labels),
            pod_cidrs: texts(&node.pod_cidrs),
            addresses: texts(&node.addresses),
        }),
    };
    wire::ObjectState { of: Some(of) }
}

fn labels(labels: &LabelMap) -> LabelMap {
    labels.clone()
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn port_text(name: Option<&str>, port: u16, protocol: u8) -> String {
    let number = format!("{port}/{}", protocol_name(protocol));
    match name {
        Some(name) => format!("{name}={number}"),
        None => number,
    }
}

fn service_port(port: &ServicePort) -> String {
    let own = port_text(port.name.as_deref(), port.port, port.protocol);
    match &port.target {
        Some(target) => format!("{own} -> {target}"),
        None => own,
    }
}
