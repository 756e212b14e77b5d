//! Completion with what a server knows, and the script of bash with the real program behind it.

use std::process::Command;

use proto::observer::get_flows_response::ResponseTypes;

use crate::service::{Server, command, said, text};

const PODS: [(&str, &str); 4] = [
    ("shop/web-1", "k8s:app=web"),
    ("data/redis-0", "k8s:app=redis"),
    ("data/recorder-0", "k8s:tier=back"),
    // Nothing that a shell would run gets onto its line.
    ("shop/$(reboot)", "k8s:a=`reboot`"),
];

fn server() -> Server {
    let mut named = crate::flow(1).unwrap();
    if let Some(ResponseTypes::Flow(flow)) = &mut named.response_types {
        let workload = |name: &str| proto::flow::Workload {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        };
        let source = flow.source.get_or_insert_default();
        source.namespace = "shop".to_owned();
        // The other one is nothing for a shell's line.
        source.workloads = vec![workload("front"), workload("$(reboot)")];
        flow.destination_service = Some(proto::flow::Service {
            name: "cart".to_owned(),
            namespace: "shop".to_owned(),
        });
    }
    let server = Server::start(vec![Ok(named)]);
    server.has_pods(&PODS);
    server
}

/// What is proposed at the end of words.
fn proposed(server: &Server, words: &[&str]) -> Vec<String> {
    let args = [&["complete", "--"], words].concat();
    let output = server.flows(&args);
    assert_eq!(said(&output), ("", Some(0)), "{words:?}");
    let lines = text(&output.stdout).lines();
    let texts = lines.map(|line| line.split('\t').next().unwrap().to_owned());
    texts.collect()
}

#[test]
fn values_are_proposed() {
    let server = server();
    for (words, wanted) in [
        (&["observe", "--verdict", "d"][..], &["DROPPED"][..]),
        (&["observe", "--verdict=DR"], &["--verdict=DROPPED"]),
        (
            &["status", "-o", ""],
            &["compact", "dict", "json", "jsonpb", "table"],
        ),
        (
            &["observe", "--pod", "r"],
            &["data/recorder-0", "data/redis-0"],
        ),
        (&["observe", "--pod", "shop/"], &["shop/web-1"]),
        (&["observe", "-f", "-n", "d"], &["data"]),
        (&["observe", "-l", "a"], &[":nospace", "app="]),
        (
            &["observe", "-l", "app="],
            &[":nospace", "app=redis", "app=web"],
        ),
        (&["observe", "--from", "po"], &[":nospace", "pod:", "port:"]),
        (&["observe", "--from", "pod:web"], &["pod:shop/web-1"]),
        (&["observe", "--tcp-flags", "syn,a"], &["syn,ack"]),
        (
            &["observe", "--aggregate-by", "src.workload,dst.w"],
            &[":nospace", "src.workload,dst.workload"],
        ),
        (
            &["observe", "--filter", "verdict == DR"],
            &[":nospace", "verdict == DROPPED"],
        ),
        (
            &["observe", "src.pod == web"],
            &[":nospace", "src.pod == shop/web-1"],
        ),
        (&["observe", "--input-file", "x"], &[":files"]),
        (&["policy", "get", ""], &["shop/steady"]),
        (&["endpoint", "get", "w"], &["shop/web-1"]),
        (&["observe", "--to-workload", "fr"], &["shop/front"]),
        (&["observe", "--from-service", "shop/ca"], &["shop/cart"]),
        (
            &["observe", "workload == fr"],
            &[":nospace", "workload == shop/front"],
        ),
        // Words of others are read as what they become.
        (&["get", "pods", "w"], &["shop/web-1"]),
        (&["why", "shop/web-1", "data/redi"], &["data/redis-0"]),
        (
            &["policy", "trace", "wor"],
            &["world", "world-ipv4", "world-ipv6"],
        ),
        (&["completion", "z"], &["zsh"]),
        (&["pol"], &["policy"]),
        (&["incidents", "ack"], &["acknowledge"]),
        (&["observe", "--tls"], &[]),
        (&["observe", "--kube"], &[]),
        (&["observe", "--unt"], &["--until"]),
        (&["nonsense", ""], &[]),
        (&["compl"], &["completion"]),
    ] {
        assert_eq!(proposed(&server, words), wanted, "{words:?}");
    }
    let flags = proposed(&server, &["policy", "get", "--"]);
    assert!(flags.contains(&"--output".to_owned()), "{flags:?}");
    assert!(!flags.contains(&"--verdict".to_owned()), "{flags:?}");
}

/// Whoever has no server gets what is known without one, at once and without a word on standard error.
#[test]
fn without_a_server_nothing_is_said() {
    let nowhere = std::path::Path::new("/nonexistent/flows.sock");
    for (line, wanted) in [
        ("flows observe --pod ", ""),
        ("flows observe --verdict DR", "DROPPED\n"),
        (
            "flows observe --server unix:///nonexistent/other.sock --pod ",
            "",
        ),
    ] {
        let line = format!("--line={line}");
        let output = command(nowhere, &["complete", &line]).output().unwrap();
        assert_eq!(said(&output), ("", Some(0)), "{line}");
        assert_eq!(text(&output.stdout), wanted, "{line}");
    }
}

/// The line's own server counts, not the one of the environment.
#[test]
fn the_server_of_the_line_is_asked() {
    let server = server();
    let nowhere = std::path::Path::new("/nonexistent/flows.sock");
    let address = format!("unix://{}", server.socket().display());
    for front in [format!("--server {address}"), format!("--server={address}")] {
        let line = format!("--line=flows {front} observe --pod w");
        let output = command(nowhere, &["complete", &line]).output().unwrap();
        assert_eq!(text(&output.stdout), "shop/web-1\n", "{line}");
    }
}

#[test]
fn bash_completes() {
    let server = server();
    let program = env!("CARGO_BIN_EXE_flows");
    for (line, wanted) in [
        ("flows observe --verdict DR", "DROPPED"),
        // What stands in front of = and : is not replaced by bash.
        ("flows observe --verdict=DR", "DROPPED"),
        ("flows observe --from pod:we", "shop/web-1"),
        (
            "flows observe --filter 'verdict == DRO",
            "verdict == DROPPED",
        ),
        (
            "flows observe --pod ",
            "data/recorder-0 data/redis-0 shop/web-1",
        ),
        ("flows config us", "use-context"),
    ] {
        let script = format!(
            "source <({program} completion bash) || exit 3\n\
             COMP_LINE=$1 COMP_POINT=${{#1}}\n\
             _flows {program} x observe\n\
             echo \"${{COMPREPLY[*]}}\""
        );
        let output = Command::new("bash")
            .args(["-c", &script, "bash", line])
            .env(
                "FLOWS_SERVER",
                format!("unix://{}", server.socket().display()),
            )
            .output()
            .unwrap();
        assert_eq!(said(&output), ("", Some(0)), "{line}");
        assert_eq!(text(&output.stdout).trim_end(), wanted, "{line}");
    }
}
