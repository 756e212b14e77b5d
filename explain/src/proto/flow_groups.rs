//! Flows as servers send them, to be grouped.

use abi::reason;
use policy::rule::protocol;
use proto::flow as pb;
use proto::flow::layer4::Protocol;
use proto::flow::layer7::Record;

use super::request::recorded_request;
use crate::flow_groups::{FlowGroups, ObservedEnd, ObservedFlow, ObservedRequest};

/// Takes a flow into its group.
pub fn group_flow(groups: &mut FlowGroups, flow: &pb::Flow) {
    let Some(observed) = observed(flow) else {
        groups.add_unreadable();
        return;
    };
    let Some(group) = groups.add(&observed) else {
        return;
    };
    let seen = flow.l7.as_ref();
    if let Some(seen) = seen.filter(|seen| seen.r#type() == pb::L7FlowType::Request) {
        let observed = ObservedRequest {
            number: request_number(groups, seen),
            at_source: flow.traffic_direction() == pb::TrafficDirection::Egress,
            allowed: match flow.verdict() {
                pb::Verdict::Forwarded => Some(true),
                pb::Verdict::Dropped => Some(false),
                pb::Verdict::Unknown
                | pb::Verdict::Error
                | pb::Verdict::Audit
                | pb::Verdict::Redirected
                | pb::Verdict::Traced
                | pb::Verdict::Translated => None,
            },
        };
        groups.add_request(group, observed, || recorded_request(seen));
    }
}

/// A number for what is asked.
fn request_number(groups: &FlowGroups, seen: &pb::Layer7) -> u64 {
    match &seen.record {
        Some(Record::Http(http)) => {
            let headers = http.headers.iter();
            // Each request has its own.
            let headers = headers.filter(|header| header.key != "x-request-id");
            let headers: Vec<_> = headers.map(|header| (&header.key, &header.value)).collect();
            groups.number((&http.method, &http.url, headers))
        }
        Some(Record::Dns(dns)) => groups.number(&dns.query),
        Some(Record::Kafka(kafka)) => {
            groups.number((&kafka.api_key, kafka.api_version, &kafka.topic))
        }
        None => 0,
    }
}

fn observed(flow: &pb::Flow) -> Option<ObservedFlow<'_>> {
    let reply = flow.is_reply.is_some_and(|reply| reply.value) || flow.reply;
    let (protocol, sender, receiver) = transport(flow.l4.as_ref()?, reply)?;
    let ip = flow.ip.as_ref();
    let sent_by = end(ip.map(|ip| &ip.source), flow.source.as_ref());
    let sent_to = end(ip.map(|ip| &ip.destination), flow.destination.as_ref());
    let (source, mut destination, source_port, port) = match reply {
        true => (sent_to, sent_by, receiver, sender),
        false => (sent_by, sent_to, sender, receiver),
    };
    if destination.pod_name.is_empty() {
        destination.names = match reply {
            true => &flow.source_names,
            false => &flow.destination_names,
        };
    }
    Some(ObservedFlow {
        source,
        destination,
        protocol,
        port: u16::try_from(port).ok()?,
        source_port,
        allowed: allowed(flow),
    })
}

fn end<'f>(ip: Option<&'f String>, endpoint: Option<&'f pb::Endpoint>) -> ObservedEnd<'f> {
    let ip = ip.map_or("", String::as_str);
    let Some(endpoint) = endpoint else {
        return ObservedEnd {
            ip,
            ..ObservedEnd::default()
        };
    };
    let workload = endpoint.workloads.first();
    ObservedEnd {
        ip,
        namespace: &endpoint.namespace,
        pod_name: &endpoint.pod_name,
        workload: workload.map_or(("", ""), |workload| (&workload.kind, &workload.name)),
        labels: &endpoint.labels,
        names: &[],
    }
}

/// Protocol, and the ports of sender and receiver. ICMP has no ports: the type of the request stands for that
/// of who is asked.
fn transport(l4: &pb::Layer4, reply: bool) -> Option<(u8, u32, u32)> {
    let icmp = |protocol: u8, kind: u32, answers: [(u32, u32); 2]| {
        let asked = answers.iter().find(|(answer, _)| reply && *answer == kind);
        let kind = asked.map_or(kind, |(_, request)| *request);
        match reply {
            true => (protocol, kind, 0),
            false => (protocol, 0, kind),
        }
    };
    Some(match l4.protocol.as_ref()? {
        Protocol::Tcp(tcp) => (protocol::TCP, tcp.source_port, tcp.destination_port),
        Protocol::Udp(udp) => (protocol::UDP, udp.source_port, udp.destination_port),
        Protocol::Sctp(sctp) => (protocol::SCTP, sctp.source_port, sctp.destination_port),
        Protocol::IcmPv4(message) => icmp(protocol::ICMP, message.r#type, [(0, 8), (14, 13)]),
        Protocol::IcmPv6(message) => {
            icmp(protocol::ICMPV6, message.r#type, [(129, 128), (140, 139)])
        }
        // No policy can name these.
        Protocol::Vrrp(_) | Protocol::Igmp(_) => return None,
    })
}

fn allowed(flow: &pb::Flow) -> Option<bool> {
    match flow.verdict() {
        // That it left its source doesn't mean that its destination let it in.
        pb::Verdict::Forwarded | pb::Verdict::Redirected => {
            let to_pod = flow
                .destination
                .as_ref()
                .is_some_and(|end| !end.pod_name.is_empty());
            let is_reply = flow.is_reply.is_some_and(|reply| reply.value);
            let left = flow.traffic_direction() == pb::TrafficDirection::Egress;
            (is_reply || !left || !to_pod).then_some(true)
        }
        pb::Verdict::Dropped => {
            let why = u8::try_from(flow.drop_reason_desc).ok()?;
            matches!(why, reason::POLICY_DENIED | reason::POLICY_DENY).then_some(false)
        }
        pb::Verdict::Unknown
        | pb::Verdict::Error
        | pb::Verdict::Audit
        | pb::Verdict::Traced
        | pb::Verdict::Translated => None,
    }
}
