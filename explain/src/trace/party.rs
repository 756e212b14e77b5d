//! Who an end of a connection is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use cluster::labels::{CLUSTER, NAMESPACE, SERVICE_ACCOUNT};
use cluster::{Identity, LabelMap, Labels, NamespacedName, Pod};

use super::Scene;
use super::asked::{Asked, End, Unanswerable, near};
use super::numbers::Numbers;
use policy::bounded;
use policy::ports_of;
use policy::selector::{Demand, Selector};
use policy::{NamedPort, TableOwner};

/// One end of a connection, found in the cluster or assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
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
}

impl Party {
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
}

/// The questions that one about labels stands for: where pods of several nodes have them and who an end
/// is depends on the node (the pod's own node is `host`, others are `remote-node`), one for each answer,
/// with the other pods, one of each node, that get the same.
pub(super) fn cases(
    scene: &Scene<'_>,
    asked: &Asked,
) -> Result<Vec<(Asked, Vec<String>)>, Unanswerable> {
    let mut numbers = scene.numbers.clone();
    let (source, destination) = resolve(scene, &mut numbers, asked)?;
    let same = || Ok(vec![(asked.clone(), Vec::new())]);
    let (spread, of_source) = match (source.spread.as_slice(), destination.spread.as_slice()) {
        (spread, []) => (spread, true),
        ([], spread) => (spread, false),
        // Pods of both: neither is a node.
        _ => return same(),
    };
    let mut cases: Vec<((Identity, Identity), Asked, Vec<String>)> = Vec::new();
    for pod in spread {
        let end = End::Pod(pod.clone());
        let mut case = asked.clone();
        match of_source {
            true => case.source = end,
            false => case.destination = end,
        }
        let (source, destination) = resolve(scene, &mut numbers, &case)?;
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
    scene: &Scene<'_>,
    numbers: &mut Numbers,
    asked: &Asked,
) -> Result<(Party, Party), Unanswerable> {
    let nodes = [
        node_of(scene, &asked.source),
        node_of(scene, &asked.destination),
    ];
    let source = end(scene, numbers, &asked.source, nodes[1].as_deref())?;
    let destination = end(scene, numbers, &asked.destination, nodes[0].as_deref())?;
    Ok((source, destination))
}

/// The node on which an end runs, as far as it is certain.
fn node_of(scene: &Scene<'_>, end: &End) -> Option<String> {
    let pods = &scene.state.pods;
    let pod = match end {
        End::Pod(name) => pods.get(name),
        End::Named(name) => pods.values().find(|pod| pod.name.name == *name),
        End::Ip(ip) => pods
            .values()
            .find(|pod| !pod.host_network && pod.ips.contains(ip)),
        End::Labels(selector) => pods.values().find(|pod| {
            let labels = scene.state.identity_labels(pod, &scene.config.cluster);
            !pod.host_network && selector.matches(&labels)
        }),
        End::Entity(_) | End::Former { .. } => None,
    };
    pod?.node.as_deref().map(str::to_owned)
}

fn end(
    scene: &Scene<'_>,
    numbers: &mut Numbers,
    end: &End,
    other_node: Option<&str>,
) -> Result<Party, Unanswerable> {
    match end {
        End::Pod(name) => match scene.state.pods.get(name) {
            Some(pod) if pod.host_network => {
                let mut party = of_node(numbers, pod.node.as_deref(), other_node);
                party.name = format!("{name} (in the network of its node)");
                Ok(party)
            }
            Some(pod) => Ok(of_pod(scene, numbers, pod)),
            None => Err(Unanswerable::NoPod {
                name: name.to_string(),
                near: near(Some(&name.namespace), &name.name, &scene.state.pods),
            }),
        },
        End::Named(name) => {
            let pods = &scene.state.pods;
            let found: Vec<&NamespacedName> = pods.keys().filter(|pod| pod.name == *name).collect();
            match found[..] {
                [pod] => self::end(scene, numbers, &End::Pod(pod.clone()), other_node),
                [] => Err(Unanswerable::NoPod {
                    name: name.to_string(),
                    near: near(None, name, pods),
                }),
                _ => Err(Unanswerable::SeveralPods {
                    name: name.to_string(),
                    pods: found.iter().map(ToString::to_string).collect(),
                }),
            }
        }
        End::Labels(selector) => for_labels(scene, numbers, selector),
        End::Ip(ip) => of_address(scene, numbers, *ip, other_node),
        End::Entity(name) => Ok(reserved(numbers, name)),
        End::Former { name, labels } => Ok(former(scene, numbers, name, labels)),
    }
}

/// Who had these labels. Its named ports are those of a pod that has them now.
fn former(scene: &Scene<'_>, numbers: &mut Numbers, name: &str, labels: &Labels) -> Party {
    let mut pods = scene.state.pods.values();
    let alike = pods.find(|pod| {
        !pod.host_network && scene.state.identity_labels(pod, &scene.config.cluster) == *labels
    });
    let mut ports: Vec<NamedPort> = alike.into_iter().flat_map(|pod| ports_of(pod)).collect();
    ports.sort();
    ports.dedup();
    Party {
        name: name.to_owned(),
        identity: numbers.add(labels, ports.iter().cloned()),
        labels: labels.clone(),
        pod: None,
        pods: 0,
        ports,
        judged: true,
        assumed: false,
        ip: None,
        node: None,
        spread: Vec::new(),
    }
}

fn of_pod(scene: &Scene<'_>, numbers: &mut Numbers, pod: &Pod) -> Party {
    let labels = scene.state.identity_labels(pod, &scene.config.cluster);
    let mut ports: Vec<NamedPort> = ports_of(pod).collect();
    ports.sort();
    ports.dedup();
    Party {
        name: pod.name.to_string(),
        identity: numbers.add(&labels, ports.iter().cloned()),
        labels,
        pod: Some(pod.name.clone()),
        pods: 1,
        ports,
        judged: true,
        assumed: false,
        ip: None,
        node: pod.node.clone(),
        spread: Vec::new(),
    }
}

fn reserved(numbers: &Numbers, name: &str) -> Party {
    let found = numbers
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
    Party {
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
    }
}

fn of_node(numbers: &Numbers, node: Option<&str>, other_node: Option<&str>) -> Party {
    let same = node.is_some() && node == other_node;
    reserved(numbers, if same { "host" } else { "remote-node" })
}

fn of_address(
    scene: &Scene<'_>,
    numbers: &mut Numbers,
    ip: IpAddr,
    other_node: Option<&str>,
) -> Result<Party, Unanswerable> {
    let state = scene.state;
    let node = state
        .nodes
        .values()
        .find(|node| node.addresses.contains(&ip));
    let mut party = if let Some(node) = node {
        let mut party = if is_apiserver(scene, ip) && other_node != Some(&*node.name) {
            reserved(numbers, "kube-apiserver")
        } else {
            of_node(numbers, Some(&node.name), other_node)
        };
        party.name = format!("{ip} (node {}, {})", node.name, party.name);
        party
    } else if let Some(pod) = state
        .pods
        .values()
        .find(|pod| !pod.host_network && pod.ips.contains(&ip))
    {
        of_pod(scene, numbers, pod)
    } else {
        let service = state
            .services
            .values()
            .find(|service| service.cluster_ips.contains(&ip));
        if let Some(service) = service {
            return Err(Unanswerable::Service {
                ip,
                service: service.name.clone(),
            });
        }
        let identity = numbers.of_address(ip);
        let labels = numbers.identities.labels(identity).cloned();
        Party {
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
        }
    };
    party.ip = Some(ip);
    Ok(party)
}

/// Whether the service `default/kubernetes` stands behind an address.
fn is_apiserver(scene: &Scene<'_>, ip: IpAddr) -> bool {
    scene.state.endpoint_slices.values().any(|slice| {
        &*slice.name.namespace == "default"
            && slice.service.as_deref() == Some("kubernetes")
            && slice.addresses.contains(&ip)
    })
}

fn for_labels(
    scene: &Scene<'_>,
    numbers: &mut Numbers,
    selector: &Selector,
) -> Result<Party, Unanswerable> {
    let mut alike: BTreeMap<(Labels, Vec<NamedPort>), Vec<&Pod>> = BTreeMap::new();
    for pod in scene.state.pods.values().filter(|pod| !pod.host_network) {
        let labels = scene.state.identity_labels(pod, &scene.config.cluster);
        if selector.matches(&labels) {
            let mut ports: Vec<NamedPort> = ports_of(pod).collect();
            ports.sort();
            alike.entry((labels, ports)).or_default().push(pod);
        }
    }
    let groups: Vec<Vec<&Pod>> = alike.into_values().collect();
    match &groups[..] {
        [] => assumed(scene, numbers, selector),
        [pods] => {
            let mut party = of_pod(scene, numbers, pods[0]);
            party.pods = pods.len();
            let mut nodes: BTreeMap<Option<&Arc<str>>, &NamespacedName> = BTreeMap::new();
            for pod in pods {
                nodes.entry(pod.node.as_ref()).or_insert(&pod.name);
            }
            if nodes.len() > 1 {
                party.node = None;
                party.spread = nodes.into_values().cloned().collect();
            }
            Ok(party)
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
            Err(Unanswerable::Ambiguous {
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
    scene: &Scene<'_>,
    numbers: &mut Numbers,
    selector: &Selector,
) -> Result<Party, Unanswerable> {
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
        return Err(Unanswerable::NoLabels {
            labels: written(selector),
        });
    };
    let labels = Labels::for_pod(
        &namespace,
        &own,
        scene.state.namespace_labels(&namespace),
        &account,
        &scene.config.cluster,
    );
    let name: Vec<String> = own
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Ok(Party {
        name: format!("{namespace}/{}", bounded::list(&name, ",")),
        identity: numbers.add(&labels, std::iter::empty()),
        labels,
        pod: None,
        pods: 0,
        ports: Vec::new(),
        judged: true,
        assumed: true,
        ip: None,
        node: None,
        spread: Vec::new(),
    })
}
