//! Bad questions get 400 and its kin with problem details; nothing brings the server down.

use proto::observer::get_flows_response::ResponseTypes;

use testing::until;

use crate::http::send;
use crate::server::Running;

#[tokio::test]
async fn bad_questions_are_refused_in_words() {
    let server = Running::start(2, &[]).await;
    server.ready().await;
    let long = "x".repeat(17_000);
    // As long as docs/FILTERS.md says that they may be.
    let fits = format!("reply{}", "+or+reply".repeat(1800));
    let longer = "y".repeat(60_000);
    let many = "filter=reply&".repeat(33);
    for (path, status) in [
        ("/api/flows?limit=0", 400),
        ("/api/flows?limit=1001", 400),
        ("/api/flows?limit=-1", 400),
        ("/api/flows?offset=99999999999999999999999", 400),
        ("/api/flows?sort=nonsense", 400),
        ("/api/flows?columns=source,nonsense", 400),
        ("/api/flows?at=x", 400),
        ("/api/flows?since=tomorrow", 400),
        ("/api/flows?filter=%00", 400),
        ("/api/flows?filter=((((", 400),
        ("/api/flows?filter=%ff%fe", 400),
        (&format!("/api/flows?filter={}", "(".repeat(4000)), 400),
        (&format!("/api/flows?filter={}", "not+".repeat(1000)), 400),
        (&format!("/api/flows?filter={long}"), 400),
        (&format!("/api/flows?filter={fits}"), 200),
        (&format!("/api/flows?filter={longer}"), 414),
        (&format!("/api/flows?{many}"), 400),
        ("/api/flows?namespaces=a%22,b", 200),
        (
            "/api/flows?after=18446744073709551615&at=18446744073709551615",
            200,
        ),
        ("/api/flows/x", 400),
        ("/api/flows/-1", 400),
        ("/api/flows/18446744073709551615", 404),
        ("/api/flows/1/explain", 404),
        ("/api/histogram?buckets=601", 400),
        ("/api/map?since=9999999999999999h", 400),
        ("/api/events?rows=201", 400),
        ("/api/events?map=perhaps", 400),
        ("/api/check?filter=a&filter=b", 400),
        ("/api/complete?cursor=7777777&filter=%C3%A9", 200),
        ("/api/complete?cursor=1&filter=%C3%A9", 200),
        ("/api/nothing", 404),
        ("/api/%2e%2e/%2e%2e/etc/passwd", 404),
    ] {
        let answer = server.get(path).await;
        let short: String = path.chars().take(80).collect();
        assert_eq!(answer.status, status, "{short}: {answer:?}");
    }
}

#[tokio::test]
async fn what_there_is_not_is_named() {
    let server = Running::start(1, &[]).await;
    for (path, said) in [
        (
            "/api/nothing",
            "there is no /api/nothing: see /api/openapi.yaml",
        ),
        ("/nothing.js", "there is no such file"),
    ] {
        let answer = server.get(path).await.json();
        assert_eq!(
            (answer["status"].as_u64(), answer["detail"].as_str()),
            (Some(404), Some(said))
        );
    }
}

#[tokio::test]
async fn expressions_say_where_they_are_wrong() {
    let server = Running::start(1, &[]).await;
    let answer = server
        .get("/api/flows?filter=reply&filter=verdict+%3D%3D+DROPED")
        .await
        .json();
    let error = &answer["expression"];
    assert_eq!(
        (
            error["filter"].as_u64(),
            error["column"].as_u64(),
            error["length"].as_u64()
        ),
        (Some(1), Some(12), Some(6))
    );
    assert!(error["suggestion"].as_str().unwrap().contains("DROPPED"));
}

#[tokio::test]
async fn nothing_can_be_changed_or_broken() {
    let server = Running::start(1, &[]).await;
    server.ready().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!(
            "{method} /api/flows HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        let answer = send(server.address, request.as_bytes()).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("get, head")),
            "{method}"
        );
    }
    let many = format!("GET / HTTP/1.1\r\n{}\r\n\r\n", "a: b\r\n".repeat(1000));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        many.as_bytes(),
    ] {
        // Whatever is answered: the next one gets its answer. What isn't whole is cut off here.
        let mut stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, bytes)
            .await
            .unwrap();
        drop(stream);
        assert_eq!(server.get("/api/status").await.status, 200);
    }
}

/// Whatever a server sends is held, shown and written, without a word that steers a terminal.
#[tokio::test]
async fn a_hostile_server_breaks_nothing() {
    const SENT: u64 = 200;
    let sent: Vec<_> = (1..=SENT).map(testing::hostile::response).collect();
    // One that was fatal: it has no JSON form.
    let never = proto::google::Timestamp {
        seconds: i64::MAX,
        nanos: -1,
    };
    let mut last = testing::server::flow(1, "web", flow::Verdict::Dropped);
    last.time = Some(never);
    let Some(ResponseTypes::Flow(flow)) = &mut last.response_types else {
        panic!("it is a flow");
    };
    flow.time = Some(never);
    flow.node_name = "last".to_owned();
    let (mut relay, server) = Running::of_relay([sent, vec![last]].concat(), &[]).await;
    until("the last flow", async || {
        let path = "/api/flows?filter=node+%3D%3D+last";
        let rows = server.get(path).await.json();
        match rows["flows"] == 1 {
            true => Ok(()),
            false => Err(rows.to_string()),
        }
    })
    .await;
    for path in [
        "flows?limit=1000",
        "histogram",
        "map",
        "status",
        "flows?sort=-source",
    ] {
        let answer = server.get(&format!("/api/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let rows = server.get("/api/flows?limit=1000").await.json();
    let rows = rows["rows"].as_array().unwrap();
    let flows: Vec<_> = rows.iter().filter(|row| row["kind"] == "flow").collect();
    assert!(flows.len() > 50, "{}", flows.len());
    for row in flows.iter().take(60) {
        let path = format!("/api/flows/{}", row["seq"]);
        assert_eq!(server.get(&path).await.status, 200, "{path}");
    }
    for form in ["json", "csv"] {
        let answer = server.get(&format!("/api/export?format={form}")).await;
        assert_eq!(answer.status, 200, "{form}");
        let steers = |letter: char| letter != '\n' && proto::json::steers(letter);
        let bad = answer.body.chars().find(|letter| steers(*letter));
        assert_eq!(bad, None, "{form}");
        let lines = answer.body.lines().count();
        assert!(lines > flows.len(), "{form}: {lines} lines");
        if form == "json" {
            for line in answer.body.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(line.is_object());
            }
        }
    }
    relay.stop();
}
