//! However the bytes of a connection come in pieces: the same requests reach the server, and the same answers
//! the client.

use std::sync::Mutex;

use l7::http::{NoSecrets, Request};
use l7::rules::{Decision, Direction};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use proxy::http::{
    Decisions, HttpRecord, Judge, Limits, Recorder, Redaction, Rejection, Service, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::proxy::room;

/// Allows what begins with `/public`.
struct Public;

impl Judge for Public {
    fn judge(&self, request: &Request<'_, [(&str, &[u8])]>) -> Decisions {
        let rule = l7::http::Rule::new(&crate::proxy::rule(".*", "/public.*")).unwrap();
        let fits = matches!(rule.judge(request, &NoSecrets), l7::http::Fit::Fits(_));
        let decision = if fits {
            Decision::Allowed(l7::rules::Allowed {
                rule: l7::rules::RuleRef(1),
                item: None,
            })
        } else {
            Decision::Denied(l7::rules::Denial { nearest: None })
        };
        Decisions {
            decisions: vec![(Direction::Egress, decision)],
            ..Decisions::default()
        }
    }

    fn changed(&self) -> futures::future::BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

struct Nobody;

impl Recorder for Nobody {
    fn record(&self, _: HttpRecord) {}

    fn reject(&self, _: Rejection) {}
}

/// Writes in pieces, and closes.
async fn write(mut to: impl AsyncWriteExt + Unpin, bytes: &[u8], pieces: &[usize]) {
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at((*piece).min(rest.len()));
        // The proxy may have closed.
        if now.is_empty() || to.write_all(now).await.is_err() {
            break;
        }
        rest = later;
        tokio::task::yield_now().await;
    }
    drop(to.shutdown().await);
}

/// Answers each request with a response for its method, in pieces, and keeps what it got.
async fn respond(mut stream: DuplexStream, seen: &Mutex<Vec<u8>>, pieces: &[usize]) {
    let mut reader = l7::http::HeadReader::new();
    let mut all = Vec::new();
    loop {
        let length = match reader.read(&all).unwrap() {
            Some(head) => {
                let body = all.get(head.length..).unwrap_or_default();
                match head.framing {
                    l7::http::Framing::Length(length) => {
                        let length = usize::try_from(length).unwrap();
                        (body.len() >= length).then_some(head.length + length)
                    }
                    l7::http::Framing::Chunked => {
                        let mut chunks = l7::http::Chunks::new();
                        let length = chunks.push(body).unwrap();
                        chunks.is_complete().then_some(head.length + length)
                    }
                }
            }
            None => None,
        };
        match length {
            Some(length) => {
                let is_head = all.starts_with(b"HEAD");
                let request: Vec<_> = all.drain(..length).collect();
                seen.lock().unwrap().extend_from_slice(&request);
                reader = l7::http::HeadReader::new();
                let body = if is_head {
                    ""
                } else {
                    "2\r\nok\r\n0\r\nT: 1\r\n\r\n"
                };
                let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
                for piece in text.as_bytes().chunks(pieces[0]) {
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                }
            }
            None => {
                reader = l7::http::HeadReader::new();
                if !matches!(stream.read_buf(&mut all).await, Ok(1..)) {
                    return;
                }
            }
        }
    }
}

/// What the server saw, and what the client got, dates left out.
async fn run(bytes: &[u8], pieces: &[usize]) -> (Vec<u8>, String) {
    let (client, ours) = tokio::io::duplex(64);
    let (servers, theirs) = tokio::io::duplex(64);
    let server = Mutex::new(Some(servers));
    let (limits, redaction) = (Limits::default(), Redaction::default());
    let service = Service {
        room: &room(),
        judge: &Public,
        record: &Nobody,
        redaction: &redaction,
        limits: &limits,
        scheme: "http",
    };
    let seen = Mutex::new(Vec::new());
    let (mut from_proxy, to_proxy) = tokio::io::split(client);
    let read = async {
        let mut all = Vec::new();
        from_proxy.read_to_end(&mut all).await.unwrap();
        all
    };
    let connect = || {
        let server = server.lock().unwrap().take();
        async { server.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()) }
    };
    let serving = async {
        serve(&service, ours, connect).await;
        // A server that was never needed waits for nobody.
        drop(server.lock().unwrap().take());
    };
    let (got, ..) = tokio::join!(
        read,
        serving,
        write(to_proxy, bytes, pieces),
        respond(theirs, &seen, pieces),
    );
    let got = String::from_utf8(got).unwrap();
    let lines = got.lines().filter(|line| !line.starts_with("date: "));
    let got = lines.collect::<Vec<_>>().join("\n");
    (seen.into_inner().unwrap(), got)
}

#[test]
fn pieces_make_no_difference() {
    let request = prop_oneof![
        3 => Just("GET /public/a HTTP/1.1\r\nHost: be\r\n\r\n"),
        2 => Just("GET /secret HTTP/1.1\r\nHost: be\r\n\r\n"),
        1 => Just("HEAD /public HTTP/1.1\r\nHost: be\r\n\r\n"),
        1 => Just("HEAD /secret HTTP/1.1\r\nHost: be\r\n\r\n"),
        2 => Just("POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 5\r\n\r\nGET /"),
        2 => Just("POST /secret HTTP/1.1\r\nHost: be\r\nContent-Length: 5\r\n\r\nGET /"),
        2 => Just("POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nGET\r\n0\r\n\r\n"),
        1 => Just("POST /secret HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"),
        1 => Just("GET /public%2fa HTTP/1.1\r\nHost: be\r\n\r\n"),
        1 => Just("\r\n"),
        1 => Just("GET /public HTTP/1.1\r\nHost: be\r\nHost: be\r\n\r\n"),
    ];
    let requests = prop::collection::vec(request, 1..8);
    let pieces = prop::collection::vec(1_usize..40, 1..5);
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let told = std::cell::Cell::new((0, 0));
    let check = |(requests, pieces): (Vec<&str>, Vec<usize>)| {
        let bytes = requests.concat().into_bytes();
        let (whole, cut) = runtime
            .block_on(async { (run(&bytes, &[usize::MAX]).await, run(&bytes, &pieces).await) });
        prop_assert_eq!(
            &String::from_utf8_lossy(&whole.0),
            &String::from_utf8_lossy(&cut.0)
        );
        prop_assert_eq!(&whole.1, &cut.1);
        prop_assert!(!String::from_utf8_lossy(&whole.0).contains("/secret"));
        let (allowed, denied) = told.get();
        let count = |text: &str| whole.1.matches(text).count();
        told.set((allowed + count("200 OK"), denied + count("403 Forbidden")));
        Ok(())
    };
    TestRunner::new(config)
        .run(&(requests, pieces), check)
        .unwrap();
    assert!(told.get().0 > 300 && told.get().1 > 200, "{told:?}");
}
