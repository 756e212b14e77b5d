//! Denies that leave only a part of an allow.

use cluster::ObjectName;

use super::overlap::Others;
use super::{LintContext, subsumption};
use crate::trace::{PortText, protocol_name};
use policy::rule::{Element, Peer, Ports, protocol};

/// A part of an allow that a deny takes away.
pub(super) struct PartialShadow<'a> {
    pub(super) policy: &'a ObjectName,
    pub(super) element: &'a Element,
    /// `app=web on 8080/TCP`.
    pub(super) text: String,
}

/// Pods that are named before they are counted.
const NAMED: usize = 3;

/// The first deny that takes a part of an allow away.
pub(super) fn partial<'a>(
    others: &Others<'a>,
    allow: &Element,
    context: &LintContext<'a>,
) -> Option<PartialShadow<'a>> {
    let mut denies = others.denies.entries.iter();
    denies.find_map(|other| {
        let deny = other.element;
        let on = ports_met(allow, deny)?;
        let who = peers_met(allow, deny, context)?;
        let text = match on.as_str() {
            "" => who,
            on => format!("{who} on {on}"),
        };
        Some(PartialShadow {
            policy: &other.policy.name,
            element: deny,
            text,
        })
    })
}

/// Whom of an allow a deny is about; `None`: nobody.
fn peers_met(allow: &Element, deny: &Element, context: &LintContext<'_>) -> Option<String> {
    let known = [allow, deny].map(|element| context.scope_of(element));
    let [of_allow, of_deny] = &known;
    let covered =
        |peer: &Peer| of_deny.has(peer) || subsumption::covers_pods(of_deny, peer, context);
    if allow.peers.iter().all(covered) {
        return Some(allow.who.to_string());
    }
    if deny.peers.iter().any(|peer| of_allow.has(peer)) {
        return Some(deny.who.to_string());
    }
    let met: Vec<usize> = of_allow.pods.common(&of_deny.pods).collect();
    if met.is_empty() {
        return None;
    }
    let pods = context.pods.values().enumerate();
    let mut names: Vec<String> = pods
        .filter(|(number, _)| met.binary_search(number).is_ok())
        .flat_map(|(_, pods)| pods.iter().map(|pod| pod.name.to_string()))
        .collect();
    names.sort();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}

/// Which ports of an allow a deny is about, empty for all of them; `None`: none.
fn ports_met(allow: &Element, deny: &Element) -> Option<String> {
    let covered = |ports: &Ports| {
        deny.ports
            .iter()
            .any(|other| subsumption::has_ports(other, ports))
    };
    if allow.ports.iter().all(covered) {
        return Some(allow.on.to_string());
    }
    let pairs = allow.ports.iter().flat_map(|one| {
        deny.ports
            .iter()
            .filter_map(move |other| common(one, other))
    });
    let mut texts: Vec<String> = Vec::new();
    for text in pairs.map(|ports| ports_text(&ports)) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// What two have in common.
fn common(one: &Ports, other: &Ports) -> Option<Ports> {
    if subsumption::has_ports(one, other) {
        return Some(other.clone());
    }
    if subsumption::has_ports(other, one) {
        return Some(one.clone());
    }
    let (
        Ports::Range {
            protocol,
            first,
            last,
        },
        Ports::Range {
            protocol: other,
            first: low,
            last: high,
        },
    ) = (one, other)
    else {
        return None;
    };
    let (first, last) = (*first.max(low), *last.min(high));
    (protocol == other && first <= last).then_some(Ports::Range {
        protocol: *protocol,
        first,
        last,
    })
}

fn ports_text(ports: &Ports) -> String {
    match ports {
        Ports::All => "all ports".to_owned(),
        Ports::Protocol(protocol) => format!("all {} ports", protocol_name(*protocol)),
        Ports::Range {
            protocol,
            first,
            last,
        } if first == last => PortText {
            protocol: *protocol,
            port: *first,
        }
        .to_string(),
        Ports::Range {
            protocol: protocol @ (protocol::ICMP | protocol::ICMPV6),
            first,
            last,
        } => format!("{} types {first}-{last}", protocol_name(*protocol)),
        Ports::Range {
            protocol,
            first,
            last,
        } => format!("{first}-{last}/{}", protocol_name(*protocol)),
        Ports::Named { protocol, name } => format!("{name}/{}", protocol_name(*protocol)),
    }
}
