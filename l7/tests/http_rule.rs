//! Rules of HTTP: what fits, what first doesn't and how that reads, what an action changes and logs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use l7::http::{
    Effects, Fit, HeaderChange, HeaderNote, NoSecrets, PATH_DISTANCE, Request, Rule, RuleSpec,
    SecretRef, Secrets,
};

/// As [`Fit`], in words.
#[derive(Debug, PartialEq)]
enum Told {
    Fits(Effects),
    Fails(String, usize),
}

type Lines<'a> = [(&'a str, &'a str)];

fn spec(json: &str) -> RuleSpec {
    serde_json::from_str(json).unwrap()
}

fn judge(
    json: &str,
    method: &str,
    path: &str,
    headers: &Lines<'_>,
    secrets: &impl Secrets,
) -> Told {
    let request = Request {
        method,
        authority: "be:80",
        path: path.as_bytes(),
        headers,
    };
    let rule = Rule::new(&spec(json)).unwrap();
    match rule.judge(&request, secrets) {
        Fit::Fits(effects) => Told::Fits(effects),
        Fit::Fails { first, distance } => {
            Told::Fails(rule.mismatch(&request, first).to_string(), distance)
        }
    }
}

fn fits(json: &str, headers: &Lines<'_>) -> Effects {
    match judge(json, "GET", "/a", headers, &NoSecrets) {
        Told::Fits(effects) => effects,
        Told::Fails(first, _) => panic!("{json}: {first}"),
    }
}

fn fails(json: &str, headers: &Lines<'_>) -> (String, usize) {
    match judge(json, "GET", "/a", headers, &NoSecrets) {
        Told::Fits(effects) => panic!("{json} fits: {effects:?}"),
        Told::Fails(first, distance) => (first, distance),
    }
}

#[test]
fn what_first_does_not_fit_is_named() {
    let rows = [
        (
            r#"{"path": "/metrics"}"#,
            "path /a is not /metrics",
            PATH_DISTANCE,
        ),
        (
            r#"{"path": "/m.*"}"#,
            "path /a does not match /m.*",
            PATH_DISTANCE,
        ),
        (
            r#"{"path": "/b", "method": "P.*"}"#,
            "method GET does not match P.*",
            PATH_DISTANCE + 1,
        ),
        (r#"{"method": "get"}"#, "method GET is not get", 1),
        (r#"{"host": "be"}"#, "host be:80 is not be", 1),
        (r#"{"host": "BE:80"}"#, "host be:80 is not BE:80", 1),
        (r#"{"headers": ["X-A"]}"#, "header X-A is missing", 1),
        (
            r#"{"headers": ["X-B: 2"]}"#,
            "header X-B has another value",
            1,
        ),
        (
            r#"{"headers": ["X-B: 1", "X-C:1"]}"#,
            "header X-C:1 is missing",
            1,
        ),
        (
            r#"{"headerMatches": [{"name": "X-B", "value": "2"}]}"#,
            "header X-B has another value",
            1,
        ),
        (
            r#"{"headerMatches": [{"name": "X-B", "secret": {"namespace": "n", "name": "s"}}]}"#,
            "the value of header X-B is not known: secret n/s is missing",
            1,
        ),
    ];
    for (json, wanted, distance) in rows {
        assert_eq!(
            fails(json, &[("x-b", "1")]),
            (wanted.to_owned(), distance),
            "{json}"
        );
    }
}

#[test]
fn the_whole_string_must_match() {
    let rows = [
        ("/a|/b", "/a", true),
        ("/a|/b", "/ax", false),
        ("/a|/b", "x/b", false),
        ("^/a$", "/a", true),
        ("/a", "/a?", false),
        ("/s\\\\?q=[a-z]+", "/s?q=abc", true),
        ("/.", "/\n", false),
    ];
    for (path, sent, wanted) in rows {
        let json = format!(r#"{{"path": "{path}"}}"#);
        let fit = judge(&json, "GET", sent, &[], &NoSecrets);
        assert_eq!(matches!(fit, Told::Fits(_)), wanted, "{path} {sent}");
    }
}

#[test]
fn every_line_of_a_header_must_match() {
    let json = r#"{"headers": ["X-A: 1"]}"#;
    fits(json, &[("x-a", "1"), ("X-A", " 1 ")]);
    fails(json, &[("X-A", "1"), ("X-A", "2")]);
    fails(json, &[("X-A", "1,2")]);
    // Any value, an empty one too.
    fits(r#"{"headers": ["X-A"]}"#, &[("X-A", "")]);
    // What HTTP/2 has instead of headers.
    fits(
        r#"{"headers": ["Host: be:80", ":path /a", ":method GET"]}"#,
        &[],
    );
    fails(r#"{"headers": ["Host be"]}"#, &[("Host", "be")]);
}

#[test]
fn an_action_changes_and_logs_what_does_not_match() {
    let note = |value: &str| HeaderNote {
        name: "X-A".into(),
        value: value.as_bytes().into(),
    };
    let one = || b"1".as_slice().into();
    type Row<'a> = (&'a str, Option<&'a str>, Option<HeaderChange>, bool, bool);
    // Action, the header's value, change, logged as missing, logged as rejected.
    let rows: [Row<'_>; 12] = [
        ("LOG", None, None, true, false),
        ("LOG", Some("2"), None, true, false),
        ("LOG", Some("1"), None, false, false),
        (
            "ADD",
            None,
            Some(HeaderChange::Add("X-A".into(), one())),
            true,
            false,
        ),
        (
            "ADD",
            Some("2"),
            Some(HeaderChange::Add("X-A".into(), one())),
            true,
            false,
        ),
        ("ADD", Some("1"), None, false, false),
        ("DELETE", None, None, false, false),
        (
            "DELETE",
            Some("2"),
            Some(HeaderChange::Remove("X-A".into())),
            false,
            true,
        ),
        ("DELETE", Some("1"), None, false, false),
        (
            "REPLACE",
            None,
            Some(HeaderChange::Replace("X-A".into(), one())),
            true,
            false,
        ),
        (
            "REPLACE",
            Some("2"),
            Some(HeaderChange::Replace("X-A".into(), one())),
            true,
            true,
        ),
        ("REPLACE", Some("1"), None, false, false),
    ];
    for (action, value, change, is_missing, is_rejected) in rows {
        let json = format!(
            r#"{{"headerMatches": [{{"name": "X-A", "value": "1", "mismatch": "{action}"}}]}}"#
        );
        let headers: Vec<_> = value.iter().map(|value| ("x-a", *value)).collect();
        let wanted = Effects {
            changes: change.into_iter().collect(),
            missing: is_missing.then(|| note("1")).into_iter().collect(),
            rejected: is_rejected
                .then(|| note(value.unwrap()))
                .into_iter()
                .collect(),
        };
        assert_eq!(fits(&json, &headers), wanted, "{action} {value:?}");
    }
    // With an action, lines are one value.
    let json = r#"{"headerMatches": [{"name": "X-A", "value": "1,2", "mismatch": "LOG"}]}"#;
    assert_eq!(
        fits(json, &[("X-A", "1"), ("X-A", "2")]),
        Effects::default()
    );
    // What one condition adds, another doesn't add once more; nor does it satisfy one.
    let twice = r#"{"headerMatches": [{"name": "X-A", "value": "1", "mismatch": "ADD"},
        {"name": "x-a", "value": "1", "mismatch": "ADD"}]}"#;
    assert_eq!(fits(twice, &[]).changes.len(), 1);
    let own = r#"{"headerMatches": [{"name": "X-A", "value": "1", "mismatch": "ADD"},
        {"name": "X-A", "value": "1"}]}"#;
    assert_eq!(fails(own, &[]), ("header X-A is missing".to_owned(), 1));
    // Nothing is done for a rule that doesn't fit otherwise.
    let json =
        r#"{"path": "/b", "headerMatches": [{"name": "X-A", "value": "1", "mismatch": "ADD"}]}"#;
    assert_eq!(
        fails(json, &[]),
        ("path /a is not /b".to_owned(), PATH_DISTANCE)
    );
}

struct Known;

impl Secrets for Known {
    fn value(&self, secret: &SecretRef) -> Option<&[u8]> {
        match &*secret.name {
            "token" => Some(b"hush"),
            "line" => Some(b"hush\n"),
            _ => None,
        }
    }
}

#[test]
fn a_secret_is_compared_and_never_logged() {
    let json = |name: &str, more: &str| {
        format!(r#"{{"headerMatches": [{{"name": "X-A", "secret": {{"name": "{name}"}}{more}}}]}}"#)
    };
    let judge = |json: &str, value: &str| judge(json, "GET", "/a", &[("X-A", value)], &Known);
    let plain = json("token", "");
    assert_eq!(judge(&plain, "hush"), Told::Fits(Effects::default()));
    let Told::Fails(first, _) = judge(&plain, "hus") else {
        panic!("fits");
    };
    assert_eq!(first, "header X-A has another value");
    let replace = json("token", r#", "mismatch": "REPLACE""#);
    let Told::Fits(effects) = judge(&replace, "wrong") else {
        panic!("fails");
    };
    let change = HeaderChange::Replace("X-A".into(), b"hush".as_slice().into());
    assert_eq!(effects.changes, [change]);
    let notes = [effects.missing, effects.rejected].concat();
    assert_eq!(notes.len(), 2);
    assert!(notes.iter().all(|note| &*note.value == b"[redacted]"));
    // A value beside it stands in; without one, not even an action makes the rule fit.
    assert_eq!(
        judge(&json("other", r#", "value": "2""#), "2"),
        Told::Fits(Effects::default())
    );
    let fit = judge(&json("other", r#", "mismatch": "LOG""#), "2");
    assert!(matches!(fit, Told::Fails(..)));
    // With a line end in it, a value would be two lines: nothing stands in for it.
    for more in ["", r#", "value": "2""#, r#", "mismatch": "ADD""#] {
        let told = judge(&json("line", more), "2");
        let wanted = "the value of header X-A is not known: secret line has a control character in it, a \
                      line end perhaps";
        assert_eq!(told, Told::Fails(wanted.to_owned(), 1), "{more}");
    }
}

#[test]
fn a_header_that_may_be_taken_for_the_rules_is_as_a_wrong_one() {
    let told = "header X_user-Id may be taken for X-User-Id".to_owned();
    let both = [("X-User-Id", "1"), ("X_user-Id", "2")];
    for json in [
        r#"{"headers": ["X-User-Id: 1"]}"#,
        r#"{"headerMatches": [{"name": "X-User-Id", "value": "1"}]}"#,
        r#"{"headerMatches": [{"name": "X-User-Id", "value": "1", "mismatch": "REPLACE"}]}"#,
    ] {
        assert_eq!(fails(json, &both), (told.clone(), 1), "{json}");
        fits(json, &both[..1]);
    }
    // No rule is about this one.
    fits(
        r#"{"headers": ["X-User: 1"]}"#,
        &[("X-User", "1"), ("X_user-Id", "2")],
    );
}

#[test]
fn a_field_that_cannot_be_used_is_named() {
    let rows = [
        (
            r#"{"path": "/a(?!b)"}"#,
            "path: error parsing regexp: invalid or unsupported Perl syntax: `(?!`",
        ),
        (
            r#"{"method": "GE(T"}"#,
            "method: error parsing regexp: missing closing ): `GE(T`",
        ),
        (
            r#"{"host": "[a"}"#,
            "host: error parsing regexp: missing closing ]: `[a`",
        ),
        (
            r#"{"headerMatches": [{"name": "A"}, {"value": "x"}]}"#,
            "headerMatches[1].name: Header name missing",
        ),
        (
            r#"{"headerMatches": [{"name": "A", "secret": {"namespace": "n"}}]}"#,
            "headerMatches[0].secret.name: Secret name missing",
        ),
        (
            r#"{"headerMatches": [{"name": "A: b"}]}"#,
            "headerMatches[0].name: \"A: b\" is not the name of a header: letters, digits and \
             !#$%&'*+-.^_`|~",
        ),
        (
            r#"{"headerMatches": [{"name": "A", "value": "b\r\nC: d", "mismatch": "ADD"}]}"#,
            "headerMatches[0].value: a control character, which no header's value has",
        ),
        (
            r#"{"headerMatches": [{"name": "Transfer-Encoding", "value": "x", "mismatch": "REPLACE"}]}"#,
            "headerMatches[0].mismatch: header Transfer-Encoding can be matched or logged, not changed",
        ),
        (
            r#"{"headerMatches": [{"name": ":path", "mismatch": "DELETE"}]}"#,
            "headerMatches[0].mismatch: header :path can be matched or logged, not changed",
        ),
    ];
    for (json, wanted) in rows {
        assert_eq!(
            Rule::new(&spec(json)).unwrap_err().to_string(),
            wanted,
            "{json}"
        );
    }
    assert!(serde_json::from_str::<RuleSpec>(r#"{"paths": "/a"}"#).is_err());
    assert!(Rule::new(&spec(r#"{"path": ""}"#)).unwrap().is_everything());
}
