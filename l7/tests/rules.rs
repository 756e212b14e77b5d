//! Sets of rules: union, the nearest rule of a denial and how it reads, places, and files of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use l7::http::{HeaderChange, NoSecrets, Request};
use l7::rules::{
    Binding, CompileError, Decision, Direction, LoadError, MAX_BYTES, PeerKind, Protocol, Rules,
    Set, SetSpec, Snapshot,
};
use l7::wire::name::Name;
use l7::wire::tls::ServerName;

const PEER: u32 = 1001;
const OTHER: u32 = 1002;

fn spec(json: &str) -> SetSpec {
    serde_json::from_str(json).unwrap()
}

fn set(json: &str) -> Set {
    Set::new(&spec(json)).unwrap()
}

/// How a decision reads: the rule that allows with its item, or the nearest and what doesn't fit.
fn told(decision: &Decision) -> String {
    match decision {
        Decision::Allowed(allowed) => format!("{} {:?}", allowed.rule.0, allowed.item),
        Decision::Denied(denial) => match &denial.nearest {
            Some(nearest) => format!("{} {:?}: {denial}", nearest.rule.0, nearest.item),
            None => denial.to_string(),
        },
    }
}

fn http(set: &Set, peer: u32, method: &str, path: &str) -> String {
    let headers: [(&str, &str); 0] = [];
    let request = Request {
        method,
        authority: "be",
        path: path.as_bytes(),
        headers: &headers[..],
    };
    told(&set.judge_http(peer, &request, &NoSecrets).0)
}

fn dns(set: &Set, peer: u32, name: &str) -> String {
    told(&set.judge_dns(peer, &Name::from_text(name).unwrap()))
}

fn tls(set: &Set, peer: u32, name: Option<&str>) -> String {
    let name = name.map(|name| ServerName::new(name.as_bytes()).unwrap());
    told(&set.judge_server_name(peer, name.as_ref()))
}

#[test]
fn one_alternative_that_selects_and_allows_is_enough() {
    let set = set(r#"[
        {"rule": 16, "peers": {"identities": [1003, 1001]}, "allows": {"http": [
            {"path": "/metrics"}, {"path": "/b.*", "method": "GET"}]}},
        {"rule": 17, "peers": {"identities": [1002]}, "is_wide": true, "allows": "everything"},
        {"rule": 18, "peers": "any", "allows": {"http": [{"path": "/health"}]}}]"#);
    assert_eq!(http(&set, PEER, "GET", "/metrics"), "16 Some(0)");
    assert_eq!(http(&set, PEER, "GET", "/bc"), "16 Some(1)");
    assert_eq!(http(&set, PEER, "POST", "/health"), "18 Some(0)");
    assert_eq!(http(&set, OTHER, "POST", "/x"), "17 None");
    assert_eq!(http(&set, 9, "GET", "/health"), "18 Some(0)");
    // The nearest is one whose path fits, then the one with the fewest conditions that fail, then the first.
    assert_eq!(
        http(&set, PEER, "POST", "/ab"),
        "16 Some(0): path /ab is not /metrics"
    );
    assert_eq!(
        http(&set, PEER, "POST", "/x"),
        "16 Some(0): path /x is not /metrics"
    );
    assert_eq!(
        http(&set, PEER, "GET", "/admin/delete"),
        "16 Some(0): path /admin/delete is not /metrics"
    );
    assert_eq!(
        http(&set, 9, "GET", "/x"),
        "18 Some(0): path /x is not /health"
    );
    assert_eq!(set.peer_kind(OTHER), PeerKind::Http);
}

#[test]
fn each_rule_sees_the_changes_of_those_before_it() {
    let item = |action: &str, value: &str| {
        format!(
            r#"{{"headerMatches": [{{"name": "X", "value": "{value}", "mismatch": "{action}"}}]}}"#
        )
    };
    let judge = |items: &[(&str, &str)], sent: &[(&str, &str)]| {
        let items: Vec<String> = items
            .iter()
            .map(|(action, value)| item(action, value))
            .collect();
        // One half in one alternative, one in another.
        let (one, two) = items.split_at(items.len() / 2);
        let of = |rule: u32, items: &[String]| {
            let items = items.join(", ");
            format!(r#"{{"rule": {rule}, "peers": "any", "allows": {{"http": [{items}]}}}}"#)
        };
        let set = set(&format!("[{}, {}]", of(1, one), of(2, two)));
        let request = Request {
            method: "GET",
            authority: "be",
            path: b"/",
            headers: sent,
        };
        set.judge_http(PEER, &request, &NoSecrets).1.changes
    };
    let add = |value: &str| HeaderChange::Add("X".into(), value.as_bytes().into());
    let replace = |value: &str| HeaderChange::Replace("X".into(), value.as_bytes().into());
    assert_eq!(judge(&[("ADD", "1"), ("ADD", "1")], &[]), [add("1")]);
    assert_eq!(
        judge(&[("ADD", "1"), ("ADD", "2")], &[]),
        [add("1"), add("2")]
    );
    // What was put in its place is what the next one wants.
    let sent = [("x", "2")];
    assert_eq!(
        judge(&[("REPLACE", "1"), ("DELETE", "1")], &sent),
        [replace("1")]
    );
    let again = [add("1"), HeaderChange::Remove("X".into()), add("1")];
    let actions = [("ADD", "1"), ("DELETE", "2"), ("ADD", "1")];
    assert_eq!(judge(&actions, &[]), again);
    let removed = [HeaderChange::Remove("X".into()), add("2")];
    assert_eq!(judge(&[("DELETE", "1"), ("ADD", "2")], &sent), removed);
}

#[test]
fn rules_behind_one_that_allows_count_where_one_changes_headers() {
    use l7::http::{SecretRef, Secrets};

    /// Counts how often it was asked.
    #[derive(Default)]
    struct Asked(std::cell::Cell<u32>);

    impl Secrets for Asked {
        fn value(&self, _secret: &SecretRef) -> Option<&[u8]> {
            self.0.set(self.0.get() + 1);
            Some(b"1")
        }
    }

    let headers: [(&str, &str); 0] = [];
    let request = Request {
        method: "GET",
        authority: "be",
        path: b"/",
        headers: &headers[..],
    };
    let secret = r#""name": "X", "secret": {"name": "s"}"#;
    for (more, wanted) in [("", 0), (r#", "mismatch": "ADD""#, 2)] {
        let set = set(&format!(
            r#"[{{"rule": 1, "peers": "any", "allows": {{"http": [
                {{}}, {{"headerMatches": [{{{secret}}}]}}]}}}},
                {{"rule": 2, "peers": "any", "allows": {{"http": [
                {{"headerMatches": [{{{secret}{more}}}]}}]}}}}]"#
        ));
        let asked = Asked::default();
        let (decision, effects) = set.judge_http(PEER, &request, &asked);
        assert_eq!(told(&decision), "1 Some(0)");
        let changes = usize::from(wanted > 0);
        assert_eq!((asked.0.get(), effects.changes.len()), (wanted, changes));
    }
}

#[test]
fn rules_of_kafka_are_those_that_select_the_peer() {
    use l7::kafka::{ApiKey, Head, Options, Topics, Verdict};
    let set = set(r#"[
        {"rule": 16, "peers": {"identities": [1001]}, "allows": {"kafka": [
            {"role": "consume", "topic": "a"}, {"role": "produce", "topic": "b"}]}},
        {"rule": 17, "peers": {"identities": [1002]}, "allows": "everything"},
        {"rule": 18, "peers": {"identities": [1003]}, "allows": {"http": [{}]}},
        {"rule": 19, "peers": {"identities": [1001, 1003]}, "allows": {"kafka": [{"topic": "c"}]}}]"#);
    let head = Head {
        api_key: ApiKey::PRODUCE,
        api_version: 3,
        correlation_id: 1,
        client_id: None,
    };
    let judge = |peer, topic: &str| {
        let topics = Topics {
            names: vec![topic.to_owned()],
            unnamed: false,
        };
        let kafka = set.kafka(peer, Options::default());
        match kafka.rules.judge(&head, &topics) {
            Verdict::Allowed(rule) => {
                let rule = kafka.rule(rule.unwrap()).unwrap();
                format!("{} {:?}", rule.rule.0, rule.item)
            }
            Verdict::Denied(denial) => denial.text(&kafka.rules, &head),
        }
    };
    assert_eq!(judge(PEER, "b"), "16 Some(1)");
    assert_eq!(judge(PEER, "c"), "19 Some(0)");
    assert_eq!(
        judge(PEER, "a"),
        "topic \"a\" has no rule; nearest: role=produce topic=b"
    );
    assert_eq!(judge(OTHER, "x"), "17 None");
    assert_eq!(judge(9, "x"), "there is no Kafka rule");
    assert_eq!(set.peer_kind(PEER), PeerKind::Kafka);
    assert_eq!(set.peer_kind(1003), PeerKind::Conflict);
    assert_eq!(
        http(&set, PEER, "GET", "/"),
        "16 None: the rule allows Kafka only"
    );
    let bad = Set::new(&spec(
        r#"[{"rule": 1, "peers": "any", "allows": {"kafka": [{"apiKey": "x"}]}}]"#,
    ));
    let (_, _, wrong) = bad.unwrap_err();
    assert_eq!(wrong.to_string(), "invalid Kafka APIKey \"x\"");
}

#[test]
fn who_is_not_selected_is_told_so() {
    let set = set(r#"[{"rule": 16, "peers": {"identities": []}, "allows": "everything"}]"#);
    assert_eq!(http(&set, PEER, "GET", "/"), "no rule selects this peer");
    assert_eq!(dns(&set, PEER, "a"), "no rule selects this peer");
    assert_eq!(tls(&set, PEER, Some("a")), "no rule selects this peer");
    assert_eq!(set.peer_kind(PEER), PeerKind::NotSelected);
}

#[test]
fn names_are_opened_by_rules_of_exactly_the_port() {
    let set = set(r#"[
        {"rule": 16, "peers": "any", "allows": {"dns": [
            {"matchName": "a.org", "matchPattern": "*.b.org"}, {"matchPattern": "**.x.example.com"}]}},
        {"rule": 17, "peers": "any", "is_wide": true, "allows": "everything"},
        {"rule": 18, "peers": {"identities": [1002]}, "allows": "everything"},
        {"rule": 19, "peers": {"identities": [1003]}, "allows": {"dns": [{}]}}]"#);
    assert_eq!(dns(&set, PEER, "A.org"), "16 Some(0)");
    assert_eq!(dns(&set, PEER, "y.b.org"), "16 Some(0)");
    assert_eq!(dns(&set, PEER, "p.q.x.example.com"), "16 Some(1)");
    assert_eq!(dns(&set, OTHER, "zzz.net"), "18 None");
    assert_eq!(
        dns(&set, PEER, "c.org"),
        "16 Some(0): name c.org is not a.org"
    );
    assert_eq!(
        dns(&set, PEER, "y.z.b.org"),
        "16 Some(0): name y.z.b.org does not match *.b.org"
    );
    assert_eq!(
        dns(&set, PEER, "x.example.com"),
        "16 Some(1): name x.example.com does not match **.x.example.com"
    );
    assert_eq!(dns(&set, PEER, "."), "16 Some(0): name . is not a.org");
    assert_eq!(set.peer_kind(PEER), PeerKind::Dns);
    let nothing = self::set(r#"[{"rule": 19, "peers": "any", "allows": {"dns": [{}]}}]"#);
    assert_eq!(dns(&nothing, PEER, "a"), "19 None: the rule allows nothing");
}

#[test]
fn server_names() {
    let set = set(
        r#"[{"rule": 16, "peers": {"identities": [1001]}, "allows": {"serverNames": ["www.a.org", "*.b.org"]}},
        {"rule": 17, "peers": {"identities": [1002]}, "allows": "everything"}]"#,
    );
    assert_eq!(tls(&set, PEER, Some("WWW.a.org")), "16 Some(0)");
    assert_eq!(tls(&set, PEER, Some("x.b.org")), "16 Some(1)");
    assert_eq!(
        tls(&set, PEER, Some("c.a.org")),
        "16 Some(0): server name c.a.org is not www.a.org"
    );
    assert_eq!(
        tls(&set, PEER, Some("b.org")),
        "16 Some(1): server name b.org does not match *.b.org"
    );
    assert_eq!(
        tls(&set, PEER, Some("www.a.org.")),
        "16 Some(0): server name www.a.org. is not www.a.org"
    );
    assert_eq!(
        tls(&set, PEER, None),
        "16 None: the connection names no TLS server"
    );
    assert_eq!(tls(&set, OTHER, None), "17 None");
    assert_eq!(set.peer_kind(PEER), PeerKind::Tls);
    assert_eq!(set.peer_kind(OTHER), PeerKind::Plain);
    assert_eq!(
        http(&set, PEER, "GET", "/"),
        "16 None: the rule allows TLS only"
    );
}

#[test]
fn two_protocols_for_one_peer_are_a_conflict() {
    let set = set(r#"[
        {"rule": 16, "peers": {"identities": [1001, 1002]}, "allows": {"http": [{}]}},
        {"rule": 17, "peers": {"identities": [1002]}, "allows": {"serverNames": ["a"]}},
        {"rule": 18, "peers": "any", "allows": "everything"}]"#);
    assert_eq!(set.peer_kind(PEER), PeerKind::Http);
    assert_eq!(set.peer_kind(OTHER), PeerKind::Conflict);
    assert_eq!(set.peer_kind(9), PeerKind::Plain);
}

#[test]
fn rules_behind_the_one_that_allows_change_headers_too() {
    let set = set(r#"[
        {"rule": 16, "peers": "any", "allows": "everything"},
        {"rule": 17, "peers": "any", "allows": {"http": [
            {"path": "/a", "headerMatches": [{"name": "X", "value": "1", "mismatch": "ADD"}]},
            {"path": "/b", "headerMatches": [{"name": "Y", "value": "1", "mismatch": "ADD"}]}]}}]"#);
    let headers: [(&str, &str); 0] = [];
    let request = Request {
        method: "GET",
        authority: "be",
        path: b"/a",
        headers: &headers[..],
    };
    let (decision, effects) = set.judge_http(PEER, &request, &NoSecrets);
    assert_eq!(told(&decision), "16 None");
    let wanted = HeaderChange::Add("X".into(), b"1".as_slice().into());
    assert_eq!(effects.changes, [wanted]);
}

fn snapshot(bindings: Vec<Binding>) -> Snapshot {
    Snapshot {
        version: 1,
        revision: 42,
        sets: vec![
            spec(r#"[{"rule": 16, "peers": "any", "allows": {"dns": [{"matchName": "a"}]}}]"#),
            spec(
                r#"[{"rule": 17, "peers": {"identities": [1001]}, "allows": {"http": [{"path": "/a"}, {"host": "b"}]}}]"#,
            ),
        ],
        bindings,
    }
}

fn binding(ports: std::ops::RangeInclusive<u16>, set: u32) -> Binding {
    Binding {
        endpoint: 7,
        direction: Direction::Egress,
        protocol: Protocol::Tcp,
        first_port: *ports.start(),
        last_port: *ports.end(),
        set,
    }
}

#[test]
fn a_port_has_the_set_that_is_bound_to_it() {
    let mut bindings = vec![
        binding(8000..=8090, 1),
        binding(53..=53, 0),
        binding(8091..=65535, 0),
    ];
    bindings.push(Binding {
        endpoint: 8,
        ..binding(8000..=8000, 0)
    });
    let json = snapshot(bindings.clone()).to_json().unwrap();
    let snapshot = Snapshot::from_json(&json).unwrap();
    let rules = Rules::compile(&snapshot, None).unwrap();
    assert_eq!(rules.revision(), 42);
    let kind = |endpoint, direction, protocol, port| {
        let set = rules.get(endpoint, direction, protocol, port);
        set.map(|set| set.peer_kind(PEER))
    };
    use Direction::{Egress, Ingress};
    use Protocol::{Tcp, Udp};
    for (port, wanted) in [
        (52, None),
        (53, Some(PeerKind::Dns)),
        (54, None),
        (7999, None),
        (8000, Some(PeerKind::Http)),
        (8090, Some(PeerKind::Http)),
        (8091, Some(PeerKind::Dns)),
        (65535, Some(PeerKind::Dns)),
    ] {
        assert_eq!(kind(7, Egress, Tcp, port), wanted, "{port}");
    }
    assert_eq!(kind(7, Ingress, Tcp, 53), None);
    assert_eq!(kind(7, Egress, Udp, 53), None);
    assert_eq!(kind(8, Egress, Tcp, 8000), Some(PeerKind::Dns));
    assert_eq!(kind(9, Egress, Tcp, 53), None);
}

#[test]
fn a_snapshot_that_cannot_be_used_is_refused_as_a_whole() {
    let compile = |bindings| Rules::compile(&snapshot(bindings), None).err();
    assert_eq!(
        compile(vec![binding(1..=1, 2)]),
        Some(CompileError::NoSet(0))
    );
    #[expect(clippy::reversed_empty_ranges, reason = "that is the mistake")]
    let backwards = vec![binding(2..=1, 0)];
    assert_eq!(compile(backwards), Some(CompileError::Backwards(0)));
    let overlap = vec![binding(5..=9, 0), binding(1..=5, 1)];
    assert_eq!(
        compile(overlap),
        Some(CompileError::Overlap {
            endpoint: 7,
            port: 5
        })
    );
    let mut bad = snapshot(Vec::new());
    bad.sets.push(spec(
        r#"[{"rule": 1, "peers": "any", "allows": {"http": [{}, {"path": "("}]}}]"#,
    ));
    assert_eq!(
        Rules::compile(&bad, None).unwrap_err().to_string(),
        "set 2, alternative 0, item 1: path: error parsing regexp: missing closing ): `(`"
    );
}

#[test]
fn a_file_is_read_within_bounds() {
    let json = snapshot(Vec::new()).to_json().unwrap();
    for end in 0..json.len() {
        assert!(
            matches!(Snapshot::from_json(&json[..end]), Err(LoadError::Form(_))),
            "{end}"
        );
    }
    let text = String::from_utf8(json).unwrap();
    let newer = text.replace("\"version\":1", "\"version\":2");
    assert!(matches!(
        Snapshot::from_json(newer.as_bytes()),
        Err(LoadError::Version(2))
    ));
    let more = text.replace("\"revision\"", "\"extra\":1,\"revision\"");
    assert!(matches!(
        Snapshot::from_json(more.as_bytes()),
        Err(LoadError::Form(_))
    ));
    let long = vec![b' '; MAX_BYTES + 1];
    assert!(matches!(
        Snapshot::from_json(&long),
        Err(LoadError::TooLong(_))
    ));
}
