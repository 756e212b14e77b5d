//! The map of connections, of the recording of a shop.

use serde_json::{Value, json};

use crate::connections::{encoded, shop};
use crate::server::Running;
use crate::stream;

/// Connections, denied ones, and bytes.
fn sums(map: &Value) -> [u64; 3] {
    ["flows", "dropped", "bytes"].map(|of| {
        let edges = map["edges"].as_array().unwrap().iter();
        edges.map(|edge| edge[of].as_u64().unwrap()).sum()
    })
}

async fn map(server: &Running, query: &str) -> Value {
    let path = format!("/api/map?unit=connections{query}");
    server.get(&path).await.json()
}

async fn number(server: &Running, query: &str) -> u64 {
    let path = format!("/api/connections?limit=1{query}");
    server.get(&path).await.json()["flows"].as_u64().unwrap()
}

#[tokio::test]
async fn an_edge_counts_connections_and_each_as_what_became_of_it() {
    let server = shop().await;
    let filter = |text: &str| format!("&filter={}", encoded(text));
    let all = map(&server, "").await;
    let denied = number(&server, &filter("verdict == DROPPED")).await;
    // What left its source and was denied at its destination is one, and denied.
    assert_eq!(sums(&all)[..2], [number(&server, "").await, denied]);
    // Of filters that only connections know.
    for text in ["drops > 0", "state == closed", "age > 1s", "bytes > 100"] {
        let query = filter(text);
        let found = map(&server, &query).await;
        assert_eq!(sums(&found)[0], number(&server, &query).await, "{text}");
        assert!(sums(&found)[0] > 0, "{text}");
    }
    // Expressions that the map offers find what they stand for.
    for edge in all["edges"].as_array().unwrap() {
        let query = filter(edge["term"].as_str().unwrap());
        assert_eq!(edge["flows"], number(&server, &query).await, "{edge}");
    }
    // Of the time that the table is of.
    let rows = server.get("/api/connections?limit=1000").await.json();
    let rows = rows["rows"].as_array().unwrap();
    let middle = rows[rows.len() / 2]["time"].as_f64().unwrap();
    let query = format!("&since={middle:.0}&until={middle:.0}");
    let lived = map(&server, &query).await;
    assert_eq!(sums(&lived)[0], number(&server, &query).await);
    assert!(sums(&lived)[0] < sums(&all)[0]);
    assert_eq!(lived["seconds"], json!(1.0));

    // The same in the stream, and as of a moment.
    let text = stream::read(&server, "unit=connections&map=true", "event: map").await;
    assert_eq!(stream::events(&text, "map")[0], all);
    let at = server.get("/api/status").await.json()["held"]["at"]
        .as_u64()
        .unwrap();
    let before = map(&server, &format!("&at={}", at / 2)).await;
    let before_rows = number(&server, &format!("&at={}", at / 2)).await;
    assert_eq!(sums(&before)[0], before_rows);
    assert!(before_rows < sums(&all)[0]);
    let query = format!("unit=connections&map=true&at={}", at / 2);
    let text = stream::read(&server, &query, "event: map").await;
    assert_eq!(sums(&stream::events(&text, "map")[0]), sums(&before));
}

#[tokio::test]
async fn single_packets_are_of_the_map_of_events() {
    let server = shop().await;
    let filter = format!("filter={}", encoded("tcp.flags ~ SYN"));
    let refused = server
        .get(&format!("/api/map?unit=connections&{filter}"))
        .await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body.contains("unit=events"), "{}", refused.body);
    let events = server.get(&format!("/api/map?{filter}")).await.json();
    assert!(sums(&events)[0] > 0);
}
