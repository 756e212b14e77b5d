//! A server that says what a test wants, and the program that asks it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proto::{
    flow::{AgentEvent, AgentEventType, PolicyUpdateNotification, agent_event},
    observer::{GetAgentEventsRequest, GetAgentEventsResponse},
};
use proto::{
    flows::v1::{
        AcknowledgeRequest, AcknowledgeResponse, EndpointState, ExplainRequest, ExplainResponse,
        GetAcknowledgementsRequest, GetAcknowledgementsResponse, GetChangesRequest,
        GetChangesResponse, GetPoliciesRequest, GetPoliciesResponse, GetStateRequest,
        GetStateResponse, GetStatusRequest, GetStatusResponse, ListEndpointsRequest,
        ListEndpointsResponse, ListIdentitiesRequest, ListIdentitiesResponse, PolicyState,
        TraceRequest, TraceResponse, ValidateRequest, ValidateResponse, WaitRevisionRequest,
        WaitRevisionResponse,
        policy_server::{Policy, PolicyServer},
        status_server::{Status as StatusService, StatusServer},
    },
    google::UInt32Value,
    observer::{
        GetFlowsRequest, GetFlowsResponse, GetNamespacesResponse, GetNodesResponse, Namespace,
        Node, ServerStatusResponse, get_flows_response,
    },
    relay::NodeState,
};
use testing::{Script, Streamed, observer};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, metadata::MetadataMap};

/// What the server answers, and what it was asked.
#[derive(Default)]
struct Answers {
    flows: Vec<Result<GetFlowsResponse, Status>>,
    asked: Vec<(GetFlowsRequest, bool)>,
    /// It is a relay of Hubble's: the number is one of each node.
    relay: bool,
    /// The number was wanted of each node.
    per_node: bool,
    /// Streams end though more is waited for.
    ends: bool,
    /// What changed; `None`: it doesn't know the question.
    changes: Option<GetChangesResponse>,
    asked_changes: Vec<GetChangesRequest>,
    /// What is enforced; `None`: it doesn't know the question.
    state: Option<GetStateResponse>,
    /// Of any connection; `None`: it doesn't know the question.
    trace: Option<TraceResponse>,
    asked_traces: Vec<TraceRequest>,
    /// Pods with a label each; without any it doesn't know the question.
    pods: Vec<(&'static str, &'static str)>,
    /// On policies and losses; `None`: it doesn't know the question, as a stock Hubble.
    status: Option<Result<GetStatusResponse, Status>>,
    /// Nodes that aren't connected; `a` is.
    away: Vec<String>,
}

#[derive(Clone, Default)]
struct Service(Arc<Mutex<Answers>>);

/// What of the answers is later than `since`, and no more flows than a number: the last ones.
fn asked_for(
    request: &GetFlowsRequest,
    mut answers: Vec<Result<GetFlowsResponse, Status>>,
) -> Vec<Result<GetFlowsResponse, Status>> {
    if let Some(until) = request.until {
        answers.retain(|answer| match answer {
            Ok(response) => response.time.is_none_or(|time| time <= until),
            Err(_) => true,
        });
    }
    if let Some(since) = request.since {
        answers.retain(|answer| match answer {
            Ok(response) => response.time.is_none_or(|time| time >= since),
            Err(_) => true,
        });
    }
    let is_flow = |answer: &Result<GetFlowsResponse, Status>| match answer {
        Ok(response) => matches!(
            response.response_types,
            Some(get_flows_response::ResponseTypes::Flow(_))
        ),
        Err(_) => false,
    };
    let number = usize::try_from(request.number).unwrap_or(usize::MAX);
    let flows = answers.iter().filter(|answer| is_flow(answer)).count();
    if number > 0 && !request.first && request.since.is_none() {
        let mut skip = flows.saturating_sub(number);
        answers.retain(|answer| {
            let skipped = skip > 0 && is_flow(answer);
            skip -= usize::from(skipped);
            !skipped
        });
    }
    answers
}

#[tonic::async_trait]
impl Script for Service {
    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        let extensions = request.metadata().get(proto::WANT_EXTENSIONS).is_some();
        let per_node = request.metadata().get(proto::NUMBER_PER_NODE).is_some();
        let request = request.into_inner();
        let mut script = self.0.lock().unwrap();
        script.asked.push((request.clone(), extensions));
        script.per_node = per_node;
        let flows = script.flows.clone();
        let answers = if script.relay {
            let (a, b): (Vec<_>, Vec<_>) = flows.into_iter().partition(|answer| match answer {
                Ok(response) => response.node_name == "a",
                Err(_) => true,
            });
            // One node's after the other's.
            [asked_for(&request, a), asked_for(&request, b)].concat()
        } else {
            asked_for(&request, flows)
        };
        let flows = futures::stream::iter(answers);
        Ok(if request.follow && !script.ends {
            Box::pin(flows.chain(futures::stream::pending()))
        } else {
            Box::pin(flows)
        })
    }

    /// One event; its revision is the number that was asked for.
    async fn get_agent_events(
        &self,
        request: GetAgentEventsRequest,
    ) -> Result<Streamed<GetAgentEventsResponse>, Status> {
        let update = PolicyUpdateNotification {
            labels: vec!["k8s:app=web".to_owned()],
            revision: request.number,
            rule_count: request.first.into(),
        };
        let event = AgentEvent {
            r#type: AgentEventType::PolicyUpdated.into(),
            notification: Some(agent_event::Notification::PolicyUpdate(update)),
        };
        let response = GetAgentEventsResponse {
            agent_event: Some(event),
            node_name: "a".to_owned(),
            time: Some(proto::google::Timestamp::from_unix_nanos(1_000_000_000)),
        };
        Ok(Box::pin(futures::stream::iter([Ok(response)])))
    }

    fn headers(&self) -> MetadataMap {
        let mut headers = MetadataMap::new();
        if self.0.lock().unwrap().relay {
            headers.insert("hubble-relay-version", "1.15.0".parse().unwrap());
        }
        headers
    }

    async fn get_nodes(&self) -> Result<GetNodesResponse, Status> {
        let node = |name: &str, state: NodeState| Node {
            name: name.to_owned(),
            state: state.into(),
            ..Node::default()
        };
        let nodes = vec![
            node("b", NodeState::NodeUnavailable),
            node("a", NodeState::NodeConnected),
        ];
        Ok(GetNodesResponse { nodes })
    }

    async fn get_namespaces(&self) -> Result<GetNamespacesResponse, Status> {
        let shop = Namespace {
            cluster: String::new(),
            namespace: "shop".to_owned(),
        };
        Ok(GetNamespacesResponse {
            namespaces: vec![shop],
        })
    }

    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        let away = self.0.lock().unwrap().away.clone();
        Ok(ServerStatusResponse {
            num_flows: 1000,
            max_flows: 2000,
            flows_rate: 1.5,
            num_connected_nodes: Some(UInt32Value { value: 1 }),
            num_unavailable_nodes: Some(UInt32Value {
                value: u32::try_from(away.len()).unwrap(),
            }),
            unavailable_nodes: away,
            ..ServerStatusResponse::default()
        })
    }
}

#[tonic::async_trait]
impl StatusService for Service {
    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let status = self.0.lock().unwrap().status.clone();
        status
            .unwrap_or(Err(Status::unimplemented("")))
            .map(Response::new)
    }
}

/// Answers about changes, and that one policy is in force.
#[derive(Clone)]
struct Policies(Service);

type Reply<T> = Result<Response<T>, Status>;

fn unknown<T>() -> Reply<T> {
    Err(Status::unimplemented(""))
}

#[tonic::async_trait]
impl Policy for Policies {
    async fn trace(&self, request: Request<TraceRequest>) -> Reply<TraceResponse> {
        let mut answers = self.0.0.lock().unwrap();
        answers.asked_traces.push(request.into_inner());
        let answer = answers.trace.clone();
        answer.map_or_else(unknown, |answer| Ok(Response::new(answer)))
    }

    async fn explain(&self, _: Request<ExplainRequest>) -> Reply<ExplainResponse> {
        unknown()
    }

    async fn validate(&self, _: Request<ValidateRequest>) -> Reply<ValidateResponse> {
        unknown()
    }

    async fn get_policies(&self, _: Request<GetPoliciesRequest>) -> Reply<GetPoliciesResponse> {
        let steady = PolicyState {
            policy: "cnp shop/steady".to_owned(),
            ..PolicyState::default()
        };
        Ok(Response::new(GetPoliciesResponse {
            policies: vec![steady],
            ..GetPoliciesResponse::default()
        }))
    }

    async fn list_endpoints(
        &self,
        _: Request<ListEndpointsRequest>,
    ) -> Reply<ListEndpointsResponse> {
        let pods = self.0.0.lock().unwrap().pods.clone();
        if pods.is_empty() {
            return unknown();
        }
        let endpoints = pods.into_iter().map(|(pod, label)| EndpointState {
            pod: pod.to_owned(),
            labels: vec![label.to_owned()],
            node_name: "node-a".to_owned(),
            identity: 20_001,
            ..EndpointState::default()
        });
        Ok(Response::new(ListEndpointsResponse {
            endpoints: endpoints.collect(),
            ..ListEndpointsResponse::default()
        }))
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

    async fn get_state(&self, _: Request<GetStateRequest>) -> Reply<GetStateResponse> {
        let state = self.0.0.lock().unwrap().state.clone();
        state.map_or_else(unknown, |state| Ok(Response::new(state)))
    }

    /// Those of the kind and name that are asked for.
    async fn get_changes(&self, request: Request<GetChangesRequest>) -> Reply<GetChangesResponse> {
        let request = request.into_inner();
        let mut answers = self.0.0.lock().unwrap();
        answers.asked_changes.push(request.clone());
        let Some(mut answer) = answers.changes.clone() else {
            return unknown();
        };
        answer.changes.retain(|change| {
            (request.name.is_empty() || request.name == change.name)
                && (request.namespace.is_empty() || request.namespace == change.namespace)
        });
        Ok(Response::new(answer))
    }
}

/// A server on a socket of its own.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    service: Service,
    pub(crate) runtime: tokio::runtime::Runtime,
    health: tonic_health::server::HealthReporter,
}

impl Server {
    pub(crate) fn start(flows: Vec<Result<GetFlowsResponse, Status>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Service::default();
        service.0.lock().unwrap().flows = flows;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (health, health_service) = tonic_health::server::health_reporter();
        let observer = observer(service.clone());
        let status = StatusServer::new(service.clone());
        let listener = {
            let _entered = runtime.enter();
            UnixListener::bind(directory.path().join("server.sock")).unwrap()
        };
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(observer)
                .add_service(status)
                .add_service(PolicyServer::new(Policies(service.clone())))
                .add_service(health_service)
                .serve_with_incoming(UnixListenerStream::new(listener)),
        );
        let server = Self {
            directory,
            service,
            runtime,
            health,
        };
        server.healthy(true);
        server
    }

    /// From now on it is a relay of Hubble's over two nodes.
    pub(crate) fn is_hubbles_relay(&self) {
        self.service.0.lock().unwrap().relay = true;
    }

    /// From now on it ends streams that should go on.
    pub(crate) fn ends_streams(&self) {
        self.service.0.lock().unwrap().ends = true;
    }

    /// Whether the last request wanted the number of each node.
    pub(crate) fn asked_per_node(&self) -> bool {
        self.service.0.lock().unwrap().per_node
    }

    /// What it answers from now on when asked for policies and losses.
    pub(crate) fn says(&self, status: Option<Result<GetStatusResponse, Status>>) {
        self.service.0.lock().unwrap().status = status;
    }

    /// Nodes that it has lost.
    pub(crate) fn away(&self, nodes: &[&str]) {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        self.service.0.lock().unwrap().away = nodes;
    }

    /// Pods, with a label each.
    pub(crate) fn has_pods(&self, pods: &[(&'static str, &'static str)]) {
        self.service.0.lock().unwrap().pods = pods.to_vec();
    }

    /// What changed.
    pub(crate) fn tells(&self, changes: GetChangesResponse) {
        self.service.0.lock().unwrap().changes = Some(changes);
    }

    /// What is enforced.
    pub(crate) fn enforces(&self, state: GetStateResponse) {
        self.service.0.lock().unwrap().state = Some(state);
    }

    /// What it says of any connection.
    pub(crate) fn traces(&self, answer: TraceResponse) {
        self.service.0.lock().unwrap().trace = Some(answer);
    }

    /// The last question about a connection.
    pub(crate) fn asked_trace(&self) -> TraceRequest {
        self.service.0.lock().unwrap().asked_traces.pop().unwrap()
    }

    /// The last question about changes.
    pub(crate) fn asked_changes(&self) -> GetChangesRequest {
        let mut answers = self.service.0.lock().unwrap();
        answers.asked_changes.pop().unwrap()
    }

    pub(crate) fn healthy(&self, healthy: bool) {
        let status = if healthy {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        self.runtime.block_on(
            self.health
                .set_service_status("hubble.server.Observer", status),
        );
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("server.sock")
    }

    pub(crate) fn flows(&self, args: &[&str]) -> Output {
        command(&self.socket(), args).output().unwrap()
    }

    /// How often it was asked for flows, and the answers were not looked at.
    pub(crate) fn asked_count(&self) -> usize {
        self.service.0.lock().unwrap().asked.len()
    }

    pub(crate) fn asked(&self) -> (GetFlowsRequest, bool) {
        self.service.0.lock().unwrap().asked.pop().unwrap()
    }
}

pub(crate) fn command(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command
        .args(args)
        .env_clear()
        .env("TZ", "UTC")
        .env("FLOWS_SERVER", format!("unix://{}", socket.display()));
    command.stdin(Stdio::null());
    command
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    let process = Pid::from_raw(child.id().cast_signed());
    kill(process, Signal::SIGINT).unwrap();
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub(crate) fn said(output: &Output) -> (&str, Option<i32>) {
    (text(&output.stderr), output.status.code())
}
