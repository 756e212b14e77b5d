//! Changes of the cluster's state as a server tells them, read back.

use cluster::{Object, ObjectChange, ObjectName, Origin, manifest, yaml};
use manifest::Document;
use proto::flows::v1 as wire;
use proto::flows::v1::object_state::Of;
use serde_json::{Map, Value, json};

/// A change as objects; `None` of a first state, of kinds on which no verdict depends, and of what can't be
/// read.
pub fn read_change(change: &wire::Change) -> Option<ObjectChange> {
    let read = |state: &Option<wire::ObjectState>| match state {
        None => Some(None),
        Some(state) => object(change, state.of.as_ref()?).map(Some),
    };
    let (before, after) = (read(&change.before)?, read(&change.after)?);
    let (name, _) = before.as_ref().or(after.as_ref())?;
    let name = name.clone();
    let form = |found: Option<(ObjectName, Object)>| found.map(|(_, object)| object);
    Some(ObjectChange {
        name,
        before: form(before),
        after: form(after),
    })
}

/// An object of its document.
fn object(change: &wire::Change, of: &Of) -> Option<(ObjectName, Object)> {
    let text = match of {
        Of::Policy(policy) => policy.yaml.clone(),
        Of::Pod(pod) => pod_document(change, pod).to_string(),
        Of::Namespace(namespace) => json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": change.name, "labels": namespace.labels},
        })
        .to_string(),
        Of::CidrGroup(group) => json!({
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumCIDRGroup",
            "metadata": {"name": change.name, "labels": group.labels},
            "spec": {"externalCIDRs": group.cidrs},
        })
        .to_string(),
        Of::Node(node) => {
            let addresses = node.addresses.iter();
            let addresses = addresses.map(|it| json!({"type": "InternalIP", "address": it}));
            json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": change.name, "labels": node.labels},
                "spec": {"podCIDRs": node.pod_cidrs},
                "status": {"addresses": addresses.collect::<Vec<_>>()},
            })
            .to_string()
        }
        Of::Service(_) | Of::EndpointSlice(_) => return None,
    };
    let origin = Origin::from(change.place.as_str());
    let documents = yaml::parse(&text).ok()?.into_iter();
    let mut found = documents.flat_map(|document| manifest::read(&origin, document));
    match found.next()? {
        Document::Object(name, object, _) => Some((name, object)),
        Document::Bad(..) | Document::Ignored(_) => None,
    }
}

fn pod_document(change: &wire::Change, pod: &wire::PodObject) -> Value {
    // `http=8080/TCP`, `8080/TCP`
    let ports = pod.ports.iter().filter_map(|text| {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (Some(name), rest),
            None => (None, text.as_str()),
        };
        let (number, protocol) = rest.split_once('/')?;
        let mut port = Map::new();
        port.insert(
            "containerPort".to_owned(),
            number.parse::<u16>().ok()?.into(),
        );
        port.insert("protocol".to_owned(), protocol.into());
        if let Some(name) = name {
            port.insert("name".to_owned(), name.into());
        }
        Some(Value::Object(port))
    });
    let ports: Vec<Value> = ports.collect();
    let ips: Vec<Value> = pod.ips.iter().map(|ip| json!({"ip": ip})).collect();
    let mut spec = json!({
        "hostNetwork": pod.host_network,
        "serviceAccountName": pod.service_account,
        "containers": [{"name": "all", "ports": ports}],
    });
    if !pod.node.is_empty() {
        spec["nodeName"] = pod.node.as_str().into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": change.name, "namespace": change.namespace, "labels": pod.labels},
        "spec": spec,
        "status": {"podIPs": ips},
    })
}
