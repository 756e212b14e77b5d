//! Objects as documents again: with what is read of them, and nothing else.

use std::fmt::Display;

use super::{CidrGroup, LabelMap, Namespace, Node, Pod};
use crate::protocol;
use crate::yaml::{self, Field, Position, Value};

fn node(value: Value) -> yaml::Node {
    yaml::Node {
        at: Position::default(),
        value,
    }
}

fn text(text: impl Display) -> yaml::Node {
    node(Value::Text(text.to_string()))
}

fn list(items: impl IntoIterator<Item = yaml::Node>) -> yaml::Node {
    node(Value::List(items.into_iter().collect()))
}

fn map<'k>(fields: impl IntoIterator<Item = (&'k str, yaml::Node)>) -> yaml::Node {
    let fields = fields.into_iter().map(|(key, node)| Field {
        key: key.to_owned(),
        at: Position::default(),
        node,
    });
    node(Value::Map(fields.collect()))
}

fn labels(labels: &LabelMap) -> (&'static str, yaml::Node) {
    let labels = labels.iter();
    (
        "labels",
        map(labels.map(|(key, value)| (key.as_str(), text(value)))),
    )
}

fn document<const N: usize>(
    version: &str,
    kind: &str,
    metadata: yaml::Node,
    rest: [(&str, yaml::Node); N],
) -> yaml::Node {
    let head = [
        ("apiVersion", text(version)),
        ("kind", text(kind)),
        ("metadata", metadata),
    ];
    map(head.into_iter().chain(rest))
}

impl Node {
    /// A document that is read as this node.
    pub fn to_document(&self) -> yaml::Node {
        // Which of the addresses are external is not kept; their order is.
        let addresses = self
            .addresses
            .iter()
            .map(|address| map([("type", text("InternalIP")), ("address", text(address))]));
        document(
            "v1",
            "Node",
            map([("name", text(&self.name)), labels(&self.labels)]),
            [
                (
                    "spec",
                    map([("podCIDRs", list(self.pod_cidrs.iter().map(text)))]),
                ),
                ("status", map([("addresses", list(addresses))])),
            ],
        )
    }
}

impl Namespace {
    /// A document that is read as this namespace.
    pub fn to_document(&self) -> yaml::Node {
        let metadata = map([("name", text(&self.name)), labels(&self.labels)]);
        document("v1", "Namespace", metadata, [])
    }
}

impl CidrGroup {
    /// A document that is read as this group.
    pub fn to_document(&self) -> yaml::Node {
        let metadata = map([("name", text(&self.name)), labels(&self.labels)]);
        let cidrs = list(self.cidrs.iter().map(text));
        let spec = map([("externalCIDRs", cidrs)]);
        document(
            "cilium.io/v2",
            "CiliumCIDRGroup",
            metadata,
            [("spec", spec)],
        )
    }
}

impl Pod {
    /// A document that is read as this pod. Its ports are those of one container.
    pub fn to_document(&self) -> yaml::Node {
        let mut metadata = vec![
            ("name", text(&self.name.name)),
            ("namespace", text(&self.name.namespace)),
            labels(&self.labels),
        ];
        metadata.extend(self.uid.iter().map(|uid| ("uid", text(uid))));
        metadata.extend(self.workload.iter().map(|workload| {
            let owner = map([
                ("kind", text(&workload.kind)),
                ("name", text(&workload.name)),
                ("controller", node(Value::Bool(true))),
            ]);
            ("ownerReferences", list([owner]))
        }));
        let ports = self.ports.iter().map(|port| {
            let protocol = protocol::name(port.protocol).unwrap_or("TCP");
            let mut fields = vec![
                ("containerPort", node(Value::Int(port.port.into()))),
                ("protocol", text(protocol)),
            ];
            fields.extend(port.name.iter().map(|name| ("name", text(name))));
            map(fields)
        });
        let container = map([("name", text("all")), ("ports", list(ports))]);
        let mut spec = vec![
            ("hostNetwork", node(Value::Bool(self.host_network))),
            ("serviceAccountName", text(&self.service_account)),
            ("containers", list([container])),
        ];
        spec.extend(self.node.iter().map(|name| ("nodeName", text(name))));
        let ips = self.ips.iter().map(|ip| map([("ip", text(ip))]));
        document(
            "v1",
            "Pod",
            map(metadata),
            [
                ("spec", map(spec)),
                ("status", map([("podIPs", list(ips))])),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Object, read};
    use super::*;
    use crate::Origin;

    fn objects(text: &str) -> Vec<Object> {
        let documents = yaml::parse(text).expect("YAML").into_iter();
        let read = documents.flat_map(|document| read(&Origin::from("test.yaml"), document));
        read.map(|document| match document {
            Document::Object(_, object, _) => object,
            other @ (Document::Bad(..) | Document::Ignored(_)) => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn objects_come_back_as_they_went() {
        let all = objects(
            "{apiVersion: v1, kind: Node, metadata: {name: a, labels: {zone: '1'}}, spec: {podCIDRs: \
             [10.1.0.0/16, 'fd00::/64']}, status: {addresses: [{type: ExternalIP, address: 192.0.2.1}, \
             {type: InternalIP, address: 10.0.0.1}]}}\n---\n\
             {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {'on': 'true', team: ''}}}\n---\n\
             {apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: office}, spec: \
             {externalCIDRs: [192.0.2.0/24, '2001:db8::/32']}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: web-7d9f8b6c5d-abcde, namespace: shop, uid: u1, \
             labels: {app: web, pod-template-hash: 7d9f8b6c5d, version: '1.0'}, ownerReferences: [{kind: \
             ReplicaSet, name: web-7d9f8b6c5d, controller: true}]}, spec: {nodeName: a, serviceAccountName: \
             robot, containers: [{ports: [{name: http, containerPort: 8080}]}, {ports: [{containerPort: 53, \
             protocol: UDP}]}]}, status: {podIPs: [{ip: 10.1.0.5}, {ip: 'fd00::5'}]}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: kube-system}, spec: \
             {hostNetwork: true}, status: {phase: Running}}\n",
        );
        assert_eq!(all.len(), 5);
        for object in all {
            let document = match &object {
                Object::Node(node) => node.to_document(),
                Object::Namespace(namespace) => namespace.to_document(),
                Object::CidrGroup(group) => group.to_document(),
                Object::Pod(pod) => pod.to_document(),
                other @ (Object::Service(_) | Object::EndpointSlice(_) | Object::Policy(_)) => {
                    panic!("{other:?}")
                }
            };
            let text = document.to_yaml();
            assert_eq!(objects(&text), [object], "{text}");
        }
    }
}
