//! What people say of incidents.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http::{post, post_with};
use crate::server::Running;

const PATH: &str = "/api/acknowledgements";
/// The year 2100, in ms.
const LATER: i64 = 4_102_444_800_000;

fn said() -> Value {
    json!({"incident": "5809821d", "until": LATER, "by": "ann", "reason": "moves on Monday", "about": "a -> b"})
}

#[tokio::test]
async fn an_incident_is_acknowledged_and_that_is_taken_back() {
    let cluster = Cluster::start(&[], Vec::new());
    let server = Running::of(&["--server", &cluster.server()]).await;
    let all = server.get(PATH).await.json();
    assert_eq!(
        (
            &all["available"],
            &all["writable"],
            &all["acknowledgements"]
        ),
        (&json!(true), &json!(true), &json!([]))
    );
    let answer = server.post(PATH, &said()).await.json();
    assert_eq!(
        (
            &answer["acknowledgement"]["by"],
            &answer["nodes"],
            &answer["notes"]
        ),
        (
            &json!("ann"),
            &json!(["one"]),
            &json!(["node two did not answer"])
        )
    );
    let all = server.get(PATH).await.json();
    let one = &all["acknowledgements"][0];
    assert_eq!(
        ["incident", "by", "reason"].map(|name| one[name].as_str().unwrap()),
        ["5809821d", "ann", "moves on Monday"]
    );
    assert_eq!(one["until"].as_f64(), Some(4_102_444_800_000.0));
    {
        let kept = cluster.said.lock().unwrap();
        assert_eq!((kept.len(), &*kept[0].about), (1, "a -> b"));
    }
    let back = json!({"incident": "5809821d", "by": "bob"});
    let answer = server.post(PATH, &back).await.json();
    assert_eq!(answer["acknowledgement"], Value::Null);
    assert_eq!(server.get(PATH).await.json()["acknowledgements"], json!([]));
    {
        let kept = cluster.said.lock().unwrap();
        assert_eq!((&*kept[0].by, kept[0].until), ("bob", None));
    }
    // Who says so is to be known, and the servers' refusal is passed on.
    let nobody = server
        .post(
            PATH,
            &json!({"incident": "5809821d", "until": LATER, "by": " "}),
        )
        .await;
    assert_eq!(
        (nobody.status, &nobody.json()["parameter"]),
        (400, &json!("by"))
    );
    let wrong = server
        .post(PATH, &json!({"incident": "x", "until": LATER, "by": "ann"}))
        .await;
    assert_eq!(
        (wrong.status, &wrong.json()["detail"]),
        (400, &json!("not an incident: eight digits"))
    );
}

#[tokio::test]
async fn a_user_whom_the_proxy_names_is_believed_and_nobody_else() {
    let cluster = Cluster::start(&[], Vec::new());
    let flags = ["--trust-proxy-header", "x-user"];
    let address = cluster.server();
    let server = Running::of(&[&["--server", &address][..], &flags].concat()).await;
    let answer = post_with(server.address, PATH, &said(), &[("x-user", "carol")]).await;
    assert_eq!(answer.json()["acknowledgement"]["by"], "carol");
    assert_eq!(cluster.said.lock().unwrap()[0].by, "carol");
    assert_eq!(post(server.address, PATH, &said()).await.status, 401);
}

#[tokio::test]
async fn where_it_is_not_possible_that_is_said() {
    let cluster = Cluster::start(&[], Vec::new());
    let server = Running::of(&["--server", &cluster.server(), "--read-only"]).await;
    let all = server.get(PATH).await.json();
    assert_eq!(
        (&all["available"], &all["writable"]),
        (&json!(true), &json!(false))
    );
    let refused = server.post(PATH, &said()).await;
    assert_eq!(refused.status, 403);
    for why in [&all["why_not"], &refused.json()["detail"]] {
        assert_eq!(why, "this flows-ui was started with --read-only");
    }
    assert!(cluster.said.lock().unwrap().is_empty());
    // A check changes nothing, and is answered.
    let check = json!({"yaml": "a: b"});
    assert_eq!(server.post("/api/policy/check", &check).await.status, 200);

    let file = Running::start(1, &[]).await;
    let (_relay, hubble) = Running::of_relay(Vec::new(), &[]).await;
    for (server, needs) in [(&file, "from a file"), (&hubble, "it is a stock Hubble")] {
        let all = server.get(PATH).await.json();
        assert_eq!(
            (&all["available"], &all["writable"]),
            (&json!(false), &json!(false))
        );
        let why = all["why"].as_str().unwrap();
        assert!(why.contains(needs), "{why}");
        let refused = server.post(PATH, &said()).await;
        assert_eq!(refused.status, 501, "{refused:?}");
    }
}
