//! Requests of layer 7 among connections, of a recording of a lab.

use serde_json::{Value, json};

use crate::connections::encoded;
use crate::server::Running;

const RECORDING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/requests/flows.jsonl"
);
/// What a pod with a search list asked its resolver.
const SEARCH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/requests/search.jsonl"
);

async fn recording() -> Running {
    of(RECORDING).await
}

async fn of(file: &str) -> Running {
    let server = Running::of(&["--input-file", file]).await;
    server.ready().await;
    server
}

fn rows<'a>(answer: &'a Value, kind: &str) -> Vec<&'a Value> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["kind"] == kind).collect()
}

fn cell<'a>(answer: &Value, row: &'a Value, column: &str) -> &'a str {
    let columns = answer["columns"].as_array().unwrap();
    let at = columns.iter().position(|name| name == column).unwrap();
    row["cells"][at].as_str().unwrap()
}

#[tokio::test]
async fn denied_requests_are_rows_and_connections_say_what_they_carried() {
    let server = recording().await;
    let all = server.get("/api/connections?limit=100").await.json();
    let (requests, connections) = (rows(&all, "request"), rows(&all, "connection"));
    assert_eq!((requests.len(), connections.len()), (5, 7));
    assert_eq!(all["flows"], json!(12));
    let whys: Vec<&str> = requests.iter().map(|row| cell(&all, row, "why")).collect();
    assert_eq!(
        whys,
        [
            "cnp shop/web-egress \u{b7} DNS www.other.test: refused",
            "cnp shop/api \u{b7} DELETE /cart: 403",
            "cnp shop/api \u{b7} POST /admin/delete: 403",
            "cnp shop/api \u{b7} POST /admin/delete: 403",
            "cnp shop/api \u{b7} POST /admin/delete: 403",
        ]
    );
    for row in &requests {
        assert_eq!(
            (&row["judged"], &row["requests"]),
            (&json!("DENIED"), &Value::Null)
        );
    }
    // The oldest connection carried four, and all were allowed.
    let first = connections.last().unwrap();
    assert_eq!(cell(&all, first, "state"), "closed, 4 requests");
    assert_eq!(
        first["requests"],
        json!({"total": 4, "denied": 0, "failed": 0})
    );
    let carried: u64 = connections
        .iter()
        .filter_map(|row| row["requests"]["denied"].as_u64())
        .sum();
    assert_eq!(carried, 5);

    // A filter and an order are of them, too; and so is a file.
    let dropped = encoded("verdict == DROPPED and dst.port == 8080");
    let path = format!("filter={dropped}&sort=source&limit=100");
    let some = server.get(&format!("/api/connections?{path}")).await.json();
    assert_eq!(
        (rows(&some, "request").len(), &some["flows"]),
        (4, &json!(5))
    );
    let csv = server
        .get(&format!(
            "/api/export?unit=connections&format=csv&filter={dropped}"
        ))
        .await;
    assert_eq!(csv.body.lines().count(), 1 + 5);
}

#[tokio::test]
async fn details_tell_of_requests_and_of_their_incident() {
    let server = recording().await;
    let all = server.get("/api/connections?limit=100").await.json();
    let scraper = |row: &&&Value| cell(&all, row, "source").starts_with("shop/scraper");
    let connections = rows(&all, "connection");
    let id = connections.iter().find(scraper).unwrap()["id"]
        .as_str()
        .unwrap();
    let details = server.get(&format!("/api/connections/{id}")).await.json();
    let carried = details["requests"].as_array().unwrap();
    assert_eq!(carried.len(), 3);
    let denied = carried
        .iter()
        .find(|one| one["verdict"] == "DROPPED")
        .unwrap();
    assert!(
        denied["asked"]
            .as_str()
            .unwrap()
            .starts_with("DELETE http://"),
        "{denied}"
    );
    assert_eq!(denied["policies"], "cnp shop/api");
    assert_eq!(denied["reason"], "cnp shop/api: method DELETE is not GET");
    let allowed = carried
        .iter()
        .find(|one| one["verdict"] == "FORWARDED")
        .unwrap();
    assert!(allowed["latency"].as_f64().unwrap() > 0.0 && allowed["answer"].is_string());

    // Its flow leads to what was asked, why not, the connection and the incident.
    let flow = denied["flow"].as_str().unwrap();
    let about = &server.get(&format!("/api/flows/{flow}")).await.json()["request"];
    assert_eq!(
        (&about["subject"], &about["judged"], &about["judged_at"]),
        (&json!("DELETE /cart"), &json!("DENIED"), &json!("INGRESS"))
    );
    assert_eq!(about["reason"], denied["reason"]);
    assert_eq!(about["connection"], id);
    let incidents = server.get("/api/incidents").await.json();
    let known = incidents["incidents"].as_array().unwrap();
    assert!(known.contains(&about["incident"]), "{about}");
    assert_eq!(about["incident"]["newest"], flow);

    // A packet is no request.
    let flow = details["flow"].as_str().unwrap();
    let packet = server.get(&format!("/api/flows/{flow}")).await.json();
    assert_eq!(packet["request"], Value::Null);
}

#[tokio::test]
async fn denied_requests_of_one_cause_are_an_incident() {
    let server = recording().await;
    let found = server.get("/api/incidents").await.json();
    assert_eq!(
        (&found["connections"], &found["requests"]),
        (&json!(7), &json!(5))
    );
    let incidents = found["incidents"].as_array().unwrap();
    let of = |subject: &str| {
        let is = |one: &&Value| one["request"]["subject"] == subject;
        incidents
            .iter()
            .find(is)
            .unwrap_or_else(|| panic!("no {subject}"))
    };
    let post = of("POST /admin/delete");
    assert_eq!(
        (&post["drops"], &post["connections"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        post["request"]["reason"],
        "cnp shop/api: method POST is not GET"
    );
    assert_eq!(of("DNS www.other.test")["drops"], 1);
    assert_eq!(of("DELETE /cart")["drops"], 1);
    // One is of a connection.
    assert_eq!(incidents.len(), 4);
    // What is of a moment before doesn't know of what came later.
    let at = server.get("/api/flows?limit=1").await.json()["first"]
        .as_u64()
        .unwrap();
    let none = server.get(&format!("/api/incidents?at={at}")).await.json();
    assert_eq!(none["incidents"], json!([]));
}

#[tokio::test]
async fn edges_of_the_map_say_what_they_carried() {
    let server = recording().await;
    let map = server.get("/api/map?unit=connections").await.json();
    let of = |map: &Value, source: &str, port: &str| {
        let edges = map["edges"].as_array().unwrap().iter();
        let mut own = edges.filter(|edge| edge["port"] == port);
        own.find(|edge| edge["source"].as_str().unwrap().ends_with(source))
            .unwrap_or_else(|| panic!("no {source} to {port}: {map}"))
            .clone()
    };
    let web = of(&map, "shop/web", "8080/TCP");
    assert_eq!((&web["flows"], &web["dropped"]), (&json!(4), &json!(0)));
    let carried = &web["carried"];
    assert_eq!(
        (&carried["total"], &carried["denied"], &carried["failed"]),
        (&json!(10), &json!(3), &json!(0))
    );
    assert!(carried["latency"].as_f64().unwrap() > 0.0, "{carried}");
    assert_eq!(of(&map, "shop/web", "53/UDP")["carried"]["denied"], 1);

    // Where only denied ones match, they are there without their connections.
    let dropped = encoded("verdict == DROPPED");
    let path = format!("/api/map?unit=connections&filter={dropped}");
    let denied = server.get(&path).await.json();
    let web = of(&denied, "shop/web", "8080/TCP");
    assert_eq!(
        (&web["flows"], &web["carried"]),
        (&json!(0), &json!({"total": 3, "denied": 3, "failed": 0}))
    );
}

#[tokio::test]
async fn lookups_of_a_name_are_one_row_if_that_is_asked_for() {
    let server = of(SEARCH).await;
    let each = server.get("/api/connections?limit=100").await.json();
    assert_eq!((&each["total"], &each["flows"]), (&json!(11), &json!(11)));
    let told = server.get("/api/connections?fold=true").await.json();
    assert_eq!((&told["total"], &told["flows"]), (&json!(2), &json!(11)));
    // Both denied requests with the connection that carried nothing else.
    let denied = rows(&told, "request");
    assert_eq!((denied.len(), &denied[0]["connections"]), (1, &json!(3)));
    assert_eq!(cell(&told, denied[0], "state"), "x2");
    let lookup = *rows(&told, "connection").last().unwrap();
    assert_eq!(lookup["connections"], 8);
    assert_eq!(cell(&told, lookup, "state"), "x8, 16 requests");
    assert_eq!(
        cell(&told, lookup, "why"),
        "cnp production/payment-service-egress \u{b7} A api.stripe.com: 203.0.113.10"
    );
    assert_eq!(
        lookup["requests"],
        json!({"total": 16, "denied": 0, "failed": 0})
    );
    let bytes = |row: &&Value| cell(&each, row, "bytes").ends_with(" B");
    assert!(rows(&each, "connection").iter().all(bytes));
    assert_eq!(cell(&told, lookup, "bytes"), "2.1 kB");
    // Of a part of the time it is those of that part.
    let first = "until=2026-11-30T23:54:27Z";
    let some = server
        .get(&format!("/api/connections?fold=true&{first}"))
        .await;
    let some = some.json();
    assert_eq!((&some["total"], &some["flows"]), (&json!(1), &json!(4)));
    assert_eq!(some["rows"][0]["connections"], 4);
    // Each connection is still found, and tells the requests of all.
    let id = lookup["id"].as_str().unwrap();
    let details = server.get(&format!("/api/connections/{id}")).await.json();
    assert_eq!(details["alike"], 8);
    assert_eq!(details["requests"].as_array().unwrap().len(), 16);
    let csv = server.get("/api/export?unit=connections&format=csv").await;
    assert_eq!(csv.body.lines().count(), 1 + 11);
}

#[tokio::test]
async fn the_term_of_an_incident_matches_its_requests_alone() {
    let server = recording().await;
    let found = server.get("/api/incidents").await.json();
    for incident in found["incidents"].as_array().unwrap() {
        let term = encoded(incident["term"].as_str().unwrap());
        let path = format!("/api/connections?limit=100&filter={term}");
        let matching = server.get(&path).await.json();
        assert_eq!(matching["flows"], incident["connections"], "{incident}");
        let kind = match incident["request"].is_null() {
            true => "connection",
            false => "request",
        };
        assert_eq!(
            rows(&matching, kind).len() as u64,
            incident["connections"].as_u64().unwrap(),
            "{incident}"
        );
    }
}
