//! flows.v1.Policy/GetChanges over gRPC: entries as the enforcing thread records them.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use std::sync::Arc;

use cluster::changes::between;
use cluster::source::Checkpoint;
use cluster::{Directory, State};
use common::{
    enforcing::{Enforcing, in_force},
    server::Agent,
};
use flows_agent::changes::{Changes, Entry, FirstState, Found, Recorded, What};
use flows_agent::node::StateSnapshot;
use proto::flows::v1::{
    Change, GetChangesRequest, GetChangesResponse, change::Action, object_state::Of,
    policy_client::PolicyClient,
};
use proto::google::Timestamp;
use tonic::Code;

const SECOND: u64 = 1_000_000_000;

/// A cluster whose policy lets some in, and whose pods have these labels.
fn manifests(from: &str, web: &str, client: &str, team: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{team: {team}}}}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: far, labels: {{team: {team}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: shop, labels: {{app: {web}}}}}
spec: {{nodeName: node-a}}
status: {{podIP: 10.0.0.1}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client-0, namespace: shop, labels: {{app: {client}}}}}
status: {{podIP: 10.0.0.2}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: web, namespace: shop}}
spec:
  endpointSelector: {{matchLabels: {{app: web}}}}
  ingress:
  - fromEndpoints: [{{matchLabels: {{app: {from}}}}}]
    toPorts: [{{ports: [{{port: '80', protocol: TCP}}]}}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {{name: other, namespace: far}}
spec: {{endpointSelector: {{matchLabels: {{app: {from}}}}}, ingress: [{{}}]}}
"
    )
}

/// A server whose node saw these states, a second after the other, and enforces the last one.
struct Node {
    agent: Agent,
    _enforcing: Enforcing,
    changes: Arc<Changes>,
}

impl Node {
    async fn start(states: &[String], found: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("shop.yaml");
        let mut read: Vec<Arc<State>> = Vec::new();
        for text in states {
            std::fs::write(&file, text).unwrap();
            let opened = Directory::open(directory.path(), &Checkpoint::default()).unwrap();
            read.push(opened.state());
        }
        let told = StateSnapshot::InSync(Box::new(in_force(directory.path())));
        let enforcing = Enforcing::start(Some(told));
        let changes = Arc::clone(&enforcing.access.changes);
        let first = FirstState {
            policies: 2,
            pods: 2,
            ..FirstState::default()
        };
        changes.push(Arc::new(entry(1, What::FirstState(first), false)));
        for (pair, sequence) in read.windows(2).zip(2..) {
            let differences = between((&*pair[0]).into(), (&*pair[1]).into());
            let recorded = differences.into_iter().map(|change| Recorded {
                origin: None,
                change,
            });
            let what = What::Changes(recorded.collect());
            changes.push(Arc::new(entry(sequence, what, found)));
        }
        Self {
            agent: Agent::start_with(10, 10, Some(enforcing.access.clone())).await,
            _enforcing: enforcing,
            changes,
        }
    }

    async fn ask(&self, request: GetChangesRequest) -> Result<GetChangesResponse, tonic::Status> {
        let mut client = PolicyClient::new(self.agent.channel.clone());
        Ok(client.get_changes(request).await?.into_inner())
    }

    /// Objects of the changes that are told, with why they concern a pod.
    async fn told(&self, request: GetChangesRequest) -> Vec<String> {
        let answer = self.ask(request).await.unwrap();
        let told = answer.changes.iter().map(|change| match &*change.concerns {
            "" => change.object.clone(),
            why => format!("{}: {why}", change.object),
        });
        told.collect()
    }
}

/// What came into force at that second.
fn entry(sequence: u64, what: What, found: bool) -> Entry {
    Entry {
        sequence,
        time: sequence * SECOND,
        revision: u32::try_from(sequence).unwrap() + 10,
        found: found.then_some(Found { since: SECOND }),
        what,
    }
}

fn second(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

#[tokio::test]
async fn changes_are_told_with_the_objects_before_and_after() {
    let states = [
        manifests("client", "web", "client", "a"),
        manifests("api", "web", "client", "a"),
        manifests("api", "web", "api", "b"),
    ];
    let node = Node::start(&states, false).await;
    let answer = node.ask(GetChangesRequest::default()).await.unwrap();
    assert_eq!(answer.node_name, "node-a");
    assert_eq!(answer.node_names, ["node-a"]);
    assert_eq!(answer.left_out, 0);
    let told: Vec<(Action, &str, &str)> = answer
        .changes
        .iter()
        .map(|change| (change.action(), &*change.object, &*change.summary))
        .collect();
    let rewritten = "rule ingress[0]: app=client -> app=api (allows app=api on 80/TCP)";
    assert_eq!(
        told,
        [
            (Action::FirstState, "", "2 policies, 2 pods"),
            (
                Action::Changed,
                "cnp far/other",
                "selects app=api instead of app=client"
            ),
            (Action::Changed, "cnp shop/web", rewritten),
            (Action::Changed, "ns far", "label team: a -> b"),
            (Action::Changed, "ns shop", "label team: a -> b"),
            (
                Action::Changed,
                "pod shop/client-0",
                "label app: client -> api"
            ),
        ]
    );
    let policy = &answer.changes[2];
    assert_eq!((policy.time, policy.last_time), (second(2), second(2)));
    let [on] = &policy.nodes[..] else {
        panic!("{policy:?}");
    };
    assert_eq!(
        (on.revision, on.sequence, on.found_at_start),
        (12, 2, false)
    );
    assert_ne!(policy.before_version, policy.after_version);
    let yaml = |state: &Option<proto::flows::v1::ObjectState>| match &state.as_ref().unwrap().of {
        Some(Of::Policy(policy)) => policy.yaml.clone(),
        other => panic!("{other:?}"),
    };
    assert!(yaml(&policy.before).contains("{app: client}"));
    assert!(yaml(&policy.after).contains("{app: api}"));
    let gained: Vec<bool> = policy.rules.iter().map(|rule| rule.gained).collect();
    assert_eq!(gained, [false, true]);
    let Some(Of::Pod(pod)) = answer.changes[5].after.clone().unwrap().of else {
        panic!("{answer:?}");
    };
    assert_eq!(pod.labels["app"], "api");
    assert_eq!(pod.ips, ["10.0.0.2"]);
}

#[tokio::test]
async fn what_is_asked_for_is_told() {
    let states = [
        manifests("client", "web", "client", "a"),
        manifests("api", "web", "client", "a"),
        manifests("api", "web", "api", "b"),
    ];
    let node = Node::start(&states, false).await;
    let asked = GetChangesRequest::default;
    for (request, expected) in [
        (
            GetChangesRequest {
                since: second(3),
                ..asked()
            },
            &["ns far", "ns shop", "pod shop/client-0"][..],
        ),
        (
            GetChangesRequest {
                until: second(2),
                ..asked()
            },
            &["", "cnp far/other", "cnp shop/web"],
        ),
        (
            GetChangesRequest {
                since: second(4),
                ..asked()
            },
            &[],
        ),
        (
            GetChangesRequest {
                kind: "CNP".to_owned(),
                namespace: "shop".to_owned(),
                ..asked()
            },
            &["cnp shop/web"],
        ),
        (
            GetChangesRequest {
                kind: "namespace".to_owned(),
                name: "shop".to_owned(),
                ..asked()
            },
            &["ns shop"],
        ),
        (
            GetChangesRequest {
                number: 2,
                ..asked()
            },
            &["ns shop", "pod shop/client-0"],
        ),
        // The policy's peer became another pod; `other` selects none of its namespace.
        (
            GetChangesRequest {
                pod: "shop/web-0".to_owned(),
                ..asked()
            },
            &[
                "cnp shop/web: selects it",
                "ns shop: its namespace",
                "pod shop/client-0: peer of cnp shop/web",
            ],
        ),
        (
            GetChangesRequest {
                pod: "shop/client-0".to_owned(),
                ..asked()
            },
            &[
                "ns shop: its namespace",
                "pod shop/client-0: the pod itself",
            ],
        ),
    ] {
        assert_eq!(node.told(request.clone()).await, expected, "{request:?}");
    }
    let few = GetChangesRequest {
        number: 2,
        without_objects: true,
        ..asked()
    };
    let few = node.ask(few).await.unwrap();
    assert_eq!(few.left_out, 4);
    let bare = |change: &Change| change.before.is_none() && change.after.is_none();
    assert!(few.changes.iter().all(bare));
    for (request, code) in [
        (
            GetChangesRequest {
                pod: "web-0".to_owned(),
                ..asked()
            },
            Code::InvalidArgument,
        ),
        (
            GetChangesRequest {
                pod: "shop/web-1".to_owned(),
                ..asked()
            },
            Code::NotFound,
        ),
        (
            GetChangesRequest {
                since: Some(Timestamp {
                    seconds: 1,
                    nanos: -1,
                }),
                ..asked()
            },
            Code::InvalidArgument,
        ),
    ] {
        assert_eq!(node.ask(request).await.unwrap_err().code(), code);
    }
}

/// Of pods that are gone too, with the labels that they had.
#[tokio::test]
async fn a_policy_concerns_a_pod_that_it_no_longer_selects() {
    let states = [
        manifests("client", "web", "client", "a"),
        manifests("client", "api", "client", "a"),
        manifests("other", "api", "client", "a"),
    ];
    let node = Node::start(&states, true).await;
    let request = GetChangesRequest {
        pod: "shop/web-0".to_owned(),
        ..GetChangesRequest::default()
    };
    let answer = node.ask(request.clone()).await.unwrap();
    for change in &answer.changes {
        assert!(change.nodes[0].found_at_start);
        assert_eq!(change.nodes[0].found_after, second(1));
    }
    let told = node.told(request).await;
    assert_eq!(
        told,
        ["pod shop/web-0: the pod itself", "cnp shop/web: selects it"]
    );
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let many: String = (0..2_000).map(|n| format!(", l{n}: a")).collect();
    let state = |app: &str| manifests("client", "web", &format!("{app}{many}"), "a");
    let states: Vec<String> = (0..70).map(|n| state(&format!("v{n}"))).collect();
    let node = Node::start(&states, false).await;
    let (bytes, limit) = node.changes.usage();
    assert!(bytes <= limit && bytes > limit / 2);
    let kept = node.changes.log();
    let answer = node.ask(GetChangesRequest::default()).await.unwrap();
    assert!(!answer.changes.is_empty());
    let all = answer.changes.len() as u64 + answer.left_out;
    assert_eq!(all, kept.entries.len() as u64);
    // Each has two objects of 2,000 labels.
    assert!(answer.changes.len() < 60, "{}", answer.changes.len());
    let times: Vec<_> = answer.changes.iter().map(|change| change.time).collect();
    assert!(times.is_sorted());
    assert_eq!(times.last(), Some(&second(70)));
}
