//! Patterns of names: rows, and any pattern against the regular expression that Cilium would make of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;

use l7_wire::name::{Kind, Name, NameError, Pattern, PatternError};
use proptest::prelude::*;
use regex::Regex;

fn matches(pattern: &str, kind: Kind, name: &str) -> bool {
    let pattern = Pattern::new(pattern, kind).unwrap();
    pattern.matches(&Name::from_text(name).unwrap())
}

#[test]
fn rows_of_dns_patterns() {
    // Pattern, names that match, names that don't.
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "*.a.b",
            &["x.a.b", "X.A.B."],
            &["a.b", "x.y.a.b", "x.a.b.c"],
        ),
        ("*a.b", &["a.b", "xa.b"], &["x.a.b"]),
        ("x*.a.b", &["x.a.b", "xy.a.b"], &["yx.a.b"]),
        ("x*y.a.b", &["xy.a.b", "xzy.a.b", "xyy.a.b"], &["xyz.a.b"]),
        ("*.*.a.b", &["p.q.a.b"], &["p.a.b", "p.q.r.a.b"]),
        ("**.a.b", &["x.a.b", "x.y.a.b"], &["a.b", "a.b.c"]),
        ("***.a.b", &["x.y.z.a.b"], &["a.b"]),
        ("**a.b", &["a.b", "xa.b"], &["x.a.b"]),
        ("x.**.a.b", &["x.y.a.b"], &["x.y.z.a.b", "x.a.b"]),
        ("**.**.a", &["x.y.a", "x.y.z.a"], &["x.a"]),
        ("*.*", &["a.b"], &["a", "a.b.c"]),
        ("p*q*r", &["pqr", "pXqYr", "pqqrr"], &["pqrx", "pr"]),
        (".", &["."], &["a"]),
        ("API.b", &["api.B"], &["xapi.b"]),
    ];
    for (pattern, yes, no) in rows {
        for kind in [Kind::ToFqdns, Kind::DnsRule] {
            for name in *yes {
                assert!(matches(pattern, kind, name), "{pattern} {kind:?} {name}");
            }
            for name in *no {
                assert!(!matches(pattern, kind, name), "{pattern} {kind:?} {name}");
            }
        }
    }
}

#[test]
fn a_lone_star_depends_on_where_it_stands() {
    for star in ["*", "**", "***", "*.", "**."] {
        for (name, learned, asked) in [
            ("a.b", true, true),
            (".", true, true),
            ("a b.c", false, true),
        ] {
            assert_eq!(matches(star, Kind::ToFqdns, name), learned, "{star} {name}");
            assert_eq!(matches(star, Kind::DnsRule, name), asked, "{star} {name}");
        }
    }
    for star in ["*", "**"] {
        for (name, wanted) in [("a", true), ("a.b", true), (".", false), ("a/b.c", false)] {
            assert_eq!(
                matches(star, Kind::ServerName, name),
                wanted,
                "{star} {name}"
            );
        }
    }
}

#[test]
fn two_stars_are_whole_labels_anywhere_in_a_server_name() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        (
            "**.deep.org",
            &["a.deep.org", "a.b.deep.org"],
            &["deep.org"],
        ),
        ("a.**.b", &["a.x.b", "a.x.y.b", "a.b.b"], &["a.b", "a.x.c"]),
        ("a.**", &["a.b", "a.b.c"], &["a", "b.a"]),
        ("**.x.**", &["a.x.b", "x.x.x", "a.b.x.x.c"], &["x.a", "a.x"]),
        (
            "**.a.**.b",
            &["x.a.y.a.z.b", "x.a.a.b"],
            &["x.a.b", "a.y.b"],
        ),
        ("*mid.net", &["mid.net", "amid.net"], &["a.mid.net"]),
    ];
    for (pattern, yes, no) in rows {
        for name in *yes {
            assert!(matches(pattern, Kind::ServerName, name), "{pattern} {name}");
        }
        for name in *no {
            assert!(
                !matches(pattern, Kind::ServerName, name),
                "{pattern} {name}"
            );
        }
    }
}

#[test]
fn what_no_name_can_match_is_refused() {
    let long = "a".repeat(64);
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    let longer = format!("{longest}a");
    let rows: &[(&str, Kind, Option<PatternError>)] = &[
        ("", Kind::DnsRule, Some(PatternError::Empty)),
        ("a..b", Kind::ToFqdns, Some(PatternError::EmptyLabel)),
        (".a", Kind::Exact, Some(PatternError::EmptyLabel)),
        ("a..", Kind::Exact, Some(PatternError::EmptyLabel)),
        ("*.b", Kind::Exact, Some(PatternError::Character('*'))),
        ("a?.b", Kind::DnsRule, Some(PatternError::Character('?'))),
        ("ä.b", Kind::DnsRule, Some(PatternError::Character('ä'))),
        (&long, Kind::DnsRule, Some(PatternError::LongLabel)),
        (&longest, Kind::Exact, None),
        (&longer, Kind::Exact, Some(PatternError::TooLong)),
        ("a.b.", Kind::ServerName, Some(PatternError::TrailingDot)),
        ("a***.b", Kind::ServerName, Some(PatternError::Stars)),
        ("***.b", Kind::ServerName, Some(PatternError::Stars)),
        ("a**.b", Kind::ServerName, Some(PatternError::Stars)),
        ("a*.b", Kind::ServerName, None),
        ("a_b.c-d", Kind::Exact, None),
    ];
    for (text, kind, wanted) in rows {
        assert_eq!(Pattern::new(*text, *kind).err(), *wanted, "{text} {kind:?}");
    }
}

#[test]
fn names_are_canonical_and_bounded() {
    assert_eq!(
        Name::from_text("A.b").unwrap(),
        Name::from_text("a.B.").unwrap()
    );
    assert_eq!(Name::from_text("A.b").unwrap().to_string(), "a.b.");
    assert_eq!(Name::from_text(".").unwrap(), Name::ROOT);
    assert_eq!(Name::from_text("").unwrap_err(), NameError::EmptyLabel);
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
    assert_eq!(Name::from_text(&longest).unwrap().to_string().len(), 254);
    let longer = format!("{longest}a");
    assert_eq!(Name::from_text(&longer).unwrap_err(), NameError::LongName);
    // A dot inside a label is not a border.
    let mut odd = Name::ROOT;
    odd.push(b"a.b").unwrap();
    odd.push(b"\xff ").unwrap();
    assert_eq!(odd.to_string(), "a\\.b.\\255\\032.");
    let pattern = Pattern::new("a.b.*", Kind::DnsRule).unwrap();
    assert!(!pattern.matches(&odd));
}

#[test]
fn nearness_counts_labels_from_the_right() {
    let name = Name::from_text("api.example.com").unwrap();
    for (pattern, near) in [
        ("www.example.com", 2),
        ("*.example.com", 3),
        ("example.org", 0),
        ("x.com", 1),
        ("com", 1),
        ("api.example.com.local", 0),
    ] {
        let pattern = Pattern::new(pattern, Kind::DnsRule).unwrap();
        assert_eq!(pattern.nearness(&name), near, "{pattern}");
    }
}

/// What Cilium makes of a pattern, on canonical text: section by section as its documentation says.
fn slow(pattern: &str, kind: Kind) -> Regex {
    let star = "[-a-zA-Z0-9_]*";
    let lower = pattern.to_lowercase();
    if kind == Kind::ServerName {
        // A lone star is `[-a-z0-9_]+([.][-a-z0-9_]+)*` there: two stars.
        let lower = if lower == "*" { "**".to_owned() } else { lower };
        let labels = lower.split('.').map(|label| match label {
            "**" => "[-a-z0-9_]+(?:[.][-a-z0-9_]+)*".to_owned(),
            _ => label.replace('*', star),
        });
        let labels: Vec<String> = labels.collect();
        return Regex::new(&format!("^(?:{})[.]$", labels.join("[.]"))).unwrap();
    }
    let full = if lower.ends_with('.') {
        lower
    } else {
        format!("{lower}.")
    };
    let stars = full.len() - full.trim_start_matches('*').len();
    if stars >= 1 && full.len() == stars + 1 {
        return Regex::new("(^([-a-zA-Z0-9_]+[.])+$)|(^[.]$)").unwrap();
    }
    let mut regex = String::new();
    let mut rest = full.as_str();
    if stars >= 2 && full[stars..].starts_with('.') {
        regex.push_str("(?:[-a-zA-Z0-9_]+[.])+");
        rest = &full[stars + 1..];
    }
    let mut was_star = false;
    for char in rest.chars() {
        match char {
            '*' if was_star => {}
            '*' => regex.push_str(star),
            '.' => regex.push_str("[.]"),
            char => regex.push(char),
        }
        was_star = char == '*';
    }
    Regex::new(&format!("^(?:{regex})$")).unwrap()
}

#[test]
fn any_pattern_is_its_regular_expression() {
    let (hits, misses) = (Cell::new(0), Cell::new(0));
    let kind = prop_oneof![
        Just(Kind::ToFqdns),
        Just(Kind::DnsRule),
        Just(Kind::ServerName)
    ];
    let label = "[abA_-]{1,4}|a.b|a b|\u{e9}";
    let name = prop::collection::vec(label, 0..5);
    let pattern = prop::collection::vec("[ab*]{1,4}|\\*{1,2}|[ab]\\*", 1..5);
    let dot = prop_oneof![Just(""), Just(".")];
    let config = ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let strategy = (kind, name, pattern, dot);
    runner
        .run(&strategy, |(kind, labels, pattern, dot)| {
            let text = pattern.join(".") + dot;
            let Ok(pattern) = Pattern::new(text.as_str(), kind) else {
                return Ok(());
            };
            let mut name = Name::ROOT;
            for label in &labels {
                name.push(label.as_bytes()).unwrap();
            }
            // The lone star of a DNS rule takes what no expression over plain names does.
            let slow = if kind == Kind::DnsRule && pattern.is_lone_star() {
                true
            } else {
                slow(&text, kind).is_match(&name.to_string())
            };
            prop_assert_eq!(pattern.matches(&name), slow, "{} {:?} {}", text, kind, name);
            let count = if slow { &hits } else { &misses };
            count.set(count.get() + 1);
            Ok(())
        })
        .unwrap();
    assert!(
        hits.get() > 100 && misses.get() > 100,
        "{hits:?} {misses:?}"
    );
}
