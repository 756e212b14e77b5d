//! Upgrades: to WebSocket, once its request is allowed, and to nothing else.

use tokio::io::AsyncWriteExt;

use crate::proxy::{Proxy, public, rule};
use crate::wire::{Message, Server, Wire, get};

fn upgrade(path: &str, protocol: &str) -> String {
    let headers =
        format!("Connection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\nSec-WebSocket-Key: k");
    format!("GET {path} HTTP/1.1\r\nHost: be\r\n{headers}\r\n\r\n")
}

/// Agrees, then sends back what comes, and says when nothing more does.
async fn echo(mut wire: Wire) {
    let request = wire.message().await.unwrap();
    assert_eq!(request.header("upgrade"), Some("websocket"));
    assert_eq!(request.header("connection"), Some("Upgrade"));
    wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello").await;
    let all = wire.rest().await;
    wire.send(all).await;
    wire.send("bye").await;
}

#[tokio::test]
async fn a_websocket_carries_bytes_both_ways() {
    let server = Server::scripted(echo).await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    // Frames may follow at once; they aren't read as requests.
    client
        .send(upgrade("/public", "WebSocket") + &get("/secret"))
        .await;
    let response = client.head().await.unwrap();
    let wanted = "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket";
    assert_eq!(response.head, wanted);
    client.send([0, 1, 2, 255]).await;
    client.stream.shutdown().await.unwrap();
    let wanted = [b"hello", get("/secret").as_bytes(), &[0, 1, 2, 255], b"bye"].concat();
    assert_eq!(client.rest().await, wanted);
    assert_eq!(proxy.log.lines()[1], "GET http://be/public: 101");
}

#[tokio::test]
async fn a_websocket_ends_when_its_request_is_allowed_no_more() {
    let server = Server::scripted(async |mut wire: Wire| {
        wire.message().await;
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
            .await;
        wire.rest().await;
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client.send(upgrade("/public", "websocket")).await;
    assert_eq!(client.head().await.unwrap().status(), 101);
    // What else is allowed doesn't matter.
    proxy.replace(vec![rule("GET", "/public"), rule("GET", "/other")]);
    client.send("more").await;
    proxy.replace(vec![rule("GET", "/other")]);
    assert_eq!(client.rest().await, b"hello");
    let last = proxy.log.lines().pop();
    assert_eq!(last.as_deref(), Some("GET http://be/public: denied"));
}

#[tokio::test]
async fn a_websocket_must_be_allowed() {
    let server = Server::scripted(echo).await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(
        client.ask(upgrade("/secret", "websocket")).await.status(),
        403
    );
    assert_eq!(proxy.connects(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_agree_gets_requests_that_are_judged() {
    let server =
        Server::answering(|_| "HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    client
        .send(upgrade("/public", "websocket") + &get("/secret"))
        .await;
    assert_eq!(client.message().await.unwrap().status(), 426);
    assert_eq!(client.message().await.unwrap().status(), 403);
    assert_eq!(server.paths(), ["/public"]);
}

#[tokio::test]
async fn a_server_switches_to_what_was_asked_for_alone() {
    let script = |rest: &'static str| {
        Server::scripted(move |mut wire| async move {
            wire.message().await;
            wire.send(format!(
                "HTTP/1.1 101 Switching Protocols\r\n{rest}\r\n\r\n"
            ))
            .await;
            wire.rest().await;
        })
    };
    for (request, answer) in [
        (get("/public"), "Connection: Upgrade\r\nUpgrade: websocket"),
        (
            upgrade("/public", "websocket"),
            "Connection: Upgrade\r\nUpgrade: h2c",
        ),
        (
            upgrade("/public", "h2c"),
            "Connection: Upgrade\r\nUpgrade: h2c",
        ),
    ] {
        let server = script(answer).await;
        let proxy = Proxy::start(server.address, public()).await;
        let mut client = Wire::connect(proxy.address).await;
        let response: Message = client.ask(request + &get("/secret")).await;
        assert_eq!(response.status(), 502, "{answer}");
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn other_upgrades_are_refused_or_left_out() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(upgrade("/public", "h2c")).await.status(), 200);
    assert_eq!(server.seen()[0].header("upgrade"), None);
    let refused = client.ask(upgrade("/public", "foo")).await;
    assert_eq!(
        (refused.status(), refused.header("connection")),
        (403, Some("close"))
    );
    assert_eq!(server.paths().len(), 1);
}
