//! Groups of flows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use flow::Verdict;
use flow::aggregate::{Aggregator, Group, GroupError, fields};
use flow::attribute::{Attribute, AttributeId};
use flow::expr::{NoValues, complete};
use flows_flow as flow;
use proto::flow::{Flow, Ip, Layer4, Tcp, layer4};
use proto::flows::v1::{Cause, FlowExtension, Volume};
use proto::google::Timestamp;

/// A flow of a connection of web to api, as one node tells it: at a second, with bytes so far.
fn flow(node: &str, port: u32, second: i64, bytes: u64, cause: Cause) -> Flow {
    let end = |name: &str| {
        Some(proto::flow::Endpoint {
            namespace: "shop".to_owned(),
            pod_name: format!("{name}-0"),
            workloads: vec![proto::flow::Workload {
                name: name.to_owned(),
                kind: "Deployment".to_owned(),
            }],
            ..proto::flow::Endpoint::default()
        })
    };
    let mut flow = Flow {
        time: Some(Timestamp {
            seconds: 1_795_343_415 + second,
            nanos: 0,
        }),
        verdict: Verdict::Forwarded.into(),
        ip: Some(Ip {
            source: "10.0.0.1".to_owned(),
            destination: "10.0.0.2".to_owned(),
            ..Ip::default()
        }),
        l4: Some(Layer4 {
            protocol: Some(layer4::Protocol::Tcp(Tcp {
                source_port: port,
                destination_port: 80,
                flags: None,
            })),
        }),
        source: end("web"),
        destination: end("api"),
        node_name: node.to_owned(),
        is_reply: Some(false.into()),
        ..Flow::default()
    };
    flow.set_extension(&FlowExtension {
        forward: Some(Volume {
            packets: bytes / 100,
            bytes,
        }),
        cause: cause.into(),
        ..FlowExtension::default()
    });
    flow
}

/// The same, told by a packet of the answer.
fn answer(mut flow: Flow) -> Flow {
    std::mem::swap(&mut flow.source, &mut flow.destination);
    if let Some(ip) = &mut flow.ip {
        std::mem::swap(&mut ip.source, &mut ip.destination);
    }
    if let Some(layer4::Protocol::Tcp(tcp)) = flow.l4.as_mut().and_then(|l4| l4.protocol.as_mut()) {
        std::mem::swap(&mut tcp.source_port, &mut tcp.destination_port);
    }
    flow.is_reply = Some(true.into());
    flow
}

fn by(names: &str, most: usize, flows: &[Flow]) -> Aggregator {
    let mut groups = Aggregator::new(fields(names).unwrap(), most);
    flows.iter().for_each(|flow| groups.push(flow));
    groups
}

#[test]
fn bytes_are_what_connections_grew_by() {
    use Cause::{Active, End, New};
    for (name, flows, bytes) in [
        ("nothing", vec![], 0),
        (
            "a whole life",
            vec![
                flow("a", 1, 0, 100, New),
                flow("a", 1, 1, 5_000, Active),
                flow("a", 1, 2, 9_000, End),
            ],
            9_000,
        ),
        (
            "in both directions",
            vec![
                flow("a", 1, 0, 100, New),
                answer(flow("a", 1, 1, 5_000, Cause::Flags)),
            ],
            5_000,
        ),
        (
            "several flows of one packet",
            vec![
                flow("a", 1, 0, 100, New),
                flow("a", 1, 0, 100, New),
                flow("a", 1, 1, 300, End),
                flow("a", 1, 1, 300, End),
            ],
            300,
        ),
        (
            "seen from the middle on",
            vec![
                flow("a", 1, 0, 70_000, Active),
                flow("a", 1, 1, 71_000, Active),
            ],
            1_000,
        ),
        (
            "two connections",
            vec![
                flow("a", 1, 0, 100, New),
                flow("a", 2, 0, 100, New),
                flow("a", 1, 1, 1_000, Active),
                flow("a", 2, 1, 2_000, Active),
            ],
            3_000,
        ),
        (
            "counted by the nodes of both ends",
            vec![
                flow("a", 1, 0, 100, New),
                flow("b", 1, 0, 100, New),
                flow("b", 1, 1, 1_000, Active),
                flow("a", 1, 1, 1_100, Active),
                flow("b", 1, 2, 3_000, End),
                flow("a", 1, 2, 3_000, End),
            ],
            3_000,
        ),
        (
            "the same ports again",
            vec![
                flow("a", 1, 0, 100, New),
                flow("b", 1, 0, 100, New),
                flow("a", 1, 1, 5_000, End),
                flow("b", 1, 1, 5_000, End),
                flow("a", 1, 2, 100, New),
                flow("b", 1, 2, 100, New),
                flow("a", 1, 3, 700, End),
                flow("b", 1, 3, 700, End),
            ],
            5_700,
        ),
        (
            "told late",
            vec![
                flow("a", 1, 0, 100, New),
                flow("a", 1, 5, 900, Active),
                flow("a", 1, 2, 400, Active),
                flow("a", 1, 6, 1_000, End),
            ],
            1_000,
        ),
    ] {
        let groups = by("src.workload,dst.workload", 10, &flows);
        assert_eq!(groups.total().bytes, bytes, "{name}");
        assert_eq!(groups.total().packets, bytes / 100, "{name}");
        let top = groups.top();
        assert_eq!(top.len(), usize::from(!flows.is_empty()), "{name}");
        for (values, group) in top {
            assert_eq!(values, ["shop/web", "shop/api"], "{name}");
            assert_eq!(group, groups.total(), "{name}");
        }
    }
}

#[test]
fn groups() {
    let mut dropped = flow("a", 3, 7, 0, Cause::Drop);
    dropped.verdict = Verdict::Dropped.into();
    dropped.is_reply = None;
    dropped.destination = Some(proto::flow::Endpoint {
        identity: 2,
        ..proto::flow::Endpoint::default()
    });
    dropped.set_extension(&FlowExtension {
        limited: 41,
        ..FlowExtension::default()
    });
    let mut bare = flow("a", 9, 1, 0, Cause::New);
    bare.destination.as_mut().unwrap().workloads.clear();
    let one = by("dst.workload", 10, &[bare]);
    assert_eq!(one.top()[0].0, ["shop/api-0"], "a pod that nothing made");
    let flows = [
        flow("a", 1, 0, 100, Cause::New),
        flow("a", 1, 3, 400, Cause::End),
        dropped,
    ];
    let groups = by("dst.workload, verdict,src.namespace", 10, &flows);
    let top = groups.top();
    let values: Vec<_> = top.iter().map(|(values, _)| values.as_slice()).collect();
    assert_eq!(
        values,
        [
            ["shop/api", "FORWARDED", "shop"],
            ["(world)", "DROPPED", "shop"]
        ]
    );
    let (_, allowed) = top[0];
    assert_eq!((allowed.flows, allowed.bytes, allowed.packets), (2, 400, 4));
    assert_eq!(allowed.with(Verdict::Forwarded), 2);
    let (_, denied) = top[1];
    assert_eq!((denied.flows, denied.limited), (1, 41));
    assert_eq!(denied.with(Verdict::Dropped), 1);
    assert_eq!(denied.first_ns, denied.last_ns);
    assert_eq!(groups.span_ns(), 7_000_000_000);
    assert!((groups.rate(allowed) - 2.0 / 7.0).abs() < 1e-9);
    let frame = &groups.total().trend;
    assert_eq!(allowed.trend.within(frame).iter().sum::<u32>(), 2);
    assert_eq!(frame.within(frame).iter().sum::<u32>(), 3);
}

#[test]
fn what_is_forgotten_is_in_the_rest() {
    let mut flows = Vec::new();
    // Many connections of few flows, and some of many.
    for round in 0..20 {
        for port in 0..200 {
            flows.push(flow("a", port, round, 100, Cause::New));
            if port < 5 {
                flows.extend(vec![flow("a", port, round, 100, Cause::Active); 50]);
            }
        }
    }
    let groups = by("src.port", 50, &flows);
    let top = groups.top();
    assert!(top.len() <= 50);
    let mut sum = Group::default();
    top.iter().for_each(|(_, group)| sum.add(group));
    let (other, forgotten) = groups.other();
    assert!(forgotten > 100);
    sum.add(other);
    assert_eq!(sum.flows, flows.len() as u64);
    assert_eq!(sum.flows, groups.total().flows);
    assert_eq!(sum.bytes, groups.total().bytes);
    assert_eq!(sum.verdicts, groups.total().verdicts);
    let (rest, frame) = (groups.rest(3).unwrap(), &groups.total().trend);
    let shown: u64 = top.iter().take(3).map(|(_, group)| group.flows).sum();
    assert_eq!(rest.flows + shown, groups.total().flows);
    // The rest is spread over time as all flows are.
    let (parts, all) = (rest.trend.within(frame), frame.within(frame));
    assert!(parts.iter().zip(all).all(|(part, all)| *part <= all));
    let filled = |counts: &[u32]| counts.iter().filter(|count| **count > 0).count();
    assert_eq!(filled(&parts), filled(&all));
    assert!(filled(&all) > 10);
    // The great ones stay, and are exact.
    for (at, (values, group)) in top.iter().take(5).enumerate() {
        assert_eq!(group.flows, 20 * 51, "{values:?}");
        assert!(!group.partial, "{at}");
    }
    assert!(top.iter().any(|(_, group)| group.partial));
}

#[test]
fn what_can_not_be_grouped_by() {
    for (text, error) in [
        ("", GroupError::Nothing),
        (" , ", GroupError::Nothing),
        (
            "src.wrkload",
            GroupError::Unknown {
                name: "src.wrkload".to_owned(),
                meant: Some("src.workload"),
            },
        ),
        ("verdict,pod", GroupError::Either("pod")),
    ] {
        assert_eq!(fields(text).map(|_| ()), Err(error), "{text}");
    }
    assert_eq!(
        fields("pod").unwrap_err().to_string(),
        "`pod` is of source or destination: say src.pod or dst.pod, or both"
    );
    assert_eq!(fields("verdict,src.ns,source.namespace").unwrap().len(), 2);
}

/// A flow that has a value in a field matches `field == value`, whatever the field.
#[test]
fn values_are_those_of_expressions() {
    let mut flow = flow("node-a", 1, 0, 100, Cause::New);
    flow.uuid = "u".to_owned();
    let mut compared = 0;
    for field in Attribute::fields() {
        let text = field.value(&flow);
        if text.is_empty() || matches!(field.id, AttributeId::Either(_)) {
            continue;
        }
        let expression = format!("{} == \"{text}\"", field.name);
        let filter = flow::Filter::parse_expr(&expression);
        match filter {
            Ok(filter) => assert!(filter.matches(&flow), "{expression}"),
            Err(error) => panic!("{}", error.render(&expression)),
        }
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
    assert!(!complete("", 0, &NoValues).is_empty());
}
