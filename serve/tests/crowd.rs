//! A server and somebody who takes all that there is to get, over real sockets: others are served.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    io::{self, Read as _},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use flows_serve::{
    grpc::{Limits, Places},
    health::Health,
    listen::{Bound, Listen},
};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::{
    Code, Status, Streaming,
    service::Routes,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};

/// A server on a unix socket and on TCP, whose one service is health: its `Watch` goes on for ever.
struct Server {
    directory: tempfile::TempDir,
    tcp: String,
    _health: Health,
    stop: Vec<oneshot::Sender<()>>,
    serving: Vec<JoinHandle<()>>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let tcp = format!("http://{}", listener.local_addr().unwrap());
        let unix = Listen::Unix(directory.path().join("a.sock")).bind(false);
        let (health, service) = Health::new().await;
        let (places, routes) = (Places::new(limits), Routes::new(service));
        let mut server = Self {
            directory,
            tcp,
            _health: health,
            stop: Vec::new(),
            serving: Vec::new(),
        };
        for bound in [unix.unwrap(), Bound::Tcp(listener)] {
            let (stop, stopped) = oneshot::channel::<()>();
            let (places, routes) = (places.clone(), routes.clone());
            server.stop.push(stop);
            server.serving.push(tokio::spawn(async move {
                let stopped = async { drop(stopped.await) };
                places.serve(bound, routes, stopped).await.unwrap();
            }));
        }
        server
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("a.sock")
    }

    /// A connection over the unix socket.
    async fn connect(&self) -> HealthClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("unix://{}", self.socket().display()));
        HealthClient::new(endpoint.unwrap().connect().await.unwrap())
    }

    /// The same over TCP.
    async fn connect_tcp(&self) -> HealthClient<Channel> {
        let endpoint = Endpoint::from_shared(self.tcp.clone());
        HealthClient::new(endpoint.unwrap().connect().await.unwrap())
    }

    async fn end(self) {
        drop(self.stop);
        for serving in self.serving {
            serving.await.unwrap();
        }
    }
}

/// A call that goes on until the result is dropped.
async fn watch(
    client: &mut HealthClient<Channel>,
) -> Result<Streaming<HealthCheckResponse>, Status> {
    let request = HealthCheckRequest {
        service: String::new(),
    };
    Ok(client.watch(request).await?.into_inner())
}

fn is_closed(read: &io::Result<usize>) -> bool {
    match read {
        Ok(_end) => true,
        Err(error) => !matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        ),
    }
}

/// A connection that says nothing.
fn silent(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_without_end_leave_others_theirs() {
    let server = Server::start(Limits {
        calls: 80,
        streams: 40,
        ..Limits::relay()
    })
    .await;
    // Connections that ask for 160 calls.
    let (mut calls, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut client = server.connect().await;
        for _ in 0..40 {
            match watch(&mut client).await {
                Ok(call) => calls.push((client.clone(), call)),
                Err(error) => refused.push(error),
            }
        }
    }
    assert!((60..72).contains(&calls.len()), "{} calls", calls.len());
    for error in &refused {
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert!(error.message().contains("kept for others"), "{error}");
    }
    // The same user in a new connection, and somebody else.
    let mut same = server.connect().await;
    let _answered = watch(&mut same).await.unwrap();
    let mut other = server.connect_tcp().await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(watch(&mut other).await.unwrap());
    }
    // Many connections of the same user don't take the last ones, and health needs no share.
    for _ in 0..12 {
        let mut client = server.connect().await;
        match watch(&mut client).await {
            Ok(call) => calls.push((client.clone(), call)),
            Err(error) => assert_eq!(error.code(), Code::ResourceExhausted, "{error}"),
        }
        let request = HealthCheckRequest::default();
        client.check(request).await.unwrap();
    }
    others.push(watch(&mut other).await.unwrap());
    // What was refused is had once there is room.
    drop(calls);
    let mut client = server.connect().await;
    for _ in 0..3 {
        others.push(watch(&mut client).await.unwrap());
    }
    drop((others, client, other, same, _answered));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_give_way() {
    let server = Server::start(Limits {
        connections: 16,
        first_bytes: Duration::from_secs(600),
        ..Limits::relay()
    })
    .await;
    let mut early = server.connect().await;
    let _call = watch(&mut early).await.unwrap();
    let socket = server.socket();
    let all: Vec<UnixStream> = (0..40).map(|_| silent(&socket)).collect();
    // The same user, and somebody else; who has called something stays.
    let mut same = server.connect().await;
    let _answered = watch(&mut same).await.unwrap();
    let mut other = server.connect_tcp().await;
    let _answered_too = watch(&mut other).await.unwrap();
    let _more = watch(&mut early).await.unwrap();
    // Of the 40 no more than a share is left, those that came last.
    let closed = tokio::task::spawn_blocking(move || {
        let mut all = all.into_iter();
        let old = all.by_ref().take(40 - 13);
        let closed: Vec<bool> = old
            .map(|mut silent| is_closed(&silent.read_to_end(&mut Vec::new())))
            .collect();
        drop(all);
        closed
    });
    let closed = closed.await.unwrap();
    assert!(closed.iter().all(|closed| *closed), "{closed:?}");
    drop((_call, _answered, _answered_too, _more));
    drop((early, same, other));
    server.end().await;
}
