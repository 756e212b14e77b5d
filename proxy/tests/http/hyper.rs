//! A client and a server by another hand: hyper.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::proxy::{Proxy, public};

/// Sends bodies back as they come.
async fn start(is_http2: bool) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let echo = |request: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    };
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let stream = TokioIo::new(stream);
            connections.spawn(async move {
                if is_http2 {
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    drop(server.serve_connection(stream, service_fn(echo)).await);
                } else {
                    let server = hyper::server::conn::http1::Builder::new();
                    drop(server.serve_connection(stream, service_fn(echo)).await);
                }
            });
        }
    });
    (address, task)
}

fn request(path: &str, body: &Bytes) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://be{path}")).header("host", "be");
    request.body(Full::new(body.clone())).unwrap()
}

fn body() -> Bytes {
    (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn http_1() {
    let (server, task) = start(false).await;
    let proxy = Proxy::start(server, public()).await;
    let stream = TokioIo::new(TcpStream::connect(proxy.address).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    for (path, body, status) in [
        ("/public", body(), 200),
        ("/secret", Bytes::from_static(b"a"), 403),
        ("/public", Bytes::new(), 200),
    ] {
        client.ready().await.unwrap();
        let response = client.send_request(request(path, &body)).await.unwrap();
        assert_eq!(response.status(), status);
        let echo = response.into_body().collect().await.unwrap().to_bytes();
        assert!(status != 200 || echo == body);
    }
    assert_eq!(proxy.connects(), 1);
    drop(client);
    connection.await.unwrap().unwrap();
    task.abort();
}

#[tokio::test]
async fn http_2() {
    let (server, task) = start(true).await;
    let proxy = Proxy::start(server, public()).await;
    let stream = TokioIo::new(TcpStream::connect(proxy.address).await.unwrap());
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
    let (client, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let mut streams = JoinSet::new();
    let body = body();
    for number in 0..6 {
        let (mut client, body) = (client.clone(), body.clone());
        streams.spawn(async move {
            let path = if number % 3 == 0 {
                "/secret"
            } else {
                "/public"
            };
            let response = client.send_request(request(path, &body)).await.unwrap();
            if path == "/secret" {
                assert_eq!(response.status(), 403);
                return;
            }
            let echo = response.into_body().collect().await.unwrap().to_bytes();
            assert!(echo == body);
        });
    }
    while let Some(stream) = streams.join_next().await {
        stream.unwrap();
    }
    assert_eq!(proxy.connects(), 1);
    drop(client);
    connection.await.unwrap().unwrap();
    task.abort();
}
