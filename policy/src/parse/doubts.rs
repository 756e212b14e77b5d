//! What has a meaning, but hardly the one that its author had in mind.

use cluster::Problem;

use super::field::Field;
use super::ports::number_alike;

/// Ports that look like numbers and are names, as in Cilium (`pkg/policy/api/rule_validation.go`).
pub(super) fn ports(object: &Field<'_>) -> Vec<Problem> {
    let spec = object.get("spec").into_iter();
    let specs = object.get("specs").map(|specs| items(&specs));
    let rules = spec.chain(specs.into_iter().flatten());
    let mut found = Vec::new();
    for rule in rules {
        for section in ["ingress", "ingressDeny", "egress", "egressDeny"] {
            for element in rule.get(section).iter().flat_map(items) {
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
        }
    }
    found
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
