//! What has a meaning, but hardly the one that its author had in mind.

use cluster::Problem;
use l7::lint::{self, Lint};
use l7::names::NameSpec;

use super::field::Field;
use super::layer7::{http_spec, kafka_spec, name_spec};
use super::ports::number_alike;
use crate::cancel;
use crate::path::RuleList;
use crate::rule::Finding;

/// Elements of all rules.
fn elements<'a>(object: &Field<'a>) -> Vec<Field<'a>> {
    let spec = object.get("spec").into_iter();
    let specs = object.get("specs").map(|specs| items(&specs));
    let rules = spec.chain(specs.into_iter().flatten());
    let sections = rules.flat_map(|rule| RuleList::ALL.map(|list| rule.get(list.name())));
    sections
        .flatten()
        .flat_map(|section| items(&section))
        .collect()
}

/// Ports that look like numbers and are names, as in Cilium (`pkg/policy/api/rule_validation.go`).
pub(super) fn ports(object: &Field<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for element in elements(object) {
        let native = element.get("ports");
        let lists = element
            .get("toPorts")
            .iter()
            .flat_map(items)
            .collect::<Vec<_>>();
        let lists = lists
            .iter()
            .filter_map(|item| item.get("ports"))
            .chain(native);
        for port in lists.flat_map(|list| items(&list)) {
            found.extend(port.get("port").and_then(|port| doubt(&port)));
        }
    }
    found
}

/// What is found in rules of layer 7 and for names.
pub(super) fn layer7(object: &Field<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |field: &Field<'_>, found: Vec<Lint>| {
        for lint in found {
            let field = match lint.field.is_empty() {
                true => field.clone(),
                false => field.below(&lint.field),
            };
            let severity = lint.finding.severity();
            let problems = field.refuse(lint.to_string(), "").into_iter();
            findings.extend(problems.map(|problem| Finding { severity, problem }));
        }
    };
    // What can't be read was refused.
    let names = |list: &Field<'_>| -> Vec<NameSpec> {
        let specs = items(list);
        specs
            .iter()
            .filter_map(|item| name_spec(item).ok())
            .collect()
    };
    for element in cancel::each(elements(object)) {
        if let Some(list) = element.get("toFQDNs") {
            tell(&list, lint::to_fqdns(&names(&list)));
        }
        for item in element.get("toPorts").iter().flat_map(items) {
            if let Some(list) = item.get("serverNames") {
                let texts = items(&list);
                let texts = texts.iter().filter_map(|item| item.node.value.as_text());
                let texts: Vec<Box<str>> = texts.map(Box::from).collect();
                tell(&list, lint::server_names(&texts));
            }
            let Some(rules) = item.get("rules") else {
                continue;
            };
            for item in cancel::each(rules.get("http").iter().flat_map(items)) {
                let spec = http_spec(&item);
                tell(
                    &item,
                    spec.map(|spec| lint::http(&spec)).unwrap_or_default(),
                );
            }
            for item in cancel::each(rules.get("kafka").iter().flat_map(items)) {
                let spec = kafka_spec(&item);
                tell(
                    &item,
                    spec.map(|spec| lint::kafka(&spec)).unwrap_or_default(),
                );
            }
            if let Some(list) = rules.get("dns") {
                tell(&list, lint::dns(&names(&list)));
            }
        }
    }
    findings
}

fn doubt(port: &Field<'_>) -> Option<Problem> {
    let name = port.node.value.as_text()?;
    let number = number_alike(name)?;
    let refused = port.refuse(
        format!("{name:?} is the name of a port, as in Cilium, and not the number {number}"),
        format!("write \"{number}\", or give the port a name that doesn't look like a number"),
    );
    refused.into_iter().next()
}

fn items<'a>(field: &Field<'a>) -> Vec<Field<'a>> {
    field.list().unwrap_or_default()
}
