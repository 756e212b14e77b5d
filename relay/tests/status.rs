//! `flows.v1.Status` over nodes of every kind.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use common::{Agent, Behaviour, Relay, timeouts};
use proto::flows::v1::{
    EventCounts, GetStatusRequest, GetStatusResponse, ManifestProblem, MapFill,
    status_client::StatusClient,
};
use tonic::Status;

fn problem(file: &str) -> ManifestProblem {
    ManifestProblem {
        file: file.to_owned(),
        line: 3,
        object: "cnp shop/web".to_owned(),
        problem: "is missing".to_owned(),
        ..ManifestProblem::default()
    }
}

/// Events whose every count is another, so that a mix-up shows.
fn events(times: u64) -> EventCounts {
    EventCounts {
        attempted: times,
        failed: 2 * times,
        limited: 3 * times,
        received: 4 * times,
        left_unread: 5 * times,
        queue_lost: 6 * times,
        malformed: 7 * times,
        stored: 8 * times,
        evicted_unread: 9 * times,
    }
}

fn says(status: GetStatusResponse) -> Option<Result<GetStatusResponse, Status>> {
    Some(Ok(status))
}

/// Sums, maxima, problems once, and a failure for whoever is not in step or does not answer.
#[tokio::test]
async fn one_answer_for_all_nodes() {
    let a = GetStatusResponse {
        node_name: "a".to_owned(),
        revision: 7,
        generation: 4,
        failure: String::new(),
        problems: vec![problem("one.yaml"), problem("two.yaml")],
        policies: 5,
        endpoints: 3,
        events: Some(events(1)),
        maps: vec![MapFill {
            map: "POLICY".to_owned(),
            entries: 1,
            max: 2,
        }],
        history_bytes: 100,
        nodes: vec![],
        repairs: 2,
        selected_endpoints: 1,
        crowded_pods: vec![],
    };
    let b = GetStatusResponse {
        node_name: "b".to_owned(),
        revision: 9,
        generation: 3,
        failure: "writing maps: no room".to_owned(),
        problems: vec![problem("two.yaml"), problem("three.yaml")],
        policies: 6,
        endpoints: 4,
        events: Some(events(10)),
        history_bytes: 1000,
        repairs: 3,
        selected_endpoints: 4,
        ..GetStatusResponse::default()
    };
    // Each row: what the nodes say, and what comes out.
    type Nodes = Vec<(&'static str, Option<Result<GetStatusResponse, Status>>)>;
    let rows: Vec<(Nodes, GetStatusResponse)> = vec![
        (
            vec![("a", says(a.clone()))],
            GetStatusResponse {
                node_name: String::new(),
                revision: 0,
                maps: vec![],
                ..a.clone()
            },
        ),
        (
            vec![("a", says(a)), ("b", says(b)), ("stock", None)],
            GetStatusResponse {
                generation: 4,
                failure: "b: writing maps: no room".to_owned(),
                problems: ["one.yaml", "two.yaml", "three.yaml"].map(problem).to_vec(),
                policies: 6,
                endpoints: 7,
                events: Some(events(11)),
                history_bytes: 1100,
                repairs: 5,
                selected_endpoints: 5,
                ..GetStatusResponse::default()
            },
        ),
        (
            vec![
                ("a", Some(Err(Status::internal("no status")))),
                ("b", says(GetStatusResponse::default())),
            ],
            GetStatusResponse {
                failure: "a: no status".to_owned(),
                events: Some(events(0)),
                ..GetStatusResponse::default()
            },
        ),
        (
            vec![("stock", None)],
            GetStatusResponse {
                events: Some(events(0)),
                ..GetStatusResponse::default()
            },
        ),
    ];
    for (nodes, want) in rows {
        let dir = tempfile::tempdir().unwrap();
        let mut agents = Vec::new();
        let mut expected = Vec::new();
        for (name, status) in nodes {
            expected.extend(status.clone().map(|status| GetStatusResponse {
                node_name: name.to_owned(),
                ..status.unwrap_or_else(|error| GetStatusResponse {
                    failure: error.message().to_owned(),
                    ..GetStatusResponse::default()
                })
            }));
            let behaviour = Behaviour {
                status,
                ..Behaviour::default()
            };
            agents.push(Agent::start(dir.path(), name, behaviour).await);
        }
        let peers: Vec<_> = agents
            .iter()
            .map(|agent| (&*agent.name, &*agent.socket))
            .collect();
        let relay = Relay::start(dir.path(), &peers, peers.len(), timeouts(250, 200)).await;
        let mut answer = status(&relay).await;
        // Each node's own answer is there too, but for those that don't know the question.
        let own: Vec<_> = std::mem::take(&mut answer.nodes);
        assert_eq!(own, expected, "{peers:?}");
        assert_eq!(answer, want, "{peers:?}");
        relay.stop().await;
    }
}

/// A node that is down is named, and the others' figures are there all the same.
#[tokio::test]
async fn a_node_that_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let behaviour = Behaviour {
        status: says(GetStatusResponse {
            endpoints: 3,
            ..GetStatusResponse::default()
        }),
        ..Behaviour::default()
    };
    let up = Agent::start(dir.path(), "up", behaviour).await;
    let dead = dir.path().join("dead.sock");
    let peers = [("up", &*up.socket), ("dead", &*dead)];
    let relay = Relay::start(dir.path(), &peers, 1, timeouts(250, 200)).await;
    let answer = status(&relay).await;
    assert_eq!(answer.endpoints, 3);
    assert_eq!(answer.failure, "dead: not connected");
    let own = answer
        .nodes
        .iter()
        .map(|node| (&*node.node_name, &*node.failure));
    assert_eq!(
        own.collect::<Vec<_>>(),
        [("dead", "not connected"), ("up", "")]
    );
    relay.stop().await;
}

async fn status(relay: &Relay) -> GetStatusResponse {
    StatusClient::new(relay.channel.clone())
        .get_status(GetStatusRequest {})
        .await
        .unwrap()
        .into_inner()
}
