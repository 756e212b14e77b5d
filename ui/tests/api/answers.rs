//! Good questions get what the description says.

use serde_json::{Value, json};

use crate::flows::START;
use crate::http::get;
use crate::schema::DESCRIPTION;
use crate::server::Running;

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn answers_are_as_described() {
    let server = Running::start(10, &[]).await;
    server.ready().await;
    let flows = server
        .get("/api/flows?limit=2&filter=verdict+%3D%3D+DROPPED")
        .await
        .json();
    // The place of a loss is shown whatever is asked for: it comes last in the file.
    let seq = flows["rows"][1]["seq"].to_string();
    let connections = server.get("/api/connections?limit=1").await.json();
    let connection = connections["rows"][0]["id"].as_str().unwrap();
    let mut checked = 0;
    for path in DESCRIPTION.paths() {
        // It never ends; the other is not read, but sent to.
        if ["/api/events", "/api/policy/check"].contains(&path) {
            continue;
        }
        let query = match path {
            "/api/check" => "?filter=verdict+is",
            "/api/complete" => "?filter=ver",
            "/api/policy" => "?name=cnp+shop%2Fdb",
            "/api/workload" | "/api/reach" => "?name=shop%2Fweb",
            "/api/flows" => {
                "?filter=port+%3D%3D+5432&namespaces=shop&since=2026-01-02T00:00:00Z&sort=source&columns=source,bytes&limit=3"
            }
            _ => "",
        };
        let answer = server
            .get(&format!(
                "{}{query}",
                path.replace("{flow}", &seq)
                    .replace("{connection}", connection)
            ))
            .await;
        // These flows name no policy.
        let status = if path == "/api/policy" { 404 } else { 200 };
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        checked += 1;
    }
    assert!(checked >= 20, "{checked} paths were checked");
}

#[tokio::test]
async fn parameters_are_those_that_are_described() {
    let server = Running::start(1, &[]).await;
    server.ready().await;
    for path in DESCRIPTION.paths() {
        let wanted: Vec<String> = DESCRIPTION
            .parameters(path)
            .into_iter()
            .filter(|(_, place)| place == "query")
            .map(|(name, _)| name)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        // The refusal of an unknown one names those that there are.
        let said = server.get(&format!("{path}?nonsense=1")).await.json();
        let said = said["detail"].as_str().unwrap().to_owned();
        let known = said.split("one of: ").nth(1).unwrap();
        let mut known: Vec<&str> = known.split(", ").collect();
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        known.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(known, wanted, "{path}");
    }
}

#[tokio::test]
async fn rows_are_selected_sorted_and_cut() {
    let server = Running::start(10, &[]).await;
    server.ready().await;
    let total = async |query: &str| {
        let answer = server.get(&format!("/api/flows?{query}")).await.json();
        (answer["total"].as_u64().unwrap(), answer)
    };
    let (all, newest) = total("limit=1").await;
    assert_eq!(newest["flows"], json!(30));
    // The row of a loss comes last in the file.
    assert_eq!((all, &newest["rows"][0]["kind"]), (31, &json!("loss")));
    assert_eq!(newest["rows"][0]["lost"], json!(7));
    let at = newest["at"].as_u64().unwrap();
    let first = newest["first"].as_u64().unwrap();
    assert_eq!(at - first, 30);

    let dropped = encoded("verdict == DROPPED");
    for (query, flows) in [
        (format!("filter={dropped}"), 10),
        (
            format!("filter={dropped}&filter={}", encoded("port == 8080")),
            0,
        ),
        (format!("filter={}", encoded("pod == \"shop/api\"")), 20),
        ("namespaces=shop,other".to_owned(), 30),
        ("namespaces=other".to_owned(), 0),
        (
            format!("since={}&until={}", START * 1000, (START + 4) * 1000),
            12,
        ),
        (format!("at={}", first + 2), 3),
        (format!("after={}", at - 1), 0),
    ] {
        let (_, answer) = total(&format!("{query}&limit=1000")).await;
        let rows = answer["rows"].as_array().unwrap();
        let found = rows.iter().filter(|row| row["kind"] == "flow").count();
        assert_eq!((found, &answer["flows"]), (flows, &json!(flows)), "{query}");
    }

    let (_, sorted) = total("sort=-dst.port&columns=dst.port&limit=1000").await;
    let ports: Vec<u64> = sorted["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["cells"][0].as_str()?.parse().ok())
        .collect();
    assert_eq!(ports.len(), 30);
    assert!(ports.is_sorted_by(|a, b| a >= b), "{ports:?}");

    let (_, all) = total("sort=timestamp&limit=31").await;
    let (_, part) = total("sort=timestamp&offset=10&limit=5").await;
    assert_eq!(
        part["rows"].as_array().unwrap()[..],
        all["rows"].as_array().unwrap()[10..15]
    );
}

#[tokio::test]
async fn what_is_counted_is_what_there_is() {
    let server = Running::start(10, &[]).await;
    server.ready().await;
    let sum = |value: &Value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .sum::<u64>()
    };
    let histogram = server.get("/api/histogram?buckets=20").await.json();
    let counted = ["passed", "dropped", "lost"].map(|of| sum(&histogram[of]));
    assert_eq!(counted, [20, 10, 7]);

    let map = server.get("/api/map").await.json();
    let edges = map["edges"].as_array().unwrap();
    let edge = |port: &str| edges.iter().find(|edge| edge["port"] == port).unwrap();
    assert_eq!(edges.len(), 2);
    assert_eq!(
        (&edge("8080/TCP")["flows"], &edge("8080/TCP")["dropped"]),
        (&json!(20), &json!(0))
    );
    assert_eq!(
        (&edge("5432/TCP")["dropped"], &edge("5432/TCP")["reasons"]),
        (&json!(10), &json!(["Policy denied"]))
    );
    // Expressions that the map offers find what they stand for.
    for edge in edges {
        let query = format!(
            "/api/flows?filter={}",
            encoded(edge["term"].as_str().unwrap())
        );
        let found = server.get(&query).await.json();
        let flows = found["rows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["kind"] == "flow")
            .count();
        assert_eq!(json!(flows), edge["flows"], "{edge}");
    }
}

#[tokio::test]
async fn terms_hold_for_their_flow() {
    let server = Running::start(3, &[]).await;
    server.ready().await;
    let rows = server.get("/api/flows?limit=10").await.json();
    let mut terms = 0;
    for row in rows["rows"].as_array().unwrap() {
        if row["kind"] == "loss" {
            continue;
        }
        let details = server
            .get(&format!("/api/flows/{}", row["seq"]))
            .await
            .json();
        assert_eq!(details["extension"], Value::Null);
        assert_eq!(details["flow"]["node_name"], "one");
        let of_columns = details["terms"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|terms| terms.as_array().unwrap());
        let of_facts = details["facts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fact| &fact["term"]);
        for term in of_columns.chain(of_facts).filter_map(Value::as_str) {
            let found = server
                .get(&format!("/api/flows?limit=1000&filter={}", encoded(term)))
                .await
                .json();
            let rows = found["rows"].as_array().unwrap();
            assert!(
                rows.iter().any(|found| found["seq"] == row["seq"]),
                "{term}"
            );
            terms += 1;
        }
    }
    assert!(terms > 100, "{terms} terms were tried");
}

#[tokio::test]
async fn values_are_those_of_the_flows() {
    let server = Running::start(3, &[]).await;
    server.ready().await;
    for (text, wanted) in [
        ("src.pod == w", "shop/web"),
        ("src.pod == shop/w", "shop/web"),
        ("dst.pod == \"shop/d", "shop/db"),
        ("dst.port == 5", "5432"),
    ] {
        let path = format!("/api/complete?filter={}", encoded(text));
        let answer = server.get(&path).await.json();
        let offered = answer["completions"].as_array().unwrap().iter();
        assert!(
            offered.clone().any(|offer| offer["label"] == wanted),
            "{text}: {answer}"
        );
    }
}

#[tokio::test]
async fn who_may_ask() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "0123456789abcdef").unwrap();
    let path = token.path().to_str().unwrap();
    let server = Running::start(1, &["--token-file", path]).await;
    let status = async |headers: &[(&str, &str)], path: &str| {
        get(server.address, path, headers).await.status
    };
    assert_eq!(status(&[], "/api/status").await, 401);
    assert_eq!(
        status(
            &[("authorization", "Bearer 0123456789abcdef")],
            "/api/status"
        )
        .await,
        200
    );
    assert_eq!(
        status(&[("authorization", "Bearer nonsense")], "/api/events").await,
        401
    );
    // The page holds no flows, and asks for the token.
    assert_eq!(status(&[], "/").await, 200);

    let server = Running::start(1, &[]).await;
    let status = async |host: &str| {
        get(server.address, "/api/status", &[("host", host)])
            .await
            .status
    };
    assert_eq!(status("localhost").await, 200);
    assert_eq!(status("rebound.example.com").await, 403);
}

#[tokio::test]
async fn two_hosts_are_refused() {
    let server = Running::start(1, &[]).await;
    let address = server.address.to_string();
    for path in ["/", "/api/status", "/nothing"] {
        let status = async |hosts: &[(&str, &str)]| get(server.address, path, hosts).await.status;
        for second in [&*address, "localhost", "evil.example.com"] {
            let hosts = [("host", &*address), ("host", second)];
            assert_eq!(status(&hosts).await, 400, "{path}: {second}");
        }
        assert_ne!(status(&[("host", &address)]).await, 400, "{path}");
    }
}

#[tokio::test]
async fn a_base_path_and_headers() {
    let server = Running::start(1, &["--base-path", "/tools/flows"]).await;
    for (path, status) in [
        ("/tools/flows/", 200),
        ("/tools/flows", 308),
        ("/tools/flows/api/status", 200),
        ("/api/status", 404),
        ("/", 404),
        ("/tools/flows/assets/none.js", 404),
        ("/tools/flows/../../etc/passwd", 404),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert!(
        server
            .get("/tools/flows/")
            .await
            .body
            .contains("<base href=\"/tools/flows/\"")
    );
}

#[tokio::test]
async fn the_map_is_of_the_time_that_the_table_is_of() {
    // An hour and a half: more than there are slices of the first length.
    let server = Running::start(5400, &[]).await;
    server.ready().await;
    let map = async |query: &str| {
        let map = server.get(&format!("/api/map{query}")).await.json();
        let edges = map["edges"].as_array().unwrap().iter();
        let flows: u64 = edges.map(|edge| edge["flows"].as_u64().unwrap()).sum();
        (flows, map["seconds"].as_f64().unwrap())
    };
    assert_eq!(map("").await, (16_200, 5399.0));
    let at = server.get("/api/status").await.json()["held"]["at"].to_string();
    assert_eq!(map(&format!("?at={at}")).await, (16_200, 5399.0));
    // Marks of a filter that fits nothing are no traffic.
    assert_eq!(map("?namespaces=other").await.0, 0);

    // What is short is not counted over whole slices.
    let short = Running::start(8, &[]).await;
    short.ready().await;
    let seconds = short.get("/api/map").await.json()["seconds"].clone();
    assert_eq!(seconds, json!(7.0));
}

#[tokio::test]
async fn lines_that_are_no_flows_stand_where_they_stood() {
    let flows = crate::flows::file(3);
    let text = std::fs::read_to_string(flows.path()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(2, "{");
    lines.insert(7, "no flow");
    std::fs::write(flows.path(), lines.join("\n")).unwrap();
    let server = Running::of_file(flows, &[]).await;
    server.ready().await;
    assert_eq!(server.get("/api/status").await.json()["unreadable"], 2);
    let rows = server.get("/api/flows?sort=timestamp").await.json();
    let rows = rows["rows"].as_array().unwrap().iter();
    let said = rows.map(|row| (row["kind"] == "loss").then(|| row["cells"][0].to_string()));
    let said: Vec<_> = said.collect();
    assert!(
        said[2].as_ref().unwrap().contains("Line 3 is not a flow"),
        "{said:?}"
    );
    assert!(
        said[7].as_ref().unwrap().contains("Line 8 is not a flow"),
        "{said:?}"
    );
    assert_eq!(said.iter().flatten().count(), 3, "{said:?}");
}

#[tokio::test]
async fn flows_of_one_packet_are_one_of_its_connection() {
    let flows = crate::flows::file(3);
    let text = std::fs::read_to_string(flows.path()).unwrap();
    // Each drop is told by the policy's verdict, too.
    let lines = text.lines().flat_map(|line| {
        let mut flow: Value = serde_json::from_str(line).unwrap();
        let dropped = flow["flow"]["verdict"] == "DROPPED";
        flow["flow"]["event_type"]["type"] = json!(5);
        [Some(line.to_owned()), dropped.then(|| flow.to_string())]
    });
    let lines: Vec<String> = lines.flatten().collect();
    std::fs::write(flows.path(), lines.join("\n")).unwrap();
    let server = Running::of_file(flows, &[]).await;
    server.ready().await;
    let query = format!("/api/flows?filter={}", encoded("verdict == DROPPED"));
    let rows = server.get(&query).await.json();
    let first = &rows["rows"][1]["seq"];
    let details = server.get(&format!("/api/flows/{first}")).await.json();
    let connection = details["connection"].as_array().unwrap().iter();
    let times: Vec<String> = connection.map(|row| row["time"].to_string()).collect();
    assert_eq!(times.len(), 3, "{times:?}");
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}
