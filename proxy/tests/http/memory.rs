//! Large bodies: what the proxy holds of them is one buffer, however slow the reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use testing::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::proxy::{Proxy, public};
use crate::wire::{Server, Wire, get};

const GIB: u64 = 1 << 30;
/// A piece of a body, and a head.
const MOST: i64 = 32 * 1024;
/// Bytes that the kernel may hold of a connection over loopback, on both hops together.
const KERNEL: u64 = 64 << 20;

async fn write(stream: &mut (impl AsyncWriteExt + Unpin), length: u64, written: &AtomicU64) {
    let piece = vec![b'a'; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let now = left.min(u64::try_from(piece.len()).unwrap());
        let now = usize::try_from(now).unwrap();
        stream.write_all(&piece[..now]).await.unwrap();
        left -= u64::try_from(now).unwrap();
        written.store(length - left, Ordering::Relaxed);
    }
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin), length: u64) {
    let mut piece = vec![0; 256 * 1024];
    let mut left = length;
    while left > 0 {
        let now = left.min(u64::try_from(piece.len()).unwrap());
        let read = stream
            .read(&mut piece[..usize::try_from(now).unwrap()])
            .await
            .unwrap();
        assert!(read > 0, "{left} bytes are missing");
        left -= u64::try_from(read).unwrap();
    }
}

/// Waits until a writer doesn't get on any more.
async fn stops(written: &AtomicU64) -> u64 {
    let mut last = 0;
    let mut same = 0;
    eventually("the writer waits", || {
        let now = written.load(Ordering::Relaxed);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
        same > 10
    })
    .await;
    last
}

#[tokio::test]
async fn a_response_of_a_gibibyte_to_a_client_that_waits() {
    let written = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&written);
    let server = Server::scripted(move |mut wire| {
        let counted = Arc::clone(&counted);
        async move {
            wire.message().await;
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n"))
                .await;
            write(&mut wire.stream, GIB, &counted).await;
            wire.message().await;
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client.send(get("/public")).await;
    client.head().await.unwrap();
    // A reader that doesn't read stops the writer: nobody between them takes more than a buffer.
    let ahead = stops(&written).await;
    assert!(ahead < KERNEL, "{ahead}");
    let have = u64::try_from(client.buffer.len()).unwrap();
    read(&mut client.stream, GIB - have).await;
    assert!(proxy.down.most() <= MOST, "{}", proxy.down.most());
    // And the connection goes on.
    client.buffer.clear();
    assert_eq!(client.ask(get("/secret")).await.status(), 403);
}

#[tokio::test]
async fn a_request_of_a_gibibyte_to_a_server_that_waits() {
    let (start, started) = tokio::sync::watch::channel(false);
    let server = Server::scripted(move |mut wire| {
        let mut started = started.clone();
        async move {
            wire.head().await;
            started.wait_for(|started| *started).await.unwrap();
            let have = u64::try_from(wire.buffer.len()).unwrap();
            read(&mut wire.stream, GIB - have).await;
            wire.buffer.clear();
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await;
            wire.message().await;
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let head = format!("POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: {GIB}\r\n\r\n");
    client.send(head).await;
    let written = AtomicU64::new(0);
    let (mut read_half, mut write_half) = client.stream.split();
    let observe = async {
        let ahead = stops(&written).await;
        assert!(ahead < KERNEL, "{ahead}");
        start.send(true).unwrap();
    };
    tokio::join!(write(&mut write_half, GIB, &written), observe);
    let mut response = Vec::new();
    while !response.ends_with(b"ok") {
        assert!(read_half.read_buf(&mut response).await.unwrap() > 0);
    }
    assert!(proxy.up.most() <= MOST, "{}", proxy.up.most());
}
