//! The smallest rule that would let a denied connection through.

use cluster::labels::{CLUSTER, NAMESPACE, NAMESPACE_LABELS, SERVICE_ACCOUNT};
use cluster::{Kind, ObjectName};

use super::finding::{Matter, PolicyFinding};
use super::protocol_name;
use crate::decide::Decision;
use crate::reason::{Direction, ReasonKind};
use crate::rule::protocol;

/// A change that would allow a connection at one end. It is offered, not recommended: whether the
/// connection should be is for people to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The policy that it changes; `None`: a new one.
    pub policy: Option<ObjectName>,
    /// In words.
    pub text: String,
    /// What to add to the named list, or the whole new policy; empty if nothing is to be added.
    pub yaml: String,
}

/// Labels by which people tell applications apart, the usual ones first.
const TELLING: [&str; 5] = [
    "app",
    "app.kubernetes.io/name",
    "k8s-app",
    "name",
    "component",
];

pub(super) fn suggest(
    matter: &Matter<'_>,
    decision: &Decision,
    findings: &[PolicyFinding],
) -> Vec<Suggestion> {
    let Some(reason) = decision.reason.as_ref().filter(|_| !decision.allows()) else {
        return Vec::new();
    };
    match reason.kind {
        ReasonKind::Deny => reason
            .origins
            .iter()
            .map(|origin| Suggestion {
                policy: Some(origin.policy.clone()),
                text: format!(
                    "narrow or remove {} of {}: a deny outweighs every allow",
                    origin.rule, origin.policy
                ),
                yaml: String::new(),
            })
            .collect(),
        ReasonKind::DefaultDeny => best(findings)
            .map(|finding| extend(matter, finding))
            .into_iter()
            .collect(),
        ReasonKind::AlwaysEnforced => new_policy(matter).into_iter().collect(),
        ReasonKind::Init
        | ReasonKind::Allow
        | ReasonKind::AllowAny
        | ReasonKind::AllowLocalhost => Vec::new(),
    }
}

/// The policy nearest to allowing it: the one with a rule of which least failed.
fn best(findings: &[PolicyFinding]) -> Option<&PolicyFinding> {
    findings.iter().min_by_key(|finding| {
        let allows = finding.rules.iter().filter(|rule| !rule.deny);
        let failed = allows.map(|rule| rule.failed.len()).min();
        (
            failed.unwrap_or(usize::MAX),
            finding.policy.kind != Kind::CiliumNetworkPolicy,
        )
    })
}

fn extend(matter: &Matter<'_>, finding: &PolicyFinding) -> Suggestion {
    let native = finding.policy.kind == Kind::NetworkPolicy;
    let spec = finding.selecting.first().map_or("spec", |path| path);
    let list = matter.direction;
    let element = if native {
        kubernetes_element(matter)
    } else {
        cilium_element(matter, finding.policy.namespace.as_deref())
    };
    match element {
        Some(yaml) => Suggestion {
            policy: Some(finding.policy.clone()),
            text: format!("add to {spec}.{list} of {}", finding.policy),
            yaml,
        },
        None => Suggestion {
            policy: None,
            text: format!(
                "a CiliumNetworkPolicy: {} has no words for it",
                finding.policy
            ),
            yaml: String::new(),
        },
    }
}

fn new_policy(matter: &Matter<'_>) -> Option<Suggestion> {
    let namespace = matter.subject.namespace()?;
    let labels = telling_labels(matter, true, Some(namespace));
    let name = labels.first().map_or("pods", |(_, value)| value);
    let element = cilium_element(matter, Some(namespace))?;
    let yaml = format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: {name}-{}\n  namespace: {namespace}\nspec:\n  endpointSelector:\n{}  {}:\n{}",
        matter.direction,
        match_labels(&labels, 4),
        matter.direction,
        indented(&element, 2),
    );
    Some(Suggestion {
        policy: None,
        text: "add a policy".to_owned(),
        yaml,
    })
}

fn words(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}

fn cilium_element(matter: &Matter<'_>, namespace: Option<&str>) -> Option<String> {
    let word = words(matter.direction);
    let peer = matter.peer;
    let mut text = if peer.judged {
        let labels = telling_labels(matter, false, namespace);
        format!(
            "- {word}Endpoints:\n  - {}",
            match_labels(&labels, 4).trim_start()
        )
    } else if let Some(ip) = peer.ip.filter(|_| {
        peer.labels.is_reserved("world")
            || peer.labels.is_reserved("world-ipv4")
            || peer.labels.is_reserved("world-ipv6")
    }) {
        format!("- {word}CIDR:\n  - {}\n", ipnet::IpNet::from(ip))
    } else {
        let name = peer
            .labels
            .iter()
            .find(|label| &*label.source == "reserved")
            .map(|label| label.key.to_string())?;
        format!("- {word}Entities:\n  - {name}\n")
    };
    if matter.any_port {
        return Some(text);
    }
    text.push_str(&match matter.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let family = if matter.protocol == protocol::ICMP {
                "IPv4"
            } else {
                "IPv6"
            };
            format!(
                "  icmps:\n  - fields:\n    - family: {family}\n      type: {}\n",
                matter.port
            )
        }
        other => format!(
            "  toPorts:\n  - ports:\n    - port: \"{}\"\n      protocol: {}\n",
            matter.port,
            protocol_name(other)
        ),
    });
    Some(text)
}

fn kubernetes_element(matter: &Matter<'_>) -> Option<String> {
    let word = words(matter.direction);
    let peer = matter.peer;
    let mut text = if peer.judged {
        let own = matter.subject.namespace();
        let labels: Vec<(String, String)> = telling_labels(matter, false, own)
            .into_iter()
            .filter(|(key, _)| !key.ends_with(NAMESPACE))
            .collect();
        let elsewhere = peer.namespace().filter(|namespace| Some(*namespace) != own);
        let selector = match_labels(&labels, 6);
        match elsewhere {
            None => format!("- {word}:\n  - podSelector:\n{selector}"),
            Some(namespace) => format!(
                "- {word}:\n  - namespaceSelector:\n      matchLabels:\n        kubernetes.io/metadata.name: {namespace}\n    podSelector:\n{selector}"
            ),
        }
    } else {
        let ip = peer.ip?;
        format!(
            "- {word}:\n  - ipBlock:\n      cidr: {}\n",
            ipnet::IpNet::from(ip)
        )
    };
    if matter.any_port {
        return Some(text);
    }
    if matches!(matter.protocol, protocol::ICMP | protocol::ICMPV6) {
        return None;
    }
    text.push_str(&format!(
        "  ports:\n  - port: {}\n    protocol: {}\n",
        matter.port,
        protocol_name(matter.protocol)
    ));
    Some(text)
}

/// The fewest labels that say who the peer (or the subject) is; with its namespace if that isn't the
/// policy's.
fn telling_labels(
    matter: &Matter<'_>,
    of_subject: bool,
    namespace: Option<&str>,
) -> Vec<(String, String)> {
    let party = if of_subject {
        matter.subject
    } else {
        matter.peer
    };
    let value = |key: &str| party.labels.get(Some("k8s"), key);
    let mut chosen: Vec<(String, String)> = TELLING
        .iter()
        .find_map(|key| value(key).map(|value| ((*key).to_owned(), value.to_owned())))
        .into_iter()
        .collect();
    if chosen.is_empty() {
        let own = party.labels.iter().filter(|label| {
            let key = &*label.key;
            &*label.source == "k8s"
                && ![NAMESPACE, SERVICE_ACCOUNT, CLUSTER].contains(&key)
                && !key.starts_with(NAMESPACE_LABELS)
        });
        chosen.extend(own.map(|label| (label.key.to_string(), label.value.to_string())));
    }
    if party.namespace() != namespace
        && let Some(elsewhere) = party.namespace()
    {
        chosen.push((format!("k8s:{NAMESPACE}"), elsewhere.to_owned()));
    }
    chosen
}

fn match_labels(labels: &[(String, String)], indent: usize) -> String {
    let pad = " ".repeat(indent);
    if labels.is_empty() {
        return format!("{pad}{{}}\n");
    }
    let mut text = format!("{pad}matchLabels:\n");
    for (key, value) in labels {
        // A bare true or 1 would be no text.
        let plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
            && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
                .contains(&value.to_ascii_lowercase().as_str());
        match plain {
            true => text.push_str(&format!("{pad}  {key}: {value}\n")),
            false => text.push_str(&format!("{pad}  {key}: \"{value}\"\n")),
        }
    }
    text
}

fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.lines().map(|line| format!("{pad}{line}\n")).collect()
}
