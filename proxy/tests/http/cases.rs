//! The bytes of `testdata/l7/cases.yaml` (`raw`), and more of their kind, to a server that is asked nothing but
//! what was judged.

use serde::Deserialize;

use crate::proxy::{Proxy, rule};
use crate::wire::{Server, Wire, get};

#[derive(Deserialize)]
struct Table {
    sets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    probes: Vec<Probe>,
}

#[derive(Deserialize)]
struct Probe {
    raw: Option<String>,
    expect: String,
    status: Option<Status>,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    /// Of a request that isn't bytes.
    One(#[expect(dead_code, reason = "other tests'")] u16),
    All(Vec<u16>),
}

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

#[tokio::test]
async fn the_table_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/l7/cases.yaml");
    let table: Table = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let probes = table.sets.into_iter().flat_map(|set| set.probes);
    let mut driven = 0;
    for probe in probes {
        let Some(raw) = &probe.raw else {
            continue;
        };
        let server = Server::start().await;
        let proxy = Proxy::start(server.address, vec![rule("GET|POST", "/public")]).await;
        let statuses = send(&proxy, raw.as_bytes()).await;
        match probe.expect.as_str() {
            // Any refusal will do.
            "rejected" | "denied" => {
                assert!(
                    matches!(*statuses, [400..=599]),
                    "{}: {statuses:?}",
                    probe.why
                );
            }
            _ => {
                let Some(Status::All(wanted)) = &probe.status else {
                    panic!("{}: no statuses", probe.why);
                };
                assert_eq!(&statuses, wanted, "{}", probe.why);
            }
        }
        let allowed = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(server.paths(), vec!["/public"; allowed], "{}", probe.why);
        driven += 1;
    }
    assert!(driven >= 10, "{driven}");
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
