//! The questions a filter can ask of a flow, in the form in which they are answered fastest.

use std::net::IpAddr;

use ipnet::IpNet;
use proto::flow::layer7::Record;
use proto::flow::{Http, Verdict};
use regex::Regex;

use super::any_name::AnyName;
use super::cel::Cel;
use super::number::NumberLeaf;
use super::pattern::{NodePattern, Pattern};
use super::selector::Selector;
use super::text::TextLeaf;
use crate::view::{FlowView, Side, Transport};

/// One question. Lists are alternatives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Leaf {
    /// Verdicts, bit by number.
    Verdict(u32),
    /// Dropped, for one of these reasons.
    DropReason(Vec<i32>),
    /// Event type and sub type; `None` is any.
    EventType(Vec<(Option<i32>, Option<i32>)>),
    /// Directions, bit by number.
    Direction(u32),
    /// Reply or not. Dropped packets, of which that isn't known, count as no reply.
    Reply(bool),
    /// Encrypted or not.
    Encrypted(bool),
    /// Protocols.
    Protocol(Vec<Protocol>),
    /// Ports.
    Port(Side, Vec<u16>),
    /// All of these TCP flags are set.
    TcpFlags(Vec<u16>),
    /// Versions of IP, bit by number.
    IpVersion(u32),
    /// Identities, sorted.
    Identity(Side, Vec<u32>),
    /// Addresses.
    Ip(Side, Addresses),
    /// Source address after translation.
    SourceXlated(Addresses),
    /// Pods.
    Pod(Side, Vec<Name>),
    /// Services.
    Service(Side, Vec<Name>),
    /// Clusters.
    Cluster(Side, Vec<String>),
    /// Kind and name of workloads; empty is any.
    Workload(Side, Vec<(String, String)>),
    /// DNS names.
    Fqdn(Side, Vec<Pattern>),
    /// Labels.
    Labels(Labels),
    /// Labels of the node.
    NodeLabels(Vec<Selector>),
    /// Nodes.
    Node(Vec<NodePattern>),
    /// Index (0 is any) and name (empty is any) of interfaces.
    Interface(Vec<(u32, String)>),
    /// Unique ids.
    Uuid(Vec<String>),
    /// Trace ids of requests.
    TraceId(Vec<String>),
    /// Trace ids in IP options.
    IpTraceId(Vec<u64>),
    /// About an HTTP request or response.
    Http(HttpLeaf),
    /// Name asked for in DNS.
    DnsQuery(Vec<Regex>),
    /// Expressions in CEL.
    Cel(Vec<Cel>),
    /// A text in any name.
    AnyName(AnyName),
    /// About a text; for what the above have no form for.
    Text(TextLeaf),
    /// About a number, the same.
    Number(NumberLeaf),
}

/// One question about HTTP.
#[derive(Debug, Clone)]
pub enum HttpLeaf {
    /// Status of a response: beginnings of the number as text.
    Status(Vec<String>),
    /// Methods, in any case.
    Method(Vec<String>),
    /// Path of the URL.
    Path(Vec<Regex>),
    /// The whole URL.
    Url(Vec<Regex>),
    /// Key and value of a header.
    Header(Vec<(String, String)>),
}

impl HttpLeaf {
    fn of(&self, http: &Http) -> bool {
        match self {
            Self::Status(beginnings) => {
                let code = http.code.to_string();
                http.code != 0 && beginnings.iter().any(|b| code.starts_with(b.as_str()))
            }
            Self::Method(methods) => methods
                .iter()
                .any(|method| !method.is_empty() && http.method.eq_ignore_ascii_case(method)),
            Self::Path(paths) => {
                !http.url.is_empty()
                    && crate::attribute::url_path(&http.url)
                        .is_some_and(|path| paths.iter().any(|regex| regex.is_match(&path)))
            }
            Self::Url(urls) => {
                !http.url.is_empty() && urls.iter().any(|regex| regex.is_match(&http.url))
            }
            Self::Header(headers) => http
                .headers
                .iter()
                .any(|h| headers.iter().any(|(k, v)| *k == h.key && *v == h.value)),
        }
    }
}

/// Labels of one end.
#[derive(Debug, Clone)]
pub struct Labels {
    /// Which end.
    pub side: Side,
    /// Any of these.
    pub selectors: Vec<Selector>,
    /// Place of what a program remembers of this leaf.
    pub(crate) slot: usize,
}

impl Labels {
    pub(super) fn of<V: FlowView>(&self, flow: &V) -> bool {
        self.selectors
            .iter()
            .any(|selector| selector.matches(|is| flow.any_label(self.side, is)))
    }
}

/// A protocol, of whatever layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Above IP.
    Transport(Transport),
    /// DNS record of a proxy.
    Dns,
    /// HTTP record.
    Http,
    /// Kafka record.
    Kafka,
}

/// Addresses and networks.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    pub(crate) exact: Vec<IpAddr>,
    pub(crate) networks: Vec<IpNet>,
}

impl Addresses {
    /// Every address.
    pub(crate) fn all() -> Self {
        let zero = [
            IpAddr::from(std::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::from(std::net::Ipv6Addr::UNSPECIFIED),
        ];
        Self {
            exact: Vec::new(),
            networks: zero.map(|ip| IpNet::new_assert(ip, 0)).into(),
        }
    }

    /// As they are read.
    pub(crate) fn texts(&self) -> Vec<String> {
        let exact = self.exact.iter().map(ToString::to_string);
        let networks = self.networks.iter().map(ToString::to_string);
        exact.chain(networks).collect()
    }

    fn hold(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| {
            self.exact.contains(&address) || self.networks.iter().any(|net| net.contains(&address))
        })
    }
}

/// `[namespace/]prefix` of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Empty is any.
    pub(crate) namespace: String,
    pub(crate) prefix: String,
}

impl Name {
    fn fits(&self, namespace: &str, name: &str) -> bool {
        !(namespace.is_empty() && name.is_empty())
            && (self.namespace.is_empty() || self.namespace == namespace)
            && name.starts_with(&self.prefix)
    }
}

/// What a proxy saw.
fn record<V: FlowView>(flow: &V) -> Option<&Record> {
    flow.l7()?.record.as_ref()
}

impl Protocol {
    pub(crate) const ALL: [Self; 10] = [
        Self::Transport(Transport::Tcp),
        Self::Transport(Transport::Udp),
        Self::Transport(Transport::Sctp),
        Self::Transport(Transport::IcmpV4),
        Self::Transport(Transport::IcmpV6),
        Self::Transport(Transport::Vrrp),
        Self::Transport(Transport::Igmp),
        Self::Dns,
        Self::Http,
        Self::Kafka,
    ];

    /// As filters name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transport(Transport::Tcp) => "tcp",
            Self::Transport(Transport::Udp) => "udp",
            Self::Transport(Transport::Sctp) => "sctp",
            Self::Transport(Transport::IcmpV4) => "icmpv4",
            Self::Transport(Transport::IcmpV6) => "icmpv6",
            Self::Transport(Transport::Vrrp) => "vrrp",
            Self::Transport(Transport::Igmp) => "igmp",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Kafka => "kafka",
        }
    }

    fn is<V: FlowView>(self, flow: &V) -> bool {
        match self {
            Self::Transport(transport) => flow.transport() == Some(transport),
            Self::Dns => matches!(record(flow), Some(Record::Dns(_))),
            Self::Http => matches!(record(flow), Some(Record::Http(_))),
            Self::Kafka => matches!(record(flow), Some(Record::Kafka(_))),
        }
    }
}

/// Whether `number`, an enum's, is in the set.
fn bit(set: u32, number: i32) -> bool {
    u32::try_from(number).is_ok_and(|number| number < 32 && set >> number & 1 == 1)
}

impl Leaf {
    /// Relative cost of an answer.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Verdict(_) | Self::Direction(_) | Self::Reply(_) | Self::IpVersion(_) => 1,
            Self::DropReason(_) | Self::EventType(_) | Self::Encrypted(_) => 2,
            Self::Protocol(_) | Self::Port(..) | Self::TcpFlags(_) | Self::Identity(..) => 3,
            Self::Ip(..) | Self::SourceXlated(_) | Self::IpTraceId(_) => 6,
            Self::Labels(_) => 8,
            Self::Number(_) => 7,
            Self::Pod(..) | Self::Service(..) | Self::Cluster(..) | Self::Interface(_) => 10,
            Self::Uuid(_) | Self::TraceId(_) | Self::Workload(..) => 12,
            Self::Fqdn(..) | Self::Node(_) | Self::NodeLabels(_) => 20,
            Self::Text(_) => 30,
            Self::Http(_) | Self::DnsQuery(_) => 40,
            Self::AnyName(_) => 60,
            Self::Cel(_) => 1_000,
        }
    }

    /// The answer; for labels, without remembering it.
    pub(super) fn of<V: FlowView>(&self, flow: &V) -> bool {
        match self {
            Self::Verdict(set) => flow.is_flow() && bit(*set, flow.verdict() as i32),
            Self::DropReason(reasons) => {
                flow.verdict() == Verdict::Dropped && reasons.contains(&flow.drop_reason())
            }
            Self::EventType(types) => flow.event_type().is_some_and(|(kind, sub)| {
                types.iter().any(|(want, want_sub)| {
                    want.is_none_or(|want| want == kind) && want_sub.is_none_or(|want| want == sub)
                })
            }),
            Self::Direction(set) => flow.is_flow() && bit(*set, flow.direction() as i32),
            Self::Reply(want) => match flow.is_reply() {
                Some(reply) => reply == *want,
                None => flow.verdict() == Verdict::Dropped && !want,
            },
            Self::Encrypted(want) => flow.encrypted() == *want,
            Self::Protocol(protocols) => protocols.iter().any(|protocol| protocol.is(flow)),
            Self::Port(side, ports) => flow.port(*side).is_some_and(|port| ports.contains(&port)),
            Self::TcpFlags(sets) => flow
                .tcp_flags()
                .is_some_and(|flags| sets.iter().any(|set| flags & set == *set)),
            Self::IpVersion(set) => flow.is_flow() && bit(*set, flow.ip_version() as i32),
            Self::Identity(side, identities) => flow
                .identity(*side)
                .is_some_and(|identity| identities.binary_search(&identity.0).is_ok()),
            Self::Ip(side, addresses) => addresses.hold(flow.ip(*side)),
            Self::SourceXlated(addresses) => addresses.hold(flow.source_xlated()),
            Self::Pod(side, names) => {
                let (namespace, pod) = (flow.namespace(*side), flow.pod(*side));
                names.iter().any(|name| name.fits(namespace, pod))
            }
            Self::Service(side, names) => flow
                .service(*side)
                .is_some_and(|(ns, service)| names.iter().any(|name| name.fits(ns, service))),
            Self::Cluster(side, clusters) => {
                let cluster = flow.cluster(*side);
                clusters.iter().any(|want| want == cluster)
            }
            Self::Workload(side, workloads) => flow.any_workload(*side, &mut |kind, name| {
                workloads.iter().any(|(want_kind, want_name)| {
                    (want_kind.is_empty() || want_kind == kind)
                        && (want_name.is_empty() || want_name == name)
                })
            }),
            Self::Fqdn(side, patterns) => flow.any_name(*side, &mut |name| {
                patterns.iter().any(|pattern| pattern.matches(name))
            }),
            Self::Labels(labels) => labels.of(flow),
            Self::NodeLabels(selectors) => selectors
                .iter()
                .any(|selector| selector.matches(|is| flow.any_node_label(is))),
            Self::Node(patterns) => {
                let node = flow.node();
                !node.is_empty() && patterns.iter().any(|pattern| pattern.matches(node))
            }
            Self::Interface(wanted) => flow.interface().is_some_and(|(index, name)| {
                wanted.iter().any(|(want_index, want_name)| {
                    (*want_index == 0 || *want_index == index)
                        && (want_name.is_empty() || want_name == name)
                })
            }),
            Self::Uuid(ids) => ids.iter().any(|id| flow.uuid_is(id)),
            Self::TraceId(ids) => ids.iter().any(|id| id == flow.trace_id()),
            Self::IpTraceId(ids) => ids.contains(&flow.ip_trace_id()),
            Self::Http(leaf) => matches!(record(flow), Some(Record::Http(http)) if leaf.of(http)),
            Self::DnsQuery(queries) => matches!(record(flow), Some(Record::Dns(dns))
                if queries.iter().any(|query| query.is_match(&dns.query))),
            Self::Cel(expressions) => {
                let mut holds = false;
                flow.message(&mut |flow| holds = expressions.iter().any(|cel| cel.matches(flow)));
                holds
            }
            Self::AnyName(name) => name.matches(flow),
            Self::Text(text) => text.matches(flow),
            Self::Number(number) => number.matches(flow),
        }
    }
}
