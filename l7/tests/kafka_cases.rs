//! The Kafka sets of `testdata/l7/cases.yaml`: each probe judged by the rules that select its peer, and
//! sent as a frame through a connection, where what is denied must be answered, not forwarded.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use l7::kafka::{
    ApiKey, Config, Connection, Event, Head, Options, Outcome, Rule, RuleSpec, Rules, Topics,
    Verdict,
};
use serde_json::Value;

fn cases() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/l7/cases.yaml");
    let text = std::fs::read_to_string(path).expect("the table of cases");
    serde_saphyr::from_str(&text).expect("the table is YAML")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// The rules of a set for a port: of all its policies, in their order. Every peer of the sets is
/// selected by each; which one is, is the packet's matter. A plain rule allows everything, and so does
/// a policy without default deny: its direction then has a rule for all peers and ports.
fn rules(set: &Value) -> Rules {
    let mut rules = Vec::new();
    for policy in list(set, "policies") {
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

struct Probe {
    head: Head,
    topics: Vec<String>,
}

impl Probe {
    fn new(probe: &Value) -> Self {
        let kafka = &probe["kafka"];
        let number = |field: &str| {
            let number = kafka[field].as_i64().expect("a number");
            i16::try_from(number).expect("16 bits")
        };
        let topics = list(kafka, "topics").iter();
        Self {
            head: Head {
                api_key: ApiKey(number("api_key")),
                api_version: number("api_version"),
                correlation_id: 5,
                client_id: kafka["client_id"].as_str().map(str::to_owned),
            },
            topics: topics
                .map(|topic| topic.as_str().expect("a name").to_owned())
                .collect(),
        }
    }

    fn topics(&self) -> Topics {
        let mut topics = Topics::default();
        for name in &self.topics {
            if !topics.names.contains(name) {
                topics.names.push(name.clone());
            }
        }
        topics
    }

    /// The request as a frame, of the few kinds and versions that the sets have.
    fn frame(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let head = &self.head;
        out.extend_from_slice(&head.api_key.0.to_be_bytes());
        out.extend_from_slice(&head.api_version.to_be_bytes());
        out.extend_from_slice(&head.correlation_id.to_be_bytes());
        text(&mut out, head.client_id.as_deref().unwrap_or(""));
        match (head.api_key.0, head.api_version) {
            (0, version) => {
                if version >= 3 {
                    out.extend_from_slice(&(-1i16).to_be_bytes());
                }
                out.extend_from_slice(&1i16.to_be_bytes());
                out.extend_from_slice(&1000i32.to_be_bytes());
                self.each(&mut out, &|out| {
                    let records = 0i32;
                    for number in [1, 0, records] {
                        out.extend_from_slice(&number.to_be_bytes());
                    }
                });
            }
            (1, version) => {
                for number in [-1i32, 500, 1, 1 << 20] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                if version >= 4 {
                    out.push(0);
                }
                self.each(&mut out, &|out| {
                    for number in [1i32, 0, 0, 0, 1 << 20] {
                        out.extend_from_slice(&number.to_be_bytes());
                    }
                });
            }
            (3, _) if self.topics.is_empty() => out.extend_from_slice(&(-1i32).to_be_bytes()),
            (3, _) => self.each(&mut out, &|_| {}),
            (19, _) => self.each(&mut out, &|out| {
                out.extend_from_slice(&1i32.to_be_bytes());
                out.extend_from_slice(&1i16.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
            }),
            (10, _) => text(&mut out, "group"),
            (20, _) => self.each(&mut out, &|_| {}),
            _ => {}
        }
        let size = u32::try_from(out.len()).expect("short");
        [&size.to_be_bytes()[..], &out].concat()
    }

    fn each(&self, out: &mut Vec<u8>, after: &dyn Fn(&mut Vec<u8>)) {
        let count = i32::try_from(self.topics.len()).expect("few");
        out.extend_from_slice(&count.to_be_bytes());
        for name in &self.topics {
            text(out, name);
            after(out);
        }
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    let length = i16::try_from(text.len()).expect("short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[test]
fn every_probe_comes_out_as_the_table_says() {
    let cases = cases();
    let (mut allowed, mut denied) = (0, 0);
    for set in list(&cases, "sets") {
        let rules = rules_of_kafka(set);
        for probe in list(set, "probes") {
            // What isn't redirected has no request.
            if probe["kafka"].is_null() || probe["l4"] != "REDIRECTED" {
                continue;
            }
            let Some(rules) = &rules else {
                panic!("{}: a Kafka probe without a rule", set["id"]);
            };
            let what = format!("{}: {}", set["id"], probe["why"]);
            let expected = match probe["expect"].as_str() {
                Some("allowed") => true,
                Some("denied") => false,
                expected => panic!("{what}: {expected:?}"),
            };
            let probe = Probe::new(probe);
            let verdict = rules.judge(&probe.head, &probe.topics());
            let allows = matches!(verdict, Verdict::Allowed(_));
            assert_eq!(allows, expected, "{what}: {verdict:?}");
            through_a_connection(&probe, rules, expected, &what);
            *if expected { &mut allowed } else { &mut denied } += 1;
        }
    }
    assert!(allowed >= 20 && denied >= 15, "{allowed} {denied}");
}

fn rules_of_kafka(set: &Value) -> Option<Rules> {
    let probes = list(set, "probes");
    probes
        .iter()
        .any(|probe| !probe["kafka"].is_null())
        .then(|| rules(set))
}

fn through_a_connection(probe: &Probe, rules: &Rules, allowed: bool, what: &str) {
    let mut connection = Connection::new(Config {
        filter_metadata: false,
        ..Config::default()
    });
    let output = connection.client_sent(rules, Duration::ZERO, &probe.frame());
    assert_eq!(output.close, None, "{what}");
    match &output.events[..] {
        [
            Event::Request {
                topics, outcome, ..
            },
            ..,
        ] => {
            assert_eq!(topics, &probe.topics().names, "{what}");
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
    let cases = cases();
    let mut seen = 0;
    for case in list(&cases, "validation") {
        let (Some(error), spec) = (case["load_error"].as_str(), &case["policy"]["spec"]) else {
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
            assert!(refused.contains(error), "{}: {refused}", case["id"]);
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}
