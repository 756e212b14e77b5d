//! An agent without a kernel: synthetic events in, real gRPC on a unix socket out.

use std::sync::{Arc, mpsc::SyncSender};

use ::serve::listen::Listen;
use abi::event::Event;
use arc_swap::ArcSwap;
use flows_agent::{
    api::{Api, PolicyAccess, serve},
    fact::{self, Fact},
    history::History,
    hubble::{FlowBuilder, agent_events::AgentEvents},
    node::{self, Peers, clock::Clock, names::NameTable},
    observe::{Config, Observer},
};
use proto::flow::Flow;
use proto::observer::{
    GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes,
    observer_client::ObserverClient,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming, metadata::MetadataValue, transport::Channel};

use super::{Fed, names};

/// Wall clock at kernel time 0, s.
pub(crate) const T0: i64 = 1_760_000_000;

pub(crate) struct Agent {
    pub(crate) feeds: Vec<Fed>,
    pub(crate) requests: SyncSender<Fact>,
    pub(crate) history: Arc<History>,
    pub(crate) names: Arc<ArcSwap<NameTable>>,
    pub(crate) status: Arc<ArcSwap<node::Status>>,
    pub(crate) peers: watch::Sender<Arc<Peers>>,
    pub(crate) channel: Channel,
    pub(crate) stop: CancellationToken,
    pub(crate) directory: tempfile::TempDir,
    /// For agent events.
    pub(crate) progress: watch::Sender<Arc<node::Progress>>,
    observer: Option<Observer>,
    server: JoinHandle<()>,
    following: JoinHandle<()>,
}

impl Agent {
    pub(crate) async fn start(capacity: u64, queue_len: usize) -> Self {
        Self::start_with(capacity, queue_len, None).await
    }

    /// An agent that answers questions on policy.
    pub(crate) async fn start_with(
        capacity: u64,
        queue_len: usize,
        policy: Option<PolicyAccess>,
    ) -> Self {
        let names = Arc::new(ArcSwap::from_pointee(names()));
        let node = Arc::clone(&names.load().node);
        let (history, writer) = History::new(capacity, Arc::clone(&node));
        let feeds = vec![Fed::new(0), Fed::new(1)];
        let (requests, requests_read) = std::sync::mpsc::sync_channel(1000);
        let config = Config {
            proxy: Some(requests_read),
            queue_len,
            clock: Some(Clock::with_offset(
                u64::try_from(T0).unwrap() * 1_000_000_000,
            )),
            ..Config::new(feeds.iter().map(|fed| Box::new(fed.clone()) as _).collect())
        };
        let observer = Observer::start(config, Arc::clone(&names), writer).unwrap();
        let (peers, peers_read) = watch::channel(Arc::new(Peers::new()));
        let status = Arc::<ArcSwap<node::Status>>::default();
        let stop = CancellationToken::new();
        let events = AgentEvents::new(u64::try_from(T0).unwrap() * 1_000_000_000);
        let progress = watch::Sender::default();
        let following = Arc::clone(&events).follow(Arc::clone(&names), progress.subscribe());
        let following = tokio::spawn(following);
        let api = Api {
            events,
            history: Arc::clone(&history),
            flow_builder: FlowBuilder::new(node.full_name(), 1),
            names: Arc::clone(&names),
            stats: Arc::clone(observer.stats()),
            status: Arc::clone(&status),
            policy,
            connections: None,
            peers: peers_read,
            started: 0,
            address: "10.0.0.1".into(),
            stop: stop.clone(),
        };
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("hubble.sock");
        let listener = Listen::Unix(socket.clone()).bind(false).unwrap();
        let server = tokio::spawn(async move { serve(api, vec![listener]).await.unwrap() });
        let channel =
            tonic::transport::Endpoint::from_shared(format!("unix://{}", socket.display()))
                .unwrap()
                .connect()
                .await
                .unwrap();
        Self {
            feeds,
            requests,
            history,
            names,
            status,
            peers,
            channel,
            stop,
            directory,
            progress,
            observer: Some(observer),
            server,
            following,
        }
    }

    pub(crate) fn client(&self) -> ObserverClient<Channel> {
        ObserverClient::new(self.channel.clone())
    }

    /// Feeds events and waits until the history has them.
    pub(crate) async fn store(&self, events: impl IntoIterator<Item = Event>) {
        let mut changes = self.history.changes();
        let events: Vec<_> = events.into_iter().collect();
        let expected = self.history.view().end().records + events.len() as u64;
        self.feeds[0].events(events);
        while self.history.view().end().records < expected {
            changes.changed().await.unwrap();
        }
    }

    /// The same of requests.
    pub(crate) async fn store_requests(&self, requests: impl IntoIterator<Item = fact::Request>) {
        let mut changes = self.history.changes();
        let mut expected = self.history.view().end().records;
        for request in requests {
            expected += 1;
            let request = Fact::Request(Box::new(request));
            self.requests.send(request).unwrap();
        }
        while self.history.view().end().records < expected {
            changes.changed().await.unwrap();
        }
    }

    /// A stream, asked for with such headers.
    pub(crate) async fn stream(
        &self,
        request: GetFlowsRequest,
        headers: &[&'static str],
    ) -> Streaming<GetFlowsResponse> {
        let mut request = Request::new(request);
        for name in headers {
            let one = MetadataValue::from_static("1");
            request.metadata_mut().insert(*name, one);
        }
        self.client().get_flows(request).await.unwrap().into_inner()
    }

    /// All flows of a finite request, with what only our agents tell.
    pub(crate) async fn extended(&self, request: GetFlowsRequest) -> Vec<Flow> {
        let mut stream = self.stream(request, &[proto::WANT_EXTENSIONS]).await;
        let mut flows = Vec::new();
        while let Some(response) = stream.message().await.unwrap() {
            flows.extend(flow(&response).cloned());
        }
        flows
    }

    /// All responses of a finite request.
    pub(crate) async fn get(
        &self,
        request: GetFlowsRequest,
    ) -> Result<Vec<GetFlowsResponse>, Status> {
        let mut stream = self.client().get_flows(request).await?.into_inner();
        let mut all = vec![];
        while let Some(response) = stream.message().await? {
            all.push(response);
        }
        Ok(all)
    }

    /// Ends everything; the server must come to its end by itself.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        drop(self.channel);
        self.server.await.unwrap();
        drop(self.progress);
        self.following.await.unwrap();
        self.observer.take().unwrap().stop().unwrap();
        assert!(!self.directory.path().join("hubble.sock").exists());
    }
}

pub(crate) fn flow(response: &GetFlowsResponse) -> Option<&Flow> {
    match response.response_types.as_ref()? {
        ResponseTypes::Flow(flow) => Some(flow),
        ResponseTypes::LostEvents(_) | ResponseTypes::NodeStatus(_) => None,
    }
}
