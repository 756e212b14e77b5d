//! Connections as rows of a table: denials of one cause folded, and allowed requests that are alike; names as
//! short as tells them apart, columns that fit.

mod alike;
mod fit;
mod grouping;
mod names;
mod request;

use proto::flow::{DropReason, Verdict};

use crate::connection::{Connection, ConnectionView};
use crate::format;
use crate::quantity;
use crate::view::{ConnectionFacts, ConnectionState, FlowView, Side, Transport};
use crate::workload_ref::{self, WorkloadRef};

pub use alike::{Alike, Cause};
pub use fit::{Column, GAP, Layout};
pub use grouping::{by_time, folded, grouped, may_carry};
pub use names::{Names, NamesSeen};
pub use request::{RowRequest, RowRequests};

/// How a row's connection was judged, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Judged {
    /// Wherever it was judged.
    Allowed,
    /// By a policy.
    Denied,
    /// Dropped for another reason.
    Dropped,
    /// Would have been denied, but policy isn't enforced.
    Audited,
    /// Failed in the datapath.
    Error,
    /// It left its source, and nothing more is known.
    Unknown,
}

impl Judged {
    /// `ALLOWED`, ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Dropped => "DROPPED",
            Self::Audited => "AUDITED",
            Self::Error => "ERROR",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Of a flow that is a connection.
    pub fn of<V: FlowView>(flow: &V) -> Self {
        let reason = format::drop_reason(flow).map(i32::from);
        let reason = reason.and_then(|number| DropReason::try_from(number).ok());
        let by_policy = matches!(
            reason,
            Some(DropReason::PolicyDenied | DropReason::PolicyDeny)
        );
        // A proxy drops nothing but what no rule allows.
        let by_policy = by_policy || flow.l7().is_some();
        match flow.verdict() {
            Verdict::Dropped if by_policy => Self::Denied,
            Verdict::Dropped => Self::Dropped,
            Verdict::Audit => Self::Audited,
            Verdict::Error => Self::Error,
            Verdict::Unknown => Self::Unknown,
            Verdict::Forwarded | Verdict::Redirected | Verdict::Traced | Verdict::Translated => {
                Self::Allowed
            }
        }
    }
}

/// Who is at an end of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowEnd {
    /// The workload, pod, or what is known of what is outside.
    pub who: WorkloadRef,
    /// The pod's name; empty if it is none, or several.
    pub pod: String,
    /// What is outside, by its best name: a DNS name, an address.
    pub outside: String,
}

impl RowEnd {
    fn of<V: FlowView>(flow: &V, side: Side, translate: bool) -> Self {
        let host = format::host_port(flow, side, translate);
        let pod = flow.pod(side);
        Self {
            who: WorkloadRef::of(flow, side),
            pod: if translate {
                pod.to_owned()
            } else {
                String::new()
            },
            outside: match pod.is_empty() || !translate {
                true => host.name.to_string(),
                false => String::new(),
            },
        }
    }

    /// Its workload: `namespace/name`; of what is outside its best name.
    pub fn workload(&self) -> String {
        match self.outside.as_str() {
            "" => self.who.to_string(),
            outside => outside.to_owned(),
        }
    }

    /// In full: `namespace/pod`.
    pub fn full(&self) -> String {
        if !self.outside.is_empty() {
            return self.outside.clone();
        }
        match (self.pod.as_str(), self.who.namespace.as_str()) {
            ("", _) => self.who.to_string(),
            (pod, "") => pod.to_owned(),
            (pod, namespace) => format!("{namespace}/{pod}"),
        }
    }
}

/// A row: one connection or one denied request, or the denied ones of one cause, or those whose requests are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Who opened it.
    pub source: RowEnd,
    /// Who it was opened to.
    pub destination: RowEnd,
    /// Port of who opened it; `None` of several or without ports.
    pub source_port: Option<u16>,
    /// `:443`, `:53/UDP`, ` ICMP`.
    pub port: String,
    /// In a word.
    pub judged: Judged,
    /// Who decided, the policy first.
    pub why: String,
    /// How it stands.
    pub facts: ConnectionFacts,
    /// First event, Unix ns.
    pub start: i64,
    /// Last event, Unix ns.
    pub last: i64,
    /// Bytes both ways.
    pub bytes: u64,
    /// Round trip of the handshake, us.
    pub rtt_us: Option<u32>,
    /// Connections, or requests, that it stands for.
    pub connections: u64,
    /// Of a request: what was asked. Its drops are requests then, not packets.
    pub request: Option<Box<RowRequest>>,
    /// Of a connection: the requests that it carried.
    pub requests: RowRequests,
}

impl Row {
    /// Of a connection. `translate`: names instead of addresses.
    pub fn new<K, V: FlowView>(
        connection: &Connection<'_, K>,
        view: &ConnectionView<'_, V>,
        translate: bool,
    ) -> Option<Self> {
        let mut why = String::new();
        format::write_why(view, &mut why);
        let [forward, reply] = connection.volume();
        Some(Self {
            source: RowEnd::of(view, Side::Source, translate),
            destination: RowEnd::of(view, Side::Destination, translate),
            source_port: view.port(Side::Source),
            port: port(view),
            judged: Judged::of(view),
            why,
            facts: view.connection()?,
            start: connection.start(),
            last: connection.last(),
            bytes: forward.bytes.saturating_add(reply.bytes),
            rtt_us: connection.rtt_us(),
            connections: 1,
            request: None,
            requests: RowRequests::of(view, view.requests()),
        })
    }

    /// Takes in another one of the same [`Row::cause`], or one that carried these requests
    /// ([`Row::only_denied`]): whichever comes first, the requests are what the row shows then.
    pub fn add(&mut self, other: &Self) {
        match (&self.request, &other.request) {
            (Some(_), None) => return self.take_carrier(other),
            (None, Some(_)) => {
                let carrier = std::mem::replace(self, other.clone());
                return self.take_carrier(&carrier);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        for (end, of) in [
            (&mut self.source, &other.source),
            (&mut self.destination, &other.destination),
        ] {
            if end.pod != of.pod {
                end.pod.clear();
            }
        }
        if self.source_port != other.source_port {
            self.source_port = None;
        }
        self.requests.add(&other.requests, other.last >= self.last);
        self.rtt_us = self
            .rtt_us
            .filter(|_| self.facts.state == ConnectionState::Denied);
        self.start = self.start.min(other.start);
        self.last = self.last.max(other.last);
        self.facts.age_ns = self.last.saturating_sub(self.start);
        self.facts.drops = self.facts.drops.saturating_add(other.facts.drops);
        self.facts.lost = self.facts.lost.saturating_add(other.facts.lost);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.connections = self.connections.saturating_add(other.connections);
    }

    fn order(&self) -> (i64, i64, Option<u16>, &str) {
        (self.last, self.start, self.source_port, &self.port)
    }

    /// How it stands, in a word, and how many requests it carried; of denials how many packets or requests, of
    /// several connections how many.
    pub fn state(&self) -> String {
        let state = match (self.facts.state, self.connections) {
            (ConnectionState::Denied, _) => format!("x{}", quantity::grouped(self.facts.drops)),
            (state, 0 | 1) => state.name().to_owned(),
            (_, several) => format!("x{}", quantity::grouped(several)),
        };
        match self.requests.text() {
            requests if requests.is_empty() => state,
            requests => format!("{state}, {requests}"),
        }
    }

    /// Why, where there is no room for what the rules say of requests that asked one thing: who decided, what was
    /// asked and how it was answered: `cnp shop/api \u{b7} GET /cart: 200 3ms`. `None` of others.
    pub fn why_asked(&self) -> Option<String> {
        let last = Some(self.requests.last.as_str()).filter(|last| !last.is_empty());
        let (last, _) = last.zip(self.requests.alike.as_ref())?;
        let policy = self
            .why
            .split_once(" \u{b7} ")
            .map_or(&*self.why, |(policy, _)| policy);
        Some(format!("{policy} \u{b7} {last}"))
    }

    /// What was dropped, with its number: `5 requests refused`, `1 packet dropped`.
    pub fn drops(&self) -> String {
        let (what, became) = match self.request {
            Some(_) => ("request", "refused"),
            None => ("packet", "dropped"),
        };
        let plural = if self.facts.drops == 1 { "" } else { "s" };
        format!(
            "{} {what}{plural} {became}",
            quantity::grouped(self.facts.drops)
        )
    }
}

/// The port that was opened, with its protocol unless that is TCP.
fn port<V: FlowView>(flow: &V) -> String {
    let port = flow.port(Side::Destination).filter(|port| *port != 0);
    match (flow.transport(), port) {
        (Some(Transport::Tcp), Some(port)) => format!(":{port}"),
        (Some(transport), Some(port)) => format!(":{port}/{}", format::protocol(transport)),
        (None, Some(port)) => format!(":{port}"),
        (Some(transport), None) => format!(" {}", format::protocol(transport)),
        (None, None) => String::new(),
    }
}

/// Whether a workload's pods have names that its own name begins, with a template's hash between.
fn is_workload(who: &WorkloadRef) -> bool {
    who.kind == workload_ref::Kind::Workload
}
