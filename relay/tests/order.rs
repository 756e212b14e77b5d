//! Order, completeness and limits over several nodes.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use common::{Agent, Behaviour, Follow, Relay, at, flow, name, names, progress, status, timeouts};
use proto::{
    google::Timestamp,
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::NodeState,
};

fn history(node: &str, times: impl Iterator<Item = i64>) -> Behaviour {
    let history = times.map(|ms| flow(node, ms)).collect();
    Behaviour {
        history,
        ..Behaviour::default()
    }
}

fn times(responses: &[GetFlowsResponse]) -> Vec<Timestamp> {
    let flows = responses.iter().filter(|response| name(response).is_some());
    flows.map(|response| response.time.unwrap()).collect()
}

/// Three nodes whose flows interleave, one of them all older: exact order, all there, and the limits
/// hold for the whole.
#[tokio::test]
async fn the_past_is_exact() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(
        dir.path(),
        "a",
        history("a", (0..3000).map(|n| 10_000 + n * 3)),
    )
    .await;
    let b = Agent::start(
        dir.path(),
        "b",
        history("b", (0..3000).map(|n| 10_001 + n * 3)),
    )
    .await;
    let c = Agent::start(dir.path(), "c", history("c", (0..1000).map(|n| n * 2))).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket), ("c", &*c.socket)];
    let relay = Relay::start(dir.path(), &peers, 3, timeouts(250, 10_000)).await;

    let all = relay.query(GetFlowsRequest::default()).await;
    assert_eq!(
        status(&all[0]).unwrap(),
        (
            NodeState::NodeConnected,
            vec!["a".into(), "b".into(), "c".into()],
            String::new()
        )
    );
    let stamps = times(&all);
    assert_eq!(stamps.len(), 7000);
    assert!(stamps.is_sorted());
    assert_eq!(all.len(), 7001);

    for (request, want) in [
        (
            GetFlowsRequest {
                number: 3,
                ..Default::default()
            },
            ["b@18995", "a@18997", "b@18998"],
        ),
        (
            GetFlowsRequest {
                number: 3,
                first: true,
                ..Default::default()
            },
            ["c@0", "c@2", "c@4"],
        ),
        (
            GetFlowsRequest {
                number: 3,
                since: Some(at(1997)),
                ..Default::default()
            },
            ["c@1998", "a@10000", "b@10001"],
        ),
    ] {
        assert_eq!(
            names(&relay.query(request.clone()).await),
            want,
            "{request:?}"
        );
    }
    relay.stop().await;
}

/// A follow with a number: the newest of the whole past, then on without a gap or a repeat.
#[tokio::test]
async fn a_follow_begins_with_the_newest_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", history("a", [1, 5, 9, 9].into_iter())).await;
    let b = Agent::start(dir.path(), "b", history("b", [2, 3, 8].into_iter())).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(10_000, 10_000)).await;
    let request = GetFlowsRequest {
        follow: true,
        number: 3,
        ..Default::default()
    };
    let mut follow = Follow::start(&relay, request, false).await;
    for want in ["b@8", "a@9", "a@9"] {
        assert_eq!(follow.flow().await, want);
    }
    a.followed_by(1).await;
    b.followed_by(1).await;
    a.say(flow("a", 20));
    a.say(flow("a", 30));
    b.say(flow("b", 25));
    b.say(progress("b", 30));
    for want in ["a@20", "b@25", "a@30"] {
        assert_eq!(follow.flow().await, want);
    }
}

/// While following, a node's progress lets the others' flows out, and no earlier.
#[tokio::test]
async fn the_present_waits_for_progress() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", Behaviour::default()).await;
    let b = Agent::start(dir.path(), "b", Behaviour::default()).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket)];
    // Far longer than the test may take: only progress lets flows out.
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(60_000, 60_000)).await;
    let request = GetFlowsRequest {
        follow: true,
        ..Default::default()
    };
    let mut follow = Follow::start(&relay, request, false).await;
    a.followed_by(1).await;
    b.followed_by(1).await;
    let mut want = Vec::new();
    for n in 0..200 {
        // b's clock and stream are behind a's.
        a.say(flow("a", n * 10 + 5));
        b.say(flow("b", n * 10));
        want.extend([format!("b@{}", n * 10), format!("a@{}", n * 10 + 5)]);
    }
    b.say(progress("b", 10_000));
    for want in want {
        assert_eq!(follow.flow().await, want);
    }
    assert_eq!(relay.metrics.late_of("a") + relay.metrics.late_of("b"), 0);
}

/// Out of order within a node, without time, with absurd times: delivered, all of it, and what can
/// be ordered is.
#[tokio::test]
async fn a_hostile_node_costs_nobody_a_flow() {
    let dir = tempfile::tempdir().unwrap();
    let mut hostile = history("h", [50, 10, 30].into_iter());
    hostile.history.push(GetFlowsResponse {
        time: None,
        ..flow("h", 60)
    });
    for seconds in [i64::MIN, i64::MAX] {
        let time = Some(Timestamp { seconds, nanos: -1 });
        hostile.history.push(GetFlowsResponse {
            time,
            ..flow("h", seconds >> 40)
        });
    }
    let h = Agent::start(dir.path(), "h", hostile).await;
    let a = Agent::start(dir.path(), "a", history("a", [20, 40].into_iter())).await;
    let peers = [("a", &*a.socket), ("h", &*h.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(250, 10_000)).await;
    let all = relay.query(GetFlowsRequest::default()).await;
    let got = names(&all);
    assert_eq!(got.len(), 8, "{got:?}");
    let place = |name: &str| got.iter().position(|got| got == name).unwrap();
    assert!(place("h@10") < place("a@20") && place("a@20") < place("h@30"));
    assert!(place("h@30") < place("a@40") && place("a@40") < place("h@50"));
    assert!(
        serve::metrics::text(&relay.metrics.registry())
            .unwrap()
            .contains("flows_relay_untimed_responses_total 1")
    );
}

/// A client that doesn't read stops the nodes, and then gets everything, in order.
#[tokio::test]
async fn a_slow_client_stops_the_nodes_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let big = |node: &str| {
        let mut behaviour = history(node, (0..20_000).map(|n| n * 2));
        for response in &mut behaviour.history {
            if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
                flow.node_labels = vec!["x".repeat(1000)];
            }
        }
        behaviour
    };
    let a = Agent::start(dir.path(), "a", big("a")).await;
    let b = Agent::start(dir.path(), "b", big("b")).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(250, 10_000)).await;
    let mut slow = Follow::start(&relay, GetFlowsRequest::default(), false).await;
    slow.flow().await;
    // Until the nodes stand still, which must be long before the end.
    let sent = || {
        use std::sync::atomic::Ordering::Relaxed;
        a.shared.sent.load(Relaxed) + b.shared.sent.load(Relaxed)
    };
    let mut before = 0;
    while sent() != before {
        before = sent();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert!(
        before < 20_000,
        "{before} of 40000 flows were taken for a client that reads none"
    );
    // Another client isn't held up by it.
    let request = GetFlowsRequest {
        number: 2,
        ..Default::default()
    };
    assert_eq!(names(&relay.query(request).await).len(), 2);
    let mut last = Timestamp::default();
    let mut count = 1;
    while let Some(response) = slow.next().await {
        let time = response.time.unwrap();
        assert!(time >= last);
        last = time;
        count += 1;
    }
    assert_eq!(count, 40_000);
}

/// A client that asks for progress, as a relay of relays does, learns how far the sequence is settled.
#[tokio::test]
async fn progress_is_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", Behaviour::default()).await;
    let b = Agent::start(dir.path(), "b", Behaviour::default()).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(60_000, 60_000)).await;
    let mut request = tonic::Request::new(GetFlowsRequest {
        follow: true,
        ..Default::default()
    });
    let one = tonic::metadata::MetadataValue::from_static("1");
    request.metadata_mut().insert(proto::WANT_PROGRESS, one);
    let mut stream = relay
        .client()
        .get_flows(request)
        .await
        .unwrap()
        .into_inner();
    a.followed_by(1).await;
    b.followed_by(1).await;
    let mut now = 0;
    // Told at most every so often, so the nodes go on until it is.
    let settled = loop {
        now += 10;
        a.say(progress("a", now));
        b.say(progress("b", now + 5));
        let next = tokio::time::timeout(std::time::Duration::from_millis(20), stream.message());
        if let Ok(response) = next.await {
            let response = response.unwrap().unwrap();
            if response.response_types.is_none() {
                break response.time.unwrap();
            }
        }
        assert!(now < 10_000, "no progress was told");
    };
    assert!(
        settled <= at(now) && settled > at(0),
        "{settled:?} with the slowest node at {now} ms"
    );
}
