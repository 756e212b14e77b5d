//! What is shown, as a file.

use std::io::Write as _;
use std::time::Duration;

use proto::flow::Verdict;
use serde_json::{Value, json};
use testing::{flows, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::cluster::flow;
use crate::server::Running;

/// While a file is read, older flows are put before the others: all connections are joined anew. The
/// file breaks off, it doesn't go on with others.
#[tokio::test]
async fn a_file_of_connections_that_are_joined_anew_breaks_off() {
    const ALL: i64 = 40_000;
    let history = (0..ALL).map(|number| {
        let mut flow = flow(
            1_767_323_045_000_000_000 + number * 1_000_000,
            "shop",
            ["web", "db"],
            Verdict::Forwarded,
        );
        flow.l4 = flows::tcp(u32::try_from(20_000 + number).unwrap(), 5432);
        flows::response(flow)
    });
    let (mut relay, server) = Running::of_relay(history.collect(), &["--history", "30000"]).await;
    server.holds(30_000).await;

    // One that reads slowly.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let request = b"GET /api/export?format=csv&unit=connections HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut begin = vec![0; 2000];
    stream.read_exact(&mut begin).await.unwrap();
    let begin = String::from_utf8(begin).unwrap();
    assert!(begin.starts_with("HTTP/1.1 200"), "{begin}");

    let fetched = server.get("/api/older").await.json();
    assert_eq!(fetched["added"], 10_000, "{fetched}");
    // Somebody looks: now they are joined anew.
    let rows = server.get("/api/connections?limit=1").await.json();
    assert_eq!(rows["flows"], ALL);
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest));
    let ended = read.await.expect("in time");
    let rest = String::from_utf8_lossy(&rest);
    assert!(ended.is_err() || !rest.ends_with("0\r\n\r\n"));
    assert!(rest.lines().count() < 30_000);

    // Asked again, it is whole.
    until("a whole file", async || {
        let path = "/api/export?format=csv&unit=connections&columns=timestamp";
        let lines = server.get(path).await.body.lines().count();
        match lines == 40_001 {
            true => Ok(()),
            false => Err(lines.to_string()),
        }
    })
    .await;
    relay.stop();
}

#[tokio::test]
async fn json_lines_are_read_back_as_they_were() {
    let server = Running::start(2000, &[]).await;
    server.ready().await;
    let answer = server.get("/api/export").await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let name = answer.header("content-disposition").unwrap();
    assert!(
        name.starts_with("attachment; filename=\"flows-2") && name.ends_with(".json\""),
        "{name}"
    );
    assert_eq!(answer.body.lines().count(), 6001);
    // The loss, too, with its place.
    let lost = answer.body.lines().last().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(lost).unwrap()["lost_events"]["num_events_lost"],
        "7"
    );

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(answer.body.as_bytes()).unwrap();
    let again = Running::of_file(file, &[]).await;
    again.ready().await;
    let whole = |server: &Running| {
        let address = server.address;
        async move {
            let path = "/api/flows?sort=timestamp&limit=1000&offset=5500";
            let rows = crate::http::get(address, path, &[]).await.json();
            (rows["rows"].clone(), rows["total"].clone())
        }
    };
    assert_eq!(whole(&again).await, whole(&server).await);
}

#[tokio::test]
async fn filters_times_and_the_moment_hold() {
    let server = Running::start(10, &[]).await;
    server.ready().await;
    let lines = async |query: &str| {
        let answer = server.get(&format!("/api/export?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.body.lines().count()
    };
    let rows = server.get("/api/flows?limit=1").await.json();
    let first = rows["first"].as_u64().unwrap();
    for (query, wanted) in [
        ("", 31),
        ("filter=verdict+%3D%3D+DROPPED", 11),
        ("filter=verdict+%3D%3D+DROPPED&format=csv", 11),
        (
            "since=2026-01-02T03:04:10Z&until=2026-01-02T03:04:12Z&format=csv",
            7,
        ),
        ("namespaces=other&format=csv", 1),
        (&format!("at={}", first + 8), 9),
        (&format!("at={}&since=1500ms", first + 8), 6),
    ] {
        assert_eq!(lines(query).await, wanted, "{query}");
    }
    let csv = server
        .get("/api/export?format=csv&columns=timestamp,source,dst.port,verdict&sort=-dst.port")
        .await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let mut lines = csv.body.lines();
    assert_eq!(
        lines.next(),
        Some("timestamp,source,reply,dst.port,verdict")
    );
    let ports: Vec<u64> = lines
        .clone()
        .map(|line| line.split(',').nth(3).unwrap().parse().unwrap())
        .collect();
    assert!(
        ports.is_sorted_by(|a, b| a >= b) && ports.len() == 30,
        "{ports:?}"
    );
    assert!(lines.next().unwrap().starts_with("2026-01-02T03:04:"));
    for (query, status) in [("format=xml", 400), ("columns=none", 400), ("limit=5", 400)] {
        assert_eq!(
            server.get(&format!("/api/export?{query}")).await.status,
            status,
            "{query}"
        );
    }
    assert_eq!(json!(31), rows["total"]);
}
