//! Hubble's observer service over real gRPC, answering what a test or a bench wants, and flows for it to
//! answer with: for tests of what asks it. [`server::Server`] is one that has a history and goes on.

pub mod flows;
pub mod hostile;
pub mod http2;
pub mod server;
mod wait;

use std::io;
use std::path::Path;
use std::pin::Pin;

use futures::Stream;
use proto::observer::observer_server::{Observer, ObserverServer};
use proto::observer::{
    GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest, GetDebugEventsResponse,
    GetFlowsRequest, GetFlowsResponse, GetNamespacesRequest, GetNamespacesResponse,
    GetNodesRequest, GetNodesResponse, ServerStatusRequest, ServerStatusResponse,
};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::metadata::MetadataMap;
use tonic::transport::server::Router;
use tonic::{Request, Response, Status};

pub use wait::{PATIENCE, eventually, until};

/// What a streaming call answers.
pub type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What a server answers. What is left out is UNIMPLEMENTED, as by a server that doesn't know it.
#[tonic::async_trait]
pub trait Script: Send + Sync + 'static {
    /// Flows.
    ///
    /// # Errors
    /// What the caller is to get.
    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Streamed<GetFlowsResponse>, Status>;

    /// What happened on a node that is no flow.
    ///
    /// # Errors
    /// What the caller is to get.
    async fn get_agent_events(
        &self,
        _: GetAgentEventsRequest,
    ) -> Result<Streamed<GetAgentEventsResponse>, Status> {
        Err(Status::unimplemented("GetAgentEvents not yet implemented"))
    }

    /// The headers that come before the flows.
    fn headers(&self) -> MetadataMap {
        MetadataMap::new()
    }

    /// The nodes, as a relay knows them.
    ///
    /// # Errors
    /// What the caller is to get.
    async fn get_nodes(&self) -> Result<GetNodesResponse, Status> {
        Err(Status::unimplemented("GetNodes not implemented"))
    }

    /// The namespaces that flows were seen of.
    ///
    /// # Errors
    /// What the caller is to get.
    async fn get_namespaces(&self) -> Result<GetNamespacesResponse, Status> {
        Err(Status::unimplemented("GetNamespaces not implemented"))
    }

    /// How the server is.
    ///
    /// # Errors
    /// What the caller is to get.
    async fn server_status(&self) -> Result<ServerStatusResponse, Status> {
        Err(Status::unimplemented("ServerStatus not implemented"))
    }
}

/// The service of a script.
pub fn observer<S: Script>(script: S) -> ObserverServer<Scripted<S>> {
    ObserverServer::new(Scripted(script))
}

/// A script as a service.
#[derive(Debug)]
pub struct Scripted<S>(S);

#[tonic::async_trait]
impl<S: Script> Observer for Scripted<S> {
    type GetFlowsStream = Streamed<GetFlowsResponse>;
    type GetAgentEventsStream = Streamed<GetAgentEventsResponse>;
    type GetDebugEventsStream = Streamed<GetDebugEventsResponse>;

    async fn get_flows(
        &self,
        request: Request<GetFlowsRequest>,
    ) -> Result<Response<Self::GetFlowsStream>, Status> {
        let mut response = self.0.get_flows(request).await.map(Response::new)?;
        *response.metadata_mut() = self.0.headers();
        Ok(response)
    }

    async fn get_agent_events(
        &self,
        request: Request<GetAgentEventsRequest>,
    ) -> Result<Response<Self::GetAgentEventsStream>, Status> {
        let events = self.0.get_agent_events(request.into_inner()).await;
        events.map(Response::new)
    }

    async fn get_debug_events(
        &self,
        _: Request<GetDebugEventsRequest>,
    ) -> Result<Response<Self::GetDebugEventsStream>, Status> {
        Err(Status::unimplemented("GetDebugEvents not yet implemented"))
    }

    async fn get_nodes(
        &self,
        _: Request<GetNodesRequest>,
    ) -> Result<Response<GetNodesResponse>, Status> {
        self.0.get_nodes().await.map(Response::new)
    }

    async fn get_namespaces(
        &self,
        _: Request<GetNamespacesRequest>,
    ) -> Result<Response<GetNamespacesResponse>, Status> {
        self.0.get_namespaces().await.map(Response::new)
    }

    async fn server_status(
        &self,
        _: Request<ServerStatusRequest>,
    ) -> Result<Response<ServerStatusResponse>, Status> {
        self.0.server_status().await.map(Response::new)
    }
}

/// A server on a unix socket. It has a runtime of its own: when it goes, so do its connections, at
/// once, as when a process dies.
#[derive(Debug)]
pub struct Running(Option<Runtime>);

impl Running {
    /// Listens on the socket; a file that a former server left there is replaced.
    ///
    /// # Errors
    /// The socket can't be made.
    pub fn start(socket: &Path, services: Router) -> io::Result<Self> {
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket)?
        };
        runtime.spawn(services.serve_with_incoming(UnixListenerStream::new(listener)));
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
