//! Our own view: what a newcomer sees of a denied connection.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use flow::print::{Format, Options, Printer};
use flows_flow as flow;
use proto::flow::{
    CiliumEventType, Endpoint, Flow, Ip, IpVersion, Layer4, Policy, Tcp, TrafficDirection, Verdict,
    layer4,
};
use proto::flows::v1::{Decision, FlowExtension, Rule};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

fn pod(name: &str) -> Option<Endpoint> {
    Some(Endpoint {
        namespace: "production".to_owned(),
        pod_name: name.to_owned(),
        ..Endpoint::default()
    })
}

/// A flow of one packet from user-service to auth-database.
fn packet(event: i32, sub_type: i32, verdict: Verdict, direction: TrafficDirection) -> Flow {
    let dropped = verdict == Verdict::Dropped;
    Flow {
        time: Some(Timestamp {
            seconds: 1_795_343_415,
            nanos: 123_456_789,
        }),
        verdict: verdict.into(),
        ip: Some(Ip {
            source: "10.0.1.11".to_owned(),
            destination: "10.0.2.12".to_owned(),
            ip_version: IpVersion::IPv4.into(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Tcp(Tcp {
                source_port: 41234,
                destination_port: 5432,
                flags: None,
            })),
        }),
        source: pod("user-service"),
        destination: pod("auth-database"),
        node_name: "node-a".to_owned(),
        event_type: Some(CiliumEventType {
            r#type: event,
            sub_type,
        }),
        traffic_direction: direction.into(),
        is_reply: (!dropped).then(|| false.into()),
        drop_reason_desc: if dropped { 133 } else { 0 },
        policy_match_type: 4,
        ..Flow::default()
    }
}

fn with_policies(mut flow: Flow) -> Flow {
    flow.set_extension(&FlowExtension {
        egress: Some(Decision {
            verdict: Verdict::Forwarded.into(),
            match_type: 4,
            ..Decision::default()
        }),
        ingress: Some(Decision {
            verdict: Verdict::Dropped.into(),
            drop_reason: 133,
            default_deny: true,
            rules: vec![Rule {
                kind: proto::flows::v1::PolicyKind::CiliumNetworkPolicy.into(),
                namespace: "production".to_owned(),
                name: "auth-database-policy".to_owned(),
                text: "allows app=auth-service on 5432/TCP".to_owned(),
                ..Rule::default()
            }],
            ..Decision::default()
        }),
        ..FlowExtension::default()
    });
    flow
}

fn printed(flows: &[Flow]) -> String {
    let mut printer = Printer::new(Options {
        format: Format::Wide,
        ..Options::default()
    });
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for flow in flows {
        let response = GetFlowsResponse {
            response_types: Some(ResponseTypes::Flow(flow.clone())),
            ..GetFlowsResponse::default()
        };
        printer.print(&response, &mut out, &mut err).unwrap();
    }
    printer.finish(&mut out).unwrap();
    assert!(err.is_empty());
    String::from_utf8(out).unwrap()
}

const HEADING: &str = "TIMESTAMP (UTC)      SOURCE                            \
DESTINATION                               TYPE         VERDICT  REASON         POLICY\n";

#[test]
fn a_denied_packet_is_one_row_with_its_policy() {
    use TrafficDirection::{Egress, Ingress};
    let allowed = with_policies(packet(5, 0, Verdict::Forwarded, Egress));
    let denied = with_policies(packet(5, 0, Verdict::Dropped, Ingress));
    let drop = with_policies(packet(1, 133, Verdict::Dropped, Ingress));
    let row = "Nov 22 10:30:15.123  production/user-service:41234 ->  \
               production/auth-database:5432             L4_DROP TCP  DROPPED  Policy denied  \
               default deny ingress: cnp production/auth-database-policy selects it, \
               allows app=auth-service on 5432/TCP\n";
    let expected = format!("{HEADING}{row}");
    // In whatever order, and whichever of them a filter leaves.
    for flows in [
        vec![allowed.clone(), denied.clone(), drop.clone()],
        vec![denied.clone(), drop.clone()],
        vec![drop.clone(), denied.clone()],
        vec![denied.clone()],
        vec![drop.clone()],
    ] {
        assert_eq!(printed(&flows), expected);
    }

    // Another packet is another row.
    let mut later = drop.clone();
    later.time = Some(Timestamp {
        nanos: 123_999_999,
        ..later.time.unwrap()
    });
    assert_eq!(printed(&[drop, later]), format!("{expected}{row}"));
    // Without its drop, the egress end's verdict is shown.
    let egress = printed(&[allowed]);
    assert!(egress.contains("L4_POLICY TCP  FORWARDED  all"), "{egress}");
}

#[test]
fn policies_of_servers_without_our_extension() {
    let mut flow = packet(5, 0, Verdict::Forwarded, TrafficDirection::Ingress);
    flow.ingress_allowed_by = vec![
        Policy {
            name: "allow".to_owned(),
            namespace: "shop".to_owned(),
            kind: "CiliumNetworkPolicy".to_owned(),
            ..Policy::default()
        },
        Policy {
            name: "world".to_owned(),
            kind: "CiliumClusterwideNetworkPolicy".to_owned(),
            ..Policy::default()
        },
    ];
    let text = printed(&[flow]);
    assert!(
        text.ends_with("FORWARDED  all            cnp shop/allow, ccnp world\n"),
        "{text}"
    );
}

#[test]
fn a_reply_keeps_its_connection_in_order() {
    let mut flow = packet(4, 0, Verdict::Forwarded, TrafficDirection::Egress);
    flow.is_reply = Some(true.into());
    let text = printed(&[flow]);
    let row = text.lines().nth(1).unwrap();
    assert!(
        row.starts_with("Nov 22 10:30:15.123  production/auth-database:5432 <- "),
        "{row}"
    );
}
