//! What the proxy reports of what passed: one record for each request and answer, and each side that
//! judged it.

mod lines;
mod queue;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use l7::rules::{Allowed, Decision, Denial, Direction, RuleRef};

use crate::hop::Hop;

pub use lines::Lines;
pub use queue::{Counts, Entry, Reader, Records};

/// A request or answer at one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When the request began.
    pub time: SystemTime,
    /// Between whom.
    pub hop: Hop,
    /// Whose rules judged it: egress of the source, ingress of the destination.
    pub direction: Direction,
    /// Whether it is the answer: then its source is the server.
    pub is_reply: bool,
    /// What became of it.
    pub verdict: Verdict,
    /// The rule that allowed it, or that came nearest.
    pub rule: Option<RuleRef>,
    /// Index of the rule's item of layer 7.
    pub item: Option<usize>,
    /// Why it was denied, or what failed; else empty.
    pub reason: Box<str>,
    /// From the request to the answer; on answers alone.
    pub latency: Option<Duration>,
    /// What it says.
    pub layer7: Layer7,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was passed on (Hubble: FORWARDED).
    Allowed,
    /// A rule is missing (DROPPED).
    Denied,
    /// It could not be judged or carried (ERROR).
    Error,
}

/// What a request or answer says, as far as flows show it (Hubble's `flow.Layer7`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer7 {
    /// Nothing: the connection as such.
    Connection,
    /// A DNS message.
    Dns(Dns),
    /// An HTTP request or response.
    Http(Http),
    /// A Kafka request or response.
    Kafka(Kafka),
    /// A TLS connection: the server's name, if the client sent one.
    Tls(Option<Box<str>>),
}

/// Of a DNS message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// The name that is asked for, with the dot at its end.
    pub query: Box<str>,
    /// The type that is asked for.
    pub qtype: u16,
    /// Response code, 0 on requests.
    pub rcode: u16,
    /// Addresses, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// Least time to live of addresses and aliases, in seconds.
    pub ttl: Option<u32>,
    /// Targets of aliases, with the dot.
    pub cnames: Vec<Box<str>>,
    /// Types of all records of the answer, in order.
    pub rrtypes: Vec<u16>,
}

/// Of an HTTP request, or of the response to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// As sent. It and the URL are shared by the records of a request.
    pub method: Arc<str>,
    /// scheme://host/path?query
    pub url: Arc<str>,
    /// `HTTP/1.1`, `HTTP/2`
    pub protocol: &'static str,
    /// Status code, 0 on requests.
    pub status: u16,
    /// All that were sent, their values as far as they may be seen.
    pub headers: Lines,
    /// Headers that a rule wanted and were not there, or had another value.
    pub missing: Lines,
    /// Headers that a rule removed.
    pub rejected: Lines,
}

/// Of a Kafka request, or of the response to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// Number of the kind.
    pub api_key: i16,
    /// Of the message.
    pub api_version: i16,
    /// Repeated by the response.
    pub correlation_id: i32,
    /// Who asks, as it says itself.
    pub client_id: Box<str>,
    /// The first ones; a flow each.
    pub topics: Vec<Box<str>>,
    /// Whether it names more.
    pub has_more_topics: bool,
    /// What the client is told, 0 for success.
    pub error_code: i16,
}

/// Bytes of texts, and of what holds them.
fn bytes_of<'t>(texts: impl IntoIterator<Item = &'t str>) -> usize {
    let texts = texts.into_iter();
    texts.map(|text| text.len() + size_of::<Box<str>>()).sum()
}

impl Record {
    /// About how many bytes its texts take.
    pub(crate) fn bytes(&self) -> usize {
        let layer7 = match &self.layer7 {
            Layer7::Connection => 0,
            Layer7::Dns(dns) => {
                let addresses = dns.addresses.len() * size_of::<IpAddr>();
                let cnames = bytes_of(dns.cnames.iter().map(|name| &**name));
                dns.query.len() + addresses + cnames + dns.rrtypes.len() * 2
            }
            Layer7::Http(http) => {
                let lines = [&http.headers, &http.missing, &http.rejected];
                let lines: usize = lines.into_iter().map(Lines::bytes).sum();
                http.method.len() + http.url.len() + lines
            }
            Layer7::Kafka(kafka) => {
                kafka.client_id.len() + bytes_of(kafka.topics.iter().map(|topic| &**topic))
            }
            Layer7::Tls(name) => name.as_ref().map_or(0, |name| name.len()),
        };
        self.reason.len() + layer7
    }

    /// A request on which a rule decided nothing yet.
    pub fn request(time: SystemTime, hop: Hop, direction: Direction, layer7: Layer7) -> Self {
        Self {
            time,
            hop,
            direction,
            is_reply: false,
            verdict: Verdict::Allowed,
            rule: None,
            item: None,
            reason: Box::default(),
            latency: None,
            layer7,
        }
    }

    /// With what the rules said.
    #[must_use]
    pub fn decided(self, decision: &Decision) -> Self {
        match decision {
            Decision::Allowed(Allowed { rule, item }) => Self {
                rule: Some(*rule),
                item: *item,
                ..self
            },
            Decision::Denied(denial) => self.denied(denial),
        }
    }

    /// Denied, for that reason.
    #[must_use]
    pub fn denied(self, denial: &Denial) -> Self {
        Self {
            verdict: Verdict::Denied,
            rule: denial.nearest.as_ref().map(|nearest| nearest.rule),
            item: denial.nearest.as_ref().and_then(|nearest| nearest.item),
            reason: denial.to_string().into(),
            ..self
        }
    }

    /// Failed, for that reason.
    #[must_use]
    pub fn failed(self, reason: impl ToString) -> Self {
        Self {
            verdict: Verdict::Error,
            reason: reason.to_string().into(),
            ..self
        }
    }

    /// The answer to it.
    #[must_use]
    pub fn reply(self, latency: Duration, layer7: Layer7) -> Self {
        Self {
            is_reply: true,
            latency: Some(latency),
            layer7,
            ..self
        }
    }
}
