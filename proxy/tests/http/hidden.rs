//! Bytes that hide a request, more of the kind of `testdata/l7/cases.yaml` (`tests/cases`): to a server that is
//! asked nothing but what was judged.

use crate::proxy::{Proxy, rule};
use crate::wire::{Server, Wire, get};

/// Sends bytes, then closes the sending half: the statuses of the answers until the connection's end.
async fn send(proxy: &Proxy, bytes: &[u8]) -> Vec<u16> {
    let mut client = Wire::connect(proxy.address).await;
    client.send(bytes).await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream)
        .await
        .unwrap();
    let mut statuses = Vec::new();
    while let Some(response) = client.message().await {
        statuses.push(response.status());
    }
    statuses
}

/// Requests that hide another one, from a reader that is less strict or strict otherwise.
const HIDING: [(&str, &str); 20] = [
    (
        "two lengths",
        "Content-Length: 4\r\nContent-Length: 50\r\n\r\nabcd",
    ),
    ("a list of lengths", "Content-Length: 4, 4\r\n\r\nabcd"),
    ("a length with a sign", "Content-Length: +4\r\n\r\nabcd"),
    ("a space before the colon", "Content-Length : 4\r\n\r\nabcd"),
    ("a folded header", "X: a\r\n Content-Length: 4\r\n\r\nabcd"),
    (
        "length and chunks",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunks and length",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    ),
    (
        "an odd coding",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked twice",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ),
    ("identity", "Transfer-Encoding: identity\r\n\r\n"),
    (
        "a tab in the coding",
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    ),
    ("a bare line feed", "X: a\nContent-Length: 4\r\n\r\nabcd"),
    ("a bare return", "X: a\rContent-Length: 4\r\n\r\nabcd"),
    (
        "a chunk size with a space",
        "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
    ),
    (
        "a chunk size with a prefix",
        "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    ),
    (
        "a chunk that ends with a line feed",
        "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    ),
    (
        "a line feed in an extension",
        "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\n0\r\n\r\n",
    ),
    (
        "a chunk that is longer",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    ),
    (
        "a size that overflows",
        "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n",
    ),
    (
        "trailers",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
    ),
];

#[tokio::test]
async fn what_hides_a_request_is_refused_and_ends_the_connection() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, vec![rule("GET|POST", "/public")]).await;
    for (what, rest) in HIDING {
        let start = "POST /public HTTP/1.1\r\nHost: be\r\n";
        let bytes = format!("{start}{rest}{}", get("/secret"));
        let statuses = send(&proxy, bytes.as_bytes()).await;
        assert!(matches!(*statuses, [400 | 501]), "{what}: {statuses:?}");
    }
    assert!(!server.paths().contains(&"/secret".to_owned()));
    // Nothing of them is a request to the server.
    assert_eq!(server.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_response_hides_ends_the_connection() {
    // More than it says: not taken for the next response.
    let server = Server::answering(|_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
            .to_owned()
    })
    .await;
    let proxy = Proxy::start(server.address, vec![rule("GET", "/public")]).await;
    let mut client = Wire::connect(proxy.address).await;
    client.send(get("/public") + &get("/public")).await;
    assert_eq!(client.message().await.unwrap().text(), "ok");
    assert_eq!(client.rest().await, b"");
}
