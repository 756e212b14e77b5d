//! Which flows an event is shown as, field by field where Hubble's users look; and that a filter sees
//! the same as a reader of the message.

mod common;

use std::sync::Arc;

use abi::{
    event::{self, Event, Sample},
    identity, policy, reason,
};
use common::{
    ALLOW_EGRESS, ALLOW_FRONTEND, CART, EXPLICIT_DENY, FRONTEND, REMOTE, TCP, UDP, WORLD,
    default_deny, names, new_connection, words,
};
use flow::{FlowView, attribute::Attribute};
use flows_agent::{
    fact::{Arrived, FlowKind},
    history::{Entry, History},
    hubble::{FlowBuilder, stored_flow::StoredFlow},
    observe::Resolver,
};
use proto::flow as pb;

/// The flows of one event, and what a filter saw of each: always equal.
fn expand(event: Event, extensions: bool) -> Vec<pb::Flow> {
    expand_sample(&event.into(), extensions)
}

fn expand_sample(sample: &Sample, extensions: bool) -> Vec<pb::Flow> {
    let arrived = Arrived::read(sample).expect("a record of this version");
    let names = Arc::new(names());
    let mut resolver = Resolver::default();
    resolver.update(&names);
    let (history, mut writer) = History::new(10, Arc::clone(&names.node));
    let named = resolver.name(&arrived);
    writer.packet(&arrived, &named, resolver.node());
    writer.publish(0);
    let mut flow_builder = FlowBuilder::new("node-a".into(), 1);
    flow_builder.extensions = extensions;
    let view = history.view();
    let Some(Entry::Packet(stored)) = view.segments()[0].get(0) else {
        unreachable!("one event was stored")
    };
    let parts = stored.parts();
    let flows: Vec<pb::Flow> = parts
        .iter()
        .map(|part| {
            let flow = flow_builder.flow(&stored, part);
            same(&flow, &StoredFlow::new(&flow_builder, stored, part), part);
            flow
        })
        .collect();
    assert_eq!(u64::from(parts.count()), view.flows());
    flows
}

/// What a filter of the agent's can't ask for, so that stored events don't show it.
const NOT_SHOWN: [&str; 7] = [
    "policy",
    "match",
    "icmp.type",
    "icmp.code",
    "trace.reason",
    "encrypted",
    "summary",
];

/// Of every attribute, the stored event shows what the message says.
fn same(flow: &pb::Flow, seen: &StoredFlow<'_>, part: FlowKind) {
    // Filters can't ask for what is in the extension either.
    let flow = &pb::Flow {
        extensions: None,
        ..flow.clone()
    };
    for attribute in Attribute::fields() {
        if !NOT_SHOWN.contains(&attribute.name) {
            let (shown, said) = (attribute.value(seen), attribute.value(flow));
            assert_eq!(shown, said, "{part:?}: {}", attribute.name);
        }
    }
    assert!(seen.uuid_is(&flow.uuid) && !seen.uuid_is(""), "{part:?}");
}

/// One line per flow: type/sub type, verdict, direction, reply, what decided.
fn line(flow: &pb::Flow) -> String {
    let kind = flow.event_type.expect("every flow has an event type");
    let reply = match flow.is_reply {
        None => "-",
        Some(reply) if reply.value => "reply",
        Some(_) => "forth",
    };
    let names = |policies: &[pb::Policy]| -> String {
        policies
            .iter()
            .map(|policy| policy.name.as_str())
            .collect::<Vec<_>>()
            .join("+")
    };
    let by: String = [
        ("egress allowed by", &flow.egress_allowed_by),
        ("ingress allowed by", &flow.ingress_allowed_by),
        ("egress denied by", &flow.egress_denied_by),
        ("ingress denied by", &flow.ingress_denied_by),
    ]
    .into_iter()
    .filter(|(_, policies)| !policies.is_empty())
    .map(|(what, policies)| format!(" {what} {}", names(policies)))
    .collect();
    let reason = if flow.verdict() == pb::Verdict::Dropped {
        format!(" {}", flow.drop_reason_desc().as_str_name())
    } else if kind.r#type == 4 {
        format!(
            " {} {}",
            flow.trace_observation_point().as_str_name(),
            flow.trace_reason().as_str_name()
        )
    } else {
        format!(" match {}", flow.policy_match_type)
    };
    format!(
        "{}/{} {} {} {reply}{reason}{by}",
        kind.r#type,
        kind.sub_type,
        flow.verdict().as_str_name(),
        flow.traffic_direction().as_str_name(),
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn events_become_the_flows_that_a_hubble_user_expects() {
    let new = new_connection(1);
    let remote = Event {
        dst: words(REMOTE),
        dst_identity: 20_003,
        ingress: event::NOT_JUDGED,
        ingress_cookie: policy::COOKIE_NONE,
        ..new
    };
    let reply = Event {
        kind: event::FLAGS,
        src: new.dst,
        dst: new.src,
        src_identity: new.dst_identity,
        dst_identity: new.src_identity,
        flags: event::F_FROM_POD | event::F_REPLY,
        ..new
    };
    let rows: Vec<(&str, Event, &[&str])> = vec![
        (
            "new, policy at the destination only",
            new,
            &[
                "5/0 FORWARDED INGRESS forth match 2 ingress allowed by allow-frontend",
                "4/0 FORWARDED INGRESS forth TO_ENDPOINT NEW",
            ],
        ),
        (
            "new, policy at both ends: egress first",
            Event {
                egress_cookie: ALLOW_EGRESS,
                ..new
            },
            &[
                "5/0 FORWARDED EGRESS forth match 4 egress allowed by frontend-egress",
                "5/0 FORWARDED INGRESS forth match 2 ingress allowed by allow-frontend",
                "4/0 FORWARDED INGRESS forth TO_ENDPOINT NEW",
            ],
        ),
        (
            "new to another node, no policy",
            remote,
            &["4/11 FORWARDED EGRESS forth TO_NETWORK NEW"],
        ),
        (
            "new to the world",
            Event {
                dst: words(WORLD),
                dst_identity: identity::WORLD,
                ..remote
            },
            &["4/11 FORWARDED EGRESS forth TO_NETWORK NEW"],
        ),
        (
            "new to the node itself",
            Event {
                dst_identity: identity::HOST,
                ..remote
            },
            &["4/3 FORWARDED EGRESS forth TO_STACK NEW"],
        ),
        (
            "new from another node",
            Event {
                flags: 0,
                egress: event::NOT_JUDGED,
                egress_cookie: 0,
                ..new
            },
            &[
                "5/0 FORWARDED INGRESS forth match 2 ingress allowed by allow-frontend",
                "4/0 FORWARDED INGRESS forth TO_ENDPOINT NEW",
            ],
        ),
        (
            "default deny at the destination",
            default_deny(1),
            &[
                "5/0 DROPPED INGRESS - POLICY_DENIED ingress denied by allow-frontend",
                "1/133 DROPPED INGRESS - POLICY_DENIED ingress denied by allow-frontend",
            ],
        ),
        (
            "explicit deny at the source",
            Event {
                kind: event::DROP,
                egress: reason::POLICY_DENY,
                egress_cookie: EXPLICIT_DENY,
                ingress: event::NOT_JUDGED,
                ingress_cookie: 0,
                ..new
            },
            &[
                "5/0 DROPPED EGRESS - POLICY_DENY egress denied by deny-frontend",
                "1/181 DROPPED EGRESS - POLICY_DENY egress denied by deny-frontend",
            ],
        ),
        (
            "forged source: no policy judged it",
            Event {
                kind: event::DROP,
                egress: reason::INVALID_SOURCE_IP,
                egress_cookie: 0,
                ingress: event::NOT_JUDGED,
                ingress_cookie: 0,
                aux: 101,
                ..new
            },
            &["1/132 DROPPED EGRESS - INVALID_SOURCE_IP"],
        ),
        (
            "changed: the rule is another, even if none is left",
            Event {
                kind: event::CHANGED,
                ingress_cookie: policy::COOKIE_ALLOW_ANY_INGRESS,
                ..new
            },
            &[
                "5/0 FORWARDED EGRESS forth match 4",
                "5/0 FORWARDED INGRESS forth match 2",
            ],
        ),
        (
            "reply on one node",
            reply,
            &["4/0 FORWARDED EGRESS reply TO_ENDPOINT REPLY"],
        ),
        (
            "reply to another node",
            Event {
                egress: event::NOT_JUDGED,
                egress_cookie: 0,
                ..reply
            },
            &["4/11 FORWARDED INGRESS reply TO_NETWORK REPLY"],
        ),
        (
            "end",
            Event {
                kind: event::END,
                ..new
            },
            &["4/0 FORWARDED INGRESS forth TO_ENDPOINT ESTABLISHED"],
        ),
        (
            "an ICMP error about a connection",
            Event {
                kind: event::PACKET,
                flags: event::F_RELATED,
                proto: 1,
                src_port: 3,
                dst_port: 3,
                ..new
            },
            &["4/0 FORWARDED INGRESS forth TO_ENDPOINT RELATED"],
        ),
        (
            "redirected to a proxy",
            Event {
                ingress: event::REDIRECTED,
                ingress_cookie: ALLOW_FRONTEND,
                ..new
            },
            &[
                "5/0 REDIRECTED INGRESS forth match 2 ingress allowed by allow-frontend",
                "4/0 FORWARDED INGRESS forth TO_ENDPOINT NEW",
            ],
        ),
    ];
    for (name, event, expected) in rows {
        let lines: Vec<String> = expand(event, false).iter().map(line).collect();
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn a_drop_has_hubbles_fields() {
    let flow = expand(default_deny(1_767_323_045_678_901_234), false)
        .pop()
        .unwrap();
    let json = serde_json::to_value(&flow).unwrap();
    let expected = serde_json::json!({
        "time": "2026-01-02T03:04:05.678901234Z",
        "uuid": "00000000-0000-8001-8000-000000000002",
        "emitter": {"name": "flows", "version": env!("CARGO_PKG_VERSION")},
        "verdict": "DROPPED",
        "drop_reason": 133,
        "IP": {"source": FRONTEND, "destination": CART, "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40001, "destination_port": 8080, "flags": {"SYN": true}}},
        "source": {
            "ID": 101, "identity": 20001, "cluster_name": "default", "namespace": "shop",
            "labels": ["k8s:app=frontend", "k8s:io.kubernetes.pod.namespace=shop"],
            "pod_name": "frontend-6d9c7b-xk2vq",
            "workloads": [{"name": "frontend", "kind": "Deployment"}],
        },
        "destination": {
            "ID": 102, "identity": 20002, "cluster_name": "default", "namespace": "shop",
            "labels": ["k8s:app=cart", "k8s:io.kubernetes.pod.namespace=shop"],
            "pod_name": "cart-0",
            "workloads": [{"name": "cart", "kind": "Deployment"}],
        },
        "Type": "L3_L4",
        "node_name": "node-a",
        "node_labels": ["kubernetes.io/os=linux"],
        "event_type": {"type": 1, "sub_type": 133},
        "traffic_direction": "INGRESS",
        "drop_reason_desc": "POLICY_DENIED",
        "Summary": "TCP Flags: SYN",
        "ingress_denied_by": [{
            "name": "allow-frontend", "namespace": "shop",
            "labels": ["k8s:io.cilium.k8s.policy.name=allow-frontend"],
            "revision": "7", "kind": "CiliumNetworkPolicy",
        }],
    });
    assert_eq!(json, expected);
}

/// What a policy wants to stand in the log is in each flow that its rules decided, and their labels.
#[test]
fn policies_write_their_log() {
    let denied = Event {
        kind: event::DROP,
        egress: reason::POLICY_DENY,
        egress_cookie: EXPLICIT_DENY,
        ingress: event::NOT_JUDGED,
        ingress_cookie: 0,
        ..new_connection(1)
    };
    let flows = expand(denied, true);
    assert!(!flows.is_empty());
    for flow in flows {
        assert_eq!(flow.policy_log, ["kept out"]);
        let egress = flow.extension().unwrap().egress.unwrap();
        assert_eq!(egress.log, ["kept out"]);
        let labels = "k8s:io.cilium.k8s.policy.name=deny-frontend";
        assert_eq!(egress.rules[0].labels, [labels]);
    }
    for flow in expand(default_deny(1), true) {
        assert!(flow.policy_log.is_empty());
    }
}

#[test]
fn summaries() {
    let packet = |proto, src_port, dst_port, tcp_flags, flags| Event {
        kind: event::PACKET,
        proto,
        src_port,
        dst_port,
        tcp_flags,
        flags,
        ..new_connection(1)
    };
    let rows = [
        (packet(TCP, 1, 2, 0b0001_0010, 0), "TCP Flags: SYN, ACK"),
        (
            packet(TCP, 1, 2, 0xff, 0),
            "TCP Flags: SYN, ACK, RST, FIN, PSH, URG, ECE, CWR",
        ),
        (packet(TCP, 1, 2, 0, 0), "TCP Flags: "),
        (packet(UDP, 1, 2, 0, 0), "UDP"),
        (packet(132, 1, 2, 0, 0), "SCTP"),
        (packet(1, 8, 0, 0, 0), "ICMPv4 EchoRequest"),
        (packet(1, 3, 3, 0, 0), "ICMPv4 DestinationUnreachable(Port)"),
        (packet(1, 0, 7, 0, 0), "ICMPv4 EchoReply(Code: 7)"),
        (packet(1, 77, 1, 0, 0), "ICMPv4 77(1)"),
        (
            packet(58, 135, 0, 0, event::F_IPV6),
            "ICMPv6 NeighborSolicitation",
        ),
        (
            packet(58, 1, 4, 0, event::F_IPV6),
            "ICMPv6 DestinationUnreachable(PortUnreachable)",
        ),
        (packet(47, 0, 0, 0, 0), "IPv4"),
        (packet(47, 0, 0, 0, event::F_IPV6), "IPv6"),
        (packet(0, 0, 0, 0, event::F_NO_IP), "Ethernet"),
    ];
    for (event, expected) in rows {
        assert_eq!(expand(event, false)[0].summary, expected);
    }
}

#[test]
fn extensions_only_when_asked_for() {
    let event = Event {
        packets: [5, 0],
        ..default_deny(1)
    };
    assert_eq!(expand(event, false)[1].extensions, None);
    let extension = expand(event, true)[1].extension().unwrap();
    let ingress = extension.ingress.unwrap();
    assert!(ingress.default_deny);
    assert_eq!(ingress.rules[0].text, "allows app=frontend on 8080/TCP");
    assert_eq!((extension.limited, extension.revision), (4, 7));
    let event = Event {
        kind: event::END,
        packets: [10, 9],
        bytes_low: [1000, 2000],
        bytes_high: [1, 0],
        aux: 250,
        ..new_connection(1)
    };
    let extension = expand(event, true)[0].extension().unwrap();
    let forward = extension.forward.unwrap();
    assert_eq!((forward.packets, forward.bytes), (10, (1 << 32) + 1000));
    assert_eq!(extension.handshake_rtt_us, 250);
}

#[test]
fn uuids_are_unique_and_stay() {
    let (a, b) = (
        expand(new_connection(1), false),
        expand(new_connection(1), false),
    );
    let uuids = |flows: &[pb::Flow]| {
        flows
            .iter()
            .map(|flow| flow.uuid.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(uuids(&a), uuids(&b));
    assert_ne!(a[0].uuid, a[1].uuid);
}

#[test]
fn a_flow_tells_the_addresses_of_its_frame() {
    let sample = Sample {
        ethernet: [0x0a, 0, 0, 0, 0, 1, 0x0a, 0xff, 0, 0, 0, 2],
        ..new_connection(1).into()
    };
    for flow in expand_sample(&sample, false) {
        let ethernet = flow.ethernet.unwrap();
        assert_eq!(ethernet.destination, "0a:00:00:00:00:01");
        assert_eq!(ethernet.source, "0a:ff:00:00:00:02");
    }
    // Where they aren't known nothing is said.
    let flows = expand(new_connection(1), false);
    assert!(flows.iter().all(|flow| flow.ethernet.is_none()));
}
