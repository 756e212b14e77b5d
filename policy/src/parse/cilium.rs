//! CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy.

use std::sync::Arc;

use cluster::{Kind, Label};

use super::field::{Field, FieldErrors, Refused, Unsupported};
use super::peers::{self, Scope};
use super::ports::{self, ElementContext};
use super::{icmp, layer7, select};
use crate::bounded;
use crate::cancel;
use crate::config::Language;
use crate::path::{RuleList, RulePath};
use crate::rule::{Element, Peer, Ports, Rule, Statement};
use crate::selector::Key;

/// All rules of an object: `spec` and `specs`.
pub(super) fn rules(object: &Field<'_>, language: Language<'_>) -> Result<Vec<Rule>, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(object.only(
        &["apiVersion", "kind", "metadata", "spec", "specs", "status"],
        &[],
    ));
    let mut rules = Vec::new();
    let mut given = false;
    if let Some(spec) = object.get("spec") {
        given = true;
        rules.extend(errors.record(rule(&spec, RulePath::default(), language)));
    }
    if let Some(specs) = object.get("specs") {
        let specs = errors.record(specs.list()).into_iter().flatten();
        for (n, spec) in cancel::each(specs).enumerate() {
            given = true;
            rules.extend(errors.record(rule(&spec, RulePath::one_of_specs(n), language)));
        }
    }
    if !given {
        let refused = object.refuse("has neither spec nor specs", "add a rule under spec");
        errors.record::<()>(Err(refused));
    }
    errors.finish(rules)
}

fn rule(spec: &Field<'_>, path: RulePath, language: Language<'_>) -> Result<Rule, Refused> {
    let policy = spec.policy();
    let kind = policy.name.kind.name();
    let mut errors = FieldErrors::default();
    errors.record(spec.only(
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
    ));
    let (labels, log) = errors.record(metadata(spec)).unwrap_or_default();
    if let Some(nodes) = spec.get("nodeSelector") {
        errors.record::<()>(Err(
            match (policy.name.kind, spec.get("endpointSelector")) {
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
            },
        ));
    }
    let subject = match spec.get("endpointSelector") {
        Some(field) => errors.record(select::selector(&field, Key::parse)),
        None if spec.get("nodeSelector").is_some() => None,
        None => errors.record(Err(spec.refuse(
            "rule must have one of EndpointSelector or NodeSelector",
            "add endpointSelector: {} to select all pods",
        ))),
    };
    let subject = subject.unwrap_or_default();
    let namespace = policy.name.namespace.as_deref();
    let scope = Scope {
        namespace,
        cluster: language.cluster,
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
    for list in RuleList::ALL {
        match spec.get(list.name()) {
            Some(section) => {
                let elements =
                    errors.record(elements(&section, path, list, &scope, language.layer7));
                sections.push(elements.unwrap_or_default());
            }
            None => sections.push(Vec::new()),
        }
    }
    let defaults = errors.record(default_deny(spec));
    let (ingress_default, egress_default) = errors.finish(defaults)?.unwrap_or_default();
    // Told only if nothing else is wrong: it may follow from a misspelled name.
    if sections.iter().all(Vec::is_empty) {
        return Err(spec.refuse(
            "rule must have at least one of Ingress, IngressDeny, Egress, EgressDeny",
            "to deny everything write ingress: [{}] or egress: [{}]",
        ));
    }
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
        path,
        subject,
        ingress: statement(ingress_default),
        egress: statement(egress_default),
        labels,
        log,
    })
}

/// Labels of a rule, and what is to stand in the log.
type Metadata = (Vec<Arc<str>>, Option<Arc<str>>);

/// What is only about the rule: its labels, and what is to stand in the log. A description is checked,
/// but not used further.
fn metadata(spec: &Field<'_>) -> Result<Metadata, Refused> {
    let mut errors = FieldErrors::default();
    if let Some(text) = spec.get("description") {
        errors.record(text.text().map(drop));
    }
    let list = spec.get("labels");
    let list = list.and_then(|labels| errors.record(labels.list()));
    let labels = FieldErrors::all(list.iter().flatten().map(rule_label));
    let labels = errors.record(labels).unwrap_or_default();
    let mut log_value = None;
    if let Some(log) = spec.get("log") {
        errors.record(log.only(&["value"], &[]));
        if let Some(value) = log.get("value") {
            let short =
                |text: &str| text.chars().count() <= 32 && !text.chars().any(char::is_control);
            match errors.record(value.text()) {
                Some(text) if !short(text) => {
                    let refused = value.refuse(
                        "is longer than 32 characters, or has one that can't be printed",
                        "use at most 32 printable characters",
                    );
                    errors.record::<()>(Err(refused));
                }
                Some("") | None => {}
                Some(text) => log_value = Some(text.into()),
            }
        }
    }
    errors.finish((labels, log_value))
}

/// A label of a rule, as flows show it.
fn rule_label(label: &Field<'_>) -> Result<Arc<str>, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(label.only(&["key", "value", "source"], &[]));
    let mut part = |name: &str| {
        let field = label.get(name)?;
        errors.record(field.text()).filter(|text| !text.is_empty())
    };
    let (key, value, source) = (part("key"), part("value"), part("source"));
    if label.get("key").is_none() {
        errors.record::<()>(Err(label.refuse("has no key", "add key")));
    }
    let label = Label::new(
        source.unwrap_or("unspec"),
        key.unwrap_or_default(),
        value.unwrap_or_default(),
    );
    errors.finish(label.to_string().into())
}

/// Authentication that asks for none is the one kind that is met.
fn authentication(field: &Field<'_>) -> Result<(), Refused> {
    field.only(&["mode"], &[])?;
    match field.get("mode").map(|mode| (mode.text(), mode)) {
        Some((Ok("disabled"), _)) => Ok(()),
        Some((Ok(mode @ ("required" | "test-always-fail")), field)) => Err(field.refuse(
            format!("{mode:?} isn't supported yet: nobody authenticates"),
            "use disabled, or remove authentication",
        )),
        Some((Ok(other), field)) => Err(field.refuse(
            format!("{other:?} is not an authentication mode"),
            "use disabled, or remove authentication",
        )),
        Some((Err(refused), _)) => Err(refused),
        None => Err(field.refuse(
            "has no mode",
            "add mode: disabled, or remove authentication",
        )),
    }
}

fn default_deny(spec: &Field<'_>) -> Result<(Option<bool>, Option<bool>), Refused> {
    let Some(field) = spec.get("enableDefaultDeny") else {
        return Ok((None, None));
    };
    let mut errors = FieldErrors::default();
    errors.record(field.only(&["ingress", "egress"], &[]));
    let mut get = |name| {
        field
            .get(name)
            .and_then(|value| errors.record(value.bool()))
    };
    let both = (get("ingress"), get("egress"));
    errors.finish(both)
}

const PEERS_UNSUPPORTED: Unsupported = &[FROM_NODES, TO_NODES, FROM_GROUPS, TO_GROUPS, TO_SERVICES];
const PEERS_AND_NAMES_UNSUPPORTED: Unsupported = &[
    FROM_NODES,
    TO_NODES,
    FROM_GROUPS,
    TO_GROUPS,
    TO_SERVICES,
    (
        "toFQDNs",
        "start the agent without --l7-proxy=off, or use toCIDR",
    ),
];

const FROM_NODES: (&str, &str) = ("fromNodes", "use fromEntities: [remote-node] or fromCIDR");
const TO_NODES: (&str, &str) = ("toNodes", "use toEntities: [remote-node] or toCIDR");
const FROM_GROUPS: (&str, &str) = ("fromGroups", "use fromCIDRSet with the addresses");
const TO_GROUPS: (&str, &str) = ("toGroups", "use toCIDRSet with the addresses");
const TO_SERVICES: (&str, &str) = (
    "toServices",
    "use toEndpoints with the service's selector, or toCIDR with its addresses",
);

fn elements(
    section: &Field<'_>,
    spec: RulePath,
    list: RuleList,
    scope: &Scope<'_>,
    layer7: bool,
) -> Result<Vec<Element>, Refused> {
    let items = section.list()?;
    let items = cancel::each(&items).enumerate();
    FieldErrors::all(items.map(|(n, item)| {
        let context = ElementContext {
            path: spec.element(list, n),
            list,
            layer7,
        };
        element(item, context, scope)
    }))
}

fn element(
    item: &Field<'_>,
    context: ElementContext,
    scope: &Scope<'_>,
) -> Result<Element, Refused> {
    let list = context.list;
    let (prefix, capital, deny) = match list {
        RuleList::Ingress => ("from", "From", false),
        RuleList::IngressDeny => ("from", "From", true),
        RuleList::Egress => ("to", "To", false),
        RuleList::EgressDeny => ("to", "To", true),
    };
    let names = ["Endpoints", "Entities", "CIDR", "CIDRSet"].map(|name| format!("{prefix}{name}"));
    let mut names = names.to_vec();
    if context.layer7 && list == RuleList::Egress {
        names.push("toFQDNs".to_owned());
    }
    let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
    let requires = format!("{prefix}Requires");
    known.extend(["toPorts", "icmps", &requires]);
    if !deny {
        known.push("authentication");
    }
    let mut errors = FieldErrors::default();
    errors.record(item.only(
        &known,
        match context.layer7 {
            true => PEERS_UNSUPPORTED,
            false => PEERS_AND_NAMES_UNSUPPORTED,
        },
    ));
    if let Some(field) = item.get("authentication").filter(|_| !deny) {
        errors.record(authentication(&field));
    }
    if let Some(field) = item.get(&requires) {
        errors.record::<()>(Err(field.refuse(
            format!("{requires} is gone from the language"),
            format!("write what it requires into each selector of {prefix}Endpoints"),
        )));
    }

    let mut peers: Option<Vec<peers::Said>> = None;
    let mut filled: Option<&str> = None;
    for (n, name) in names.iter().enumerate() {
        let Some(field) = item.get(name) else {
            continue;
        };
        let said = match n {
            0 => peers::endpoints(&field, scope),
            1 => peers::entities(&field, scope.cluster),
            2 => peers::cidrs(&field),
            3 => peers::cidr_set(&field),
            _ => layer7::to_fqdns(&field),
        };
        let said = errors.record(said).unwrap_or_default();
        let short = name.strip_prefix(prefix).unwrap_or(name);
        if !said.is_empty()
            && let Some(other) = filled.replace(short)
        {
            errors.record::<()>(Err(item.refuse(
                format!("combining {capital}{other} and {capital}{short} is not supported yet"),
                "write two elements of the list: they are alternatives",
            )));
        }
        peers.get_or_insert_default().extend(said);
    }
    let to_ports = item.get("toPorts");
    let icmps = item.get("icmps");
    if let (Some(_), Some(icmps)) = (&to_ports, &icmps) {
        errors.record::<()>(Err(icmps.refuse(
            "the ICMPs block may only be present without ToPorts. Define a separate rule to use ToPorts",
            "write two elements of the list",
        )));
    }
    let field = to_ports.as_ref().or(icmps.as_ref());
    let given = field
        .and_then(|field| errors.record(field.list()))
        .map_or(0, |items| items.len());
    // What is no list was told already.
    let ports = match (&to_ports, &icmps) {
        (Some(field), _) if given > 0 => errors.record(ports::to_ports(field, context)),
        (None, Some(field)) if given > 0 => {
            let icmps = errors.record(icmp::icmps(field));
            icmps.map(|said| (said, Vec::new()))
        }
        (Some(_) | None, _) => None,
    };
    let (ports, port_rules) = ports.unwrap_or_default();
    let element = assemble(context.path, deny, peers, (given > 0).then_some(ports));
    errors.finish(Element {
        port_rules,
        ..element
    })
}

/// Absent peers with ports mean anyone; absent peers without ports mean nobody; absent (or empty)
/// ports mean all of them. See the table of shapes in the tests.
fn assemble(
    path: RulePath,
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
    path: RulePath,
    deny: bool,
    peers: Vec<peers::Said>,
    ports: Vec<ports::Said>,
) -> Element {
    // Rules are repeated in many places: what is said of one stays short however long it is.
    let who = match peers.len() {
        0 => "nobody".to_owned(),
        _ => {
            let said: Vec<&str> = peers.iter().map(|(_, said)| said.as_str()).collect();
            bounded::list(&said, " or ")
        }
    };
    let said: Vec<&str> = ports
        .iter()
        .map(|(_, said)| said.as_str())
        .filter(|said| !said.is_empty())
        .collect();
    let on = if ports.is_empty() {
        "nothing".to_owned()
    } else {
        bounded::list(&said, ", ")
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
        path,
        deny,
        peers: all,
        ports,
        port_rules: Vec::new(),
        text: text.into(),
        who: who.into(),
        on: on.into(),
    }
}
