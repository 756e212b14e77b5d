//! Of what a hostile server says, no letter that steers a terminal comes out of any command, in any form.

use proto::flows::v1::{policy_server::PolicyServer, status_server::StatusServer};
use testing::{Running, observer};

use crate::{
    hostile_server::{EVIL, Hostile},
    service::{command, text},
};

/// What is left of an output without the colours that are ours.
fn without_colours(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        left.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.filter(|end| after[*end..].starts_with('m')) {
            Some(end) => rest = &after[end + 1..],
            None => {
                left.push('\u{1b}');
                rest = after;
            }
        }
    }
    left + rest
}

/// Commands that ask for the state of the cluster.
fn differences() -> Vec<Vec<&'static str>> {
    vec![
        vec!["policy", "diff", "--delete", "cnp", "x/web"],
        vec!["policy", "diff", "--no-flows", "--delete", "cnp", "x/web"],
        vec![
            "policy",
            "diff",
            "--no-flows",
            "--delete",
            "cnp",
            "x/web",
            "-o",
            "json",
        ],
        vec![
            "policy",
            "diff",
            "--no-flows",
            "--delete",
            "cnp",
            "x/web",
            "-o",
            "markdown",
        ],
        vec!["policy", "diff", "--delete", EVIL, EVIL],
        vec!["who-can", "reach", "x/web"],
        vec!["who-can", "reach", "x/web", "--no-flows"],
        vec![
            "who-can",
            "be-reached-from",
            "web",
            "--no-flows",
            "-o",
            "json",
        ],
        vec!["who-can", "reach", EVIL, "--no-flows"],
    ]
}

#[test]
fn nothing_that_a_server_says_steers_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hostile.sock");
    let manifest = directory.path().join("web.yaml");
    std::fs::write(&manifest, format!("# {EVIL}\nkind: {EVIL}\n")).unwrap();
    let manifest = manifest.to_str().unwrap();
    let server = format!("unix://{}", socket.display());
    let trace = [
        "policy",
        "trace",
        "--src-pod",
        "a/b",
        "--dst-pod",
        "a/c",
        "--dport",
        "80",
    ];
    let commands: Vec<Vec<&str>> = vec![
        vec!["status"],
        vec!["status", "-o", "dict"],
        vec!["status", "-o", "table"],
        vec!["status", "-o", "json"],
        vec!["list", "nodes", "-o", "wide"],
        vec!["list", "nodes", "-o", "json"],
        vec!["list", "namespaces", "-o", "wide"],
        vec!["list", "namespaces", "-o", "json"],
        vec!["observe"],
        vec!["policy", "get"],
        vec!["policy", "get", "web"],
        vec!["policy", "get", "nobody"],
        vec!["policy", "get", "wex"],
        vec!["policy", "get", "-o", "json"],
        vec!["policy", "wait"],
        vec!["policy", "history", "web"],
        vec!["policy", "history", "web", "--diff"],
        vec!["policy", "history", "web", "--diff", EVIL],
        vec!["policy", "history", "web", "-o", "json"],
        vec!["policy", "history", "nobody"],
        vec!["changes"],
        vec!["changes", "--name", "nobody"],
        vec!["changes", "--kind", EVIL],
        vec!["changes", "-o", "json"],
        vec!["endpoint", "list"],
        vec!["endpoint", "list", "-o", "json"],
        vec!["endpoint", "get", "x/web"],
        vec!["endpoint", "get", "x/web", "-o", "json"],
        vec!["endpoint", "get", "x/nobody"],
        vec!["identity", "list"],
        vec!["identity", "list", "-o", "json"],
        vec!["identity", "get", "300"],
        vec!["identity", "get", EVIL],
        trace.to_vec(),
        [&trace[..], &["-o", "json"]].concat(),
        vec!["policy", "validate", "--server", &server, manifest],
        vec![
            "policy", "validate", "--server", &server, "-o", "json", manifest,
        ],
        vec!["policy", "diff", manifest],
        vec!["policy", "validate", manifest],
        vec!["policy", "validate", EVIL],
        vec![
            "policy",
            "trace",
            "--src-pod",
            EVIL,
            "--dst-ip",
            EVIL,
            "--dport",
            EVIL,
        ],
    ];
    let commands = [commands, differences()].concat();
    for refuses in [false, true] {
        let hostile = Hostile { refuses };
        let (health, health_service) = tonic_health::server::health_reporter();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(health.set_service_status(
            "hubble.server.Observer",
            tonic_health::ServingStatus::Serving,
        ));
        let services = tonic::transport::Server::builder()
            .add_service(observer(hostile.clone()))
            .add_service(StatusServer::new(hostile.clone()))
            .add_service(PolicyServer::new(hostile))
            .add_service(health_service);
        let _running = Running::start(&socket, services).unwrap();
        for arguments in &commands {
            let output = command(&socket, arguments)
                .env("CLICOLOR_FORCE", "1")
                .output()
                .unwrap();
            for text in [text(&output.stdout), text(&output.stderr)] {
                let text = without_colours(text);
                let steering = text.chars().find(|c| *c != '\n' && proto::json::steers(*c));
                assert_eq!(steering, None, "{arguments:?}: {text:?}");
                let faked = text.lines().find(|line| line.starts_with("FAKE"));
                assert_eq!(faked, None, "{arguments:?}: {text}");
            }
            let all = [output.stdout, output.stderr].concat();
            assert!(!all.is_empty(), "{arguments:?} says something");
        }
    }
}
