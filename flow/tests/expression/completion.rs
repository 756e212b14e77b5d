//! What is offered at the cursor (`|`).

use crate::flow::Filter;
use crate::flow::attribute::Attribute;
use crate::flow::expr::{Values, complete};

struct Seen;

impl Values for Seen {
    fn values(&self, field: &str, _beginning: &str) -> Vec<String> {
        let seen: &[&str] = match field {
            "src.pod" | "pod" => &["prod/web-0", "prod/api-0"],
            "node" => &["node a", "node-b"],
            _ => &[],
        };
        seen.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// What is offered, with what it would replace before it.
fn offered(text: &str) -> (String, Vec<String>) {
    let cursor = text.find('|').unwrap();
    let text = text.replacen('|', "", 1);
    let list = complete(&text, cursor, &Seen);
    let replaced = list
        .first()
        .map_or("", |c| &text[c.range.clone()])
        .to_owned();
    (replaced, list.into_iter().map(|c| c.text).collect())
}

#[test]
fn what_may_follow() {
    for (text, replaced, first, also) in [
        ("|", "", "src.pod", "not"),
        ("src.p|", "src.p", "src.pod", "src.port"),
        ("src.p|od == x", "src.pod", "src.pod", "src.port"),
        ("prt|", "", "", ""),
        ("port|", "port", "port", "src.port"),
        ("source.po|", "source.po", "src.pod", "src.port"),
        ("reply |", "", "==", "and"),
        ("reply a|", "a", "and", "and"),
        ("(reply |", "", "==", ")"),
        ("not (encrypted and |", "", "src.pod", "("),
        ("has |", "", "src.pod", "uuid"),
        ("verdict |", "", "==", "in"),
        ("verdict == |", "", "VERDICT_UNKNOWN", "DROPPED"),
        ("verdict == dr|", "dr", "DROPPED", "DROPPED"),
        ("verdict == dr| and reply", "dr", "DROPPED", "DROPPED"),
        ("verdict in |", "", "VERDICT_UNKNOWN", "{"),
        ("verdict in {|", "", "VERDICT_UNKNOWN", "DROPPED"),
        ("verdict in {DROPPED|", "DROPPED", "DROPPED", "DROPPED"),
        ("verdict in {DROPPED |", "", ",", "}"),
        ("verdict in {DROPPED, f|", "f", "FORWARDED", "FORWARDED"),
        ("verdict == DROPPED |", "", "and", "or"),
        ("verdict not i|", "i", "in", "in"),
        (
            "reason == policy|",
            "policy",
            "POLICY_DENIED",
            "POLICY_DENY",
        ),
        ("src.pod == web|", "web", "prod/web-0", "prod/web-0"),
        (
            "src.pod == \"prod/a|",
            "\"prod/a",
            "prod/api-0",
            "prod/api-0",
        ),
        ("node == no|", "no", "\"node a\"", "node-b"),
        ("dst.identity == w|", "w", "world", "world-ipv4"),
        (
            "type == trace:to-s|",
            "trace:to-s",
            "trace:to-stack",
            "trace:to-stack",
        ),
        ("nonsense == |", "", "", ""),
        ("web|", "web", "prod/web-0", "prod/web-0"),
        ("web |", "", "and", "or"),
        ("(\"a b\" |", "", "and", ")"),
        ("not web and rep|", "rep", "reply", "reply"),
        ("; |", "", "", ""),
    ] {
        let (range, list) = offered(text);
        assert_eq!(range, replaced, "{text}");
        assert_eq!(
            list.first().map_or("", String::as_str),
            first,
            "{text}: {list:?}"
        );
        assert!(
            also.is_empty() || list.iter().any(|t| t == also),
            "{text}: {list:?}"
        );
    }
}

/// Whatever is offered behind a field, then behind a sign, makes an expression.
#[test]
fn what_is_offered_is_taken() {
    for field in Attribute::fields() {
        let text = format!("{} ", field.name);
        for sign in complete(&text, text.len(), &Seen) {
            if ["and", "or"].contains(&sign.text.as_str()) {
                continue;
            }
            let text = format!("{text}{} ", sign.text);
            for value in complete(&text, text.len(), &Seen) {
                if value.text == "{" {
                    continue;
                }
                let text = format!("{text}{}", value.text);
                if let Err(error) = Filter::parse_expr(&text) {
                    panic!("{}", error.render(&text));
                }
            }
        }
    }
}

#[test]
fn every_place_of_every_text_is_a_cursor() {
    let text = "verdict == \"DRÖPPED\" and (src.pod ~ {a, \"b\"} or ü) 'x";
    for cursor in 0..text.len() + 5 {
        for completion in complete(text, cursor, &Seen) {
            assert!(text.get(completion.range).is_some());
        }
    }
}
