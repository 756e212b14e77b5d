//! HTTP/2 by the frame: heads that no client sends, and none of which a server may see.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::h2_ends::Server;
use crate::proxy::{Proxy, public};
use crate::wire::PATIENCE;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Status 200.
    Allowed,
    /// Another status.
    Refused,
    /// The stream, or the connection.
    Reset,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let head = [
        &length.to_be_bytes()[1..],
        &[kind, flags],
        &stream.to_be_bytes(),
    ];
    [&head.concat(), payload].concat()
}

/// A block of literal fields (RFC 7541, 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            let length = u8::try_from(text.len()).unwrap();
            assert!(length < 127, "one byte of length");
            out.push(length);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

/// Opens a connection, sends frames in pieces, and waits for what becomes of stream 1.
async fn send(address: SocketAddr, frames: &[Vec<u8>], piece: usize) -> Outcome {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let bytes = [&[preface, frame(SETTINGS, 0, 0, &[])], frames]
        .concat()
        .concat();
    for piece in bytes.chunks(piece) {
        if stream.write_all(piece).await.is_err() {
            return Outcome::Reset;
        }
    }
    loop {
        let mut head = [0; 9];
        let read = timeout(PATIENCE, stream.read_exact(&mut head))
            .await
            .unwrap();
        if read.is_err() {
            return Outcome::Reset;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut payload).await.is_err() {
            return Outcome::Reset;
        }
        match head[3] {
            // Field 8 of the static table is `:status: 200`.
            HEADERS if payload[0] == 0x88 => return Outcome::Allowed,
            HEADERS => return Outcome::Refused,
            RESET | GOAWAY => return Outcome::Reset,
            _ => {}
        }
    }
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "be"),
    (":path", "/public"),
];

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields = GET.to_vec();
    match fields.iter_mut().find(|(one, _)| *one == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
    fields
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    let mut fields = GET.to_vec();
    fields.retain(|(one, _)| *one != name);
    fields
}

#[tokio::test]
async fn heads_that_have_two_readings() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let late = [&[("a", "b")], &GET[..]].concat();
    let twice = [&GET[..], &[(":path", "/secret")]].concat();
    let rows = [
        ("of a connection", with("connection", "close")),
        ("of a connection's", with("keep-alive", "1")),
        ("of a proxy's", with("proxy-connection", "close")),
        ("a coding", with("transfer-encoding", "chunked")),
        ("an upgrade", with("upgrade", "websocket")),
        ("te", with("te", "gzip")),
        ("upper case", with("X-User", "a")),
        ("a space in a name", with("x user", "a")),
        ("a line in a value", with("a", "b\r\nhost: c")),
        ("a zero in a value", with("a", "b\0c")),
        ("behind a header", late),
        ("two paths", twice),
        ("an unknown pseudo header", with(":x", "a")),
        ("a response's", with(":status", "200")),
        ("no path", without(":path")),
        ("an empty path", with(":path", "")),
        ("a path that is none", with(":path", "public")),
        ("all", with(":path", "*")),
        ("a path with a space", with(":path", "/public /a")),
        ("a path with a line", with(":path", "/public\r\na: b")),
        ("a whole URI", with(":path", "http://be/public")),
        ("no authority", without(":authority")),
        ("a user", with(":authority", "a@be")),
        ("two authorities", with(":authority", "be,other")),
        ("another host", with("host", "other")),
        ("no scheme", without(":scheme")),
        ("another scheme", with(":scheme", "ftp")),
        ("no method", without(":method")),
        ("a method in lower case", with(":method", "get")),
        ("a method with a space", with(":method", "GET /public")),
        ("a tunnel", with(":method", "CONNECT")),
        ("a protocol", with(":protocol", "websocket")),
    ];
    for (what, fields) in rows {
        let head = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields));
        let outcome = send(proxy.address, &[head], usize::MAX).await;
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::Reset),
            "{what}"
        );
        assert_eq!(server.paths(), Vec::<String>::new(), "{what}");
    }
}

#[tokio::test]
async fn a_body_of_another_length_than_said() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, vec![crate::proxy::rule("GET", "/secret")]).await;
    // A denied stream's body is no one's.
    let fields = [&GET[..], &[("content-length", "5")]].concat();
    for data in ["abc", "abcdefg"] {
        let frames = [
            frame(HEADERS, END_HEADERS, 1, &block(&fields)),
            frame(DATA, END_STREAM, 1, data.as_bytes()),
        ];
        let outcome = send(proxy.address, &frames, usize::MAX).await;
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::Reset),
            "{data}"
        );
    }
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    for (host, piece) in [("be", 1), ("be", 7), ("be", usize::MAX)] {
        let fields = [&without(":authority")[..], &[("host", host)]].concat();
        let head = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields));
        assert_eq!(
            send(proxy.address, &[head], piece).await,
            Outcome::Allowed,
            "{piece}"
        );
    }
    // Host alone is enough, and becomes the authority.
    assert_eq!(server.seen()[0].uri(), "http://be/public");
}

#[tokio::test]
async fn heads_have_a_limit() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    // A block that never ends: a frame of HEADERS, and of CONTINUATION after it without end.
    let filler = block(&vec![("a", "b"); 2000]);
    let mut frames = vec![frame(HEADERS, END_STREAM, 1, &block(&GET))];
    frames.extend(std::iter::repeat_n(frame(9, 0, 1, &filler), 200));
    assert_eq!(
        send(proxy.address, &frames, usize::MAX).await,
        Outcome::Reset
    );
    assert_eq!(server.paths(), Vec::<String>::new());
}
