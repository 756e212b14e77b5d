//! Incidents: which denials are one, and whether they go on.

use flow::WorkloadRef;
use flow::incidents::{Status, incidents};
use flow::rows::{Judged, Row, RowEnd, RowRequests};
use flow::view::{ConnectionFacts, ConnectionState};
use flow::workload_ref::Kind;
use flows_flow as flow;

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_795_343_415 * SECOND;

fn end(name: &str, pod: &str) -> RowEnd {
    RowEnd {
        who: WorkloadRef {
            kind: Kind::Workload,
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        },
        pod: pod.to_owned(),
        outside: String::new(),
    }
}

/// A connection of web to the database, so many seconds ago.
fn row(pod: &str, judged: Judged, why: &str, ago: i64) -> Row {
    let state = match judged == Judged::Allowed {
        true => ConnectionState::Closed,
        false => ConnectionState::Denied,
    };
    Row {
        source: end("web", pod),
        destination: end("db", "db-0"),
        source_port: Some(40_000),
        port: ":5432".to_owned(),
        judged,
        why: why.to_owned(),
        facts: ConnectionFacts {
            state,
            age_ns: 0,
            drops: 2,
            silent: None,
            lost: 0,
        },
        start: NOW - ago * SECOND,
        last: NOW - ago * SECOND,
        bytes: 0,
        rtt_us: None,
        connections: 1,
        request: None,
        requests: RowRequests::default(),
    }
}

const DENY: &str = "cnp shop/db \u{b7} default deny";

#[test]
fn denials_of_one_cause_are_one() {
    let rows = [
        row("web-1", Judged::Denied, DENY, 30),
        row("web-2", Judged::Denied, DENY, 20),
        row("web-1", Judged::Denied, DENY, 10),
        row(
            "web-1",
            Judged::Denied,
            "cnp shop/web \u{b7} denies anyone",
            5,
        ),
    ];
    let found = incidents(&rows, NOW);
    assert_eq!(found.len(), 2);
    let first = &found[0];
    assert_eq!((first.row.facts.drops, first.row.connections), (6, 3));
    assert_eq!(first.newest, 2);
    assert_eq!(first.row.start, rows[0].start);
    assert_eq!(first.row.last, rows[2].last);
    let pods: Vec<&str> = first.sources.iter().map(String::as_str).collect();
    assert_eq!(pods, ["shop/web-1", "shop/web-2"]);
    assert_ne!(first.id(), found[1].id());
}

#[test]
fn an_id_stays_while_policy_ends_and_port_do() {
    let id = |row: Row| incidents(&[row], NOW)[0].id();
    let one = id(row("web-1", Judged::Denied, DENY, 5));
    assert_eq!(id(row("web-2", Judged::Denied, DENY, 900)), one);
    let denies = |what: &str| {
        let why = format!("cnp shop/db \u{b7} denies {what}");
        id(row("web-1", Judged::Denied, &why, 5))
    };
    // The same rule, as it says another thing; the default is another one.
    assert_eq!(denies("app=web"), denies("team=shop"));
    assert_ne!(denies("app=web"), one);
    let mut other = row("web-1", Judged::Denied, DENY, 5);
    other.port = ":5433".to_owned();
    assert_ne!(id(other), one);
}

#[test]
fn a_rule_that_changed_while_it_denied_is_one_cause() {
    let denied = |what: &str, ago| {
        let why = format!("cnp shop/db \u{b7} denies {what}");
        row("web-1", Judged::Denied, &why, ago)
    };
    let rows = [
        denied("10.0.0.0/8", 40),
        denied("0.0.0.0/0", 2),
        denied("10.0.0.0/8", 30),
    ];
    let found = incidents(&rows, NOW);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].row.why, rows[1].why);
    assert_eq!(found[0].row.facts.drops, 6);
    assert_eq!((found[0].row.start, found[0].newest), (rows[0].start, 1));
}

#[test]
fn whether_it_goes_on() {
    let status = |rows: &[Row]| incidents(rows, NOW)[0].status;
    let denied = |ago| row("web-1", Judged::Denied, DENY, ago);
    assert_eq!(status(&[denied(30)]), Status::Ongoing);
    assert_eq!(status(&[denied(300)]), Status::Quiet);
    // It comes every ten minutes.
    let rarely = [denied(1_800), denied(1_200), denied(600)];
    assert_eq!(status(&rarely), Status::Ongoing);

    let allowed = row("web-1", Judged::Allowed, "", 20);
    let since = allowed.start;
    assert_eq!(
        status(&[denied(30), allowed.clone()]),
        Status::Allowed(since)
    );
    // It was allowed before, and isn't any more.
    assert_eq!(status(&[allowed, denied(10)]), Status::Ongoing);
}

#[test]
fn what_is_allowed_is_no_incident() {
    let rows = [row("web-1", Judged::Allowed, "", 1)];
    assert!(incidents(&rows, NOW).is_empty());
    assert!(incidents(&[], NOW).is_empty());
    let rows = [row("web-1", Judged::Unknown, "", 1)];
    assert_eq!(incidents(&rows, NOW).into_iter().next(), None);
}
