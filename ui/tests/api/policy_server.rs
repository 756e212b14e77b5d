//! A server that has policies: a small shop, and what it answers about it.

use std::sync::{Arc, Mutex};

use policy::Config;
use proto::flow::{Endpoint, TrafficDirection};
use proto::flows::v1::{
    AcknowledgeRequest, AcknowledgeResponse, Change, EndpointState, ExplainRequest,
    ExplainResponse, GetAcknowledgementsRequest, GetAcknowledgementsResponse, GetChangesRequest,
    GetChangesResponse, GetPoliciesRequest, GetPoliciesResponse, GetStateRequest, GetStateResponse,
    GetStatusRequest, GetStatusResponse, ListEndpointsRequest, ListEndpointsResponse,
    ListIdentitiesRequest, ListIdentitiesResponse, ManifestProblem, ObjectState, PolicyObject,
    PolicyState, RuleChange, RulePath, RuleState, TraceRequest, TraceResponse, ValidateRequest,
    ValidateResponse, WaitRevisionRequest, WaitRevisionResponse,
    change::Action,
    object_state::Of,
    policy_server::{Policy, PolicyServer},
    rule_path::List,
    status_server::{Status as StatusService, StatusServer},
};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, ServerStatusResponse, get_flows_response::ResponseTypes};
use testing::flows;
use tonic::transport::server::Router;
use tonic::{Request, Response, Status};

use crate::flows::START;
use crate::server::Running;

const SECOND: i64 = 1_000_000_000;

/// The cluster: `db` lets `web` in on 5432, and nobody has tried `admin`; `lonely` has no policy.
const CLUSTER: &str = r"
{apiVersion: v1, kind: Node, metadata: {name: one}, spec: {podCIDRs: [10.0.0.0/16]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: a, controller: true}]}, spec: {nodeName: one}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-2, namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: a, controller: true}]}, spec: {nodeName: one}, status: {podIP: 10.0.0.4}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, spec: {nodeName: one}, status: {podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: lonely, namespace: shop, labels: {app: lonely}}, spec: {nodeName: one}, status: {podIP: 10.0.0.3}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: web}}]
    toPorts: [{ports: [{port: '5432', protocol: TCP}]}]
  - fromEndpoints: [{matchLabels: {app: lonely}}]
    toPorts: [{ports: [{port: '9000', protocol: TCP}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: typo, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: nobody}}
  ingress: [{}]
";

/// What is asked of the server may change while it runs.
#[derive(Clone, Default)]
pub(crate) struct Shop(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    /// Decisions of the first rule.
    decisions: u64,
    states: usize,
    changes: Vec<GetChangesRequest>,
}

impl Shop {
    /// How often the cluster's state was asked for.
    pub(crate) fn states(&self) -> usize {
        self.0.lock().unwrap().states
    }

    /// The requests for changes that were about one thing.
    pub(crate) fn about(&self) -> Vec<GetChangesRequest> {
        let asked = self.0.lock().unwrap();
        let about =
            |request: &&GetChangesRequest| !request.name.is_empty() || !request.pod.is_empty();
        asked.changes.iter().filter(about).cloned().collect()
    }
}

/// A flows-ui beside such a server, with some connections: `web-1` reaches `db` on 5432 three times, and is
/// denied on 6379 once.
pub(crate) async fn start() -> (testing::server::Server, Running, Shop) {
    let shop = Shop::default();
    let services = shop.clone();
    let beside = move |router: Router| {
        router
            .add_service(PolicyServer::new(services.clone()))
            .add_service(StatusServer::new(services.clone()))
    };
    let history = (0..4).map(connection).collect();
    let (relay, running) = Running::of_relay_beside(history, &[], beside).await;
    relay.report(ServerStatusResponse::default());
    running.holds(4).await;
    (relay, running, shop)
}

fn connection(number: u32) -> GetFlowsResponse {
    let time = START * SECOND + i64::from(number) * SECOND;
    let mut response = testing::server::flow(time, "web-1", proto::flow::Verdict::Forwarded);
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        let labels = |app: &str| {
            vec![
                format!("k8s:app={app}"),
                "k8s:io.kubernetes.pod.namespace=shop".to_owned(),
            ]
        };
        if let Some(source) = &mut flow.source {
            source.labels = labels("web");
            source.workloads = vec![proto::flow::Workload {
                kind: "StatefulSet".to_owned(),
                name: "web".to_owned(),
            }];
        }
        flow.destination = Some(Endpoint {
            identity: 1001,
            namespace: "shop".to_owned(),
            pod_name: "db".to_owned(),
            labels: labels("db"),
            ..Endpoint::default()
        });
        flow.ip = flows::ipv4("10.0.0.1", "10.0.0.2");
        let dropped = number == 3;
        let port = if dropped { 6379 } else { 5432 };
        flow.l4 = flows::tcp(40_000 + number, port);
        flows::decide(flow, "shop", "db", "allows app=web on 5432/TCP", dropped);
    }
    response
}

type Reply<T> = Result<Response<T>, Status>;

fn path(list: List, index: u32) -> Option<RulePath> {
    Some(RulePath {
        list: list.into(),
        index,
        ..RulePath::default()
    })
}

fn change(number: i64, before: Option<&str>, after: &str) -> Change {
    let state = |yaml: &str| ObjectState {
        of: Some(Of::Policy(PolicyObject {
            yaml: yaml.to_owned(),
            ..PolicyObject::default()
        })),
    };
    Change {
        action: match before {
            Some(_) => Action::Changed.into(),
            None => Action::Added.into(),
        },
        object: "cnp shop/db".to_owned(),
        kind: "CiliumNetworkPolicy".to_owned(),
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
        time: Some(Timestamp::from_unix_nanos((START + number) * SECOND)),
        summary: "gained rule ingress[1]".to_owned(),
        place: "db.yaml:1:1".to_owned(),
        rules: vec![RuleChange {
            gained: true,
            path: path(List::Ingress, 1),
            direction: TrafficDirection::Ingress.into(),
            text: "app=lonely on 9000/TCP".to_owned(),
            ..RuleChange::default()
        }],
        before: before.map(state),
        after: Some(state(after)),
        concerns: "selects it".to_owned(),
        ..Change::default()
    }
}

#[tonic::async_trait]
impl Policy for Shop {
    async fn get_policies(&self, _: Request<GetPoliciesRequest>) -> Reply<GetPoliciesResponse> {
        let mut asked = self.0.lock().unwrap();
        asked.decisions += 10;
        let rule = |index, decisions, text: &str| RuleState {
            path: path(List::Ingress, index),
            direction: TrafficDirection::Ingress.into(),
            text: text.to_owned(),
            decisions,
            connections: u64::from(decisions > 0),
            ..RuleState::default()
        };
        let policy = |name: &str, selects: &[&str], rules| PolicyState {
            policy: format!("cnp shop/{name}"),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            version: "v-present".to_owned(),
            place: format!("{name}.yaml:1:1"),
            meaning: format!("what {name} says"),
            selects: selects.iter().map(|pod| format!("shop/{pod}")).collect(),
            rules,
            ..PolicyState::default()
        };
        let rules = vec![
            rule(0, asked.decisions, "app=web on 5432/TCP"),
            rule(1, 0, "app=lonely on 9000/TCP"),
        ];
        let old = PolicyState {
            stale: true,
            ..policy("old", &["web-1", "web-2"], Vec::new())
        };
        Ok(Response::new(GetPoliciesResponse {
            policies: vec![
                policy("db", &["db"], rules),
                policy("typo", &[], vec![rule(0, 0, "everything")]),
                old,
            ],
            ..GetPoliciesResponse::default()
        }))
    }

    async fn list_endpoints(
        &self,
        request: Request<ListEndpointsRequest>,
    ) -> Reply<ListEndpointsResponse> {
        let pod = request.into_inner().pod;
        let endpoint = EndpointState {
            policies: vec!["cnp shop/db".to_owned()],
            labels: vec!["k8s:app=db".to_owned()],
            identity: 20_001,
            pod,
            ..EndpointState::default()
        };
        Ok(Response::new(ListEndpointsResponse {
            endpoints: vec![endpoint],
            ..ListEndpointsResponse::default()
        }))
    }

    async fn get_state(&self, _: Request<GetStateRequest>) -> Reply<GetStateResponse> {
        self.0.lock().unwrap().states += 1;
        let state = testing_policy::state(CLUSTER);
        let config = Config::default();
        let answer = explain::proto::state_response(&state, &state.policies, &config);
        Ok(Response::new(answer))
    }

    async fn get_changes(&self, request: Request<GetChangesRequest>) -> Reply<GetChangesResponse> {
        let request = request.into_inner();
        let is_other = !request.name.is_empty() && request.name != "db";
        self.0.lock().unwrap().changes.push(request);
        let changes = [
            change(0, None, "kind: old\nspec: 1\n"),
            change(60, Some("kind: old\nspec: 1\n"), "kind: old\nspec: 2\n"),
        ];
        Ok(Response::new(GetChangesResponse {
            changes: if is_other { Vec::new() } else { changes.into() },
            complete_since: Some(Timestamp::from_unix_nanos(START * SECOND)),
            ..GetChangesResponse::default()
        }))
    }

    async fn trace(&self, _: Request<TraceRequest>) -> Reply<TraceResponse> {
        unknown()
    }

    async fn explain(&self, _: Request<ExplainRequest>) -> Reply<ExplainResponse> {
        unknown()
    }

    async fn validate(&self, _: Request<ValidateRequest>) -> Reply<ValidateResponse> {
        unknown()
    }

    async fn list_identities(
        &self,
        _: Request<ListIdentitiesRequest>,
    ) -> Reply<ListIdentitiesResponse> {
        unknown()
    }

    async fn wait_revision(&self, _: Request<WaitRevisionRequest>) -> Reply<WaitRevisionResponse> {
        unknown()
    }

    async fn acknowledge(&self, _: Request<AcknowledgeRequest>) -> Reply<AcknowledgeResponse> {
        unknown()
    }

    async fn get_acknowledgements(
        &self,
        _: Request<GetAcknowledgementsRequest>,
    ) -> Reply<GetAcknowledgementsResponse> {
        unknown()
    }
}

fn unknown<T>() -> Reply<T> {
    Err(Status::unimplemented("not asked in this test"))
}

#[tonic::async_trait]
impl StatusService for Shop {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Reply<GetStatusResponse> {
        let problem = |object: &str, not_enforced: bool| ManifestProblem {
            file: "broken.yaml".to_owned(),
            line: 7,
            column: 3,
            object: object.to_owned(),
            problem: "unknown field `endpointSelectr`".to_owned(),
            remedy: "did you mean endpointSelector?".to_owned(),
            not_enforced,
            stale: !not_enforced,
            ..ManifestProblem::default()
        };
        Ok(Response::new(GetStatusResponse {
            node_name: "one".to_owned(),
            problems: vec![
                problem("cnp shop/old", false),
                problem("cnp shop/broken", true),
                ManifestProblem {
                    stale: false,
                    ..problem("", false)
                },
            ],
            ..GetStatusResponse::default()
        }))
    }
}
