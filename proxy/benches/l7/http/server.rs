//! The server: as little as can answer, so that it is not what is measured.

use bytes::{Bytes, BytesMut};
use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::role::tell;

/// Its bodies' lengths, by path.
pub(super) const SMALL: (&str, usize) = ("/public/1k", 1 << 10);
pub(super) const LARGE: (&str, usize) = ("/public/1m", 1 << 20);

fn response(length: usize) -> Bytes {
    let mut response = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    response.resize(response.len() + length, b'a');
    response.into()
}

async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell(listener.local_addr().unwrap());
    listener
}

/// Answers HTTP/1.1, on one thread.
pub(crate) async fn http1() {
    let listener = listen().await;
    let responses = [response(SMALL.1), response(LARGE.1)];
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_http1(stream, responses.clone()));
    }
}

async fn serve_http1(mut stream: TcpStream, [small, large]: [Bytes; 2]) {
    stream.set_nodelay(true).unwrap();
    let mut bytes = BytesMut::with_capacity(4 << 10);
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = bytes.split_to(end + 4);
            let is_large = head[4..].starts_with(LARGE.0.as_bytes());
            let response = if is_large { &large } else { &small };
            if stream.write_all(response).await.is_err() {
                return;
            }
        }
        bytes.reserve(4 << 10);
    }
}

/// Answers HTTP/2 without TLS, on one thread.
pub(crate) async fn http2() {
    let listener = listen().await;
    let bodies = [SMALL.1, LARGE.1].map(|length| Bytes::from(vec![b'a'; length]));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_http2(stream, bodies.clone()));
    }
}

async fn serve_http2(stream: TcpStream, [small, large]: [Bytes; 2]) {
    stream.set_nodelay(true).unwrap();
    let mut builder = h2::server::Builder::new();
    let builder = builder.max_send_buffer_size(2 << 20);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let is_large = request.uri().path() == LARGE.0;
        let body = if is_large { &large } else { &small };
        let Ok(mut sender) = respond.send_response(Response::new(()), false) else {
            return;
        };
        if sender.send_data(body.clone(), true).is_err() {
            return;
        }
    }
}
