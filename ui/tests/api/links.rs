//! What names a flow in every run.

use std::collections::BTreeSet;

use crate::server::Running;

#[tokio::test]
async fn a_link_leads_to_the_flow_as_long_as_it_is_held() {
    let server = Running::start(20, &[]).await;
    server.ready().await;
    let rows = server.get("/api/flows?limit=100").await.json();
    let rows: Vec<_> = rows["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["kind"] == "flow")
        .collect();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    // Three flows of each moment, told apart.
    assert_eq!((rows.len(), ids.len()), (60, 60));

    // In another run numbers may be others, ids are the same.
    let again = Running::start(20, &[]).await;
    again.ready().await;
    for row in &rows[..9] {
        let id = row["id"].as_str().unwrap();
        let found = again.get(&format!("/api/flows/{id}")).await.json();
        assert_eq!(found["row"]["id"], row["id"]);
        assert_eq!(found["row"]["time"], row["time"]);
        assert_eq!(
            again.get(&format!("/api/flows/{id}/explain")).await.status,
            200
        );
    }

    let id = rows[0]["id"].as_str().unwrap();
    let (time, mark) = id.split_once('-').unwrap();
    for (id, status, said) in [
        (
            format!("1500000000000000000-{mark}"),
            404,
            "is no longer in memory: it happened at 2017-07-14T02:40:00",
        ),
        (
            "123-nonexistent".to_owned(),
            404,
            "the link may be incomplete",
        ),
        (
            format!("{time}-0123456789abcdef"),
            404,
            "in memory has this id",
        ),
        (
            "nonsense".to_owned(),
            400,
            "by its sequence number or by its id",
        ),
        (
            format!("{time}-%22"),
            400,
            "by its sequence number or by its id",
        ),
        ("1".to_owned(), 404, "it was evicted"),
    ] {
        let answer = server.get(&format!("/api/flows/{id}")).await;
        let detail = answer.json()["detail"].to_string();
        assert!(
            answer.status == status && detail.contains(said),
            "{id}: {answer:?}"
        );
    }
}
