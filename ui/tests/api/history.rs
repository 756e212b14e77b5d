//! Older flows, out of a server's history.

use flow::Verdict;
use proto::observer::GetFlowsResponse;
use serde_json::{Value, json};
use testing::server::{SECOND, flow};

use crate::server::Running;

/// A flow per second.
fn history(flows: i64) -> Vec<GetFlowsResponse> {
    let flows = (0..flows).map(|second| flow((second + 1) * SECOND, "web", Verdict::Forwarded));
    flows.collect()
}

#[tokio::test]
async fn older_flows_are_fetched_until_history_begins() {
    let arguments = ["--history", "1000", "--capacity", "60000"];
    let (mut relay, server) = Running::of_relay(history(50_000), &arguments).await;
    server.holds(1000).await;
    let status = server.get("/api/status").await.json();
    let held = &status["held"];
    assert_eq!(
        (&held["older"], &held["oldest"]),
        (&json!("more"), &json!(49_001_000.0))
    );

    // Whoever knows of older ones already gets no more for the same question.
    let before = format!("/api/older?before={}", held["first"]);
    let first = server.get(&before).await.json();
    assert_eq!(
        (&first["added"], &first["older"]),
        (&json!(20_000), &json!("more"))
    );
    assert_eq!(server.get(&before).await.json()["added"], 0);

    // Back to a time, in as many portions as it takes.
    let since = server
        .get("/api/older?since=1970-01-01T00:10:00Z")
        .await
        .json();
    assert_eq!(
        (&since["added"], &since["older"]),
        (&json!(29_000), &json!("begins"))
    );
    assert_eq!(since["oldest"], 1000.0);
    assert_eq!(server.get("/api/older").await.json()["added"], 0);
    let status = server.get("/api/status").await.json();
    assert_eq!(status["held"]["older"], "begins");
    let rows = server.get("/api/flows?sort=timestamp&limit=3").await.json();
    assert_eq!(
        (&rows["total"], &rows["rows"][0]["time"]),
        (&json!(50_000), &json!(1000.0))
    );
    relay.stop();
}

#[tokio::test]
async fn a_server_that_is_gone_and_a_full_store_are_said() {
    let arguments = ["--history", "4000", "--capacity", "4000"];
    let (mut relay, full) = Running::of_relay(history(5000), &arguments).await;
    full.holds(4000).await;
    let answer = full.get("/api/older").await.json();
    assert_eq!(
        (&answer["added"], &answer["older"]),
        (&json!(0), &json!("full"))
    );

    let server = Running::beside(&relay, &["--history", "1000"]).await;
    server.holds(1000).await;
    relay.stop();
    let is_lost = |status: &Value| status["link"]["state"] == "lost";
    let status = server.status("the server is gone", is_lost).await;
    let nodes = status["nodes"].as_array().unwrap();
    assert!(!nodes.is_empty(), "{status}");
    for node in nodes {
        assert_eq!(
            (&node["state"], &node["rate"]),
            (&json!("unknown"), &json!(null))
        );
    }
    let answer = server.get("/api/older").await;
    assert_eq!(answer.status, 503);
    let detail = answer.json()["detail"].to_string();
    assert!(
        detail.contains("can't be fetched: the server can't be reached"),
        "{detail}"
    );
}
