//! Nodes that are dead, silent, come, go and come back.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use common::{
    Agent, Behaviour, Follow, Relay, eventually, flow, name, names, progress, status, timeouts,
};
use flows_relay::peer::Address;
use proto::{
    observer::{
        GetAgentEventsRequest, GetFlowsRequest, GetNamespacesRequest, GetNodesRequest,
        ServerStatusRequest, get_flows_response::ResponseTypes,
    },
    peer::{
        ChangeNotification, ChangeNotificationType, NotifyRequest,
        peer_server::{Peer, PeerServer},
    },
    relay::NodeState,
};
use serve::health::OBSERVER;
use tokio::{net::UnixListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

fn with(node: &str, times: &[i64]) -> Behaviour {
    let history = times.iter().map(|ms| flow(node, *ms)).collect();
    Behaviour {
        history,
        ..Behaviour::default()
    }
}

fn follow() -> GetFlowsRequest {
    GetFlowsRequest {
        follow: true,
        ..Default::default()
    }
}

/// One node dead, one silent: both are named, the rest is all there.
#[tokio::test]
async fn the_past_without_a_dead_and_a_silent_node() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", with("a", &[1, 3])).await;
    let b = Agent::start(dir.path(), "b", with("b", &[2, 4])).await;
    let quiet = Behaviour {
        silent: true,
        ..with("q", &[5])
    };
    let q = Agent::start(dir.path(), "q", quiet).await;
    let dead = dir.path().join("dead.sock");
    let peers = [
        ("a", &*a.socket),
        ("b", &*b.socket),
        ("dead", &*dead),
        ("q", &*q.socket),
    ];
    let relay = Relay::start(dir.path(), &peers, 3, timeouts(250, 200)).await;
    let all = relay.query(GetFlowsRequest::default()).await;
    let statuses: Vec<_> = all.iter().filter_map(status).collect();
    assert_eq!(statuses[0].0, NodeState::NodeConnected);
    assert_eq!(
        statuses[1],
        (
            NodeState::NodeUnavailable,
            vec!["dead".into()],
            String::new()
        )
    );
    assert_eq!(
        (statuses[2].0, &statuses[2].1[..]),
        (NodeState::NodeError, &["q".to_owned()][..])
    );
    assert!(statuses[2].2.contains("200 ms"), "{}", statuses[2].2);
    assert_eq!(names(&all), ["a@1", "b@2", "a@3", "b@4"]);
    // Also when nobody at all answers.
    a.change(|behaviour| behaviour.silent = true);
    b.change(|behaviour| behaviour.silent = true);
    assert_eq!(
        names(&relay.query(GetFlowsRequest::default()).await),
        [""; 0]
    );
}

/// A silent node holds a follow up once, is named, and what it sends later comes marked.
#[tokio::test]
async fn the_present_goes_on_without_a_silent_node() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", Behaviour::default()).await;
    let q = Agent::start(dir.path(), "q", Behaviour::default()).await;
    let peers = [("a", &*a.socket), ("q", &*q.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(100, 60_000)).await;
    let mut follow = Follow::start(&relay, follow(), true).await;
    assert_eq!(follow.status().await.0, NodeState::NodeConnected);
    a.followed_by(1).await;
    q.followed_by(1).await;
    a.say(flow("a", 10));
    let (state, nodes, message) = follow.status().await;
    assert_eq!((state, nodes), (NodeState::NodeError, vec!["q".to_owned()]));
    assert!(message.contains("100 ms"), "{message}");
    assert_eq!(follow.flow().await, "a@10");
    a.say(flow("a", 20));
    assert_eq!(follow.flow().await, "a@20");
    q.say(flow("q", 15));
    q.say(flow("q", 21));
    a.say(progress("a", 30));
    q.say(progress("q", 30));
    let mut late = Vec::new();
    while late.len() < 2 {
        let response = follow.next().await.unwrap();
        if let Some(ResponseTypes::Flow(flow)) = &response.response_types {
            late.push((
                flow.uuid.clone(),
                flow.extension().is_some_and(|own| own.late),
            ));
        }
    }
    assert_eq!(
        late,
        [("q@15".to_owned(), true), ("q@21".to_owned(), false)]
    );
    assert_eq!(relay.metrics.late_of("q"), 1);
}

/// An agent that dies and comes back: named, the others go on, and it resumes without a gap or a
/// repeat.
#[tokio::test]
async fn a_follow_outlives_an_agent() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", Behaviour::default()).await;
    let mut b = Agent::start(dir.path(), "b", Behaviour::default()).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(60_000, 60_000)).await;
    let mut follow = Follow::start(&relay, follow(), false).await;
    assert_eq!(follow.status().await.0, NodeState::NodeConnected);
    a.followed_by(1).await;
    b.followed_by(1).await;
    b.say(flow("b", 10));
    a.say(progress("a", 10));
    assert_eq!(follow.flow().await, "b@10");
    b.down();
    let (state, nodes, _) = follow.status().await;
    assert_eq!((state, nodes), (NodeState::NodeError, vec!["b".to_owned()]));
    a.say(flow("a", 20));
    assert_eq!(follow.flow().await, "a@20");
    // What it saw while nobody listened is in its history, beside what was delivered before.
    b.change(|behaviour| behaviour.history = vec![flow("b", 9), flow("b", 10), flow("b", 15)]);
    b.up().await;
    assert_eq!(
        follow.status().await,
        (NodeState::NodeConnected, vec!["b".into()], String::new())
    );
    assert_eq!(follow.flow().await, "b@15");
    b.followed_by(1).await;
    b.say(flow("b", 30));
    a.say(progress("a", 30));
    assert_eq!(follow.flow().await, "b@30");
}

/// A request that nodes refuse fails with their words; one broken node is named, no more.
#[tokio::test]
async fn refusals_and_errors() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", with("a", &[1])).await;
    let b = Agent::start(dir.path(), "b", with("b", &[2])).await;
    let peers = [("a", &*a.socket), ("b", &*b.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(250, 10_000)).await;
    b.change(|behaviour| behaviour.refuses = Some(Status::internal("boom")));
    let all = relay.query(GetFlowsRequest::default()).await;
    let error = all
        .iter()
        .filter_map(status)
        .find(|status| status.0 == NodeState::NodeError);
    assert_eq!(
        error,
        Some((NodeState::NodeError, vec!["b".into()], "boom".into()))
    );
    assert_eq!(names(&all), ["a@1"]);

    for refusal in [
        Status::invalid_argument("bad filter"),
        Status::unknown("bad filter"),
    ] {
        for agent in [&a, &b] {
            agent.change(|behaviour| behaviour.refuses = Some(refusal.clone()));
        }
        for request in [GetFlowsRequest::default(), follow()] {
            let mut stream = relay
                .client()
                .get_flows(request)
                .await
                .unwrap()
                .into_inner();
            let status = loop {
                match stream.message().await {
                    Ok(Some(response)) => assert!(name(&response).is_none()),
                    Ok(None) => panic!("the refusal got lost"),
                    Err(status) => break status,
                }
            };
            assert_eq!(
                (status.code(), status.message()),
                (refusal.code(), "bad filter")
            );
        }
    }
    let both = GetFlowsRequest {
        first: true,
        ..follow()
    };
    let status = relay.client().get_flows(both).await.unwrap_err();
    assert_eq!(status.message(), "first cannot be specified with follow");
}

/// The calls with one answer, health, and what isn't served.
#[tokio::test]
async fn the_rest_of_the_api() {
    let dir = tempfile::tempdir().unwrap();
    let mut a = Agent::start(dir.path(), "a", Behaviour::default()).await;
    let b = Agent::start(dir.path(), "b", Behaviour::default()).await;
    let dead = dir.path().join("dead.sock");
    let peers = [("a", &*a.socket), ("b", &*b.socket), ("dead", &*dead)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(250, 1000)).await;
    let mut client = relay.client();
    let status = client.server_status(ServerStatusRequest {}).await.unwrap();
    assert_eq!(
        status.metadata().get(proto::RELAY_VERSION).unwrap(),
        env!("CARGO_PKG_VERSION")
    );
    let status = status.into_inner();
    assert_eq!(
        (status.num_flows, status.max_flows, status.seen_flows),
        (20, 200, 100)
    );
    assert_eq!((status.uptime_ns, status.flows_rate), (7, 3.0));
    assert_eq!(status.num_unavailable_nodes.unwrap().value, 1);
    assert_eq!(status.unavailable_nodes, ["dead"]);

    let nodes = client
        .get_nodes(GetNodesRequest {})
        .await
        .unwrap()
        .into_inner()
        .nodes;
    let nodes: Vec<_> = nodes
        .iter()
        .map(|node| (&*node.name, node.state(), node.max_flows))
        .collect();
    assert_eq!(
        nodes,
        [
            ("a", NodeState::NodeConnected, 100),
            ("b", NodeState::NodeConnected, 100),
            ("dead", NodeState::NodeUnavailable, 0)
        ]
    );
    let namespaces = client
        .get_namespaces(GetNamespacesRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(namespaces.namespaces.len(), 1);
    let status = client
        .get_agent_events(GetAgentEventsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unimplemented, "GetAgentEvents not yet implemented")
    );

    let mut health = HealthClient::new(relay.channel.clone());
    let mut check = async |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        health.check(request).await.unwrap().into_inner().status
    };
    assert_eq!((check("").await, check(OBSERVER).await), (1, 1));
    a.down();
    relay.connected_to(1).await;
    assert_eq!((check("").await, check(OBSERVER).await), (1, 1));
    drop(b);
    relay.connected_to(0).await;
    assert_eq!((check("").await, check(OBSERVER).await), (2, 2));
}

struct Notifier(std::sync::Mutex<Option<mpsc::Receiver<Result<ChangeNotification, Status>>>>);

#[tonic::async_trait]
impl Peer for Notifier {
    type NotifyStream = ReceiverStream<Result<ChangeNotification, Status>>;

    async fn notify(
        &self,
        _: Request<NotifyRequest>,
    ) -> Result<Response<Self::NotifyStream>, Status> {
        let changes = self.0.lock().unwrap().take();
        changes
            .map(|changes| Response::new(ReceiverStream::new(changes)))
            .ok_or(Status::aborted("once"))
    }
}

/// Peers told by a peer service: the first list, one that joins a follow, one that leaves it.
#[tokio::test]
async fn peers_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let a = Agent::start(dir.path(), "a", Behaviour::default()).await;
    let b = Agent::start(dir.path(), "b", Behaviour::default()).await;
    let socket = dir.path().join("peers.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (changes, received) = mpsc::channel(8);
    let service = PeerServer::new(Notifier(std::sync::Mutex::new(Some(received))));
    let server = tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(UnixListenerStream::new(listener)),
    );
    let tell = async |r#type: ChangeNotificationType, agent: &Agent| {
        let notification = ChangeNotification {
            name: agent.name.clone(),
            address: format!("unix://{}", agent.socket.display()),
            r#type: r#type.into(),
            tls: None,
        };
        changes.send(Ok(notification)).await.unwrap();
    };
    tell(ChangeNotificationType::PeerAdded, &a).await;
    let service = Address::parse(socket.to_str().unwrap()).unwrap();
    let relay = Relay::with(
        dir.path(),
        vec![],
        Some(service),
        1,
        timeouts(60_000, 60_000),
    )
    .await;
    let mut follow = Follow::start(&relay, follow(), false).await;
    assert_eq!(
        follow.status().await,
        (NodeState::NodeConnected, vec!["a".into()], String::new())
    );
    a.followed_by(1).await;
    tell(ChangeNotificationType::PeerAdded, &b).await;
    assert_eq!(
        follow.status().await,
        (NodeState::NodeConnected, vec!["b".into()], String::new())
    );
    b.followed_by(1).await;
    b.say(flow("b", 10));
    a.say(progress("a", 10));
    assert_eq!(follow.flow().await, "b@10");
    tell(ChangeNotificationType::PeerDeleted, &b).await;
    assert_eq!(
        follow.status().await,
        (NodeState::NodeGone, vec!["b".into()], String::new())
    );
    // Nobody waits for it any more, and when nobody is left, somebody may still come.
    a.say(flow("a", 20));
    assert_eq!(follow.flow().await, "a@20");
    tell(ChangeNotificationType::PeerDeleted, &a).await;
    assert_eq!(follow.status().await.0, NodeState::NodeGone);
    tell(ChangeNotificationType::PeerAdded, &b).await;
    assert_eq!(follow.status().await.0, NodeState::NodeConnected);
    eventually("b is asked again", || {
        b.shared.requests.lock().unwrap().len() == 2
    })
    .await;
    b.say(flow("b", 30));
    assert_eq!(follow.flow().await, "b@30");
    server.abort();
}
