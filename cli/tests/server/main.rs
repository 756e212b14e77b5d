//! The real program against a real gRPC server.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod changes;
mod complete;
mod filter;
mod hostile;
mod hostile_server;
mod service;
mod status;
mod why;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use proto::{
    flow::{Endpoint, Flow, Ip, Verdict},
    google::Timestamp,
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
    relay::{NodeState, NodeStatusEvent},
};
use service::{Server, command, interrupt, said, text};
use tonic::Status;

fn flow(number: i64) -> Result<GetFlowsResponse, Status> {
    let time = Some(Timestamp {
        seconds: number,
        nanos: 0,
    });
    let pod = |name: &str| {
        Some(Endpoint {
            namespace: "shop".to_owned(),
            pod_name: name.to_owned(),
            identity: 20_001,
            ..Endpoint::default()
        })
    };
    let flow = Flow {
        time,
        verdict: Verdict::Dropped.into(),
        ip: Some(Ip {
            source: "10.0.0.1".to_owned(),
            destination: "10.0.0.2".to_owned(),
            ..Ip::default()
        }),
        source: pod("frontend"),
        destination: pod("cart"),
        ..Flow::default()
    };
    Ok(GetFlowsResponse {
        time,
        node_name: "a".to_owned(),
        response_types: Some(ResponseTypes::Flow(flow)),
    })
}

fn status(state: NodeState, message: &str) -> Result<GetFlowsResponse, Status> {
    let event = NodeStatusEvent {
        state_change: state.into(),
        node_names: vec!["b".to_owned()],
        message: message.to_owned(),
    };
    Ok(GetFlowsResponse {
        node_name: "relay".to_owned(),
        time: Some(Timestamp::default()),
        response_types: Some(ResponseTypes::NodeStatus(event)),
    })
}

#[test]
fn defaults_of_the_request_are_hubbles() {
    let server = Server::start(vec![]);
    type Check = fn(&GetFlowsRequest) -> bool;
    let rows: &[(&[&str], bool, Check)] = &[
        (&["observe", "--events"], true, |asked| {
            asked.number == 20 && !asked.follow && !asked.first
        }),
        // How many events 20 connections are is not known.
        (&["observe"], true, |asked| {
            asked.number == 1_000 && !asked.follow && !asked.first
        }),
        (&["observe", "--verdict", "DROPPED"], true, |asked| {
            asked.whitelist.is_empty()
        }),
        (&["observe", "--reply", "true"], true, |asked| {
            asked.number == 20
        }),
        (&["observe", "-o", "compact"], false, |asked| {
            asked.number == 20
        }),
        (&["observe", "--all", "-o", "json"], true, |asked| {
            asked.number == u64::MAX
        }),
        (&["observe", "--since", "1h"], true, |asked| {
            asked.number == 0 && asked.since.is_some()
        }),
        (&["observe", "--events", "--first", "7"], true, |asked| {
            asked.number == 7 && asked.first
        }),
        (&["observe", "--events", "--last", "7"], true, |asked| {
            asked.number == 7 && !asked.first
        }),
        (
            &["observe", "--events", "--from", "ns:shop"],
            true,
            |asked| asked.whitelist[0].source_pod == ["shop/"],
        ),
        (
            &["observe", "--events", "--to", "pod:shop/cart"],
            true,
            |asked| asked.whitelist[0].destination_pod == ["shop/cart"],
        ),
        (
            &[
                "observe",
                "--field-mask",
                "time,source.pod_name",
                "-o",
                "json",
            ],
            false,
            |asked| asked.field_mask.as_ref().unwrap().paths == ["time", "source.pod_name"],
        ),
    ];
    for (args, extensions, check) in rows {
        let output = server.flows(args);
        // Why nothing is shown.
        let note =
            match args.contains(&"--events") || args.contains(&"-o") || args.contains(&"--reply") {
                true => "",
                false => "0 connections match, of 1,000 flows\n",
            };
        assert_eq!(said(&output), (note, Some(0)), "{args:?}");
        let (asked, own) = server.asked();
        assert!(check(&asked), "{args:?}: {asked:?}");
        assert_eq!(own, *extensions, "{args:?}");
    }
}

#[test]
fn events_that_are_no_flows_are_asked_for() {
    let server = Server::start(vec![]);
    let line = |revision: u64, count: u8| {
        format!(
            "Jan  1 00:00:01.000: POLICY_UPDATED (labels: [k8s:app=web], revision: {revision}, \
             count: {count})\n"
        )
    };
    let json = concat!(
        r#"{"agent_event":{"type":"POLICY_UPDATED","policy_update":{"labels":["k8s:app=web"],"#,
        r#""revision":"20"}},"node_name":"a","time":"1970-01-01T00:00:01Z"}"#,
        "\n"
    );
    for (args, shown) in [
        (&[][..], line(20, 0)),
        (&["-o", "compact", "--last", "3"], line(3, 0)),
        (&["--first", "4"], line(4, 1)),
        (&["--since", "1h"], line(0, 0)),
        (&["-o", "jsonpb"], json.to_owned()),
    ] {
        let output = server.flows(&[&["observe", "agent-events"], args].concat());
        assert_eq!(said(&output), ("", Some(0)), "{args:?}");
        assert_eq!(text(&output.stdout), shown, "{args:?}");
    }
    // What follows has no end of its own.
    let output = server.flows(&["observe", "agent-events", "-f"]);
    assert_eq!(text(&output.stdout), line(20, 0));
    // In plain words, except where the format is Hubble's.
    let plain = ended(&server).replace("rpc error: code = Unavailable desc = ", "");
    assert_eq!(said(&output), (&*plain, Some(1)));
    let output = server.flows(&["observe", "agent-events", "-f", "-o", "compact"]);
    assert_eq!(said(&output), (&*ended(&server), Some(1)));
    // Filters are not passed over silently.
    let output = server.flows(&["observe", "agent-events", "--pod", "web"]);
    let refused = "--pod is for flows; events cannot be filtered\n";
    assert_eq!(said(&output), (refused, Some(1)));
    // A server without them says so itself.
    let output = server.flows(&["observe", "debug-events"]);
    let (error, code) = said(&output);
    assert!(error.contains("does not support debug events"), "{error}");
    assert_eq!(code, Some(1));
    let output = server.flows(&["observe", "debug-events", "-o", "compact"]);
    let (error, code) = said(&output);
    assert!(
        error.contains("GetDebugEvents not yet implemented"),
        "{error}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn flows_go_out_and_nodes_are_named_beside_them() {
    let server = Server::start(vec![
        status(NodeState::NodeConnected, ""),
        status(NodeState::NodeUnavailable, ""),
        flow(1),
        status(NodeState::NodeError, "boom"),
        flow(2),
    ]);
    let output = server.flows(&["observe", "-o", "compact"]);
    assert_eq!(
        text(&output.stdout),
        "Jan  1 00:00:01.000: shop/frontend (ID:20001) <> shop/cart (ID:20001) UNKNOWN DROPPED ()\n\
         Jan  1 00:00:02.000: shop/frontend (ID:20001) <> shop/cart (ID:20001) UNKNOWN DROPPED ()\n"
    );
    assert_eq!(
        said(&output),
        (
            "Jan  1 00:00:00.000 [relay]: 1 nodes are unavailable: b\n\
             Jan  1 00:00:00.000 [relay]: Error \"boom\" on 1 nodes: b\n",
            Some(0)
        )
    );
    assert_eq!(
        said(&server.flows(&["observe", "--events", "-s"])),
        ("", Some(0))
    );
    let wide = server.flows(&["observe", "--events"]);
    let heading = text(&wide.stdout).lines().next().unwrap();
    for column in [
        "TIMESTAMP",
        "SOURCE",
        "DESTINATION",
        "TYPE",
        "VERDICT",
        "REASON",
        "POLICY",
    ] {
        assert!(heading.contains(column), "{heading}");
    }
}

#[test]
fn a_servers_refusal_is_one_line() {
    for (refusal, want) in [
        (
            Status::invalid_argument("bad filter"),
            "rpc error: code = InvalidArgument desc = bad filter\n",
        ),
        (Status::unknown("bad filter"), "bad filter\n"),
    ] {
        let server = Server::start(vec![flow(1), Err(refusal)]);
        let output = server.flows(&["observe", "-o", "compact"]);
        assert_eq!(said(&output), (want, Some(1)));
        assert_eq!(
            text(&output.stdout).lines().count(),
            1,
            "what came before is shown"
        );
    }
}

/// What is said of a stream that should have gone on.
fn ended(server: &Server) -> String {
    let socket = server.socket();
    let (code, path) = ("Unavailable", socket.display());
    format!("rpc error: code = {code} desc = unix://{path} ended the stream\n")
}

#[test]
fn a_follow_that_the_server_ends_fails() {
    let server = Server::start(vec![flow(1)]);
    server.ends_streams();
    for args in [&["--last", "1"][..], &["--filter", "verdict == DROPPED"]] {
        let args = [&["observe", "-f", "-o", "compact"], args].concat();
        let output = server.flows(&args);
        assert_eq!(text(&output.stdout).lines().count(), 1, "{args:?}");
        assert_eq!(said(&output), (&*ended(&server), Some(1)), "{args:?}");
    }
    let output = server.flows(&["observe", "-o", "compact"]);
    assert_eq!(said(&output), ("", Some(0)));
}

#[test]
fn a_server_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("none.sock");
    for args in [
        &["observe"][..],
        &["status"],
        &["list", "nodes"],
        &["watch", "peers"],
    ] {
        let output = command(&socket, args).output().unwrap();
        let (line, code) = said(&output);
        assert_eq!(code, Some(1), "{args:?}");
        let want = format!("cannot reach unix://{}: ", socket.display());
        assert!(
            line.starts_with(&want) && line.lines().count() == 1,
            "{args:?}: {line}"
        );
    }
    let output = command(&socket, &["--lab", "no/lab", "status"])
        .output()
        .unwrap();
    assert_eq!(
        said(&output),
        ("\"no/lab\" is not the name of a lab\n", Some(1))
    );
}

#[test]
fn status_and_lists() {
    let server = Server::start(vec![]);
    let output = server.flows(&["status"]);
    assert_eq!(
        text(&output.stdout),
        format!(
            "Healthcheck (via unix://{}): Ok\nCurrent/Max Flows: 1,000/2,000 (50.00%)\nFlows/s: 1.50\n\
             Connected Nodes: 1/1\n",
            server.socket().display()
        )
    );
    assert_eq!(said(&output), ("", Some(0)));
    let output = server.flows(&["list", "nodes"]);
    let names: Vec<_> = text(&output.stdout)
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["NAME", "a", "b"]);
    // What a server didn't tell of a node isn't made up.
    let output = server.flows(&["list", "nodes", "-o", "wide"]);
    let line = text(&output.stdout).lines().nth(1).unwrap();
    let fields: Vec<_> = line.split_whitespace().collect();
    assert_eq!(
        fields,
        ["a", "Connected", "N/A", "N/A", "N/A", "N/A", "N/A"]
    );
    assert_eq!(
        text(&server.flows(&["list", "namespaces"]).stdout),
        "NAMESPACE\nshop\n"
    );
    server.healthy(false);
    assert_eq!(said(&server.flows(&["status"])), ("not healthy\n", Some(1)));
}

/// Ctrl-C ends a follow, a reader that goes away ends a long answer; both quietly.
#[test]
fn ends_that_are_no_errors() {
    let server = Server::start(vec![flow(1)]);
    let mut follow = command(&server.socket(), &["observe", "-f", "-o", "compact"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(follow.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("DROPPED"), "{line}");
    interrupt(&follow);
    let output = follow.wait_with_output().unwrap();
    assert_eq!(said(&output), ("", Some(0)));

    let server = Server::start((0..50_000).map(flow).collect());
    let mut long = command(&server.socket(), &["observe", "--events", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(long.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    let output = long.wait_with_output().unwrap();
    assert_eq!(said(&output), ("", Some(0)));
    drop(server.runtime);
}

#[test]
fn help_and_completion() {
    let socket = Path::new("/nonexistent");
    let help = command(socket, &["observe", "--help"]).output().unwrap();
    for part in [
        "Examples:",
        "--from-pod",
        "Filters: ends of a flow",
        "--not",
        "Server:",
    ] {
        assert!(text(&help.stdout).contains(part), "{part}");
    }
    for (shell, part) in [
        ("bash", "complete -o nosort -F _flows flows"),
        ("zsh", "compdef _flows flows"),
        ("fish", "complete -c flows"),
        ("elvish", "--drop-reason-desc"),
    ] {
        let completion = command(socket, &["completion", shell]).output().unwrap();
        assert!(text(&completion.stdout).contains(part), "{shell}");
        assert_eq!(said(&completion), ("", Some(0)));
    }
}
