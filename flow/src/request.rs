//! Requests of layer 7, as a proxy judged them: what was asked, what became of it, and why.
//!
//! A request is a unit of its own beside the connection that carries it. The connection may be allowed
//! where the request is not: so a denied one is shown by itself, as if it were a denied connection.

use std::net::IpAddr;

use proto::flow::layer7::Record;
use proto::flow::{Flow, IpVersion, L7FlowType, Layer7, TraceReason, TrafficDirection, Verdict};

use crate::format::policy_reference;
use crate::identity::Identity;
use crate::layer7::{NO_SUCH_NAME, path, subject};
use crate::view::{
    Address, ConnectionFacts, ConnectionState, Direction, Extension, FlowView, PolicyName, Side,
    Transport, forward, is_answer,
};

/// A request as a flow, from who asked: one that was denied is a denied connection for filters, with one
/// drop.
#[derive(Debug)]
pub struct RequestView<'a, V> {
    flow: &'a V,
    layer7: &'a Layer7,
}

impl<'a, V: FlowView> RequestView<'a, V> {
    /// Of a flow; `None` if it is no request: a packet's, or an answer.
    pub fn new(flow: &'a V) -> Option<Self> {
        let layer7 = flow.l7()?;
        (!is_answer(flow)).then_some(Self { flow, layer7 })
    }

    /// Of a flow; `None` unless it is a request that was denied.
    pub fn denied(flow: &'a V) -> Option<Self> {
        Self::new(flow).filter(Self::is_denied)
    }

    /// Whether no rule allowed it.
    pub fn is_denied(&self) -> bool {
        self.flow.verdict() == Verdict::Dropped
    }

    /// What the proxy read.
    pub fn layer7(&self) -> &'a Layer7 {
        self.layer7
    }

    /// Whose rules judged it; `None` if that isn't told.
    pub fn judged_at(&self) -> Option<Direction> {
        match self.flow.direction() {
            TrafficDirection::Egress => Some(Direction::Egress),
            TrafficDirection::Ingress => Some(Direction::Ingress),
            TrafficDirection::Unknown => None,
        }
    }

    /// What was asked, as far as it tells a cause from others: `POST /admin/delete` (without the query of
    /// the URL), `DNS www.example.com` (of whatever type), `produce orders`, `TLS www.example.com`.
    pub fn subject(&self) -> String {
        subject_of(self.flow).unwrap_or_default()
    }

    /// What the client was told.
    fn answer(&self) -> &'static str {
        match &self.layer7.record {
            Some(Record::Http(_)) => "403",
            Some(Record::Kafka(_)) => "denied",
            Some(Record::Dns(_)) | None => "refused",
        }
    }

    /// Why it was denied, with the rule that came nearest: `cnp shop/api: method POST is not GET`; empty if
    /// the server doesn't tell (Hubble's doesn't).
    pub fn reason(&self) -> String {
        reason(self.flow)
    }

    /// The policies that came nearest or, of an allowed one, that allowed it, each once: `cnp shop/api`; may be
    /// empty.
    pub fn policies(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        let mut add = |policy: &PolicyName<'_>| {
            let name = policy_reference(policy);
            if !names.contains(&name) {
                names.push(name);
            }
        };
        let ours = Extension::read(self.flow, |extension| {
            for (_, end) in extension.explaining(self.is_denied()) {
                end.rules.any(&mut |rule| {
                    add(&rule.policy);
                    false
                });
            }
        });
        if ours.is_none() {
            self.flow.any_policy(&mut |policy| {
                add(&policy);
                false
            });
        }
        names.join(", ")
    }

    /// Who decided and what was asked, the policy first: `cnp shop/api · POST /admin/delete: 403`.
    pub(crate) fn why(&self) -> String {
        let mut text = self.policies();
        if !text.is_empty() {
            text.push_str(" \u{b7} ");
        }
        text.push_str(&self.subject());
        if self.is_denied() {
            text.push_str(": ");
            text.push_str(self.answer());
        }
        text
    }

    fn side(&self, side: Side) -> Side {
        side
    }
}

fn reason<V: FlowView + ?Sized>(flow: &V) -> String {
    let is_denied = flow.verdict() == Verdict::Dropped;
    let read = Extension::read(flow, |extension| {
        let mut ends = extension.explaining(is_denied);
        ends.next().map(|(_, end)| end.why.to_owned())
    });
    read.flatten().unwrap_or_default()
}

/// [`RequestView::subject`] of a request or of an answer; `None` of what is neither.
pub(crate) fn subject_of<V: FlowView + ?Sized>(flow: &V) -> Option<String> {
    let layer7 = flow.l7()?;
    // A connection may be refused before anything is read of it.
    Some(
        subject(layer7).unwrap_or_else(|| match server_name(&reason(flow)) {
            "" => "connection".to_owned(),
            name => format!("TLS {name}"),
        }),
    )
}

/// The server's name in a reason; Hubble has no message for TLS.
fn server_name(reason: &str) -> &str {
    let behind = reason.split_once("server name ").map(|(_, rest)| rest);
    behind
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or_default()
}

/// What was asked and what became of it, in a line, from a request or from its answer:
/// `GET /cart: 200 3ms`, `A api.example.com: 192.0.2.7`, `produce orders: code 0`.
pub fn summary(layer7: &Layer7, verdict: Verdict) -> String {
    let is_answer = layer7.r#type() == L7FlowType::Response;
    match &layer7.record {
        Some(Record::Http(http)) if is_answer => {
            let took = crate::quantity::micros(micros(layer7.latency_ns));
            format!("{} {}: {} {took}", http.method, path(&http.url), http.code)
        }
        Some(Record::Dns(dns)) if is_answer => {
            let name = dns.query.strip_suffix('.').unwrap_or(&dns.query);
            let said = match (dns.rcode, dns.ips.as_slice()) {
                (0, []) => "no address".to_owned(),
                (0, ips) => ips.join(","),
                (NO_SUCH_NAME, _) => "no such name".to_owned(),
                (code, _) => format!("rcode {code}"),
            };
            format!("{} {name}: {said}", dns.qtypes.join(","))
        }
        Some(Record::Kafka(kafka)) if is_answer => {
            let what = format!("{} {}", kafka.api_key, kafka.topic);
            format!("{}: code {}", what.trim_end(), kafka.error_code)
        }
        Some(_) | None => crate::format::request(layer7, verdict),
    }
}

fn micros(ns: u64) -> u32 {
    u32::try_from(ns / 1_000).unwrap_or(u32::MAX)
}

impl<V: FlowView> FlowView for RequestView<'_, V> {
    forward! { plain
        labels_follow_identity() -> bool;
        is_flow() -> bool;
        time_ns() -> Option<i64>;
        verdict() -> Verdict;
        verdict_number() -> i32;
        drop_reason() -> i32;
        event_type() -> Option<(i32, i32)>;
        direction() -> TrafficDirection;
        match_type() -> u32;
        trace_reason() -> TraceReason;
        is_reply() -> Option<bool>;
        transport() -> Option<Transport>;
        tcp_flags() -> Option<u16>;
        icmp() -> Option<(u32, u32)>;
        source_xlated() -> Option<IpAddr>;
        ip_version() -> IpVersion;
        encrypted() -> bool;
        node() -> &str;
        any_node_label(is: &mut dyn FnMut(&str) -> bool) -> bool;
        interface() -> Option<(u32, &str)>;
        l7() -> Option<&Layer7>;
        uuid_is(text: &str) -> bool;
        uuid(see: &mut dyn FnMut(&str)) -> ();
        trace_id() -> &str;
        ip_trace_id() -> u64;
        summary() -> &str;
        any_policy(is: &mut dyn FnMut(PolicyName<'_>) -> bool) -> bool;
        any_policy_log(is: &mut dyn FnMut(&str) -> bool) -> bool;
        message(see: &mut dyn FnMut(&Flow)) -> ();
    }
    forward! { sided
        port() -> Option<u16>;
        ip() -> Option<IpAddr>;
        address() -> Address<'_>;
        identity() -> Option<Identity>;
        namespace() -> &str;
        pod() -> &str;
        cluster() -> &str;
        any_label(is: &mut dyn FnMut(&str) -> bool) -> bool;
        any_workload(is: &mut dyn FnMut(&str, &str) -> bool) -> bool;
        any_name(is: &mut dyn FnMut(&str) -> bool) -> bool;
        service() -> Option<(&str, &str)>;
    }

    fn connection(&self) -> Option<ConnectionFacts> {
        let denied = self.is_denied();
        Some(ConnectionFacts {
            state: match denied {
                true => ConnectionState::Denied,
                false => ConnectionState::Answered,
            },
            age_ns: 0,
            drops: denied.into(),
            silent: None,
            lost: 0,
        })
    }

    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        self.flow.with_extension(see);
    }
}
