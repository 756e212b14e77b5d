//! Flows of all sorts: as a stock server sends them, cut down, replies, pings.

use super::*;

#[test]
fn flows_of_all_sorts() {
    let plain = |flow: pb::Flow| pb::Flow {
        extensions: None,
        ..flow
    };
    let reserved = |label: &str| {
        Some(pb::Endpoint {
            labels: vec![label.to_owned()],
            ..pb::Endpoint::default()
        })
    };
    let cases: Vec<(&str, pb::Flow, &str)> = vec![
        (
            "a stock server's",
            pb::Flow {
                ingress_denied_by: vec![pb::Policy {
                    name: "db".to_owned(),
                    namespace: "production".to_owned(),
                    labels: vec![
                        "k8s:io.cilium.k8s.policy.derived-from=CiliumNetworkPolicy".to_owned(),
                    ],
                    revision: 3,
                    ..pb::Policy::default()
                }],
                ..plain(dropped())
            },
            "production/web may not reach production/db on 5432/TCP: no ingress rule of cnp \
             production/db allows it; \
             nearest: ingress[0] of cnp production/db (from: app=auth, have app=web)",
        ),
        (
            "without rules",
            plain(dropped()),
            "production/web may not reach production/db on 5432/TCP: no ingress rule allows it; \
             nearest: ingress[0] of cnp production/db (from: app=auth, have app=web)",
        ),
        (
            "addresses alone, no verdict",
            pb::Flow {
                ip: addresses("10.0.1.1", "10.0.1.2"),
                l4: tcp(1, 80),
                ..pb::Flow::default()
            },
            "10.0.1.1 may not reach 10.0.1.2 on 80/TCP: no ingress rule of cnp production/db \
             allows it",
        ),
        (
            "allowed at one end, dropped at the other",
            pb::Flow {
                verdict: Forwarded.into(),
                drop_reason: 0,
                drop_reason_desc: 0,
                traffic_direction: pb::TrafficDirection::Egress.into(),
                ..dropped()
            },
            "production/web may not reach production/db on 5432/TCP: no ingress rule of cnp \
             production/db allows it; \
             nearest: ingress[0] of cnp production/db (from: app=auth, have app=web)",
        ),
        (
            "a reply",
            pb::Flow {
                verdict: Forwarded.into(),
                is_reply: Some(true.into()),
                l4: tcp(53, 40_001),
                source: reserved("reserved:world"),
                destination: pod("web", "web"),
                ip: addresses("192.0.2.1", "10.0.1.1"),
                traffic_direction: pb::TrafficDirection::Egress.into(),
                ..pb::Flow::default()
            },
            "production/web may reach 192.0.2.1 on 53/TCP: no rule was recorded",
        ),
        (
            "from its own node",
            pb::Flow {
                source: reserved("reserved:host"),
                ip: addresses("192.168.0.1", "10.0.1.2"),
                l4: tcp(1, 80),
                destination: pod("db", "db"),
                ..pb::Flow::default()
            },
            "host (192.168.0.1) may reach production/db on 80/TCP: a pod's own node may always \
             reach it",
        ),
        (
            "a ping's answer",
            pb::Flow {
                source: pod("db", "db"),
                destination: pod("web", "web"),
                is_reply: Some(true.into()),
                l4: Some(pb::Layer4 {
                    protocol: Some(pb::layer4::Protocol::IcmPv4(pb::IcmPv4 {
                        r#type: 0,
                        code: 0,
                    })),
                }),
                ..pb::Flow::default()
            },
            "production/web may not reach production/db on ICMP type 8: no ingress rule of cnp \
             production/db allows it",
        ),
        (
            "nothing",
            pb::Flow::default(),
            "somebody -> somebody: the flow records no decision, and none can be made now",
        ),
    ];
    let state = state(CLUSTER);
    for (name, flow, wanted) in cases {
        assert_eq!(explain(&state, &flow).headline, wanted, "{name}");
    }
}
