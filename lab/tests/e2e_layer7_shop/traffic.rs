//! What the shop's pods ask, and how they are answered.

use std::thread;
use std::time::Duration;

use flows_lab::process::Deadline;
use testing_lab::TestLab;

use crate::world::{Replica, replicas_of};

/// Exit codes of `flows-lab request`.
const ANSWERED: i32 = 0;
const FAILED: i32 = 3;
const DENIED: i32 = 5;

/// What becomes of one request.
fn outcome(lab: &TestLab, from: &Replica, request: &[&str]) -> (Option<i32>, String) {
    let line = ["flows-lab", "request", "--count=1", "--timeout=20s"];
    let output = lab.exec(&from.name, &[&line, request].concat()).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

fn request(lab: &TestLab, from: &Replica, request: &[&str], expected: i32) {
    let (code, text) = outcome(lab, from, request);
    assert_eq!(code, Some(expected), "{}: {request:?}: {text}", from.name);
}

/// Sends requests until one is answered: servers may not be there yet.
fn until_answered(lab: &TestLab, from: &Replica, request: &[&str]) {
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let (code, text) = outcome(lab, from, request);
        if code == Some(ANSWERED) {
            return;
        }
        assert!(deadline.pause(), "{}: {request:?}: {text}", from.name);
    }
}

/// How many requests of each method a round of [`http`] has.
pub(crate) const EACH: usize = 12;

/// Each of six storefronts asks a catalog on its own node and one elsewhere for products, and twice for what it may
/// not: by the rule of the catalog, and by its own. The number of the round is in the query.
pub(crate) fn http(lab: &TestLab, round: u32) {
    let catalogs = replicas_of(lab, "shop", "catalog");
    let ask = |from: Replica| {
        let near = catalogs.iter().find(|to| to.node == from.node).unwrap();
        let far = catalogs.iter().find(|to| to.node != from.node).unwrap();
        for to in [near, far] {
            let (_, name) = to.name.split_once('/').unwrap();
            let url = format!("http://{name}:8080/products");
            until_answered(lab, &from, &[&format!("{url}/7")]);
            let url = format!("{url}?round={round}");
            request(lab, &from, &[&url], ANSWERED);
            request(lab, &from, &[&url, "--method=POST"], DENIED);
            request(lab, &from, &[&url, "--method=DELETE"], DENIED);
        }
    };
    thread::scope(|scope| {
        for from in replicas_of(lab, "shop", "storefront") {
            scope.spawn(|| ask(from));
        }
    });
}

/// Each checkout pays, asks for a name that is none of its business, and writes to a topic; who keeps the ledger reads
/// that, and may not write.
pub(crate) fn names_and_topics(lab: &TestLab) {
    const ORDERS: &str = "kafka://kafka-0.data:9092/orders";
    const PAYMENTS: &str = "kafka://kafka-0.data:9092/payments";
    thread::scope(|scope| {
        for from in replicas_of(lab, "shop", "checkout") {
            scope.spawn(move || {
                until_answered(lab, &from, &["https://api.pay.test/charges"]);
                request(lab, &from, &["dns://www.ads.test."], FAILED);
                until_answered(lab, &from, &[ORDERS, "--produce=tea"]);
                request(lab, &from, &[PAYMENTS, "--produce=tea"], DENIED);
            });
        }
        for from in replicas_of(lab, "data", "ledger") {
            scope.spawn(move || {
                until_answered(lab, &from, &[ORDERS]);
                request(lab, &from, &[ORDERS, "--produce=tea"], DENIED);
            });
        }
    });
}
