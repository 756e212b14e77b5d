//! HTTP between a client and a server: each request is checked, judged by the rules of that moment, and
//! forwarded as it was judged, or answered here.
//!
//! ```text
//! serve           one connection of a client, and the one to the server that it opens
//!   http1         heads by l7's strict reader, bodies counted and copied
//!   http2         streams of h2, heads by the same reader
//! judge, record   what the caller gives: rules, and where it is told of what was decided
//! connections     the caller that the proxy is: the rules of both ends, its network, its records
//! ```
//!
//! Memory: each direction has one buffer (of HTTP/2: one window per stream), and nothing is read from one end
//! that the other one doesn't take. Nothing is queued. What a buffer holds beyond a piece comes out of the client's
//! room.

mod answer;
mod connections;
mod http1;
mod http2;
mod judge;
mod limits;
mod preface;
mod record;
mod refusal;
mod request;

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::room::ClientRoom;

pub use connections::HttpConnections;
pub use judge::{Decisions, Judge};
pub use limits::Limits;
pub use record::{
    Event, Failure, HttpRecord, Protocol, Recorder, Redaction, Rejection, RequestLine,
};
pub use refusal::Refusal;

/// What the connections of one place have in common.
#[derive(Clone, Copy)]
pub struct Service<'a> {
    /// Asked for each request.
    pub judge: &'a dyn Judge,
    /// Told of each request and response.
    pub record: &'a dyn Recorder,
    /// Which headers it may see.
    pub redaction: &'a Redaction,
    /// Times and sizes.
    pub limits: &'a Limits,
    /// Room for what readers don't take.
    pub room: &'a ClientRoom,
    /// Of the URLs that are recorded: `http`, or `https` where TLS was taken off before.
    pub scheme: &'a str,
}

impl std::fmt::Debug for Service<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("limits", self.limits)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Both ends know that nothing is missing.
    Closed,
    /// In the middle of something, perhaps of a body that only the connection's end ends: who gave the client's
    /// stream as `&mut` resets it (SO_LINGER 0), so that the client doesn't take the part for the whole.
    Cut,
}

/// Serves a client's connection to its end. `connect` opens the connection to the server: at the first request
/// that is allowed, and again only if it could not be opened then. The server's stream is dropped with the
/// client's.
///
/// HTTP/1.1, or HTTP/2 if the client begins with its preface; the server is spoken to as the client speaks.
/// Dropping the future cuts both connections. Both streams have TCP_NODELAY: what is written here is written as a
/// whole, and updates of windows (HTTP/2) must not wait.
pub async fn serve<C, U, F>(service: &Service<'_>, mut client: C, connect: impl Fn() -> F) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = io::Result<U>>,
{
    match preface::read(&mut client, service.limits).await {
        Ok((begun, true)) => {
            http2::serve(service, preface::Begun::new(begun, client), connect).await
        }
        Ok((begun, false)) => http1::serve(service, begun, client, connect).await,
        Err(_) => Ended::Closed,
    }
}
