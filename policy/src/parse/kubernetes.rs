//! Kubernetes' own NetworkPolicy. Everything it allows is an allow, and every direction it speaks of is
//! in default deny.

use super::cilium::element_of;
use super::field::{Field, FieldErrors, Refused};
use super::{peers, ports, select};
use crate::path::{RuleList, RulePath};
use crate::rule::{Element, Peer, Ports, Rule, Statement};
use crate::selector::{Demand, Key, Requirement, Selector};
use cluster::labels::{NAMESPACE, NAMESPACE_LABELS};

/// Ingress and Egress.
const MAX_TYPES: usize = 2;

/// The one rule of an object.
pub(super) fn rules(object: &Field<'_>, cluster: &str) -> Result<Vec<Rule>, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(object.only(&["apiVersion", "kind", "metadata", "spec", "status"], &[]));
    let Some(spec) = object.get("spec") else {
        errors.record::<()>(Err(
            object.refuse("has no spec", "add spec with podSelector: {}")
        ));
        return errors.finish(Vec::new());
    };
    errors.record(spec.only(&["podSelector", "policyTypes", "ingress", "egress"], &[]));
    let namespace = spec.policy().name.namespace.clone().unwrap_or_default();
    let subject = match spec.get("podSelector") {
        Some(field) => errors
            .record(select::selector(&field, Key::k8s))
            .unwrap_or_default(),
        // The API server insists on it, but its absence can only mean the empty selector.
        None => Selector::default(),
    };
    let types = spec.get("policyTypes");
    let items = types.as_ref().and_then(|types| errors.record(types.list()));
    let items = items.unwrap_or_default();
    // The API server fills in an empty list as it does an absent one: Ingress, and Egress if there are
    // rules for it.
    let (mut ingress_type, mut egress_type) = (items.is_empty(), false);
    if let Some(types) = &types {
        if items.len() > MAX_TYPES {
            errors.record::<()>(Err(types.refuse(
                format!("has {} items, the max is {MAX_TYPES}", items.len()),
                "name Ingress and Egress once each",
            )));
        }
        for item in items {
            match errors.record(item.text()) {
                Some("Ingress") => ingress_type = true,
                Some("Egress") => egress_type = true,
                Some(other) => {
                    let refused = item.refuse(
                        format!("{other:?} is not a policy type"),
                        "use Ingress or Egress",
                    );
                    errors.record::<()>(Err(refused));
                }
                None => {}
            }
        }
    }
    // Rules count whether or not policyTypes names their direction, as in Cilium.
    let statement =
        |list: RuleList, peer_field: &str, by_type: bool| -> Result<Option<Statement>, Refused> {
            let mut elements: Vec<Element> = Vec::new();
            if let Some(field) = spec.get(list.name()) {
                let items = field.list()?;
                elements = FieldErrors::all(items.iter().enumerate().map(|(n, item)| {
                    let path = RulePath::default().element(list, n);
                    element(item, path, peer_field, &namespace, cluster)
                }))?;
            }
            Ok((by_type || !elements.is_empty()).then_some(Statement {
                default_deny: true,
                elements,
            }))
        };
    let ingress = errors.record(statement(RuleList::Ingress, "from", ingress_type));
    let egress = errors.record(statement(RuleList::Egress, "to", egress_type));
    errors.finish(vec![Rule {
        path: RulePath::default(),
        ingress: ingress.flatten(),
        egress: egress.flatten(),
        subject: subject.by_named_labels(false).in_namespace_only(&namespace),
        labels: Vec::new(),
        log: None,
    }])
}

fn element(
    item: &Field<'_>,
    path: RulePath,
    peer_field: &str,
    namespace: &str,
    cluster: &str,
) -> Result<Element, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(item.only(&[peer_field, "ports"], &[]));
    let mut who = Vec::new();
    if let Some(list) = item.get(peer_field) {
        let items = errors.record(list.list()).unwrap_or_default();
        let peers = FieldErrors::all(items.iter().map(|item| peer(item, namespace, cluster)));
        who = errors.record(peers).unwrap_or_default();
    }
    if who.is_empty() {
        who.push((vec![Peer::All], "anyone".to_owned()));
    }
    let mut on = Vec::new();
    if let Some(list) = item.get("ports") {
        let items = errors.record(list.list()).unwrap_or_default();
        let ports = FieldErrors::all(items.iter().map(ports::kubernetes_port));
        on = errors.record(ports).unwrap_or_default();
    }
    if on.is_empty() {
        on.push((Ports::All, String::new()));
    }
    errors.finish(element_of(path, false, who, on))
}

pub(super) fn peer(
    item: &Field<'_>,
    namespace: &str,
    cluster: &str,
) -> Result<peers::Said, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(item.only(&["podSelector", "namespaceSelector", "ipBlock"], &[]));
    let (pods, namespaces) = (item.get("podSelector"), item.get("namespaceSelector"));
    if let Some(block) = item.get("ipBlock") {
        if pods.is_some() || namespaces.is_some() {
            errors.record::<()>(Err(block.refuse(
                "can't be combined with podSelector or namespaceSelector",
                "write two items: they are alternatives",
            )));
        }
        let block = errors.record(peers::ip_block(&block));
        return errors.finish(block.unwrap_or_default());
    }
    if pods.is_none() && namespaces.is_none() {
        errors.record::<()>(Err(item.refuse(
            "names no peer",
            "add podSelector, namespaceSelector or ipBlock; to allow anyone remove the list",
        )));
    }
    let pods = pods
        .and_then(|field| errors.record(select::selector(&field, Key::k8s)))
        .unwrap_or_default()
        .by_named_labels(true);
    let written = match namespaces {
        None => pods.clone(),
        Some(field) => {
            let by_label =
                select::selector(&field, |key| Key::k8s(&format!("{NAMESPACE_LABELS}.{key}")));
            let by_label = errors.record(by_label).unwrap_or_default();
            let any_namespace = Requirement {
                key: Key::k8s(NAMESPACE),
                demand: Demand::Exists,
            };
            let by_label = if by_label.requirements.is_empty() {
                by_label.and(any_namespace)
            } else {
                by_label
            };
            Selector::new(by_label.requirements.into_iter().chain(pods.requirements))
        }
    };
    let said = if written.requirements.is_empty() {
        format!("all pods of {namespace}")
    } else {
        written.to_string()
    };
    let scoped = written.scoped(Some(namespace), cluster, false).of_pods();
    errors.finish((vec![Peer::Labels(scoped)], said))
}
