//! Answers as messages of `flows.v1`, so that a directory and an agent are shown alike.

use abi::policy::{EGRESS, PolicyKey, SHAPE_ALL, SHAPE_PROTO};
use cluster::{Kind, ObjectName};
use policy::{
    Direction, Layer7Item, Layer7List, Origin, PortRuleItem, Reason, RuleItem, RuleList, RulePath,
};
use proto::flow as pb;
use proto::flows::v1 as wire;

use crate::trace::protocol_name;

mod changes;
mod drop_reason;
mod explain_flow;
mod flow_groups;
mod read_change;
mod request;
mod state;
mod trace;
mod validate;

pub use changes::{change, object_state};
pub use explain_flow::explain_flow;
pub use flow_groups::group_flow;
pub use read_change::read_change;
pub use request::{recorded_request, trace_request};
pub use state::{StateError, read_state, state_response};
pub use trace::{trace, trace_query};
pub use validate::{manifest_problem, report};

/// A direction as messages have it.
pub fn direction(direction: Direction) -> pb::TrafficDirection {
    match direction {
        Direction::Ingress => pb::TrafficDirection::Ingress,
        Direction::Egress => pb::TrafficDirection::Egress,
    }
}

/// A direction for people: `ingress`; empty if it isn't known.
pub fn direction_text(direction: pb::TrafficDirection) -> &'static str {
    match direction {
        pb::TrafficDirection::Unknown => "",
        pb::TrafficDirection::Ingress => "ingress",
        pb::TrafficDirection::Egress => "egress",
    }
}

/// A kind of policy as messages have it.
pub fn policy_kind(kind: Kind) -> wire::PolicyKind {
    match kind {
        Kind::CiliumNetworkPolicy => wire::PolicyKind::CiliumNetworkPolicy,
        Kind::CiliumClusterwideNetworkPolicy => wire::PolicyKind::CiliumClusterwideNetworkPolicy,
        Kind::NetworkPolicy => wire::PolicyKind::NetworkPolicy,
        Kind::Node
        | Kind::Namespace
        | Kind::Pod
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::CiliumCidrGroup => wire::PolicyKind::Unknown,
    }
}

/// The rules behind a reason.
pub fn rules(reason: &Reason) -> Vec<wire::Rule> {
    reason.origins.iter().map(rule).collect()
}

/// The rules behind a reason by policy and path alone, for what is repeated many times.
pub fn rule_references(reason: &Reason) -> Vec<wire::Rule> {
    /// Those of one entry.
    const MOST: usize = 16;
    let origins = reason.origins.iter().take(MOST);
    origins
        .map(|origin| wire::Rule {
            text: String::new(),
            resource_version: String::new(),
            labels: Vec::new(),
            ..rule(origin)
        })
        .collect()
}

fn rule(origin: &Origin) -> wire::Rule {
    let ObjectName {
        kind,
        namespace,
        name,
    } = &origin.policy;
    wire::Rule {
        kind: policy_kind(*kind).into(),
        namespace: namespace.as_deref().unwrap_or_default().to_owned(),
        name: name.to_string(),
        path: Some(path(origin.rule)),
        text: origin.text.to_string(),
        resource_version: origin.version.to_string(),
        labels: origin.policy_labels(),
    }
}

/// Where a rule stands, as messages have it.
pub fn path(path: RulePath) -> wire::RulePath {
    use wire::rule_path::List;
    let (list, index) = match path.item {
        None => (List::Spec, 0),
        Some(RuleItem { list, index }) => match list {
            RuleList::Ingress => (List::Ingress, index),
            RuleList::IngressDeny => (List::IngressDeny, index),
            RuleList::Egress => (List::Egress, index),
            RuleList::EgressDeny => (List::EgressDeny, index),
        },
    };
    let rule = path.port_rule.and_then(|item| item.rule);
    wire::RulePath {
        spec_index: path.spec,
        list: list.into(),
        index,
        port_rule_index: path.port_rule.map(|item| item.index),
        layer7_list: layer7_list(rule.map(|rule| rule.list)).into(),
        layer7_index: rule.map_or(0, |rule| rule.index),
    }
}

fn layer7_list(list: Option<Layer7List>) -> wire::rule_path::Layer7List {
    use wire::rule_path::Layer7List as Wire;
    match list {
        None => Wire::None,
        Some(Layer7List::Http) => Wire::Http,
        Some(Layer7List::Dns) => Wire::Dns,
        Some(Layer7List::Kafka) => Wire::Kafka,
        Some(Layer7List::ServerNames) => Wire::ServerNames,
    }
}

/// The item of `toPorts` in a message; `Err` if it is told in a way that isn't known.
fn port_rule_of(path: &wire::RulePath) -> Result<Option<PortRuleItem>, ()> {
    let number = path.layer7_list;
    let lists = Layer7List::ALL.into_iter().map(Some).chain([None]);
    let mut lists = lists.filter(|list| i32::from(layer7_list(*list)) == number);
    let list = lists.next().ok_or(())?;
    let rule = list.map(|list| Layer7Item {
        list,
        index: path.layer7_index,
    });
    match (path.port_rule_index, rule) {
        (Some(index), rule) if rule.is_some() || path.layer7_index == 0 => {
            Ok(Some(PortRuleItem { index, rule }))
        }
        (None, None) if path.layer7_index == 0 => Ok(None),
        (Some(_) | None, _) => Err(()),
    }
}

/// Where a rule stands, from a message; `None` if that doesn't tell, or in a way that isn't known.
pub fn path_of(path: Option<&wire::RulePath>) -> Option<RulePath> {
    use wire::rule_path::List;
    let path = path?;
    let list = match List::try_from(path.list).ok()? {
        List::Spec if path.index == 0 => None,
        List::Spec => return None,
        List::Ingress => Some(RuleList::Ingress),
        List::IngressDeny => Some(RuleList::IngressDeny),
        List::Egress => Some(RuleList::Egress),
        List::EgressDeny => Some(RuleList::EgressDeny),
    };
    let index = path.index;
    let port_rule = port_rule_of(path).ok()?;
    // Only elements have ports.
    (list.is_some() || port_rule.is_none()).then_some(RulePath {
        spec: path.spec_index,
        item: list.map(|list| RuleItem { list, index }),
        port_rule,
    })
}

/// The same for people: `spec.ingress[0]`; empty if it isn't known.
pub fn path_text(path: Option<&wire::RulePath>) -> String {
    path_of(path)
        .map(|path| path.to_string())
        .unwrap_or_default()
}

/// Protocol and ports of a key of a table: `8080/TCP`, `64-127/UDP`, `TCP`, `all`.
pub fn ports(key: &PolicyKey) -> String {
    let shape = key.shape & !EGRESS;
    if shape == SHAPE_ALL {
        return "all".to_owned();
    }
    let protocol = protocol_name(key.proto);
    let fixed = shape.saturating_sub(SHAPE_PROTO).min(16);
    if fixed == 0 {
        return protocol;
    }
    // The open bits of a key's port are 0.
    let last = key.port | u16::MAX.checked_shr(fixed.into()).unwrap_or(0);
    match last == key.port {
        true => format!("{last}/{protocol}"),
        false => format!("{}-{last}/{protocol}", key.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_as_they_went() {
        let mut lists: Vec<Option<RuleList>> = RuleList::ALL.map(Some).to_vec();
        lists.push(None);
        let mut seen = Vec::new();
        for spec in [None, Some(0), Some(7)] {
            for list in &lists {
                let item = list.map(|list| RuleItem { list, index: 2 });
                let whole = PortRuleItem {
                    index: 0,
                    rule: None,
                };
                let rules = Layer7List::ALL.map(|list| {
                    let rule = Some(Layer7Item { list, index: 0 });
                    Some(PortRuleItem { rule, ..whole })
                });
                let port_rules = [None, Some(whole)].into_iter().chain(rules);
                for port_rule in port_rules.filter(|it| it.is_none() || item.is_some()) {
                    let here = RulePath {
                        spec,
                        item,
                        port_rule,
                    };
                    let told = path(here);
                    assert_eq!(path_of(Some(&told)), Some(here));
                    assert_eq!(path_text(Some(&told)), here.to_string());
                    assert!(!seen.contains(&told), "{here} is told like another");
                    seen.push(told);
                }
            }
        }
        // List and index of a rule, and item, list and index of one of layer 7.
        for (list, index, port_rule_index, layer7_list, layer7_index) in [
            (0, 1, None, 0, 0),
            (5, 0, None, 0, 0),
            (-1, 0, None, 0, 0),
            (0, 0, Some(0), 0, 0),
            (1, 0, None, 1, 0),
            (1, 0, Some(0), 5, 0),
            (1, 0, Some(0), 0, 1),
        ] {
            let told = wire::RulePath {
                list,
                index,
                port_rule_index,
                layer7_list,
                layer7_index,
                ..wire::RulePath::default()
            };
            assert_eq!(path_of(Some(&told)), None);
            assert_eq!(path_text(Some(&told)), "");
        }
    }

    #[test]
    fn ports_of_keys() {
        for (shape, proto, port, wanted) in [
            (SHAPE_ALL, 0, 0, "all"),
            (SHAPE_PROTO, 6, 0, "TCP"),
            (SHAPE_PROTO + 16, 6, 8080, "8080/TCP"),
            ((SHAPE_PROTO + 10) | EGRESS, 17, 64, "64-127/UDP"),
            (SHAPE_PROTO + 1, 132, 0x8000, "32768-65535/SCTP"),
        ] {
            let key = PolicyKey {
                shape,
                proto,
                port,
                ..PolicyKey::default()
            };
            assert_eq!(ports(&key), wanted);
        }
    }
}
