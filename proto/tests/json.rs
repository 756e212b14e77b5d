//! The JSON form against what Hubble's CLI printed, and its corners.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use flows_proto as proto;
use proto::flow::{Flow, FlowFilter, LostEvent};
use proto::google::{Any, Timestamp, UInt32Value};
use proto::json::{ReadError, Unknown, read, read_all, to_string};
use proto::observer::{GetFlowsResponse, ServerStatusResponse};

fn golden(name: &str) -> String {
    let path = format!(
        "{}/../testdata/hubble-golden/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

/// All of Hubble's `-o json` output, from the same flows.
#[test]
fn flows_are_written_as_hubble_writes_them() {
    let row: serde_json::Value = golden("cases.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|row| row["id"] == "case-003")
        .unwrap();
    assert_eq!(row["args"][2], "json");
    let expected: Vec<&str> = ["stdout", "stderr"]
        .iter()
        .flat_map(|out| row[*out].as_str().unwrap().lines())
        .collect();

    let mut compared = 0;
    for line in golden("flows.jsonl").lines() {
        let response: GetFlowsResponse = read(line, Unknown::Refuse).unwrap();
        let written = to_string(&response).unwrap();
        // Node status events are shown for trouble only.
        if line.contains("NODE_CONNECTED") || line.contains("NODE_GONE") {
            continue;
        }
        assert!(expected.contains(&written.as_str()), "{written}");
        compared += 1;
    }
    assert_eq!(compared, expected.len());
}

#[test]
fn corners() {
    let time = |seconds, nanos| Timestamp { seconds, nanos };
    for (moment, expected) in [
        (time(0, 0), "\"1970-01-01T00:00:00Z\""),
        (time(1, 500_000_000), "\"1970-01-01T00:00:01.500Z\""),
        (time(1, 1_000), "\"1970-01-01T00:00:01.000001Z\""),
        (time(1, 1), "\"1970-01-01T00:00:01.000000001Z\""),
        (time(-1, 999_000_000), "\"1969-12-31T23:59:59.999Z\""),
    ] {
        assert_eq!(to_string(&moment).unwrap(), expected);
    }
    to_string(&time(0, -1)).unwrap_err();
    to_string(&time(i64::MAX, 0)).unwrap_err();

    let flow = Flow {
        summary: "<a> & \"b\" \u{2028}\u{2029}\u{20ac}\u{1}\n".to_owned(),
        drop_reason_desc: 9999,
        ..Flow::default()
    };
    assert_eq!(
        to_string(&flow).unwrap(),
        "{\"drop_reason_desc\":9999,\"Summary\":\"\\u003ca\\u003e \\u0026 \\\"b\\\" \
         \\u2028\\u2029\u{20ac}\\u0001\\n\"}"
    );
    let back: Flow = read(&to_string(&flow).unwrap(), Unknown::Refuse).unwrap();
    assert_eq!(back, flow);

    let lost = LostEvent {
        num_events_lost: u64::MAX,
        cpu: Some(0.into()),
        ..LostEvent::default()
    };
    assert_eq!(
        to_string(&lost).unwrap(),
        "{\"num_events_lost\":\"18446744073709551615\",\"cpu\":0}"
    );

    let status = ServerStatusResponse {
        num_connected_nodes: Some(UInt32Value::from(0)),
        flows_rate: 5.0,
        ..ServerStatusResponse::default()
    };
    assert_eq!(
        to_string(&status).unwrap(),
        "{\"num_connected_nodes\":0,\"flows_rate\":5}"
    );
}

#[test]
fn extensions_show_what_they_hold() {
    let mut flow = Flow::default();
    flow.set_extension(&proto::flows::v1::FlowExtension {
        revision: 7,
        limited: 3,
        ..Default::default()
    });
    let text = to_string(&flow).unwrap();
    assert_eq!(text, "{\"extensions\":{\"revision\":7,\"limited\":\"3\"}}");
    let back: Flow = read(&text, Unknown::Refuse).unwrap();
    assert_eq!(back.extension().unwrap().limited, 3);

    flow.extensions = Some(Any {
        type_url: "x/y.Z".to_owned(),
        value: vec![1, 2, 3],
    });
    assert_eq!(
        to_string(&flow).unwrap(),
        "{\"extensions\":{\"@type\":\"x/y.Z\",\"value\":\"AQID\"}}"
    );
    assert_eq!(flow.extension(), None);
}

#[test]
fn what_is_not_known_is_refused_or_ignored() {
    for text in ["{\"nope\":1}", "{\"verdict\":[\"NOPE\"]}"] {
        let refused = read::<FlowFilter>(text, Unknown::Refuse).unwrap_err();
        assert!(matches!(refused, ReadError::Data(_)), "{text}: {refused}");
        let read: FlowFilter = read(text, Unknown::Ignore).unwrap();
        assert_eq!(read, FlowFilter::default(), "{text}");
    }
    for text in ["", "not json", "{\"verdict\":[", "{} {}"] {
        let refused = read::<FlowFilter>(text, Unknown::Ignore).unwrap_err();
        assert!(matches!(refused, ReadError::Syntax(_)), "{text}: {refused}");
    }
}

#[test]
fn several_in_one_text() {
    let text = " {\"source_pod\":[\"a/\"]}{\"sourcePod\":[\"b/\"]}\n{} ";
    let filters: Vec<FlowFilter> = read_all(text, Unknown::Refuse).unwrap();
    let pods: Vec<_> = filters.iter().map(|f| f.source_pod.concat()).collect();
    assert_eq!(pods, ["a/", "b/", ""]);
    read_all::<FlowFilter>("{} x", Unknown::Refuse).unwrap_err();
}
