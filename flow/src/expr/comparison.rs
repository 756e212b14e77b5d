//! What the values of one comparison become: those of one kind are one leaf.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, operators or tokens"
)]

use regex::Regex;

use crate::attribute::{Attribute, AttributeId, EndAttribute};
use crate::filter::{
    Addresses, Filter, HttpLeaf, Labels, Leaf, Name, NodePattern, NumberLeaf, Pattern, Protocol,
    Scoped, Selector, TextLeaf,
};

#[derive(Default)]
pub(super) struct ComparedValues {
    /// Conditions of their own.
    pub(super) whole: Vec<Filter>,
    pub(super) ranges: Vec<(u64, u64)>,
    pub(super) statuses: Vec<String>,
    pub(super) numbers: Vec<u32>,
    pub(super) addresses: Option<Addresses>,
    pub(super) tests: Vec<Scoped>,
    pub(super) names: Vec<Name>,
    pub(super) texts: Vec<String>,
    pub(super) pairs: Vec<(String, String)>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) nodes: Vec<NodePattern>,
    pub(super) selectors: Vec<Selector>,
    pub(super) regexes: Vec<Regex>,
    pub(super) types: Vec<(Option<i32>, Option<i32>)>,
    pub(super) protocols: Vec<Protocol>,
    pub(super) sets: Vec<u16>,
}

fn bits(numbers: &[u32]) -> u32 {
    let bits = numbers
        .iter()
        .filter_map(|number| 1u32.checked_shl(*number));
    bits.fold(0, |set, bit| set | bit)
}

impl ComparedValues {
    /// The values as alternatives.
    pub(super) fn finish(self, field: &'static Attribute) -> Filter {
        let (id, side) = (field.id, field.id.side());
        let mut any = self.whole;
        let mut push = |is_there: bool, leaf: Leaf| {
            if is_there {
                any.push(Filter::Leaf(leaf));
            }
        };
        push(!self.ranges.is_empty(), ranges(field, self.ranges));
        let there = !self.statuses.is_empty();
        push(there, Leaf::Http(HttpLeaf::Status(self.statuses)));
        if !self.numbers.is_empty() {
            push(
                true,
                match id {
                    AttributeId::Reason => {
                        let numbers = self.numbers.iter();
                        let numbers = numbers.filter_map(|number| i32::try_from(*number).ok());
                        Leaf::DropReason(numbers.collect())
                    }
                    AttributeId::Direction => Leaf::Direction(bits(&self.numbers)),
                    AttributeId::IpVersion => Leaf::IpVersion(bits(&self.numbers)),
                    _ => Leaf::Verdict(bits(&self.numbers)),
                },
            );
        }
        if let Some(addresses) = self.addresses {
            push(
                true,
                match id {
                    AttributeId::SnatIp => Leaf::SourceXlated(addresses),
                    _ => Leaf::Ip(side, addresses),
                },
            );
        }
        let (of, tests) = (field, self.tests);
        push(!tests.is_empty(), Leaf::Text(TextLeaf { of, tests }));
        push(
            !self.names.is_empty(),
            match id {
                AttributeId::Of(_, EndAttribute::Service) => Leaf::Service(side, self.names),
                _ => Leaf::Pod(side, self.names),
            },
        );
        push(
            !self.texts.is_empty(),
            match id {
                AttributeId::Of(_, EndAttribute::Cluster) => Leaf::Cluster(side, self.texts),
                AttributeId::Uuid => Leaf::Uuid(self.texts),
                AttributeId::TraceId => Leaf::TraceId(self.texts),
                _ => Leaf::Http(HttpLeaf::Method(self.texts)),
            },
        );
        push(
            !self.pairs.is_empty(),
            match id {
                AttributeId::Of(_, EndAttribute::Workload) => Leaf::Workload(side, self.pairs),
                AttributeId::Interface => Leaf::Interface(interfaces(self.pairs)),
                _ => Leaf::Http(HttpLeaf::Header(self.pairs)),
            },
        );
        push(!self.patterns.is_empty(), Leaf::Fqdn(side, self.patterns));
        push(!self.nodes.is_empty(), Leaf::Node(self.nodes));
        push(
            !self.selectors.is_empty(),
            match id {
                AttributeId::NodeLabel => Leaf::NodeLabels(self.selectors),
                _ => Leaf::Labels(Labels {
                    side,
                    selectors: self.selectors,
                    slot: usize::MAX,
                }),
            },
        );
        push(
            !self.regexes.is_empty(),
            match id {
                AttributeId::HttpPath => Leaf::Http(HttpLeaf::Path(self.regexes)),
                AttributeId::HttpUrl => Leaf::Http(HttpLeaf::Url(self.regexes)),
                _ => Leaf::DnsQuery(self.regexes),
            },
        );
        push(!self.types.is_empty(), Leaf::EventType(self.types));
        push(!self.protocols.is_empty(), Leaf::Protocol(self.protocols));
        push(!self.sets.is_empty(), Leaf::TcpFlags(self.sets));
        match (any.len(), any.pop()) {
            (1, Some(one)) => one,
            (_, last) => {
                any.extend(last);
                Filter::Any(any)
            }
        }
    }
}

/// Index (0 for any) and name.
fn interfaces(pairs: Vec<(String, String)>) -> Vec<(u32, String)> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(index, name)| (index.parse().unwrap_or(0), name))
        .collect()
}

/// Single numbers have a leaf of their own, where Hubble has one.
fn ranges(of: &'static Attribute, ranges: Vec<(u64, u64)>) -> Leaf {
    let single = ranges.iter().all(|(from, to)| from == to);
    let mut numbers = ranges.iter().map(|(from, _)| *from);
    let small = || {
        ranges
            .iter()
            .filter_map(|(from, _)| u32::try_from(*from).ok())
    };
    match of.id {
        AttributeId::Of(side, EndAttribute::Port) if single => {
            let ports = numbers.filter_map(|port| u16::try_from(port).ok());
            Leaf::Port(side, ports.collect())
        }
        AttributeId::Of(side, EndAttribute::Identity) if single => {
            let mut identities: Vec<u32> = small().collect();
            identities.sort_unstable();
            Leaf::Identity(side, identities)
        }
        AttributeId::IpTraceId if single => Leaf::IpTraceId(numbers.by_ref().collect()),
        _ => Leaf::Number(NumberLeaf { of, ranges }),
    }
}
