//! The load: clients that ask, each again when it was answered, or at a pace.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use http::Request;
use testing_program::processor_time;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::server::{LARGE, SMALL};
use crate::latency::Sample;
use crate::proxied::CLIENT;

/// Asked before it counts.
const WARM_UP: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Version {
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::Http1 => "http1-server",
            Self::Http2 => "http2-server",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        })
    }
}

/// What is asked, and how.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) version: Version,
    pub(super) connections: usize,
    /// Requests at a time on a connection.
    pub(super) streams: usize,
    /// A body of 1 MiB; else of 1 KiB.
    pub(super) is_large: bool,
    /// Requests a second, of all connections; else as many as are answered.
    pub(super) pace: Option<f64>,
    pub(super) time: Duration,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = if self.is_large { "1 MiB" } else { "1 KiB" };
        write!(
            f,
            "{}, {size}, {} connections",
            self.version, self.connections
        )?;
        if self.streams > 1 {
            write!(f, " of {} streams", self.streams)?;
        }
        self.pace
            .map_or(Ok(()), |pace| write!(f, ", {pace}/s in all"))
    }
}

impl Load {
    /// Runs it; `proxy` is the process whose time counts.
    pub(super) async fn run(&self, address: SocketAddr, proxy: Option<u32>) -> Sample {
        let path = if self.is_large { LARGE } else { SMALL };
        let connections = open(self.version, address, self.connections).await;
        let begins = Instant::now() + WARM_UP;
        let ends = begins + self.time;
        let clients = self.connections * self.streams;
        let pace = self
            .pace
            .map(|pace| Duration::from_secs_f64(clients as f64 / pace));
        let mut tasks = JoinSet::new();
        let mut number = 0;
        for connection in connections {
            for mut client in connection.shared(self.streams) {
                // Not all at one time.
                let wait = pace.map(|pace| pace.mul_f64(f64::from(number) / clients as f64));
                number += 1;
                tasks.spawn(async move {
                    tokio::time::sleep(wait.unwrap_or_default()).await;
                    let mut times = Vec::new();
                    let mut due = tokio::time::Instant::now();
                    while Instant::now() < ends {
                        let asked = Instant::now();
                        client.ask(path).await;
                        let answered = Instant::now();
                        // By when it was answered: else those that are under way when it begins count for
                        // nobody, which is most of them where many wait for a slow proxy.
                        if answered >= begins && answered < ends {
                            times.push(answered - asked);
                        }
                        if let Some(pace) = pace {
                            due += pace;
                            tokio::time::sleep_until(due).await;
                        }
                    }
                    times
                });
            }
        }
        let used = || proxy.map(processor_time).unwrap_or_default();
        tokio::time::sleep_until(begins.into()).await;
        let before = used();
        tokio::time::sleep_until(ends.into()).await;
        let used = used() - before;
        let times = tasks.join_all().await.concat();
        Sample::new(times, self.time, used)
    }
}

/// Opens connections, each of which asks once.
pub(super) async fn open(version: Version, address: SocketAddr, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((CLIENT, 0).into()).unwrap();
        let stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = match version {
            Version::Http1 => Client::Http1(stream, BytesMut::new()),
            Version::Http2 => {
                let mut builder = h2::client::Builder::new();
                let builder = builder
                    .initial_window_size(1 << 20)
                    .initial_connection_window_size(16 << 20);
                let (sender, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
                tokio::spawn(connection);
                Client::Http2(sender)
            }
        };
        client.ask(SMALL).await;
        clients.push(client);
    }
    clients
}

/// Asks, and waits for the whole answer.
pub(super) enum Client {
    Http1(TcpStream, BytesMut),
    Http2(SendRequest<Bytes>),
}

impl Client {
    /// So many on one connection; one of HTTP/1.1 has one.
    fn shared(self, streams: usize) -> Vec<Self> {
        match self {
            Self::Http1(..) => vec![self],
            Self::Http2(sender) => vec![sender; streams].into_iter().map(Self::Http2).collect(),
        }
    }

    async fn ask(&mut self, (path, length): (&str, usize)) {
        match self {
            Self::Http1(stream, read) => {
                let request = format!("GET {path} HTTP/1.1\r\nhost: server\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                read.clear();
                let mut end = None;
                while end.is_none_or(|end| read.len() < end) {
                    read.reserve(64 << 10);
                    assert!(stream.read_buf(read).await.unwrap() > 0, "closed");
                    if end.is_none() {
                        let head = read.windows(4).position(|four| four == b"\r\n\r\n");
                        end = head.map(|head| head + 4 + length);
                    }
                }
                assert!(read.starts_with(b"HTTP/1.1 200 "), "not allowed");
            }
            Self::Http2(sender) => {
                *sender = sender.clone().ready().await.unwrap();
                let request = Request::get(format!("http://server{path}"))
                    .body(())
                    .unwrap();
                let (response, _) = sender.send_request(request, true).unwrap();
                let response = response.await.unwrap();
                assert_eq!(response.status(), 200);
                let mut body = response.into_body();
                let mut left = length;
                while let Some(data) = body.data().await {
                    let read = data.unwrap().len();
                    body.flow_control().release_capacity(read).unwrap();
                    left -= read;
                }
                assert_eq!(left, 0, "all of it");
            }
        }
    }
}
