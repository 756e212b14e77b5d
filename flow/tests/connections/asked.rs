//! What a server is asked for, to hold a filter against connections.

use flow::connection::{ConnectionView, Connections};
use flow::view::tcp;
use flow::{Filter, Verdict};
use flows_flow as flow;
use proto::flows::v1::Cause;

use crate::told::{BEGIN, MS, Told};

const PASS: Option<Verdict> = Some(Verdict::Forwarded);
const DROP: Option<Verdict> = Some(Verdict::Dropped);

/// A connection that was answered, and one that was denied at its destination.
fn worlds() -> [Vec<Told>; 2] {
    let source = Told::new("n1", 0, [PASS, None]);
    let destination = Told::new("n2", 1, [None, PASS]);
    let answer = |of: Told| Told {
        reply: true,
        cause: Cause::Flags,
        flags: tcp::SYN | tcp::ACK,
        packets: [1, 1],
        ..of
    };
    let drop = Told {
        cause: Cause::Drop,
        judged: [None, DROP],
        ..destination
    };
    [
        vec![source, destination, answer(destination), answer(source)],
        vec![source, drop],
    ]
}

#[test]
fn every_event_of_a_connection_that_matches_is_asked_for() {
    let (mut matched, mut narrow) = (0, 0);
    for text in [
        "verdict == DROPPED",
        "verdict == FORWARDED and src.pod == shop/web",
        "not verdict == FORWARDED",
        "dst.port == 6379",
        "src.port == 6379",
        "not dst.port == 443",
        "port == 40000 and not protocol == UDP",
        "src.ip == 10.0.0.1 and (dst.port in 6000-7000 or verdict == DROPPED)",
        "dst.pod == shop/session or dst.pod == shop/nobody",
        "dst.pod == shop/nobody",
        "state == open and bytes < 10MB",
        "state == denied or drops > 0",
        "src.ns == shop and not (dst.ns == data or dst.port == 80)",
        "protocol == UDP",
    ] {
        let filter = Filter::parse_expr(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let asked = filter.for_connections().unwrap_or_else(|| panic!("{text}"));
        for events in worlds() {
            let mut connections = Connections::default();
            for event in &events {
                connections.push(event, || *event).unwrap();
            }
            let connection = connections.iter().next().unwrap();
            let kept: Vec<Told> = connection.witnesses().copied().collect();
            let read = |of: &Told| kept.iter().find(|known| *known == of);
            let view = ConnectionView::new(&connection, BEGIN + 60_000 * MS, read).unwrap();
            if filter.matches(&view) {
                matched += 1;
                for event in &events {
                    assert!(asked.matches(event), "{text}: {event:?} is not asked for");
                }
            } else if !events.iter().any(|event| asked.matches(event)) {
                narrow += 1;
            }
        }
    }
    assert_eq!(
        (matched, narrow),
        (17, 4),
        "what the test is about has changed"
    );
}

#[test]
fn questions_about_single_events_are_not_for_connections() {
    for text in [
        "tcp.syn",
        "reply",
        "type == drop",
        "src.pod == shop/web and cause == new",
        "not (direction == ingress)",
        "uuid == abc",
        "node == n1",
        "protocol == HTTP",
    ] {
        let filter = Filter::parse_expr(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(filter.for_connections().is_none(), "{text}");
    }
    assert!(Filter::default().for_connections().unwrap().is_everything());
}
