//! Policies, endpoints and identities as they are in force.

use std::collections::BTreeMap;

use abi::policy::{EGRESS, ENFORCED, ENTRY_DENY, PolicyEntry, PolicyKey};
use cluster::{Identity, Labels};
use l7::rules::Allows;
use policy::{Direction, Layer7List, RulePath, rule};
use proto::flows::v1::{
    EndpointState, IdentityState, Layer7RuleState, PolicyState, RuleState, TableEntry,
    TraceResponse,
};

use super::hits::{Hits, RuleKey};
use crate::node::{AppliedState, names::Node};
use crate::observe::{ItemCount, RuleCounts};

/// Says in an answer who gives it; nodes are named as Hubble names them.
pub(super) fn told_by(
    known: &AppliedState,
    node_name: &str,
    mut answer: TraceResponse,
) -> TraceResponse {
    for party in [&mut answer.source, &mut answer.destination]
        .into_iter()
        .flatten()
    {
        if !party.node_name.is_empty() {
            let node = Node {
                cluster: known.config.cluster.to_string(),
                name: std::mem::take(&mut party.node_name),
                labels: Vec::new(),
            };
            party.node_name = node.full_name();
        }
    }
    for judgement in [&mut answer.egress, &mut answer.ingress]
        .into_iter()
        .flatten()
    {
        judgement.node_name = node_name.to_owned();
        judgement.revision = known.revision;
    }
    answer.notes.extend(known.notes.iter().cloned());
    TraceResponse {
        node_name: node_name.to_owned(),
        revision: known.revision,
        ..answer
    }
}

/// Rules of layer 7 that are shown of a rule.
const MOST_ITEMS: usize = 100;

/// `requests`: what rules of layer 7 decided. What is left out is noted.
pub(super) fn policies(
    known: &AppliedState,
    hits: &BTreeMap<RuleKey, Hits>,
    requests: &RuleCounts,
    notes: &mut Vec<String>,
) -> Vec<PolicyState> {
    let requests = requests.by_item();
    let meanings = explain::validate::summaries(&known.state, &known.policies, &known.config);
    let policies = known.policies.iter().map(|(name, policy)| {
        let in_force = known.compiled.policies.get(name);
        let origin = known.state.policies.get(name).map(|raw| &raw.origin);
        let mut rules = Vec::new();
        for rule in &policy.rules {
            for direction in Direction::ALL {
                rules.extend(rule_states(policy, rule, direction, hits, &requests));
            }
        }
        for rule in &mut rules {
            let left_out = rule.layer7.len().saturating_sub(MOST_ITEMS);
            if left_out > 0 {
                rule.layer7.truncate(MOST_ITEMS);
                notes.push(format!(
                    "{} of {name} has {left_out} rules of layer 7 more than the {MOST_ITEMS} that are shown",
                    explain::proto::path_text(rule.path.as_ref())
                ));
            }
        }
        PolicyState {
            policy: name.to_string(),
            kind: explain::proto::policy_kind(name.kind).into(),
            namespace: name.namespace.as_deref().unwrap_or_default().to_owned(),
            name: name.name.to_string(),
            version: policy.version.to_string(),
            place: origin.map(ToString::to_string).unwrap_or_default(),
            stale: in_force.is_some_and(|in_force| in_force.stale),
            meaning: meanings.get(name).cloned().unwrap_or_default(),
            selects: selected(known, policy),
            rules,
        }
    });
    policies.collect()
}

fn rule_states(
    policy: &rule::Policy,
    rule: &rule::Rule,
    direction: Direction,
    hits: &BTreeMap<RuleKey, Hits>,
    requests: &BTreeMap<(&str, RulePath), ItemCount>,
) -> Vec<RuleState> {
    let Some(statement) = rule.statement(direction) else {
        return Vec::new();
    };
    let state = |path: RulePath, deny: bool, text: String| {
        let key = (policy.name.clone(), path, direction);
        let found = hits.get(&key).copied().unwrap_or_default();
        RuleState {
            path: Some(explain::proto::path(path)),
            direction: explain::proto::direction(direction).into(),
            deny,
            text,
            decisions: found.decisions,
            connections: found.connections,
            bytes: found.bytes,
            layer7: Vec::new(),
        }
    };
    let name = policy.name.to_string();
    let default = statement
        .default_deny
        .then(|| state(rule.path, true, "everything else (default deny)".to_owned()));
    statement
        .elements
        .iter()
        .map(|element| RuleState {
            layer7: layer7_states(&name, element, requests),
            ..state(element.path, element.deny, element.text.to_string())
        })
        .chain(default)
        .collect()
}

fn layer7_states(
    policy: &str,
    element: &rule::Element,
    requests: &BTreeMap<(&str, RulePath), ItemCount>,
) -> Vec<Layer7RuleState> {
    let items = element.port_rules.iter().flat_map(|port_rule| {
        let list = list_of(&port_rule.allows);
        let indices = 0..port_rule.allows.items();
        indices.filter_map(move |index| Some((port_rule, list?, index)))
    });
    items
        .map(|(port_rule, list, index)| {
            let path = port_rule.path.layer7(list, index);
            let count = requests.get(&(policy, path)).copied().unwrap_or_default();
            Layer7RuleState {
                path: Some(explain::proto::path(path)),
                text: port_rule.item_text(index).unwrap_or_default(),
                allowed: count.allowed,
                denied: count.denied,
            }
        })
        .collect()
}

fn list_of(allows: &Allows) -> Option<Layer7List> {
    match allows {
        Allows::Everything => None,
        Allows::Http(_) => Some(Layer7List::Http),
        Allows::Kafka(_) => Some(Layer7List::Kafka),
        Allows::Dns(_) => Some(Layer7List::Dns),
        Allows::ServerNames(_) => Some(Layer7List::ServerNames),
    }
}

fn selects(policy: &rule::Policy, labels: &Labels) -> bool {
    policy.rules.iter().any(|rule| rule.subject.matches(labels))
}

fn selected(known: &AppliedState, policy: &rule::Policy) -> Vec<String> {
    let endpoints = known.compiled.endpoints.iter();
    endpoints
        .filter(|(_, endpoint)| {
            let labels = known.compiled.identities.labels(endpoint.identity);
            labels.is_some_and(|labels| selects(policy, labels))
        })
        .map(|(name, _)| name.to_string())
        .collect()
}

fn selecting(known: &AppliedState, labels: Option<&Labels>) -> Vec<String> {
    let Some(labels) = labels else {
        return Vec::new();
    };
    let policies = known.policies.values();
    let policies = policies.filter(|policy| selects(policy, labels));
    policies.map(|policy| policy.name.to_string()).collect()
}

/// The most entries of a table that are shown.
const MOST_ENTRIES: usize = 10_000;

/// The node's pods; the entries of their tables only if one is asked for by name. What is left out is
/// noted.
pub(super) fn endpoints(
    known: &AppliedState,
    pod: &str,
    decisions: &BTreeMap<u32, u64>,
    node_name: &str,
    notes: &mut Vec<String>,
) -> Vec<EndpointState> {
    let compiled = &known.compiled;
    let wanted = compiled
        .endpoints
        .iter()
        .filter(|(name, _)| pod.is_empty() || name.to_string() == pod);
    let state = wanted.map(|(name, endpoint)| {
        let labels = compiled.identities.labels(endpoint.identity);
        let table = compiled.tables.get(&endpoint.table);
        let enforced = |flags: Option<u32>| flags.is_some_and(|flags| flags & ENFORCED != 0);
        let default = |cookie: Option<u32>| {
            let reason = cookie.and_then(|cookie| compiled.cookies.resolve(cookie));
            reason.map(ToString::to_string).unwrap_or_default()
        };
        let mut entries = Vec::new();
        if !pod.is_empty() {
            let own = || {
                let all = compiled.entries.iter();
                all.filter(|(key, _)| key.table == endpoint.table)
            };
            let shown = own().take(MOST_ENTRIES);
            entries.extend(shown.map(|(key, entry)| table_entry(known, key, entry, decisions)));
            let left_out = own().count().saturating_sub(MOST_ENTRIES);
            if left_out > 0 {
                notes.push(format!(
                    "the table of {name} has {left_out} entries more than the {MOST_ENTRIES} that are \
                     shown"
                ));
            }
        }
        EndpointState {
            pod: name.to_string(),
            identity: endpoint.identity.0,
            labels: labels.map(Labels::to_strings).unwrap_or_default(),
            ips: endpoint.ips.iter().map(ToString::to_string).collect(),
            table: endpoint.table,
            ingress_enforced: enforced(table.map(|table| table.ingress.flags)),
            egress_enforced: enforced(table.map(|table| table.egress.flags)),
            policies: selecting(known, labels),
            entries,
            ingress_default: default(table.map(|table| table.ingress.default_cookie)),
            egress_default: default(table.map(|table| table.egress.default_cookie)),
            node_name: node_name.to_owned(),
        }
    });
    state.collect()
}

fn table_entry(
    known: &AppliedState,
    key: &PolicyKey,
    entry: &PolicyEntry,
    decisions: &BTreeMap<u32, u64>,
) -> TableEntry {
    let direction = match key.shape & EGRESS {
        0 => Direction::Ingress,
        _ => Direction::Egress,
    };
    let labels = known.compiled.identities.labels(Identity(key.identity));
    let reason = known.compiled.cookies.resolve(entry.cookie);
    TableEntry {
        direction: explain::proto::direction(direction).into(),
        deny: entry.flags & ENTRY_DENY != 0,
        identity: key.identity,
        labels: labels.map(Labels::to_strings).unwrap_or_default(),
        port: explain::proto::ports(key),
        cookie: entry.cookie,
        // By name: what they say stands with their policies, once.
        rules: reason
            .map(|r| explain::proto::rule_references(r))
            .unwrap_or_default(),
        text: reason.map(|r| r.by_path()).unwrap_or_default(),
        decisions: decisions.get(&entry.cookie).copied().unwrap_or(0),
    }
}

/// Identities in use on the node and the reserved ones; one if its number is given.
pub(super) fn identities(known: &AppliedState, number: u32) -> Vec<IdentityState> {
    let mut pods: BTreeMap<Labels, Vec<String>> = BTreeMap::new();
    let state = &known.state;
    for pod in state.pods.values().filter(|pod| !pod.host_network) {
        let labels = state.identity_labels(pod, &known.config.cluster);
        pods.entry(labels).or_default().push(pod.name.to_string());
    }
    let identities = known.compiled.identities.iter();
    identities
        .filter(|(identity, _)| number == 0 || identity.0 == number)
        .map(|(identity, labels)| {
            let pods = pods.get(labels).cloned().unwrap_or_default();
            IdentityState {
                identity: identity.0,
                labels: labels.to_strings(),
                // Rules for pods select no nodes and no prefixes.
                policies: match pods.is_empty() {
                    true => Vec::new(),
                    false => selecting(known, Some(labels)),
                },
                pods,
            }
        })
        .collect()
}
