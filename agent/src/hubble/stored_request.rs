//! A request at layer 7 as Hubble's flow, and as a filter sees it without making the message.

use std::net::IpAddr;

use flow::{FlowView, Identity, Side, view::Direction, view::Transport};
use prost::Message as _;
use proto::flow as pb;
use proto::flows::v1 as ext;

use super::extension::{TYPE_URL, rules};
use super::request_summary::request_summary;
use super::{FlowBuilder, endpoint, message_type, other, timestamp};
use crate::fact::{Outcome, Request};
use crate::history::RequestRef;

impl FlowBuilder {
    /// The flow of a request.
    pub fn request(&self, stored: &RequestRef<'_>) -> pb::Flow {
        let request = stored.request();
        let mut flow = pb::Flow {
            time: Some(timestamp(request.time)),
            uuid: self.uuid_of(stored.sequence(), 0),
            emitter: Some(super::emitter()),
            verdict: request.outcome.verdict().into(),
            ip: Some(pb::Ip {
                source: request.end(Side::Source).ip().to_string(),
                destination: request.end(Side::Destination).ip().to_string(),
                ip_version: ip_version(request).into(),
                ..pb::Ip::default()
            }),
            l4: l4(request),
            source: Some(endpoint(stored.end(Side::Source))),
            destination: Some(endpoint(stored.end(Side::Destination))),
            source_names: self.names_of_request(request, Side::Source),
            destination_names: self.names_of_request(request, Side::Destination),
            r#type: pb::FlowType::L7.into(),
            node_name: self.node_name().to_owned(),
            node_labels: stored.node().labels.clone(),
            l7: Some(request.content.clone()),
            reply: request.is_reply,
            is_reply: Some(request.is_reply.into()),
            event_type: Some(pb::CiliumEventType {
                r#type: message_type::ACCESS_LOG,
                sub_type: 0,
            }),
            traffic_direction: direction(request).into(),
            policy_log: stored.rule().log.clone(),
            ..pb::Flow::default()
        };
        flow.summary = request_summary(&request.content);
        if self.extensions {
            flow.extensions = Some(extension(stored));
        }
        flow
    }

    /// The names of a request's end, as the other one had asked for them.
    fn names_of_request(&self, request: &Request, side: Side) -> Vec<String> {
        let [of, other] = [side, other(side)].map(|side| Some(request.end(side).ip()));
        self.names(of, other, request.time)
    }
}

fn direction(request: &Request) -> pb::TrafficDirection {
    match request.direction {
        Direction::Egress => pb::TrafficDirection::Egress,
        Direction::Ingress => pb::TrafficDirection::Ingress,
    }
}

fn ip_version(request: &Request) -> pb::IpVersion {
    match request.end(Side::Source).ip() {
        IpAddr::V4(_) => pb::IpVersion::IPv4,
        IpAddr::V6(_) => pb::IpVersion::IPv6,
    }
}

fn l4(request: &Request) -> Option<pb::Layer4> {
    use pb::layer4::Protocol;
    let [source_port, destination_port] =
        [Side::Source, Side::Destination].map(|side| request.end(side).port().into());
    let protocol = match request.transport {
        Transport::Tcp => Protocol::Tcp(pb::Tcp {
            source_port,
            destination_port,
            flags: None,
        }),
        Transport::Udp => Protocol::Udp(pb::Udp {
            source_port,
            destination_port,
        }),
        Transport::Sctp
        | Transport::IcmpV4
        | Transport::IcmpV6
        | Transport::Vrrp
        | Transport::Igmp => return None,
    };
    Some(pb::Layer4 {
        protocol: Some(protocol),
    })
}

/// Why it was denied or failed, after the policy that came nearest.
fn why(stored: &RequestRef<'_>) -> String {
    let why = &stored.request().why;
    match stored.rule().policies.first() {
        Some(policy) if !why.is_empty() => {
            let kind = flow::format::short_kind(policy.kind.name());
            let namespace = match &*policy.namespace {
                "" => String::new(),
                namespace => format!("{namespace}/"),
            };
            format!("{kind} {namespace}{}: {why}", policy.name)
        }
        Some(_) | None => why.to_string(),
    }
}

/// The rule, with its item of layer 7 where there is one.
fn rules_of(stored: &RequestRef<'_>) -> Vec<ext::Rule> {
    let request = stored.request();
    let mut rules = rules(stored.rule());
    for rule in &mut rules {
        let path = explain::proto::path_of(rule.path.as_ref());
        rule.path = path.map(|path| explain::proto::path(request.place(path)));
    }
    rules
}

/// What Hubble's message has no field for: the rule, and why.
fn extension(stored: &RequestRef<'_>) -> proto::google::Any {
    let (request, rule) = (stored.request(), stored.rule());
    let decision = Some(ext::Decision {
        verdict: request.outcome.verdict().into(),
        default_deny: request.outcome == Outcome::Denied,
        rules: rules_of(stored),
        why: why(stored),
        log: rule.log.clone(),
        ..ext::Decision::default()
    });
    let (egress, ingress) = match request.direction {
        Direction::Egress => (decision, None),
        Direction::Ingress => (None, decision),
    };
    let message = ext::FlowExtension {
        egress,
        ingress,
        ..ext::FlowExtension::default()
    };
    proto::google::Any {
        type_url: TYPE_URL.into(),
        value: message.encode_to_vec(),
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct StoredRequest<'a> {
    flow_builder: &'a FlowBuilder,
    stored: RequestRef<'a>,
}

impl<'a> StoredRequest<'a> {
    /// The flow that [`FlowBuilder::request`] would make.
    pub fn new(flow_builder: &'a FlowBuilder, stored: RequestRef<'a>) -> Self {
        Self {
            flow_builder,
            stored,
        }
    }

    fn request(&self) -> &'a Request {
        self.stored.request()
    }

    fn uuid(&self) -> String {
        self.flow_builder.uuid_of(self.stored.sequence(), 0)
    }
}

impl FlowView for StoredRequest<'_> {
    fn labels_follow_identity(&self) -> bool {
        true
    }

    fn time_ns(&self) -> Option<i64> {
        i64::try_from(self.request().time).ok()
    }

    fn verdict(&self) -> pb::Verdict {
        self.request().outcome.verdict()
    }

    fn event_type(&self) -> Option<(i32, i32)> {
        Some((message_type::ACCESS_LOG, 0))
    }

    fn direction(&self) -> pb::TrafficDirection {
        direction(self.request())
    }

    fn is_reply(&self) -> Option<bool> {
        Some(self.request().is_reply)
    }

    fn transport(&self) -> Option<Transport> {
        Some(self.request().transport)
    }

    fn port(&self, side: Side) -> Option<u16> {
        Some(self.request().end(side).port())
    }

    fn ip(&self, side: Side) -> Option<IpAddr> {
        Some(self.request().end(side).ip())
    }

    fn ip_version(&self) -> pb::IpVersion {
        ip_version(self.request())
    }

    fn identity(&self, side: Side) -> Option<Identity> {
        Some(Identity(self.stored.end(side).identity))
    }

    fn namespace(&self, side: Side) -> &str {
        &self.stored.end(side).namespace
    }

    fn pod(&self, side: Side) -> &str {
        &self.stored.end(side).pod
    }

    fn cluster(&self, side: Side) -> &str {
        &self.stored.end(side).cluster
    }

    fn any_label(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.stored.end(side).labels.iter().any(|label| is(label))
    }

    fn any_workload(&self, side: Side, is: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let mut workloads = self.stored.end(side).workloads.iter();
        workloads.any(|workload| is(&workload.kind, &workload.name))
    }

    fn any_name(&self, side: Side, is: &mut dyn FnMut(&str) -> bool) -> bool {
        let names = self.flow_builder.names_of_request(self.request(), side);
        names.iter().any(|name| is(name))
    }

    fn node(&self) -> &str {
        self.flow_builder.node_name()
    }

    fn any_node_label(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.stored.node().labels.iter().any(|label| is(label))
    }

    fn l7(&self) -> Option<&pb::Layer7> {
        Some(&self.request().content)
    }

    fn uuid_is(&self, text: &str) -> bool {
        self.uuid() == text
    }

    fn uuid(&self, see: &mut dyn FnMut(&str)) {
        see(&Self::uuid(self));
    }

    fn any_policy_log(&self, is: &mut dyn FnMut(&str) -> bool) -> bool {
        self.stored.rule().log.iter().any(|value| is(value))
    }

    fn message(&self, see: &mut dyn FnMut(&pb::Flow)) {
        see(&self.flow_builder.request(&self.stored));
    }

    // What filters of Hubble's messages can't ask for, and what a request doesn't have.
    flow::absent! {
        drop_reason match_type trace_reason tcp_flags icmp source_xlated encrypted service
        interface trace_id ip_trace_id summary any_policy connection with_extension
    }
}
