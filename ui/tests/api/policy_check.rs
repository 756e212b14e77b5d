//! Policies that somebody writes: errors, meaning, and what they would change.

use std::time::SystemTime;

use proto::flow::Verdict;
use proto::google::Timestamp;
use serde_json::{Value, json};
use testing::flows::response;

use crate::cluster::{Cluster, flow};
use crate::http::{post, send};
use crate::server::Running;

const CHECK: &str = "/api/policy/check";
const POLICY: &str = include_str!("../../../testdata/three-tier/auth-database-policy.yaml");
const MANIFESTS: [&str; 6] = [
    include_str!("../../../testdata/three-tier/namespace.yaml"),
    include_str!("../../../testdata/three-tier/nodes.yaml"),
    include_str!("../../../testdata/three-tier/auth-database.yaml"),
    include_str!("../../../testdata/three-tier/auth-service.yaml"),
    include_str!("../../../testdata/three-tier/user-service.yaml"),
    POLICY,
];

fn text(yaml: &str) -> Value {
    json!({ "yaml": yaml })
}

#[tokio::test]
async fn what_a_change_would_do_is_said_with_rules_and_recorded_connections() {
    let now = Timestamp::from(SystemTime::now()).unix_nanos();
    let second = testing::server::SECOND;
    let flows = [
        (1, "auth-service", Verdict::Forwarded),
        (2, "auth-service", Verdict::Forwarded),
        (3, "user-service", Verdict::Dropped),
        // Too long ago.
        (7200, "user-service", Verdict::Dropped),
    ];
    let flows = flows.map(|(ago, from, verdict)| {
        response(flow(
            now - ago * second - ago,
            "production",
            [from, "auth-database"],
            verdict,
        ))
    });
    let cluster = Cluster::start(&MANIFESTS, flows.to_vec());
    let server = Running::of(&["--server", &cluster.server()]).await;
    server.holds(4).await;

    let changed = POLICY.replace("auth-service", "user-service");
    let answer = server.post(CHECK, &text(&changed)).await.json();
    assert_eq!(
        (&answer["cluster"], &answer["policies"], &answer["no_diff"]),
        (&json!(true), &json!(1), &Value::Null)
    );
    let meaning = answer["meanings"][0]["text"].as_str().unwrap();
    assert!(
        meaning
            .starts_with("selects 1 pod of production (auth-database); allows ingress only from"),
        "{meaning}"
    );
    let diff = &answer["diff"];
    assert_eq!(
        diff["summary"],
        "Become denied: 1 pair; become allowed: 1 pair."
    );
    assert_eq!(
        diff["objects"],
        json!([{"change": "changed", "object": "cnp production/auth-database-policy"}])
    );
    let row = |at: usize| {
        let row = &diff["changes"][at];
        ["becomes", "sources", "destinations", "ports"].map(|name| row[name].as_str().unwrap())
    };
    let database = "production/auth-database";
    // What becomes denied first.
    assert_eq!(
        [row(0), row(1)],
        [
            ["denied", "production/auth-service", database, "5432/TCP"],
            ["allowed", "production/user-service", database, "5432/TCP"],
        ]
    );
    let end = &diff["changes"][0]["ends"][0];
    assert_eq!(end["direction"], "ingress");
    let before = end["before"].as_str().unwrap();
    assert!(
        before.contains("spec.ingress[0]") && before.contains("app=auth-service"),
        "{before}"
    );
    let recorded = &diff["recorded"];
    assert_eq!(
        ["connections", "denied", "allowed"].map(|name| recorded[name].as_u64().unwrap()),
        [3, 2, 1],
        "{recorded}"
    );
    let markdown = diff["markdown"].as_str().unwrap();
    assert!(
        markdown.starts_with("### Policy diff\n\n**Become denied: 1 pair"),
        "{markdown}"
    );

    // The same as it is: nothing.
    let same = server.post(CHECK, &text(POLICY)).await.json();
    assert_eq!(
        (&same["diff"]["summary"], &same["diff"]["objects"]),
        (
            &json!("No connection becomes denied or allowed."),
            &json!([])
        )
    );
}

#[tokio::test]
async fn errors_have_their_place_and_no_difference() {
    let cluster = Cluster::start(&MANIFESTS, Vec::new());
    let server = Running::of(&["--server", &cluster.server()]).await;
    let wrong = POLICY.replace("port: \"5432\"", "port: \"99999\"");
    let answer = server.post(CHECK, &text(&wrong)).await.json();
    let found = &answer["diagnostics"][0];
    let line = wrong
        .lines()
        .position(|line| line.contains("99999"))
        .unwrap();
    assert_eq!(
        (&found["severity"], &found["line"], &found["code"]),
        (&json!("error"), &json!(line + 1), &json!("refused")),
        "{answer}"
    );
    assert!(found["column"].as_u64().unwrap() > 1);
    assert_eq!(answer["diff"], Value::Null);
    assert_eq!(answer["no_diff"], "there are errors: mend them first");

    // What selects nobody is likely not meant: that is known beside the pods of the cluster.
    let nobody = POLICY.replace("app: auth-database", "app: autz-database");
    let answer = server.post(CHECK, &text(&nobody)).await.json();
    let codes: Vec<&str> = answer["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"selects-nothing"), "{codes:?}");

    for (yaml, why) in [
        ("", "nothing in the text"),
        ("# later\n", "nothing in the text"),
    ] {
        let answer = server.post(CHECK, &text(yaml)).await.json();
        let said = answer["no_diff"].as_str().unwrap();
        assert!(said.contains(why), "{said}");
    }
}

/// Of a file or a stock Hubble errors and meaning are known as well.
#[tokio::test]
async fn without_a_cluster_the_text_alone_is_checked() {
    let file = Running::start(1, &[]).await;
    let (_relay, hubble) = Running::of_relay(Vec::new(), &[]).await;
    for (server, needs) in [
        (&file, "the flows are from a file"),
        (&hubble, "a stock Hubble, not a flows agent or relay"),
    ] {
        let answer = server.post(CHECK, &text(POLICY)).await.json();
        assert_eq!(answer["cluster"], false);
        let meaning = answer["meanings"][0]["text"].as_str().unwrap();
        assert!(
            meaning.starts_with("selects pods with app=auth-database"),
            "{meaning}"
        );
        let why = answer["no_diff"].as_str().unwrap();
        assert!(why.contains(needs), "{why}");
        let answer = server.post(CHECK, &text("a: [")).await.json();
        assert_eq!(answer["diagnostics"][0]["severity"], "error");
    }
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let server = Running::start(1, &[]).await;
    let json = "content-type: application/json";
    let post = async |headers: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "POST {CHECK} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n\r\n{body}"
        );
        send(server.address, request.as_bytes()).await.status
    };
    let good = text(POLICY).to_string();
    assert_eq!(post(json, &good).await, 200);
    assert_eq!(post(json, "{").await, 400);
    assert_eq!(post(json, "{}").await, 400);
    assert_eq!(post(json, r#"{"yaml": "", "apply": true}"#).await, 400);
    // What a page of another site could send.
    assert_eq!(post("content-type: text/plain", &good).await, 415);
    assert_eq!(
        post(&format!("{json}\r\norigin: http://evil.example"), &good).await,
        403
    );
    assert_eq!(
        post(&format!("{json}\r\nsec-fetch-site: cross-site"), &good).await,
        403
    );
    // Longer than it may be, as it says itself, or as it turns out to be.
    let request = format!(
        "POST {CHECK} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 1048577\r\n{json}\r\n\r\n"
    );
    assert_eq!(send(server.address, request.as_bytes()).await.status, 413);
    let piece = format!("80000\r\n{}\r\n", "x".repeat(0x8_0000));
    let request = format!(
        "POST {CHECK} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{json}\r\n\r\n{piece}{piece}1\r\nx\r\n"
    );
    assert_eq!(send(server.address, request.as_bytes()).await.status, 413);
    let get = server.get(CHECK).await;
    assert_eq!((get.status, get.header("allow")), (405, Some("post")));
}

/// Who is still sending one can't begin another: each client has one at a time.
#[tokio::test]
async fn one_check_at_a_time() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Running::start(1, &[]).await;
    let body = text(POLICY).to_string();
    let mut slow = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let head = format!(
        "POST {CHECK} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    testing::until("the first one is known", async || {
        let answer = post(server.address, CHECK, &text(POLICY)).await;
        match answer.status {
            429 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    testing::until("there is room again", async || {
        match post(server.address, CHECK, &text(POLICY)).await.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
}
