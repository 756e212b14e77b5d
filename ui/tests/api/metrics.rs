//! The page of metrics.

use crate::http::get;
use crate::server::Running;
use crate::stream;

#[tokio::test]
async fn requests_and_flows_are_counted() {
    let arguments = ["--metrics-listen", "127.0.0.1:0", "--base-path", "/tools"];
    let server = Running::start(10, &arguments).await;
    for path in [
        "api/nothing",
        "api/flows?limit=0",
        "api/flows/1",
        "api/flows/2",
    ] {
        server.get(&format!("/tools/{path}")).await;
    }
    assert_eq!(server.get("/tools").await.status, 308);
    assert_eq!(server.get("/tools/").await.status, 200);
    assert_eq!(server.get("/elsewhere").await.status, 404);
    let page = get(server.metrics.unwrap(), "/metrics", &[]).await;
    let kind = page.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    for line in [
        "flows_ui_http_requests_total{route=\"/api/flows\",status=\"400\"} 1",
        "flows_ui_http_requests_total{route=\"/api/flows/{flow}\",status=\"404\"} 2",
        "flows_ui_http_requests_total{route=\"/api/{*path}\",status=\"404\"} 1",
        "flows_ui_http_requests_total{route=\"/tools\",status=\"308\"} 1",
        "flows_ui_http_requests_total{route=\"/\",status=\"200\"} 1",
        "flows_ui_http_requests_total{route=\"none\",status=\"404\"} 1",
        "flows_ui_event_streams 0",
        "flows_ui_event_streams_limit 64",
        "flows_ui_flows_evicted_total 0",
        "flows_ui_server_connected 0",
        "# EOF",
    ] {
        assert!(
            page.body.lines().any(|found| found == line),
            "{line}: {}",
            page.body
        );
    }
    // Without the flag there is none.
    assert_eq!(Running::start(1, &[]).await.metrics, None);
}

#[tokio::test]
async fn flows_and_streams_are_counted() {
    let flows = (1..=5).map(|n| testing::server::flow(n, "web", flow::Verdict::Forwarded));
    let history = flows.chain([testing::server::lost(6, 7)]).collect();
    let arguments = ["--metrics-listen", "127.0.0.1:0"];
    let (mut relay, server) = Running::of_relay(history, &arguments).await;
    server.holds(6).await;
    let _stream = stream::open(&server, "rows=1").await;
    let wanted = [
        "flows_ui_event_streams 1",
        "flows_ui_flows 6",
        "flows_ui_flows_received_total 5",
        "flows_ui_lost_events_total 7",
        "flows_ui_server_connected 1",
    ];
    let mut page = String::new();
    for _ in 0..200 {
        page = get(server.metrics.unwrap(), "/metrics", &[]).await.body;
        if wanted
            .iter()
            .all(|line| page.lines().any(|found| found == *line))
        {
            return relay.stop();
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{wanted:?} are not in {page}");
}
