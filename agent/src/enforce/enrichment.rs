//! Names for events, from what was compiled. Values that stayed the same are shared with the names
//! before, so that the history holds each of them once.

use std::{net::IpAddr, sync::Arc};

use cluster::{Identities, Identity, Labels, NamespacedName, State};
use policy::{ChangeSet, Compiled, Cookies, Reason, ReasonKind};

use super::endpoints::Endpoints;
use crate::node::names::{
    Attribution, Decision, Device, Endpoint, NameTable, Node, PolicyRef, PolicyVersions, RuleRef,
    Workload,
};

/// Makes the names of each moment, from those before and what changed.
#[derive(Debug, Default)]
pub(super) struct Enrichment {
    /// What the numbers in the names before stand for: a freed number may come back as another's.
    identities: Option<Arc<Identities>>,
    cookies: Option<Arc<Cookies>>,
}

/// Where names come from.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) cluster: &'a str,
    pub(super) node: &'a str,
    pub(super) state: &'a State,
    pub(super) compiled: &'a Compiled,
    pub(super) endpoints: &'a Endpoints,
}

impl Enrichment {
    /// The names of a moment. `touched`: what changed since those before were made; `None` if that
    /// isn't known.
    pub(super) fn names(
        &mut self,
        before: &NameTable,
        from: &Sources<'_>,
        touched: Option<&ChangeSet>,
    ) -> NameTable {
        let mut names = NameTable {
            node: shared(
                Some(&before.node),
                node_of(from.cluster, from.node, from.state),
            ),
            ..NameTable::default()
        };
        // Pods of the node are looked at each time: their interfaces come and go by themselves.
        let own = from.compiled.endpoints.values().flat_map(|pod| &pod.ips);
        match touched.filter(|touched| !touched.all) {
            Some(touched) => {
                names.by_address = before.by_address.clone();
                for ip in &touched.addresses {
                    address(&mut names, before, from, *ip);
                }
                for ip in own {
                    match before.by_address.get(&(*ip).into()) {
                        Some(known) if !touched.addresses.contains(ip) && is_at(known, from) => {
                            names.by_index.insert(known.id, Arc::clone(known));
                        }
                        Some(_) | None => address(&mut names, before, from, *ip),
                    }
                }
            }
            None => {
                for ip in from.compiled.addresses.keys() {
                    address(&mut names, before, from, *ip);
                }
            }
        }
        self.identities(&mut names, before, from.compiled);
        self.cookies(&mut names, before, from.compiled);
        names.policies = policies(before, from.compiled);
        names
    }

    fn identities(&mut self, names: &mut NameTable, before: &NameTable, compiled: &Compiled) {
        let now = &compiled.identities;
        let known = self.identities.replace(Arc::clone(now));
        let changed: Vec<(Identity, bool)> = match &known {
            Some(known) => {
                let changed = now.changed_since(known);
                changed.map(|(it, labels)| (it, labels.is_some())).collect()
            }
            None => now.iter().map(|(identity, _)| (identity, true)).collect(),
        };
        names.by_identity = before.by_identity.clone();
        for (identity, is_used) in changed {
            if is_used {
                let known = before.by_identity.get(&identity.0);
                let endpoint = shared(known, identity_of(compiled, identity));
                names.by_identity.insert(identity.0, endpoint);
            } else {
                names.by_identity.remove(&identity.0);
            }
        }
    }

    fn cookies(&mut self, names: &mut NameTable, before: &NameTable, compiled: &Compiled) {
        let now = &compiled.cookies;
        let known = self.cookies.replace(Arc::clone(now));
        let changed: Vec<(u32, Option<&Arc<Reason>>)> = match &known {
            Some(known) => now.changed_since(known).collect(),
            None => now.iter().map(|(it, reason)| (it, Some(reason))).collect(),
        };
        names.attributions = before.attributions.clone();
        for (cookie, reason) in changed {
            if let Some(reason) = reason {
                let known = before.attributions.get(&cookie);
                let attribution = shared(known, attribution_of(cookie, reason));
                names.attributions.insert(cookie, attribution);
            } else {
                names.attributions.remove(&cookie);
            }
        }
    }
}

/// The policies in force: those before, if they are the same.
fn policies(before: &NameTable, compiled: &Compiled) -> Arc<PolicyVersions> {
    let now = compiled.policies.iter();
    let now = now.map(|(name, policy)| (name, &policy.version));
    if now.clone().eq(before.policies.iter()) {
        return Arc::clone(&before.policies);
    }
    let now = now.map(|(name, version)| (name.clone(), Arc::clone(version)));
    Arc::new(now.collect())
}

/// Names whoever has an address now.
fn address(names: &mut NameTable, before: &NameTable, from: &Sources<'_>, ip: IpAddr) {
    let key = ip.into();
    let Some(known) = from.compiled.addresses.get(&ip) else {
        names.by_address.remove(&key);
        return;
    };
    let endpoint = match &known.pod {
        Some(pod) => pod_of(from, pod, known.identity),
        None => identity_of(from.compiled, known.identity),
    };
    let endpoint = shared(before.by_address.get(&key), endpoint);
    if endpoint.id != 0 {
        names.by_index.insert(endpoint.id, Arc::clone(&endpoint));
    }
    // What stays as it was stays shared.
    if !matches!(names.by_address.get(&key), Some(known) if Arc::ptr_eq(known, &endpoint)) {
        names.by_address.insert(key, endpoint);
    }
}

/// Whether a pod of the node still has its place: what else is known of it comes with its address.
fn is_at(known: &Endpoint, from: &Sources<'_>) -> bool {
    let name = NamespacedName::new(&known.namespace, &known.pod);
    from.endpoints.get(&name).is_some_and(|now| {
        let interface = now.interface.as_ref();
        now.index == known.id
            && known.id != 0
            && interface.map(|now| (now.index.0, &now.name))
                == known
                    .interface
                    .as_ref()
                    .map(|device| (device.index, &device.name))
    })
}

fn shared<T: PartialEq>(before: Option<&Arc<T>>, now: T) -> Arc<T> {
    match before {
        Some(before) if **before == now => Arc::clone(before),
        _ => Arc::new(now),
    }
}

fn node_of(cluster: &str, name: &str, state: &State) -> Node {
    let labels = state.nodes.get(name).map_or_else(Vec::new, |node| {
        let labels = node.labels.iter();
        labels
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    });
    Node {
        cluster: cluster.to_owned(),
        name: name.to_owned(),
        labels,
    }
}

fn identity_of(compiled: &Compiled, identity: Identity) -> Endpoint {
    Endpoint {
        identity: identity.0,
        labels: labels_of(compiled, identity),
        ..Endpoint::default()
    }
}

fn labels_of(compiled: &Compiled, identity: Identity) -> Vec<String> {
    compiled
        .identities
        .labels(identity)
        .map(Labels::to_strings)
        .unwrap_or_default()
}

fn pod_of(from: &Sources<'_>, name: &NamespacedName, identity: Identity) -> Endpoint {
    let local = from.endpoints.get(name);
    // Of every node's pods: both ends of a flow have one, whichever node tells of it.
    let pod = from.state.pods.get(name);
    let workload = pod.and_then(|pod| pod.workload.as_ref());
    Endpoint {
        id: local.map_or(0, |endpoint| endpoint.index),
        identity: identity.0,
        cluster: from.cluster.to_owned(),
        namespace: name.namespace.to_string(),
        pod: name.name.to_string(),
        labels: labels_of(from.compiled, identity),
        workloads: workload
            .map(|workload| Workload {
                kind: workload.kind.to_string(),
                name: workload.name.to_string(),
            })
            .into_iter()
            .collect(),
        interface: local
            .and_then(|endpoint| endpoint.interface.as_ref())
            .map(|interface| Device {
                index: interface.index.0,
                name: interface.name.clone(),
            }),
    }
}

fn attribution_of(cookie: u32, reason: &Reason) -> Attribution {
    let decision = match reason.kind {
        ReasonKind::AllowAny => Decision::ImplicitAllow,
        ReasonKind::AllowLocalhost | ReasonKind::Allow => Decision::Allow,
        ReasonKind::Deny => Decision::Deny,
        ReasonKind::DefaultDeny | ReasonKind::AlwaysEnforced | ReasonKind::Init => {
            Decision::DefaultDeny
        }
    };
    let mut policies: Vec<PolicyRef> = Vec::new();
    for origin in &reason.origins {
        let rule = RuleRef {
            path: origin.rule,
            text: origin.text.to_string(),
        };
        let namespace = origin.policy.namespace.as_deref().unwrap_or_default();
        let labels = origin.policy_labels();
        let same = |known: &&mut PolicyRef| {
            known.kind == origin.policy.kind
                && known.namespace == namespace
                && known.name == *origin.policy.name
                && known.labels == labels
        };
        if let Some(known) = policies.iter_mut().find(same) {
            known.rules.push(rule);
            continue;
        }
        policies.push(PolicyRef {
            kind: origin.policy.kind,
            namespace: namespace.to_owned(),
            name: origin.policy.name.to_string(),
            labels,
            resource_version: origin.version.to_string(),
            rules: vec![rule],
        });
    }
    let mut log: Vec<String> = Vec::new();
    for value in reason
        .origins
        .iter()
        .filter_map(|origin| origin.log.as_deref())
    {
        if !log.iter().any(|known| known == value) {
            log.push(value.to_owned());
        }
    }
    Attribution {
        cookie,
        decision,
        policies,
        log,
    }
}

#[cfg(test)]
mod tests {
    use cluster::manifest::{self, Document};
    use policy::Compiler;

    use super::*;

    /// A cluster of two nodes as one of them sees it.
    struct Cluster {
        compiler: Compiler,
        enrichment: Enrichment,
        names: NameTable,
    }

    impl Cluster {
        fn new() -> Self {
            let config = policy::Config {
                cluster: "east".into(),
                ..policy::Config::default()
            };
            Self {
                compiler: Compiler::new(config, "one", policy::PersistentState::default()),
                enrichment: Enrichment::default(),
                names: NameTable::default(),
            }
        }

        /// Takes these manifests in the place of those before.
        fn advance(&mut self, text: &str) {
            let mut state = State::default();
            for tree in cluster::yaml::parse(text).expect("valid YAML") {
                for document in manifest::read(&"web.yaml".into(), tree) {
                    match document {
                        Document::Object(_, object, _) => state.insert(object),
                        bad @ (Document::Bad(..) | Document::Ignored(..)) => panic!("{bad:?}"),
                    }
                }
            }
            let state = Arc::new(state);
            let (_, touched) = self.compiler.update(&state);
            let sources = Sources {
                cluster: "east",
                node: "one",
                state: &state,
                compiled: self.compiler.compiled(),
                endpoints: &Endpoints::default(),
            };
            self.names = self.enrichment.names(&self.names, &sources, Some(&touched));
        }

        fn workload(&self, ip: &str) -> String {
            let ip: IpAddr = ip.parse().expect("an address");
            let end = self
                .names
                .by_address
                .get(&ip.into())
                .expect("a known address");
            let workloads = end.workloads.iter();
            let workloads: Vec<String> = workloads
                .map(|workload| format!("{}/{}", workload.kind, workload.name))
                .collect();
            workloads.join(",")
        }
    }

    const NODES: &str = "{apiVersion: v1, kind: Node, metadata: {name: one}, spec: {podCIDR: 10.0.1.0/24}}\n\
        ---\n{apiVersion: v1, kind: Node, metadata: {name: two}, spec: {podCIDR: 10.0.2.0/24}}\n";

    fn pod(name: &str, node: &str, ip: &str, owner: &str) -> String {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, \
             labels: {{app: web, pod-template-hash: 7d9f8b6c5d}}, ownerReferences: [{owner}]}}, \
             spec: {{nodeName: {node}}}, status: {{podIP: {ip}}}}}\n"
        )
    }

    const REPLICA_SET: &str =
        "{apiVersion: apps/v1, kind: ReplicaSet, name: web-7d9f8b6c5d, uid: a, controller: true}";

    /// Two rules of one place in their lists that say the same: one cookie, and each its path and labels.
    #[test]
    fn every_rule_bears_its_own_labels() {
        let mut cluster = Cluster::new();
        let rule = |label: &str| {
            format!(
                "{{endpointSelector: {{}}, labels: [{{key: rule, value: {label}}}], \
                 ingress: [{{fromEndpoints: [{{}}]}}]}}"
            )
        };
        cluster.advance(&format!(
            "{NODES}{}---\n{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, \
             metadata: {{name: twins, namespace: shop}}, spec: {}, specs: [{}]}}\n",
            pod("web", "one", "10.0.1.5", ""),
            rule("one"),
            rule("two"),
        ));
        for (decision, paths) in [
            (Decision::Allow, ["spec.ingress[0]", "specs[0].ingress[0]"]),
            (Decision::DefaultDeny, ["spec", "specs[0]"]),
        ] {
            let all = cluster.names.attributions.iter().map(|(_, known)| known);
            let found = all
                .filter(|known| known.decision == decision && !known.policies.is_empty())
                .map(|known| {
                    let rules = known.policies.iter().map(|of| {
                        assert_eq!(of.rules.len(), 1, "{of:?}");
                        let own = of.labels.iter().filter(|label| label.contains(":rule="));
                        let own: Vec<&str> = own.map(String::as_str).collect();
                        format!("{} {}", of.rules[0].path, own.join(" "))
                    });
                    rules.collect::<Vec<_>>()
                });
            let [one, two] = paths;
            let wanted = [
                format!("{one} unspec:rule=one"),
                format!("{two} unspec:rule=two"),
            ];
            assert_eq!(found.collect::<Vec<_>>(), [wanted], "{decision:?}");
        }
    }

    #[test]
    fn workloads_of_pods_of_every_node() {
        let mut cluster = Cluster::new();
        let near = pod("web-7d9f8b6c5d-aaaaa", "one", "10.0.1.5", REPLICA_SET);
        let far = pod("web-7d9f8b6c5d-bbbbb", "two", "10.0.2.5", REPLICA_SET);
        cluster.advance(&format!("{NODES}{near}{far}"));
        assert_eq!(cluster.workload("10.0.1.5"), "Deployment/web");
        assert_eq!(cluster.workload("10.0.2.5"), "Deployment/web");
    }

    #[test]
    fn a_workload_that_adopts_a_pod_of_another_node() {
        let bare = pod("web-7d9f8b6c5d-bbbbb", "two", "10.0.2.5", "");
        let owned = pod("web-7d9f8b6c5d-bbbbb", "two", "10.0.2.5", REPLICA_SET);
        // Where two pods claim an address, addresses are compared one by one.
        let twice = pod("zzz", "two", "10.0.2.5", "");
        for (name, others) in [("alone", ""), ("with an address claimed twice", &*twice)] {
            let mut cluster = Cluster::new();
            cluster.advance(&format!("{NODES}{bare}{others}"));
            assert_eq!(cluster.workload("10.0.2.5"), "", "{name}");
            cluster.advance(&format!("{NODES}{owned}{others}"));
            assert_eq!(cluster.workload("10.0.2.5"), "Deployment/web", "{name}");
        }
    }
}
