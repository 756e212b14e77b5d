//! Rules of one filter: Cilium's table of what becomes of two kinds for one selector, and of two selectors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use l7::rules::{Allows, Alternative, Part, Peers, RuleRef, merge};

/// Rules by selector and kind; their numbers are their places.
fn parts<'a>(rules: &[(&'a str, &str)]) -> Vec<Part<'a>> {
    let part = |(index, (selector, allows)): (usize, &(&'a str, &str))| Part {
        selector,
        alternative: Alternative {
            rule: RuleRef(u32::try_from(index).unwrap()),
            peers: Peers::Any,
            is_wide: false,
            allows: serde_json::from_str::<Allows>(allows).unwrap(),
        },
    };
    rules.iter().enumerate().map(part).collect()
}

fn told(rules: &[(&str, &str)]) -> Result<Vec<u32>, String> {
    let merged = merge(parts(rules)).map_err(|error| error.to_string())?;
    Ok(merged.iter().map(|one| one.rule.0).collect())
}

const PLAIN: &str = r#""everything""#;
const HTTP: &str = r#"{"http": [{"path": "/a"}]}"#;
const KAFKA: &str = r#"{"kafka": [{"topic": "a"}]}"#;
const DNS: &str = r#"{"dns": [{"matchName": "a"}]}"#;
const SNI: &str = r#"{"serverNames": ["a", "b"]}"#;

#[test]
fn rows() {
    let conflict = |kinds: &str| Err(format!("cannot merge conflicting L7 parsers ({kinds})"));
    let named = || {
        Err(
            "cannot merge L7 rules for cached selector fe with SNI filtering without TLS termination: \
             [\"a\", \"b\"]"
                .to_owned(),
        )
    };
    let both = || Ok(vec![0, 1]);
    for (one, other, wanted) in [
        (PLAIN, PLAIN, both()),
        (PLAIN, HTTP, both()),
        (KAFKA, PLAIN, both()),
        (PLAIN, DNS, both()),
        (HTTP, HTTP, both()),
        (SNI, SNI, both()),
        (PLAIN, SNI, Ok(vec![1])),
        (SNI, PLAIN, Ok(vec![0])),
        (HTTP, KAFKA, conflict("http/kafka")),
        (DNS, HTTP, conflict("dns/http")),
        (SNI, DNS, conflict("tls/dns")),
        (SNI, HTTP, named()),
        (KAFKA, SNI, named()),
    ] {
        assert_eq!(told(&[("fe", one), ("fe", other)]), wanted, "{one} {other}");
        // For different peers any two stand beside each other.
        assert_eq!(told(&[("fe", one), ("db", other)]), both(), "{one} {other}");
    }
}

#[test]
fn one_of_several_is_enough_for_an_error() {
    let rules = [("fe", HTTP), ("db", KAFKA), ("fe", PLAIN), ("fe", KAFKA)];
    assert_eq!(
        told(&rules),
        Err("cannot merge conflicting L7 parsers (http/kafka)".to_owned())
    );
    let rules = [("fe", PLAIN), ("db", PLAIN), ("fe", SNI), ("fe", PLAIN)];
    assert_eq!(told(&rules), Ok(vec![1, 2]));
}
