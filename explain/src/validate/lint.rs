//! What about a policy is likely not meant.

mod layer7;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cluster::labels::{NAMESPACE, is_identity_label};
use cluster::spelling::closest;
use cluster::yaml::{Node, Value};
use cluster::{Kind, ObjectName, Origin, Problem, manifest};

use super::summary::has_effect;
use super::{
    Diagnostic, LintContext, Severity, overlap, partial_shadow, selector_text, subsumption,
};
use policy::Direction;
use policy::RulePath;
use policy::cancel;
use policy::rule::{Element, Peer, Policy, Ports, Rule, Statement, protocol};
use policy::selector::{Demand, Selector};
use policy::selectors;

pub(super) fn lint(
    raw: &manifest::Policy,
    policy: &Policy,
    context: &LintContext<'_>,
    given: &BTreeMap<ObjectName, Origin>,
) -> Vec<Diagnostic> {
    let mut lints = Lints {
        raw,
        policy,
        context,
        given,
        found: Vec::new(),
    };
    lints.object();
    for rule in cancel::each(&policy.rules) {
        lints.subject(rule);
        for direction in Direction::ALL {
            if let Some(statement) = rule.statement(direction) {
                lints.statement(rule, direction, statement);
            }
        }
    }
    lints.found
}

struct Lints<'a, 's> {
    raw: &'a manifest::Policy,
    policy: &'a Policy,
    context: &'a LintContext<'s>,
    given: &'a BTreeMap<ObjectName, Origin>,
    found: Vec<Diagnostic>,
}

use Severity::{Note, Warning};

impl Lints<'_, '_> {
    fn warn(
        &mut self,
        severity: Severity,
        code: &'static str,
        field: impl fmt::Display,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let field = field.to_string();
        let node = self.raw.document.at_path(&field);
        self.found.push(Diagnostic {
            severity,
            code,
            problem: Problem {
                origin: Some(match node {
                    Some(node) => self.raw.origin.at(node.at),
                    None => self.raw.origin.clone(),
                }),
                object: Some(self.policy.name.clone()),
                field,
                problem: problem.into(),
                remedy: remedy.into(),
            },
        });
    }

    fn node(&self, field: &str) -> Option<&Node> {
        self.raw.document.at_path(field)
    }

    fn object(&mut self) {
        let namespaced = self.policy.name.kind.is_namespaced();
        if namespaced && self.node("metadata.namespace").is_none() {
            self.warn(
                Note,
                "no-namespace",
                "metadata",
                "names no namespace: it applies to pods of default",
                "add metadata.namespace",
            );
        }
        if self.policy.name.kind == Kind::NetworkPolicy
            && let Some(types) = self.node("spec.policyTypes")
        {
            let items = types.value.as_list().unwrap_or_default();
            let types: Vec<String> = items
                .iter()
                .filter_map(|item| item.value.as_text().map(str::to_owned))
                .collect();
            for (list, name) in [("ingress", "Ingress"), ("egress", "Egress")] {
                let path = format!("spec.{list}");
                let rules = self.node(&path).and_then(|node| node.value.as_list());
                if rules.is_some_and(|rules| !rules.is_empty())
                    && !types.iter().any(|known| known == name)
                {
                    self.warn(
                        Warning,
                        "policy-types",
                        &path,
                        format!(
                            "policyTypes has no {name}: Kubernetes' own engine ignores these rules, this one (as Cilium) applies them"
                        ),
                        format!("add {name} to policyTypes, or remove the rules"),
                    );
                }
            }
        }
    }

    fn subject(&mut self, rule: &Rule) {
        let selector = if self.policy.name.kind == Kind::NetworkPolicy {
            "podSelector"
        } else {
            "endpointSelector"
        };
        let field = format!("{}.{selector}", rule.path);
        let empty = |node: &Node| node.value == Value::Map(Vec::new());
        if self.node(&field).is_some_and(empty) {
            match &self.policy.name.namespace {
                None => self.warn(
                    Warning,
                    "selects-everything",
                    &field,
                    "selects every pod of the cluster, those of kube-system included",
                    "select by labels, or leave out namespaces with matchExpressions on \
                     io.kubernetes.pod.namespace (NotIn)",
                ),
                Some(namespace) => {
                    let problem = format!("selects every pod of {namespace}");
                    self.warn(Note, "selects-everything", &field, problem, "");
                }
            }
        } else if self.context.knows_pods() && self.context.selected(&rule.subject).is_empty() {
            let problem = format!("selects no pod: none has {}", selector_text(&rule.subject));
            let remedy = self.near(&rule.subject);
            self.warn(Warning, "selects-nothing", &field, problem, remedy);
        }
        self.dropped_labels(&field, &rule.subject);
        let other = self
            .node(&format!("{field}.matchLabels"))
            .and_then(|labels| labels.value.as_map())
            .unwrap_or_default()
            .iter()
            .find(|label| label.key.ends_with(NAMESPACE))
            .and_then(|label| label.node.value.as_text())
            .map(str::to_owned);
        if let (Some(other), Some(own)) = (other, self.policy.name.namespace.clone())
            && *other != *own
        {
            self.warn(
                Warning,
                "other-namespace",
                &field,
                format!(
                    "asks for pods of {other}, but a policy of {own} selects pods of {own} only"
                ),
                format!("put the policy into {other}, or use a CiliumClusterwideNetworkPolicy"),
            );
        }
    }

    /// Labels that are no part of identities: no pod is ever found by them.
    fn dropped_labels(&mut self, field: &str, selector: &Selector) {
        for requirement in &selector.requirements {
            let key = &requirement.key;
            let of_pods = key.source.as_deref().is_none_or(|source| source == "k8s");
            if of_pods && !is_identity_label(&key.name) {
                let problem = format!(
                    "{} is not part of a pod's identity, so no selector finds pods by it",
                    key.name
                );
                self.warn(
                    Warning,
                    "dropped-label",
                    field,
                    problem,
                    "select by another label",
                );
            }
        }
    }

    /// A value that is spelled much alike, or a pod that misses the selector by one requirement.
    fn near(&self, selector: &Selector) -> String {
        for requirement in &selector.requirements {
            let key = &requirement.key;
            let Demand::In(wanted) = &requirement.demand else {
                continue;
            };
            let pods = self.context.pods.keys();
            let known = pods.filter_map(|labels| labels.get(key.source.as_deref(), &key.name));
            let known: BTreeSet<&str> = known.collect();
            let known: Vec<&str> = known.into_iter().collect();
            let mut unknown = wanted.iter().filter(|value| !known.contains(&&***value));
            if let Some(near) = unknown.find_map(|value| closest(value, known.iter().copied())) {
                return format!("did you mean {key}={near}?");
            }
        }
        let missed = self.context.pods.iter().find_map(|(labels, pods)| {
            let mut failing = selector
                .requirements
                .iter()
                .filter(|requirement| !requirement.matches(labels));
            let requirement = failing.next()?;
            let key = &requirement.key;
            let has = labels.get(key.source.as_deref(), &key.name);
            (failing.next().is_none() && selector.requirements.len() > 2).then(|| match has {
                Some(value) => format!("{} has {key}={value}", pods[0].name),
                None => format!("{} has no {key}", pods[0].name),
            })
        });
        missed.unwrap_or_else(|| "check its labels against the pods'".to_owned())
    }

    fn statement(&mut self, rule: &Rule, direction: Direction, statement: &Statement) {
        let mut before: Option<&Element> = None;
        for element in cancel::each(&statement.elements) {
            self.shape(direction, element, statement, before);
            self.peers(element);
            self.ports(rule, direction, element);
            if has_effect(element) {
                self.pointless(rule, direction, element);
            }
            before = Some(element);
        }
        if direction == Direction::Egress {
            self.names(rule, statement);
        }
        let allows = |element: &Element| !element.deny && has_effect(element);
        if direction == Direction::Egress
            && statement.default_deny
            && statement.elements.iter().any(allows)
            && !self.has_dns(rule)
        {
            let field = format!("{}.egress", rule.path);
            self.warn(
                Warning,
                "no-dns",
                &field,
                "restricts egress, and no rule allows DNS for these pods: names won't resolve",
                "allow 53/UDP (and 53/TCP) to k8s-app=kube-dns of kube-system, if they use names",
            );
        }
    }

    fn has_dns(&self, rule: &Rule) -> bool {
        const DNS: Ports = Ports::Range {
            protocol: protocol::UDP,
            first: 53,
            last: 53,
        };
        let others = self.context.overlaps().others(rule, Direction::Egress);
        others.is_some_and(|others| {
            others.has_dns(|element| {
                let named = |ports: &Ports| matches!(ports, Ports::Named { name, .. } if name.contains("dns"));
                let ports = &mut element.ports.iter();
                ports.any(|ports| subsumption::has_ports(ports, &DNS) || named(ports))
            })
        })
    }

    /// Lists and mappings that are empty, and what that means.
    fn shape(
        &mut self,
        direction: Direction,
        element: &Element,
        statement: &Statement,
        before: Option<&Element>,
    ) {
        let Some(node) = self.node(&element.path.to_string()) else {
            return;
        };
        let keys: Vec<String> = node
            .value
            .as_map()
            .unwrap_or_default()
            .iter()
            .filter(|field| field.node.value != Value::Null)
            .map(|field| field.key.clone())
            .collect();
        let native = self.policy.name.kind == Kind::NetworkPolicy;
        let word = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let path = element.path.to_string();
        if native {
            if !keys.iter().any(|key| key == word) {
                let on = match element.on.is_empty() {
                    true => String::new(),
                    false => format!(" on {}", element.on),
                };
                self.warn(
                    Note,
                    "allows-anyone",
                    &path,
                    format!("allows {word} anyone{on}, the world included"),
                    format!("for pods of the namespace only: {word}: [{{podSelector: {{}}}}]"),
                );
            }
            return;
        }
        if keys.is_empty() {
            let (problem, remedy) = if element.deny {
                (
                    "an empty rule denies nothing; that it is there puts the pods in default deny"
                        .to_owned(),
                    format!("to deny everyone write {word}Entities: [all]"),
                )
            } else if statement.elements.len() > 1 {
                (
                    "an empty rule allows nothing".to_owned(),
                    format!("to allow all pods of the namespace write {word}Endpoints: [{{}}]"),
                )
            } else {
                (
                    format!("an empty rule allows nothing: this denies all {direction}"),
                    format!("if all pods of the namespace are meant write {word}Endpoints: [{{}}]"),
                )
            };
            self.warn(Warning, "empty-rule", &path, problem, remedy);
            return;
        }
        let names_peers = keys.iter().any(|key| key.starts_with(word));
        let entity_none = || {
            let list = self.node(&format!("{path}.{word}Entities"));
            let items = list.and_then(|node| node.value.as_list());
            items.is_some_and(|items| !items.is_empty())
        };
        if names_peers && element.peers.is_empty() && !entity_none() {
            let problem = "an empty list matches nobody: the rule never matches";
            let remedy = format!(
                "for all pods of the namespace write {word}Endpoints: [{{}}], for anyone remove the list"
            );
            self.warn(Warning, "names-nobody", &path, problem, remedy);
        }
        if element.ports.is_empty() || !names_peers && element.peers.is_empty() {
            let field = format!("{path}.toPorts");
            self.warn(
                Warning,
                "names-no-port",
                &field,
                "names no port: the rule never matches",
                "list ports, or remove it for all ports",
            );
        }
        // The dash too many: peers and ports as two alternatives instead of one rule.
        let only_peers = |element: &Element| {
            let keys = self
                .node(&element.path.to_string())
                .and_then(|node| node.value.as_map());
            keys.is_some_and(|keys| keys.iter().all(|field| field.key.starts_with(word)))
        };
        if !names_peers
            && !element.deny
            && element.peers == [Peer::All]
            && before.is_some_and(|before| !before.deny && only_peers(before))
        {
            self.warn(
                Warning,
                "dash-too-many",
                &path,
                format!(
                    "allows {word} anyone on {}, and the rule before it allows all ports: they are alternatives",
                    element.on
                ),
                "if both conditions are meant, remove the dash so that they are one rule",
            );
        }
    }

    fn peers(&mut self, element: &Element) {
        if self.context.knows_pods() {
            for (path, selector) in selectors(self.raw, element.path, self.context.cluster) {
                self.dropped_labels(&path, &selector);
                let labels = &mut self.context.labels.iter();
                if !labels.any(|labels| selector.matches(labels)) {
                    let problem = format!("matches no pod: none has {}", selector_text(&selector));
                    let remedy = self.near(&selector);
                    self.warn(Warning, "matches-nothing", &path, problem, remedy);
                }
            }
        }
        for peer in &element.peers {
            match peer {
                Peer::CidrGroup { name, .. }
                    if !self.context.state.cidr_groups.contains_key(name) =>
                {
                    let problem =
                        format!("CIDR group {name} does not exist, so it matches no address");
                    self.warn(Warning, "no-group", element.path, problem, "add the group");
                }
                Peer::Cidr(rule) => self.covers_pods(element, rule.cidr),
                Peer::All
                | Peer::Labels(_)
                | Peer::Reserved(_)
                | Peer::CidrGroup { .. }
                | Peer::CidrGroups { .. }
                | Peer::Name(_) => {}
            }
        }
        for list in ["fromCIDR", "toCIDR", "fromCIDRSet", "toCIDRSet"] {
            self.host_bits(&format!("{}.{list}", element.path));
        }
    }

    fn pointless(&mut self, rule: &Rule, direction: Direction, element: &Element) {
        let place = |name: &ObjectName, path: RulePath| match self.given.get(name) {
            Some(_) if *name == self.policy.name => path.to_string(),
            Some(place) => format!("{path} of {name} ({place})"),
            None => format!("{path} of {name}"),
        };
        let Some(others) = self.context.overlaps().others(rule, direction) else {
            return;
        };
        if !element.deny
            && let Some(by) = overlap::shadow(&others, element, self.context)
        {
            let problem = format!(
                "has no effect: {} denies {}, and a deny outweighs every allow",
                place(by.policy, by.element.path),
                by.element.text
            );
            let remedy = "narrow the deny, or remove this rule";
            self.warn(Warning, "shadowed", element.path, problem, remedy);
        } else if !element.deny
            && let Some(part) = partial_shadow::partial(&others, element, self.context)
        {
            let problem = format!(
                "has no effect for {}: {} denies {}, and a deny outweighs every allow",
                part.text,
                place(part.policy, part.element.path),
                part.element.text
            );
            // Who carves something out of a rule of the same policy means it.
            let severity = match *part.policy == self.policy.name {
                true => Note,
                false => Warning,
            };
            let remedy = "narrow one of the two, if this isn't intended";
            self.warn(severity, "partly-shadowed", element.path, problem, remedy);
        } else if let Some(by) = overlap::wider(&others, rule, direction, element, self.context) {
            let place = place(by.policy, by.element.path);
            if !element.port_rules.is_empty() {
                self.unrestricted(element, by.element, &place);
                return;
            }
            let verb = if element.deny { "denies" } else { "allows" };
            let problem = format!("adds nothing: {place} {verb} {} already", by.element.text);
            self.warn(
                Warning,
                "redundant",
                element.path,
                problem,
                "remove this rule",
            );
        }
    }
}
