//! HTTP, for pages and metrics: so many connections at a time, each with a limit of how long a request
//! may take to arrive.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::serve::Listener;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{
    setsockopt,
    sockopt::{SndBuf, TcpUserTimeout},
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::listen::{self, Bound};

/// Connections at a time; browsers open up to six each.
const CONNECTIONS: usize = 512;
/// Bytes that the system holds for a reader.
const SENT_AHEAD: usize = 256 * 1024;
/// How long an answer may wait for its reader, ms (`TCP_USER_TIMEOUT`, tcp(7)).
const UNREAD_MS: u32 = 30_000;
/// How long the head of a request may take to arrive, counted from the connection's begin or from the
/// end of the answer before: who says nothing, or a letter now and then, gives its place back.
const HEAD: Duration = Duration::from_secs(20);

/// A TCP listener with a limit.
#[derive(Debug)]
pub struct Limited {
    listener: TcpListener,
    room: Arc<Semaphore>,
    head: Duration,
}

impl Limited {
    /// With all places free.
    ///
    /// # Errors
    /// The socket is not one of this runtime's, or a unix one.
    pub fn new(bound: Bound) -> io::Result<Self> {
        let listen::Listener::Tcp(listener) = bound.listener()? else {
            return Err(io::Error::other("pages are served over TCP only"));
        };
        Ok(Self {
            listener,
            room: Arc::new(Semaphore::new(CONNECTIONS)),
            head: HEAD,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system doesn't know.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers, until it is dropped: connections end then, too. A request's extensions have the address
    /// of who connected ([`ConnectInfo`]).
    pub async fn serve(mut self, app: Router) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            let place = Arc::clone(&self.room).acquire_owned();
            let place = tokio::select! {
                place = place => place.expect("the semaphore is never closed"),
                Some(_ended) = connections.join_next() => continue,
            };
            // axum's own: waits and tries again when the system has no more descriptors.
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let app = app.clone().layer(Extension(ConnectInfo(peer)));
            let head = self.head;
            connections.spawn(async move {
                answer(stream, app, head).await;
                drop(place);
            });
            while connections.try_join_next().is_some() {}
        }
    }
}

/// Serves one connection.
async fn answer(stream: TcpStream, app: Router, head: Duration) {
    // What the system holds for a slow reader is old when it is read. A refusal changes nothing but
    // that.
    if let Err(error) = setsockopt(&stream, SndBuf, &SENT_AHEAD) {
        tracing::debug!(%error, "the send buffer keeps its size");
    }
    // A reader that takes nothing for so long gives its place back, too.
    if let Err(error) = setsockopt(&stream, TcpUserTimeout, &UNREAD_MS) {
        tracing::debug!(%error, "a reader may take as long as it likes");
    }
    // Without HTTP/2: to find out which version it is takes a byte, and nothing limits the wait for it.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head);
    let service = TowerToHyperService::new(app);
    if let Err(error) = builder
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::listen::Listen;

    #[tokio::test]
    async fn who_says_nothing_gives_its_place_back() {
        let listen: Listen = "127.0.0.1:0".parse().unwrap();
        let mut limited = Limited::new(listen.bind(false).unwrap()).unwrap();
        limited.room = Arc::new(Semaphore::new(3));
        limited.head = Duration::from_millis(200);
        let address = limited.address().unwrap();
        let app = Router::new().route("/", get(async || "here"));
        let serving = tokio::spawn(limited.serve(app));

        // Nothing at all, half a head, and a whole request with nothing behind it.
        let mut slow = Vec::new();
        for begin in [
            "",
            "GET / HTTP/1.1\r\nhost: x",
            "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begin.as_bytes()).await.unwrap();
            slow.push(stream);
        }
        // All places are taken: the next one waits until the first gives up.
        let mut next = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        next.write_all(request).await.unwrap();
        let mut text = String::new();
        next.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("here"), "{text}");
        // They were ended by the server.
        for mut stream in slow {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        }
        serving.abort();
    }
}
