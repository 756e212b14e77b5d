//! The demo's requests, of every kind that is judged: from pods to real servers, through each node's proxy.

mod common;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::program;
use flows_lab::lab::{Options, Target};
use flows_lab::process::Deadline;
use testing_lab::{TestLab, options};

const PATIENCE: Duration = Duration::from_secs(60);

/// A process outside of the cluster, which goes with this.
struct Outside(Child);

impl Outside {
    fn serve(lab: &TestLab) -> Self {
        let line = [
            "flows-lab",
            "serve",
            "https",
            "--port=443",
            "--certificate=api.stripe.com",
        ];
        let mut command = lab.lab().command(&Target::Outside, &line).unwrap();
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits until what a container wrote last has these words.
fn says(lab: &TestLab, pod: &str, container: &str, words: &str) {
    let plan = &lab.lab().record().plan;
    let pod = plan.pod("production", pod).unwrap();
    let log = lab.lab().paths().pod(pod).join(format!("{container}.log"));
    let deadline = Deadline::after(PATIENCE);
    loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let last = text.lines().last().unwrap_or_default();
        if last.contains(words) {
            return;
        }
        assert!(
            deadline.pause(),
            "{container}: {words:?} isn't in the last line of:\n{text}"
        );
    }
}

fn manifests() -> String {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let mut texts = Vec::new();
    for directory in ["three-tier", "layer7"] {
        for file in std::fs::read_dir(testdata.join(directory)).unwrap() {
            texts.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
        }
    }
    texts.join("---\n")
}

#[test]
fn names_http_kafka_and_tls() {
    let options = Options {
        l7_proxy: true,
        outside: true,
        ..options(program(), true)
    };
    let mut lab = TestLab::up(&options, &manifests()).unwrap();
    let _outside = Outside::serve(&lab);

    // What clients see.
    for (pod, container, words) in [
        ("payment-service", "charge", "/v1/charges: 200 OK"),
        ("payment-service", "look-up", "www.example.com.: failed"),
        ("payment-service", "by-number", "203.0.113.11:443 timed out"),
        ("metrics-scraper", "scrape", "/metrics: 200 OK"),
        ("metrics-scraper", "delete", "denied: 403 Forbidden"),
        ("order-service", "order", "orders to kafka:9092: stored at"),
        ("order-service", "read-payments", "denied: not authorized"),
    ] {
        says(&lab, pod, container, words);
    }

    // What is told of it.
    let l7 = ["observe", "--type", "l7", "--last", "200"];
    for (verdict, words) in [
        (
            "FORWARDED",
            [
                "payment-service",
                "A api.stripe.com 203.0.113.10",
                "*.stripe.com",
            ],
        ),
        // The pod's resolver tries its search list first.
        (
            "FORWARDED",
            [
                "payment-service",
                "A api.stripe.com.production.svc.cluster.local",
                "a search for api.stripe.com",
            ],
        ),
        (
            "DROPPED",
            [
                "payment-service",
                "A www.example.com: refused",
                "*.stripe.com",
            ],
        ),
        (
            "FORWARDED",
            ["metrics-scraper", "GET /metrics", "api-metrics-policy"],
        ),
        (
            "DROPPED",
            [
                "metrics-scraper",
                "POST /admin/delete: 403",
                "api-metrics-policy",
            ],
        ),
        ("FORWARDED", ["order-service", "orders", "kafka-policy"]),
        ("DROPPED", ["order-service", "payments", "kafka-policy"]),
    ] {
        lab.told(&l7, &[&[verdict][..], &words].concat());
    }
    let denied = [
        "observe",
        "--events",
        "--verdict",
        "DROPPED",
        "--last",
        "200",
    ];
    let words = [
        "payment-service",
        "203.0.113.11:443",
        "payment-service-egress",
    ];
    lab.told(&denied, &words);

    // Names of TLS, of which one is right.
    let policy = include_str!("../../testdata/layer7/payment-service-egress.yaml");
    let with = |name: &str| {
        let port = "            - port: \"443\"\n              protocol: TCP\n";
        assert!(policy.contains(port));
        policy.replace(port, &format!("{port}          serverNames: [{name}]\n"))
    };
    lab.enforce("payment.yaml", &with("other.stripe.com"))
        .unwrap();
    says(&lab, "payment-service", "charge", "failed");
    let words = [
        "DROPPED",
        "payment-service",
        "api.stripe.com",
        "other.stripe.com",
    ];
    lab.told(&l7, &words);
    lab.enforce("payment.yaml", &with("api.stripe.com"))
        .unwrap();
    says(&lab, "payment-service", "charge", "/v1/charges: 200 OK");
    let (_, errors, _) = lab.run_flows(&["status"]);
    assert!(!errors.contains("problem"), "{errors}");
}
