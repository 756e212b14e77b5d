//! The stream of events.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::schema::DESCRIPTION;
use crate::server::Running;

/// Opens a stream.
pub(crate) async fn open(server: &Running, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /api/events?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until the text has what is wanted.
async fn until(stream: &mut TcpStream, what: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut buffer = vec![0; 65_536];
    let read = async {
        while !what(&text) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the stream ended: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            // Of a long stream the end is enough.
            if text.len() > 4_000_000 {
                text = text.split_off(2_000_000);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read)
        .await
        .expect("in time");
    text
}

/// What a stream says until a text has come, and the event after it is whole.
pub(crate) async fn read(server: &Running, query: &str, wanted: &str) -> String {
    let mut stream = open(server, query).await;
    until(&mut stream, |text| {
        text.contains(wanted) && text.ends_with("\n\n\r\n")
    })
    .await
}

/// The data of the events of a name, which are as openapi.yaml says. Cut by the transfer's chunks, an
/// event may not be whole: those are left out.
pub(crate) fn events(text: &str, name: &str) -> Vec<Value> {
    let schema = match name {
        "status" => "Status",
        "update" => "Update",
        "histogram" => "Histogram",
        "map" => "ServiceMap",
        "incidents" => "Incidents",
        _ => panic!("there is no event {name}"),
    };
    let mark = format!("event: {name}\ndata: ");
    let data = text.split(&mark).skip(1);
    let events: Vec<Value> = data
        .filter_map(|rest| serde_json::from_str(rest.split("\n\n").next()?).ok())
        .collect();
    for event in &events {
        DESCRIPTION.check(schema, event);
    }
    events
}

#[tokio::test]
async fn events_are_as_described() {
    let server = Running::start(5, &[]).await;
    server.ready().await;
    let text = read(&server, "map=true&rows=5", "event: map").await;
    for name in ["status", "update", "histogram", "map"] {
        assert!(!events(&text, name).is_empty(), "{name}: {text}");
    }
    let update = &events(&text, "update")[0];
    assert_eq!(update["rows"].as_array().unwrap().len(), 5);
    // The place of a loss is a row, and no flow.
    assert_eq!(
        (&update["total"], &update["flows"]),
        (&16.into(), &15.into())
    );
}

#[tokio::test]
async fn a_reader_that_sleeps_is_told_what_was_left_out() {
    let server = Running::start(1000, &[]).await;
    server.ready().await;
    // A window that moves with time makes an update at every tick, and all columns make it large: what
    // lies between us is full within seconds.
    let columns = server.get("/api/columns").await.json();
    let names = columns["columns"].as_array().unwrap().iter();
    let names: Vec<&str> = names
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    let query = format!("rows=200&since=1000000h&columns={}", names.join(","));
    let mut stream = open(&server, &query).await;
    until(&mut stream, |text| text.contains("event: update")).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    // Behind what was sent meanwhile comes an update that says how many were not made.
    let told = |text: &str| {
        text.contains("\"coalesced\":") && !text.ends_with(":") && {
            let mut counts = text.split("\"coalesced\":").skip(1);
            counts.any(|rest| !rest.starts_with('0'))
        }
    };
    until(&mut stream, told).await;
    // Others are served all the while.
    assert_eq!(server.get("/api/status").await.status, 200);
}

#[tokio::test]
async fn there_is_room_for_so_many() {
    let server = Running::start(1, &[]).await;
    let mut streams = Vec::new();
    for _ in 0..64 {
        let mut stream = open(&server, "rows=1").await;
        until(&mut stream, |text| {
            text.contains("200 ok") || text.contains("200 OK")
        })
        .await;
        streams.push(stream);
    }
    let refused = server.get("/api/events").await;
    assert_eq!(refused.status, 503);
    let detail = refused.json()["detail"].to_string();
    assert!(
        detail.contains("limit of 64 event streams reached"),
        "{detail}"
    );
    drop(streams);
    // A place is free once the server has noticed.
    let begin = Instant::now();
    loop {
        let mut stream = open(&server, "rows=1").await;
        if until(&mut stream, |text| text.contains("HTTP/1.1 "))
            .await
            .contains(" 200 ")
        {
            break;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "no place became free"
        );
    }
}
