//! What is refused at load, item by item. What isn't of layer 7 is the policy's to refuse.

use l7::http::{Rule, RuleSpec};
use l7::lint;
use l7::names::{DnsRule, FqdnSelector, NameSpec, server_name};
use l7::placement::{Port, PortProtocol, PortRule};
use l7::rules::Direction;
use serde_json::Value;
use testing_cases::table;

/// What is found in a policy: errors and hints.
#[derive(Default)]
struct Found {
    errors: Vec<String>,
    hints: Vec<String>,
}

impl Found {
    fn add<T, E: ToString>(&mut self, checked: Result<T, E>) {
        self.errors
            .extend(checked.err().map(|error| error.to_string()));
    }

    fn hint(&mut self, hints: Vec<lint::Lint>) {
        self.hints.extend(hints.iter().map(ToString::to_string));
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn specs<T: serde::de::DeserializeOwned>(value: &Value, key: &str) -> Vec<T> {
    let specs = list(value, key).iter();
    specs
        .map(|spec| serde_json::from_value(spec.clone()).unwrap())
        .collect()
}

fn check(policy: &Value) -> Found {
    let mut found = Found::default();
    for (key, direction) in [
        ("ingress", Direction::Ingress),
        ("egress", Direction::Egress),
    ] {
        for rule in list(&policy["spec"], key) {
            let selectors: Vec<NameSpec> = specs(rule, "toFQDNs");
            for spec in &selectors {
                found.add(FqdnSelector::new(spec));
            }
            found.hint(lint::to_fqdns(&selectors));
            for item in list(rule, "toPorts") {
                check_item(item, direction, &mut found);
            }
        }
    }
    found
}

fn check_item(item: &Value, direction: Direction, found: &mut Found) {
    let rules = &item["rules"];
    let ports: Vec<Port> = list(item, "ports").iter().map(port).collect();
    let server_names: Vec<Box<str>> = specs(item, "serverNames");
    let keys = |entry: &Value| {
        let keys = entry.as_object().unwrap().keys();
        keys.map(|key| Box::from(key.as_str())).collect::<Vec<_>>()
    };
    let l7: Option<Vec<_>> = rules
        .get("l7")
        .map(|entries| entries.as_array().unwrap().iter().map(keys).collect());
    let count = |key: &str| rules.get(key).map(|list| list.as_array().unwrap().len());
    let shape = PortRule {
        direction,
        is_host: false,
        ports: &ports,
        http: count("http"),
        dns: count("dns"),
        kafka: count("kafka"),
        l7: l7.as_deref(),
        l7proto: rules["l7proto"].as_str(),
        server_names: &server_names,
        terminates_tls: item.get("terminatingTLS").is_some(),
        originates_tls: item.get("originatingTLS").is_some(),
        listener: item["listener"]["name"].as_str(),
    };
    found.add(shape.check());
    for name in &server_names {
        found.add(server_name(name));
    }
    let http: Vec<RuleSpec> = specs(rules, "http");
    for spec in &http {
        found.add(Rule::new(spec));
        found.hint(lint::http(spec));
    }
    let dns: Vec<NameSpec> = specs(rules, "dns");
    for spec in &dns {
        found.add(DnsRule::new(spec));
    }
    found.hint(lint::dns(&dns));
}

fn port(value: &Value) -> Port {
    Port {
        number: value["port"].as_str().and_then(|port| port.parse().ok()),
        end: value["endPort"]
            .as_u64()
            .map(|end| u16::try_from(end).unwrap()),
        protocol: match value["protocol"].as_str() {
            Some("TCP") => PortProtocol::Tcp,
            Some("UDP") => PortProtocol::Udp,
            Some("SCTP") => PortProtocol::Sctp,
            None | Some("ANY") => PortProtocol::Any,
            Some(other) => panic!("{other}"),
        },
    }
}

/// Of no item: members of a rule beside each other, and unknown fields.
const OTHERS: [&str; 2] = ["val-33", "val-45"];

#[test]
fn every_policy_is_refused_or_taken_as_the_table_says() {
    let (mut refused, mut taken, mut kafka) = (0, 0, 0);
    for row in table().validation {
        if OTHERS.contains(&row.id.as_str()) {
            continue;
        }
        let found = check(&row.policy);
        let text = row.policy.to_string();
        match &row.load_error {
            Some(wanted) if wanted.contains("Kafka") || wanted.contains("APIKey") => {
                assert!(text.contains("kafka"), "{}", row.id);
                kafka += 1;
            }
            Some(wanted) => {
                let is_said = found.errors.iter().any(|error| error.contains(wanted));
                assert!(is_said, "{}: {wanted}; found {:?}", row.id, found.errors);
                refused += 1;
            }
            // What Cilium takes and flows must not.
            None if row.note.contains("refuse in flows") => {
                assert!(!found.errors.is_empty(), "{}: {}", row.id, row.note);
                refused += 1;
            }
            None => {
                assert_eq!(found.errors, [""; 0], "{}", row.id);
                let wants_hint = row.note.contains("lint in flows");
                assert_eq!(
                    !found.hints.is_empty(),
                    wants_hint,
                    "{}: {:?}",
                    row.id,
                    found.hints
                );
                taken += 1;
            }
        }
    }
    assert_eq!((refused, taken, kafka), (17, 4, 5));
}
