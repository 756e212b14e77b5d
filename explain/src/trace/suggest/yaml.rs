//! Rules and policies as people write them.

use super::unique_labels::{self, UniqueLabels};
use super::{DeniedConnection, Direction};
use crate::trace::request::name_text;
use crate::trace::{End, protocol_name};
use policy::rule::protocol;

/// A rule that allows what is wanted, as an item of a policy's list; `None` if that kind of policy has no
/// words for it.
pub(super) fn element(
    denied: &DeniedConnection<'_>,
    native: bool,
    namespace: Option<&str>,
) -> Option<String> {
    match native {
        true => kubernetes_element(denied),
        false => cilium_element(denied, namespace),
    }
}

/// A whole policy that selects the subject by these labels.
pub(super) fn policy(
    denied: &DeniedConnection<'_>,
    namespace: &str,
    labels: &UniqueLabels,
) -> Option<String> {
    let name = labels.labels.first().map_or("pods", |(_, value)| value);
    let element = cilium_element(denied, Some(namespace))?;
    Some(format!(
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata:\n  name: {}-{direction}\n  \
         namespace: {}\nspec:\n  endpointSelector:\n{}  {direction}:\n{}",
        object_name(name),
        scalar(namespace),
        match_labels(&labels.labels, 4),
        indented(&element, 2),
        direction = denied.direction,
    ))
}

/// A name that the API server takes, made of a label's value.
fn object_name(text: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = text.chars().map(fits).collect();
    let name = name.trim_matches('-');
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name.to_owned(),
        false => format!("pods-{name}").trim_end_matches('-').to_owned(),
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}

fn cilium_element(denied: &DeniedConnection<'_>, namespace: Option<&str>) -> Option<String> {
    let word = word(denied.direction);
    let peer = denied.peer;
    let world = ["world", "world-ipv4", "world-ipv6"];
    let mut text = if peer.judged {
        let labels = unique_labels::labels(peer, &denied.others, namespace, true)?;
        let selector = match_labels(&labels.labels, 4);
        format!("- {word}Endpoints:\n  - {}", selector.trim_start())
    } else if let End::Fqdn(name) = &denied.query.destination
        && denied.direction == Direction::Egress
    {
        let name = name_text(name);
        format!("- toFQDNs:\n  - matchName: {}\n", scalar(&name))
    } else if let Some(ip) = peer
        .ip
        .filter(|_| world.iter().any(|name| peer.labels.is_reserved(name)))
    {
        format!("- {word}CIDR:\n  - {}\n", ipnet::IpNet::from(ip))
    } else {
        let mut labels = peer.labels.iter();
        let name = labels.find(|label| &*label.source == "reserved")?;
        format!("- {word}Entities:\n  - {}\n", name.key)
    };
    text.push_str(&match denied.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let family = match denied.protocol {
                protocol::ICMP => "IPv4",
                _ => "IPv6",
            };
            format!(
                "  icmps:\n  - fields:\n    - family: {family}\n      type: {}\n",
                denied.port
            )
        }
        other => format!(
            "  toPorts:\n  - ports:\n    - port: \"{}\"\n      protocol: {}\n",
            denied.port,
            protocol_name(other)
        ),
    });
    text.push_str(denied.layer7.as_deref()?);
    Some(text)
}

fn kubernetes_element(denied: &DeniedConnection<'_>) -> Option<String> {
    let word = word(denied.direction);
    let peer = denied.peer;
    if matches!(denied.protocol, protocol::ICMP | protocol::ICMPV6) {
        return None;
    }
    let mut text = if peer.judged {
        let home = peer.namespace();
        let labels = unique_labels::labels(peer, &denied.others, home, false)?;
        let selector = match_labels(&labels.labels, 6);
        let own = denied.subject.namespace();
        match home.filter(|home| Some(*home) != own) {
            None => format!("- {word}:\n  - podSelector:\n{selector}"),
            Some(home) => format!(
                "- {word}:\n  - namespaceSelector:\n      matchLabels:\n        \
                 kubernetes.io/metadata.name: {}\n    podSelector:\n{selector}",
                scalar(home)
            ),
        }
    } else {
        let ip = peer.ip?;
        format!(
            "- {word}:\n  - ipBlock:\n      cidr: {}\n",
            ipnet::IpNet::from(ip)
        )
    };
    text.push_str(&format!(
        "  ports:\n  - port: {}\n    protocol: {}\n",
        denied.port,
        protocol_name(denied.protocol)
    ));
    Some(text)
}

fn match_labels(labels: &[(String, String)], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut text = format!("{pad}matchLabels:\n");
    for (key, value) in labels {
        text.push_str(&format!("{pad}  {key}: {}\n", scalar(value)));
    }
    text
}

/// A label's value; in quotes where YAML would read anything but a text.
fn scalar(value: &str) -> String {
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&value.to_ascii_lowercase().as_str());
    match plain {
        true => value.to_owned(),
        false => format!("\"{value}\""),
    }
}

pub(super) fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.lines().map(|line| format!("{pad}{line}\n")).collect()
}
