//! Flows as people keep them in files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use flows_proto as proto;
use proto::flow::Flow;
use proto::flows::v1::{Decision, FlowExtension, Volume};
use proto::google::Timestamp;
use proto::json::{Lines, to_string};
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

/// Lines of what is no flow, the flows, and how often it was said that something is unknown.
fn read(text: &str) -> (Vec<u64>, Vec<GetFlowsResponse>, usize) {
    let (mut bad, mut good, mut unknown) = (Vec::new(), Vec::new(), 0);
    let mut lines = Lines::default();
    let mut each = |read: Result<proto::json::Read, proto::json::NotAFlow>| {
        match read {
            Ok(read) => {
                unknown += usize::from(read.unknown.is_some());
                good.push(read.response);
            }
            Err(no) => bad.push(no.line),
        }
        Ok::<(), ()>(())
    };
    for line in text.lines() {
        lines.push(line, &mut each).unwrap();
    }
    lines.end(&mut each).unwrap();
    (bad, good, unknown)
}

fn explained() -> GetFlowsResponse {
    let time = Some(Timestamp {
        seconds: 1_767_225_669,
        nanos: 120_500_000,
    });
    let mut flow = Flow {
        time,
        verdict: 2,
        node_name: "a".to_owned(),
        ..Flow::default()
    };
    flow.set_extension(&FlowExtension {
        ingress: Some(Decision {
            verdict: 2,
            default_deny: true,
            why: "default deny".to_owned(),
            ..Decision::default()
        }),
        forward: Some(Volume {
            packets: 3,
            bytes: 1 << 40,
        }),
        ..FlowExtension::default()
    });
    GetFlowsResponse {
        node_name: "a".to_owned(),
        time,
        response_types: Some(ResponseTypes::Flow(flow)),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let response = explained();
    let Some(ResponseTypes::Flow(flow)) = &response.response_types else {
        unreachable!("made so");
    };
    let line = to_string(&response).unwrap();
    let mut pretty = Vec::new();
    proto::json::write_pretty(&mut pretty, &response).unwrap();
    let pretty = String::from_utf8(pretty).unwrap();
    let indented: Vec<String> = pretty.lines().map(|line| format!("  {line}")).collect();
    let array = format!("[\n{},\n{}\n]\n", indented.join("\n"), indented.join("\n"));
    let typed = line.replace(
        "\"extensions\":{",
        "\"extensions\":{\"@type\":\"type.googleapis.com/flows.v1.FlowExtension\",",
    );
    assert!(typed.len() > line.len());
    for (name, text, count) in [
        ("a line", line.clone(), 1),
        ("a bare flow", to_string(flow).unwrap(), 1),
        ("with the type", typed, 1),
        ("pretty", pretty.clone(), 1),
        ("pretty, several", format!("{pretty}{pretty}\n{line}"), 3),
        ("pretty, in an array", array, 2),
        ("lines in an array", format!("[\n{line},\n{line}\n]"), 2),
    ] {
        let (bad, good, unknown) = read(&text);
        let blank = if name == "pretty, several" { 1 } else { 0 };
        assert_eq!((bad.len(), unknown), (blank, 0), "{name}");
        assert_eq!(good, vec![response.clone(); count], "{name}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let known = r#"{"flow":{"verdict":"DROPPED","node_name":"a"},"node_name":"a"}"#;
    let other = r#""extensions":{"@type":"type.googleapis.com/utils.Other","bytes":66}"#;
    let with = |more: &str| known.replace(r#""node_name":"a"},"#, &format!("{more}}},"));
    let lines = [
        with(other),
        with("\"newer\":[{\"a\":1}]"),
        with(&format!("{other},\"auth_type\":\"NEWER\"")),
    ];
    let (bad, good, unknown) = read(&lines.join("\n"));
    assert_eq!((bad, unknown), (vec![], 1));
    assert_eq!(good.len(), 3);
    for response in good {
        assert_eq!(response.node_name, "a");
        let Some(ResponseTypes::Flow(flow)) = response.response_types else {
            unreachable!("all are flows");
        };
        assert_eq!((flow.verdict, flow.extension()), (2, None));
    }
}

#[test]
fn what_is_broken_is_left_out_alone() {
    let line = to_string(&explained()).unwrap();
    for (text, bad, good) in [
        ("# Title\n\ntext {\n".to_owned(), vec![1, 2, 3], 0),
        (format!("{}\n{line}\n", &line[..40]), vec![1], 1),
        (format!("{line}\n{{\n  \"flow\": {{\n{line}\n"), vec![2], 2),
        (format!("{{\n{line}\n"), vec![1], 1),
    ] {
        let (refused, read, _) = read(&text);
        assert_eq!((refused, read.len()), (bad, good), "{text}");
    }
}
