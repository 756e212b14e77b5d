//! What to ask a server for, to be able to hold a filter against whole connections.
//!
//! A connection's verdict is known only when all of its events are there, and its source is the source
//! of half of them. So a server is asked for every event of the connections that may match, and the
//! filter itself is held against the connections.

use super::leaf::{Labels, Leaf, Protocol};
use super::{Filter, NumberLeaf, TextLeaf};
use crate::attribute::{Attribute, AttributeId};
use crate::view::Side;

impl Filter {
    /// The filter that lets through every event of a connection that this one may match. `None` if
    /// this one asks about single events, such as their TCP flags: it is not for connections.
    pub fn for_connections(&self) -> Option<Self> {
        widened(self)
    }
}

/// Everything matches.
fn everything() -> Filter {
    Filter::default()
}

fn widened(filter: &Filter) -> Option<Filter> {
    Some(match filter {
        Filter::All(all) => {
            let all: Option<Vec<Filter>> = all.iter().map(widened).collect();
            let mut all = all?;
            all.retain(|one| !one.is_everything());
            Filter::All(all)
        }
        Filter::Any(any) => {
            let any: Option<Vec<Filter>> = any.iter().map(widened).collect();
            match any? {
                any if any.iter().any(Filter::is_everything) => everything(),
                any => Filter::Any(any),
            }
        }
        Filter::Not(not) => match (widened(not)?, &**not) {
            // What is the same of all events of a connection can be excluded.
            (same, Filter::Leaf(leaf)) if matches!(of(leaf), Of::All) => {
                Filter::Not(Box::new(same))
            }
            _ => everything(),
        },
        Filter::Leaf(leaf) => match of(leaf) {
            Of::Event => return None,
            Of::Connection => everything(),
            Of::All => filter.clone(),
            Of::End(turned) => Filter::Any(vec![filter.clone(), Filter::Leaf(*turned)]),
        },
    })
}

/// What a question is about.
enum Of {
    /// One event.
    Event,
    /// The connection as a whole: its events may each answer it in another way.
    Connection,
    /// What all of its events have alike.
    All,
    /// An end of a packet; of a reply it is this one.
    End(Box<Leaf>),
}

fn of(leaf: &Leaf) -> Of {
    match leaf {
        // The policies that decided are told by some of the events.
        Leaf::Verdict(_) | Leaf::DropReason(_) | Leaf::AnyName(_) => Of::Connection,
        Leaf::EventType(_)
        | Leaf::Direction(_)
        | Leaf::Reply(_)
        | Leaf::TcpFlags(_)
        | Leaf::SourceXlated(_)
        | Leaf::Interface(_)
        | Leaf::Uuid(_)
        | Leaf::TraceId(_)
        | Leaf::IpTraceId(_)
        | Leaf::Http(_)
        | Leaf::DnsQuery(_)
        | Leaf::Cel(_)
        | Leaf::Encrypted(_)
        | Leaf::NodeLabels(_)
        | Leaf::Node(_) => Of::Event,
        Leaf::Protocol(protocols) => match protocols.iter().all(is_above_ip) {
            true => Of::All,
            false => Of::Event,
        },
        Leaf::IpVersion(_) => Of::All,
        Leaf::Port(side, of) => end(Leaf::Port(other(*side), of.clone())),
        Leaf::Identity(side, of) => end(Leaf::Identity(other(*side), of.clone())),
        Leaf::Ip(side, of) => end(Leaf::Ip(other(*side), of.clone())),
        Leaf::Pod(side, of) => end(Leaf::Pod(other(*side), of.clone())),
        Leaf::Service(side, of) => end(Leaf::Service(other(*side), of.clone())),
        Leaf::Cluster(side, of) => end(Leaf::Cluster(other(*side), of.clone())),
        Leaf::Workload(side, of) => end(Leaf::Workload(other(*side), of.clone())),
        Leaf::Fqdn(side, of) => end(Leaf::Fqdn(other(*side), of.clone())),
        Leaf::Labels(labels) => end(Leaf::Labels(Labels {
            side: other(labels.side),
            ..labels.clone()
        })),
        Leaf::Text(text) => attribute(text.of, |of| Leaf::Text(TextLeaf { of, ..text.clone() })),
        Leaf::Number(number) => attribute(number.of, |of| {
            Leaf::Number(NumberLeaf {
                of,
                ..number.clone()
            })
        }),
    }
}

fn end(leaf: Leaf) -> Of {
    Of::End(Box::new(leaf))
}

/// What a question to an attribute is about; `ask` makes the same to another one.
fn attribute(attribute: &Attribute, ask: impl FnOnce(&'static Attribute) -> Leaf) -> Of {
    use AttributeId as Id;
    match attribute.id {
        Id::Of(side, of) => end(ask(Id::Of(other(side), of).attribute())),
        Id::IpVersion | Id::Protocol => Of::All,
        Id::Verdict
        | Id::Reason
        | Id::Policy
        | Id::PolicyName
        | Id::PolicyLog
        | Id::Why
        | Id::State
        | Id::Age
        | Id::Drops
        | Id::Bytes
        | Id::Packets
        | Id::Rtt
        | Id::Revision
        // A denied request is as a denied connection is.
        | Id::Request
        | Id::Timestamp
        | Id::Source
        | Id::Destination => Of::Connection,
        Id::Either(_)
        | Id::Node
        | Id::NodeLabel
        | Id::Encrypted
        | Id::Type
        | Id::Match
        | Id::Direction
        | Id::Reply
        | Id::TcpFlags
        | Id::TcpFlag(_)
        | Id::IcmpType
        | Id::IcmpCode
        | Id::SnatIp
        | Id::Limited
        | Id::Late
        | Id::Cause
        | Id::TraceReason
        | Id::Interface
        | Id::HttpStatus
        | Id::HttpMethod
        | Id::HttpPath
        | Id::HttpUrl
        | Id::HttpHeader
        | Id::DnsQuery
        | Id::DnsRcode
        | Id::TraceId
        | Id::IpTraceId
        | Id::Uuid
        | Id::Summary => Of::Event,
    }
}

/// Not what a proxy saw, which only few of a connection's events have.
fn is_above_ip(protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Transport(_))
}

const fn other(side: Side) -> Side {
    match side {
        Side::Source => Side::Destination,
        Side::Destination => Side::Source,
    }
}
