//! `flows observe` of the shop's recording: what stands in rows of connections, on terminals and in
//! pipes.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use proto::{
    flow::{Ip, Verdict},
    google::Timestamp,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};
use serde_json::Value;
use testing::server::{Server, flow};
use testing_program::Pty;

/// Seen at: the recording's own times are in UTC.
const ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn shop(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/shop")).join(file)
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command
        .args(["observe", "--input-file"])
        .arg(shop("flows.jsonl"))
        .args(args)
        .env("TZ", ZONE);
    command
}

fn piped(args: &[&str]) -> (String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command(args).env_clear().env("TZ", ZONE).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(status.success(), "{args:?}");
    (text(stdout), text(stderr))
}

/// What stands on a terminal of that width.
fn screen(columns: u16, args: &[&str]) -> String {
    let args = [args, &["--color", "never"]].concat();
    let mut pty = Pty::start(&command(&args), (columns, 60));
    assert!(pty.end().success());
    // What was written last may still be on its way.
    pty.until_steady("all rows", |text| text.contains("TIME (CET)"));
    pty.text()
}

/// The causes that the shop has: workload, destination with its port.
fn causes() -> BTreeSet<(String, String)> {
    let text = std::fs::read_to_string(shop("incidents.yaml")).unwrap();
    let incidents = text.split("  - name: ").skip(1);
    let causes = incidents.map(|incident| {
        let line = |key: &str| {
            let line = incident.lines().find(|line| line.trim().starts_with(key));
            line.unwrap().trim().strip_prefix(key).unwrap().trim()
        };
        let of = |end: &str| {
            let inner = end.trim_matches(['{', '}']);
            let fields = inner
                .split(", ")
                .map(|field| field.split_once(": ").unwrap().1);
            fields.collect::<Vec<_>>().join("/")
        };
        let protocol = match line("protocol:") {
            "TCP" => String::new(),
            other => format!("/{other}"),
        };
        let to = format!("{}:{}{protocol}", of(line("destination:")), line("port:"));
        (of(line("source:")), to)
    });
    causes.collect()
}

#[test]
fn what_is_denied_is_a_row_for_each_cause() {
    let text = screen(200, &["--verdict", "DROPPED"]);
    let rows = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let seen: Vec<(String, String)> = rows
        .map(|row| {
            let mut words = row.split_whitespace().skip(1).map(str::to_owned);
            (words.next().unwrap(), words.next().unwrap())
        })
        .collect();
    assert_eq!(seen.len(), 8, "{text}");
    assert_eq!(BTreeSet::from_iter(seen), causes(), "{text}");
}

#[test]
fn rows_fit_the_terminal() {
    for columns in [160, 110, 80, 50] {
        let denied = screen(columns, &["--verdict", "DROPPED"]);
        let newest = screen(columns, &["--last", "12"]);
        insta::assert_snapshot!(format!("rows_{columns}"), format!("{denied}\n{newest}"));
    }
}

#[test]
fn a_pipe_has_each_connection_in_full() {
    let (denied, _) = piped(&["--verdict", "DROPPED"]);
    let (allowed, _) = piped(&["--not", "--verdict", "DROPPED"]);
    let (all, notes) = piped(&[]);
    assert_eq!(notes, "");
    let lines = |text: &str| text.lines().count() - 1;
    assert_eq!(lines(&denied) + lines(&allowed), lines(&all));
    assert!(!allowed.contains("DENIED") && !allowed.contains('…'));
    assert!(denied.lines().skip(1).all(|row| !row.contains("ALLOWED")));
    insta::assert_snapshot!(piped(&["--last", "6"]).0);
}

#[test]
fn filters_are_held_against_whole_connections() {
    let count = |args: &[&str]| piped(args).0.lines().skip(1).count();
    // The source is who opened it: nothing in the shop is opened from a server's port.
    assert_eq!(count(&["--filter", "src.port == 8080"]), 0);
    let to = count(&["--filter", "dst.port == 8080"]);
    let closed = count(&["--filter", "dst.port == 8080 and state == closed"]);
    let denied = count(&["--filter", "dst.port == 8080 and state == denied"]);
    assert!(closed > 0 && denied > 0 && closed + denied <= to);
    assert_eq!(
        count(&["--filter", "state == refused"]),
        count(&["--to-port", "9300"])
    );
    // What is asked of single packets shows packets.
    assert!(piped(&["--tcp-flags", "RST"]).0.contains("L4_TRACE TCP"));
}

/// A flow of a pod that a server sends while it is watched.
fn at(second: i64, verdict: Verdict) -> GetFlowsResponse {
    let mut response = flow(second * 1_000_000_000, "web", verdict);
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        flow.ip = Some(Ip {
            source: "10.0.0.1".to_owned(),
            destination: "10.0.0.2".to_owned(),
            ..Ip::default()
        });
    }
    response
}

#[test]
fn what_is_followed_on_a_terminal_is_one_row_that_changes() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hubble.sock");
    let now = Timestamp::from(SystemTime::now()).seconds;
    let server = Server::start(&socket, vec![at(now, Verdict::Dropped)]);
    let mut follow = Command::new(env!("CARGO_BIN_EXE_flows"));
    follow
        .args(["observe", "-f", "--last", "5", "--server"])
        .arg(format!("unix://{}", socket.display()))
        .env("TZ", "UTC");
    let mut pty = Pty::start(&follow, (100, 30));
    let count = |text: &str| text.matches("DROPPED").count() + text.matches("DENIED").count();
    pty.until("the row", |text| count(text) == 1);
    server.say(at(now + 1, Verdict::Dropped));
    let text = pty.until("that it was dropped twice", |text| text.contains("x2"));
    assert_eq!(count(&text), 1, "{text}");
    pty.press("\u{3}");
    assert!(pty.end().success());
}

#[test]
fn a_pipe_is_followed_as_it_comes() {
    let text = std::fs::read_to_string(shop("flows.jsonl")).unwrap();
    let mut follow = Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(["observe", "-f", "--input-file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = follow.stdin.take().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    // The pipe stays open; what is looked at once a second needs a line to be looked at.
    let feed = std::thread::spawn(move || {
        for line in text.lines().cycle() {
            std::thread::sleep(Duration::from_millis(5));
            if writeln!(input, "{line}").is_err() {
                return;
            }
        }
    });
    let heading = lines.next().unwrap().unwrap();
    assert!(heading.contains("DESTINATION"), "{heading}");
    let row = lines.next().unwrap().unwrap();
    assert!(row.contains("ALLOWED") || row.contains("DENIED"), "{row}");
    follow.kill().unwrap();
    follow.wait().unwrap();
    feed.join().unwrap();
}

#[test]
fn nothing_found_is_said() {
    let (rows, notes) = piped(&["--pod", "nobody"]);
    assert_eq!(rows, "");
    assert_eq!(
        notes,
        "0 connections match, of 692 flows; no pod begins with default/nobody\n"
    );
    let (_, notes) = piped(&["--to-port", "5432", "--verdict", "DROPPED"]);
    assert!(notes.starts_with("0 connections match; "), "{notes}");
}

/// What `flows incidents` says of the recording.
fn incidents(args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command.args(["incidents", "--input-file"]);
    command.arg(shop("flows.jsonl")).args(args);
    let output = command.env_clear().env("TZ", ZONE).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn incidents_are_the_causes() {
    let (text, _) = incidents(&["-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(&text).unwrap();
    let name = |end: &Value| {
        let [namespace, name] = ["namespace", "name"].map(|key| end[key].as_str().unwrap());
        match namespace {
            "" => name.to_owned(),
            namespace => format!("{namespace}/{name}"),
        }
    };
    let seen = found.iter().map(|one| {
        let port = one["port"].as_str().unwrap();
        let to = format!("{}:{port}", name(&one["destination"]));
        (name(&one["source"]), to)
    });
    assert_eq!(seen.collect::<BTreeSet<_>>(), causes());
    let ids: BTreeSet<&str> = found
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 8, "each has an id of its own");
    // Of a part of the time they are the same ones.
    let (later, _) = incidents(&["-o", "json", "--since", "2026-11-30T03:41:10Z"]);
    let later: Vec<Value> = serde_json::from_str(&later).unwrap();
    assert!(!later.is_empty());
    assert!(
        later
            .iter()
            .all(|one| ids.contains(one["id"].as_str().unwrap()))
    );
    insta::assert_snapshot!(incidents(&[]).0);
}

#[test]
fn no_incidents_is_said() {
    let (text, notes) = incidents(&["--to-port", "5432"]);
    assert_eq!(text, "");
    assert!(notes.starts_with("no incidents: none of "), "{notes}");
}

/// Groups as JSON, by the values of their fields.
fn groups(args: &[&str]) -> BTreeMap<String, Value> {
    let (text, notes) = piped(&[args, &["-o", "json"]].concat());
    assert_eq!(notes, "");
    let groups = text.lines().map(|line| {
        let group: Value = serde_json::from_str(line).unwrap();
        (group["group"].to_string(), group)
    });
    groups.collect()
}

#[test]
fn groups_count_each_connection_once() {
    let by_verdict = ["--aggregate-by", "verdict"];
    let found = groups(&by_verdict);
    let (rows, _) = piped(&[]);
    let with = |word: &str| rows.lines().filter(|row| row.contains(word)).count() as u64;
    let dropped = &found[r#"{"verdict":"DROPPED"}"#];
    // What left its source and was denied at the destination is one, and denied.
    assert_eq!(dropped["connections"], with(" DENIED ") + with(" DROPPED "));
    assert_eq!(
        found[r#"{"verdict":"FORWARDED"}"#]["connections"],
        with(" ALLOWED ")
    );
    assert!(dropped["drops"].as_u64() >= dropped["connections"].as_u64());
    let events = groups(&[&by_verdict[..], &["--events"]].concat());
    let events = &events[r#"{"verdict":"FORWARDED"}"#];
    assert!(
        events["flows"].as_u64().unwrap() > with(" ALLOWED "),
        "{events}"
    );

    // Filters and fields of connections.
    let states = groups(&["--aggregate-by", "state", "drops > 0"]);
    assert!(states.contains_key(r#"{"state":"denied"}"#), "{states:?}");
    let sum = states.values().map(|group| group["connections"].as_u64());
    assert_eq!(sum.sum::<Option<u64>>(), dropped["connections"].as_u64());
    let one = groups(&[&by_verdict[..], &["--last", "1"]].concat());
    assert_eq!(one.values().next().unwrap()["connections"], 1);
    // Of single packets there are events.
    let events = groups(&[&by_verdict[..], &["tcp.flags ~ SYN"]].concat());
    assert!(
        events.values().all(|group| group["flows"].is_u64()),
        "{events:?}"
    );
}

#[test]
fn groups_of_connections_are_a_table() {
    let fields = "src.ns,dst.ns,verdict";
    let (text, _) = piped(&["--aggregate-by", fields, "--top", "4", "--utc"]);
    insta::assert_snapshot!("groups", text);
}

#[test]
fn groups_follow_what_becomes_of_connections() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hubble.sock");
    let now = Timestamp::from(SystemTime::now()).unix_nanos();
    let server = Server::start(&socket, Vec::new());
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command
        .args(["observe", "-f", "--aggregate-by", "verdict", "--server"])
        .arg(format!("unix://{}", socket.display()));
    let mut pty = Pty::start(&command, (120, 20));
    pty.until("the table", |text| text.contains("CONNECTIONS"));
    let event = |ns: i64, verdict: Verdict| {
        let mut response = flow(now + ns, "web", verdict);
        if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
            flow.ip = Some(Ip {
                source: "10.0.0.1".to_owned(),
                destination: "10.0.0.2".to_owned(),
                ..Ip::default()
            });
            flow.l4 = testing::flows::tcp(40_000, 5432);
        }
        response
    };
    let says = |text: &str, verdict: &str| {
        let mut words = text.lines().map(|line| line.split_whitespace());
        words.any(|mut words| words.next() == Some(verdict) && words.next() == Some("1"))
    };
    server.say(event(0, Verdict::Forwarded));
    pty.until("that it is allowed", |text| says(text, "FORWARDED"));
    // It counts as what it has become, and once.
    server.say(event(1_000_000, Verdict::Dropped));
    pty.until("that it is denied", |text| {
        says(text, "DROPPED") && !text.contains("FORWARDED")
    });
    pty.press("\x03");
    pty.end();
}
