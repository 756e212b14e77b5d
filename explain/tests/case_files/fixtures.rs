//! Namespaces and pods that all sets share.

use std::collections::{BTreeMap, BTreeSet};

use cluster::yaml::Node;
use cluster::{LabelMap, Labels};
use policy::NamedPort;

use super::{fields, map_of, number_of};

/// Namespaces and pods that all sets share.
pub(crate) struct Fixtures {
    pub(crate) pods: BTreeMap<String, (Labels, BTreeSet<NamedPort>)>,
}

impl Fixtures {
    pub(super) fn read(node: &Node) -> Self {
        let namespaces: BTreeMap<&str, LabelMap> = fields(node.get("namespaces").expect("given"))
            .iter()
            .map(|field| (field.key.as_str(), map_of(Some(&field.node))))
            .collect();
        let pods = fields(node.get("pods").expect("given"))
            .iter()
            .map(|field| {
                let pod = &field.node;
                let namespace = pod.text("ns").expect("given");
                // Pods of the other cluster of a mesh are named after it.
                let cluster = if field.key.starts_with("c2-") {
                    "cluster2"
                } else {
                    "default"
                };
                let labels = Labels::for_pod(
                    namespace,
                    &map_of(pod.get("labels")),
                    &namespaces[namespace],
                    pod.text("sa").unwrap_or("default"),
                    cluster,
                );
                let ports = pod
                    .get("ports")
                    .map(fields)
                    .unwrap_or_default()
                    .iter()
                    .map(|field| {
                        assert_eq!(field.node.text("proto"), Some("TCP"));
                        NamedPort {
                            name: field.key.as_str().into(),
                            protocol: 6,
                            port: number_of(&field.node, "port"),
                        }
                    });
                (field.key.clone(), (labels, ports.collect()))
            });
        Self {
            pods: pods.collect(),
        }
    }
}
