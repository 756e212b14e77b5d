//! What people say of incidents, over nodes that keep it, can't, or are gone.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::path::Path;

use common::{Agent, Behaviour, Relay, policy::Scripted, timeouts};
use proto::flows::v1::{
    AcknowledgeRequest, Acknowledgement, GetAcknowledgementsRequest, policy_client::PolicyClient,
};
use tonic::Code;

/// A relay that is connected to agents of these scripts, and isn't to the absent ones.
async fn start(
    directory: &Path,
    scripts: Vec<(&'static str, Option<Scripted>)>,
    absent: &[&'static str],
) -> (Relay, Vec<Agent>) {
    let mut agents = Vec::new();
    for (name, policy) in scripts {
        let behaviour = Behaviour {
            policy,
            ..Behaviour::default()
        };
        agents.push(Agent::start(directory, name, behaviour).await);
    }
    let nowhere = directory.join("nowhere.sock");
    let peers: Vec<(&str, &Path)> = agents
        .iter()
        .map(|agent| (agent.name.as_str(), agent.socket.as_path()))
        .chain(absent.iter().map(|name| (*name, nowhere.as_path())))
        .collect();
    let relay = Relay::start(directory, &peers, agents.len(), timeouts(200, 2000)).await;
    (relay, agents)
}

#[tokio::test]
async fn what_is_said_of_an_incident_is_told_to_all_nodes_and_the_later_word_holds() {
    let scripts = vec![
        ("one", Some(Scripted::new("one", 7))),
        ("two", Some(Scripted::new("two", 9))),
        ("stock", None),
    ];
    let directory = tempfile::tempdir().unwrap();
    let (relay, _agents) = start(directory.path(), scripts, &["gone"]).await;
    let mut client = PolicyClient::new(relay.channel.clone());
    let said = Acknowledgement {
        incident: "0123abcd".to_owned(),
        by: "alice".to_owned(),
        ..Acknowledgement::default()
    };
    let request = AcknowledgeRequest {
        acknowledgement: Some(said.clone()),
    };
    let answer = client.acknowledge(request).await.unwrap().into_inner();
    let kept = answer.acknowledgement.unwrap();
    // All nodes are told the same time, which the relay gives.
    assert!(kept.time.is_some());
    assert_eq!(kept.by, "alice");
    assert_eq!(answer.node_names, ["one", "two"]);
    let missing: Vec<&str> = ["gone", "stock"].into();
    let is_noted = |notes: &[String]| {
        missing
            .iter()
            .all(|name| notes.iter().any(|note| note.starts_with(name)))
    };
    assert!(is_noted(&answer.notes), "{:?}", answer.notes);

    let answer = client
        .get_acknowledgements(GetAcknowledgementsRequest {})
        .await;
    let answer = answer.unwrap().into_inner();
    let by: Vec<&str> = answer.acknowledgements.iter().map(|one| &*one.by).collect();
    assert_eq!(by, ["two"]);
    assert_eq!(answer.node_names, ["one", "two"]);
    assert!(is_noted(&answer.notes), "{:?}", answer.notes);

    // Nobody keeps it: that is no success.
    let directory = tempfile::tempdir().unwrap();
    let (relay, _agents) = start(directory.path(), vec![("stock", None)], &[]).await;
    let request = AcknowledgeRequest {
        acknowledgement: Some(said),
    };
    let refused = PolicyClient::new(relay.channel.clone())
        .acknowledge(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
