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
pub mod privileges;
mod wire;

use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{
    service::Routes,
    transport::{self, Server},
};

pub use wire::{MAX_CELS, MAX_FILTERS, MAX_PATTERN_BYTES, MAX_PATTERNS, MAX_VALUES};

/// A bound socket.
#[derive(Debug)]
pub enum Socket {
    /// By address.
    Tcp(TcpListener),
    /// By path.
    Unix(UnixListener),
}

/// How much a server takes on.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; more are closed at once.
    pub connections: usize,
    /// Streams at a time in one connection; a client waits until one ends.
    pub streams: u32,
    /// Calls at a time over all connections; more are answered with `ResourceExhausted`.
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
    connections: Arc<Semaphore>,
    calls: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Places {
    /// All free.
    pub fn new(limits: Limits) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections)),
            calls: Arc::new(Semaphore::new(limits.calls)),
            memory: Arc::new(Semaphore::new(limits.memory_kib)),
            limits: Arc::new(limits),
        }
    }

    /// Serves until `stop` resolves, then lets calls finish.
    ///
    /// # Errors
    /// The transport fails.
    pub async fn serve(
        &self,
        socket: Socket,
        routes: Routes,
        stop: impl Future<Output = ()>,
    ) -> Result<(), transport::Error> {
        let limits = &*self.limits;
        let server = Server::builder()
            .max_concurrent_streams(limits.streams)
            .http2_keepalive_interval(Some(limits.ping))
            .http2_keepalive_timeout(Some(PING_ANSWER))
            .http2_max_header_list_size(limits.header_bytes)
            .layer(call::Bound::new(self))
            .add_routes(routes);
        match socket {
            Socket::Tcp(listener) => {
                let incoming = connection::limited(crate::tcp::incoming(listener), self);
                server.serve_with_incoming_shutdown(incoming, stop).await
            }
            Socket::Unix(listener) => {
                let incoming = connection::limited(UnixListenerStream::new(listener), self);
                server.serve_with_incoming_shutdown(incoming, stop).await
            }
        }
    }
}
