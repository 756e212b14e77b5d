//! What breaks, stalls or is not there: what the client gets, and what is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use proxy::http::{Ended, Limits};
use testing::eventually;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::proxy::{Proxy, public};
use crate::wire::{PATIENCE, Server, Wire, get};

const POST: &str = "POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 10\r\n\r\n";

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

async fn ended(proxy: &Proxy) -> Ended {
    eventually("the connection ends", || {
        !proxy.ended.lock().unwrap().is_empty()
    })
    .await;
    proxy.ended.lock().unwrap()[0]
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let proxy = Proxy::start(nobody().await, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    // Each request tries again.
    for _ in 0..2 {
        let response = client.ask(get("/public")).await;
        assert_eq!(response.status(), 503, "{}", response.head);
    }
    let lines = proxy.log.lines();
    assert!(
        lines[1].starts_with("GET http://be/public: Some(503) the server cannot be reached:"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn a_server_that_closes_before_it_answers() {
    let server = Server::scripted(|mut wire| async move {
        if let Some(request) = wire.message().await {
            let answers = request.path() == "/public/first";
            if answers {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .await;
                wire.message().await;
            }
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.status(), 502);
    assert_eq!(client.rest().await, b"");
    let closed = "GET http://be/public: Some(502) the server closed the connection before the response was complete";
    assert_eq!(proxy.log.lines()[1], closed);
    // A request that meets the end of a connection that was in use: the client sees that end, and may send again.
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public/first")).await.status(), 200);
    client.send(get("/public")).await;
    assert_eq!(client.rest().await, b"");
    assert_eq!(proxy.log.lines()[5], closed.replace("Some(502)", "None"));
}

#[tokio::test]
async fn a_response_that_is_malformed() {
    for answer in [
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na",
    ] {
        let server = Server::answering(|_| answer.to_owned()).await;
        let proxy = Proxy::start(server.address, public()).await;
        let mut client = Wire::connect(proxy.address).await;
        assert_eq!(client.ask(get("/public")).await.status(), 502, "{answer}");
        assert_eq!(client.rest().await, b"");
        assert_eq!(
            proxy.log.lines()[1],
            "GET http://be/public: Some(502) the server's response is malformed"
        );
    }
    let long = "a".repeat(70_000);
    let server = Server::answering(move |_| format!("HTTP/1.1 200 OK\r\nA: {long}\r\n\r\n")).await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.status(), 502);
}

#[tokio::test]
async fn a_part_of_a_response_is_not_taken_for_the_whole() {
    for (answer, last, resets) in [
        ("Content-Length: 10\r\n\r\nabc", "", false),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "", false),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc", "X", false),
        // Its end is the connection's: only a reset tells.
        ("\r\nabc", "", true),
    ] {
        let server = Server::scripted(move |mut wire| async move {
            wire.message().await;
            wire.send(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
            // When the client has that.
            wire.message().await;
            wire.send(last).await;
            if resets {
                wire.stream.set_zero_linger().unwrap();
            }
        })
        .await;
        let proxy = Proxy::start(server.address, public()).await;
        let mut client = Wire::connect(proxy.address).await;
        client.send(get("/public")).await;
        client.head().await.unwrap();
        let begun = |client: &Wire| client.buffer.windows(3).any(|three| three == b"abc");
        while !begun(&client) {
            tokio::io::AsyncReadExt::read_buf(&mut client.stream, &mut client.buffer)
                .await
                .unwrap();
        }
        // A half-close lets the server go on.
        client.stream.shutdown().await.unwrap();
        assert_eq!(ended(&proxy).await, Ended::Cut, "{answer}");
        let rest =
            tokio::io::AsyncReadExt::read_to_end(&mut client.stream, &mut client.buffer).await;
        assert!(rest.is_err(), "{answer}");
        let lines = proxy.log.lines();
        assert!(lines[2].contains("None"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_client_that_resets_midway() {
    let (told, mut tell) = tokio::sync::mpsc::channel(1);
    let server = Server::scripted(move |mut wire| {
        let told = told.clone();
        async move {
            wire.head().await;
            told.send(wire.rest().await).await.unwrap();
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    // In its body.
    let mut client = Wire::connect(proxy.address).await;
    client.send(POST.to_owned() + "abc").await;
    eventually("it is forwarded", || proxy.connects() == 1).await;
    client.stream.set_zero_linger().unwrap();
    drop(client);
    let seen = timeout(PATIENCE, tell.recv()).await.unwrap().unwrap();
    assert!(b"abc".starts_with(&seen), "{seen:?}");
    // While it waits.
    let mut client = Wire::connect(proxy.address).await;
    client.send(get("/public")).await;
    eventually("it is forwarded", || proxy.connects() == 2).await;
    client.stream.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(timeout(PATIENCE, tell.recv()).await.unwrap().unwrap(), b"");
    eventually("both are told", || proxy.log.lines().len() == 4).await;
    let lines = proxy.log.lines();
    assert!(
        lines[1].contains("None the connection to the client broke"),
        "{lines:?}"
    );
    assert!(
        lines[3].contains("None the connection to the client broke"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_client_that_closes_within_its_body() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client.send(POST.to_owned() + "abc").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(ended(&proxy).await, Ended::Cut);
    assert_eq!(server.paths(), Vec::<String>::new());
}

/// Short times, where the test waits for them to pass.
fn hasty() -> Limits {
    let short = Duration::from_millis(100);
    Limits {
        head: short,
        stalled: short,
        drain: short,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time() {
    let server = Server::start().await;
    let proxy = Proxy::with(server.address, public(), hasty()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask("GET /public HTTP/1.1\r\nHo").await.status(), 408);
    assert_eq!(client.rest().await, b"");
    assert_eq!(
        proxy.log.rejections(),
        ["the head of the request did not come in time"]
    );
    // Nor within what may be HTTP/2's preface.
    let mut client = Wire::connect(proxy.address).await;
    client.send("PRI * H").await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn who_stalls_is_not_waited_for() {
    let server = Server::scripted(|mut wire| async move {
        let head = wire.head().await.unwrap();
        if head.path() == "/public/part" {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
                .await;
        }
        wire.rest().await;
    })
    .await;
    let proxy = Proxy::with(server.address, public(), hasty()).await;
    // The server; the client in its body; the server in its body.
    for (request, status) in [(get("/public"), 504), (POST.to_owned() + "abc", 408)] {
        let mut client = Wire::connect(proxy.address).await;
        assert_eq!(client.ask(request).await.status(), status);
        assert_eq!(client.rest().await, b"");
    }
    eventually("both end", || proxy.ended.lock().unwrap().len() == 2).await;
    proxy.ended.lock().unwrap().clear();
    let mut client = Wire::connect(proxy.address).await;
    client.send(get("/public/part")).await;
    assert_eq!(client.head().await.unwrap().status(), 200);
    assert_eq!(ended(&proxy).await, Ended::Cut);
}

#[tokio::test]
async fn an_idle_connection_does_not_stay_for_ever() {
    let server = Server::start().await;
    let limits = Limits {
        idle: Duration::from_millis(100),
        ..Limits::default()
    };
    let proxy = Proxy::with(server.address, public(), limits).await;
    for request in ["".to_owned(), get("/public")] {
        let mut client = Wire::connect(proxy.address).await;
        client.send(&request).await;
        let rest = client.rest().await;
        assert_eq!(rest.is_empty(), request.is_empty());
    }
    assert_eq!(proxy.log.rejections(), Vec::<String>::new());
}

#[tokio::test]
async fn a_connection_that_is_not_accepted_in_time() {
    // The queue of a listener that accepts nothing is full after a few: the next SYN isn't answered.
    let listener = tokio::net::TcpSocket::new_v4().unwrap();
    listener.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    loop {
        let connect = tokio::net::TcpStream::connect(address);
        match timeout(Duration::from_millis(200), connect).await {
            Ok(stream) => held.push(stream.unwrap()),
            Err(_) => break,
        }
        assert!(held.len() < 20, "the queue doesn't fill");
    }
    let limits = Limits {
        connect: Duration::from_millis(50),
        ..Limits::default()
    };
    let proxy = Proxy::with(address, public(), limits).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.status(), 503);
    let wanted = "GET http://be/public: Some(503) the server did not accept the connection in time";
    assert_eq!(proxy.log.lines()[1], wanted);
}

#[tokio::test]
async fn heads_have_a_limit() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let request = |rest: &str| format!("GET /public HTTP/1.1\r\nHost: be\r\n{rest}\r\n\r\n");
    for (what, rest, status) in [
        ("long", format!("A: {}", "b".repeat(70_000)), 431),
        ("many", vec!["A: b"; 100].join("\r\n"), 431),
        ("just", format!("A: {}", "b".repeat(60_000)), 200),
    ] {
        let mut client = Wire::connect(proxy.address).await;
        assert_eq!(client.ask(request(&rest)).await.status(), status, "{what}");
    }
    let mut client = Wire::connect(proxy.address).await;
    let long = get(&format!("/public/{}", "a".repeat(9_000)));
    assert_eq!(client.ask(long).await.status(), 414);
}
