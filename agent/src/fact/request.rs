//! A request at layer 7, as the proxy recorded it.

use std::net::SocketAddr;

use flow::Side;
use flow::view::{Direction, Transport};
use policy::{Layer7List, RulePath};
use proto::flow::{self as pb, layer7::Record};

/// A request, its answer, or what went wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// ns: of the kernel's clock on arrival, since 1970 in the history.
    pub time: u64,
    /// Who sent it, and to whom: of an answer the server is the first.
    pub ends: [SocketAddr; 2],
    /// What carried it.
    pub transport: Transport,
    /// Identities of the two, as the proxy judged them; 0: not known.
    pub identities: [u32; 2],
    /// Whose rules judged it: the client's or the server's.
    pub direction: Direction,
    /// An answer.
    pub is_reply: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// Rule that allowed it or, of a denied one, came nearest (`abi::policy::COOKIE_NONE`: none).
    pub cookie: u32,
    /// Index of the rule's item of layer 7; `None`: it has none, or none came near.
    pub item: Option<u32>,
    /// Why it was denied or failed, in a line; else empty.
    pub why: Box<str>,
    /// What was asked or answered, as Hubble has it: nothing else reads it.
    pub content: pb::Layer7,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It was passed on.
    Forwarded,
    /// No rule allowed it.
    Denied,
    /// It was allowed, and failed on the way.
    Failed,
}

impl Outcome {
    /// As Hubble has it.
    pub fn verdict(self) -> pb::Verdict {
        match self {
            Self::Forwarded => pb::Verdict::Forwarded,
            Self::Denied => pb::Verdict::Dropped,
            Self::Failed => pb::Verdict::Error,
        }
    }
}

impl Request {
    /// The place of what decided it: of the rule of layer 7, if there is one in a rule of that place.
    pub fn place(&self, rule: RulePath) -> RulePath {
        let item = self.item.and_then(|item| usize::try_from(item).ok());
        item.map_or(rule, |item| rule.layer7(self.list(), item))
    }

    /// The list that holds the rule's item of layer 7.
    pub fn list(&self) -> Layer7List {
        match &self.content.record {
            Some(Record::Http(_)) => Layer7List::Http,
            Some(Record::Dns(_)) => Layer7List::Dns,
            Some(Record::Kafka(_)) => Layer7List::Kafka,
            None => Layer7List::ServerNames,
        }
    }

    /// Address and port of an end.
    pub fn end(&self, side: Side) -> SocketAddr {
        match side {
            Side::Source => self.ends[0],
            Side::Destination => self.ends[1],
        }
    }

    /// Identity of an end.
    pub fn identity(&self, side: Side) -> u32 {
        match side {
            Side::Source => self.identities[0],
            Side::Destination => self.identities[1],
        }
    }
}
