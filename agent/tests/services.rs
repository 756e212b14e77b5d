//! The calls beside GetFlows, as Hubble's clients make them.

mod common;

use std::{collections::BTreeMap, sync::Arc};

use abi::event::{self, Event};
use common::{REMOTE, default_deny, new_connection, server::Agent, words};
use proto::{
    observer as api,
    peer::{ChangeNotificationType, NotifyRequest, peer_client::PeerClient},
    relay::NodeState,
};

#[tokio::test]
async fn status_nodes_and_namespaces() {
    let agent = Agent::start(1000, 1000).await;
    agent
        .store([
            new_connection(1),
            default_deny(2),
            Event {
                kind: event::FLAGS,
                dst: words(REMOTE),
                dst_identity: 20_003,
                ..new_connection(3)
            },
        ])
        .await;
    let mut client = agent.client();
    let response = client
        .server_status(api::ServerStatusRequest {})
        .await
        .unwrap();
    let version = response.metadata().get("hubble-server-version").unwrap();
    assert!(
        version.to_str().unwrap().starts_with("1.15.0"),
        "{version:?}"
    );
    let status = response.into_inner();
    assert_eq!(
        (status.num_flows, status.seen_flows, status.max_flows),
        (5, 5, 1000),
        "two flows of a new connection, two of a drop, one trace"
    );
    assert!(status.uptime_ns > 0 && status.version.starts_with("flows v"));
    assert_eq!(
        (status.num_connected_nodes, status.num_unavailable_nodes),
        (None, None)
    );

    let nodes = client
        .get_nodes(api::GetNodesRequest {})
        .await
        .unwrap()
        .into_inner()
        .nodes;
    assert_eq!(nodes.len(), 1);
    assert_eq!(
        (nodes[0].name.as_str(), nodes[0].state()),
        ("node-a", NodeState::NodeConnected)
    );

    let namespaces = client
        .get_namespaces(api::GetNamespacesRequest {})
        .await
        .unwrap();
    assert_eq!(
        namespaces.into_inner().namespaces,
        [api::Namespace {
            cluster: String::new(),
            namespace: "shop".into()
        }]
    );
    agent.end().await;
}

#[tokio::test]
async fn own_status_tells_what_is_wrong_and_what_was_lost() {
    use proto::flows::v1::{GetStatusRequest, status_client::StatusClient};
    let agent = Agent::start(1000, 1000).await;
    agent.store([new_connection(1)]).await;
    let problem = cluster::Problem {
        origin: Some(
            cluster::Origin::from("web.yaml").at(cluster::yaml::Position { line: 3, column: 5 }),
        ),
        object: None,
        field: "spec.ingress[0]".into(),
        problem: "is a mistake".into(),
        remedy: String::new(),
    };
    agent.status.store(Arc::new(flows_agent::node::Status {
        revision: 7,
        problems: vec![flows_agent::node::PolicyProblem {
            problem,
            not_enforced: true,
            stale: false,
        }],
        ..Default::default()
    }));
    let mut client = StatusClient::new(agent.channel.clone());
    let status = client
        .get_status(GetStatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!((status.node_name.as_str(), status.revision), ("node-a", 7));
    let events = status.events.unwrap();
    assert_eq!(
        (events.received, events.stored, events.queue_lost),
        (1, 1, 0)
    );
    let problem = &status.problems[0];
    assert_eq!(
        (problem.file.as_str(), problem.line, problem.not_enforced),
        ("web.yaml", 3, true)
    );
    agent.end().await;
}

#[tokio::test]
async fn health_by_hubbles_name() {
    use tonic_health::pb::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    };
    let agent = Agent::start(1000, 1000).await;
    let mut client = HealthClient::new(agent.channel.clone());
    for service in ["hubble.server.Observer", ""] {
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let response = client.check(request).await.unwrap().into_inner();
        assert_eq!(response.status(), ServingStatus::Serving, "{service:?}");
    }
    // Who watches hears of the end, and does not hold it up.
    let request = HealthCheckRequest {
        service: "hubble.server.Observer".into(),
    };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();
    agent.stop.cancel();
    while watch.message().await.unwrap().is_some() {}
    drop((client, watch));
    agent.end().await;
}

#[tokio::test]
async fn reflection_in_both_versions() {
    use tonic_reflection::pb::{v1, v1alpha};
    let agent = Agent::start(1000, 1000).await;
    let expected = ["grpc.health.v1.Health", "observer.Observer", "peer.Peer"];
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(agent.channel.clone());
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let mut stream = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        stream.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list")
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    for name in expected {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    drop(stream);

    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(agent.channel.clone());
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "observer.Observer".into(),
            ),
        ),
    };
    let mut stream = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let response = stream.message().await.unwrap().unwrap().message_response;
    assert!(
        matches!(
            response,
            Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
        ),
        "{response:?}"
    );
    drop(stream);
    agent.end().await;
}

#[tokio::test]
async fn peers_are_told_and_kept_up_to_date() {
    let agent = Agent::start(1000, 1000).await;
    let peers = |rows: &[(&str, &str)]| {
        let rows = rows
            .iter()
            .map(|(name, address)| ((*name).to_owned(), (*address).to_owned()));
        Arc::new(rows.collect::<BTreeMap<_, _>>())
    };
    agent
        .peers
        .send_replace(peers(&[("node-a", "10.0.0.1"), ("node-b", "10.0.0.2")]));
    let mut stream = PeerClient::new(agent.channel.clone())
        .notify(NotifyRequest {})
        .await
        .unwrap()
        .into_inner();
    let mut told = vec![];
    for _ in 0..2 {
        let change = stream.message().await.unwrap().unwrap();
        told.push((change.name.clone(), change.r#type()));
    }
    agent.peers.send_replace(peers(&[("node-b", "10.0.0.2")]));
    let change = stream.message().await.unwrap().unwrap();
    told.push((change.name.clone(), change.r#type()));
    use ChangeNotificationType::{PeerAdded, PeerDeleted};
    assert_eq!(
        told,
        [
            ("node-a".to_owned(), PeerAdded),
            ("node-b".to_owned(), PeerAdded),
            ("node-a".to_owned(), PeerDeleted)
        ]
    );
    agent.stop.cancel();
    assert!(stream.message().await.unwrap().is_none(), "ends with OK");
    drop(stream);
    agent.end().await;
}
