//! The proxy under test: a listener whose connections it serves, rules that can be replaced, and what it told.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use l7::http::{NoSecrets, Request, RuleSpec};
use l7::rules::{
    Allows, Alternative, Binding, Direction, Peers, Protocol, RuleRef, Rules, SetSpec, Snapshot,
    VERSION,
};
use proxy::http::{
    Decisions, Ended, Event, HttpRecord, Judge, Limits, Recorder, Redaction, Rejection, Service,
    serve,
};
use proxy::limits;
use proxy::room::{ClientRoom, Room};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

const ENDPOINT: u32 = 1;
const PEER: u32 = 300;

/// All the room that there is.
pub(crate) fn room() -> ClientRoom {
    let limits = limits::Limits::default();
    let room = Room::new(limits.held, limits.held_per_client, limits.held_wait);
    room.of(Ipv4Addr::LOCALHOST.into())
}

/// A rule of method and path.
pub(crate) fn rule(method: &str, path: &str) -> RuleSpec {
    RuleSpec {
        method: Some(method.into()),
        path: Some(path.into()),
        ..RuleSpec::default()
    }
}

/// GET and POST of `/public` and what is below it.
pub(crate) fn public() -> Vec<RuleSpec> {
    vec![rule("GET|POST|HEAD|OPTIONS|PUT", "/public.*")]
}

fn compile(rules: Vec<RuleSpec>) -> Rules {
    let alternative = Alternative {
        rule: RuleRef(7),
        peers: Peers::Identities([PEER].into()),
        is_wide: false,
        allows: Allows::Http(rules),
    };
    let snapshot = Snapshot {
        version: VERSION,
        revision: 1,
        sets: vec![SetSpec {
            alternatives: vec![alternative],
        }],
        bindings: vec![Binding {
            endpoint: ENDPOINT,
            direction: Direction::Ingress,
            protocol: Protocol::Tcp,
            first_port: 8080,
            last_port: 8080,
            set: 0,
        }],
    };
    Rules::compile(&snapshot, None).unwrap()
}

/// The rules in force.
struct Policy(Mutex<Arc<Rules>>, Notify);

impl Judge for Policy {
    fn judge(&self, request: &Request<'_, [(&str, &[u8])]>) -> Decisions {
        let rules = Arc::clone(&self.0.lock().unwrap());
        let set = rules.get(ENDPOINT, Direction::Ingress, Protocol::Tcp, 8080);
        let (decision, effects) = set.unwrap().judge_http(PEER, request, &NoSecrets);
        Decisions {
            decisions: vec![(Direction::Ingress, decision)],
            is_unruled: false,
            effects,
        }
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.1.notified())
    }
}

/// What was told, in order.
#[derive(Default)]
pub(crate) struct Log {
    records: Mutex<Vec<HttpRecord>>,
    rejections: Mutex<Vec<Rejection>>,
}

impl Recorder for Log {
    fn record(&self, record: HttpRecord) {
        self.records.lock().unwrap().push(record);
    }

    fn reject(&self, rejection: Rejection) {
        self.rejections.lock().unwrap().push(rejection);
    }
}

impl Log {
    /// `GET http://be/public: allowed`, `GET http://be/public: 200`, ...
    pub(crate) fn lines(&self) -> Vec<String> {
        let records = self.records.lock().unwrap();
        let lines = records.iter().map(|record| {
            let what = match &record.event {
                Event::Judged { .. } if record.decisions.is_allowed() => "allowed".to_owned(),
                Event::Judged { .. } => "denied".to_owned(),
                Event::Responded { status, .. } => status.to_string(),
                Event::Failed {
                    status, failure, ..
                } => format!("{status:?} {failure}"),
            };
            format!("{} {}: {what}", record.request.method, record.request.url)
        });
        lines.collect()
    }

    /// The texts of rejections.
    pub(crate) fn rejections(&self) -> Vec<String> {
        let rejections = self.rejections.lock().unwrap();
        let texts = rejections.iter().map(|one| one.refusal.to_string());
        texts.collect()
    }

    /// All records so far.
    pub(crate) fn take(&self) -> Vec<HttpRecord> {
        std::mem::take(&mut *self.records.lock().unwrap())
    }
}

/// Bytes that the proxy read from one end and didn't write to the other: now, and at most so far.
#[derive(Default)]
pub(crate) struct Held {
    now: AtomicI64,
    most: AtomicI64,
}

impl Held {
    fn add(&self, bytes: i64) {
        let now = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    pub(crate) fn most(&self) -> i64 {
        self.most.load(Ordering::Relaxed)
    }
}

/// A stream that counts: what is read is held in one direction, what is written leaves the other.
struct Counted {
    stream: TcpStream,
    read: Arc<Held>,
    written: Arc<Held>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, out);
        let read = out.filled().len() - before;
        self.read.add(i64::try_from(read).unwrap());
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.written.add(-i64::try_from(written).unwrap());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    /// On its way to the client.
    pub(crate) down: Arc<Held>,
    /// On its way to the server.
    pub(crate) up: Arc<Held>,
    /// How many connections to the server were opened.
    pub(crate) connects: Arc<AtomicUsize>,
    /// How connections ended.
    pub(crate) ended: Arc<Mutex<Vec<Ended>>>,
    policy: Arc<Policy>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Before a server, with rules.
    pub(crate) async fn start(server: SocketAddr, rules: Vec<RuleSpec>) -> Self {
        Self::with(server, rules, Limits::default()).await
    }

    pub(crate) async fn with(server: SocketAddr, rules: Vec<RuleSpec>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let policy = Policy(Mutex::new(Arc::new(compile(rules))), Notify::new());
        let policy = Arc::new(policy);
        let (log, down, up) = (Arc::<Log>::default(), Arc::default(), Arc::default());
        let (connects, ended) = (Arc::default(), Arc::default());
        let connection = Connection {
            policy: Arc::clone(&policy),
            log: Arc::clone(&log),
            down: Arc::clone(&down),
            up: Arc::clone(&up),
            connects: Arc::clone(&connects),
            ended: Arc::clone(&ended),
            limits,
            server,
        };
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connection.clone().serve(stream));
            }
        });
        Self {
            address,
            log,
            down,
            up,
            connects,
            ended,
            policy,
            task,
        }
    }

    /// Puts other rules in force.
    pub(crate) fn replace(&self, rules: Vec<RuleSpec>) {
        *self.policy.0.lock().unwrap() = Arc::new(compile(rules));
        self.policy.1.notify_waiters();
    }

    pub(crate) fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
struct Connection {
    policy: Arc<Policy>,
    log: Arc<Log>,
    down: Arc<Held>,
    up: Arc<Held>,
    connects: Arc<AtomicUsize>,
    ended: Arc<Mutex<Vec<Ended>>>,
    limits: Limits,
    server: SocketAddr,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let counted = |stream, read: &Arc<Held>, written: &Arc<Held>| Counted {
            stream,
            read: Arc::clone(read),
            written: Arc::clone(written),
        };
        let redaction = Redaction::new(["content-type"]);
        let service = Service {
            room: &room(),
            judge: &*self.policy,
            record: &*self.log,
            redaction: &redaction,
            limits: &self.limits,
            scheme: "http",
        };
        stream.set_nodelay(true).unwrap();
        let mut client = counted(stream, &self.up, &self.down);
        let connect = async || {
            let stream = TcpStream::connect(self.server).await?;
            self.connects.fetch_add(1, Ordering::Relaxed);
            stream.set_nodelay(true)?;
            Ok(counted(stream, &self.down, &self.up))
        };
        let ended = serve(&service, &mut client, &connect).await;
        if ended == Ended::Cut {
            client.stream.set_zero_linger().unwrap();
        }
        self.ended.lock().unwrap().push(ended);
    }
}
