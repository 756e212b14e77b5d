//! What changed of an object that is no policy.

use std::fmt::Display;

use cluster::{LabelMap, Node, Object, Pod, ServicePort};
use policy::bounded;

pub(super) fn summary(before: Option<&Object>, after: Option<&Object>) -> String {
    let parts = match (before, after) {
        (Some(before), Some(after)) => differences(before, after),
        (None, Some(object)) | (Some(object), None) => facts(object),
        (None, None) => Vec::new(),
    };
    bounded::list_of_bounded(&parts, "; ")
}

/// What an object that came or went is.
fn facts(object: &Object) -> Vec<String> {
    let mut parts = Vec::new();
    let mut add = |word: &str, text: String| {
        if !text.is_empty() {
            parts.push(format!("{word}{text}"));
        }
    };
    match object {
        Object::Node(node) => add("", texts(&node.addresses)),
        Object::Namespace(namespace) => add("", labels(&namespace.labels)),
        Object::Pod(pod) => {
            add("", texts(&pod.ips));
            add("node ", pod.node.as_deref().unwrap_or_default().to_owned());
            add("", labels(&pod.labels));
        }
        Object::Service(service) => {
            add("", texts(&service.cluster_ips));
            add(
                "selects ",
                service.selector.as_ref().map(labels).unwrap_or_default(),
            );
        }
        Object::EndpointSlice(slice) => add("", texts(&slice.addresses)),
        Object::CidrGroup(group) => add("", texts(&group.cidrs)),
        Object::Policy(_) => {}
    }
    parts
}

fn differences(before: &Object, after: &Object) -> Vec<String> {
    match (before, after) {
        (Object::Pod(before), Object::Pod(after)) => pod(before, after),
        (Object::Namespace(before), Object::Namespace(after)) => {
            label_changes(&before.labels, &after.labels)
        }
        (Object::CidrGroup(before), Object::CidrGroup(after)) => {
            let mut parts = label_changes(&before.labels, &after.labels);
            parts.extend(list_changes("", &before.cidrs, &after.cidrs));
            parts
        }
        (Object::Node(before), Object::Node(after)) => node(before, after),
        (Object::Service(before), Object::Service(after)) => {
            let mut parts = label_changes(&before.labels, &after.labels);
            let selector = |selector: &Option<LabelMap>| selector.as_ref().map(labels);
            let (was, is) = (selector(&before.selector), selector(&after.selector));
            parts.extend(change("selects", was.as_deref(), is.as_deref()));
            parts.extend(list_changes(
                "address ",
                &before.cluster_ips,
                &after.cluster_ips,
            ));
            parts.extend(ports_change(&before.ports, &after.ports));
            parts
        }
        (Object::EndpointSlice(before), Object::EndpointSlice(after)) => {
            let mut parts = Vec::new();
            let (was, is) = (before.service.as_deref(), after.service.as_deref());
            parts.extend(change("service", was, is));
            parts.extend(list_changes("", &before.addresses, &after.addresses));
            parts.extend(ports_change(&before.ports, &after.ports));
            parts
        }
        // A name has one kind.
        (_, after) => facts(after),
    }
}

fn pod(before: &Pod, after: &Pod) -> Vec<String> {
    let mut parts = label_changes(&before.labels, &after.labels);
    let (was, is) = (texts(&before.ips), texts(&after.ips));
    parts.extend(change("address", Some(&was), Some(&is)));
    parts.extend(change(
        "node",
        before.node.as_deref(),
        after.node.as_deref(),
    ));
    let account = |pod: &Pod| pod.service_account.to_string();
    let (was, is) = (account(before), account(after));
    parts.extend(change("service account", Some(&was), Some(&is)));
    let owner = |pod: &Pod| {
        let owner = pod.workload.as_ref();
        owner.map(|owner| format!("{}/{}", owner.kind, owner.name))
    };
    let (was, is) = (owner(before), owner(after));
    parts.extend(change("owner", was.as_deref(), is.as_deref()));
    match (before.host_network, after.host_network) {
        (false, true) => parts.push("uses its node's network".to_owned()),
        (true, false) => parts.push("has a network of its own".to_owned()),
        (true, true) | (false, false) => {}
    }
    if before.ports != after.ports {
        parts.push("other ports".to_owned());
    }
    if before.uid != after.uid {
        parts.push("another pod of this name".to_owned());
    }
    parts
}

fn node(before: &Node, after: &Node) -> Vec<String> {
    let mut parts = label_changes(&before.labels, &after.labels);
    parts.extend(list_changes(
        "address ",
        &before.addresses,
        &after.addresses,
    ));
    parts.extend(list_changes(
        "pods' range ",
        &before.pod_cidrs,
        &after.pod_cidrs,
    ));
    parts
}

fn ports_change(before: &[ServicePort], after: &[ServicePort]) -> Option<String> {
    (before != after).then(|| "other ports".to_owned())
}

/// `node a -> b`.
fn change(word: &str, before: Option<&str>, after: Option<&str>) -> Option<String> {
    let text = |text: Option<&str>| match text {
        None | Some("") => "none".to_owned(),
        Some(text) => bounded::item(text),
    };
    (before != after).then(|| format!("{word} {} -> {}", text(before), text(after)))
}

/// `label tier: web -> db`, `label a=b added`, `label a=b removed`.
fn label_changes(before: &LabelMap, after: &LabelMap) -> Vec<String> {
    let mut parts = Vec::new();
    for (key, value) in after {
        let key_text = bounded::item(key);
        match before.get(key) {
            None => parts.push(format!("label {} added", label(key, value))),
            Some(was) if was != value => {
                let (was, is) = (bounded::item(was), bounded::item(value));
                parts.push(format!("label {key_text}: {was} -> {is}"));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    parts.extend(gone.map(|(key, value)| format!("label {} removed", label(key, value))));
    parts
}

fn list_changes<T: PartialEq + Display>(word: &str, before: &[T], after: &[T]) -> Vec<String> {
    let only = |of: &[T], other: &[T]| -> Vec<String> {
        let own = of.iter().filter(|item| !other.contains(item));
        own.map(ToString::to_string).collect()
    };
    let (gone, new) = (only(before, after), only(after, before));
    let mut parts = Vec::new();
    if !new.is_empty() {
        parts.push(format!("{word}{} added", bounded::list(&new, ", ")));
    }
    if !gone.is_empty() {
        parts.push(format!("{word}{} removed", bounded::list(&gone, ", ")));
    }
    if parts.is_empty() && before != after {
        parts.push(format!("{word}in another order"));
    }
    parts
}

fn label(key: &str, value: &str) -> String {
    match value {
        "" => bounded::item(key),
        value => bounded::item(&format!("{key}={value}")),
    }
}

fn labels(labels: &LabelMap) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|(key, value)| label(key, value))
        .collect();
    bounded::list_of_bounded(&labels, ",")
}

fn texts<T: Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    bounded::list(&items, ", ")
}
