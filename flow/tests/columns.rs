//! Columns over a message with our extension, and over a compact form of flow.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use flow::attribute::{Attribute, AttributeId, Cells, SortKey};
use flow::view::{
    EndpointDecision, Extension, FlowView, PolicyName, Rule, Rules, Side, Transport, Volume,
};
use flow::{Identity, Verdict};
use flows_flow as flow;
use proto::flow::{Flow, IpVersion};
use proto::flows::v1::{Cause, Decision, FlowExtension};
use proto::json::{self, Unknown};

const FLOW: &str = r#"{"time":"2026-01-02T03:04:05.006Z","uuid":"u1","verdict":"FORWARDED",
"IP":{"source":"10.0.0.1","destination":"93.184.216.34","ipVersion":"IPv4"},
"l4":{"TCP":{"source_port":4000,"destination_port":443,"flags":{"SYN":true,"ACK":true}}},
"source":{"identity":300,"namespace":"shop","pod_name":"cart-0","cluster_name":"c1",
"labels":["k8s:app=cart","k8s:tier=api"],"workloads":[{"name":"cart","kind":"StatefulSet"}]},
"destination":{"identity":2,"labels":["reserved:world"]},
"destination_names":["example.com","www.example.com"],
"node_name":"c1/node-a","event_type":{"type":4},"traffic_direction":"EGRESS","is_reply":true,
"trace_reason":"REPLY","interface":{"index":3,"name":"eth0"},
"source_service":{"name":"cart-svc","namespace":"shop"},
"policy_log":["payments","audit"],
"trace_context":{"parent":{"trace_id":"t1"}}}"#;

fn message() -> Flow {
    let mut flow: Flow = json::read(FLOW, Unknown::Refuse).unwrap();
    flow.set_extension(&FlowExtension {
        egress: Some(Decision {
            verdict: Verdict::Forwarded.into(),
            rules: vec![proto::flows::v1::Rule {
                kind: proto::flows::v1::PolicyKind::CiliumNetworkPolicy.into(),
                namespace: "shop".to_owned(),
                name: "cart".to_owned(),
                text: "allows world on 443/TCP".to_owned(),
                ..proto::flows::v1::Rule::default()
            }],
            ..Decision::default()
        }),
        forward: Some(proto::flows::v1::Volume {
            packets: 3,
            bytes: 400,
        }),
        reply: Some(proto::flows::v1::Volume {
            packets: 4,
            bytes: 1_200,
        }),
        handshake_rtt_us: 1_234,
        revision: 7,
        cause: Cause::Flags.into(),
        ..FlowExtension::default()
    });
    flow
}

#[test]
fn every_column_of_a_message() {
    let flow = message();
    let texts: Vec<(&str, String)> = Attribute::columns()
        .map(|about| {
            let text = about.text(&flow, &Cells::default());
            (about.name, text)
        })
        .collect();
    let expected = [
        ("timestamp", "Jan  2 03:04:05.006"),
        ("node", "c1/node-a"),
        ("source", "example.com,www.example.com:443 <-"),
        ("destination", "shop/cart-0:4000"),
        ("type", "L4_TRACE TCP"),
        ("verdict", "FORWARDED"),
        ("reason", "reply"),
        ("policy", "cnp shop/cart: allows world on 443/TCP"),
        ("policy.name", "cnp shop/cart"),
        ("policy.log", "payments,audit"),
        ("direction", "egress"),
        ("reply", "true"),
        ("protocol", "TCP"),
        ("tcp.flags", "SYN, ACK"),
        ("src.pod", "cart-0"),
        ("src.ns", "shop"),
        ("src.workload", "cart"),
        ("src.service", "shop/cart-svc"),
        ("src.fqdn", ""),
        ("src.ip", "10.0.0.1"),
        ("src.port", "4000"),
        ("src.identity", "300"),
        ("src.label", "k8s:app=cart,k8s:tier=api"),
        ("src.cluster", "c1"),
        ("dst.pod", ""),
        ("dst.ns", ""),
        ("dst.workload", ""),
        ("dst.service", ""),
        ("dst.fqdn", "example.com,www.example.com"),
        ("dst.ip", "93.184.216.34"),
        ("dst.port", "443"),
        ("dst.identity", "world"),
        ("dst.label", "reserved:world"),
        ("dst.cluster", ""),
        ("state", ""),
        ("age", ""),
        ("why", "cnp shop/cart \u{b7} world on 443/TCP"),
        ("bytes", "1.6 kB"),
        ("packets", "7"),
        ("rtt", "1.2ms"),
        ("revision", "7"),
        ("cause", "flags"),
        ("interface", "eth0"),
        ("traceid", "t1"),
        ("uuid", "u1"),
        ("summary", "TCP Flags: SYN, ACK"),
    ];
    let expected: Vec<_> = expected.map(|(name, text)| (name, text.to_owned())).into();
    assert_eq!(texts, expected);

    let plain = Cells {
        plain: true,
        ..Cells::default()
    };
    assert_eq!(AttributeId::Bytes.text(&flow, &plain), "1600");
    assert_eq!(AttributeId::Rtt.text(&flow, &plain), "1234");
    assert_eq!(AttributeId::Bytes.key(&flow), SortKey::Number(1_600));
}

/// As small as a row of a screen: names by number.
struct Small;

struct OneRule;

impl Rules for OneRule {
    fn any(&self, is: &mut dyn FnMut(Rule<'_>) -> bool) -> bool {
        is(Rule {
            policy: PolicyName {
                kind: "NetworkPolicy",
                namespace: "shop",
                name: "deny",
            },
            text: "",
        })
    }
}

impl FlowView for Small {
    fn verdict(&self) -> Verdict {
        Verdict::Dropped
    }
    fn drop_reason(&self) -> i32 {
        133
    }
    fn event_type(&self) -> Option<(i32, i32)> {
        Some((1, 133))
    }
    fn transport(&self) -> Option<Transport> {
        Some(Transport::IcmpV6)
    }
    fn icmp(&self) -> Option<(u32, u32)> {
        Some((128, 0))
    }
    fn port(&self, _side: Side) -> Option<u16> {
        None
    }
    fn ip(&self, _side: Side) -> Option<IpAddr> {
        "fd00::1".parse().ok()
    }
    fn ip_version(&self) -> IpVersion {
        IpVersion::IPv6
    }
    fn identity(&self, _side: Side) -> Option<Identity> {
        None
    }
    fn namespace(&self, _side: Side) -> &str {
        ""
    }
    fn pod(&self, _side: Side) -> &str {
        ""
    }
    fn any_label(&self, _side: Side, _is: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
    fn node(&self) -> &str {
        "node-a"
    }
    fn with_extension(&self, see: &mut dyn FnMut(&Extension<'_>)) {
        let decided = |verdict, default_deny| EndpointDecision {
            verdict,
            drop_reason: 0,
            match_type: 0,
            default_deny,
            rules: &OneRule,
            why: "",
        };
        see(&Extension {
            egress: Some(decided(Verdict::Forwarded, false)),
            ingress: Some(decided(Verdict::Dropped, true)),
            forward: Some(Volume {
                packets: u64::MAX,
                bytes: 1,
            }),
            reply: Some(Volume {
                packets: 1,
                bytes: 1,
            }),
            ..Extension::default()
        });
    }

    flow::absent! {
        time_ns direction match_type trace_reason is_reply tcp_flags source_xlated
        encrypted cluster any_workload any_name service any_node_label interface l7 uuid
        trace_id ip_trace_id summary any_policy any_policy_log connection message
    }
}

#[test]
fn columns_of_any_form_of_flow() {
    let cells = Cells::default();
    for (column, text) in [
        (AttributeId::Timestamp, "N/A"),
        (AttributeId::Source, "fd00::1 ->"),
        (AttributeId::Type, "L3_DROP ICMPv6"),
        (AttributeId::Reason, "Policy denied"),
        (
            AttributeId::Policy,
            "default deny ingress: netpol shop/deny selects it",
        ),
        (AttributeId::PolicyName, "netpol shop/deny"),
        (AttributeId::Packets, "18446744073709551615"),
        (AttributeId::Rtt, ""),
        (AttributeId::Summary, "ICMPv6 type 128 code 0"),
    ] {
        assert_eq!(column.text(&Small, &cells), text, "{column:?}");
    }
    assert_eq!(AttributeId::Packets.key(&Small), SortKey::Number(i64::MAX));
    assert_eq!(AttributeId::Rtt.key(&Small), SortKey::None);
    let ip = flow::attribute::EndAttribute::Ip;
    let key = AttributeId::Of(Side::Source, ip).key(&Small);
    assert_eq!(key, SortKey::Address("fd00::1".parse().unwrap()));
}

/// What the rule allows isn't why it was dropped.
#[test]
fn a_drop_for_want_of_a_proxy_names_the_node_and_the_remedy() {
    let mut told = message();
    let decision = Decision {
        verdict: Verdict::Dropped.into(),
        drop_reason: 178,
        rules: vec![proto::flows::v1::Rule {
            name: "api".to_owned(),
            text: "allows GET /metrics".to_owned(),
            ..proto::flows::v1::Rule::default()
        }],
        ..Decision::default()
    };
    told.verdict = Verdict::Dropped.into();
    told.drop_reason_desc = 178;
    let plain = Flow {
        extensions: None,
        ..told.clone()
    };
    told.set_extension(&FlowExtension {
        ingress: Some(decision),
        ..FlowExtension::default()
    });
    for (flow, column) in [
        (&told, AttributeId::Why),
        (&told, AttributeId::Policy),
        (&plain, AttributeId::Why),
    ] {
        let text = column.text(flow, &Cells::default());
        let wanted = "no proxy runs on c1/node-a: start flows-proxy there";
        assert_eq!(text, wanted, "{column:?}");
    }
}
