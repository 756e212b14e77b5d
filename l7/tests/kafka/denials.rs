//! Why a request is denied: which rule came nearest, and what fails of it.

use l7::kafka::{ApiKey, Head, Options, Rules, Topics, Verdict};

use crate::wire::rules;

fn head(key: i16, version: i16, client: &str) -> Head {
    Head {
        api_key: ApiKey(key),
        api_version: version,
        correlation_id: 1,
        client_id: Some(client.to_owned()),
    }
}

fn topics(names: &[&str]) -> Topics {
    Topics {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        unnamed: false,
    }
}

#[test]
fn the_nearest_rule_is_the_one_that_fails_last() {
    let rules = rules(&[
        "apiKey=fetch",
        "apiKey=produce clientID=web",
        "role=produce topic=orders",
        "apiKey=deletetopics topic=tmp",
    ]);
    let none = Rules::default();
    for (rules, head, names, text) in [
        (
            &rules,
            head(0, 3, "app"),
            &["orders", "payments"][..],
            "topic \"payments\" has no rule; nearest: role=produce topic=orders",
        ),
        (
            &rules,
            head(3, 1, "app"),
            &[],
            "metadata names no topic, and the rule has one; nearest: role=produce topic=orders",
        ),
        (
            &rules,
            head(20, 1, "app"),
            &["tmp"],
            "rules with a topic never have deletetopics; nearest: apiKey=deletetopics topic=tmp",
        ),
        (
            &rules,
            head(60, 0, "app"),
            &[],
            "no rule allows 60; nearest: apiKey=fetch",
        ),
        (
            &none,
            head(0, 3, "app"),
            &["orders"],
            "there is no Kafka rule",
        ),
    ] {
        let Verdict::Denied(denial) = rules.judge(&head, &topics(names)) else {
            panic!("{text}");
        };
        assert_eq!(denial.text(rules, &head), text);
    }
    let web = self::rules(&["apiKey=fetch", "apiKey=produce clientID=web"]);
    let head = head(0, 3, "app");
    let Verdict::Denied(denial) = web.judge(&head, &topics(&["orders"])) else {
        panic!("another client's rule");
    };
    let text = "client id \"app\" is not the rule's; nearest: apiKey=produce clientID=\"web\"";
    assert_eq!(denial.text(&web, &head), text);
}

#[test]
fn options_allow_what_current_clients_need() {
    let strict = rules(&["role=produce topic=orders"]);
    let options = Options {
        always_login: true,
        idempotent_producers: true,
    };
    let open = Rules::new(strict.rules().to_vec(), options);
    for (key, names, allowed) in [
        (17, &[][..], true),
        (36, &[], true),
        (22, &[], true),
        (26, &[], true),
        (24, &["orders"], true),
        (24, &["orders", "payments"], false),
        (24, &[], false),
        (19, &["orders"], false),
    ] {
        let head = head(key, 1, "app");
        let verdict =
            |rules: &Rules| matches!(rules.judge(&head, &topics(names)), Verdict::Allowed(_));
        assert!(!verdict(&strict), "{key}");
        assert_eq!(verdict(&open), allowed, "{key} {names:?}");
    }
}
