//! A hostile server breaks nothing, and writes to nobody's terminal.

use proptest::prelude::*;
use proto::{
    flow::Flow,
    flows::v1::{ExplainResponse, GetPoliciesResponse, PolicyState, RuleState},
    json::steers,
    observer::get_flows_response::ResponseTypes,
};

use super::sample::{SECOND, Sample};
use crate::top::{export::Export, update::Effect, update::Event};

/// All that can be looked at.
const KEYS: [&str; 17] = [
    "N Enter",
    "Tab z }",
    "z Esc Esc",
    "c Esc s s s",
    "Home + x - x",
    "P x C x",
    "2 Tab",
    "Tab Tab",
    "Tab Tab s",
    "3 Left Right",
    "4 Down",
    "1 t Home Shift-Right + + - 0 Enter",
    "X Space y",
    "e N Enter Esc e",
    "d Enter z Esc Esc",
    "+ x C X d d",
    "? Esc",
];

/// What the server says besides flows, with texts and numbers of a flow.
fn answers(flow: &Flow) -> (ExplainResponse, GetPoliciesResponse) {
    let text = format!("{}{}", flow.summary, flow.node_name);
    let rule = RuleState {
        text: text.clone(),
        decisions: u64::MAX,
        connections: u64::MAX,
        bytes: u64::MAX,
        ..RuleState::default()
    };
    let policies = GetPoliciesResponse {
        policies: vec![PolicyState {
            policy: text.clone(),
            meaning: text.clone(),
            rules: vec![rule.clone(), rule],
            ..PolicyState::default()
        }],
        ..GetPoliciesResponse::default()
    };
    let explained = ExplainResponse {
        headline: text.clone(),
        command: text.clone(),
        notes: vec![text],
        ..ExplainResponse::default()
    };
    (explained, policies)
}

fn looked_at(seeds: &[u64], (width, height): (u16, u16)) {
    let mut sample = Sample::new(width, height);
    let responses: Vec<_> = seeds
        .iter()
        .map(|seed| testing::hostile::response(*seed))
        .collect();
    sample.arrive(&responses);
    sample.send(Event::Sums(sample.store.nodes(sample.now)));
    let mut newest = responses.iter().rev();
    let flow = newest.find_map(|response| match &response.response_types {
        Some(ResponseTypes::Flow(flow)) => Some(flow),
        _ => None,
    });
    let answers = flow.map(answers);
    for keys in KEYS {
        sample.press(keys);
        if let Some((explained, policies)) = &answers {
            if let Some(number) = sample.model.details.as_ref().map(|details| details.number) {
                sample.send(Event::Explained(number, Ok(Box::new(explained.clone()))));
            }
            sample.send(Event::Policies(Ok(policies.clone())));
        }
        sample.wait(3 * SECOND);
        let bad = sample
            .text()
            .chars()
            .find(|letter| steers(*letter) && *letter != '\n');
        assert_eq!(bad, None, "after {keys}");
    }
    for effect in &sample.effects {
        if let Effect::Copy(text) = effect {
            assert!(
                !text.chars().any(|letter| steers(letter) && letter != '\t'),
                "{text:?}"
            );
        }
    }
    exported(&mut sample, "json");
    exported(&mut sample, "csv");
}

fn exported(sample: &mut Sample, form: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(format!("flows.{form}"));
    sample.press("1 X w");
    // A name may be offered.
    for _ in 0..60 {
        sample.press("Backspace");
    }
    sample.write(path.to_str().unwrap());
    sample.effects.clear();
    sample.press("Enter");
    let export = sample.effects.drain(..).find_map(|effect| match effect {
        Effect::Export(export) => Some(export),
        _ => None,
    });
    let export: Export = export.expect("an export was asked for");
    export.write().unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        !written
            .chars()
            .any(|letter| steers(letter) && letter != '\n')
    );
    if form == "json" {
        for line in written.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn nothing_that_a_server_sends_breaks_a_screen(
        seeds in prop::collection::vec(any::<u64>(), 1..20),
        size in prop::sample::select(vec![(80, 24), (160, 40), (40, 10)]),
    ) {
        looked_at(&seeds, size);
    }
}
