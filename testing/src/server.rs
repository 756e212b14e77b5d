//! A server with a history, which can be stopped and started again.

#![expect(
    clippy::unwrap_used,
    reason = "a failure here is a failure of the test"
)]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use futures::StreamExt as _;
use proto::{
    flow::{Endpoint, Flow, LostEventSource, Verdict},
    google::Timestamp,
    observer::{
        GetFlowsRequest, GetFlowsResponse, ServerStatusResponse, get_flows_response::ResponseTypes,
    },
};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Request, Status, transport::server::Router};

use crate::{Running, Script, Streamed, flows, observer};

/// A second, in ns.
pub const SECOND: i64 = 1_000_000_000;

/// The flow of a moment, with its own id.
pub fn flow(time: i64, pod: &str, verdict: Verdict) -> GetFlowsResponse {
    let time = Some(Timestamp::from_unix_nanos(time));
    let flow = Flow {
        time,
        uuid: format!(
            "00000000-0000-4000-8000-{:012x}",
            time.map_or(0, |t| t.unix_nanos()) & 0xffff_ffff_ffff
        ),
        verdict: verdict.into(),
        node_name: "c/one".to_owned(),
        source: Some(Endpoint {
            identity: 1000,
            namespace: "shop".to_owned(),
            pod_name: pod.to_owned(),
            labels: vec![format!("k8s:app={pod}")],
            ..Endpoint::default()
        }),
        ..Flow::default()
    };
    flows::response(flow)
}

/// A loss at a moment.
pub fn lost(time: i64, events: u64) -> GetFlowsResponse {
    flows::lost("c/one", time, LostEventSource::HubbleRingBuffer, events)
}

/// The server.
pub struct Server {
    /// Where it listens.
    pub socket: PathBuf,
    shared: Arc<Shared>,
    beside: Beside,
    running: Option<Running>,
}

/// Adds further services to those of a server, each time it starts.
type Beside = Box<dyn Fn(Router) -> Router + Send>;

struct Shared {
    history: Mutex<Vec<GetFlowsResponse>>,
    live: broadcast::Sender<GetFlowsResponse>,
    refuses: Mutex<Option<Status>>,
    requests: Mutex<Vec<GetFlowsRequest>>,
    status: Mutex<Option<ServerStatusResponse>>,
}

impl Server {
    /// Listens on a socket, with a history.
    ///
    /// # Panics
    /// If the socket can't be made.
    pub fn start(socket: &Path, history: Vec<GetFlowsResponse>) -> Self {
        Self::start_beside(socket, history, |services| services)
    }

    /// The same with services that `beside` adds.
    ///
    /// # Panics
    /// If the socket can't be made.
    pub fn start_beside(
        socket: &Path,
        history: Vec<GetFlowsResponse>,
        beside: impl Fn(Router) -> Router + Send + 'static,
    ) -> Self {
        let shared = Shared {
            history: Mutex::new(history),
            live: broadcast::channel(1 << 16).0,
            refuses: Mutex::new(None),
            requests: Mutex::new(Vec::new()),
            status: Mutex::new(None),
        };
        let mut server = Self {
            socket: socket.to_owned(),
            shared: Arc::new(shared),
            beside: Box::new(beside),
            running: None,
        };
        server.resume();
        server
    }

    /// Listens again.
    ///
    /// # Panics
    /// If the socket can't be made.
    pub fn resume(&mut self) {
        let service = observer(Service(Arc::clone(&self.shared)));
        let services = tonic::transport::Server::builder().add_service(service);
        let services = (self.beside)(services);
        self.running = Some(Running::start(&self.socket, services).unwrap());
    }

    /// Breaks every connection.
    ///
    /// # Panics
    /// If it is stopped.
    pub fn stop(&mut self) {
        drop(self.running.take().unwrap());
        std::fs::remove_file(&self.socket).unwrap();
    }

    /// Something happens.
    ///
    /// # Panics
    /// If the service panicked.
    pub fn say(&self, response: GetFlowsResponse) {
        self.shared.history.lock().unwrap().push(response.clone());
        let _nobody_listens = self.shared.live.send(response);
    }

    /// Has no history any more.
    ///
    /// # Panics
    /// If the service panicked.
    pub fn forget(&self) {
        self.shared.history.lock().unwrap().clear();
    }

    /// Answers requests with this error.
    ///
    /// # Panics
    /// If the service panicked.
    pub fn refuse(&self, status: Status) {
        *self.shared.refuses.lock().unwrap() = Some(status);
    }

    /// Says this when it is asked how it is; before, it doesn't know the question.
    ///
    /// # Panics
    /// If the service panicked.
    pub fn report(&self, status: ServerStatusResponse) {
        *self.shared.status.lock().unwrap() = Some(status);
    }

    /// Requests for flows so far.
    ///
    /// # Panics
    /// If the service panicked.
    pub fn requests(&self) -> Vec<GetFlowsRequest> {
        self.shared.requests.lock().unwrap().clone()
    }
}

struct Service(Arc<Shared>);

#[tonic::async_trait]
impl Script for Service {
    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        let status = self.0.status.lock().unwrap().clone();
        status.ok_or_else(|| Status::unimplemented("ServerStatus not implemented"))
    }

    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status> {
        assert_eq!(request.metadata().get(proto::WANT_EXTENSIONS).unwrap(), "1");
        let request = request.into_inner();
        self.0.requests.lock().unwrap().push(request.clone());
        if let Some(status) = self.0.refuses.lock().unwrap().clone() {
            return Err(status);
        }
        let (mut history, live) = {
            let history = self.0.history.lock().unwrap();
            (history.clone(), self.0.live.subscribe())
        };
        history.retain(|response| {
            request
                .since
                .is_none_or(|since| response.time >= Some(since))
                && request
                    .until
                    .is_none_or(|until| response.time <= Some(until))
        });
        let lets = flow::Filter::from_lists(&request.whitelist, &request.blacklist).unwrap();
        let lets = move |response: &GetFlowsResponse| match &response.response_types {
            Some(ResponseTypes::Flow(flow)) => lets.matches(flow),
            _ => true,
        };
        history.retain(&lets);
        let number = usize::try_from(request.number).unwrap();
        if request.since.is_none() && number < history.len() {
            history.drain(..history.len() - number);
        }
        let history = futures::stream::iter(history).map(Ok);
        if !request.follow {
            return Ok(Box::pin(history));
        }
        let live = BroadcastStream::new(live).map(Result::unwrap);
        let live = live.filter(move |response| std::future::ready(lets(response)));
        let live = live.map(Ok);
        Ok(Box::pin(history.chain(live)))
    }
}
