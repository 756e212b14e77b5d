//! What changed in a cluster is told once, by all nodes together, over restarts, and also if no agent saw it.

mod common;

use std::time::Duration;

use client::{Server, ServerRef, Target};
use common::program;
use flows_lab::process::Deadline;
use proto::flows::v1::{GetChangesRequest, GetChangesResponse, change::Action};
use testing_lab::{TestLab, guard, options, pod};

/// A pod on each of three nodes.
fn pods() -> String {
    let pods = [
        pod("server", "app: server", "one", &[("tcp", 80)]),
        pod("near", "app: near", "one", &[]),
        pod("far", "app: far", "two", &[]),
        pod("farther", "app: far", "three", &[]),
    ];
    pods.join("---\n")
}

/// All changes, once these are in force on all nodes.
fn changes(lab: &TestLab, wanted: &[(Action, &str)]) -> GetChangesResponse {
    let name = &lab.lab().record().name;
    let target = Target::find(ServerRef::Lab(name)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ask = async || {
        let server = Server::connect(&target, Server::CONNECT_TIMEOUT).await;
        let server = server.unwrap();
        server.get_changes(GetChangesRequest::default()).await
    };
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let answer = runtime.block_on(ask());
        let is = |answer: &GetChangesResponse| {
            let told = answer.changes.iter();
            let told: Vec<_> = told.map(|it| (it.action(), &*it.object)).collect();
            let mut nodes = answer.changes.iter().map(|it| it.nodes.len());
            told == wanted && nodes.all(|nodes| nodes == 3)
        };
        match answer {
            Ok(answer) if is(&answer) => return answer,
            // While an agent restarts, it is not among those that answer.
            answer => assert!(deadline.pause(), "{wanted:?}: {answer:?}"),
        }
    }
}

#[test]
fn changes_are_told_once_and_survive_restarts() {
    let mut lab = TestLab::up(&options(program(), true), &pods()).unwrap();
    let mut wanted = vec![(Action::FirstState, "")];
    let first = changes(&lab, &wanted);
    assert!(first.complete_since.is_some());
    assert_eq!(first.changes[0].first_state.unwrap().pods, 4);

    lab.enforce("guard.yaml", &guard("near", Some(80))).unwrap();
    lab.enforce("guard.yaml", &guard("far", Some(80))).unwrap();
    let relabelled = pod("far", "app: near", "two", &[]);
    lab.apply("far.yaml", &relabelled).unwrap();
    wanted.extend([
        (Action::Added, "cnp default/guard"),
        (Action::Changed, "cnp default/guard"),
        (Action::Changed, "pod default/far"),
    ]);
    let told = changes(&lab, &wanted);
    let summaries = told.changes.iter().map(|change| &*change.summary);
    assert_eq!(
        summaries.skip(1).collect::<Vec<_>>(),
        [
            "denies other ingress of app=server; got rule ingress[0] (allows app=near on 80/TCP)",
            "rule ingress[0]: app=near -> app=far (allows app=far on 80/TCP)",
            "label app: far -> near",
        ]
    );
    assert!(told.changes[2].place.contains("guard"), "{told:?}");

    // All agents are others; what they tell is the same.
    lab.lab_mut().restart_agents(Vec::new()).unwrap();
    let again = changes(&lab, &wanted);
    assert_eq!(again.changes, told.changes);
    assert_eq!(again.complete_since, told.complete_since);

    // One agent is down while a policy changes and a pod goes.
    assert!(lab.lab_mut().kill_agent("three").unwrap());
    lab.apply("guard.yaml", &guard("farther", Some(80)))
        .unwrap();
    lab.lab_mut().restart_agent("three").unwrap();
    wanted.push((Action::Changed, "cnp default/guard"));
    let told = changes(&lab, &wanted);
    let newest = &told.changes[4];
    for node in &newest.nodes {
        let is_late = node.node_name.ends_with("/three");
        assert_eq!(node.found_at_start, is_late, "{newest:?}");
        assert_eq!(node.found_after.is_some(), is_late, "{newest:?}");
        assert!(node.found_after < node.time, "{newest:?}");
    }

    let (history, notes, _) = lab.run_flows(&["policy", "history", "guard", "--diff", "v1", "v3"]);
    for line in [
        "-  - fromEndpoints: [{matchLabels: {app: near}}]",
        "+  - fromEndpoints: [{matchLabels: {app: farther}}]",
    ] {
        assert!(history.contains(line), "{history}{notes}");
    }
    let (concerning, ..) = lab.run_flows(&["changes", "--for", "default/server"]);
    assert!(concerning.contains("selects it"), "{concerning}");
    assert!(
        concerning.contains("peer of cnp default/guard"),
        "{concerning}"
    );
}
