//! HTTP/1.1 as bytes: a client, a server, and messages as they are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Up to the empty line, without it.
    pub(crate) head: String,
    /// Without chunks.
    pub(crate) body: Vec<u8>,
    /// Lines behind the chunks.
    pub(crate) trailers: String,
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(one, value)| one.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection, with what was read ahead.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads on; whether anything came.
    async fn fill(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        let read = timeout(PATIENCE, read).await.expect("bytes in time");
        read.unwrap_or(0) > 0
    }

    /// So many bytes.
    pub(crate) async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill().await, "ended within {length} bytes");
        }
        self.buffer.drain(..length).collect()
    }

    /// Up to the end of a line, without it. `None`: the end of the connection.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.drain(..end + 2).collect::<Vec<_>>();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if !self.fill().await {
                assert!(self.buffer.is_empty(), "ended within a line");
                return None;
            }
        }
    }

    /// The lines up to an empty one.
    async fn lines(&mut self) -> Option<String> {
        let mut lines = vec![self.line().await?];
        while let Some(line) = self.line().await.filter(|line| !line.is_empty()) {
            lines.push(line);
        }
        Some(lines.join("\n"))
    }

    /// The head of a message alone.
    pub(crate) async fn head(&mut self) -> Option<Message> {
        let head = self.lines().await?;
        Some(Message {
            head,
            ..Message::default()
        })
    }

    /// A message with its body, if its headers tell its length.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        let mut message = self.head().await?;
        if let Some(length) = message.header("content-length") {
            message.body = self.take(length.parse().unwrap()).await;
        } else if message.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = self.line().await.unwrap();
                let size = size.split(';').next().unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                if size == 0 {
                    break;
                }
                let chunk = self.take(size + 2).await;
                message.body.extend(&chunk[..size]);
            }
            while let Some(line) = self.line().await.filter(|line| !line.is_empty()) {
                message.trailers.push_str(&line);
            }
        }
        Some(message)
    }

    /// Sends a request and reads the response.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request).await;
        self.message().await.expect("a response")
    }

    /// All that comes until the connection's end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.buffer)
    }
}

/// A GET without a body.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: be\r\n\r\n")
}

/// A server on loopback.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Message>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request with `ok`.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()).await
    }

    /// Answers each request as told; `Connection: close` in the answer closes.
    pub(crate) async fn answering(
        answer: impl Fn(&Message) -> String + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Mutex<Vec<Message>>>::default();
        let (answer, told) = (Arc::new(answer), Arc::clone(&seen));
        let script = move |mut wire: Wire| {
            let (answer, told) = (Arc::clone(&answer), Arc::clone(&told));
            async move {
                while let Some(request) = wire.message().await {
                    let text = answer(&request);
                    told.lock().unwrap().push(request);
                    wire.send(&text).await;
                    if text.contains("Connection: close") {
                        break;
                    }
                }
            }
        };
        let mut server = Self::scripted(script).await;
        server.seen = seen;
        server
    }

    /// Does with each connection as told.
    pub(crate) async fn scripted<F>(script: impl Fn(Wire) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(script(Wire::new(stream)));
            }
        });
        Self {
            address,
            seen: Arc::default(),
            task,
        }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }

    /// Their paths.
    pub(crate) fn paths(&self) -> Vec<String> {
        let seen = self.seen();
        seen.iter().map(|one| one.path().to_owned()).collect()
    }
}
