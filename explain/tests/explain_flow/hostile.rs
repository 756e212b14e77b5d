//! Flows that are made up to do harm.

use super::*;

#[test]
fn a_hostile_flow_is_neither_believed_nor_repeated() {
    let evil = "\u{1b}[2J'; rm -rf / #\u{202e}\n";
    let many = |n: usize| {
        let policy = pb::Policy {
            name: evil.repeat(100),
            kind: evil.to_owned(),
            namespace: evil.to_owned(),
            labels: vec![evil.to_owned(); n],
            revision: u64::MAX,
        };
        vec![policy; n]
    };
    let end = |pod_name: &str| {
        Some(pb::Endpoint {
            namespace: evil.to_owned(),
            pod_name: pod_name.to_owned(),
            labels: (0..2000)
                .map(|n| format!("k8s:io.kubernetes.pod.namespace={evil}{n}"))
                .collect(),
            ..pb::Endpoint::default()
        })
    };
    let mut flow = pb::Flow {
        verdict: Dropped.into(),
        drop_reason: u32::MAX,
        ip: addresses(evil, "::ffff:10.0.1.2"),
        l4: tcp(u32::MAX, u32::MAX),
        source: end(evil),
        destination: end(""),
        node_name: evil.to_owned(),
        ingress_denied_by: many(500),
        egress_denied_by: many(500),
        traffic_direction: 77,
        is_reply: Some(false.into()),
        ..pb::Flow::default()
    };
    let state = state(CLUSTER);
    let check = |flow: &pb::Flow| {
        let answer = explain(&state, flow);
        let yaml: Vec<String> = answer.policies.iter().map(|p| p.yaml.clone()).collect();
        assert!(yaml.iter().all(String::is_empty), "{yaml:?}");
        let text = format!("{answer:?}");
        assert!(
            !text.contains("\\u{1b}") && !text.contains("\\u{202e}"),
            "{text}"
        );
        assert!(!answer.headline.contains('\n') && answer.headline.len() < 5000);
        answer
    };
    check(&flow);
    flow.l4 = tcp(1, 80);
    let answer = check(&flow);
    assert!(answer.command.contains(r"'\''; rm"), "{}", answer.command);
    flow.extensions = Some(proto::google::Any {
        type_url: proto::EXTENSION_URL.to_owned(),
        value: vec![0xff; 64],
    });
    check(&flow);
}
