//! GetChanges over nodes that saw the same changes, some of them, or nothing.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::path::Path;

use common::{Agent, Behaviour, Relay, policy::Scripted, timeouts};
use proto::flows::v1::{
    Change, ChangeOnNode, GetChangesRequest, GetChangesResponse, change::Action,
    policy_client::PolicyClient,
};
use proto::google::Timestamp;

fn second(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

/// A node's word of a change of `cnp shop/web`, from one version to another.
fn change(node: &str, seconds: i64, versions: [&str; 2]) -> Change {
    let action = match versions {
        ["", _] => Action::Added,
        [_, ""] => Action::Removed,
        _ => Action::Changed,
    };
    Change {
        action: action.into(),
        object: "cnp shop/web".to_owned(),
        time: second(seconds),
        last_time: second(seconds),
        nodes: vec![ChangeOnNode {
            node_name: node.to_owned(),
            time: second(seconds),
            ..ChangeOnNode::default()
        }],
        before_version: versions[0].to_owned(),
        after_version: versions[1].to_owned(),
        ..Change::default()
    }
}

/// What a node says: its changes by second and versions, since when all of them are known, and how many
/// older ones it left out.
type Word<'a> = (&'static str, &'a [(i64, [&'a str; 2])], i64, u64);

async fn ask(words: &[Word<'_>], absent: &[&str], number: u32) -> GetChangesResponse {
    let directory = tempfile::tempdir().unwrap();
    let mut agents = Vec::new();
    for (name, changes, complete_since, left_out) in words {
        let changes = changes.iter();
        let changes = changes.map(|(seconds, versions)| change(name, *seconds, *versions));
        let script = Scripted {
            changes: GetChangesResponse {
                changes: changes.collect(),
                complete_since: second(*complete_since),
                left_out: *left_out,
                ..GetChangesResponse::default()
            },
            ..Scripted::new(name, 1)
        };
        let behaviour = Behaviour {
            policy: Some(script),
            ..Behaviour::default()
        };
        agents.push(Agent::start(directory.path(), name, behaviour).await);
    }
    let nowhere = directory.path().join("nowhere.sock");
    let peers: Vec<(&str, &Path)> = agents
        .iter()
        .map(|agent| (agent.name.as_str(), agent.socket.as_path()))
        .chain(absent.iter().map(|name| (*name, nowhere.as_path())))
        .collect();
    let relay = Relay::start(directory.path(), &peers, agents.len(), timeouts(200, 2000)).await;
    let mut client = PolicyClient::new(relay.channel.clone());
    let request = GetChangesRequest {
        number,
        ..GetChangesRequest::default()
    };
    client.get_changes(request).await.unwrap().into_inner()
}

/// `1-3 a>b: one two`: on the first node at second 1, on the last at 3.
fn told(answer: &GetChangesResponse) -> Vec<String> {
    let told = answer.changes.iter().map(|change| {
        let seconds = |time: Option<Timestamp>| time.unwrap().seconds;
        let nodes: Vec<&str> = change.nodes.iter().map(|on| &*on.node_name).collect();
        format!(
            "{}-{} {}>{}: {}",
            seconds(change.time),
            seconds(change.last_time),
            change.before_version,
            change.after_version,
            nodes.join(" ")
        )
    });
    told.collect()
}

#[tokio::test]
async fn a_change_of_several_nodes_is_one() {
    let (added, changed, back) = (["", "a"], ["a", "b"], ["b", "a"]);
    let rows: &[(&str, &[Word<'_>], &[&str])] = &[
        (
            "all saw all",
            &[
                ("one", &[(1, added), (5, changed)], 1, 0),
                ("two", &[(2, added), (6, changed)], 1, 0),
            ],
            &["1-2 >a: one two", "5-6 a>b: one two"],
        ),
        (
            "one does not have it yet",
            &[
                ("one", &[(1, added), (5, changed)], 1, 0),
                ("two", &[(2, added)], 1, 0),
            ],
            &["1-2 >a: one two", "5-5 a>b: one"],
        ),
        (
            "one saw two changes as one",
            &[
                ("one", &[(1, added), (5, changed)], 1, 0),
                ("two", &[(6, ["", "b"])], 1, 0),
            ],
            &["1-1 >a: one", "5-5 a>b: one", "6-6 >b: two"],
        ),
        (
            "to and fro",
            &[
                ("one", &[(1, changed), (2, back), (3, changed)], 1, 0),
                ("two", &[(1, changed), (2, back), (4, changed)], 1, 0),
            ],
            &["1-1 a>b: one two", "2-2 b>a: one two", "3-4 a>b: one two"],
        ),
        (
            "the same again hours later, on a node that missed the first, heard first",
            &[
                ("one", &[(1, changed), (2, back), (9001, changed)], 1, 0),
                ("two", &[(9000, changed)], 1, 0),
            ],
            &["1-1 a>b: one", "2-2 b>a: one", "9000-9001 a>b: one two"],
        ),
        (
            "to and fro, and an agent that was down meanwhile",
            &[
                ("one", &[(1, changed), (2, back), (3, changed)], 1, 0),
                ("two", &[(9, changed)], 1, 0),
            ],
            &["1-1 a>b: one", "2-2 b>a: one", "3-9 a>b: one two"],
        ),
        (
            "a clock that is ahead",
            &[
                ("one", &[(1, changed), (2, back), (9, changed)], 1, 0),
                ("two", &[(3, changed), (4, back), (11, changed)], 1, 0),
            ],
            &["1-3 a>b: one two", "2-4 b>a: one two", "9-11 a>b: one two"],
        ),
    ];
    for (name, words, expected) in rows {
        let answer = ask(words, &[], 0).await;
        assert_eq!(told(&answer), *expected, "{name}");
        assert_eq!(answer.node_names, ["one", "two"], "{name}");
        assert_eq!((answer.left_out, answer.notes.len()), (0, 0), "{name}");
    }
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let words: &[Word<'_>] = &[
        ("one", &[(4, ["c", "d"]), (5, ["d", "e"])], 1, 7),
        (
            "two",
            &[
                (2, ["a", "b"]),
                (3, ["b", "c"]),
                (4, ["c", "d"]),
                (6, ["d", "e"]),
            ],
            2,
            0,
        ),
    ];
    let answer = ask(words, &["three"], 0).await;
    // Before the oldest change that the first node tells it left some out.
    assert_eq!(told(&answer), ["4-4 c>d: one two", "5-6 d>e: one two"]);
    assert_eq!(answer.left_out, 7);
    assert_eq!(answer.complete_since, second(2));
    let [note] = &answer.notes[..] else {
        panic!("{answer:?}");
    };
    assert!(
        note.starts_with("three is not included: it is not connected"),
        "{note}"
    );
    let newest = ask(words, &[], 1).await;
    assert_eq!(told(&newest), ["5-6 d>e: one two"]);
}
