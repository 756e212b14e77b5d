//! The proxy with one rule, a server that notes what it is asked, and an honest client beside the attackers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use l7::http::RuleSpec;
use l7::rules::Allows;
use proxy::http::{HttpConnections, Limits as HttpLimits};
use proxy::limits::Limits;
use testing_program::memory_mib;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::MutexGuard;
use tokio::task::JoinSet;

use super::rig::{Rig, ingress, within};

/// A client that behaves.
pub(crate) const HONEST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
/// Whose response is long.
pub(crate) const HUGE: &str = "/public/huge";
pub(crate) const HUGE_LENGTH: usize = 8 << 20;

static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Resident memory when a test began.
pub(crate) struct Memory {
    mib: f64,
    _turn: MutexGuard<'static, ()>,
}

impl Memory {
    /// Waits for the test's turn.
    pub(crate) async fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        Self {
            mib: memory_mib(std::process::id()),
            _turn: turn,
        }
    }

    /// It may have grown by so many MiB; by how many it has.
    pub(crate) fn has_grown_less_than(&self, most: f64) -> f64 {
        let grown = memory_mib(std::process::id()) - self.mib;
        assert!(grown < most, "{grown} MiB more, {most} are allowed");
        grown
    }
}

/// The proxy before a server of HTTP, of which `GET` and `POST` of `/public` and below are allowed.
pub(crate) struct Stage {
    pub(crate) rig: Rig,
    seen: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

/// Times that tests can wait for.
pub(crate) fn hasty() -> (Limits, HttpLimits) {
    let limits = Limits {
        first_bytes: Duration::from_millis(500),
        ..Limits::default()
    };
    let http = HttpLimits {
        stalled: Duration::from_millis(500),
        drain: Duration::from_millis(500),
        ..HttpLimits::default()
    };
    (limits, http)
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), HttpLimits::default()).await
    }

    pub(crate) async fn with(limits: Limits, http: HttpLimits) -> Self {
        let rule = RuleSpec {
            method: Some("GET|POST".into()),
            path: Some("/public.*".into()),
            ..RuleSpec::default()
        };
        let http = HttpConnections {
            limits: http,
            ..HttpConnections::default()
        };
        let sides = vec![ingress(Allows::Http(vec![rule]))];
        let rig = Rig::carrying(limits, Some(Arc::new(http)), sides).await;
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let mut server = JoinSet::new();
        server.spawn(serve(rig.server().await, Arc::clone(&seen)));
        Self {
            rig,
            seen,
            _server: server,
        }
    }

    /// Whether the server was asked nothing but what is allowed; how often.
    pub(crate) fn served(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        for line in seen.iter() {
            let is_allowed = ["GET /public", "POST /public"]
                .iter()
                .any(|start| line.starts_with(start));
            assert!(is_allowed, "the server got {line:?}");
        }
        seen.len()
    }

    /// An honest client is served, on a new connection.
    pub(crate) async fn serves_others(&self) {
        let mut client = self.rig.client_from(HONEST).await;
        let request = b"GET /public/honest HTTP/1.1\r\nHost: be\r\nConnection: close\r\n\r\n";
        within(client.write_all(request)).await.unwrap();
        let mut response = Vec::new();
        within(client.read_to_end(&mut response)).await.unwrap();
        let text = String::from_utf8_lossy(&response);
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve_one(stream, Arc::clone(&seen)));
        while connections.try_join_next().is_some() {}
    }
}

/// What is left of a request's body.
enum Body {
    Length(usize),
    /// Chunks, the last of which is empty.
    Chunks,
}

impl Body {
    fn new(head: &str) -> Self {
        let head = head.to_ascii_lowercase();
        if head.contains("transfer-encoding: chunked") {
            return Self::Chunks;
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        Self::Length(length.map_or(0, |length| length.parse().unwrap()))
    }

    /// Takes what came of it; whether that was the end.
    fn takes(&mut self, bytes: &mut Vec<u8>) -> bool {
        match self {
            Self::Length(left) => {
                let taken = bytes.len().min(*left);
                bytes.drain(..taken);
                *left -= taken;
                *left == 0
            }
            Self::Chunks => {
                let end = bytes.windows(5).position(|five| five == b"0\r\n\r\n");
                end.is_some_and(|end| bytes.drain(..end + 5).len() > 0)
            }
        }
    }
}

/// Notes the first line of each whole request, whatever its form.
async fn serve_one(stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut first = [0; 3];
    if stream.peek(&mut first).await.is_ok() && &first == b"PRI" {
        return serve_http2(stream, seen).await;
    }
    let mut stream = stream;
    let mut bytes = Vec::new();
    loop {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = bytes.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head).into_owned();
            let line = head.lines().next().unwrap_or_default().to_owned();
            let mut body = Body::new(&head);
            while !body.takes(&mut bytes) {
                if !stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                    return;
                }
            }
            seen.lock().unwrap().push(line.clone());
            let length = if line.contains(HUGE) { HUGE_LENGTH } else { 2 };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let response = [head.as_bytes(), &vec![b'k'; length]].concat();
            if stream.write_all(&response).await.is_err() {
                return;
            }
        }
        if !stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            return;
        }
    }
}

async fn serve_http2(stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut responses = JoinSet::new();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let path = request.uri().path().to_owned();
        seen.lock()
            .unwrap()
            .push(format!("{} {path}", request.method()));
        responses.spawn(async move {
            let length = if path.contains(HUGE) { HUGE_LENGTH } else { 2 };
            let Ok(mut body) = respond.send_response(http::Response::new(()), false) else {
                return;
            };
            let mut left = length;
            while left > 0 {
                body.reserve_capacity(left.min(16 << 10));
                let capacity = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
                let Some(Ok(capacity)) = capacity else {
                    return;
                };
                let piece = capacity.min(left);
                left -= piece;
                let data = bytes::Bytes::from(vec![b'k'; piece]);
                if body.send_data(data, left == 0).is_err() {
                    return;
                }
            }
        });
    }
}

/// All that a connection answers until its end, however it ends.
pub(crate) async fn answered(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end.
    drop(within(stream.read_to_end(&mut bytes)).await);
    bytes
}

/// Sends what the other end takes.
pub(crate) async fn push(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    within(stream.write_all(bytes)).await.is_ok()
}

/// A connection of an attacker, whose segments leave as they are written.
pub(crate) async fn attacker(stage: &Stage) -> TcpStream {
    let stream = stage.rig.client().await;
    stream.set_nodelay(true).unwrap();
    stream
}
