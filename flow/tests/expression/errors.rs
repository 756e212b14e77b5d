//! What is said of mistakes.

use std::fmt::Write as _;

use crate::flow::Filter;

#[test]
fn mistakes_are_pointed_at() {
    let mut shown = String::new();
    for text in [
        "src.prt == 53",
        "verdict == DROPED",
        "verdict == DROPPED and",
        "verdict == DROPPED reply",
        "verdict DROPPED",
        "verdict",
        "and reply",
        "(reply or encrypted",
        "reply)",
        "dst.port in {53, 443",
        "dst.port in {53 443}",
        "dst.port in",
        "dst.port in (53, 443)",
        "dst.port == http",
        "dst.port == 70000",
        "dst.port in {90-80}",
        "dst.port ~ 80",
        "src.ip ~ 10.0.0.0",
        "src.ip == 10.0.0",
        "src.ip in 10.0.0.0/33",
        "reason == POLICY_DENY_",
        "reason ~ nothing*",
        "direction == in",
        "type == trace:to-stakc",
        "type == drp",
        "protocol == tpc",
        "tcp.flags == synn",
        "reply == maybe",
        "src.pod == a/b/c",
        "src.pod == prod/*",
        "ns in {prod, \"test-*\"}",
        "src.label == \"app in a\"",
        "src.label == app=web",
        "http.path =~ \"(a\"",
        "http.header == host",
        "http.status == abc",
        "interface == \"#x\"",
        "bytes > 10 apples",
        "bytes > ten",
        "rtt > 5min",
        "src.identity == wrld",
        "uuid == \"a",
        "uuid == 'a",
        "reply ; encrypted",
        "has nothing",
        "has reason reply",
        "not",
        "src.port",
        "dns",
        "5432",
        "web and 10.0.0.1",
        "10.0.0.0/8",
        "web:8080",
        ":8080",
        "10.0.0.1:80",
        "denied",
        "AUDIT",
        "POLICY_DENIED",
        "\"\"",
        "src.web",
        "tcp.sin",
        "web shop",
        "web contains x",
        "web not in {x}",
        "bad((",
        "\"a\" == b",
        "(web",
        "reply and\n  vedict == DROPPED and\n  encrypted",
    ] {
        let error = match Filter::parse_expr(text) {
            Ok(filter) => panic!("{text} is {filter}"),
            Err(error) => error,
        };
        writeln!(shown, "{}\n", error.render(text)).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn long_and_deep_expressions_are_refused() {
    let long = "reply and ".repeat(2_000) + "reply";
    let error = Filter::parse_expr(&long).unwrap_err();
    assert_eq!(error.to_string(), "longer than 16384 bytes");
    for (before, after) in [("(", ")"), ("not ", ""), ("!(", ")")] {
        let deep = |times: usize| before.repeat(times) + "reply" + &after.repeat(times);
        assert!(Filter::parse_expr(&deep(20)).is_ok());
        let error = Filter::parse_expr(&deep(2_000)).unwrap_err();
        assert_eq!(error.to_string(), "nested deeper than 64");
    }
    let regex = format!("http.path =~ \"{}\"", "(a{9}){9}".repeat(1_000));
    let error = Filter::parse_expr(&regex).unwrap_err();
    assert!(
        error.to_string().starts_with("no regular expression: "),
        "{error}"
    );
}
