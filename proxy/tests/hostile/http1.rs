//! HTTP/1.1: slow ones, and requests that hide others.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::rig::within;
use super::stage::{HUGE, Memory, Stage, answered, attacker, hasty, push};

/// Attackers at a time.
const CROWD: usize = 200;

async fn crowd(stage: &Stage, begin: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..CROWD {
        let mut stream = attacker(stage).await;
        assert!(push(&mut stream, begin).await);
        streams.push(stream);
    }
    streams
}

fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines
        .map(|line| line.get(..3).unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn a_byte_per_segment() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let requests = "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n\
                    3\r\nabc\r\n0\r\n\r\nGET /secret HTTP/1.1\r\nHost: be\r\nConnection: close\r\n\r\n";
    let mut stream = attacker(&stage).await;
    for byte in requests.as_bytes() {
        assert!(push(&mut stream, &[*byte]).await);
        // The proxy reads each alone.
        tokio::task::yield_now().await;
    }
    assert_eq!(statuses(&answered(&mut stream).await), [200, 403]);
    assert_eq!(stage.served(), 1);
    memory.has_grown_less_than(16.0);
}

#[tokio::test]
async fn heads_that_never_end() {
    let memory = Memory::new().await;
    let (limits, http) = hasty();
    let stage = Stage::with(limits, http).await;
    let streams = crowd(&stage, b"GET /public HTTP/1.1\r\nHost: be\r\nX: ").await;
    stage.serves_others().await;
    for mut stream in streams {
        // A byte now and then gives no more time.
        push(&mut stream, b"x").await;
        assert_eq!(statuses(&answered(&mut stream).await), [408]);
    }
    assert_eq!(stage.served(), 1, "the honest one's");
    memory.has_grown_less_than(16.0);
}

#[tokio::test]
async fn bodies_that_never_end() {
    let memory = Memory::new().await;
    let (limits, http) = hasty();
    let stage = Stage::with(limits, http).await;
    let head = b"POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 1000000\r\n\r\nabc";
    let streams = crowd(&stage, head).await;
    stage.serves_others().await;
    for mut stream in streams {
        let bytes = answered(&mut stream).await;
        assert!(matches!(*statuses(&bytes), [] | [408]), "{bytes:?}");
    }
    stage.served();
    memory.has_grown_less_than(24.0);
}

#[tokio::test]
async fn bodies_of_denied_requests_are_not_read_for_ever() {
    let memory = Memory::new().await;
    let (limits, http) = hasty();
    let stage = Stage::with(limits, http).await;
    let mut stream = attacker(&stage).await;
    let head = b"POST /secret HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(push(&mut stream, head).await);
    let chunk = [&b"10000\r\n"[..], &[b'a'; 0x10000], b"\r\n"].concat();
    // It ends in time, and meanwhile takes nothing but time.
    within(async { while push(&mut stream, &chunk).await {} }).await;
    stage.serves_others().await;
    assert_eq!(stage.served(), 1);
    memory.has_grown_less_than(16.0);
}

#[tokio::test]
async fn readers_that_do_not_read() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let ask = format!("GET {HUGE} HTTP/1.1\r\nHost: be\r\n\r\n");
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = attacker(&stage).await;
        assert!(push(&mut stream, ask.as_bytes()).await);
        let mut head = [0; 8];
        within(stream.read_exact(&mut head)).await.unwrap();
        streams.push(stream);
    }
    stage.serves_others().await;
    // The server makes each response of 8 MiB whole, by way of a second copy; the proxy holds none of them.
    memory.has_grown_less_than(8.0 * 16.0 + 16.0);
    drop(streams);
    stage.serves_others().await;
}

/// Requests of which only the first one, if any, may get to the server.
const SMUGGLING: [(&str, &str); 17] = [
    (
        "two hosts",
        "GET /public HTTP/1.1\r\nHost: be\r\nHost: other\r\n\r\n",
    ),
    ("no host", "GET /public HTTP/1.1\r\n\r\n"),
    (
        "length and chunks",
        "POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
    ),
    (
        "a coding with a space before the colon",
        "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a coding with something before it",
        "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a coding in quotes",
        "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    ),
    (
        "a coding of two lines",
        "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "two codings",
        "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    ),
    ("bare line feeds", "GET /public HTTP/1.1\nHost: be\n\n"),
    (
        "a folded line",
        "GET /public HTTP/1.1\r\nHost: be\r\nX: a\r\n b\r\n\r\n",
    ),
    (
        "a zero",
        "GET /public HTTP/1.1\r\nHost: be\r\nX: a\0b\r\n\r\n",
    ),
    (
        "an extension with a line feed",
        "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n1;x=\"\n\"\r\na\r\n0\r\n\r\n",
    ),
    (
        "a length below zero",
        "POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: -1\r\n\r\n",
    ),
    (
        "a huge length",
        "POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ),
    (
        "a length in hexadecimal",
        "POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 0x4\r\n\r\nabcd",
    ),
    (
        "HTTP/1.0 with chunks",
        "POST /public HTTP/1.0\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("a tunnel", "CONNECT be:80 HTTP/1.1\r\nHost: be:80\r\n\r\n"),
];

#[tokio::test]
async fn requests_behind_which_another_one_hides() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let hidden = "GET /secret HTTP/1.1\r\nHost: be\r\nConnection: close\r\n\r\n";
    for (what, bytes) in SMUGGLING {
        for step in [1, 7, usize::MAX] {
            let bytes = format!("{bytes}{hidden}");
            let mut stream = attacker(&stage).await;
            for piece in bytes.as_bytes().chunks(step) {
                if !push(&mut stream, piece).await {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let found = statuses(&answered(&mut stream).await);
            assert!(!found.contains(&200), "{what}: {found:?}");
            assert_eq!(stage.served(), 0, "{what}");
        }
    }
    // A pipelined one is judged by itself.
    let mut stream = attacker(&stage).await;
    let bytes = format!("GET /public HTTP/1.1\r\nHost: be\r\n\r\n{hidden}");
    assert!(push(&mut stream, bytes.as_bytes()).await);
    assert_eq!(statuses(&answered(&mut stream).await), [200, 403]);
    assert_eq!(stage.served(), 1);
    stage.serves_others().await;
    memory.has_grown_less_than(16.0);
}
