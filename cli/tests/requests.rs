//! Requests of layer 7 in rows of connections and in incidents, of a recording: what stands on terminals and
//! in pipes.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::process::{Command, Output};

use serde_json::Value;
use testing_program::Pty;

const FLOWS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/requests/flows.jsonl"
);

/// What a pod with a search list asked its resolver.
const SEARCH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../testdata/requests/search.jsonl"
);

fn command(args: &[&str]) -> Command {
    of(FLOWS, args)
}

fn of(file: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command.args(args).args(["--input-file", file]);
    command.env_clear().env("TZ", "UTC");
    command
}

fn piped(args: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command(args).output().unwrap();
    let errors = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{args:?}: {errors}");
    String::from_utf8(stdout).unwrap()
}

/// What stands on a terminal of that width.
fn screen(columns: u16, args: &[&str], until: &str) -> String {
    screen_of(&command(args), columns, until)
}

fn screen_of(command: &Command, columns: u16, until: &str) -> String {
    let mut pty = Pty::start(command, (columns, 40));
    assert!(pty.end().success());
    pty.until_steady("all rows", |text| text.contains(until));
    pty.text()
}

#[test]
fn rows_fit_the_terminal() {
    for columns in [80, 110, 160] {
        let text = screen(columns, &["observe", "--color", "never"], "TIME (UTC)");
        insta::assert_snapshot!(format!("rows_{columns}"), text);
    }
}

#[test]
fn lookups_of_a_name_are_one_row_of_a_terminal_and_each_a_line_of_a_pipe() {
    for columns in [80, 120, 200] {
        let observe = of(SEARCH, &["observe", "--color", "never"]);
        let text = screen_of(&observe, columns, "TIME (UTC)");
        insta::assert_snapshot!(format!("lookups_{columns}"), text);
    }
    let lines = |args: &[&str]| {
        let output = of(SEARCH, args).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    // Nine connections and two denied requests, below a heading.
    let piped = lines(&["observe"]);
    assert_eq!(piped.lines().count(), 1 + 11, "{piped}");
    // Of events each query and answer, also those of one moment.
    let events = lines(&["observe", "--events"]);
    let dns = events.lines().filter(|line| line.contains("L7_DNS"));
    assert_eq!(dns.count(), 2 * 16 + 2, "{events}");
}

#[test]
fn a_pipe_has_each_denied_request_in_full() {
    let text = piped(&["observe"]);
    let denied: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("DENIED"))
        .collect();
    for (words, number) in [
        (
            "shop/api:8080  DENIED   cnp shop/api \u{b7} POST /admin/delete: 403",
            3,
        ),
        ("cnp shop/api \u{b7} DELETE /cart: 403", 1),
        ("cnp shop/web-egress \u{b7} DNS www.other.test: refused", 1),
        ("cnp shop/api \u{b7} default deny", 1),
    ] {
        let squeezed = |line: &&&str| {
            let words: Vec<&str> = words.split_whitespace().collect();
            let line: Vec<&str> = line.split_whitespace().collect();
            line.join(" ").contains(&words.join(" "))
        };
        assert_eq!(
            denied.iter().filter(squeezed).count(),
            number,
            "{words}: {text}"
        );
    }
    assert_eq!(denied.len(), 6, "{text}");
    // What was allowed is counted on its connection, and no row of its own.
    let dns: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(":53/UDP"))
        .collect();
    assert_eq!(dns.len(), 2, "{text}");
    assert!(
        dns.iter().any(|line| line.contains("4 requests, 1 denied")),
        "{text}"
    );
    assert!(text.contains("closed, 4 requests "), "{text}");
    assert!(text.contains("; last GET /metrics: 200 "), "{text}");
}

#[test]
fn filters_hold_for_requests_and_those_of_events_show_events() {
    let denied = piped(&["observe", "--verdict", "DROPPED"]);
    assert_eq!(denied.lines().count(), 1 + 6, "{denied}");
    let scraper = piped(&[
        "observe",
        "--verdict",
        "DROPPED",
        "--from-pod",
        "shop/scraper",
    ]);
    assert!(scraper.contains("DELETE /cart: 403"), "{scraper}");
    assert_eq!(scraper.lines().count(), 1 + 1, "{scraper}");
    let events = piped(&["observe", "--type", "l7", "--verdict", "DROPPED"]);
    assert!(events.contains("L7_HTTP"), "{events}");
    assert!(events.contains("method POST is not GET"), "{events}");
    let posts = piped(&["observe", "--http-method", "POST"]);
    assert!(posts.contains("POST /admin/delete?id=1: 403"), "{posts}");
}

#[test]
fn denied_requests_are_incidents_with_ids_that_stay() {
    let text = screen(120, &["incidents"], "STATUS");
    insta::assert_snapshot!("incidents", text);
    let found: Value = serde_json::from_str(&piped(&["incidents", "-o", "json"])).unwrap();
    let found = found.as_array().unwrap();
    let of = |subject: &str| {
        let is = |one: &&Value| one["request"]["subject"] == subject;
        found.iter().find(is).unwrap()
    };
    let post = of("POST /admin/delete");
    assert_eq!(post["drops"], 3, "{post}");
    assert_eq!(post["verdict"], "DENIED", "{post}");
    assert_eq!(post["request"]["direction"], "ingress", "{post}");
    assert_eq!(
        post["request"]["reason"],
        "cnp shop/api: method POST is not GET"
    );
    assert_eq!(of("DNS www.other.test")["request"]["direction"], "egress");
    let connection = found.iter().find(|one| one["request"].is_null()).unwrap();
    assert_eq!(connection["why"], "cnp shop/api \u{b7} default deny");

    let id = post["id"].as_str().unwrap();
    let one = piped(&["incidents", id]);
    insta::assert_snapshot!("incident", one);
}
