//! A moment that is held, and what proxies read.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::server::Running;
use crate::stream;

fn sum(value: &Value) -> u64 {
    let counts = value.as_array().unwrap().iter();
    counts.map(|count| count.as_u64().unwrap()).sum()
}

#[tokio::test]
async fn everything_shows_the_moment_that_is_held() {
    let server = Running::start(10, &[]).await;
    server.ready().await;
    let first = server.get("/api/flows?limit=1").await.json()["first"]
        .as_u64()
        .unwrap();
    // Three seconds of three flows each.
    let at = first + 8;
    let ask = async |what: &str, query: &str| {
        server
            .get(&format!("/api/{what}?at={at}{query}"))
            .await
            .json()
    };
    let dropped = "&filter=verdict+%3D%3D+DROPPED";
    for (query, passed, drops) in [("", 6, 3), (dropped, 0, 3), ("&since=1500ms", 4, 2)] {
        let histogram = ask("histogram", query).await;
        assert_eq!(
            (sum(&histogram["passed"]), sum(&histogram["dropped"])),
            (passed, drops),
            "{query}"
        );
        if query.is_empty() {
            let map = ask("map", query).await;
            let of = |what: &str| {
                map["edges"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|edge| edge[what].as_u64().unwrap())
                    .sum::<u64>()
            };
            assert_eq!((of("flows"), of("dropped")), (9, 3));
        }
        assert_eq!(
            ask("flows", query).await["total"],
            passed + drops,
            "{query}"
        );
        let query = format!("at={at}{query}&map=true&rows=50");
        let events = stream::read(&server, &query, "event: map").await;
        let update = &stream::events(&events, "update")[0];
        assert_eq!(
            (&update["total"], &update["at"]),
            (&json!(passed + drops), &json!(at)),
            "{query}"
        );
        assert_eq!(
            update["rows"].as_array().unwrap().len() as u64,
            passed + drops
        );
        let histogram = &stream::events(&events, "histogram")[0];
        assert_eq!(
            (sum(&histogram["passed"]), sum(&histogram["dropped"])),
            (passed, drops),
            "{query}"
        );
        assert_eq!(stream::events(&events, "map").len(), 1);
    }
    // What came since is counted: 30 in all, and a loss, which is no flow.
    let events = stream::read(&server, &format!("at={at}"), "event: update").await;
    assert_eq!(stream::events(&events, "update")[0]["newer"], 21);
}

#[tokio::test]
async fn edges_say_what_was_asked() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (second, method) in [(0, "GET"), (1, "GET"), (2, "POST"), (400, "PUT")] {
        let time = format!("2026-01-02T03:{:02}:{:02}Z", 4 + second / 60, second % 60);
        let end = |name: &str| json!({"identity": 1000, "namespace": "shop", "pod_name": name});
        let flow = json!({"flow": {
            "time": time, "verdict": "FORWARDED", "Type": "L7", "node_name": "one", "is_reply": false,
            "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
            "l4": {"TCP": {"source_port": 40000, "destination_port": 8080}},
            "source": end("web"), "destination": end("api"),
            "l7": {"type": "REQUEST", "http": {"method": method, "url": "http://api/", "protocol": "HTTP/1.1"}},
        }, "node_name": "one", "time": time});
        writeln!(file, "{flow}").unwrap();
    }
    let server = Running::of_file(file, &[]).await;
    server.ready().await;
    let requests = async |query: &str| {
        server.get(&format!("/api/map{query}")).await.json()["edges"][0]["requests"].clone()
    };
    let named = |name: &str, flows: u64| json!({"name": format!("HTTP {name}"), "flows": flows});
    assert_eq!(
        requests("").await,
        json!([named("GET", 2), named("POST", 1), named("PUT", 1)])
    );
    let early = "?until=2026-01-02T03:05:00Z&since=2026-01-02T03:04:00Z";
    assert_eq!(
        requests(early).await,
        json!([named("GET", 2), named("POST", 1)])
    );
    // They are all of one connection.
    for (query, wanted) in [
        (
            "?unit=connections".to_owned(),
            vec![named("GET", 2), named("POST", 1), named("PUT", 1)],
        ),
        (
            format!("{early}&unit=connections"),
            vec![named("GET", 2), named("POST", 1)],
        ),
    ] {
        assert_eq!(requests(&query).await, json!(wanted), "{query}");
    }
}
