//! The recording of `testdata/shop` holds what its `incidents.yaml` says, and can be read whole.

use std::collections::BTreeSet;

use serde_json::Value;
use testing_lab::shop;

fn recording() -> Vec<Value> {
    let path = shop::directory().join("flows.jsonl");
    let text = std::fs::read_to_string(path).expect("a recording");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("a response a line")
}

#[test]
fn the_recording_has_the_expected_causes_of_denial_and_no_other() {
    let expected: BTreeSet<_> = shop::incidents().into_values().collect();
    assert_eq!(shop::causes(&recording()), expected);
}

#[test]
fn the_recording_is_whole_and_in_order() {
    let responses = recording();
    let times: Vec<&str> = responses
        .iter()
        .map(|response| response["time"].as_str().expect("a time"))
        .collect();
    assert!(times.is_sorted(), "as the relay delivers them");
    let nodes: BTreeSet<&str> = responses
        .iter()
        .filter_map(|response| response["node_name"].as_str())
        .collect();
    let expected = ["shop/worker-1", "shop/worker-2", "shop/worker-3"];
    assert_eq!(nodes, expected.into());
    for response in &responses {
        assert!(response["flow"].is_object(), "only flows: {response}");
    }
}
