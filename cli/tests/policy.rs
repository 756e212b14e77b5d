//! What `flows policy` prints about manifests, and its exit codes.

use std::process::{Command, Output};

const THREE_TIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/three-tier");

fn flows(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(arguments)
        .env_remove("FLOWS_OUTPUT")
        .output()
        .expect("the program was built for this test")
}

/// Output, errors and exit code as one text.
fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    format!(
        "{}{}exit code {}\n",
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().expect("it ended by itself")
    )
}

fn trace(arguments: &[&str]) -> String {
    let mut all = vec!["policy", "trace", "--exit-code", "--state", THREE_TIER];
    all.extend(arguments);
    shown(&flows(&all))
}

#[test]
fn traces() {
    for (name, arguments) in [
        (
            "default_deny",
            &[
                "--src-labels",
                "app=user-service",
                "--dst-labels",
                "app=auth-database",
                "--dport",
                "5432",
            ][..],
        ),
        (
            "any_port",
            &[
                "--src-pod",
                "production/api-backend",
                "--dst-pod",
                "production/database",
            ],
        ),
        (
            "any_port_denied",
            &[
                "--src-labels",
                "app=user-service",
                "--dst-labels",
                "app=auth-database",
            ],
        ),
        (
            "allowed_at_both_ends",
            &[
                "--src-pod",
                "production/api-backend",
                "--dst-pod",
                "production/database",
                "--dport",
                "5432/tcp",
            ],
        ),
        (
            "towards_the_world",
            &[
                "--src-pod",
                "production/api-backend",
                "--dst-ip",
                "203.0.113.9",
                "--dport",
                "53/udp",
            ],
        ),
        (
            "from_a_pod_that_is_not_there",
            &[
                "--src-labels",
                "app=auth-service,io.kubernetes.pod.namespace=dev",
                "--dst-pod",
                "production/auth-database",
                "--dport",
                "5432",
            ],
        ),
        (
            "from_the_node",
            &[
                "--src-entity",
                "host",
                "--dst-pod",
                "production/auth-database",
                "--dport",
                "8/icmp",
            ],
        ),
    ] {
        insta::assert_snapshot!(name, trace(arguments));
    }
}

#[test]
fn questions_without_an_answer_say_what_to_do() {
    let mistakes = [
        &[
            "--src-pod",
            "production/user-servic",
            "--dst-ip",
            "1.1.1.1",
            "--dport",
            "80",
        ][..],
        &[
            "--src-labels",
            "tier",
            "--dst-ip",
            "1.1.1.1",
            "--dport",
            "80",
        ],
        &[
            "--src-labels",
            "app=x",
            "--dst-ip",
            "1.1.1.1",
            "--dport",
            "80",
        ],
        &[
            "--src-entity",
            "cluster",
            "--dst-ip",
            "1.1.1.1",
            "--dport",
            "80",
        ],
        &[
            "--src-ip",
            "1.1.1.1",
            "--dst-pod",
            "production/database",
            "--dport",
            "pg",
        ],
        &[
            "--src-ip",
            "1.1.1.1",
            "--dst-pod",
            "production/database",
            "--dport=",
        ],
        &[
            "--src-ip",
            "1.1.1.1",
            "--src-entity",
            "host",
            "--dst-ip",
            "x",
            "--dport",
            "80/xyz",
        ],
    ];
    let all: Vec<String> = mistakes.into_iter().map(trace).collect();
    insta::assert_snapshot!("mistakes", all.concat());
}

#[test]
fn a_trace_is_json_for_programs() {
    let arguments = [
        "--src-labels",
        "app=user-service",
        "--dst-labels",
        "app=auth-database",
        "--dport",
        "5432",
        "-o",
        "json",
    ];
    insta::assert_snapshot!("json", trace(&arguments));
}

const LAYER7: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/trace");

#[test]
fn requests_are_traced() {
    let scraper = ["production/metrics-scraper", "production/api-backend:8080"];
    let payment = "production/payment";
    let broker = "production/kafka:9092";
    for (name, arguments) in [
        (
            "http_denied",
            &[
                scraper[0],
                scraper[1],
                "--http-method",
                "POST",
                "--http-path",
                "/admin/delete",
            ][..],
        ),
        (
            "http_allowed",
            &[
                scraper[0],
                scraper[1],
                "--http-path",
                "/items/7",
                "--http-header",
                "X-Token: abc",
            ],
        ),
        (
            "http_header_missing",
            &[scraper[0], scraper[1], "--http-path", "/items/7"],
        ),
        (
            "http_without_rules",
            &[payment, "production/metrics-scraper:80", "--http-path", "/"],
        ),
        (
            "dns_denied",
            &[payment, "kube-system/dns", "--dns-name", "www.example.org"],
        ),
        (
            "kafka_denied",
            &[
                payment,
                broker,
                "--kafka-api-key",
                "produce",
                "--kafka-topic",
                "payments",
            ],
        ),
        (
            "fqdn_allowed",
            &[
                payment,
                "--dst-fqdn",
                "api.stripe.com",
                "--dport",
                "443",
                "--sni",
                "api.stripe.com",
            ],
        ),
        (
            "fqdn_denied",
            &[payment, "--dst-fqdn", "api.example.org", "--dport", "443"],
        ),
        (
            "sni_denied",
            &[
                payment,
                "--dst-fqdn",
                "js.stripe.com",
                "--dport",
                "443",
                "--sni",
                "js.stripe.com",
            ],
        ),
        (
            "http_json",
            &[
                scraper[0],
                scraper[1],
                "--http-method",
                "POST",
                "-o",
                "json",
            ],
        ),
    ] {
        let mut all = vec!["policy", "trace", "--exit-code", "--state", LAYER7];
        all.extend(arguments);
        insta::assert_snapshot!(name, shown(&flows(&all)));
    }
}

#[test]
fn requests_without_an_answer_say_what_to_do() {
    let ends = ["production/metrics-scraper", "production/api-backend"];
    let mistakes = [
        &["--http-path", "/"][..],
        &["--dport", "8080", "--http-path", "metrics"],
        &["--dport", "8080", "--http-path", "/a%2Fb"],
        &["--dport", "8080", "--http-header", "X-Token"],
        &["--dport", "8080", "--http-path", "/", "--sni", "a.org"],
        &["--dport", "9092", "--kafka-topic", "orders"],
        &["--dport", "9092", "--kafka-api-key", "write"],
        &["--dns-name", "a..b"],
        &["--dst-fqdn", "a.org"],
        &["--dport", "8080", "--l7-proxy", "maybe"],
    ];
    let answers = mistakes.into_iter().map(|arguments| {
        let mut all = vec!["policy", "trace", "--exit-code", "--state", LAYER7];
        all.extend(ends);
        all.extend(arguments);
        shown(&flows(&all))
    });
    insta::assert_snapshot!("request_mistakes", answers.collect::<String>());
}

#[test]
fn rules_of_layer_7_are_judged_without_a_server_and_noted() {
    insta::assert_snapshot!("layer7", validate(&[LAYER7]).replace(LAYER7, "trace"));
    let off = validate(&["--l7-proxy", "off", LAYER7]);
    assert!(
        off.contains("start the agent without --l7-proxy=off") && off.ends_with("exit code 1\n"),
        "{off}"
    );
}

const VALIDATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/validate");

fn validate(arguments: &[&str]) -> String {
    let mut all = vec!["policy", "validate"];
    all.extend(arguments);
    shown(&flows(&all))
        .replace(VALIDATE, "validate")
        .replace(THREE_TIER, "three-tier")
}

#[test]
fn validations() {
    let (errors, warnings) = (
        format!("{VALIDATE}/errors.yaml"),
        format!("{VALIDATE}/warnings.yaml"),
    );
    for (name, arguments) in [
        ("errors", &[errors.as_str()][..]),
        ("errors_as_json", &["-o", "json", errors.as_str()]),
        ("warnings", &[warnings.as_str(), "--state", THREE_TIER]),
        (
            "warnings_without_pods",
            &[warnings.as_str(), "--strict", "--quiet"],
        ),
        ("directory", &[THREE_TIER]),
        ("no_such_file", &["no-such-file.yaml"]),
    ] {
        insta::assert_snapshot!(name, validate(arguments));
    }
}

#[test]
fn a_directory_without_manifests_is_no_success() {
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    let said = validate(&[path]);
    assert!(
        said.contains(&format!("no manifests in {path}"))
            && said.trim_end().ends_with("exit code 2"),
        "{said}"
    );
}

#[test]
fn the_answer_is_given_also_to_a_reader_that_has_gone() {
    let code = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = Command::new(env!("CARGO_BIN_EXE_flows"))
            .args(arguments)
            .env_remove("FLOWS_OUTPUT")
            .stdout(writer)
            .status();
        status.expect("the program was built for this test").code()
    };
    let denied = [
        "--src-labels",
        "app=user-service",
        "--dst-labels",
        "app=auth-database",
    ];
    let trace = [
        "policy",
        "trace",
        "--exit-code",
        "--state",
        THREE_TIER,
        "--dport",
        "5432",
    ];
    assert_eq!(code(&[&trace[..], &denied].concat()), Some(1));
    let bad = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    std::fs::write(bad.path(), "kind: NetworkPolicie\nmetadata: {name: a}\n").expect("a file");
    let bad = bad.path().to_str().expect("text");
    assert_eq!(code(&["policy", "validate", bad]), Some(1));
    assert_eq!(code(&["policy", "validate", THREE_TIER]), Some(0));
}
