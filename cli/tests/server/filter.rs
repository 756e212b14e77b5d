//! `--filter` and `--aggregate-by` against a server.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};
use tonic::Status;

use crate::service::{Server, command, interrupt, said, text};
use crate::{flow, status};

/// A flow with something in it that no server can be asked for.
fn noted(number: i64, note: &str) -> Result<GetFlowsResponse, Status> {
    let mut response = flow(number)?;
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        flow.summary = note.to_owned();
        flow.set_extension(&proto::flows::v1::FlowExtension {
            revision: 7,
            ..proto::flows::v1::FlowExtension::default()
        });
    }
    Ok(response)
}

/// Of many flows every so-many-th is a match.
fn flows(count: i64, every: i64) -> Vec<Result<GetFlowsResponse, Status>> {
    (0..count)
        .map(|number| noted(number, if number % every == 0 { "match" } else { "no" }))
        .collect()
}

fn seconds(output: &str) -> Vec<u64> {
    let lines = output.lines().map(|line| {
        let clock = line
            .split([' ', '.'])
            .find(|word| word.contains(':'))
            .unwrap();
        let mut parts = clock.split(':').map(|part| part.parse::<u64>().unwrap());
        let mut part = || parts.next().unwrap();
        part() * 3_600 + part() * 60 + part()
    });
    lines.collect()
}

const REST: &str = "verdict == DROPPED and summary == match";

#[test]
fn what_can_be_is_pushed() {
    let server = Server::start(vec![flow(1)]);
    let output = server.flows(&[
        "observe",
        "-o",
        "compact",
        "--from-pod",
        "shop/",
        "--filter",
        "verdict == DROPPED and not reply",
    ]);
    assert_eq!(said(&output), ("", Some(0)));
    let (asked, extensions) = server.asked();
    assert_eq!((asked.number, extensions), (20, false));
    assert_eq!(asked.whitelist.len(), 1);
    assert_eq!(asked.whitelist[0].source_pod, ["shop/"]);
    assert_eq!(asked.whitelist[0].verdict, [2]);
    assert_eq!(asked.blacklist[0].reply, [true]);
    let raw = server.flows(&["observe", "--print-raw-filters", "--filter", REST]);
    assert_eq!(
        text(&raw.stdout),
        "allowlist:\n    - '{\"verdict\":[\"DROPPED\"]}'\n\
         # evaluated by flows itself: summary == match\n"
    );
}

#[test]
fn numbers_mean_matching_flows() {
    let server = Server::start(flows(20_000, 4_000));
    for (args, want) in [
        (&["--last", "3"][..], &[8_000, 12_000, 16_000][..]),
        (&["--first", "2"], &[0, 4_000]),
        (
            &["--last", "2", "--since", "1970-01-01T02:00:00Z"],
            &[12_000, 16_000],
        ),
        (
            &["--last", "9", "--since", "1970-01-01T02:00:00Z"],
            &[8_000, 12_000, 16_000],
        ),
        (
            &["--last", "1", "--until", "1970-01-01T04:00:00Z"],
            &[12_000],
        ),
        (&["--last", "9"], &[0, 4_000, 8_000, 12_000, 16_000]),
        (&["--all"], &[0, 4_000, 8_000, 12_000, 16_000]),
        (&[], &[0, 4_000, 8_000, 12_000, 16_000]),
    ] {
        let args = [&["observe", "-o", "compact", "--filter", REST], args].concat();
        let output = server.flows(&args);
        assert_eq!(said(&output), ("", Some(0)), "{args:?}");
        assert_eq!(seconds(text(&output.stdout)), want, "{args:?}");
        assert!(server.asked().1, "the rest looks at what only we say");
    }
    let json = server.flows(&["observe", "-o", "json", "--last", "1", "--filter", REST]);
    assert!(text(&json.stdout).contains("\"extensions\":{\"revision\":7}"));
    assert!(text(&json.stdout).contains("\"Summary\":\"match\""));
}

#[test]
fn the_last_ones_are_those_of_all_nodes() {
    let flows = (0..40).map(|number| {
        let mut response = flow(number)?;
        // The newest five are of one node.
        let node = if number % 2 == 0 || number >= 35 {
            "a"
        } else {
            "b"
        };
        response.node_name = node.to_owned();
        Ok(response)
    });
    let server = Server::start(flows.collect());
    server.is_hubbles_relay();
    for (args, want) in [
        (&["--last", "3"][..], &[37, 38, 39][..]),
        (
            &["--last", "3", "--since", "1970-01-01T00:00:38Z"],
            &[38, 39],
        ),
        (
            &["--last", "3", "--until", "1970-01-01T00:00:34Z"],
            &[32, 33, 34],
        ),
        (
            &["--last", "3", "--filter", "verdict == DROPPED"],
            &[37, 38, 39],
        ),
        (&["--last-per-node", "2"], &[38, 39, 31, 33]),
    ] {
        let args = [&["observe", "-o", "compact"], args].concat();
        let output = server.flows(&args);
        assert_eq!(said(&output), ("", Some(0)), "{args:?}");
        assert_eq!(seconds(text(&output.stdout)), want, "{args:?}");
        let per_node = args.contains(&"--last-per-node");
        assert_eq!(server.asked_per_node(), per_node, "{args:?}");
    }
    for (args, what) in [
        (&["--last", "3"][..], "--last-per-node and --last"),
        (&["--all"], "--last-per-node and --all"),
        (&["--until", "1s"], "--last-per-node and --until"),
    ] {
        let args = [&["observe", "--last-per-node", "2"], args].concat();
        let output = server.flows(&args);
        let refused = format!("cannot set both {what}\n");
        assert_eq!(said(&output), (&*refused, Some(1)));
    }
}

#[test]
fn the_newest_since_then_are_followed() {
    let server = Server::start((0..10).map(flow).collect());
    let since = ["--since", "1970-01-01T00:00:05Z", "--last", "2", "-f"];
    let args = [&["observe", "-o", "compact"], &since[..]].concat();
    let mut follow = command(&server.socket(), &args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let first: Vec<String> = lines.take(2).map(Result::unwrap).collect();
    assert_eq!(seconds(&first.join("\n")), [8, 9]);
    let (asked, _) = server.asked();
    assert!(asked.follow && asked.number == 2 && asked.since.is_none());
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn the_last_ones_and_then_what_follows() {
    let server = Server::start(flows(3_000, 500));
    let args = [
        "observe", "-f", "--last", "2", "-o", "compact", "--filter", REST,
    ];
    let mut follow = command(&server.socket(), &args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let first: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    assert_eq!(seconds(&first.join("\n")), [2_000, 2_500]);
    // It follows from the last flow that it has seen on.
    while server.asked_count() < 2 {
        std::thread::yield_now();
    }
    let (asked, _) = server.asked();
    assert!(asked.follow && asked.number == 0);
    assert_eq!(asked.since.unwrap().seconds, 2_999);
    interrupt(&follow);
    assert!(follow.wait().unwrap().success());
    assert_eq!(lines.count(), 0, "nothing is shown twice");
}

#[test]
fn mistakes_are_shown_under_the_expression() {
    let server = Server::start(vec![]);
    for (args, want) in [
        (
            &["--filter", "src.prt == 53"][..],
            "invalid argument for \"--filter\" flag:\nsrc.prt == 53\n\
             ^^^^^^^ unknown field `src.prt`; did you mean `src.port`?\n",
        ),
        (
            &["--aggregate-by", "pod"],
            "--aggregate-by \"pod\": `pod` is of source or \
             destination: say src.pod or dst.pod, or both\n",
        ),
        (
            &["--aggregate-by", "verdict", "-o", "dict"],
            "--aggregate-by prints wide (a table) or json, not dict\n",
        ),
        (&["--top", "3"], "--top needs --aggregate-by\n"),
        (
            &["--aggregate-by", "verdict", "--top", "0"],
            "--top must be at least 1\n",
        ),
        (
            &["--verdict", "drop"],
            "--verdict takes a verdict, not \"drop\"\n\
             hint: one of FORWARDED, DROPPED, ERROR, AUDIT, REDIRECTED, TRACED, TRANSLATED\n",
        ),
        (
            &["-o", "csv"],
            "invalid output format: csv\nhint: one of wide, compact, dict, table, json, jsonpb\n",
        ),
        (
            &["--since", "soon"],
            "--since takes a time or how long ago, not \"soon\"\n\
             hint: such as --since 5m, 2d, 14:30, yesterday, 2026-01-31 or 2026-01-31T12:00:00Z\n",
        ),
        (
            &["--filter", REST, "--field-mask", "time", "-o", "json"],
            "--field-mask would hide what --filter looks at here: summary == match\n",
        ),
    ] {
        let args = [&["observe"], args].concat();
        assert_eq!(said(&server.flows(&args)), (want, Some(1)), "{args:?}");
    }
}

#[test]
fn groups() {
    let mut answers = flows(100, 4);
    answers.insert(0, status(proto::relay::NodeState::NodeUnavailable, ""));
    let server = Server::start(answers);
    let output = server.flows(&["observe", "--events", "--aggregate-by", "src.pod,summary"]);
    assert_eq!(
        said(&output),
        (
            "Jan  1 00:00:00.000 [relay]: 1 nodes are unavailable: b\n",
            Some(0)
        )
    );
    assert_eq!(server.asked().0.number, 10_000);
    insta::assert_snapshot!(text(&output.stdout), @r"
    SRC.POD        SUMMARY  FLOWS  DROPPED  FLOWS/S  BYTES  PACKETS  LAST (UTC)  TREND
    shop/frontend  no          75       75      0.8    0 B        0    00:01:39  ▆▆▆█▆▆█▆▆▆█▆▆▆▆▆█▆▆▆█▆▆▂
    shop/frontend  match       25       25      0.3    0 B        0    00:01:36  █▄▄▄▄▄▄▄▄▄▄▄▄█▄▄▄▄▄▄▄▄▄
    (2 groups)                100      100      1.0    0 B        0    00:01:39  █▇▇█▇▇█▇▇▇█▇▇█▇▇█▇▇▇█▇▇▂
    ");
    // Words select flows of groups, too.
    let count = |word: &str| {
        let output = server.flows(&["observe", word, "--aggregate-by", "verdict", "-o", "json"]);
        text(&output.stdout).matches("\"connections\"").count()
    };
    assert_eq!((count("frontend"), count("nobody")), (1, 0));
    let args = [
        "observe",
        "--events",
        "--aggregate-by",
        "summary,dst.port",
        "-o",
        "json",
        "--top",
        "1",
    ];
    let output = server.flows(&args);
    let rows: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rows[0]["group"],
        serde_json::json!({"summary": "no", "dst.port": null})
    );
    assert_eq!(rows[0]["flows"], 75);
    assert_eq!(rows[0]["trend_start"], "1970-01-01T00:00:00Z");
    let step = rows[0]["trend_step_seconds"].as_f64().unwrap();
    assert!((4.0..9.0).contains(&step), "{step}");
    assert_eq!(rows[0]["verdicts"]["DROPPED"], 75);
    assert_eq!(rows[1]["other"], true);
    assert_eq!(rows[1]["flows"], 25);
    assert_eq!(rows[1]["last"], "1970-01-01T00:01:36Z");
}
