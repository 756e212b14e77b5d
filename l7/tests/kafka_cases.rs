//! The Kafka sets of `testdata/l7/cases.yaml`: each probe judged by the rules that select its peer, and
//! sent as a frame through a connection, where what is denied must be answered, not forwarded.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use l7::kafka::{
    ApiKey, Config, Connection, Event, Head, Options, Outcome, Rule, RuleSpec, Rules, Topics,
    Verdict,
};
use serde_json::Value;
use testing_cases::{Expect, Kafka, L4, Request, Set};

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// The rules of a set for a port: of all its policies, in their order. Every peer of the sets is
/// selected by each; which one is, is the packet's matter. A plain rule allows everything, and so does
/// a policy without default deny: its direction then has a rule for all peers and ports.
fn rules(set: &Set) -> Rules {
    let mut rules = Vec::new();
    for policy in &set.policies {
        let spec = &policy["spec"];
        for direction in ["ingress", "egress"] {
            for part in list(spec, direction) {
                for ports in list(part, "toPorts") {
                    let kafka = &ports["rules"]["kafka"];
                    match kafka.as_array() {
                        Some(items) => rules.extend(items.iter().map(rule)),
                        None => rules.push(Rule::any()),
                    }
                }
            }
            if spec["enableDefaultDeny"][direction] == Value::Bool(false) {
                rules.push(Rule::any());
            }
        }
    }
    Rules::new(rules, Options::default())
}

fn rule(item: &Value) -> Rule {
    let spec: RuleSpec = serde_json::from_value(item.clone()).expect("a rule's fields");
    Rule::try_from(&spec).unwrap_or_else(|error| panic!("{item}: {error}"))
}

fn head(kafka: &Kafka) -> Head {
    Head {
        api_key: ApiKey(kafka.api_key),
        api_version: kafka.api_version,
        correlation_id: 5,
        client_id: kafka.client_id.clone(),
    }
}

fn topics(kafka: &Kafka) -> Topics {
    let mut topics = Topics::default();
    for name in &kafka.topics {
        if !topics.names.contains(name) {
            topics.names.push(name.clone());
        }
    }
    topics
}

#[test]
fn every_probe_comes_out_as_the_table_says() {
    let (mut allowed, mut denied) = (0, 0);
    for set in &testing_cases::table().sets {
        for probe in &set.probes {
            let Request::Kafka(kafka) = &probe.request else {
                continue;
            };
            // What isn't redirected has no request.
            if probe.l4 != L4::Redirected {
                continue;
            }
            let what = format!("{}: {}", set.id, probe.why);
            let expected = probe.expect == Expect::Allowed;
            assert!(expected || probe.expect == Expect::Denied, "{what}");
            let rules = rules(set);
            let verdict = rules.judge(&head(kafka), &topics(kafka));
            let allows = matches!(verdict, Verdict::Allowed(_));
            assert_eq!(allows, expected, "{what}: {verdict:?}");
            through_a_connection(kafka, &rules, expected, &what);
            *if expected { &mut allowed } else { &mut denied } += 1;
        }
    }
    assert!(allowed >= 20 && denied >= 15, "{allowed} {denied}");
}

fn through_a_connection(kafka: &Kafka, rules: &Rules, allowed: bool, what: &str) {
    let mut connection = Connection::new(Config {
        filter_metadata: false,
        ..Config::default()
    });
    let output = connection.client_sent(rules, Duration::ZERO, &kafka.frame(5));
    assert_eq!(output.close, None, "{what}");
    match &output.events[..] {
        [
            Event::Request {
                topics: named,
                outcome,
                ..
            },
            ..,
        ] => {
            assert_eq!(named, &topics(kafka).names, "{what}");
            let passed = matches!(outcome, Outcome::Allowed(_));
            assert_eq!(passed, allowed, "{what}: {outcome:?}");
        }
        events => panic!("{what}: {events:?}"),
    }
    assert_eq!(output.to_server.is_empty(), !allowed, "{what}");
    let later = connection.elapsed(Duration::from_secs(5));
    let answered = !output.to_client.is_empty() || !later.to_client.is_empty();
    assert_eq!(answered, !allowed, "{what}");
}

#[test]
fn what_is_refused_at_load_is_refused_in_the_same_words() {
    let mut seen = 0;
    for case in &testing_cases::table().validation {
        let (Some(error), spec) = (case.load_error.as_deref(), &case.policy["spec"]) else {
            continue;
        };
        let ports = list(spec, "ingress")
            .iter()
            .flat_map(|part| list(part, "toPorts"));
        // What one rule is refused for; how rules may be combined is the policy's matter.
        for item in ports.flat_map(|ports| list(&ports["rules"], "kafka")) {
            if error.contains("multiple L7") {
                continue;
            }
            let spec: RuleSpec = serde_json::from_value(item.clone()).expect("a rule's fields");
            let refused = Rule::try_from(&spec).expect_err(error).to_string();
            assert!(refused.contains(error), "{}: {refused}", case.id);
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}
