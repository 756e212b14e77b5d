//! `flows observe` of files, as people use it: what stands on standard output and error.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// A dropped packet at 12:03:04.567 UTC.
const DROP: &str = r#"{"flow":{"time":"2026-01-02T12:03:04.567Z","verdict":"DROPPED","IP":{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":40001,"destination_port":8080}},"source":{"namespace":"shop","pod_name":"web"},"destination":{"namespace":"shop","pod_name":"db"},"Type":"L3_L4","node_name":"node-a","event_type":{"type":1,"sub_type":133},"drop_reason_desc":"POLICY_DENIED"},"node_name":"node-a","time":"2026-01-02T12:03:04.567Z"}"#;
/// The same in summer.
const SUMMER: &str = r#"{"flow":{"time":"2026-07-02T12:03:04.567Z","verdict":"DROPPED","source":{"namespace":"shop","pod_name":"web"},"destination":{"namespace":"shop","pod_name":"db"},"event_type":{"type":1,"sub_type":133}},"time":"2026-07-02T12:03:04.567Z"}"#;

/// Runs `flows observe --input-file -` with further arguments.
fn observe(input: &str, zone: &str, args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(["observe", "--events", "--input-file", "-"])
        .args(args)
        .env_clear()
        .env("TZ", zone)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn times_are_local_and_say_so() {
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    for (zone, args, heading, row) in [
        (BERLIN, &[][..], "TIMESTAMP (CET)  ", "Jan  2 13:03:04.567 "),
        (
            BERLIN,
            &["--utc"],
            "TIMESTAMP (UTC)  ",
            "Jan  2 12:03:04.567 ",
        ),
        ("", &[], "TIMESTAMP (UTC)  ", "Jan  2 12:03:04.567 "),
        (
            "PST8",
            &["--time-format", "RFC3339"],
            "TIMESTAMP (PST)  ",
            "2026-01-02T04:03:04-08:00 ",
        ),
        // Hubble's formats are in Hubble's zone, whatever ours is.
        (BERLIN, &["-o", "compact"], "Jan  2 12:03:04.567: ", ""),
        (
            BERLIN,
            &["-o", "dict"],
            "  TIMESTAMP: Jan  2 12:03:04.567",
            "",
        ),
        (
            BERLIN,
            &["-o", "table"],
            "TIMESTAMP   ",
            "Jan  2 12:03:04.567 ",
        ),
        (
            BERLIN,
            &["-o", "json"],
            "{\"flow\":{\"time\":\"2026-01-02T12:03:04.567Z\"",
            "",
        ),
    ] {
        let text = stdout(&observe(DROP, zone, args));
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (first, second) = (next(), next());
        assert!(first.starts_with(heading), "{zone} {args:?}: {text}");
        assert!(second.starts_with(row), "{zone} {args:?}: {text}");
    }
}

#[test]
fn a_change_of_the_clock_is_said() {
    let both = format!("{DROP}\n{SUMMER}\n");
    let text = stdout(&observe(&both, "CET-1CEST,M3.5.0,M10.5.0/3", &[]));
    let starts = text.lines().map(|line| &line[..19]).collect::<Vec<_>>();
    let wanted = [
        "TIMESTAMP (CET)    ",
        "Jan  2 13:03:04.567",
        "TIMESTAMP (CEST)   ",
        "Jul  2 14:03:04.567",
    ];
    assert_eq!(starts, wanted);
}

#[test]
fn groups_say_the_zone_of_their_times() {
    for (args, heading, last) in [
        (&[][..], "LAST (JST)", "21:03:04"),
        (&["--utc"], "LAST (UTC)", "12:03:04"),
    ] {
        let args = [&["--aggregate-by", "verdict"], args].concat();
        let text = stdout(&observe(DROP, "JST-9", &args));
        assert!(text.contains(heading) && text.contains(last), "{text}");
    }
    let json = ["--aggregate-by", "verdict", "-o", "json"];
    let text = stdout(&observe(DROP, "JST-9", &json));
    assert!(text.contains("\"2026-01-02T12:03:04.567Z\""), "{text}");
}

#[test]
fn a_date_is_a_day_of_the_zone_that_is_shown() {
    // In Kiribati (UTC+14) it is the third already.
    for (args, rows) in [(&[][..], 2), (&["--utc"], 0)] {
        let args = [&["--since", "2026-01-03"], args].concat();
        let text = stdout(&observe(DROP, "<+14>-14", &args));
        assert_eq!(text.lines().count(), rows, "{text}");
    }
}

/// Whether a terminal would do more with it than show it. Tabs are Hubble's in Hubble's formats.
fn steers(letter: char) -> bool {
    !matches!(letter, '\n' | '\t') && proto::json::steers(letter)
}

#[test]
fn hostile_names_never_reach_the_terminal() {
    let hostile = r"a\u001b]0;x\u0007\u009b2J\r\u202eb\u2066\u200b\ufeff\u007f\n";
    let names = ["web", "db", "shop", "node-a", "POLICY_NAME", "10.0.0.1"];
    let line = names.iter().fold(with_policy(), |line, name| {
        line.replace(name, &format!("{name}{hostile}"))
    });
    let broken = "{\"flow\": \u{1b}]0;x\u{7}\u{202e}\n";
    let lost = r#"{"node_status":{"state_change":"NODE_ERROR","node_names":["HOST"],"message":"HOST"},"node_name":"HOST","time":"2026-01-02T12:03:04Z"}"#;
    let input = format!("{line}\n{}\n{broken}", lost.replace("HOST", hostile));
    let groups = "src.pod,dst.ns,node";
    for args in [
        &["-o", "wide", "--print-node-name"][..],
        &["-o", "compact", "--print-node-name", "--print-policy-names"],
        &["-o", "compact", "--numeric"],
        &["-o", "dict", "--print-node-name"],
        &["-o", "table", "--print-node-name"],
        &["-o", "json"],
        &["-o", "jsonpb"],
        &["--aggregate-by", groups],
        &["--aggregate-by", groups, "-o", "json"],
        &["--pod", "x\u{1b}[2J/y/z\u{202e}", "--last", "\u{1b}[2J"],
        &["--filter", "src.pod == \u{1b}[2J"],
    ] {
        let output = observe(&input, "UTC", args);
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains(steers), "{args:?} {name}: {text:?}");
        }
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty());
    }
}

/// The drop, with a policy, and more names.
fn with_policy() -> String {
    let policy = r#""ingress_denied_by":[{"name":"POLICY_NAME","namespace":"shop","kind":"CiliumNetworkPolicy"}],"event_type":{"type":5},"traffic_direction":"INGRESS","policy_match_type":2,"Summary":"node-a""#;
    DROP.replace(r#""event_type":{"type":1,"sub_type":133}"#, policy)
}

/// What the kernel decided, as our own servers say it.
const EXPLAINED: &str = r#"{"flow":{"time":"2026-01-02T12:03:04.567Z","verdict":"DROPPED","source":{"namespace":"shop","pod_name":"web"},"destination":{"namespace":"shop","pod_name":"db"},"event_type":{"type":1,"sub_type":133},"traffic_direction":"INGRESS","drop_reason_desc":"POLICY_DENIED","extensions":{"ingress":{"verdict":"DROPPED","drop_reason":"POLICY_DENIED","default_deny":true,"rules":[{"kind":"CiliumNetworkPolicy","namespace":"shop","name":"db","text":"allows app=api on 5432/TCP"}]},"forward":{"packets":"1","bytes":"60"},"revision":7}},"node_name":"node-a","time":"2026-01-02T12:03:04.567Z"}"#;

#[test]
fn what_is_saved_says_why() {
    let why = "default deny ingress: cnp shop/db selects it, allows app=api on 5432/TCP";
    let shown = stdout(&observe(EXPLAINED, "UTC", &[]));
    assert!(shown.contains(why), "{shown}");
    for format in ["json", "jsonpb"] {
        let saved = observe(EXPLAINED, "UTC", &["-o", format]);
        assert_eq!(stdout(&saved), format!("{EXPLAINED}\n"));
        let filtered = ["-o", format, "--filter", "bytes == 60 and revision == 7"];
        assert_eq!(
            stdout(&observe(EXPLAINED, "UTC", &filtered)),
            stdout(&saved)
        );
        assert_eq!(stdout(&observe(&stdout(&saved), "UTC", &[])), shown);
    }
    // Bare flows, and what jq makes of them.
    let value: serde_json::Value = serde_json::from_str(EXPLAINED).unwrap();
    for text in [
        value["flow"].to_string(),
        serde_json::to_string_pretty(&value["flow"]).unwrap(),
        serde_json::to_string_pretty(&value).unwrap(),
        serde_json::to_string_pretty(&[&value]).unwrap(),
    ] {
        let output = observe(&text, "UTC", &[]);
        assert_eq!(
            (stdout(&output), &*output.stderr),
            (shown.clone(), &b""[..])
        );
    }
}

#[test]
fn flows_of_others_are_read() {
    let other =
        r#""extensions":{"@type":"type.googleapis.com/utils.Other","bytes":66},"event_type""#;
    let flow = DROP.replace(r#""event_type""#, other);
    let output = observe(&format!("{flow}\n{flow}\n"), "UTC", &["-o", "compact"]);
    assert_eq!(stdout(&output).lines().count(), 2, "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("unknown field detected").count(), 1, "{said}");
}

#[test]
fn what_is_no_flow_is_told() {
    let expected = "(JSON lines expected)";
    let long = "x".repeat((1 << 20) + 1);
    for (name, text, args, code, said) in [
        (
            "no flows at all",
            "# Title\n\ntext\n".to_owned(),
            &[][..],
            1,
            vec![
                "-: line 1 is not a flow (JSON lines expected)",
                "hint: `flows observe -o json > flows.jsonl` writes such a file",
            ],
        ),
        ("nothing", String::new(), &[], 0, vec![]),
        ("blank lines", format!("\n{DROP}\n\n"), &[], 0, vec![]),
        (
            "a broken one",
            format!("{DROP}\n{}\n{DROP}\n", &DROP[..50]),
            &[],
            0,
            vec!["line 2 is not a flow (JSON lines expected)"],
        ),
        (
            "many broken ones",
            format!("x\n{DROP}\nx\nx\nx\nx\n"),
            &[],
            0,
            vec![
                "line 1 is not a flow (JSON lines expected)",
                "line 3 is not a flow (JSON lines expected)",
                "line 4 is not a flow (JSON lines expected)",
                "2 more lines are not flows",
            ],
        ),
        (
            "another object",
            "{\"kind\":\"Pod\"}\n".to_owned(),
            &[],
            1,
            vec![],
        ),
        (
            "one that is too long",
            format!("{DROP}\n{long}\n{DROP}\n"),
            &[],
            0,
            vec!["line 2 is longer than 1048576 bytes"],
        ),
        (
            "nothing but such",
            format!("{long}\n{long}\n"),
            &[],
            1,
            vec![
                "-: line 1 is not a flow (JSON lines expected)",
                "hint: `flows observe -o json > flows.jsonl` writes such a file",
            ],
        ),
        ("not said", format!("x\n{DROP}\n"), &["-s"], 0, vec![]),
    ] {
        let output = observe(&text, "UTC", args);
        assert_eq!(output.status.code(), Some(code), "{name}: {output:?}");
        let lines = String::from_utf8(output.stderr).unwrap();
        if name != "another object" {
            assert_eq!(lines.lines().collect::<Vec<_>>(), said, "{name}");
        }
    }
    // Hubble's words in Hubble's formats, but not its exit code where nothing was a flow.
    let output = observe("x\n", "UTC", &["-o", "compact"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Failed to unmarshal json to flow") && said.contains(expected));
    assert_eq!(output.status.code(), Some(1));
}

/// Standard error and exit code, with variables of the environment set.
fn said(args: &[&str], variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(["observe", "--events", "--input-file", "-"])
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        String::from_utf8(output.stderr).unwrap(),
        output.status.code(),
    )
}

#[test]
fn mistakes_are_told_in_plain_words() {
    for (args, wanted) in [
        (
            &["--port", "http"][..],
            "--port takes a number, not \"http\"\nhint: ranges: --filter 'dst.port in 80-90'\n",
        ),
        (
            &["--to-port", "99999"],
            "--to-port takes a number, not \"99999\"\nhint: ranges: --filter 'dst.port in 80-90'\n",
        ),
        (
            &["--ip", "10.100.1.300"],
            "--ip takes an address or a network, not \"10.100.1.300\"\nhint: such as 10.0.0.1, fd00::1 or 10.0.0.0/8\n",
        ),
        (
            &["--reply", "--last"],
            "--reply takes true or false, not \"--last\"\nhint: --reply true\n",
        ),
        (
            &["--type", "droppp"],
            "--type droppp: there is no event type \"droppp\"\nhint: did you mean drop?\n",
        ),
        (
            &["--last", "-5"],
            "--last takes a whole number, not \"-5\"\nhint: a whole number, such as --last 100\n",
        ),
        (
            &["--tls-client-cert-file", "a"],
            "invalid flag(s): certificate and private key are both required, but only one was provided\n",
        ),
        (
            &["--tls-client-cert-file", "a", "--tls-client-key-file", "b"],
            "invalid flag(s): transport layer security required\n",
        ),
        (
            &["--basic-auth-username", "a"],
            "invalid flag(s): must specify both basic-auth-username and basic-auth-password\n",
        ),
    ] {
        assert_eq!(said(args, &[]), (wanted.to_owned(), Some(1)), "{args:?}");
    }
    // In Hubble's formats they are Hubble's.
    let (text, _) = said(&["--port", "http", "-o", "compact"], &[]);
    assert!(text.contains("strconv.ParseUint"), "{text}");
}

#[test]
fn raw_filters_come_from_the_environment() {
    let drops = r#"{"verdict": ["DROPPED"]}"#;
    let print = |args: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_flows"))
            .args(["observe", "--print-raw-filters"])
            .args(args)
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        stdout(&output)
    };
    let allow = "allowlist:\n    - '{\"verdict\":[\"DROPPED\"]}'\n";
    let deny = "denylist:\n    - '{\"verdict\":[\"DROPPED\"]}'\n";
    assert_eq!(print(&[], &[("HUBBLE_ALLOWLIST", drops)]), allow);
    assert_eq!(print(&[], &[("HUBBLE_DENYLIST", drops)]), deny);
    let both = [("HUBBLE_DENYLIST", "{}"), ("FLOWS_DENYLIST", drops)];
    assert_eq!(print(&[], &both), deny);
    // A flag counts instead.
    let flag = ["--denylist", drops];
    assert_eq!(print(&flag, &[("HUBBLE_DENYLIST", "{}")]), deny);
    let (text, code) = said(&[], &[("HUBBLE_ALLOWLIST", "{")]);
    assert!(
        text.starts_with("invalid --allowlist flag: failed to decode '{'"),
        "{text}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn names_of_policies_are_coloured_with_the_verdict() {
    let args = ["-o", "compact", "--print-policy-names", "--color", "always"];
    let text = stdout(&observe(&with_policy(), "UTC", &args));
    let wanted = "\u{1b}[31mDENIED BY POLICY_NAME (CiliumNetworkPolicy)\u{1b}[0m";
    assert!(text.contains(wanted), "{text:?}");
}

#[test]
fn expressions_of_cel_filter_files() {
    for (expression, rows) in [
        ("_flow.verdict == Verdict.DROPPED", 2),
        ("_flow.l4.TCP.destination_port == 5432u", 0),
    ] {
        let text = stdout(&observe(DROP, "UTC", &["--cel-expression", expression]));
        assert_eq!(text.lines().count(), rows, "{expression}: {text}");
    }
    let (text, code) = said(&["--cel-expression", "_flow.nope"], &[]);
    assert_eq!(
        text,
        "error compiling CEL expression: undefined field 'nope'\n"
    );
    assert_eq!(code, Some(1));
}
