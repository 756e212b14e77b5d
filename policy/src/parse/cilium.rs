//! CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.

use std::sync::Arc;

use cluster::Kind;

use super::field::{Field, Refused, Unsupported};
use super::peers::{self, Scope};
use super::{ports, select};
use crate::rule::{Element, Peer, Ports, Rule, Statement};
use crate::selector::Key;

/// All rules of an object: `spec` and `specs`.
pub(super) fn rules(object: &Field<'_>, cluster: &str) -> Result<Vec<Rule>, Refused> {
    object.only(
        &["apiVersion", "kind", "metadata", "spec", "specs", "status"],
        &[],
    )?;
    let mut rules = Vec::new();
    if let Some(spec) = object.get("spec") {
        rules.push(rule(&spec, cluster)?);
    }
    if let Some(specs) = object.get("specs") {
        for spec in specs.list()? {
            rules.push(rule(&spec, cluster)?);
        }
    }
    if rules.is_empty() {
        return Err(object.refuse("has neither spec nor specs", "add a rule under spec"));
    }
    Ok(rules)
}

const SECTIONS: [&str; 4] = ["ingress", "ingressDeny", "egress", "egressDeny"];

fn rule(spec: &Field<'_>, cluster: &str) -> Result<Rule, Refused> {
    let policy = spec.policy();
    let kind = policy.name.kind.name();
    spec.only(
        &[
            "endpointSelector",
            "nodeSelector",
            "ingress",
            "ingressDeny",
            "egress",
            "egressDeny",
            "enableDefaultDeny",
            "labels",
            "description",
            "log",
        ],
        &[],
    )?;
    if let Some(nodes) = spec.get("nodeSelector") {
        return Err(match (policy.name.kind, spec.get("endpointSelector")) {
            (Kind::CiliumNetworkPolicy, _) => nodes.refuse(
                format!("Invalid {kind} spec: rule cannot have NodeSelector"),
                "use endpointSelector, or a CiliumClusterwideNetworkPolicy",
            ),
            (_, Some(_)) => nodes.refuse(
                "rule cannot have both EndpointSelector and NodeSelector",
                "write one rule for each",
            ),
            (_, None) => nodes.refuse(
                "isn't supported yet: policies for nodes aren't enforced",
                "remove the policy, or select pods with endpointSelector",
            ),
        });
    }
    let Some(subject_field) = spec.get("endpointSelector") else {
        return Err(spec.refuse(
            "rule must have one of EndpointSelector or NodeSelector",
            "add endpointSelector: {} to select all pods",
        ));
    };
    let subject = select::selector(&subject_field, Key::parse)?;
    let namespace = policy.name.namespace.as_deref();
    let scope = Scope {
        namespace,
        cluster,
        init: subject
            .requirements
            .iter()
            .any(|r| r.key == Key::new(Some("reserved"), "init")),
    };
    let subject = match namespace {
        Some(namespace) => subject.in_namespace_only(namespace),
        None => subject,
    };
    // A list that is there but empty says nothing; all of them empty is a mistake.
    let mut sections = Vec::new();
    for name in SECTIONS {
        match spec.get(name) {
            Some(section) => sections.push(elements(&section, name, &scope)?),
            None => sections.push(Vec::new()),
        }
    }
    if sections.iter().all(Vec::is_empty) {
        return Err(spec.refuse(
            "rule must have at least one of Ingress, IngressDeny, Egress, EgressDeny",
            "to deny everything write ingress: [{}] or egress: [{}]",
        ));
    }
    let (ingress_default, egress_default) = default_deny(spec)?;
    let mut sections = sections.into_iter();
    let mut statement = |default_deny: Option<bool>| {
        let mut elements: Vec<Element> = sections.next().unwrap_or_default();
        elements.extend(sections.next().unwrap_or_default());
        (!elements.is_empty()).then(|| Statement {
            default_deny: default_deny.unwrap_or(true),
            elements,
        })
    };
    Ok(Rule {
        path: spec.path.as_str().into(),
        subject,
        ingress: statement(ingress_default),
        egress: statement(egress_default),
    })
}

fn default_deny(spec: &Field<'_>) -> Result<(Option<bool>, Option<bool>), Refused> {
    let Some(field) = spec.get("enableDefaultDeny") else {
        return Ok((None, None));
    };
    field.only(&["ingress", "egress"], &[])?;
    let get = |name| field.get(name).map(|value| value.bool()).transpose();
    Ok((get("ingress")?, get("egress")?))
}

const PEERS_UNSUPPORTED: Unsupported = &[
    ("fromNodes", "use fromEntities: [remote-node] or fromCIDR"),
    ("toNodes", "use toEntities: [remote-node] or toCIDR"),
    ("fromGroups", "use fromCIDRSet with the addresses"),
    ("toGroups", "use toCIDRSet with the addresses"),
    (
        "toServices",
        "use toEndpoints with the service's selector, or toCIDR with its addresses",
    ),
    (
        "toFQDNs",
        "use toCIDR; rules for names come with the DNS proxy",
    ),
    (
        "authentication",
        "remove it; only mode: disabled could be met",
    ),
];

fn elements(section: &Field<'_>, name: &str, scope: &Scope<'_>) -> Result<Vec<Element>, Refused> {
    let deny = name.ends_with("Deny");
    let (prefix, capital) = if name.starts_with("ingress") {
        ("from", "From")
    } else {
        ("to", "To")
    };
    section
        .list()?
        .iter()
        .map(|item| element(item, prefix, capital, deny, scope))
        .collect()
}

fn element(
    item: &Field<'_>,
    prefix: &str,
    capital: &str,
    deny: bool,
    scope: &Scope<'_>,
) -> Result<Element, Refused> {
    let names = ["Endpoints", "Entities", "CIDR", "CIDRSet"].map(|name| format!("{prefix}{name}"));
    let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
    known.extend(["toPorts", "icmps"]);
    item.only(&known, PEERS_UNSUPPORTED)?;

    let mut peers: Option<Vec<peers::Said>> = None;
    let mut filled: Option<&str> = None;
    for (n, name) in names.iter().enumerate() {
        let Some(field) = item.get(name) else {
            continue;
        };
        let said = match n {
            0 => peers::endpoints(&field, scope)?,
            1 => peers::entities(&field, scope.cluster)?,
            2 => peers::cidrs(&field)?,
            _ => peers::cidr_set(&field)?,
        };
        let short = name.strip_prefix(prefix).unwrap_or(name);
        if !said.is_empty()
            && let Some(other) = filled.replace(short)
        {
            return Err(item.refuse(
                format!("combining {capital}{other} and {capital}{short} is not supported yet"),
                "write two elements of the list: they are alternatives",
            ));
        }
        peers.get_or_insert_default().extend(said);
    }
    let to_ports = item.get("toPorts");
    let icmps = item.get("icmps");
    if let (Some(_), Some(icmps)) = (&to_ports, &icmps) {
        return Err(icmps.refuse(
            "the ICMPs block may only be present without ToPorts. Define a separate rule to use ToPorts",
            "write two elements of the list",
        ));
    }
    let (given, ports) = match (to_ports, icmps) {
        (Some(field), _) => (field.list()?.len(), ports::to_ports(&field, deny)?),
        (None, Some(field)) => (field.list()?.len(), ports::icmps(&field)?),
        (None, None) => (0, Vec::new()),
    };
    Ok(assemble(
        &item.path,
        deny,
        peers,
        (given > 0).then_some(ports),
    ))
}

/// Absent peers with ports mean anyone; absent peers without ports mean nobody; absent (or empty)
/// ports mean all of them. See the table of shapes in the tests.
fn assemble(
    path: &str,
    deny: bool,
    peers: Option<Vec<peers::Said>>,
    ports: Option<Vec<ports::Said>>,
) -> Element {
    let peers = match (peers, &ports) {
        (Some(peers), _) => peers,
        (None, Some(_)) => vec![(vec![Peer::All], "anyone".to_owned())],
        (None, None) => Vec::new(),
    };
    let ports = ports.unwrap_or_else(|| vec![(Ports::All, String::new())]);
    element_of(path, deny, peers, ports)
}

/// An element and how to say it.
pub(super) fn element_of(
    path: &str,
    deny: bool,
    peers: Vec<peers::Said>,
    ports: Vec<ports::Said>,
) -> Element {
    let join = |texts: Vec<&str>, conjunction: &str| texts.join(conjunction);
    let who = match peers.len() {
        0 => "nobody".to_owned(),
        _ => join(
            peers.iter().map(|(_, said)| said.as_str()).collect(),
            " or ",
        ),
    };
    let said: Vec<&str> = ports
        .iter()
        .map(|(_, said)| said.as_str())
        .filter(|said| !said.is_empty())
        .collect();
    let on = if ports.is_empty() {
        "nothing".to_owned()
    } else {
        join(said, ", ")
    };
    let text = if ports.is_empty() {
        on.clone()
    } else if on.is_empty() || peers.is_empty() {
        who.clone()
    } else {
        format!("{who} on {on}")
    };
    let mut all: Vec<Peer> = peers.into_iter().flat_map(|(peers, _)| peers).collect();
    all.sort();
    all.dedup();
    let mut ports: Vec<Ports> = ports.into_iter().map(|(ports, _)| ports).collect();
    ports.sort();
    ports.dedup();
    Element {
        path: Arc::from(path),
        deny,
        peers: all,
        ports,
        text: text.into(),
        who: who.into(),
        on: on.into(),
    }
}
