//! Agent events over gRPC: what the enforcing thread published, as what changed.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::sync::Arc;

use cluster::{Kind, ObjectName};
use common::{CART, FRONTEND, names, server::Agent};
use flows_agent::node::{Progress, names::Endpoint};
use proto::{
    flow::{AgentEvent, AgentEventType, agent_event::Notification},
    observer::{GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest},
};
use tonic::{Code, Streaming};

async fn asked(
    agent: &Agent,
    request: GetAgentEventsRequest,
) -> Result<Streaming<GetAgentEventsResponse>, tonic::Status> {
    Ok(agent.client().get_agent_events(request).await?.into_inner())
}

async fn next(stream: &mut Streaming<GetAgentEventsResponse>) -> Option<AgentEvent> {
    let message = tokio::time::timeout(std::time::Duration::from_secs(20), stream.message());
    let response = message.await.unwrap().unwrap()?;
    assert_eq!(response.node_name, "node-a");
    assert!(response.time.is_some());
    response.agent_event
}

/// The label with the policy's name, and the revision.
fn policy_update(event: AgentEvent) -> (String, u64) {
    let Some(Notification::PolicyUpdate(update)) = event.notification else {
        unreachable!("the type says so")
    };
    (update.labels[1].clone(), update.revision)
}

fn progress(revision: u32, policies: &[(&str, &str)]) -> Arc<Progress> {
    let policies = policies.iter().map(|(name, version)| {
        let name = ObjectName {
            kind: Kind::CiliumNetworkPolicy,
            namespace: Some("shop".into()),
            name: (*name).into(),
        };
        (name, Arc::from(*version))
    });
    Arc::new(Progress {
        revision,
        policies: policies.collect(),
        ..Progress::default()
    })
}

#[tokio::test]
async fn what_changes_is_told() {
    let agent = Agent::start(100, 100).await;
    let follow = GetAgentEventsRequest {
        number: 1000,
        follow: true,
        ..GetAgentEventsRequest::default()
    };
    let mut stream = asked(&agent, follow).await.unwrap();
    let mut kinds = Vec::new();
    // The start, then pods and addresses that are there from the start.
    while kinds.len() < 6 {
        kinds.push(next(&mut stream).await.unwrap().r#type());
    }
    use AgentEventType::{
        AgentStarted, EndpointCreated, EndpointDeleted, EndpointRegenerateSuccess, IpcacheDeleted,
        IpcacheUpserted, PolicyDeleted, PolicyUpdated,
    };
    let mut want = vec![AgentStarted, EndpointCreated, EndpointCreated];
    want.extend([IpcacheUpserted; 3]);
    assert_eq!(kinds, want);

    agent
        .progress
        .send_replace(progress(4, &[("a", "1"), ("b", "1")]));
    for name in ["a", "b"] {
        let event = next(&mut stream).await.unwrap();
        assert_eq!(event.r#type(), PolicyUpdated);
        assert_eq!(
            policy_update(event),
            (format!("k8s:io.cilium.k8s.policy.name={name}"), 4)
        );
    }
    agent.progress.send_replace(progress(5, &[("b", "2")]));
    for kind in [PolicyDeleted, PolicyUpdated] {
        assert_eq!(next(&mut stream).await.unwrap().r#type(), kind);
    }

    // A pod goes, another one's labels change.
    let mut changed = names();
    let cart = changed
        .by_address
        .remove(&CART.parse::<std::net::IpAddr>().unwrap().into());
    changed.by_index.remove(&cart.unwrap().id);
    let frontend = FRONTEND.parse::<std::net::IpAddr>().unwrap().into();
    let mut end = Endpoint::clone(changed.by_address.get(&frontend).unwrap());
    end.identity = 20_009;
    let end = Arc::new(end);
    changed.by_index.insert(end.id, Arc::clone(&end));
    changed.by_address.insert(frontend, end);
    agent.names.store(Arc::new(changed));
    agent.progress.send_replace(progress(6, &[("b", "2")]));
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let event = next(&mut stream).await.unwrap();
        kinds.push(event.r#type());
        if let Some(Notification::IpcacheUpdate(update)) = event.notification
            && event.r#type == i32::from(IpcacheUpserted)
        {
            assert_eq!(
                (update.identity, update.old_identity),
                (20_009, Some(20_001.into()))
            );
        }
    }
    assert_eq!(
        kinds,
        [
            EndpointDeleted,
            EndpointRegenerateSuccess,
            IpcacheUpserted,
            IpcacheDeleted
        ]
    );

    without_following(&agent).await;
    drop(stream);
    agent.end().await;
}

async fn without_following(agent: &Agent) {
    for (name, request, count) in [
        ("all", GetAgentEventsRequest::default(), 14),
        (
            "the newest",
            GetAgentEventsRequest {
                number: 3,
                ..GetAgentEventsRequest::default()
            },
            3,
        ),
        (
            "the oldest",
            GetAgentEventsRequest {
                number: 2,
                first: true,
                ..GetAgentEventsRequest::default()
            },
            2,
        ),
        (
            "until then",
            GetAgentEventsRequest {
                until: Some(proto::google::Timestamp {
                    seconds: 1,
                    nanos: 0,
                }),
                ..GetAgentEventsRequest::default()
            },
            0,
        ),
    ] {
        let mut stream = asked(agent, request).await.unwrap();
        let mut got = 0;
        while next(&mut stream).await.is_some() {
            got += 1;
        }
        assert_eq!(got, count, "{name}");
    }
    let both = GetAgentEventsRequest {
        first: true,
        follow: true,
        ..GetAgentEventsRequest::default()
    };
    assert_eq!(
        asked(agent, both).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn debug_events_are_none() {
    let agent = Agent::start(100, 100).await;
    let request = GetDebugEventsRequest::default();
    let mut stream = agent
        .client()
        .get_debug_events(request)
        .await
        .unwrap()
        .into_inner();
    assert!(stream.message().await.unwrap().is_none());
    agent.end().await;
}
