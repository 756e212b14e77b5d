//! What is valid and hardly meant: each finding, and what is close to it and isn't one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use l7::lint::{self, Lint, Severity};
use l7::names::NameSpec;

fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

fn told(found: &[Lint]) -> Vec<String> {
    let one = |lint: &Lint| format!("{}: {lint}", lint.field);
    found.iter().map(one).collect()
}

#[test]
fn http() {
    let rows: &[(&str, &[&str])] = &[
        (
            r#"{"path": "/public"}"#,
            &["path: /public does not cover /public/x or /public?x=1; `/public([/?].*)?` does"],
        ),
        (
            r#"{"path": "/api/"}"#,
            &["path: /api/ does not cover /api/x; `/api/.*` covers all below it"],
        ),
        (r#"{"path": "/api/.*"}"#, &[]),
        (
            r#"{"path": "public"}"#,
            &["path: matches no path: each begins with `/`"],
        ),
        (
            r#"{"path": "(api|admin)/.*"}"#,
            &["path: matches no path: each begins with `/`"],
        ),
        (r#"{"path": ".*public"}"#, &[]),
        (
            r#"{"path": "/public/*"}"#,
            &["path: this is a regular expression: `/*` repeats the slash, `/.*` is any path"],
        ),
        (
            r#"{"path": "/s?q=.*"}"#,
            &[
                "path: this is a regular expression: `?` makes what stands before it optional; a query begins with `\\?`",
            ],
        ),
        (r#"{"path": "/s\\?q=.*"}"#, &[]),
        (r#"{"path": "/t(\\?.*)?"}"#, &[]),
        (
            r#"{"path": "^/a.*$"}"#,
            &["path: `^` and `$` are implied: the whole text must match"],
        ),
        (r#"{"path": "/a.\\$"}"#, &[]),
        (
            r#"{"method": "get"}"#,
            &["method: matches no request: methods are in upper case, as in GET"],
        ),
        (
            r#"{"method": "GET"}"#,
            &["method: GET does not cover HEAD (`curl -I`)"],
        ),
        (r#"{"method": "GET|HEAD"}"#, &[]),
        (
            r#"{"host": "a.b"}"#,
            &[
                "host: each `.` matches any character; `a[.]b` matches this host alone",
                "host: a.b does not cover a.b:8080: the port is part of the host, unless it is the scheme's own",
            ],
        ),
        (r#"{"host": "a[.]b(:80)?"}"#, &[]),
        (
            r#"{"headers": ["X-A 1", "X-Tight:val", "X-B: 1", "X-C"]}"#,
            &[
                "headers[1]: matches no request: without a space behind the colon, `X-Tight:val` as a whole is the header's name",
            ],
        ),
        (
            r#"{"headerMatches": [{"name": "A", "mismatch": "LOG"}, {"name": "B", "mismatch": "ADD"}]}"#,
            &["headerMatches[1]: neither value nor secret: an empty header is sent"],
        ),
        (r#"{"path": "("}"#, &[]),
        ("{}", &[]),
    ];
    for (json, wanted) in rows {
        assert_eq!(told(&lint::http(&read(json))), *wanted, "{json}");
    }
}

#[test]
fn names() {
    let rows: &[(&str, &[&str])] = &[
        (
            r#"[{"matchPattern": "*.a.b"}]"#,
            &["[0].matchPattern: *.a.b does not cover a.b or x.y.a.b; `**.a.b` covers the latter"],
        ),
        (r#"[{"matchPattern": "*.a.b"}, {"matchName": "a.b."}]"#, &[]),
        (r#"[{"matchPattern": "*.a.b"}, {"matchPattern": "*"}]"#, &[]),
        (
            r#"[{"matchPattern": "**.a.b"}]"#,
            &["[0].matchPattern: **.a.b does not cover a.b"],
        ),
        (
            r#"[{"matchName": "x"}, {"matchPattern": "*a.b"}]"#,
            &["[1].matchPattern: *a.b does not cover www.a.b: a star stands for no dot"],
        ),
        (
            r#"[{"matchPattern": "*a.b"}, {"matchPattern": "**.a.b"}]"#,
            &[],
        ),
        (
            r#"[{"matchPattern": "x.**.a.b"}]"#,
            &[
                "[0].matchPattern: in x.**.a.b, `**` means one label at most, as `*` does: only in front it means several",
            ],
        ),
        (r#"[{"matchPattern": "*.*.svc.cluster.local"}]"#, &[]),
        (r#"[{"matchPattern": "*"}]"#, &[]),
        (
            r#"[{}]"#,
            &["[0]: matches no name: neither matchName nor matchPattern"],
        ),
    ];
    for (json, wanted) in rows {
        let specs: Vec<NameSpec> = read(json);
        assert_eq!(told(&lint::dns(&specs)), *wanted, "{json}");
        assert_eq!(told(&lint::to_fqdns(&specs)), *wanted, "{json}");
    }
    let names = |json| told(&lint::server_names(&read::<Vec<Box<str>>>(json)));
    assert_eq!(
        names(r#"["a", "*.a.b"]"#),
        ["[1]: *.a.b does not cover a.b or x.y.a.b; `**.a.b` covers the latter"]
    );
    assert_eq!(names(r#"["a.**.b", "**", "*.c", "c"]"#), [""; 0]);
}

#[test]
fn a_topic_alone_allows_what_has_none() {
    let found = |json: &str| told(&lint::kafka(&read(json)));
    let wanted = "topic: requests that name no topic are allowed too: createacls, alterconfigs, endtxn and \
                  more; `role: produce` or `consume`, or an apiKey, beside the topic keeps them out";
    assert_eq!(found(r#"{"topic": "a"}"#), [wanted]);
    assert_eq!(
        found(r#"{"topic": "a", "clientID": "b", "role": ""}"#),
        [wanted]
    );
    for json in [
        r#"{"topic": "a", "role": "produce"}"#,
        r#"{"topic": "a", "apiKey": "fetch"}"#,
        r#"{"clientID": "a"}"#,
    ] {
        assert_eq!(found(json), [""; 0], "{json}");
    }
}

#[test]
fn a_wide_rule_does_not_open_names() {
    let set = |peers: &str, allows: &str| {
        let json = format!(
            r#"[{{"rule": 16, "peers": "any", "allows": {{"{allows}": [{{}}]}}}},
                {{"rule": 17, "peers": {peers}, "is_wide": true, "allows": "everything"}}]"#
        );
        told(&lint::set(&read(&json)))
    };
    let wanted = ": rule 17 allows this port too, but not other names than rule 16: DNS looks at rules of exactly its port";
    assert_eq!(set(r#"{"identities": [1]}"#, "dns"), [wanted]);
    assert_eq!(set(r#""any""#, "http"), [""; 0]);
}

#[test]
fn what_matches_nothing_is_more_than_a_hint() {
    let found = lint::http(&read(r#"{"path": "a", "method": "GET"}"#));
    let severities: Vec<Severity> = found.iter().map(|lint| lint.finding.severity()).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Hint]);
}
