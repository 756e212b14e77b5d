//! Where bodies end, both ways.

use std::time::Duration;

use proxy::http::Limits;
use tokio::io::AsyncWriteExt;

use crate::proxy::{Proxy, public};
use crate::wire::{Message, Server, Wire, get};

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: be\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn chunks_and_lengths_pass_both_ways() {
    let server = Server::answering(|request: &Message| {
        let body = request.text();
        if request.path() == "/public/chunks" {
            let chunks = body.chars().map(|char| format!("1\r\n{char}\r\n"));
            let chunks = chunks.collect::<String>();
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\nX-Sum: 1\r\n\r\n"
            )
        } else {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let chunked = "POST /public/a HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(client.ask(chunked).await.text(), "abcde");
    assert_eq!(client.ask(post("/public/a", "12345")).await.text(), "12345");
    let response = client.ask(post("/public/chunks", "xyz")).await;
    assert_eq!((response.text(), &*response.trailers), ("xyz", "X-Sum: 1"));
    assert_eq!(client.ask(post("/public/a", "")).await.text(), "");
    assert_eq!(proxy.connects(), 1);
}

#[tokio::test]
async fn what_has_no_body_has_none() {
    let server = Server::answering(|request: &Message| {
        let rest = match request.path() {
            "/public/204" => "204 No Content\r\n\r\n",
            "/public/304" => "304 Not Modified\r\nContent-Length: 10\r\n\r\n",
            _ => "200 OK\r\nContent-Length: 10\r\n\r\n",
        };
        format!("HTTP/1.1 {rest}")
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let head = |path: &str| get(path).replace("GET", "HEAD");
    for (request, status, length) in [
        (head("/public"), 200, Some("10")),
        (get("/public/204"), 204, None),
        (get("/public/304"), 304, Some("10")),
        (head("/secret"), 403, Some("15")),
        (head("/public"), 200, Some("10")),
    ] {
        client.send(request).await;
        let response = client.head().await.unwrap();
        assert_eq!(
            (response.status(), response.header("content-length")),
            (status, length)
        );
    }
}

#[tokio::test]
async fn a_body_may_end_with_the_connection() {
    let server = Server::scripted(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client.send(get("/public")).await;
    let head = client.head().await.unwrap();
    assert_eq!(head.head, "HTTP/1.1 200 OK\nConnection: close");
    assert_eq!(client.rest().await, b"all of it");
}

#[tokio::test]
async fn the_proxy_tells_a_waiting_client_to_go_on() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let start =
        "POST /public HTTP/1.1\r\nHost: be\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    for _ in 0..2 {
        client.send(start).await;
        assert_eq!(client.head().await.unwrap().head, "HTTP/1.1 100 Continue");
        assert_eq!(client.ask("hello").await.text(), "ok");
    }
    let seen = server.seen();
    assert_eq!((seen[0].text(), seen[0].header("expect")), ("hello", None));
    // Denied: it isn't told to, and whether it sends the body all the same nobody knows.
    client.send(start.replace("/public", "/secret")).await;
    let denied = client.message().await.unwrap();
    assert_eq!(
        (denied.status(), denied.header("connection")),
        (403, Some("close"))
    );
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn responses_before_the_last_pass() {
    let server = Server::scripted(|mut wire| async move {
        while wire.message().await.is_some() {
            wire.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            wire.send("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
                .await;
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    for _ in 0..2 {
        client.send(get("/public")).await;
        assert_eq!(
            client.head().await.unwrap().head,
            "HTTP/1.1 103 Early Hints\nLink: a"
        );
        assert_eq!(client.message().await.unwrap().text(), "ok");
    }
}

#[tokio::test]
async fn the_body_of_a_denied_request_is_passed_over_if_it_is_short() {
    let server = Server::start().await;
    let limits = Limits {
        drained: 100,
        ..Limits::default()
    };
    let proxy = Proxy::with(server.address, public(), limits).await;
    let chunked = |size: usize| {
        let chunk = "a".repeat(size);
        format!(
            "POST /secret HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{chunk}\r\n0\r\n\r\n"
        )
    };
    let body = |size: usize| post("/secret", &"GET / HTTP/1.1\r\n".repeat(10)[..size]);
    let mut client = Wire::connect(proxy.address).await;
    for request in [body(100), chunked(50)] {
        assert_eq!(client.ask(request).await.status(), 403);
        assert_eq!(client.ask(get("/public")).await.status(), 200);
    }
    for request in [body(101), chunked(101)] {
        let mut client = Wire::connect(proxy.address).await;
        client.send(request + &get("/public/behind")).await;
        assert_eq!(client.message().await.unwrap().status(), 403);
        assert_eq!(client.rest().await, b"");
    }
    assert_eq!(server.paths(), ["/public", "/public"]);
}

#[tokio::test]
async fn a_response_may_come_before_the_request_is_complete() {
    // Both flow at once: each piece of the request is answered by one of the response.
    let server = Server::scripted(|mut wire| async move {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        for _ in 0..3 {
            let mut piece = [0; 4];
            tokio::io::AsyncReadExt::read_exact(&mut wire.stream, &mut piece)
                .await
                .unwrap();
            wire.send(format!("4\r\n{}\r\n", String::from_utf8_lossy(&piece)))
                .await;
        }
        wire.send("0\r\n\r\n").await;
        wire.message().await;
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client
        .send("POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 12\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().status(), 200);
    for piece in ["abcd", "efgh", "ijkl"] {
        client.send(piece).await;
        let mut echo = vec![0; 9];
        while client.buffer.len() < 9 {
            tokio::io::AsyncReadExt::read_buf(&mut client.stream, &mut client.buffer)
                .await
                .unwrap();
        }
        echo.copy_from_slice(&client.buffer.drain(..9).collect::<Vec<_>>());
        assert_eq!(String::from_utf8_lossy(&echo), format!("4\r\n{piece}\r\n"));
    }
}

#[tokio::test]
async fn a_server_may_answer_early_and_close() {
    let server = Server::scripted(|mut wire| async move {
        wire.head().await;
        wire.send(
            "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig",
        )
        .await;
        wire.stream.shutdown().await.unwrap();
        wire.rest().await;
    })
    .await;
    let limits = Limits {
        drain: Duration::from_secs(1),
        ..Limits::default()
    };
    let proxy = Proxy::with(server.address, public(), limits).await;
    let mut client = Wire::connect(proxy.address).await;
    client
        .send("POST /public HTTP/1.1\r\nHost: be\r\nContent-Length: 1000000\r\n\r\nabc")
        .await;
    let response = client.message().await.unwrap();
    assert_eq!((response.status(), response.text()), (413, "big"));
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_half_closed_client_gets_its_responses() {
    let server = Server::scripted(|mut wire| async move {
        for number in 1..=2 {
            wire.message().await.unwrap();
            if number == 2 {
                // The client's end reaches the server, and the server's answer the client.
                assert!(wire.message().await.is_none());
            }
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}"
            ))
            .await;
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client.send(get("/public") + &get("/public")).await;
    client.stream.shutdown().await.unwrap();
    for wanted in ["1", "2"] {
        assert_eq!(client.message().await.unwrap().text(), wanted);
    }
    assert_eq!(client.rest().await, b"");
}
