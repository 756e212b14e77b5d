//! What every gRPC server of this project bears: how many connections, streams and calls at a time,
//! how large and how costly a request may be, and how long somebody may say nothing.
//!
//! ```text
//!  listener -> connection (places, first bytes, idleness, authority) -> HTTP/2 -> call (places,
//!  size and cost of the request, before anything of it is decoded) -> service
//! ```

mod authority;
mod call;
mod connection;
mod places;
mod silent;
mod wire;

use std::{io, sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{
    service::Routes,
    transport::{self, Server},
};
use tonic_reflection::server::Builder;

use self::{places::Pool, silent::Silent};
use crate::listen::{Bound, Listener};

pub use wire::{MAX_CELS, MAX_FILTERS, MAX_PATTERN_BYTES, MAX_PATTERNS, MAX_VALUES};

/// gRPC can't be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket is not one of this runtime's.
    #[error("serving: {0}")]
    Socket(#[from] io::Error),
    /// The transport failed.
    #[error("serving: {0}")]
    Transport(#[from] transport::Error),
    /// The descriptors for reflection, which are built in, don't load.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// These services, and reflection in both of its versions: of all that this project has, and health.
///
/// # Errors
/// The descriptors don't load.
pub fn with_reflection(routes: Routes) -> Result<Routes, ServeError> {
    let reflection = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(routes
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

/// How much a server takes on.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; more are closed at once. Who has many leaves some to others, and those in
    /// which nothing was called yet are closed when room is needed.
    pub connections: usize,
    /// Streams at a time in one connection; a client waits until one ends.
    pub streams: u32,
    /// Calls at a time over all connections; more are answered with `ResourceExhausted`, and so is a
    /// connection, or somebody with many of them, that would leave too few to others.
    pub calls: usize,
    /// Memory that the requests of all these calls may take, KiB, estimated.
    pub memory_kib: usize,
    /// Until a connection has said that it speaks HTTP/2.
    pub first_bytes: Duration,
    /// Until a connection without a call is closed.
    pub idle: Duration,
    /// Until a request has come whole.
    pub request: Duration,
    /// Between two pings of a client, which has [`PING_ANSWER`] to answer.
    pub ping: Duration,
    /// Headers of a call together, bytes.
    pub header_bytes: u32,
}

/// How long a client may take to answer a ping.
pub const PING_ANSWER: Duration = Duration::from_secs(20);

impl Limits {
    /// A node's agent. A relay has one connection to it for all of its own clients' calls.
    pub fn agent() -> Self {
        Self {
            connections: 256,
            streams: 512,
            calls: 1024,
            ..Self::relay()
        }
    }

    /// A relay: no more calls than an agent takes streams of one connection.
    pub fn relay() -> Self {
        Self {
            connections: 256,
            streams: 100,
            calls: 400,
            memory_kib: 256 << 10,
            first_bytes: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            request: Duration::from_secs(10),
            ping: Duration::from_secs(30),
            header_bytes: 16 << 10,
        }
    }
}

/// A server's places: shared by all of its listeners.
#[derive(Clone, Debug)]
pub struct Places {
    limits: Arc<Limits>,
    connections: Pool,
    silent: Silent,
    calls: Pool,
    memory: Arc<Semaphore>,
}

impl Places {
    /// All free.
    pub fn new(limits: Limits) -> Self {
        Self {
            connections: Pool::new(limits.connections),
            silent: Silent::default(),
            calls: Pool::new(limits.calls),
            memory: Arc::new(Semaphore::new(limits.memory_kib)),
            limits: Arc::new(limits),
        }
    }

    /// Serves until `stop` resolves, then lets calls finish and takes a unix socket's file away.
    ///
    /// # Errors
    /// The transport fails.
    pub async fn serve(
        &self,
        bound: Bound,
        routes: Routes,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let limits = &*self.limits;
        let server = Server::builder()
            .max_concurrent_streams(limits.streams)
            .http2_keepalive_interval(Some(limits.ping))
            .http2_keepalive_timeout(Some(PING_ANSWER))
            .http2_max_header_list_size(limits.header_bytes)
            .layer(call::Bound::new(self))
            .add_routes(routes);
        match bound.listener()? {
            Listener::Tcp(listener) => {
                let incoming = connection::limited(proto::tcp::incoming(listener), self);
                server.serve_with_incoming_shutdown(incoming, stop).await?;
            }
            Listener::Unix(listener, _file) => {
                let incoming = connection::limited(UnixListenerStream::new(listener), self);
                server.serve_with_incoming_shutdown(incoming, stop).await?;
            }
        }
        Ok(())
    }
}
