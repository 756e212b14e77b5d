//! Names for events, from what was compiled. Values that stayed the same are shared with the names
//! before, so that the history holds each of them once.

use std::sync::Arc;

use cluster::{Identity, NamespacedName, State};
use policy::{Compiled, Reason, ReasonKind};

use super::endpoints::Endpoints;
use crate::names::{Attribution, Decision, Endpoint, Names, Node, PolicyRef, RuleRef, Workload};

/// The names of a moment.
pub(super) fn names(
    before: &Names,
    cluster: &str,
    node: &str,
    state: &State,
    compiled: &Compiled,
    endpoints: &Endpoints,
) -> Names {
    let mut names = Names {
        node: shared(Some(&before.node), node_of(cluster, node, state)),
        ..Names::default()
    };
    for (address, known) in &compiled.addresses {
        let endpoint = match &known.pod {
            Some(pod) => pod_of(cluster, state, compiled, endpoints, pod, known.identity),
            None => identity_of(compiled, known.identity),
        };
        let key = (*address).into();
        let endpoint = shared(before.by_address.get(&key), endpoint);
        if endpoint.id != 0 {
            names.by_index.insert(endpoint.id, Arc::clone(&endpoint));
        }
        names.by_address.insert(key, endpoint);
    }
    for (identity, _) in compiled.identities.iter() {
        let endpoint = shared(
            before.by_identity.get(&identity.0),
            identity_of(compiled, identity),
        );
        names.by_identity.insert(identity.0, endpoint);
    }
    for (cookie, reason) in compiled.cookies.iter() {
        let attribution = shared(
            before.attributions.get(&cookie),
            attribution_of(cookie, reason),
        );
        names.attributions.insert(cookie, attribution);
    }
    names
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
        .map(cluster::Labels::to_strings)
        .unwrap_or_default()
}

fn pod_of(
    cluster: &str,
    state: &State,
    compiled: &Compiled,
    endpoints: &Endpoints,
    name: &NamespacedName,
    identity: Identity,
) -> Endpoint {
    let local = endpoints.get(name);
    let workload = state
        .pods
        .get(name)
        .filter(|_| local.is_some())
        .and_then(|pod| pod.workload.as_ref());
    Endpoint {
        id: local.map_or(0, |endpoint| endpoint.index),
        identity: identity.0,
        cluster: cluster.to_owned(),
        namespace: name.namespace.to_string(),
        pod: name.name.to_string(),
        labels: labels_of(compiled, identity),
        workloads: workload
            .map(|workload| Workload {
                kind: workload.kind.to_string(),
                name: workload.name.to_string(),
            })
            .into_iter()
            .collect(),
        interface: local
            .and_then(|endpoint| endpoint.interface.as_ref())
            .map(|interface| (interface.index.0, interface.name.clone())),
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
            index: index_of(&origin.rule),
            text: origin.text.to_string(),
        };
        let namespace = origin.policy.namespace.as_deref().unwrap_or_default();
        let same = |known: &&mut PolicyRef| {
            known.kind == origin.policy.kind.name()
                && known.namespace == namespace
                && known.name == *origin.policy.name
        };
        if let Some(known) = policies.last_mut().filter(same) {
            known.rules.push(rule);
            continue;
        }
        policies.push(PolicyRef {
            kind: origin.policy.kind.name().to_owned(),
            namespace: namespace.to_owned(),
            name: origin.policy.name.to_string(),
            labels: policy_labels(origin),
            resource_version: origin.version.to_string(),
            rules: vec![rule],
        });
    }
    Attribution {
        cookie,
        decision,
        policies,
    }
}

/// The labels that Cilium gives a policy's rules, sorted.
fn policy_labels(origin: &policy::Origin) -> Vec<String> {
    const PREFIX: &str = "k8s:io.cilium.k8s.policy";
    let mut labels = vec![
        format!("{PREFIX}.derived-from={}", origin.policy.kind.name()),
        format!("{PREFIX}.name={}", origin.policy.name),
    ];
    if let Some(namespace) = &origin.policy.namespace {
        labels.push(format!("{PREFIX}.namespace={namespace}"));
    }
    if let Some(uid) = &origin.uid {
        labels.push(format!("{PREFIX}.uid={uid}"));
    }
    labels
}

/// The last number in brackets of a rule's path, 0 if it has none: `spec.ingress[2]` is 2.
fn index_of(path: &str) -> u32 {
    path.rsplit_once('[')
        .and_then(|(_, rest)| rest.split(']').next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}
