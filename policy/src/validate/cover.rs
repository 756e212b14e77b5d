//! Whether what one rule is about lies within what another is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::CidrGroup;

use super::Setting;
use crate::rule::{CidrRule, Element, Peer, Ports};
use crate::selector::Selector;

/// Whether `outer` is about everything that `inner` is about, whatever pods there are.
pub(super) fn element(outer: &Element, inner: &Element) -> bool {
    let peer = |peer: &Peer| outer.peers.iter().any(|other| within(other, peer));
    inner.peers.iter().all(peer) && all_ports(outer, inner)
}

/// Whether `outer` is about everything that `inner` is about, with the pods that there are.
pub(super) fn element_now(outer: &Element, inner: &Element, setting: &Setting<'_>) -> bool {
    inner.peers.iter().all(|peer| {
        let within = |other: &Peer| within(other, peer);
        outer.peers.iter().any(within) || among_known(&outer.peers, peer, setting)
    }) && all_ports(outer, inner)
}

fn all_ports(outer: &Element, inner: &Element) -> bool {
    let covered = |ports: &Ports| outer.ports.iter().any(|other| has_ports(other, ports));
    inner.ports.iter().all(covered)
}

/// Whether `outer` selects everything that `inner` selects: it demands no more.
pub(super) fn selector(outer: &Selector, inner: &Selector) -> bool {
    outer
        .requirements
        .iter()
        .all(|requirement| inner.requirements.contains(requirement))
}

/// Whether a peer means all that another one means, whatever pods there are.
pub(super) fn within(outer: &Peer, inner: &Peer) -> bool {
    match (outer, inner) {
        (Peer::All, _) => true,
        (Peer::Labels(outer), Peer::Labels(inner)) => selector(outer, inner),
        (Peer::Cidr(outer), Peer::Cidr(inner)) => prefix(outer, inner),
        (Peer::Reserved("world"), Peer::Cidr(_)) => true,
        (outer, inner) => outer == inner,
    }
}

fn prefix(outer: &CidrRule, inner: &CidrRule) -> bool {
    outer.cidr.contains(&inner.cidr)
        && outer.except.iter().all(|hole| {
            let taken_out = inner.except.iter().any(|except| except.contains(hole));
            taken_out || !(inner.cidr.contains(hole) || hole.contains(&inner.cidr))
        })
}

/// Whether all pods that a selector means are meant by these peers, too; only if there are any.
pub(super) fn among_known(outer: &[Peer], inner: &Peer, setting: &Setting<'_>) -> bool {
    let Peer::Labels(selector) = inner else {
        return false;
    };
    let groups: &BTreeMap<Arc<str>, Arc<CidrGroup>> = &setting.state.cidr_groups;
    let mut meant = setting
        .pods
        .keys()
        .filter(|labels| selector.matches(labels))
        .peekable();
    meant.peek().is_some()
        && meant.all(|labels| outer.iter().any(|peer| peer.matches(labels, groups)))
}

pub(super) fn has_ports(outer: &Ports, inner: &Ports) -> bool {
    match (outer, inner) {
        (Ports::All, _) => true,
        (
            Ports::Protocol(outer),
            Ports::Protocol(inner)
            | Ports::Range {
                protocol: inner, ..
            }
            | Ports::Named {
                protocol: inner, ..
            },
        ) => outer == inner,
        (
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
        ) => protocol == other && first <= low && high <= last,
        (outer, inner) => outer == inner,
    }
}
