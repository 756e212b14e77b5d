//! `flows top` on a terminal, against a server that knows no more than any Hubble, and files.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use proto::{
    flow::Verdict,
    google::Timestamp,
    json,
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};
use testing::server::{Server, flow, lost};
use testing_program::Pty;

fn top(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flows"));
    command
        .arg("top")
        .env("XDG_STATE_HOME", directory)
        .env_remove("NO_COLOR")
        .env_remove("COLORFGBG");
    command
}

fn now() -> i64 {
    Timestamp::from(std::time::SystemTime::now()).unix_nanos()
}

/// A connection's only flow, with a policy that denied or allowed it.
fn decided(time: i64, pod: &str, verdict: Verdict) -> GetFlowsResponse {
    let mut response = flow(time, pod, verdict);
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        let policy = proto::flow::Policy {
            name: "db".to_owned(),
            namespace: "shop".to_owned(),
            kind: "CiliumNetworkPolicy".to_owned(),
            ..Default::default()
        };
        flow.ip = Some(proto::flow::Ip {
            source: "10.0.0.1".to_owned(),
            destination: "10.0.0.2".to_owned(),
            ..Default::default()
        });
        static PORT: AtomicU32 = AtomicU32::new(10_000);
        flow.l4 = testing::flows::tcp(PORT.fetch_add(1, Ordering::Relaxed), 5432);
        flow.traffic_direction = proto::flow::TrafficDirection::Ingress.into();
        flow.event_type = Some(proto::flow::CiliumEventType {
            r#type: 5,
            sub_type: 0,
        });
        if verdict == Verdict::Dropped {
            flow.drop_reason_desc = proto::flow::DropReason::PolicyDenied.into();
            flow.ingress_denied_by.push(policy);
        } else {
            flow.ingress_allowed_by.push(policy);
        }
    }
    response
}

/// Lines of JSON, with a name.
fn file(directory: &Path, flows: &[GetFlowsResponse]) -> std::path::PathBuf {
    let path = directory.join("flows.json");
    let lines: Vec<String> = flows
        .iter()
        .map(|response| json::to_string(response).unwrap())
        .collect();
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    path
}

#[test]
fn a_stock_server_shows_all_it_has_and_each_view_says_what_it_can_not() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hubble.sock");
    let begin = now() - 60_000_000_000;
    let history = [lost(begin, 9)].into_iter();
    let history = history
        .chain((0..50).map(|at| {
            let verdict = if at % 10 == 0 {
                Verdict::Dropped
            } else {
                Verdict::Forwarded
            };
            decided(begin + at * 1_000_000_000, "web", verdict)
        }))
        .collect();
    let mut server = Server::start(&socket, history);
    let mut command = top(directory.path());
    command.arg("--server");
    command.arg(format!("unix://{}", socket.display()));
    let mut top = Pty::start(&command, (100, 30));
    top.until("its flows", |text| {
        text.contains("● live") && text.contains("50 connections") && text.contains("SOURCE (shop)")
    });
    top.press("N\r");
    top.until("why there is no explanation", |text| {
        text.contains("stock Hubble")
    });
    // The same key as in any other view, while nothing answers.
    top.press("Y");
    top.until("that there is no rule", |text| text.contains("no rule"));
    top.press("\x1b\x1b2\t\t\t");
    top.until("that only flows are counted", |text| {
        text.contains("cnp shop/db") && text.contains("a stock Hubble: counts cover the flows")
    });
    top.press("3");
    top.until("who talks to whom", |text| text.contains("WHO CONNECTS"));
    top.press("4");
    top.until("that there are no losses by stage", |text| {
        text.contains("c/one") && text.contains("reports no losses by stage")
    });
    top.press("1");
    server.say(decided(now(), "live", Verdict::Forwarded));
    top.press("G");
    top.until("what comes", |text| text.contains(" live  "));

    // It goes, and comes back.
    server.stop();
    top.until("that it is gone, and when it is tried", |text| {
        text.contains("✗ no connection") && text.contains("next try in")
    });
    top.until("why there is still none", |text| {
        text.contains("cannot reach")
    });
    server.resume();
    top.press("R");
    top.until("that it is back", |text| {
        text.contains("● live") && text.contains("── no connection for")
    });
    let text = top.until("that all is there", |text| text.contains("51 connections"));
    assert!(text.contains("nothing is missing"), "{text}");
    top.press("q");
    assert!(top.end().success());
    top.assert_given_back();
}

/// The number before ` connections`, or ` connection`.
fn held(text: &str) -> u64 {
    let before = text.split(" connection").next().unwrap();
    let number = before.rsplit(' ').next().unwrap();
    number.replace(',', "").parse().unwrap()
}

#[test]
fn a_filter_adds_what_the_server_has_and_takes_nothing_away() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hubble.sock");
    let begin = now() - 400_000_000_000;
    let history = (0..200).map(|at| {
        let (pod, verdict) = match at % 10 {
            0 => ("batch", Verdict::Dropped),
            _ => ("web", Verdict::Forwarded),
        };
        decided(begin + at * 1_000_000_000, pod, verdict)
    });
    let server = Server::start(&socket, history.collect());
    let mut command = top(directory.path());
    command.args(["--last", "100", "--server"]);
    command.arg(format!("unix://{}", socket.display()));
    let mut top = Pty::start(&command, (100, 30));
    top.until("what was asked for", |text| {
        text.contains("100 connections")
    });

    // Of a hundred ten are of batch; the server has ten more, which are older.
    top.press("/src.pod == shop/batch\r");
    top.until("older ones", |text| text.contains("20 of 110 connections"));
    server.say(decided(now(), "batch", Verdict::Dropped));
    server.say(decided(now(), "web", Verdict::Forwarded));
    top.until("what comes", |text| text.contains("21 of 112 connections"));
    top.press("/dst.pod == nobody\r");
    top.until("that none matches", |text| text.contains("0 of 1"));
    top.press("x");
    top.until("all that are held", |text| {
        text.contains("21 of 112 connections")
    });
    top.press("x");
    let text = top.until("all of it at once", |text| text.contains("no filter"));
    assert_eq!(held(&text), 102, "{text}");

    // What the server has forgotten is still held.
    server.forget();
    let asked = server.requests().len();
    top.press("/src.pod == shop/batch\r");
    top.until("the server was asked", |_| server.requests().len() > asked);
    top.until("a filter", |text| text.contains("11 of 102 connections"));
    top.press("X");
    let text = top.until("all of it", |text| text.contains("no filter"));
    assert_eq!(held(&text), 102, "{text}");
    let live = server.requests().into_iter().filter(|one| one.follow);
    assert_eq!(live.count(), 1, "what comes is asked for once");
    top.press("q");
    assert!(top.end().success());
}

#[test]
fn reading_anew_has_what_filters_let_through_again() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("hubble.sock");
    let begin = now() - 400_000_000_000;
    let flows = (0..100).map(|at| {
        let pod = if at % 10 == 0 { "batch" } else { "web" };
        decided(begin + at * 1_000_000_000, pod, Verdict::Forwarded)
    });
    let server = Server::start(&socket, flows.collect());
    let mut command = top(directory.path());
    command.args(["--last", "50", "--server"]);
    command.arg(format!("unix://{}", socket.display()));
    let mut top = Pty::start(&command, (100, 30));
    top.until("what was asked for", |text| text.contains("50 connections"));
    top.press("/src.pod == shop/batch\r");
    top.until("older ones", |text| text.contains("10 of 55 connections"));
    let asked = server.requests().len();
    top.press("R");
    top.until("the server was asked twice", |_| {
        server.requests().len() == asked + 2
    });
    top.until("the same", |text| text.contains("10 of 55 connections"));
    top.press("q");
    assert!(top.end().success());
}

#[test]
fn a_terminal_with_a_light_background_is_asked_and_its_answer_is_no_key() {
    for (answer, light) in [
        ("\x1b]11;rgb:ffff/ffff/ffff\x1b\\", true),
        ("\x1b]11;rgb:1c1c/1c1c/1c1c\x07", false),
        ("", false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let flows = [decided(1_000_000_000, "web", Verdict::Dropped)];
        let path = file(directory.path(), &flows);
        let mut command = top(directory.path());
        command.arg("--input-file").arg(&path);
        let mut top = Pty::start(&command, (100, 30));
        top.until("the flow", |text| text.contains("DENIED"));
        assert_eq!(asked(&top), 1);
        top.press(answer);
        // Red on white, light red on black.
        let want = if light { 1 } else { 9 };
        let red = || {
            let seen = top.seen();
            let screen = seen.terminal.screen();
            let (rows, columns) = screen.size();
            let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
            cells
                .filter_map(|(row, column)| screen.cell(row, column))
                .any(|cell| cell.fgcolor() == vt100::Color::Idx(want))
        };
        let text = top.until("its colours", |_| red());
        assert!(!text.contains("filter:"), "an answer is no key: {text}");
        assert!(text.contains("SOURCE"), "{text}");
        top.press("q");
        assert!(top.end().success());
        top.assert_given_back();
    }
}

/// How often a terminal was asked for its background.
fn asked(top: &Pty) -> usize {
    let seen = top.seen();
    let windows = seen.bytes.windows(7);
    windows.filter(|bytes| bytes == b"\x1b]11;?\x1b").count()
}

#[test]
fn suspending_gives_the_terminal_to_the_shell_and_fg_brings_it_back() {
    let directory = tempfile::tempdir().unwrap();
    let flows = [decided(1_000_000_000, "web", Verdict::Dropped)];
    let path = file(directory.path(), &flows);
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]);
    shell
        .env("XDG_STATE_HOME", directory.path())
        .env("PS1", "$ ");
    let mut top = Pty::start(&shell, (100, 30));
    let program = env!("CARGO_BIN_EXE_flows");
    top.press(&format!("{program} top --input-file {}\n", path.display()));
    top.until("the flow", |text| {
        text.contains("SOURCE") && text.contains("DENIED")
    });
    for times in 1..3 {
        assert_eq!(asked(&top), times);
        top.press("\x1a");
        top.until("the shell", |text| text.contains("Stopped"));
        {
            let seen = top.seen();
            let screen = seen.terminal.screen();
            assert!(!screen.alternate_screen() && !screen.hide_cursor());
            let mouse = screen.mouse_protocol_mode();
            assert_eq!(mouse, vt100::MouseProtocolMode::None);
        }
        // What is typed goes to the shell.
        top.press("echo a$((1+1))b\n");
        top.until("the shell's answer", |text| text.contains("a2b"));
        top.press("clear; fg\n");
        top.until("the screen", |text| {
            text.contains("SOURCE") && text.contains("DENIED")
        });
        assert!(top.seen().terminal.screen().alternate_screen());
        top.press("D");
        top.until("that keys are heard", |text| text.contains("[dropped"));
        top.press("X");
        top.until("that keys are heard", |text| !text.contains("[dropped"));
    }
    top.press("q");
    top.until("the shell", |text| !text.contains("SOURCE"));
    top.press("exit\n");
    assert!(top.end().success());
}

#[test]
fn flows_come_through_a_pipe_and_keys_from_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let flows = [decided(1_000_000_000, "web", Verdict::Dropped)];
    let path = file(directory.path(), &flows);
    let mut shell = Command::new("bash");
    // More may come: what has come is shown all the same, and leaving waits for nothing.
    let program = env!("CARGO_BIN_EXE_flows");
    let pipe = format!(
        "(cat {}; sleep 1000 & echo $! > {}; wait) | {program} top --input-file -",
        path.display(),
        directory.path().join("sleep").display(),
    );
    shell.args(["-c", &pipe]);
    shell.env("XDG_STATE_HOME", directory.path());
    let mut top = Pty::start(&shell, (100, 30));
    top.until("the flow", |text| {
        text.contains("reading standard input") && text.contains("1 connection")
    });
    top.press("D");
    top.until("that keys are heard", |text| text.contains("[dropped"));
    top.press("q");
    top.until("the end", |text| !text.contains("SOURCE"));
    let sleep = std::fs::read_to_string(directory.path().join("sleep")).unwrap();
    let ended = Command::new("kill").arg(sleep.trim()).status().unwrap();
    assert!(ended.success());
    assert!(top.end().success());
}

#[test]
fn a_large_file_is_shown_as_far_as_it_is_kept_and_a_broken_end_is_marked() {
    let directory = tempfile::tempdir().unwrap();
    let begin = now();
    let flows: Vec<_> = (0..9000)
        .map(|at| decided(begin + at * 1_000_000, "web", Verdict::Forwarded))
        .collect();
    let path = file(directory.path(), &flows);
    // As if the writer had been killed.
    let length = std::fs::metadata(&path).unwrap().len();
    let cut = std::fs::File::options().write(true).open(&path).unwrap();
    cut.set_len(length - 40).unwrap();
    let mut command = top(directory.path());
    command.args(["--keep", "3000", "--input-file"]).arg(&path);
    let mut top = Pty::start(&command, (100, 30));
    let text = top.until("the end", |text| text.contains("■ the newest of"));
    assert!(text.contains("line 9000 is not a flow"), "{text}");
    assert!(text.contains(", 1 line unreadable"), "{text}");
    assert!((1000..=3000).contains(&held(&text)), "{text}");
    top.press("g");
    top.press("o");
    top.until("how to have more", |text| {
        text.contains("--keep N keeps more")
    });
    top.press("q");
    assert!(top.end().success());

    let mut command = crate::top(directory.path());
    command.args(["--keep", "50", "--input-file"]).arg(&path);
    let refused = command.output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("--keep 50 is too small"), "{text}");

    let mut command = crate::top(directory.path());
    command.args(["--input-file", "/nowhere/flows.json"]);
    let mut top = Pty::start(&command, (100, 30));
    top.until("why it can't be read", |text| {
        text.contains("/nowhere/flows.json") && text.contains("No such file")
    });
    top.press("q");
    assert!(top.end().success());
}

#[test]
fn flags_of_single_packets_show_events_and_others_connections() {
    let directory = tempfile::tempdir().unwrap();
    let flows = [decided(1_000_000_000, "web", Verdict::Dropped)];
    let path = file(directory.path(), &flows);
    for (flags, words) in [
        (
            ["--type", "policy-verdict"],
            [" 1 event ", "type policy-verdict is about single packets"],
        ),
        (["--verdict", "DROPPED"], [" 1 connection ", "DENIED"]),
    ] {
        let mut command = top(directory.path());
        command.args(flags).arg("--input-file").arg(&path);
        let mut top = Pty::start(&command, (100, 30));
        top.until("what they are about", |text| {
            words.iter().all(|words| text.contains(words))
        });
        top.press("q");
        assert!(top.end().success());
    }
}
