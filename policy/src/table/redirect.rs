//! Entries that send what they allow to a proxy.

use std::collections::HashMap;

use abi::policy::{EGRESS, PolicyKey, SHAPE_ALL, SHAPE_PORT, SHAPE_PROTO};
use l7::rules::Allows;

use super::Merged;
use crate::config::ProxyPorts;
use crate::rule::{Element, Ports};

/// The low byte of a precedence, as in Cilium's policy map.
pub(super) const DENY: u8 = 255;
pub(super) const ALLOW: u8 = 1;
/// Between the two: redirects, by the priority of their parser (101 for HTTP and so on) below 255.
const HTTP: u8 = 255 - 101;
const KAFKA: u8 = 255 - 106;
const TLS: u8 = 255 - 116;
const DNS: u8 = 255 - 121;

/// The low byte of the precedence of what allows this.
fn precedence(allows: &Allows) -> u8 {
    match allows {
        Allows::Everything => ALLOW,
        Allows::Http(_) => HTTP,
        Allows::Kafka(_) => KAFKA,
        Allows::ServerNames(_) => TLS,
        Allows::Dns(_) => DNS,
    }
}

/// Whether an entry of this precedence redirects.
fn is_redirect(precedence: u8) -> bool {
    (ALLOW + 1..DENY).contains(&precedence)
}

/// The proxy's port of an entry of this precedence; 0 if it doesn't redirect.
pub(super) fn proxy_port(precedence: u8, ports: Option<ProxyPorts>) -> u16 {
    let ports = ports.filter(|_| is_redirect(precedence));
    ports.map_or(0, |ports| match precedence {
        DNS => ports.dns,
        _ => ports.tcp,
    })
}

/// The ports of an element, and the precedence of what it says on them. Rules of layer 7 that nobody would
/// judge allow nothing.
pub(super) fn pieces(element: &Element, is_judged: bool) -> impl Iterator<Item = (&[Ports], u8)> {
    let whole = element.port_rules.is_empty().then(|| {
        let precedence = if element.deny { DENY } else { ALLOW };
        (element.ports.as_slice(), precedence)
    });
    let rules = element.port_rules.iter();
    let rules = rules.map(|rule| (rule.ports.as_slice(), precedence(&rule.allows)));
    let rules = rules.filter(move |(_, precedence)| is_judged || *precedence == ALLOW);
    whole.into_iter().chain(rules)
}

/// Takes out what a wider entry of the same column redirects: a column answers with its longest entry, and
/// what is plainly allowed in a range that is redirected goes to the proxy, too.
pub(super) fn prune(merged: &mut HashMap<PolicyKey, Merged>) {
    let is_wide = |(key, merged): (&PolicyKey, &Merged)| {
        is_redirect(merged.precedence) && key.shape & !EGRESS < SHAPE_PORT
    };
    if !merged.iter().any(is_wide) {
        return;
    }
    let is_covered = |(key, narrow): (&PolicyKey, &Merged)| {
        let wider = |key| merged.get(&key);
        let redirects =
            |wide: &Merged| is_redirect(wide.precedence) && wide.precedence > narrow.precedence;
        around(*key).filter_map(wider).any(redirects)
    };
    let covered = merged.iter().filter(|entry| is_covered(*entry));
    let covered: Vec<PolicyKey> = covered.map(|(key, _)| *key).collect();
    for key in covered {
        merged.remove(&key);
    }
}

/// The keys of a column that cover all that a key covers, and more.
fn around(key: PolicyKey) -> impl Iterator<Item = PolicyKey> {
    let (shape, egress) = (key.shape & !EGRESS, key.shape & EGRESS);
    let with_ports = (SHAPE_PROTO..shape).map(move |wider| {
        let open = u32::from(SHAPE_PORT - wider);
        PolicyKey {
            port: key.port.checked_shr(open).map_or(0, |port| port << open),
            shape: wider | egress,
            ..key
        }
    });
    let all = (shape > SHAPE_ALL).then_some(PolicyKey {
        port: 0,
        proto: 0,
        shape: SHAPE_ALL | egress,
        ..key
    });
    with_ports.chain(all)
}
