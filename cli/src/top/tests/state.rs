//! How the cluster is: what is away, refused or not known is said, and not taken for silence.

use insta::assert_snapshot;
use proto::{
    flow::DropReason,
    flows::v1::{ExplainResponse, GetStatusResponse, ManifestProblem},
    google::Timestamp,
    observer::{GetFlowsResponse, Node, get_flows_response::ResponseTypes},
    relay::{NodeState, NodeStatusEvent},
};

use super::{
    sample::{SECOND, START, Sample, flow},
    sums::answer,
};
use crate::top::update::Event;

#[test]
fn what_is_not_well_is_in_the_first_line() {
    let node = |name: &str, state: NodeState| Node {
        name: name.to_owned(),
        state: state.into(),
        ..Node::default()
    };
    let health = client::Health {
        ours: Some(GetStatusResponse {
            problems: vec![ManifestProblem {
                file: "bad.yaml".to_owned(),
                line: 7,
                object: "cnp shop/bad".to_owned(),
                field: "spec.ingress[0].toPort".to_owned(),
                problem: "unknown field".to_owned(),
                not_enforced: true,
                ..ManifestProblem::default()
            }],
            ..GetStatusResponse::default()
        }),
        nodes: vec![
            node("one", NodeState::NodeConnected),
            node("two", NodeState::NodeUnavailable),
        ],
        ..client::Health::default()
    };
    let mut sample = Sample::with_flows(80, 24);
    assert!(sample.text().contains("\u{25cf} live"), "{}", sample.text());
    sample.send(Event::Health(Ok(Box::new(health))));
    let first = |sample: &Sample| sample.text().lines().next().unwrap().to_owned();
    let line = first(&sample);
    assert!(!line.contains("live"), "{line}");
    assert!(
        line.contains("1/2 nodes, 1 policy not enforced, lab shop"),
        "{line}"
    );
    sample.press("2 Tab Tab Tab");
    sample.send(Event::Policies(Ok(answer(1))));
    let text = sample.text();
    for words in [
        "cnp shop/bad",
        "NOT ENFORCED",
        "bad.yaml:7: spec.ingress[0].toPort unknown field",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

/// How the relay says that a node is away, and that it is back.
fn node_is(state: NodeState, seconds: i64) -> GetFlowsResponse {
    GetFlowsResponse {
        time: Some(Timestamp::from_unix_nanos(START + seconds * SECOND)),
        response_types: Some(ResponseTypes::NodeStatus(NodeStatusEvent {
            state_change: state.into(),
            node_names: vec!["two".to_owned()],
            ..NodeStatusEvent::default()
        })),
        ..GetFlowsResponse::default()
    }
}

#[test]
fn what_is_missing_is_no_silence() {
    let mut sample = Sample::with_flows(80, 24);
    sample.arrive(&[
        node_is(NodeState::NodeError, 20),
        node_is(NodeState::NodeConnected, 35),
    ]);
    assert_snapshot!("outage_80x24", sample.text());
    sample.press("t Home Right Right Right");
    sample.press("Right Right Right Right Right Right Right Right Right Right Right Right");
    sample.press("Right Right Right Right Right Right Right Right Right Right Right Right");
    assert!(
        sample.text().contains("no data from two"),
        "{}",
        sample.text()
    );
    // A node that is away now.
    sample.press("Esc");
    sample.arrive(&[node_is(NodeState::NodeError, 50)]);
    sample.send(Event::Sums(sample.store.nodes(sample.now)));
    assert!(sample.text().contains("1/2 nodes"), "{}", sample.text());
}

#[test]
fn rates_are_true_from_the_first_second() {
    // A history of a thousand flows a second ago, and four a second since then.
    let mut sample = Sample::new(100, 24);
    let old: Vec<_> = (0..1000)
        .map(|at| flow(at % 40, "web", "db", 5432, false))
        .collect();
    sample.store.push(&old, sample.now);
    let new: Vec<_> = (40..60)
        .flat_map(|at| [5432, 80, 81, 82].map(|port| flow(at, "web", "db", port, false)))
        .collect();
    sample.arrive(&new);
    sample.send(Event::Sums(sample.store.nodes(sample.now)));
    sample.press("4");
    let text = sample.text();
    let row = text.lines().find(|line| line.starts_with(" one")).unwrap();
    assert_eq!(row.split_whitespace().nth(2), Some("4"), "{text}");
    // With nothing to count from there is none.
    let mut sample = Sample::new(100, 24);
    sample.arrive(&[flow(60, "web", "db", 5432, false)]);
    assert!(!sample.text().contains("/s"), "{}", sample.text());
}

#[test]
fn what_no_policy_dropped_gets_no_advice() {
    for (reason, answer, advice) in [
        (DropReason::PolicyDenied, None, true),
        (DropReason::InvalidSourceIp, None, false),
        (DropReason::PolicyDenied, Some(false), true),
        (DropReason::InvalidSourceIp, Some(true), false),
    ] {
        let mut response = flow(1, "web", "db", 5432, true);
        if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
            flow.drop_reason_desc = reason.into();
        }
        let mut sample = Sample::new(80, 60);
        sample.arrive(&[response]);
        sample.press("Enter");
        let number = sample.model.details.as_ref().unwrap().number;
        let answer = answer.map_or_else(
            || Err("a stock Hubble".to_owned()),
            |not_policy| {
                Ok(Box::new(ExplainResponse {
                    not_policy,
                    ..ExplainResponse::default()
                }))
            },
        );
        sample.send(Event::Explained(number, answer));
        let text = sample.text();
        assert_eq!(
            text.contains("What would allow it"),
            advice,
            "{reason:?}: {text}"
        );
    }
}
