//! Agents made up for tests, and a relay over them: real gRPC over unix sockets.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses its own part"
)]

pub(crate) mod policy;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flows_relay::{
    Config, Server,
    metrics::Metrics,
    peer::{Backoff, Change},
    query::Timeouts,
};
use futures::StreamExt;
use proto::{
    flow::Flow,
    flows::v1::{
        GetStatusRequest, GetStatusResponse, ListNamesRequest, ListNamesResponse,
        names_server::{Names, NamesServer},
        policy_server::PolicyServer,
        status_server::{Status as StatusService, StatusServer},
    },
    google::Timestamp,
    observer::{
        GetFlowsRequest, GetFlowsResponse, GetNamespacesResponse, Namespace, ServerStatusRequest,
        ServerStatusResponse, get_flows_response::ResponseTypes, observer_client::ObserverClient,
    },
    relay::{NodeState, NodeStatusEvent},
};
use serve::{grpc::Limits, listen::Listen};
pub(crate) use testing::{PATIENCE, eventually};
use testing::{Running, Script, Streamed, flows, observer, until};
use tokio::{
    sync::{broadcast, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Request, Response, Status, transport::Channel};

/// How an agent behaves.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// What it has, oldest first (unless a test wants otherwise).
    pub(crate) history: Vec<GetFlowsResponse>,
    /// GetFlows never says a word.
    pub(crate) silent: bool,
    /// GetFlows fails with this at once.
    pub(crate) refuses: Option<Status>,
    /// What it says of policies and losses; `None`: it doesn't know the question, as a stock Hubble.
    pub(crate) status: Option<Result<GetStatusResponse, Status>>,
    /// How it answers questions on policy; `None`: it doesn't have the service.
    pub(crate) policy: Option<policy::Scripted>,
    /// What it says of names; `None`: it doesn't have the service.
    pub(crate) names: Option<ListNamesResponse>,
}

/// The agent's side of the wire.
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) socket: PathBuf,
    pub(crate) shared: Arc<Shared>,
    server: Option<Running>,
}

pub(crate) struct Shared {
    behaviour: Mutex<Behaviour>,
    live: broadcast::Sender<GetFlowsResponse>,
    /// Responses of histories that were taken off its hands.
    pub(crate) sent: AtomicU64,
    /// Requests seen.
    pub(crate) requests: Mutex<Vec<GetFlowsRequest>>,
}

struct Service(Arc<Shared>);

#[tonic::async_trait]
impl Script for Service {
    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        assert_eq!(request.metadata().get(proto::WANT_PROGRESS).unwrap(), "1");
        let request = request.into_inner();
        let behaviour = self.0.behaviour.lock().unwrap().clone();
        let live = self.0.live.subscribe();
        self.0.requests.lock().unwrap().push(request.clone());
        if let Some(status) = behaviour.refuses {
            return Err(status);
        }
        if behaviour.silent {
            let live = BroadcastStream::new(live).map(|item| Ok(item.unwrap()));
            return Ok(Box::pin(live));
        }
        let mut history = behaviour.history;
        if let Some(since) = request.since {
            history.retain(|response| response.time.is_none_or(|time| time >= since));
        } else if request.follow && request.number == 0 {
            history.clear();
        }
        let number = usize::try_from(request.number).unwrap();
        if number > 0 && number < history.len() {
            if request.first || request.since.is_some() {
                history.truncate(number);
            } else {
                history.drain(..history.len() - number);
            }
        }
        let shared = Arc::clone(&self.0);
        let history = futures::stream::iter(history).map(move |response| {
            shared.sent.fetch_add(1, Ordering::Relaxed);
            Ok(response)
        });
        if !request.follow {
            return Ok(Box::pin(history));
        }
        let live = BroadcastStream::new(live).map(|item| Ok(item.unwrap()));
        Ok(Box::pin(history.chain(live)))
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
        Ok(ServerStatusResponse {
            num_flows: 10,
            max_flows: 100,
            seen_flows: 50,
            uptime_ns: 7,
            flows_rate: 1.5,
            version: "flows-agent v0".to_owned(),
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
        let status = self.0.behaviour.lock().unwrap().status.clone();
        status
            .unwrap_or(Err(Status::unimplemented("")))
            .map(Response::new)
    }
}

#[tonic::async_trait]
impl Names for Service {
    async fn list_names(
        &self,
        _: Request<ListNamesRequest>,
    ) -> Result<Response<ListNamesResponse>, Status> {
        let names = self.0.behaviour.lock().unwrap().names.clone();
        names.map(Response::new).ok_or(Status::unimplemented(""))
    }
}

impl Agent {
    /// An agent that listens.
    pub(crate) async fn start(directory: &Path, name: &str, behaviour: Behaviour) -> Self {
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            live: broadcast::channel(4096).0,
            sent: AtomicU64::new(0),
            requests: Mutex::default(),
        });
        let socket = directory.join(format!("{name}.sock"));
        let mut agent = Self {
            name: name.to_owned(),
            socket,
            shared,
            server: None,
        };
        agent.up().await;
        agent
    }

    /// Listens (again).
    pub(crate) async fn up(&mut self) {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter
            .set_service_status(
                serve::health::OBSERVER,
                tonic_health::ServingStatus::Serving,
            )
            .await;
        let service = observer(Service(Arc::clone(&self.shared)));
        let status = StatusServer::new(Service(Arc::clone(&self.shared)));
        let policy = self.shared.behaviour.lock().unwrap().policy.clone();
        let policy = policy.map(PolicyServer::new);
        let has_names = self.shared.behaviour.lock().unwrap().names.is_some();
        let names = has_names.then(|| NamesServer::new(Service(Arc::clone(&self.shared))));
        let services = tonic::transport::Server::builder()
            .add_service(service)
            .add_optional_service(names)
            .add_service(status)
            .add_optional_service(policy)
            .add_service(health);
        self.server = Some(Running::start(&self.socket, services).unwrap());
    }

    /// Dies: streams break off, connections are refused.
    pub(crate) fn down(&mut self) {
        self.server = None;
        std::fs::remove_file(&self.socket).unwrap();
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap());
    }

    /// Sends to all who follow.
    pub(crate) fn say(&self, response: GetFlowsResponse) {
        self.shared.live.send(response).unwrap();
    }

    /// Waits until so many calls of GetFlows follow.
    pub(crate) async fn followed_by(&self, count: usize) {
        eventually("a follower", || self.shared.live.receiver_count() >= count).await;
    }
}

/// A running relay.
pub(crate) struct Relay {
    pub(crate) channel: Channel,
    pub(crate) metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

/// Waits for nodes as the tests need it.
pub(crate) fn timeouts(follow_ms: u64, history_ms: u64) -> Timeouts {
    Timeouts {
        follow: Duration::from_millis(follow_ms),
        history: Duration::from_millis(history_ms),
    }
}

impl Relay {
    /// A relay over agents that are up, once it is connected to `connected` of its peers.
    pub(crate) async fn start(
        directory: &Path,
        peers: &[(&str, &Path)],
        connected: usize,
        timeouts: Timeouts,
    ) -> Self {
        let peers = peers
            .iter()
            .map(|(name, socket)| Change::Put {
                name: Arc::from(*name),
                address: Arc::from(format!("unix://{}", socket.display())),
                tls_server_name: None,
            })
            .collect();
        Self::with(directory, peers, None, connected, timeouts).await
    }

    pub(crate) async fn with(
        directory: &Path,
        peers: Vec<Change>,
        peer_service: Option<flows_relay::peer::Address>,
        connected: usize,
        timeouts: Timeouts,
    ) -> Self {
        let limits = Limits::relay();
        Self::bounded(directory, peers, peer_service, connected, timeouts, limits).await
    }

    /// One that takes on as much as a test wants.
    pub(crate) async fn bounded(
        directory: &Path,
        peers: Vec<Change>,
        peer_service: Option<flows_relay::peer::Address>,
        connected: usize,
        timeouts: Timeouts,
        limits: Limits,
    ) -> Self {
        let socket = directory.join("relay.sock");
        let config = Config {
            peers,
            peer_service,
            listen: vec![Listen::Unix(socket.clone())],
            insecure: false,
            metrics_listen: None,
            user: None,
            limits,
            name: Arc::from("relay"),
            timeouts,
            backoff: Backoff {
                first: Duration::from_millis(20),
                most: Duration::from_millis(100),
            },
        };
        let server = Server::bind(config).unwrap();
        let metrics = server.metrics();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let stopped = async {
                let _dropped = stopped.await;
            };
            server.run(stopped).await.unwrap();
        });
        let endpoint = format!("unix://{}", socket.display());
        let channel = tonic::transport::Endpoint::from_shared(endpoint)
            .unwrap()
            .initial_stream_window_size(65_535)
            .connect()
            .await
            .unwrap();
        let relay = Self {
            channel,
            metrics,
            stop: Some(stop),
            running,
        };
        relay.connected_to(connected).await;
        relay
    }

    pub(crate) fn client(&self) -> ObserverClient<Channel> {
        ObserverClient::new(self.channel.clone())
    }

    /// Waits until it is connected to exactly so many peers.
    pub(crate) async fn connected_to(&self, count: usize) {
        let client = self.client();
        until(&format!("connected to {count}"), async || {
            let status = client.clone().server_status(ServerStatusRequest {}).await;
            let status = status.map_err(|status| status.to_string())?.into_inner();
            match status.num_connected_nodes.unwrap().value as usize == count {
                true => Ok(()),
                false => Err(format!("{status:?}")),
            }
        })
        .await;
    }

    /// All of a query that ends.
    pub(crate) async fn query(&self, request: GetFlowsRequest) -> Vec<GetFlowsResponse> {
        let mut follow = Follow::start(self, request, false).await;
        let mut all = Vec::new();
        while let Some(response) = follow.next().await {
            all.push(response);
        }
        all
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}

/// A client's stream.
pub(crate) struct Follow(tonic::Streaming<GetFlowsResponse>);

impl Follow {
    pub(crate) async fn start(relay: &Relay, request: GetFlowsRequest, extensions: bool) -> Self {
        let mut request = Request::new(request);
        if extensions {
            let one = tonic::metadata::MetadataValue::from_static("1");
            request.metadata_mut().insert(proto::WANT_EXTENSIONS, one);
        }
        let response = relay.client().get_flows(request).await.unwrap();
        assert!(response.metadata().contains_key(proto::RELAY_VERSION));
        Self(response.into_inner())
    }

    pub(crate) async fn next(&mut self) -> Option<GetFlowsResponse> {
        timeout(PATIENCE, self.0.message())
            .await
            .expect("no response")
            .unwrap()
    }

    /// The next flow's name; status events in between are put aside.
    pub(crate) async fn flow(&mut self) -> String {
        loop {
            let response = self.next().await.expect("a flow, not the end");
            if let Some(name) = name(&response) {
                return name;
            }
        }
    }

    /// The next node status.
    pub(crate) async fn status(&mut self) -> (NodeState, Vec<String>, String) {
        loop {
            let response = self.next().await.expect("a status, not the end");
            if let Some(status) = status(&response) {
                return status;
            }
        }
    }
}

/// A flow of a node at a time in milliseconds.
pub(crate) fn flow(node: &str, ms: i64) -> GetFlowsResponse {
    flows::response(Flow {
        uuid: format!("{node}@{ms}"),
        time: Some(at(ms)),
        node_name: node.to_owned(),
        ..Flow::default()
    })
}

/// A node's word how far it has come.
pub(crate) fn progress(node: &str, ms: i64) -> GetFlowsResponse {
    GetFlowsResponse {
        node_name: node.to_owned(),
        time: Some(at(ms)),
        response_types: None,
    }
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_nanos(ms * 1_000_000)
}

pub(crate) fn name(response: &GetFlowsResponse) -> Option<String> {
    match &response.response_types {
        Some(ResponseTypes::Flow(flow)) => Some(flow.uuid.clone()),
        _ => None,
    }
}

pub(crate) fn names(responses: &[GetFlowsResponse]) -> Vec<String> {
    responses.iter().filter_map(name).collect()
}

pub(crate) fn status(response: &GetFlowsResponse) -> Option<(NodeState, Vec<String>, String)> {
    match &response.response_types {
        Some(ResponseTypes::NodeStatus(NodeStatusEvent {
            node_names,
            message,
            state_change,
        })) => Some((
            NodeState::try_from(*state_change).unwrap(),
            node_names.clone(),
            message.clone(),
        )),
        _ => None,
    }
}
