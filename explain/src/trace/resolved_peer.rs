//! Who an end of a connection is.

mod name;
mod workload;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use cluster::labels::{CLUSTER, NAMESPACE, SERVICE_ACCOUNT};
use cluster::{Identity, LabelMap, Labels, NamespacedName, Pod};

use super::identities::KnownIdentities;
use super::query::{End, Port, QueryError, TraceQuery, near};
use super::{PolicyContext, protocol_name};
use name::from_name;
use policy::bounded;
use policy::ports_of;
use policy::selector::{Demand, Selector};
use policy::{NamedPort, TableOwner};
use workload::{pod_of, unlike};

/// One end of a connection, found in the cluster or assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPeer {
    /// As people call it: `production/web`, `192.0.2.1`, `host`, or its labels.
    pub name: String,
    /// Identity.
    pub identity: Identity,
    /// Labels of the identity.
    pub labels: Labels,
    /// The pod; `None` if it is none, or no certain one.
    pub pod: Option<NamespacedName>,
    /// How many pods were meant alike; 0 if it is no pod of the cluster.
    pub pods: usize,
    /// Named ports, sorted.
    pub ports: Vec<NamedPort>,
    /// Policies can select it: it is a pod.
    pub judged: bool,
    /// A pod that isn't in the cluster.
    pub assumed: bool,
    /// The address that was asked for.
    pub ip: Option<IpAddr>,
    /// The node that judges it: on which it runs. `None` if it is no pod, or no certain one.
    pub node: Option<Arc<str>>,
    /// Pods of several nodes were meant alike: one of each node. Empty otherwise.
    pub spread: Vec<NamespacedName>,
    /// It is one of the pods of the workload that was named, and so many others of them have other labels
    /// or named ports: for those another answer may hold.
    pub unlike: usize,
}

impl ResolvedPeer {
    /// Whose table it is judged by.
    pub(super) fn owner(&self) -> TableOwner {
        TableOwner {
            identity: self.identity.0,
            ports: self.ports.clone(),
        }
    }

    /// Its namespace, if it is a pod.
    pub fn namespace(&self) -> Option<&str> {
        self.labels.get(Some("k8s"), NAMESPACE)
    }

    /// Protocol and number of a port here; `None`: any.
    pub(super) fn port(&self, port: &Port) -> Result<Option<(u8, u16)>, QueryError> {
        let (protocol, name) = match port {
            Port::Any => return Ok(None),
            Port::Number { protocol, port } => return Ok(Some((*protocol, *port))),
            Port::Named { protocol, name } => (protocol, name),
        };
        let found = self.ports.iter().find(|port| {
            port.name == *name && protocol.is_none_or(|wanted| wanted == port.protocol)
        });
        if let Some(found) = found {
            return Ok(Some((found.protocol, found.port)));
        }
        let names = self.ports.iter().map(|port| {
            let protocol = protocol_name(port.protocol);
            format!("{} ({}/{protocol})", port.name, port.port)
        });
        let names: Vec<String> = names.collect();
        Err(QueryError::NoNamedPort {
            destination: self.name.clone(),
            name: name.to_string(),
            known: match names.is_empty() {
                true => "it names no ports: ask by number".to_owned(),
                false => format!("it has {}", names.join(", ")),
            },
        })
    }
}

/// The questions that one about labels stands for: where pods of several nodes have them and who an end
/// is depends on the node (the pod's own node is `host`, others are `remote-node`), one for each answer,
/// with the other pods, one of each node, that get the same.
pub(super) fn cases(
    context: &PolicyContext<'_>,
    query: &TraceQuery,
) -> Result<Vec<(TraceQuery, Vec<String>)>, QueryError> {
    let mut known = context.known.clone();
    let (source, destination) = resolve(context, &mut known, query)?;
    let same = || Ok(vec![(query.clone(), Vec::new())]);
    let (spread, of_source) = match (source.spread.as_slice(), destination.spread.as_slice()) {
        (spread, []) => (spread, true),
        ([], spread) => (spread, false),
        // Pods of both: neither is a node.
        _ => return same(),
    };
    let mut cases: Vec<((Identity, Identity), TraceQuery, Vec<String>)> = Vec::new();
    for pod in spread {
        let end = End::Pod(pod.clone());
        let mut case = query.clone();
        match of_source {
            true => case.source = end,
            false => case.destination = end,
        }
        let (source, destination) = resolve(context, &mut known, &case)?;
        let who = (source.identity, destination.identity);
        match cases.iter_mut().find(|(known, ..)| *known == who) {
            Some((.., alike)) => alike.push(pod.to_string()),
            None => cases.push((who, case, Vec::new())),
        }
    }
    if cases.len() < 2 {
        return same();
    }
    Ok(cases
        .into_iter()
        .map(|(_, case, alike)| (case, alike))
        .collect())
}

/// Finds both ends.
pub(super) fn resolve(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    query: &TraceQuery,
) -> Result<(ResolvedPeer, ResolvedPeer), QueryError> {
    let nodes = [
        node_of(context, &query.source),
        node_of(context, &query.destination),
    ];
    let source = end(context, known, &query.source, nodes[1].as_deref())?;
    let destination = end(context, known, &query.destination, nodes[0].as_deref())?;
    Ok((source, destination))
}

/// The node on which an end runs, as far as it is certain.
fn node_of(context: &PolicyContext<'_>, end: &End) -> Option<String> {
    let pods = &context.state.pods;
    let pod = match end {
        End::Pod(name) => pod_of(context, name),
        End::Named(name) => pods.values().find(|pod| pod.name.name == *name),
        End::Ip(ip) => pods
            .values()
            .find(|pod| !pod.host_network && pod.ips.contains(ip)),
        End::Labels(selector) => pods.values().find(|pod| {
            let labels = context.state.identity_labels(pod, &context.config.cluster);
            !pod.host_network && selector.matches(&labels)
        }),
        End::Entity(_) | End::Former { .. } | End::Fqdn(_) => None,
    };
    pod?.node.as_deref().map(str::to_owned)
}

fn end(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    end: &End,
    other_node: Option<&str>,
) -> Result<ResolvedPeer, QueryError> {
    match end {
        End::Pod(name) => match pod_of(context, name) {
            Some(pod) if pod.host_network => {
                let mut resolved = from_node(known, pod.node.as_deref(), other_node);
                resolved.name = format!("{name} (in the network of its node)");
                Ok(resolved)
            }
            Some(pod) => {
                let mut resolved = from_pod(context, known, pod);
                if pod.name != *name {
                    resolved.unlike = unlike(context, pod, &resolved);
                }
                Ok(resolved)
            }
            None => Err(QueryError::NoPod {
                name: name.to_string(),
                near: near(Some(&name.namespace), &name.name, &context.state.pods),
            }),
        },
        End::Named(name) => {
            let pods = &context.state.pods;
            let mut found: Vec<NamespacedName> = pods
                .keys()
                .filter(|pod| pod.name == *name)
                .cloned()
                .collect();
            if found.is_empty() {
                let of = pods.values().filter(|pod| {
                    let workload = pod.workload.as_ref();
                    workload.is_some_and(|workload| workload.name == *name)
                });
                let named = of.map(|pod| NamespacedName::new(&pod.name.namespace, name));
                found.extend(named);
                found.sort();
                found.dedup();
            }
            match found.as_slice() {
                [pod] => self::end(context, known, &End::Pod(pod.clone()), other_node),
                [] => Err(QueryError::NoPod {
                    name: name.to_string(),
                    near: near(None, name, pods),
                }),
                _ => Err(QueryError::SeveralPods {
                    name: name.to_string(),
                    pods: found.iter().map(ToString::to_string).collect(),
                }),
            }
        }
        End::Labels(selector) => for_labels(context, known, selector),
        End::Ip(ip) => from_address(context, known, *ip, other_node),
        End::Entity(name) => Ok(reserved(known, name)),
        End::Former { name, labels } => Ok(former(context, known, name, labels)),
        End::Fqdn(name) => Ok(from_name(context, known, name)),
    }
}

/// Who had these labels. Its named ports are those of a pod that has them now.
fn former(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    name: &str,
    labels: &Labels,
) -> ResolvedPeer {
    let mut pods = context.state.pods.values();
    let alike = pods.find(|pod| {
        !pod.host_network && context.state.identity_labels(pod, &context.config.cluster) == *labels
    });
    let mut ports: Vec<NamedPort> = alike.into_iter().flat_map(|pod| ports_of(pod)).collect();
    ports.sort();
    ports.dedup();
    ResolvedPeer {
        name: name.to_owned(),
        identity: known.add(labels, ports.iter().cloned()),
        labels: labels.clone(),
        pod: None,
        pods: 0,
        ports,
        judged: true,
        assumed: false,
        ip: None,
        node: None,
        spread: Vec::new(),
        unlike: 0,
    }
}

fn from_pod(context: &PolicyContext<'_>, known: &mut KnownIdentities, pod: &Pod) -> ResolvedPeer {
    let labels = context.state.identity_labels(pod, &context.config.cluster);
    let mut ports: Vec<NamedPort> = ports_of(pod).collect();
    ports.sort();
    ports.dedup();
    ResolvedPeer {
        name: pod.name.to_string(),
        identity: known.add(&labels, ports.iter().cloned()),
        labels,
        pod: Some(pod.name.clone()),
        pods: 1,
        ports,
        judged: true,
        assumed: false,
        ip: None,
        node: pod.node.clone(),
        spread: Vec::new(),
        unlike: 0,
    }
}

fn reserved(known: &KnownIdentities, name: &str) -> ResolvedPeer {
    let found = known
        .identities
        .iter()
        .find(|(identity, labels)| {
            identity.0 < abi::identity::FIRST_DERIVED
                && labels.is_reserved(name)
                // The API server's identity is a remote node's, too.
                && (name == "kube-apiserver" || labels.len() == 1)
        })
        .map(|(identity, labels)| (identity, labels.clone()));
    let (identity, labels) = found.unwrap_or_default();
    ResolvedPeer {
        name: name.to_owned(),
        identity,
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

fn from_node(
    known: &KnownIdentities,
    node: Option<&str>,
    other_node: Option<&str>,
) -> ResolvedPeer {
    let same = node.is_some() && node == other_node;
    reserved(known, if same { "host" } else { "remote-node" })
}

fn from_address(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    ip: IpAddr,
    other_node: Option<&str>,
) -> Result<ResolvedPeer, QueryError> {
    let state = context.state;
    let node = state
        .nodes
        .values()
        .find(|node| node.addresses.contains(&ip));
    let mut resolved = if let Some(node) = node {
        let mut resolved = if is_apiserver(context, ip) && other_node != Some(&*node.name) {
            reserved(known, "kube-apiserver")
        } else {
            from_node(known, Some(&node.name), other_node)
        };
        resolved.name = format!("{ip} (node {}, {})", node.name, resolved.name);
        resolved
    } else if let Some(pod) = state
        .pods
        .values()
        .find(|pod| !pod.host_network && pod.ips.contains(&ip))
    {
        from_pod(context, known, pod)
    } else {
        let service = state
            .services
            .values()
            .find(|service| service.cluster_ips.contains(&ip));
        if let Some(service) = service {
            return Err(QueryError::Service {
                ip,
                service: service.name.clone(),
            });
        }
        let identity = known.for_address(ip);
        let labels = known.identities.labels(identity).cloned();
        ResolvedPeer {
            name: ip.to_string(),
            identity,
            labels: labels.unwrap_or_default(),
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
    };
    resolved.ip = Some(ip);
    Ok(resolved)
}

/// Whether the service `default/kubernetes` stands behind an address.
fn is_apiserver(context: &PolicyContext<'_>, ip: IpAddr) -> bool {
    context.state.endpoint_slices.values().any(|slice| {
        &*slice.name.namespace == "default"
            && slice.service.as_deref() == Some("kubernetes")
            && slice.addresses.contains(&ip)
    })
}

fn for_labels(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    selector: &Selector,
) -> Result<ResolvedPeer, QueryError> {
    let mut alike: BTreeMap<(Labels, Vec<NamedPort>), Vec<&Pod>> = BTreeMap::new();
    for pod in context.state.pods.values().filter(|pod| !pod.host_network) {
        let labels = context.state.identity_labels(pod, &context.config.cluster);
        if selector.matches(&labels) {
            let mut ports: Vec<NamedPort> = ports_of(pod).collect();
            ports.sort();
            alike.entry((labels, ports)).or_default().push(pod);
        }
    }
    let groups: Vec<Vec<&Pod>> = alike.into_values().collect();
    match &groups[..] {
        [] => assumed(context, known, selector),
        [pods] => {
            let mut resolved = from_pod(context, known, pods[0]);
            resolved.pods = pods.len();
            let mut nodes: BTreeMap<Option<&Arc<str>>, &NamespacedName> = BTreeMap::new();
            for pod in pods {
                nodes.entry(pod.node.as_ref()).or_insert(&pod.name);
            }
            if nodes.len() > 1 {
                resolved.node = None;
                resolved.spread = nodes.into_values().cloned().collect();
            }
            Ok(resolved)
        }
        several => {
            const SHOWN: usize = 4;
            let mut pods: Vec<String> = several
                .iter()
                .take(SHOWN)
                .map(|pods| pods[0].name.to_string())
                .collect();
            if several.len() > SHOWN {
                pods.push(format!("{} more", several.len() - SHOWN));
            }
            Err(QueryError::Ambiguous {
                labels: written(selector),
                pods: pods.join(", "),
            })
        }
    }
}

/// A selector as it is given on a command line.
fn written(selector: &Selector) -> String {
    let parts = selector.requirements.iter().map(|requirement| {
        let key = &requirement.key;
        let source = key.source.as_ref().map(|source| format!("{source}:"));
        let value = match &requirement.demand {
            Demand::In(values) => format!("={}", values.iter().next().map_or("", |v| v)),
            Demand::NotIn(_) | Demand::Exists | Demand::DoesNotExist => String::new(),
        };
        format!("{}{}{value}", source.unwrap_or_default(), key.name)
    });
    bounded::list(&parts.collect::<Vec<_>>(), ",")
}

/// A pod that isn't there, with just these labels.
fn assumed(
    context: &PolicyContext<'_>,
    known: &mut KnownIdentities,
    selector: &Selector,
) -> Result<ResolvedPeer, QueryError> {
    let (mut namespace, mut account) = (None, "default".to_owned());
    let mut own = LabelMap::new();
    for requirement in &selector.requirements {
        let value = match &requirement.demand {
            Demand::In(values) => values.iter().next().map_or("", |value| value),
            Demand::NotIn(_) | Demand::Exists | Demand::DoesNotExist => "",
        };
        match &*requirement.key.name {
            NAMESPACE => namespace = Some(value.to_owned()),
            SERVICE_ACCOUNT => account = value.to_owned(),
            CLUSTER => {}
            key => drop(own.insert(key.to_owned(), value.to_owned())),
        }
    }
    let Some(namespace) = namespace else {
        return Err(QueryError::NoLabels {
            labels: written(selector),
        });
    };
    let labels = Labels::for_pod(
        &namespace,
        &own,
        context.state.namespace_labels(&namespace),
        &account,
        &context.config.cluster,
    );
    let name: Vec<String> = own
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Ok(ResolvedPeer {
        name: format!("{namespace}/{}", bounded::list(&name, ",")),
        identity: known.add(&labels, std::iter::empty()),
        labels,
        pod: None,
        pods: 0,
        ports: Vec::new(),
        judged: true,
        assumed: true,
        ip: None,
        node: None,
        spread: Vec::new(),
        unlike: 0,
    })
}

#[cfg(test)]
mod tests;
