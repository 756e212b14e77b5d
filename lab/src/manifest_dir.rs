//! The manifests directory that the agents watch: one file per object, replaced whole. Nodes and
//! pods are completed with what the lab decided; everything else stays as it was written.

use std::fs;
use std::io;

use serde_json::{Value, json};

use crate::error::{Context, Error, Result};
use crate::manifest::{Document, ObjectName};
use crate::plan::{Node, Plan, Pod};
use crate::state::{Paths, write_whole};

/// Publishes the documents, and every node and pod of the plan that they describe or imply.
///
/// # Errors
/// [`Error::Io`], [`Error::Manifest`].
pub fn publish(paths: &Paths, plan: &Plan, documents: &[Document]) -> Result<()> {
    // Nodes first: an agent that sees a pod should know where it is.
    for node in &plan.nodes {
        let object = ObjectName {
            group: String::new(),
            kind: "Node".to_owned(),
            namespace: String::new(),
            name: node.name.clone(),
        };
        let described = documents.iter().find(|document| document.object == object);
        let path = paths.manifests().join(object.file_name());
        if described.is_some() || !path.exists() {
            let mut value = match described {
                Some(document) => document.parse()?,
                None => {
                    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}})
                }
            };
            complete_node(&mut value, node);
            write_whole(&path, &yaml(&value)?)?;
        }
    }
    for document in documents {
        let object = &document.object;
        let path = paths.manifests().join(object.file_name());
        match object.kind.as_str() {
            "Node" if object.group.is_empty() => {}
            "Pod" if object.group.is_empty() => {
                let mut value: Value = document.parse()?;
                let pod = plan.pod(&object.namespace, &object.name);
                if let Some((pod, node)) = pod.and_then(|pod| Some((pod, plan.node(&pod.node)?))) {
                    complete_pod(&mut value, pod, node);
                }
                write_whole(&path, &yaml(&value)?)?;
            }
            _ => write_whole(&path, document.at_original_lines().as_bytes())?,
        }
    }
    Ok(())
}

/// Removes an object's file; false if there was none.
///
/// # Errors
/// [`Error::Io`].
pub fn withdraw(paths: &Paths, object: &ObjectName) -> Result<bool> {
    let path = paths.manifests().join(object.file_name());
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("remove", &path),
    }
}

fn yaml(value: &Value) -> Result<Vec<u8>> {
    serde_saphyr::to_string(value)
        .map(String::into_bytes)
        .map_err(|error| Error::Plan {
            what: format!("cannot write a manifest: {error}"),
        })
}

/// Sets a field of an object inside the object; what stood there as something else is replaced.
fn set(value: &mut Value, outer: &str, inner: &str, to: Value) {
    if let Some(fields) = value.as_object_mut() {
        let part = fields.entry(outer).or_insert_with(|| json!({}));
        if !part.is_object() {
            *part = json!({});
        }
        if let Some(part) = part.as_object_mut() {
            part.insert(inner.to_owned(), to);
        }
    }
}

fn complete_node(value: &mut Value, node: &Node) {
    set(value, "spec", "podCIDR", json!(node.pods_ipv4));
    set(
        value,
        "spec",
        "podCIDRs",
        json!([node.pods_ipv4, node.pods_ipv6]),
    );
    let addresses = json!([
        {"type": "InternalIP", "address": node.ipv4},
        {"type": "InternalIP", "address": node.ipv6},
        {"type": "Hostname", "address": node.name},
    ]);
    set(value, "status", "addresses", addresses);
}

fn complete_pod(value: &mut Value, pod: &Pod, node: &Node) {
    set(value, "metadata", "namespace", json!(pod.namespace));
    set(value, "spec", "nodeName", json!(pod.node));
    set(value, "status", "hostIP", json!(node.ipv4));
    set(value, "status", "podIP", json!(pod.ipv4));
    set(
        value,
        "status",
        "podIPs",
        json!([{"ip": pod.ipv4}, {"ip": pod.ipv6}]),
    );
    set(value, "status", "phase", json!("Running"));
}
