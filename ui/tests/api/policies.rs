//! The pages of policies and workloads, of a server that has policies, and of one that hasn't.

use serde_json::{Value, json};
use testing::until;

use crate::policy_server;
use crate::server::Running;

const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/shop/flows.jsonl");

fn names(list: &Value) -> Vec<&str> {
    let policies = list["policies"].as_array().unwrap().iter();
    policies.map(|of| of["policy"].as_str().unwrap()).collect()
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut policies = list["policies"].as_array().unwrap().iter();
    policies.find(|of| of["policy"] == name).unwrap()
}

/// The list, once the server's refusals are known.
async fn list(server: &Running, query: &str) -> Value {
    until("refusals are known", async || {
        let list = server.get(&format!("/api/policies{query}")).await.json();
        match list["refused"].as_array().is_some_and(|of| !of.is_empty()) {
            true => Ok(list),
            false => Err(list.to_string()),
        }
    })
    .await
}

#[tokio::test]
async fn policies_stand_with_what_is_known_of_them() {
    let (_relay, server, _shop) = policy_server::start().await;
    let all = list(&server, "").await;
    assert_eq!(all["counted"], "kernel");
    assert_eq!(
        names(&all),
        [
            "cnp shop/broken",
            "cnp shop/db",
            "cnp shop/old",
            "cnp shop/typo"
        ]
    );
    let db = named(&all, "cnp shop/db");
    assert_eq!(db["state"], "enforced");
    assert_eq!((&db["rules"], &db["never_hit"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&db["pods"], &db["workloads"]),
        (&json!(1), &json!(["shop/db"]))
    );
    assert_eq!(db["open"], 1);
    // Three connections that it allowed and one that it denied are in memory.
    assert_eq!(db["denied"], 1);
    assert!(db["last"].as_f64().is_some());
    assert_eq!(db["term"], "policy == shop/db");
    let counted = server
        .get("/api/flows?filter=policy+%3D%3D+shop%2Fdb")
        .await;
    assert_eq!(counted.json()["flows"], 4);
    // The two pods of old are one workload.
    let old = named(&all, "cnp shop/old");
    assert_eq!(old["state"], "stale");
    assert_eq!(
        (&old["pods"], &old["workloads"]),
        (&json!(2), &json!(["shop/web"]))
    );
    let broken = named(&all, "cnp shop/broken");
    assert_eq!(broken["state"], "refused");
    for of in [old, broken] {
        assert_eq!(of["refusal"]["place"], "broken.yaml:7:3");
    }
    assert_eq!(
        all["refused"][0]["problem"],
        "unknown field `endpointSelectr`"
    );
    // What validate says of it, in a line of the text that is shown.
    let typo = named(&all, "cnp shop/typo");
    let codes = typo["findings"].as_array().unwrap().iter();
    let found = codes
        .clone()
        .find(|found| found["code"] == "selects-nothing");
    let found = found.unwrap_or_else(|| panic!("{typo}"));
    assert_eq!(found["severity"], "warning");
    assert!(found["line"].as_u64().unwrap() > 0, "{found}");
}

#[tokio::test]
async fn policies_are_found_sorted_and_cut() {
    let (_relay, server, _shop) = policy_server::start().await;
    let found = list(&server, "?words=SHOP+says&sort=-decisions").await;
    assert_eq!(
        names(&found),
        ["cnp shop/db", "cnp shop/old", "cnp shop/typo"]
    );
    assert_eq!(found["all"], 4);
    let cut = list(&server, "?sort=-state&limit=2").await;
    assert_eq!(names(&cut), ["cnp shop/broken", "cnp shop/old"]);
    assert_eq!(cut["hidden"], 2);
    // By a workload that one selects.
    assert_eq!(
        names(&list(&server, "?words=shop/web").await),
        ["cnp shop/old"]
    );
    for (query, said) in [
        (
            "?sort=colour",
            "is not a column of policies; use one of policy",
        ),
        ("?limit=0", "limit: must be 1 to 1000"),
        ("?words=a&words=b", "words: is given twice"),
    ] {
        let answer = server.get(&format!("/api/policies{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains(said), "{query}: {detail}");
    }
}

#[tokio::test]
async fn coverage_is_of_pods_without_a_policy() {
    let (_relay, server, shop) = policy_server::start().await;
    let coverage = &list(&server, "").await["coverage"];
    assert_eq!(
        (&coverage["pods"], &coverage["workloads"]),
        (&json!(4), &json!(3))
    );
    let without = |direction: &str| coverage[direction]["workloads"].clone();
    assert_eq!(
        without("ingress"),
        json!([{"name": "shop/lonely", "pods": 1}, {"name": "shop/web", "pods": 2}])
    );
    assert_eq!(coverage["ingress"]["pods"], 3);
    assert_eq!(coverage["egress"]["pods"], 4);
    // While nothing changes the state is read once, whoever looks.
    for _ in 0..3 {
        list(&server, "").await;
    }
    assert_eq!(shop.states(), 1);
}

#[tokio::test]
async fn a_policy_has_rules_manifest_pods_and_versions() {
    let (_relay, server, shop) = policy_server::start().await;
    let details = server.get("/api/policy?name=cnp+shop%2Fdb").await.json();
    let rule = &details["rules"][1];
    assert_eq!(
        (&rule["path"], &rule["decisions"]),
        (&json!("spec.ingress[1]"), &json!(0))
    );
    assert_eq!(
        details["workloads"],
        json!([{"name": "shop/db", "pods": 1}])
    );
    let yaml = details["yaml"].as_str().unwrap();
    assert!(yaml.contains("endpointSelector"), "{yaml}");
    let versions = details["versions"].as_array().unwrap();
    let numbers: Vec<_> = versions.iter().map(|of| of["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(2), Some(1)]);
    let lines = versions[0]["diff"][0]["lines"].as_array().unwrap();
    let changed = lines.iter().filter(|line| line["kind"] != "same");
    let changed: Vec<_> = changed.map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(changed, ["spec: 1", "spec: 2"]);
    assert_eq!(
        versions[0]["rules"][0]["text"],
        "spec.ingress[1] allows ingress app=lonely on 9000/TCP"
    );
    let asked = &shop.about()[0];
    assert_eq!(
        (&*asked.kind, &*asked.namespace, &*asked.name),
        ("cnp", "shop", "db")
    );

    // One of which nothing is in force says why; one that there isn't is none.
    let broken = server.get("/api/policy?name=cnp+shop%2Fbroken");
    until("the refusal is known", async || {
        let answer = server.get("/api/policy?name=cnp+shop%2Fbroken").await;
        match answer.status {
            200 => Ok(()),
            _ => Err(answer.body),
        }
    })
    .await;
    let broken = broken.await.json();
    assert_eq!(broken["entry"]["state"], "refused");
    assert!(broken["yaml"].is_null() && broken["rules"] == json!([]));
    let none = server.get("/api/policy?name=cnp+shop%2Fnone").await;
    assert_eq!(none.status, 404);
    assert_eq!(server.get("/api/policy").await.status, 400);
}

#[tokio::test]
async fn a_workload_has_its_pods_peers_and_policies() {
    let (_relay, server, shop) = policy_server::start().await;
    let db = server.get("/api/workload?name=shop%2Fdb").await.json();
    assert_eq!(db["pods"][0]["name"], "shop/db");
    assert_eq!(db["pods"][0]["addresses"], json!(["10.0.0.2"]));
    assert_eq!(db["pods"][0]["identity"], 20_001);
    let enforced = &db["enforcement"][0];
    assert_eq!(enforced["ingress"]["text"], "default deny by cnp shop/db");
    assert_eq!(enforced["ingress"]["policies"], json!(["cnp shop/db"]));
    assert_eq!(enforced["egress"]["text"], "not restricted");
    // What is denied comes first.
    let inbound = db["inbound"].as_array().unwrap();
    let told: Vec<_> = inbound
        .iter()
        .map(|peer| {
            let count = |name: &str| peer[name].as_u64().unwrap();
            let text = |name: &str| peer[name].as_str().unwrap();
            (
                text("name"),
                text("port"),
                count("allowed"),
                count("denied"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("shop/web", "6379", 0, 1), ("shop/web", "5432", 3, 0)]
    );
    assert_eq!(inbound[0]["policies"], json!(["cnp shop/db"]));
    assert!(
        inbound[0]["trace"]
            .as_str()
            .unwrap()
            .ends_with("policy trace --src-pod shop/web-1 --dst-pod shop/db --dport 6379")
    );
    assert_eq!(db["outbound"], json!([]));
    // Its links lead to what they count.
    let link = |text: &Value| -> String {
        form_urlencoded::byte_serialize(text.as_str().unwrap().as_bytes()).collect()
    };
    let term = link(&inbound[1]["term"]);
    let behind = server.get(&format!("/api/connections?filter={term}")).await;
    assert_eq!(behind.json()["flows"], 3);
    let newest = inbound[0]["connection"].as_str().unwrap();
    let newest = server.get(&format!("/api/connections/{newest}")).await;
    assert_eq!(newest.status, 200);

    // A workload's pods are several; a pod of it is one.
    let web = server.get("/api/workload?name=shop%2Fweb").await.json();
    assert_eq!(web["pods"].as_array().unwrap().len(), 2);
    assert_eq!(web["outbound"].as_array().unwrap().len(), 2);
    let pod = server.get("/api/workload?name=shop%2Fweb-2").await.json();
    assert_eq!(pod["pods"].as_array().unwrap().len(), 1);
    assert_eq!(pod["outbound"], json!([]));
    assert_eq!(
        server.get("/api/workload?name=shop%2Fnone").await.status,
        404
    );
    assert_eq!(server.get("/api/workload?name=web").await.status, 400);

    let changes = server.get("/api/changes?pod=shop%2Fdb").await.json();
    assert_eq!(changes["changes"][0]["concerns"], "selects it");
    assert_eq!(shop.about()[0].pod, "shop/db");
}

#[tokio::test]
async fn reach_is_what_rules_allow_and_what_of_it_was_used() {
    let (_relay, server, _shop) = policy_server::start().await;
    let reach = server.get("/api/reach?name=shop%2Fdb").await.json();
    let told: Vec<_> = reach["inbound"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            let peer = edge["peers"][0]["workload"].as_str().unwrap_or_default();
            let rule = edge["rules"][0]["text"].as_str().unwrap_or_default();
            (
                peer,
                edge["ports"].as_str().unwrap(),
                rule,
                edge["used"].as_u64().unwrap(),
            )
        })
        .collect();
    // The node itself may always.
    let pods: Vec<_> = told.iter().filter(|(peer, ..)| !peer.is_empty()).collect();
    assert_eq!(
        pods,
        [
            &(
                "shop/lonely",
                "9000/TCP",
                "spec.ingress[1] allows app=lonely on 9000/TCP",
                0
            ),
            &(
                "shop/web",
                "5432/TCP",
                "spec.ingress[0] allows app=web on 5432/TCP",
                3
            ),
        ],
        "{reach}"
    );
    let outbound = server.get("/api/reach?name=shop%2Flonely").await.json();
    let mut outbound = outbound["outbound"].as_array().unwrap().iter();
    assert!(outbound.any(|edge| edge["peers"][0]["workload"] == "shop/db"));
}

#[tokio::test]
async fn a_file_shows_the_policies_that_its_flows_name_and_says_so() {
    let server = Running::of(&["--input-file", SHOP]).await;
    server.ready().await;
    let list = server.get("/api/policies?sort=-decisions").await.json();
    assert_eq!(list["counted"], "connections");
    let why = list["why"].as_str().unwrap();
    assert!(
        why.contains("from a file") && why.contains("Shown instead"),
        "{why}"
    );
    let first = &list["policies"][0];
    assert_eq!(first["state"], "seen");
    assert!(first["decisions"].as_u64().unwrap() > 0);
    assert!(list.get("coverage").is_none());
    let policy = first["policy"].as_str().unwrap();
    let name: String = form_urlencoded::byte_serialize(policy.as_bytes()).collect();
    let details = server.get(&format!("/api/policy?name={name}")).await.json();
    assert_eq!(details["entry"]["policy"], policy);
    assert_eq!(details["versions"], json!([]));
    // What its link leads to is what it counts.
    let term = first["term"].as_str().unwrap();
    let term: String = form_urlencoded::byte_serialize(term.as_bytes()).collect();
    let behind = server
        .get(&format!("/api/connections?limit=1&filter={term}"))
        .await
        .json();
    assert_eq!(behind["flows"], first["decisions"]);

    let name = "payments%2Fpayments-api";
    let page = server
        .get(&format!("/api/workload?name={name}"))
        .await
        .json();
    assert!(page["why"].as_str().unwrap().contains("from a file"));
    assert!(!page["outbound"].as_array().unwrap().is_empty(), "{page}");
    let reach = server.get(&format!("/api/reach?name={name}")).await.json();
    assert!(reach["why"].as_str().unwrap().contains("from a file"));
}
