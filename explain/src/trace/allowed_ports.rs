//! Which ports of a destination can be reached: the verdict of every port, by the kernel's own lookup.
//!
//! Between two ports at which some rule begins or ends to speak, all ports get the same verdict: one of
//! each such span is asked for.

use std::collections::BTreeSet;

use super::identities::KnownIdentities;
use super::resolved_peer::ResolvedPeer;
use super::{PolicyContext, PortText, protocol_name};
use policy::Direction;
use policy::rule::{Ports, protocol};

/// What is allowed and what is denied over all ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPorts {
    /// `8080/TCP`, `8000-9000/TCP`, `UDP`, `ICMP type 8`.
    pub allowed: Vec<String>,
    /// Likewise.
    pub denied: Vec<String>,
}

/// Ports of a protocol (ICMP: types) that no rule tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) protocol: u8,
    pub(crate) first: u16,
    pub(crate) last: u16,
    /// A rule names them.
    pub(crate) named: bool,
}

const PROTOCOLS: [u8; 5] = [
    protocol::TCP,
    protocol::UDP,
    protocol::SCTP,
    protocol::ICMP,
    protocol::ICMPV6,
];

/// All ports there are of a protocol.
fn all_of(protocol: u8) -> (u16, u16) {
    match protocol {
        protocol::ICMP | protocol::ICMPV6 => (0, 255),
        _ => (1, u16::MAX),
    }
}

/// All spans, by protocol and port.
pub(super) fn spans(
    context: &PolicyContext<'_>,
    known: &KnownIdentities,
    source: &ResolvedPeer,
    destination: &ResolvedPeer,
) -> Vec<Span> {
    let mut named: BTreeSet<(u8, u16, u16)> = BTreeSet::new();
    for (direction, subject, peer) in [
        (Direction::Egress, source, destination),
        (Direction::Ingress, destination, source),
    ] {
        if !subject.judged {
            continue;
        }
        let rules = context.policies.values().flat_map(|policy| &policy.rules);
        let rules = rules.filter(|rule| rule.subject.matches(&subject.labels));
        let elements = rules
            .filter_map(|rule| rule.statement(direction))
            .flat_map(|statement| &statement.elements);
        for ports in elements.flat_map(|element| &element.ports) {
            match ports {
                Ports::All | Ports::Protocol(_) => {}
                Ports::Range {
                    protocol,
                    first,
                    last,
                } => drop(named.insert((*protocol, *first, *last))),
                // Whoever means it by the name: one span too many does no harm.
                Ports::Named { protocol, name } => {
                    let of_peer = known.named_ports.get(&peer.identity);
                    let known = subject.ports.iter().chain(of_peer.into_iter().flatten());
                    let same =
                        known.filter(|port| port.protocol == *protocol && port.name == *name);
                    named.extend(same.map(|port| (*protocol, port.port, port.port)));
                }
            }
        }
    }
    spans_between(&named)
}

/// All spans that ranges of ports (protocol, first, last) that rules name make, by protocol and port.
pub(crate) fn spans_between(named: &BTreeSet<(u8, u16, u16)>) -> Vec<Span> {
    let mut spans = Vec::new();
    for protocol in PROTOCOLS {
        let (first, last) = all_of(protocol);
        let own = named.iter().filter(|(of, ..)| *of == protocol);
        let own: Vec<(u16, u16)> = own.map(|(_, first, last)| (*first, *last)).collect();
        let mut starts = BTreeSet::from([first]);
        for (from, to) in &own {
            starts.insert((*from).clamp(first, last));
            starts.extend(
                to.checked_add(1)
                    .filter(|next| (first..=last).contains(next)),
            );
        }
        let ends = starts.iter().skip(1).map(|next| next - 1).chain([last]);
        spans.extend(starts.iter().zip(ends).map(|(first, last)| Span {
            protocol,
            first: *first,
            last,
            named: own.iter().any(|(from, to)| (*from..=*to).contains(first)),
        }));
    }
    spans
}

/// Whose verdict to show for all: of what is denied, or else of all, a port that no rule names, TCP
/// before the others.
pub(super) fn representative(spans: &[(Span, bool)]) -> Option<Span> {
    let all_allowed = spans.iter().all(|(_, allowed)| *allowed);
    let wanted = spans.iter().filter(|(_, allowed)| *allowed == all_allowed);
    wanted.map(|(span, _)| *span).min_by_key(|span| span.named)
}

impl AllowedPorts {
    /// Puts neighbours with the same verdict together.
    pub(super) fn from_spans(spans: &[(Span, bool)]) -> Self {
        let mut merged: Vec<(Span, bool)> = Vec::new();
        for (span, allowed) in spans {
            match merged.last_mut() {
                Some((before, same)) if before.protocol == span.protocol && same == allowed => {
                    before.last = span.last;
                }
                _ => merged.push((*span, *allowed)),
            }
        }
        let texts = |wanted: bool| {
            let some = merged.iter().filter(|(_, allowed)| *allowed == wanted);
            some.map(|(span, _)| span.text()).collect()
        };
        Self {
            allowed: texts(true),
            denied: texts(false),
        }
    }
}

impl Span {
    /// As people write it: `8000-9000/TCP`, `UDP`, `ICMP type 8`.
    pub(crate) fn text(&self) -> String {
        let Self {
            protocol,
            first,
            last,
            ..
        } = *self;
        let name = protocol_name(protocol);
        if (first, last) == all_of(protocol) {
            return name;
        }
        match protocol {
            _ if first == last => PortText {
                protocol,
                port: first,
            }
            .to_string(),
            protocol::ICMP | protocol::ICMPV6 => format!("{name} types {first}-{last}"),
            _ => format!("{first}-{last}/{name}"),
        }
    }
}
