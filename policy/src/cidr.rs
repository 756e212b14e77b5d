//! Prefixes inside of prefixes, and the labels that they give.

use std::collections::BTreeMap;

use cluster::{CidrGroup, Labels};
use ipnet::IpNet;

/// A prefix and all that it lies in, the longest first: at most 33 or 129 look-ups tell whether one of many
/// prefixes holds another.
pub fn supernets(prefix: IpNet) -> impl Iterator<Item = IpNet> {
    std::iter::successors(Some(prefix.trunc()), IpNet::supernet)
}

/// Whether a prefix is one of `prefixes`, which are sorted, or inside of one.
pub(crate) fn is_within(prefix: IpNet, prefixes: &[IpNet]) -> bool {
    !prefixes.is_empty() && supernets(prefix).any(|net| prefixes.binary_search(&net).is_ok())
}

/// The prefixes of a map that lie in `cidr`, itself included.
pub(crate) fn within<V>(
    map: &BTreeMap<IpNet, V>,
    cidr: IpNet,
) -> impl Iterator<Item = (&IpNet, &V)> {
    // Prefixes sort by address first: those inside of a prefix follow it.
    map.range(cidr..)
        .take_while(move |(prefix, _)| {
            crate::steps::count(1);
            cidr.contains(*prefix) || prefix.addr() <= cidr.broadcast()
        })
        .filter(move |(prefix, _)| cidr.contains(*prefix))
}

/// As [`CidrRule::matches`](crate::rule::CidrRule::matches), of a prefix and what is taken out of it.
pub(crate) fn covers(cidr: IpNet, except: &[IpNet], labels: &Labels) -> bool {
    match labels.cidr() {
        Some(prefix) => cidr.contains(&prefix) && !is_within(prefix, except),
        None if cidr.prefix_len() == 0 => {
            labels.is_reserved("world")
                || labels.is_reserved(match cidr {
                    IpNet::V4(_) => "world-ipv4",
                    IpNet::V6(_) => "world-ipv6",
                })
        }
        None => false,
    }
}

/// Labels that prefixes get from a group they are in.
pub fn group_labels(group: &CidrGroup) -> impl Iterator<Item = cluster::Label> {
    let name = format!("{}/{}", cluster::labels::CIDR_GROUP, group.name);
    std::iter::once(cluster::Label::new("cidrgroup", &name, "")).chain(
        group
            .labels
            .iter()
            .map(|(key, value)| cluster::Label::new("cidrgroup", key, value)),
    )
}
