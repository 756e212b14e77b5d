//! Flows of all sorts are explained: as the agent sends them, as a stock server does, cut down, old,
//! and made up to do harm.

#[path = "../../policy/tests/common/mod.rs"]
mod common;

use std::collections::BTreeSet;

use cluster::{Identities, State};
use common::{add, state};
use flows_explain::explain_flow::Responder;
use flows_explain::proto::explain_flow;
use flows_explain::trace::PolicyContext;
use policy::Config;
use proto::flow as pb;
use proto::flow::Verdict::{Dropped, Forwarded};
use proto::flows::v1::trace_response::Verdict;
use proto::flows::v1::{Decision, ExplainResponse, FlowExtension, PolicyKind, Rule};

const CLUSTER: &str = "
apiVersion: v1
kind: Node
metadata: {name: node-a}
spec: {podCIDR: 10.0.1.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: production, labels: {app: web}}
spec: {nodeName: node-a}
status: {podIP: 10.0.1.1}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: production, labels: {app: db}}
spec: {nodeName: node-a}
status: {podIP: 10.0.1.2}
---
# Who may ask the database.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: production, resourceVersion: '5'}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: auth}}]
    toPorts: [{ports: [{port: '5432', protocol: TCP}]}]
";

fn explain(state: &State, flow: &pb::Flow) -> ExplainResponse {
    let config = Config::default();
    let (policies, refused) = policy::read(state, &config.cluster);
    assert_eq!(common::shown(&refused), [""; 0]);
    let identities = Identities::new(state.is_dual_stack());
    let context = PolicyContext::new(state, &policies, &config, identities);
    let responder = Responder {
        node_name: "node-a".to_owned(),
        revision: 9,
        stale: BTreeSet::new(),
    };
    explain_flow(&context, flow, &responder)
}

fn pod(name: &str, app: &str) -> Option<pb::Endpoint> {
    let labels = [
        &format!("k8s:app={app}"),
        "k8s:io.cilium.k8s.policy.cluster=default",
        "k8s:io.cilium.k8s.policy.serviceaccount=default",
        "k8s:io.kubernetes.pod.namespace=production",
    ];
    Some(pb::Endpoint {
        namespace: "production".to_owned(),
        pod_name: name.to_owned(),
        labels: labels.map(str::to_owned).to_vec(),
        ..pb::Endpoint::default()
    })
}

fn tcp(source_port: u32, destination_port: u32) -> Option<pb::Layer4> {
    Some(pb::Layer4 {
        protocol: Some(pb::layer4::Protocol::Tcp(pb::Tcp {
            source_port,
            destination_port,
            flags: None,
        })),
    })
}

fn addresses(source: &str, destination: &str) -> Option<pb::Ip> {
    Some(pb::Ip {
        source: source.to_owned(),
        destination: destination.to_owned(),
        ..pb::Ip::default()
    })
}

fn rule(version: &str) -> Rule {
    Rule {
        kind: PolicyKind::CiliumNetworkPolicy.into(),
        namespace: "production".to_owned(),
        name: "db".to_owned(),
        text: "allows app=auth on 5432/TCP".to_owned(),
        resource_version: version.to_owned(),
        ..Rule::default()
    }
}

/// The flow of a drop at the database, as an agent sends it.
fn dropped() -> pb::Flow {
    let mut flow = pb::Flow {
        verdict: Dropped.into(),
        drop_reason: 133,
        drop_reason_desc: 133,
        ip: addresses("10.0.1.1", "10.0.1.2"),
        l4: tcp(40_001, 5432),
        source: pod("web", "web"),
        destination: pod("db", "db"),
        node_name: "node-a".to_owned(),
        traffic_direction: pb::TrafficDirection::Ingress.into(),
        ..pb::Flow::default()
    };
    flow.set_extension(&FlowExtension {
        egress: Some(Decision {
            verdict: Forwarded.into(),
            ..Decision::default()
        }),
        ingress: Some(Decision {
            verdict: Dropped.into(),
            drop_reason: 133,
            default_deny: true,
            rules: vec![rule("5")],
            ..Decision::default()
        }),
        revision: 9,
        ..FlowExtension::default()
    });
    flow
}

#[test]
fn a_drop_is_explained_with_everything_that_helps() {
    let answer = explain(&state(CLUSTER), &dropped());
    assert_eq!(
        answer.headline,
        "production/web may not reach production/db on 5432/TCP: no ingress rule of cnp \
         production/db allows it"
    );
    let recorded = answer.recorded.expect("it was decided");
    assert_eq!(
        (
            recorded.direction(),
            recorded.end.as_str(),
            recorded.revision
        ),
        (pb::TrafficDirection::Ingress, "production/db", 9)
    );
    let now = answer.now.expect("both ends are there");
    assert_eq!((now.verdict(), now.revision), (Verdict::Denied, 9));
    assert_eq!(now.suggestions[0].policy, "cnp production/db");
    assert!(now.suggestions[0].yaml.contains("app: web"), "{now:?}");
    assert!(
        !answer.differs && answer.changes.is_empty(),
        "{:?}",
        answer.changes
    );
    let [policy] = &answer.policies[..] else {
        panic!("one policy: {:?}", answer.policies);
    };
    assert_eq!(
        (
            policy.policy.as_str(),
            policy.version.as_str(),
            policy.decided,
            policy.in_force
        ),
        ("cnp production/db", "5", true, true)
    );
    assert!(policy.place.starts_with("test.yaml:"), "{}", policy.place);
    assert!(policy.yaml.contains("endpointSelector"), "{}", policy.yaml);
    assert!(
        policy.meaning.contains("selects 1 pod"),
        "{}",
        policy.meaning
    );
    assert_eq!(
        answer.command,
        "flows policy trace --src-pod production/web --dst-pod production/db --dport 5432/tcp"
    );
    assert_eq!(answer.notes, [""; 0]);
}

#[test]
fn what_changed_since_is_said() {
    let repaired = CLUSTER
        .replace("app: auth", "app: web")
        .replace("resourceVersion: '5'", "resourceVersion: '7'");
    let answer = explain(&state(&repaired), &pb::Flow { ..dropped() });
    assert!(answer.differs);
    assert!(
        answer.headline.ends_with("; now it is allowed"),
        "{}",
        answer.headline
    );
    assert_eq!(
        answer.changes,
        ["cnp production/db is at version 7, and decided at version 5"]
    );
    assert!(!answer.policies[0].in_force);

    let gone = CLUSTER
        .split("---\n# Who")
        .next()
        .expect("there is a first part");
    let answer = explain(&state(gone), &dropped());
    assert!(answer.differs);
    assert_eq!(answer.changes, ["cnp production/db is gone"]);
    let policy = &answer.policies[0];
    assert_eq!((policy.yaml.as_str(), policy.in_force), ("", false));

    let mut more = state(CLUSTER);
    let all = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: all, \
               namespace: production}, spec: {endpointSelector: {}, ingress: [{}], egress: [{}]}}";
    add(&mut more, "all.yaml", all);
    let answer = explain(&more, &dropped());
    let names: Vec<&str> = answer
        .policies
        .iter()
        .map(|policy| policy.policy.as_str())
        .collect();
    assert_eq!(names, ["cnp production/db", "cnp production/all"]);
    assert!(!answer.policies[1].decided);
}

#[test]
fn a_pod_that_is_gone_is_judged_by_what_the_flow_tells_of_it() {
    let flow = pb::Flow {
        source: pod("auth-1", "auth"),
        ..dropped()
    };
    let answer = explain(&state(CLUSTER), &flow);
    let now = answer.now.expect("its labels are known");
    assert_eq!(now.verdict(), Verdict::Allowed);
    assert_eq!(now.source.expect("it has one").name, "production/auth-1");
    assert!(answer.differs);
    assert_eq!(
        answer.notes,
        [
            "production/auth-1 is gone: it is judged by the labels that it had when the flow was seen"
        ]
    );
    assert_eq!(
        answer.command,
        "flows policy trace --src-labels app=auth,io.kubernetes.pod.namespace=production \
         --dst-pod production/db --dport 5432/tcp"
    );

    let mut nameless = flow.clone();
    nameless.source.as_mut().expect("it has one").labels.clear();
    let answer = explain(&state(CLUSTER), &nameless);
    assert_eq!(answer.now, None);
    assert_eq!(answer.command, "");
    assert_eq!(
        answer.headline,
        "production/auth-1 may not reach production/db on 5432/TCP: no ingress rule of cnp \
         production/db allows it"
    );
    assert_eq!(
        answer.notes,
        [
            "what would be decided now can't be told: the flow doesn't tell who the source is: \
          production/auth-1 is gone, and the flow doesn't tell its labels"
        ]
    );
    assert!(answer.policies[0].yaml.contains("endpointSelector"));

    let other = pb::Flow {
        source: pod("web", "old"),
        ..dropped()
    };
    let answer = explain(&state(CLUSTER), &other);
    assert_eq!(
        answer.notes,
        [
            "production/web has other labels now than when the flow was seen: -k8s:app=old +k8s:app=web"
        ]
    );
}

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
             production/db allows it",
        ),
        (
            "without rules",
            plain(dropped()),
            "production/web may not reach production/db on 5432/TCP: no ingress rule allows it",
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
             production/db allows it",
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

/// Drops that no policy made: what happened, who sent it, why that usually is, and no advice.
#[test]
fn what_no_policy_dropped_gets_no_advice() {
    use pb::TrafficDirection::{Egress, Ingress};
    type Change = fn(&mut pb::Flow);
    let rows: [(&str, i32, pb::TrafficDirection, Change, &str); 7] = [
        (
            "spoofed, the pod behind the veth is named",
            132,
            Egress,
            |flow| flow.ip = addresses("10.9.9.9", "10.0.1.2"),
            "the source address does not belong to the sender (production/web sent it as 10.9.9.9); \
             usual cause: a program that fakes its address, or a router, VPN or second network inside \
             the pod",
        ),
        (
            "spoofed, the owner of the address is named",
            132,
            Egress,
            |_| {},
            "the source address does not belong to the sender (a pod on node-a, not production/web, \
             whose address it is, sent it as 10.0.1.1); usual cause: a program that fakes its address, \
             or a router, VPN or second network inside the pod",
        ),
        (
            "spoofed, nobody is named",
            132,
            Egress,
            |flow| {
                flow.source = None;
                flow.ip = addresses("10.9.9.9", "10.0.1.2");
                flow.interface = Some(pb::NetworkInterface {
                    index: 7,
                    name: "veth7".to_owned(),
                });
            },
            "the source address does not belong to the sender (a pod behind veth7 on node-a sent it as \
             10.9.9.9); usual cause: a program that fakes its address, or a router, VPN or second \
             network inside the pod",
        ),
        (
            "an unknown protocol, no ports",
            137,
            Egress,
            |flow| flow.l4 = None,
            "its transport protocol is not supported, only TCP, UDP, SCTP and ICMP are (production/web \
             sent it); usual cause: a tunnel or routing daemon inside the pod (GRE, IPIP, ESP, OSPF, \
             VRRP, IGMP)",
        ),
        (
            "cut short, by an address of the cluster",
            135,
            Egress,
            |flow| flow.source = None,
            "the TCP, UDP or ICMP header is cut short (production/web sent it); usual cause: a faulty \
             or hostile program that builds packets itself",
        ),
        (
            "a fragment from outside",
            175,
            Ingress,
            |flow| {
                flow.source = None;
                flow.ip = addresses("192.0.2.7", "10.0.1.2");
            },
            "it is a later fragment of a datagram whose first fragment was not seen or not allowed \
             (192.0.2.7 sent it); usual cause: a first fragment that was lost or overtaken, or \
             datagrams larger than the MTU",
        ),
        (
            "a full table, with rules that had a say before",
            155,
            Ingress,
            |flow| flow.ingress_denied_by = vec![pb::Policy::default()],
            "the connection table is full (production/web sent it); usual cause: more connections at \
             once than the node has room for (`flows status` shows how full it is)",
        ),
    ];
    let state = state(CLUSTER);
    for (name, reason, direction, change, wanted) in rows {
        let mut flow = pb::Flow {
            drop_reason: u32::try_from(reason).expect("a small number"),
            drop_reason_desc: reason,
            traffic_direction: direction.into(),
            ..dropped()
        };
        flow.extensions = None;
        change(&mut flow);
        let answer = explain(&state, &flow);
        let recorded = answer.recorded.as_ref().expect("it was dropped");
        assert_eq!(recorded.text, wanted, "{name}");
        let headline = &answer.headline;
        assert!(
            headline.contains("was dropped, but not by a policy: ") && headline.ends_with(wanted),
            "{name}: {headline}"
        );
        assert_eq!(
            (
                answer.not_policy,
                answer.now,
                answer.differs,
                answer.policies.len(),
                answer.changes.len(),
                answer.command.as_str(),
            ),
            (true, None, false, 0, 0, ""),
            "{name}"
        );
    }
}

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
