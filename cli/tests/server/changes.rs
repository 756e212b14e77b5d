//! `flows changes` and `flows policy history`.

use proto::flows::v1::{
    Change, ChangeOnNode, FirstState, GetChangesResponse, ObjectState, PolicyObject,
    change::Action, object_state::Of,
};
use proto::google::Timestamp;

use super::service::{Server, said, text};

fn at(seconds: i64, millis: i32) -> Option<Timestamp> {
    Some(Timestamp {
        seconds,
        nanos: millis * 1_000_000,
    })
}

fn on(node: &str, revision: u32, time: Option<Timestamp>) -> ChangeOnNode {
    ChangeOnNode {
        node_name: format!("default/{node}"),
        revision,
        time,
        ..ChangeOnNode::default()
    }
}

/// A policy of one rule, and what is said about it.
fn yaml(from: &str) -> Option<ObjectState> {
    let policy = PolicyObject {
        yaml: format!(
            "kind: CiliumNetworkPolicy\nmetadata:\n  name: web\nspec:\n  # why\n  ingress:\n  - fromEndpoints:\n    - matchLabels: {{app: {from}}}\n"
        ),
        ..PolicyObject::default()
    };
    Some(ObjectState {
        of: Some(Of::Policy(policy)),
    })
}

fn of(action: Action, kind: &str, namespace: &str, name: &str, summary: &str) -> Change {
    let short = if kind == "Pod" { "pod" } else { "cnp" };
    Change {
        action: action.into(),
        object: format!("{short} {namespace}/{name}"),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        summary: summary.to_owned(),
        ..Change::default()
    }
}

/// The story of a policy, a pod and an agent that was away.
fn story() -> GetChangesResponse {
    let policy = |action, summary| of(action, "CiliumNetworkPolicy", "shop", "web", summary);
    let first = Change {
        action: Action::FirstState.into(),
        summary: "2 policies, 6 pods".to_owned(),
        first_state: Some(FirstState {
            policies: 2,
            pods: 6,
            ..FirstState::default()
        }),
        time: at(1_700_000_000, 0),
        last_time: at(1_700_000_000, 20),
        nodes: vec![
            on("a", 1, at(1_700_000_000, 0)),
            on("b", 1, at(1_700_000_000, 20)),
        ],
        ..Change::default()
    };
    let changed = Change {
        time: at(1_700_000_060, 500),
        last_time: at(1_700_000_060, 900),
        nodes: vec![
            on("a", 2, at(1_700_000_060, 500)),
            on("b", 7, at(1_700_000_060, 900)),
        ],
        place: "web.yaml:3:1".to_owned(),
        before: yaml("web"),
        after: yaml("api"),
        ..policy(
            Action::Changed,
            "lost rule ingress[1] (allows app=web on 6379/TCP); got rule ingress[1] (allows app=api on 6379/TCP)",
        )
    };
    let pod = Change {
        time: at(1_700_000_070, 0),
        last_time: at(1_700_000_082, 0),
        nodes: vec![
            on("a", 3, at(1_700_000_070, 0)),
            on("b", 8, at(1_700_000_082, 0)),
        ],
        place: "pods.yaml:17:1".to_owned(),
        ..of(
            Action::Added,
            "Pod",
            "shop",
            "web-0",
            "10.0.0.1; node one; app=web",
        )
    };
    let removed = Change {
        time: at(1_700_000_100, 0),
        last_time: at(1_700_000_100, 0),
        nodes: vec![ChangeOnNode {
            found_at_start: true,
            found_after: at(1_700_000_090, 0),
            ..on("a", 4, at(1_700_000_100, 0))
        }],
        before: yaml("api"),
        ..policy(Action::Removed, "lost rule ingress[0] (allows app=api)")
    };
    let again = Change {
        time: at(1_700_000_200, 0),
        last_time: at(1_700_000_200, 0),
        nodes: vec![
            on("a", 5, at(1_700_000_200, 0)),
            on("b", 9, at(1_700_000_200, 0)),
        ],
        place: "web.yaml:3:1".to_owned(),
        after: yaml("db"),
        ..policy(Action::Added, "got rule ingress[0] (allows app=db)")
    };
    GetChangesResponse {
        changes: vec![first, changed, pod, removed, again],
        complete_since: at(1_700_000_000, 20),
        node_names: vec!["default/a".to_owned(), "default/b".to_owned()],
        ..GetChangesResponse::default()
    }
}

fn server() -> Server {
    let server = Server::start(vec![]);
    server.tells(story());
    server
}

/// What is printed, and what is said beside it.
fn shown(server: &Server, args: &[&str]) -> String {
    let output = server.flows(args);
    let (beside, code) = said(&output);
    format!(
        "{}---\n{beside}exit code {}\n",
        text(&output.stdout),
        code.unwrap()
    )
}

#[test]
fn changes_are_listed() {
    let server = server();
    insta::assert_snapshot!("changes", shown(&server, &["changes"]));
    let asked = server.asked_changes();
    assert_eq!((asked.number, asked.without_objects), (20, true));
    let colored = server.flows(&["changes", "-o", "json", "--since", "5m"]);
    let asked = server.asked_changes();
    assert_eq!((asked.number, asked.without_objects), (0, false));
    assert!(asked.since.is_some());
    let json: serde_json::Value = serde_json::from_slice(&colored.stdout).unwrap();
    assert_eq!(
        json["changes"][1]["after"]["policy"]["yaml"]
            .as_str()
            .unwrap()
            .lines()
            .count(),
        8
    );

    let args = [
        "changes",
        "--kind",
        "cnps",
        "--name",
        "shop/web",
        "--last",
        "3",
        "--for",
        "shop/web-0",
        "--until",
        "2026-01-31T12:00:00Z",
    ];
    assert_eq!(server.flows(&args).status.code(), Some(0));
    let asked = server.asked_changes();
    assert_eq!(asked.kind, "CiliumNetworkPolicy");
    assert_eq!(
        (&*asked.namespace, &*asked.name, &*asked.pod),
        ("shop", "web", "shop/web-0")
    );
    assert_eq!((asked.number, asked.until), (3, at(1_769_860_800, 0)));
}

#[test]
fn nothing_is_told_with_its_reason() {
    let server = server();
    for (complete_since, args, wanted) in [
        (
            None,
            &["changes"][..],
            "No changes are recorded: nothing has come into force yet\n",
        ),
        (
            at(1_700_000_000, 0),
            &["changes"],
            "Nothing changed; changes are recorded since Nov 14 22:13:20.000\n",
        ),
        (
            at(1_700_000_000, 0),
            &["changes", "--name", "x", "--since", "2024-01-01"],
            "No change matches since Jan  1 00:00:00.000; changes are recorded since Nov 14 22:13:20.000\n",
        ),
        (
            at(1_700_000_000, 0),
            &["changes", "--since", "2020-01-01", "--until", "2024-01-01"],
            "Nothing changed until Jan  1 00:00:00.000; changes are recorded since Nov 14 22:13:20.000\n",
        ),
    ] {
        server.tells(GetChangesResponse {
            complete_since,
            ..GetChangesResponse::default()
        });
        let output = server.flows(args);
        assert_eq!(said(&output), (wanted, Some(0)), "{args:?}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_policy_has_versions() {
    let server = server();
    for (name, args) in [
        ("history", &["policy", "history", "shop/web"][..]),
        (
            "history_diff",
            &["policy", "history", "cnp shop/web", "--diff"],
        ),
        (
            "history_diff_of_one",
            &["policy", "history", "web", "--diff", "v2"],
        ),
        (
            "history_diff_of_two",
            &["policy", "history", "web", "--diff", "v1", "3"],
        ),
    ] {
        insta::assert_snapshot!(name, shown(&server, args));
    }
}

#[test]
fn mistakes_in_names_are_met_with_what_is_known() {
    let server = server();
    for (args, wanted) in [
        (
            &["policy", "history", "shop/wbe"][..],
            "no policy shop/wbe is enforced, and none has changed since Nov 14 22:13:20.020; did you mean cnp shop/web?\n",
        ),
        (
            &["policy", "history", "steady"],
            "cnp shop/steady has not changed since Nov 14 22:13:20.020, as far back as changes are recorded\n",
        ),
        (
            &["policy", "history", "web", "--diff", "v4"],
            "there is no version v4\nhint: one of v1 to v3\n",
        ),
        (
            &["changes", "--kind", "pdo"],
            "unknown kind \"pdo\"\nhint: did you mean pod?\n",
        ),
        (
            &["changes", "--since", "soon"],
            "--since takes a time or how long ago, not \"soon\"\n\
             hint: such as --since 5m, 2d, 14:30, yesterday, 2026-01-31 or 2026-01-31T12:00:00Z\n",
        ),
    ] {
        assert_eq!(said(&server.flows(args)), (wanted, Some(1)), "{args:?}");
    }
}
