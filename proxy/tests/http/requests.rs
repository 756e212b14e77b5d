//! Requests one after the other: judged each, answered in order.

use l7::http::{Action, HeaderMatch, RuleSpec};
use proxy::http::{Event, Protocol};
use proxy::record::Lines;
use testing::eventually;

use crate::proxy::{Proxy, public, rule};
use crate::wire::{Message, Server, Wire, get};

#[tokio::test]
async fn each_request_is_judged_and_the_connection_goes_on() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    // Nothing is opened before something is allowed.
    let denied = client.ask(get("/secret")).await;
    assert_eq!(proxy.connects(), 0);
    assert_eq!((denied.status(), denied.text()), (403, "Access denied\r\n"));
    let names: Vec<_> = denied.head.lines().skip(1).collect();
    assert_eq!(
        names[..2],
        ["content-length: 15", "content-type: text/plain"]
    );
    assert!(
        names[2].starts_with("date: ") && names[2].ends_with(" GMT"),
        "{names:?}"
    );
    assert_eq!(names.len(), 3);
    for path in ["/public/a", "/secret", "/public/b"] {
        let wanted = if path == "/secret" { 403 } else { 200 };
        assert_eq!(client.ask(get(path)).await.status(), wanted, "{path}");
    }
    assert_eq!(server.paths(), ["/public/a", "/public/b"]);
    assert_eq!(proxy.connects(), 1);
    let url = |path| format!("GET http://be{path}");
    let wanted = [
        ("/secret", "denied", "403"),
        ("/public/a", "allowed", "200"),
    ];
    let wanted = wanted.map(|(path, verdict, status)| {
        [
            format!("{}: {verdict}", url(path)),
            format!("{}: {status}", url(path)),
        ]
    });
    assert_eq!(proxy.log.lines()[..4], wanted.concat());
}

#[tokio::test]
async fn pipelined_requests_are_judged_each() {
    let server = Server::answering(|request| {
        let path = request.path();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        )
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let paths: Vec<_> = (0..50)
        .map(|n| {
            if n % 3 == 1 {
                format!("/secret/{n}")
            } else {
                format!("/public/{n}")
            }
        })
        .collect();
    client
        .send(paths.iter().map(|path| get(path)).collect::<String>())
        .await;
    for path in &paths {
        let response = client.message().await.unwrap();
        let wanted = if path.starts_with("/public") {
            path
        } else {
            "Access denied\r\n"
        };
        assert_eq!(response.text(), wanted);
    }
    let public: Vec<_> = paths
        .iter()
        .filter(|path| path.starts_with("/public"))
        .collect();
    assert_eq!(server.paths().iter().collect::<Vec<_>>(), public);
}

#[tokio::test]
async fn bytes_may_come_one_by_one() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let body = "POST /public HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n";
    let all = [get("/public"), get("/secret"), body.to_owned()].concat();
    for byte in all.as_bytes() {
        client.send([*byte]).await;
    }
    for wanted in [200, 403, 200] {
        assert_eq!(client.message().await.unwrap().status(), wanted);
    }
    assert_eq!(server.seen()[1].text(), "hello");
}

#[tokio::test]
async fn responses_may_come_byte_by_byte() {
    let server = Server::scripted(|mut wire| async move {
        while wire.message().await.is_some() {
            let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
            for byte in text.as_bytes() {
                wire.send([*byte]).await;
            }
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    for _ in 0..2 {
        let response = client.ask(get("/public")).await;
        assert_eq!((response.text(), &*response.trailers), ("abc", "A: b"));
    }
}

#[tokio::test]
async fn a_change_of_policy_counts_for_the_next_request() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.status(), 200);
    proxy.replace(vec![rule("GET", "/other")]);
    assert_eq!(client.ask(get("/public")).await.status(), 403);
    assert_eq!(client.ask(get("/other")).await.status(), 200);
    assert_eq!(proxy.connects(), 1);
}

#[tokio::test]
async fn the_server_sees_what_was_judged() {
    let server = Server::start().await;
    let replace = HeaderMatch {
        name: "X-User".into(),
        value: Some("fe".into()),
        secret: None,
        mismatch: Some(Action::Replace),
    };
    let rules = vec![RuleSpec {
        header_matches: vec![replace],
        ..rule("GET", "/api/.*")
    }];
    let proxy = Proxy::start(server.address, rules).await;
    let mut client = Wire::connect(proxy.address).await;
    let request = "GET http://other:80/x/..//%61pi/./y?q=../z HTTP/1.1\r\nHost: be\r\nX-User: eve\r\nAccept: */*\r\n\r\n";
    assert_eq!(client.ask(request).await.status(), 200);
    let wanted = "GET /api/y?q=../z HTTP/1.1\nHost: other:80\nAccept: */*\nX-User: fe";
    assert_eq!(server.seen()[0].head, wanted);
    let records = proxy.log.take();
    let rejected = &records[0].decisions.effects.rejected[0];
    assert_eq!(
        (&*rejected.name, &*rejected.value),
        ("X-User", &b"[redacted]"[..])
    );
    assert_eq!(&*records[0].request.url, "http://other:80/api/y?q=../z");
}

#[tokio::test]
async fn an_escaped_slash_sends_the_client_on() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let response = client.ask(get("/public%2fa?b=%2f")).await;
    assert_eq!(response.status(), 307);
    assert_eq!(response.header("location"), Some("/public/a?b=%2f"));
    // The connection goes on.
    assert_eq!(client.ask(get("/public/a?b=%2f")).await.status(), 200);
    assert_eq!(proxy.log.rejections(), ["an escaped slash in the path"]);
}

#[tokio::test]
async fn records_pair_and_show_only_what_is_listed() {
    let server = Server::answering(|_| {
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
            .to_owned()
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    let headers = "X-Request-Id: one\r\nAuthorization: Bearer x\r\nContent-Type: a/b";
    client
        .ask(format!(
            "GET /public?a=b HTTP/1.1\r\nHost: be:80\r\n{headers}\r\n\r\n"
        ))
        .await;
    client.ask(get("/public")).await;
    let records = proxy.log.take();
    assert_eq!(records.len(), 4);
    let ids: Vec<_> = records
        .iter()
        .map(|record| &*record.request.request_id)
        .collect();
    assert_eq!(ids[..2], ["one", "one"]);
    assert_eq!(ids[2], ids[3]);
    assert_eq!(ids[2].len(), 36);
    let request = &records[0].request;
    assert_eq!(
        (request.protocol, &*request.url),
        (Protocol::Http1, "http://be:80/public?a=b")
    );
    let values = |headers: &Lines| {
        let lines = headers.iter();
        lines
            .map(|(name, value)| format!("{name}: {value}"))
            .collect::<Vec<_>>()
    };
    let wanted = [
        "host: [redacted]",
        "x-request-id: [redacted]",
        "authorization: [redacted]",
        "content-type: a/b",
    ];
    let Event::Judged { headers } = &records[0].event else {
        panic!("{records:?}");
    };
    assert_eq!(values(headers), wanted);
    let Event::Responded {
        status, headers, ..
    } = &records[1].event
    else {
        panic!("{records:?}");
    };
    let wanted = [
        "content-type: text/plain",
        "set-cookie: [redacted]",
        "content-length: [redacted]",
    ];
    assert_eq!(
        (*status, values(headers)),
        (200, wanted.map(str::to_owned).to_vec())
    );
    // A name of our own is for the records alone.
    assert_eq!(server.seen()[1].header("x-request-id"), None);
}

#[tokio::test]
async fn an_idle_connection_ends_when_the_server_ends_it() {
    let server = Server::scripted(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await;
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.status(), 200);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn either_side_may_say_that_a_request_is_the_last() {
    let server = Server::answering(|request: &Message| {
        let close = if request.path() == "/public/close" {
            "Connection: close\r\n"
        } else {
            ""
        };
        format!("HTTP/1.1 200 OK\r\n{close}Content-Length: 0\r\n\r\n")
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let requests = [
        get("/public/close"),
        "GET /public HTTP/1.1\r\nHost: be\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /secret HTTP/1.1\r\nHost: be\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let mut client = Wire::connect(proxy.address).await;
        // What is behind the last request isn't looked at.
        let response = client.ask(request + &get("/public/more")).await;
        assert_eq!(
            response.header("connection"),
            Some("close"),
            "{}",
            response.head
        );
        assert_eq!(client.rest().await, b"");
    }
    assert_eq!(server.paths(), ["/public/close", "/public"]);
}

#[tokio::test]
async fn a_client_that_closes_closes_the_server() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client.ask(get("/public")).await;
    drop(client);
    eventually("the connection ends", || {
        !proxy.ended.lock().unwrap().is_empty()
    })
    .await;
}
