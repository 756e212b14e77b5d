//! Flows as agents send them; a test changes what it wants otherwise.

use proto::flow::{
    CiliumEventType, DropReason, Flow, Ip, IpVersion, Layer4, LostEvent, LostEventSource, Policy,
    Tcp, TrafficDirection, Verdict, layer4,
};
use proto::flows::v1::{Decision, FlowExtension, PolicyKind, Rule, Volume};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

/// The response that carries a flow, of the flow's node at its time.
pub fn response(flow: Flow) -> GetFlowsResponse {
    GetFlowsResponse {
        node_name: flow.node_name.clone(),
        time: flow.time,
        response_types: Some(ResponseTypes::Flow(flow)),
    }
}

/// The response that tells of so many lost events, at a time in Unix ns.
pub fn lost(node: &str, time: i64, source: LostEventSource, events: u64) -> GetFlowsResponse {
    let time = Some(Timestamp::from_unix_nanos(time));
    GetFlowsResponse {
        node_name: node.to_owned(),
        time,
        response_types: Some(ResponseTypes::LostEvents(LostEvent {
            source: source.into(),
            num_events_lost: events,
            first: time,
            last: time,
            ..LostEvent::default()
        })),
    }
}

/// A flow's addresses.
pub fn ipv4(source: impl Into<String>, destination: impl Into<String>) -> Option<Ip> {
    Some(Ip {
        source: source.into(),
        destination: destination.into(),
        ip_version: IpVersion::IPv4.into(),
        ..Ip::default()
    })
}

/// A flow's ports.
pub fn tcp(source_port: u32, destination_port: u32) -> Option<Layer4> {
    let tcp = Tcp {
        source_port,
        destination_port,
        ..Tcp::default()
    };
    Some(Layer4 {
        protocol: Some(layer4::Protocol::Tcp(tcp)),
    })
}

/// The first packet of a connection as the destination's policy decided it: allowed by its rule, or dropped
/// as no rule of it allows that.
pub fn decide(flow: &mut Flow, namespace: &str, policy: &str, rule: &str, dropped: bool) {
    let verdict = if dropped {
        Verdict::Dropped
    } else {
        Verdict::Forwarded
    };
    flow.verdict = verdict.into();
    flow.traffic_direction = TrafficDirection::Ingress.into();
    let policies = vec![Policy {
        name: policy.to_owned(),
        namespace: namespace.to_owned(),
        kind: "CiliumNetworkPolicy".to_owned(),
        ..Policy::default()
    }];
    let (kind, sub_type) = if dropped {
        flow.drop_reason_desc = DropReason::PolicyDenied.into();
        flow.ingress_denied_by = policies;
        (1, 133)
    } else {
        flow.ingress_allowed_by = policies;
        (5, 0)
    };
    flow.event_type = Some(CiliumEventType {
        r#type: kind,
        sub_type,
    });
    flow.summary = "TCP Flags: SYN".to_owned();
    let rule = Rule {
        kind: PolicyKind::CiliumNetworkPolicy.into(),
        namespace: namespace.to_owned(),
        name: policy.to_owned(),
        text: rule.to_owned(),
        ..Rule::default()
    };
    flow.set_extension(&FlowExtension {
        ingress: Some(Decision {
            verdict: verdict.into(),
            default_deny: dropped,
            rules: vec![rule],
            ..Decision::default()
        }),
        forward: Some(Volume {
            packets: 3,
            bytes: 1200,
        }),
        ..FlowExtension::default()
    });
}
