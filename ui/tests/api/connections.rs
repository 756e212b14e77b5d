//! Connections, incidents and changes, of the recording of a shop.

use std::collections::BTreeSet;
use std::io::Write as _;

use flow::Verdict;
use serde_json::{Value, json};
use testing::server::{SECOND, flow};

use crate::server::Running;
use crate::stream;

const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/shop/flows.jsonl");

pub(crate) async fn shop() -> Running {
    let server = Running::of(&["--input-file", SHOP]).await;
    server.ready().await;
    server
}

pub(crate) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn rows(answer: &Value) -> &Vec<Value> {
    answer["rows"].as_array().unwrap()
}

fn ids(answer: &Value) -> Vec<String> {
    let rows = rows(answer)
        .iter()
        .filter(|row| row["kind"] == "connection");
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

fn sum(value: &Value) -> u64 {
    let counts = value.as_array().unwrap().iter();
    counts.map(|count| count.as_u64().unwrap()).sum()
}

#[tokio::test]
async fn a_row_is_a_connection_and_stays_the_same_one() {
    let server = shop().await;
    let all = server.get("/api/connections?limit=1000").await.json();
    assert_eq!(
        all["columns"],
        json!([
            "timestamp",
            "source",
            "destination",
            "verdict",
            "why",
            "state",
            "bytes",
            "rtt",
            "age"
        ])
    );
    let found = ids(&all);
    assert_eq!(all["flows"], found.len());
    assert!(found.len() > 100, "{}", found.len());
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
    // By when they began, the newest first.
    assert!(rows(&all).is_sorted_by(|a, b| a["time"].as_f64() >= b["time"].as_f64()));
    // Fewer than the rows of events.
    let events = server.get("/api/flows?limit=1").await.json();
    assert!(events["flows"].as_u64().unwrap() > 2 * all["flows"].as_u64().unwrap());
    // What is told of them is what their flows tell, wherever they are joined.
    let again = shop().await;
    let path = "/api/connections?limit=1000";
    assert_eq!(ids(&again.get(path).await.json()), found);

    let part = server
        .get("/api/connections?offset=10&limit=5")
        .await
        .json();
    assert_eq!(rows(&part)[..], rows(&all)[10..15]);
    let sorted = server
        .get("/api/connections?sort=-bytes&columns=bytes,state&limit=1000")
        .await
        .json();
    assert_eq!(sorted["flows"], all["flows"]);
    assert_eq!(
        ids(&sorted).into_iter().collect::<BTreeSet<_>>(),
        found.iter().cloned().collect()
    );

    // One that lived in a time is of it, also if it began before.
    let dropped = encoded("verdict == DROPPED");
    let denied = server
        .get(&format!("/api/connections?filter={dropped}&limit=1000"))
        .await
        .json();
    let words: BTreeSet<&str> = rows(&denied)
        .iter()
        .map(|row| row["judged"].as_str().unwrap())
        .collect();
    assert_eq!(words, BTreeSet::from(["DENIED", "DROPPED"]));
    let middle = rows(&all)[found.len() / 2]["time"].as_f64().unwrap();
    let within = format!("/api/connections?since={middle:.0}&until={middle:.0}&limit=1000");
    let lived = server.get(&within).await.json();
    assert!(lived["flows"].as_u64().unwrap() > 0);
    let began = |row: &Value| row["time"].as_f64().unwrap() <= middle.ceil();
    assert!(rows(&lived).iter().all(began));
}

#[tokio::test]
async fn everything_counts_connections() {
    let server = shop().await;
    let all = server.get("/api/connections?limit=1").await.json();
    let denied = server
        .get("/api/connections?limit=1&filter=verdict+%3D%3D+DROPPED")
        .await
        .json();
    let histogram = server.get("/api/histogram?unit=connections").await.json();
    let (passed, dropped) = (sum(&histogram["passed"]), sum(&histogram["dropped"]));
    assert_eq!(
        (&json!(passed + dropped), &json!(dropped)),
        (&all["flows"], &denied["flows"])
    );

    let text = stream::read(
        &server,
        "unit=connections&rows=5&incidents=true",
        "event: incidents",
    )
    .await;
    let update = &stream::events(&text, "update")[0];
    assert_eq!(update["flows"], all["flows"]);
    assert_eq!(rows(update).len(), 5);
    assert_eq!(
        stream::events(&text, "histogram")[0],
        histogram_of(&server).await
    );
    assert_eq!(
        stream::events(&text, "incidents")[0],
        server.get("/api/incidents").await.json()
    );
}

async fn histogram_of(server: &Running) -> Value {
    server.get("/api/histogram?unit=connections").await.json()
}

#[tokio::test]
async fn a_moment_that_is_held_is_joined_up_to_it() {
    let server = shop().await;
    let events = server.get("/api/flows?limit=1").await.json();
    let (first, last) = (
        events["first"].as_u64().unwrap(),
        events["at"].as_u64().unwrap(),
    );
    let mut before = 0;
    for at in [first + 50, first + 300, last] {
        let held = server
            .get(&format!("/api/connections?at={at}&limit=1000"))
            .await
            .json();
        assert_eq!(held["at"], at);
        let count = held["flows"].as_u64().unwrap();
        assert!(count > before, "{at}: {count}");
        before = count;
        let query = format!("unit=connections&rows=0&at={at}");
        let text = stream::read(&server, &query, "event: histogram").await;
        let update = &stream::events(&text, "update")[0];
        let now = server.get("/api/connections?limit=1").await.json();
        assert_eq!(update["flows"], count);
        assert!(update["newer"].as_u64().unwrap() <= now["flows"].as_u64().unwrap() - count + 5);
        let histogram = &stream::events(&text, "histogram")[0];
        assert_eq!(
            sum(&histogram["passed"]) + sum(&histogram["dropped"]),
            count
        );
        // A link leads to the same connection then and now.
        let id = ids(&held)[0].clone();
        for moment in [format!("?at={at}"), String::new()] {
            let details = server
                .get(&format!("/api/connections/{id}{moment}"))
                .await
                .json();
            assert_eq!(details["row"]["id"], json!(id));
        }
    }
    // What is yet to come is no moment that was.
    let path = format!("/api/connections?at={}&limit=1", last + 1000);
    assert_eq!(server.get(&path).await.json()["flows"], before);
}

#[tokio::test]
async fn details_say_what_both_ends_decided_and_since_when() {
    let server = shop().await;
    let query = encoded("dst.workload == shop/cart and verdict == DROPPED");
    let found = server
        .get(&format!("/api/connections?filter={query}"))
        .await
        .json();
    let id = &ids(&found)[0];
    let details = server.get(&format!("/api/connections/{id}")).await.json();
    assert_eq!(
        (&details["state"], &details["row"]["judged"]),
        (&json!("denied"), &json!("DENIED"))
    );
    let ends = details["ends"].as_array().unwrap();
    let ingress = ends
        .iter()
        .find(|end| end["direction"] == "INGRESS")
        .unwrap();
    assert_eq!(ingress["verdict"], "DROPPED");
    assert_eq!(ingress["text"], "cnp shop/cart \u{b7} default deny");
    let command = details["past"]["command"].as_str().unwrap();
    assert_eq!(command, "flows why shop/recommender shop/cart:8080");
    assert_eq!(details["past"]["worked"], Value::Null);
    assert!(details["events"].as_array().unwrap().len() > 1);
    // The flow that explains it is held.
    let flow = details["flow"].as_str().unwrap();
    assert_eq!(server.get(&format!("/api/flows/{flow}")).await.status, 200);

    // Found by a link that is a little off, as it is of another joining; not by one of other ends.
    let (time, digest) = id.split_once('-').unwrap();
    let later = time.parse::<i64>().unwrap() + 1_000_000;
    let near = server
        .get(&format!("/api/connections/{later}-{digest}"))
        .await
        .json();
    assert_eq!(near["row"]["id"], json!(id));
    for (id, status) in [
        (format!("{time}-0123456789abcdef"), 404),
        (format!("1500000000000000000-{digest}"), 404),
        ("nonsense".to_owned(), 400),
        (format!("{time}-%22"), 400),
    ] {
        let answer = server.get(&format!("/api/connections/{id}")).await;
        assert_eq!(answer.status, status, "{id}");
    }
}

#[tokio::test]
async fn eight_causes_of_denial_are_eight_incidents() {
    let server = shop().await;
    let found = server.get("/api/incidents").await.json();
    let incidents = found["incidents"].as_array().unwrap();
    assert_eq!((incidents.len(), &found["hidden"]), (8, &json!(0)));
    let all = server.get("/api/connections?limit=1").await.json();
    assert_eq!(found["connections"], all["flows"]);
    let by = |source: &str| {
        let is = |incident: &&Value| incident["source"]["name"] == source;
        incidents
            .iter()
            .find(is)
            .unwrap_or_else(|| panic!("no {source}"))
    };
    let cart = by("recommender");
    assert_eq!(
        (&cart["why"], &cart["port"], &cart["destination"]["name"]),
        (
            &json!("cnp shop/cart \u{b7} default deny"),
            &json!("8080"),
            &json!("cart")
        )
    );
    assert_eq!(by("search")["destination"]["name"], "203.0.113.10");
    let dropped = incidents
        .iter()
        .filter(|incident| incident["judged"] == "DROPPED");
    assert_eq!(dropped.count(), 1);
    for incident in incidents {
        let trend = sum(&incident["trend"]);
        assert_eq!(incident["connections"], trend, "{incident}");
        // Its connections are those of its term, and its newest one is among them.
        let term = encoded(incident["term"].as_str().unwrap());
        let own = server
            .get(&format!("/api/connections?limit=1000&filter={term}"))
            .await
            .json();
        assert_eq!(own["flows"], incident["connections"], "{incident}");
        assert!(ids(&own).iter().any(|id| *id == incident["newest"]));
    }
    // A filter leaves those that match.
    let one = encoded("ns == payments");
    let one = server
        .get(&format!("/api/incidents?filter={one}"))
        .await
        .json();
    assert_eq!(one["incidents"].as_array().unwrap().len(), 2);
    let none = encoded("verdict == FORWARDED");
    let none = server
        .get(&format!("/api/incidents?filter={none}"))
        .await
        .json();
    assert_eq!(none["incidents"], json!([]));
    assert!(none["connections"].as_u64().unwrap() > 20);
}

#[tokio::test]
async fn a_filter_about_packets_is_of_no_connection() {
    let server = Running::start(3, &[]).await;
    server.ready().await;
    let query = format!(
        "filter=port+%3D%3D+8080&filter={}",
        encoded("tcp.flags.syn")
    );
    for path in [
        format!("/api/connections?{query}"),
        format!("/api/histogram?unit=connections&{query}"),
        format!("/api/export?unit=connections&{query}"),
        format!("/api/events?unit=connections&{query}"),
        format!("/api/events?incidents=true&{query}"),
        format!("/api/incidents?{query}"),
    ] {
        let answer = server.get(&path).await;
        let problem = answer.json();
        assert_eq!(
            (answer.status, &problem["parameter"]),
            (400, &json!("unit")),
            "{path}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("\"tcp.flags.syn\" is about single packets"),
            "{detail}"
        );
    }
    let path = "/api/histogram?unit=packets";
    assert_eq!(server.get(path).await.status, 400);
}

#[tokio::test]
async fn what_is_saved_is_joined_to_the_same_connections() {
    let server = shop().await;
    let query = encoded("ns == payments");
    let path = format!("/api/connections?limit=1000&filter={query}");
    let wanted = server.get(&path).await.json();
    let csv = server
        .get(&format!(
            "/api/export?unit=connections&format=csv&filter={query}"
        ))
        .await
        .body;
    assert!(csv.starts_with("timestamp,source,"), "{csv}");
    assert_eq!(json!(csv.lines().count() - 1), wanted["flows"]);

    let lines = server
        .get(&format!("/api/export?unit=connections&filter={query}"))
        .await
        .body;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    let again = Running::of_file(file, &[]).await;
    again.ready().await;
    assert_eq!(ids(&again.get(&path).await.json()), ids(&wanted));
}

#[tokio::test]
async fn whoever_knows_of_no_changes_has_none() {
    let server = Running::start(1, &[]).await;
    let said = server.get("/api/changes?since=5m").await.json();
    assert_eq!(
        (&said["available"], &said["changes"]),
        (&json!(false), &json!([]))
    );
    let history = vec![flow(SECOND, "web", Verdict::Forwarded)];
    let (mut relay, server) = Running::of_relay(history, &[]).await;
    let said = server.get("/api/changes").await.json();
    assert_eq!(said["available"], false);
    assert!(
        said["why"].as_str().unwrap().contains("does not support"),
        "{said}"
    );
    relay.stop();
}
