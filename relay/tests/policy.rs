//! `flows.v1.Policy` over nodes that answer, are silent, don't have the service, or are gone.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::{path::Path, time::Duration};

use common::{Agent, Behaviour, Relay, policy::Scripted, timeouts};
use proto::{
    flow::Flow,
    flows::v1::{
        End, ExplainRequest, GetPoliciesRequest, GetStateRequest, ListEndpointsRequest,
        ListIdentitiesRequest, TraceRequest, ValidateRequest, WaitRevisionRequest, end,
        policy_client::PolicyClient, trace_response::Verdict,
    },
};
use tonic::{Code, Request, transport::Channel};

/// Agents of the given scripts, and a relay that is connected to all of them.
struct Nodes {
    agents: Vec<Agent>,
    relay: Relay,
    _directory: tempfile::TempDir,
}

impl Nodes {
    async fn start(scripts: Vec<(&'static str, Option<Scripted>)>) -> Self {
        Self::start_beside(scripts, &[]).await
    }

    /// With peers that nobody is at.
    async fn start_beside(
        scripts: Vec<(&'static str, Option<Scripted>)>,
        absent: &[&'static str],
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut agents = Vec::new();
        for (name, policy) in scripts {
            let behaviour = Behaviour {
                policy,
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
        let (path, connected) = (directory.path(), agents.len());
        let relay = Relay::start(path, &peers, connected, timeouts(200, 2000)).await;
        Self {
            relay,
            agents,
            _directory: directory,
        }
    }

    fn client(&self) -> PolicyClient<Channel> {
        PolicyClient::new(self.relay.channel.clone())
    }
}

fn silent(name: &'static str) -> Scripted {
    Scripted {
        silent: true,
        ..Scripted::new(name, 1)
    }
}

#[tokio::test]
async fn each_end_is_judged_by_its_own_node() {
    let allows = |name, revision| Scripted {
        allows: true,
        ..Scripted::new(name, revision)
    };
    // What the nodes say; verdict, who is named for it, who judges each end, notes, suggestions.
    type Row = (
        &'static str,
        Vec<(&'static str, Option<Scripted>)>,
        (Verdict, &'static str, u32),
        [(&'static str, u32); 2],
        Vec<&'static str>,
        Vec<&'static str>,
    );
    let rows: Vec<Row> = vec![
        (
            "the destination's node is ahead",
            vec![
                ("a", Some(Scripted::new("a", 3))),
                ("b", Some(allows("b", 7))),
            ],
            (Verdict::Allowed, "b", 7),
            [("a", 3), ("b", 7)],
            vec![],
            vec![],
        ),
        (
            "the destination's node denies",
            vec![
                ("a", Some(allows("a", 3))),
                ("b", Some(Scripted::new("b", 7))),
            ],
            (Verdict::Denied, "b", 7),
            [("a", 3), ("b", 7)],
            vec![],
            vec!["as b says"],
        ),
        (
            "a third one answers first",
            vec![
                ("0", Some(allows("0", 1))),
                ("a", Some(allows("a", 3))),
                ("b", Some(Scripted::new("b", 7))),
            ],
            (Verdict::Denied, "b", 7),
            [("a", 3), ("b", 7)],
            vec![],
            vec!["as b says"],
        ),
        (
            "the destination's node doesn't have the service",
            vec![("a", Some(Scripted::new("a", 3))), ("b", None)],
            (Verdict::Denied, "a", 3),
            [("a", 3), ("a", 3)],
            vec![
                "b, which evaluates one of the ends, gave no result (it does not support policy \
                 queries: it is not a flows agent); answered by a",
            ],
            vec!["as a says"],
        ),
        (
            "both nodes are gone",
            vec![("c", Some(Scripted::new("c", 5)))],
            (Verdict::Denied, "c", 5),
            [("c", 5), ("c", 5)],
            vec![
                "b, which evaluates one of the ends, is not connected; answered by c",
                "a, which evaluates one of the ends, is not connected; answered by c",
            ],
            vec!["as c says"],
        ),
        (
            "the first one is silent",
            vec![
                ("0", Some(silent("0"))),
                ("a", Some(Scripted::new("a", 3))),
                ("b", Some(allows("b", 7))),
            ],
            (Verdict::Allowed, "b", 7),
            [("a", 3), ("b", 7)],
            vec![],
            vec![],
        ),
    ];
    for (name, scripts, verdict, ends, notes, suggestions) in rows {
        let nodes = Nodes::start(scripts).await;
        let answer = nodes.client().trace(TraceRequest::default()).await.unwrap();
        assert!(answer.metadata().contains_key(proto::RELAY_VERSION));
        let answer = answer.into_inner();
        assert_eq!(
            (answer.verdict(), &*answer.node_name, answer.revision),
            verdict,
            "{name}"
        );
        let judged = [&answer.egress, &answer.ingress].map(|judgement| {
            let judgement = judgement.as_ref().unwrap();
            (&*judgement.node_name, judgement.revision)
        });
        assert_eq!(judged, ends, "{name}");
        assert_eq!(answer.notes, notes, "{name}");
        let texts: Vec<&str> = answer.suggestions.iter().map(|s| &*s.text).collect();
        assert_eq!(texts, suggestions, "{name}");
    }
}

/// Labels of pods on several nodes: each node is asked about its own pod, also where the one that is asked
/// first has another opinion of it.
#[tokio::test]
async fn labels_are_answered_for_by_each_node() {
    let allows = |name, allows| Scripted {
        allows,
        ..Scripted::new(name, 1)
    };
    let request = |port: &str| TraceRequest {
        destination: Some(End {
            of: Some(end::Of::Labels("app=web".to_owned())),
        }),
        port: port.to_owned(),
        ..TraceRequest::default()
    };
    for (a, b, verdict) in [
        (true, true, Verdict::Allowed),
        (true, false, Verdict::Denied),
        (false, true, Verdict::Denied),
        (false, false, Verdict::Denied),
    ] {
        let scripts = vec![
            ("0", Some(allows("0", true))),
            ("a", Some(allows("a", a))),
            ("b", Some(allows("b", b))),
        ];
        let nodes = Nodes::start(scripts).await;
        let answer = nodes.client().trace(request("80")).await.unwrap();
        let answer = answer.into_inner();
        assert_eq!(answer.verdict(), verdict, "{a} {b}");
        let cases: Vec<(&str, Verdict)> = answer
            .cases
            .iter()
            .map(|case| {
                let pod = case.destination.as_ref().unwrap();
                (&*pod.name, case.verdict())
            })
            .collect();
        let word = |allowed| {
            if allowed {
                Verdict::Allowed
            } else {
                Verdict::Denied
            }
        };
        let wanted = [("shop/web-a", word(a)), ("shop/web-b", word(b))];
        if a == b {
            assert!(cases.is_empty(), "{cases:?}");
            assert_eq!(answer.destination.unwrap().pods.len(), 2);
            assert_eq!(answer.notes, ["the same applies to shop/web-b on b"]);
        } else {
            assert_eq!(cases, wanted);
        }
    }
    // The node of one of the pods is gone: it is said who answers for it.
    let nodes = Nodes::start(vec![("a", Some(allows("a", true)))]).await;
    let answer = nodes.client().trace(request("80")).await.unwrap();
    let notes = answer.into_inner().notes;
    assert!(
        notes.contains(
            &"b, which evaluates one of the ends, is not connected; answered by a".to_owned()
        ),
        "{notes:?}"
    );
}

/// Not all pods that have the labels are answered for: nobody may take that for a permission.
#[tokio::test]
async fn what_not_all_have_answered_is_not_allowed() {
    let request = TraceRequest {
        destination: Some(End {
            of: Some(end::Of::Labels("app=web".to_owned())),
        }),
        port: "80".to_owned(),
        ..TraceRequest::default()
    };
    let lost = "no result from some nodes: there is no pod shop/web-b";
    let unasked = "3 more nodes with such pods were not queried";
    for (allows, lost_b, more, verdict, note) in [
        (true, true, 0, Verdict::Unknown, lost),
        (false, true, 0, Verdict::Denied, lost),
        (true, false, 65, Verdict::Unknown, unasked),
        (false, false, 65, Verdict::Denied, unasked),
    ] {
        let script = Scripted {
            allows,
            lost_b,
            more,
            ..Scripted::new("a", 1)
        };
        let nodes = Nodes::start(vec![("a", Some(script))]).await;
        let answer = nodes.client().trace(request.clone()).await.unwrap();
        let answer = answer.into_inner();
        assert_eq!(answer.verdict(), verdict, "{note}");
        assert!(answer.notes.iter().any(|told| told == note), "{answer:?}");
    }
}

#[tokio::test]
async fn a_flow_is_explained_by_the_node_that_decided_it() {
    let scripts = vec![
        ("a", Some(Scripted::new("a", 3))),
        ("b", Some(Scripted::new("b", 7))),
        ("c", None),
        ("d", Some(silent("d"))),
    ];
    let nodes = Nodes::start(scripts).await;
    for (node, who, notes) in [
        ("b", "b", vec![]),
        ("", "a", vec![]),
        (
            "c",
            "a",
            vec!["c, which recorded this flow, is unreachable; answered by a"],
        ),
        (
            "d",
            "a",
            vec!["d, which recorded this flow, is unreachable; answered by a"],
        ),
        (
            "elsewhere",
            "a",
            vec!["elsewhere, which recorded this flow, is unreachable; answered by a"],
        ),
    ] {
        let flow = Flow {
            node_name: node.to_owned(),
            ..Flow::default()
        };
        let request = ExplainRequest { flow: Some(flow) };
        let answer = nodes.client().explain(request).await.unwrap().into_inner();
        assert_eq!(
            (&*answer.node_name, answer.notes),
            (who, notes.iter().map(|note| (*note).to_owned()).collect()),
            "{node}"
        );
    }
    let answer = nodes.client().validate(ValidateRequest::default()).await;
    assert_eq!(answer.unwrap().into_inner().node_name, "a");
    let answer = nodes.client().get_state(GetStateRequest {}).await;
    assert_eq!(answer.unwrap().into_inner().node_name, "a");
}

#[tokio::test]
async fn views_are_of_all_nodes_and_name_those_that_are_missing() {
    let scripts = vec![
        ("a", Some(Scripted::new("a", 3))),
        ("b", Some(Scripted::new("b", 7))),
        ("c", None),
        ("d", Some(silent("d"))),
    ];
    let nodes = Nodes::start_beside(scripts, &["e"]).await;
    let missing = [
        "c is not included: it does not support policy queries: it is not a flows agent",
        "d is not included: no answer",
    ];
    let is_missing = |notes: &[String]| {
        assert_eq!(notes[..2], missing);
        assert!(
            notes[2].starts_with("e is not included: it is not connected: "),
            "{notes:?}"
        );
    };
    let answer = nodes.client().get_policies(GetPoliciesRequest {}).await;
    let answer = answer.unwrap().into_inner();
    is_missing(&answer.notes);
    assert_eq!(
        answer.notes[3..],
        [
            "a: its counts lag".to_owned(),
            "b: its counts lag".to_owned()
        ]
    );
    let [policy] = &answer.policies[..] else {
        panic!("one policy: {:?}", answer.policies);
    };
    assert_eq!(policy.selects, ["shop/web-a", "shop/web-b"]);
    let rule = &policy.rules[0];
    assert_eq!(
        (rule.decisions, rule.connections, rule.bytes),
        (10, 2, u64::MAX)
    );
    let [item] = &rule.layer7[..] else {
        panic!("one item: {rule:?}");
    };
    assert_eq!((item.allowed, item.denied), (4, u64::MAX));

    let mut client = nodes.client();
    let answer = client.list_endpoints(ListEndpointsRequest::default()).await;
    let answer = answer.unwrap().into_inner();
    is_missing(&answer.notes);
    let pods: Vec<&str> = answer.endpoints.iter().map(|pod| &*pod.pod).collect();
    assert_eq!(pods, ["shop/web-a", "shop/web-b"]);
    let one = ListEndpointsRequest {
        pod: "shop/web-b".to_owned(),
    };
    let answer = client.list_endpoints(one).await.unwrap().into_inner();
    assert_eq!(answer.endpoints.len(), 1);
    assert_eq!(answer.endpoints[0].node_name, "b");

    let answer = client
        .list_identities(ListIdentitiesRequest::default())
        .await;
    let answer = answer.unwrap().into_inner();
    is_missing(&answer.notes);
    let labels: Vec<&str> = answer
        .identities
        .iter()
        .map(|one| &*one.labels[0])
        .collect();
    assert_eq!(labels, ["k8s:app=web", "cidr:a", "cidr:b"]);

    // Nobody at all is an error.
    let nodes = Nodes::start(vec![("c", None)]).await;
    let error = nodes
        .client()
        .get_policies(GetPoliciesRequest {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().starts_with("c: "), "{error}");
}

#[tokio::test]
async fn who_waits_waits_for_all_nodes() {
    let slow = Scripted::new("b", 7);
    slow.ready.send_replace(false);
    let ready = std::sync::Arc::clone(&slow.ready);
    let scripts = vec![("a", Some(Scripted::new("a", 3))), ("b", Some(slow))];
    let mut nodes = Nodes::start(scripts).await;
    let ask = |patience_ms: u32, policy: &str| WaitRevisionRequest {
        patience_ms,
        versions: [(policy.to_owned(), "1".to_owned())].into(),
        ..WaitRevisionRequest::default()
    };

    let error = nodes
        .client()
        .wait_revision(ask(500, "cnp shop/web"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (
            Code::DeadlineExceeded,
            "1 of 2 nodes have it; b is at revision 7: not yet"
        )
    );
    // The call's own deadline is as good.
    let mut request = Request::new(ask(0, "cnp shop/web"));
    request.set_timeout(Duration::from_secs(2));
    let error = nodes.client().wait_revision(request).await.unwrap_err();
    assert_eq!(
        error.message(),
        "1 of 2 nodes have it; b is at revision 7: not yet"
    );

    let refused = nodes
        .client()
        .wait_revision(ask(60_000, "cnp shop/bad"))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("cnp shop/bad is refused: why"),
        "{refused}"
    );
    let own = WaitRevisionRequest {
        revision: 3,
        ..WaitRevisionRequest::default()
    };
    let error = nodes.client().wait_revision(own).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);

    // One is gone: it is named, and waited for until it is back.
    nodes.agents[0].down();
    let error = nodes
        .client()
        .wait_revision(ask(500, "cnp shop/web"))
        .await
        .unwrap_err();
    assert!(
        error
            .message()
            .contains("0 of 2 nodes have it; a is not connected: "),
        "{error}"
    );
    let mut client = nodes.client();
    let waiting = tokio::spawn(async move { client.wait_revision(ask(0, "cnp shop/web")).await });
    nodes.agents[0].up().await;
    ready.send_replace(true);
    let answer = waiting.await.unwrap().unwrap().into_inner();
    assert_eq!(answer.generation, 3);
    let told: Vec<(&str, u32)> = answer
        .nodes
        .iter()
        .map(|node| (&*node.node_name, node.revision))
        .collect();
    assert_eq!(told, [("a", 3), ("b", 7)]);
}

/// Longer than a question with one answer may take at a node.
#[tokio::test]
async fn waiting_is_not_cut_off() {
    let slow = Scripted::new("a", 7);
    slow.ready.send_replace(false);
    let ready = std::sync::Arc::clone(&slow.ready);
    let nodes = Nodes::start(vec![("a", Some(slow))]).await;
    let mut client = nodes.client();
    let waiting = tokio::spawn(async move {
        let request = WaitRevisionRequest {
            patience_ms: 60_000,
            ..WaitRevisionRequest::default()
        };
        client.wait_revision(request).await
    });
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!waiting.is_finished());
    ready.send_replace(true);
    assert_eq!(waiting.await.unwrap().unwrap().into_inner().generation, 7);
}
