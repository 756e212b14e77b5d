//! What becomes of connections, one by one.

use flow::connection::{ConnectionView, Connections, Outcome, State};
use flow::rows::Row;
use flow::view::{Direction, Transport, tcp};
use flow::{FlowView as _, TrafficDirection, Verdict};
use flows_flow as flow;
use proto::flows::v1::Cause;

use crate::told::{BEGIN, Fate, Hubble, MS, Told, fates};

const PASS: Option<Verdict> = Some(Verdict::Forwarded);
const DROP: Option<Verdict> = Some(Verdict::Dropped);
/// A minute after the beginning.
const LATER: i64 = BEGIN + 60_000 * MS;

fn one(events: &[Told]) -> Fate {
    let fates = fates(events, LATER);
    let [fate] = fates.as_slice() else {
        panic!("not one connection: {fates:#?}");
    };
    fate.clone()
}

fn source(ms: i64) -> Told {
    Told::new("n1", ms, [PASS, None])
}

fn destination(ms: i64) -> Told {
    Told::new("n2", ms, [None, PASS])
}

fn answer(of: Told, ms: i64, flags: u16) -> Told {
    Told {
        time: BEGIN + ms * MS,
        reply: true,
        cause: Cause::Flags,
        flags,
        packets: [1, 1],
        ..of
    }
}

#[test]
fn what_left_the_source_and_is_denied_at_the_destination_is_denied() {
    let drop = Told {
        cause: Cause::Drop,
        judged: [None, DROP],
        ..destination(1)
    };
    let again = Told {
        time: drop.time + 1_000 * MS,
        limited: 2,
        ..drop
    };
    let fate = one(&[source(0), drop, again]);
    let at = Some(Direction::Ingress);
    assert_eq!(fate.outcome, Outcome::Denied { at });
    assert_eq!(fate.state, State::Denied);
    assert_eq!(fate.drops, 4);
    assert_eq!(fate.nodes, ["n1", "n2"].map(|node| Some(node.to_owned())));
    assert_eq!(fate.silent, None);

    // As a flow, too.
    let mut connections = Connections::default();
    for event in [source(0), drop] {
        connections.push(&event, || event).unwrap();
    }
    let connection = connections.iter().next().unwrap();
    let witnesses: Vec<Told> = connection.witnesses().copied().collect();
    let find = |of: &Told| witnesses.iter().find(|known| *known == of);
    let view = ConnectionView::new(&connection, LATER, find).unwrap();
    assert_eq!(view.verdict(), Verdict::Dropped);
    let mut ends = Vec::new();
    view.with_extension(&mut |extension| {
        ends = extension.ends().map(|(_, end)| end.verdict).collect();
    });
    assert_eq!(ends, [Verdict::Forwarded, Verdict::Dropped]);
}

#[test]
fn denied_first_and_allowed_at_last_is_allowed() {
    let drop = Told {
        cause: Cause::Drop,
        judged: [DROP, None],
        ..source(0)
    };
    let fate = one(&[drop, source(1_000), destination(1_001)]);
    assert_eq!(fate.outcome, Outcome::Allowed);
    assert_eq!((fate.drops, fate.start), (1, 0));
}

#[test]
fn an_open_connection_that_policy_cuts_is_denied() {
    let cut = Told {
        cause: Cause::Drop,
        judged: [None, DROP],
        flags: tcp::ACK,
        ..destination(5_000)
    };
    let fate = one(&[
        source(0),
        destination(1),
        answer(destination(1), 2, tcp::SYN | tcp::ACK),
        cut,
    ]);
    assert_eq!(fate.state, State::Denied);
    assert_eq!(fate.packets, [1, 1]);
}

#[test]
fn the_states_of_tcp() {
    let syn_ack = tcp::SYN | tcp::ACK;
    let open = [source(0), destination(1), answer(source(0), 2, syn_ack)];
    assert_eq!(one(&open).state, State::Open);

    let refused = [
        source(0),
        destination(1),
        answer(source(0), 2, tcp::RST | tcp::ACK),
    ];
    assert_eq!(one(&refused).state, State::Refused);

    let fin = |reply| Told {
        reply,
        ..answer(source(0), 5 + i64::from(reply), tcp::FIN | tcp::ACK)
    };
    let half = [&open[..], &[fin(false)]].concat();
    assert_eq!(one(&half).state, State::Open);
    let closed = [&half[..], &[fin(true)]].concat();
    assert_eq!(one(&closed).state, State::Closed);

    let reset = [&open[..], &[answer(source(0), 9, tcp::RST)]].concat();
    assert_eq!(one(&reset).state, State::Reset);

    assert_eq!(one(&[source(0), destination(1)]).state, State::NoAnswer);
    let young = fates(&[source(0), destination(1)], BEGIN + 100 * MS);
    assert_eq!(young[0].state, State::Opening);
}

#[test]
fn a_datagram_is_answered_or_not() {
    let udp = |told: Told| Told {
        transport: Transport::Udp,
        flags: 0,
        ..told
    };
    let query = [source(0), destination(1)].map(udp);
    assert_eq!(one(&query).state, State::NoAnswer);
    let answered = [query[0], query[1], udp(answer(source(0), 2, 0))];
    assert_eq!(one(&answered).state, State::Answered);
}

#[test]
fn an_end_of_which_nothing_is_told_is_said() {
    let fate = one(&[source(0)]);
    assert_eq!(fate.outcome, Outcome::Unconfirmed);
    assert_eq!(fate.silent, Some(Direction::Ingress));
    // The answer proves that it got there.
    let fate = one(&[source(0), answer(source(0), 2, tcp::SYN | tcp::ACK)]);
    assert_eq!(fate.outcome, Outcome::Allowed);
    assert_eq!(fate.silent, Some(Direction::Ingress));
    let fate = one(&[destination(0)]);
    assert_eq!(fate.outcome, Outcome::Allowed);
    assert_eq!(fate.silent, Some(Direction::Egress));
    // Nobody judges outside the cluster.
    let outside = Told {
        to_pod: false,
        ..source(0)
    };
    let fate = one(&[outside]);
    assert_eq!((fate.outcome, fate.silent), (Outcome::Allowed, None));
}

#[test]
fn the_same_ports_again_are_another_connection() {
    let end = |of: Told, ms: i64| Told {
        cause: Cause::End,
        ..answer(of, ms, tcp::FIN | tcp::ACK)
    };
    let first = [
        source(0),
        destination(1),
        end(source(0), 10),
        end(destination(1), 11),
    ];
    let second = [source(12_000), destination(12_001)];
    let all = [&first[..], &second[..]].concat();
    let fates = fates(&all, LATER);
    assert_eq!(fates.len(), 2, "{fates:#?}");
    assert_eq!((fates[0].start, fates[0].state), (0, State::Closed));
    assert_eq!((fates[1].start, fates[1].state), (12_000, State::NoAnswer));
}

#[test]
fn losses_are_told_of_the_connections_that_lived_then() {
    let mut connections = Connections::default();
    for event in [source(0), destination(1)] {
        connections.push(&event, || ()).unwrap();
    }
    connections.lost("n2", (BEGIN + 20_000 * MS, BEGIN + 90_000 * MS), 7);
    connections.lost("n2", (BEGIN + 20_000 * MS, BEGIN + 90_000 * MS), 7);
    connections.lost("n3", (BEGIN + 20_000 * MS, BEGIN + 20_000 * MS), 5);
    connections.lost("n1", (BEGIN - 30_000 * MS, BEGIN - 20_000 * MS), 3);
    let connection = connections.iter().next().unwrap();
    assert_eq!(connection.lost(LATER), 7);
}

/// The same by a Hubble.
fn hubble(told: Told, direction: TrafficDirection, kind: i32, named: bool) -> Told {
    Told {
        hubble: Some(Hubble {
            direction,
            kind,
            named,
        }),
        ..told
    }
}

#[test]
fn hubbles_events_of_both_nodes_are_one_connection() {
    use TrafficDirection::{Egress, Ingress};
    let fate = one(&[
        hubble(source(0), Egress, 5, true),
        hubble(source(1), Egress, 4, false),
        hubble(destination(2), Ingress, 5, true),
        hubble(
            answer(destination(2), 3, tcp::SYN | tcp::ACK),
            Ingress,
            4,
            false,
        ),
        hubble(answer(source(0), 4, tcp::SYN | tcp::ACK), Egress, 4, false),
    ]);
    assert_eq!(fate.outcome, Outcome::Allowed);
    assert_eq!(fate.state, State::Open);
    assert_eq!(fate.nodes, ["n1", "n2"].map(|node| Some(node.to_owned())));
}

#[test]
fn hubbles_drop_tells_more_than_the_verdict_that_names_a_policy() {
    use TrafficDirection::{Egress, Ingress};
    let verdict = hubble(source(0), Egress, 5, true);
    let drop = Told {
        judged: [None, DROP],
        ..hubble(source(1), Ingress, 1, false)
    };
    let mut connections = Connections::default();
    for event in [verdict, drop] {
        connections.push(&event, || event).unwrap();
    }
    let connection = connections.iter().next().unwrap();
    let at = Some(Direction::Ingress);
    assert_eq!(connection.outcome(), Outcome::Denied { at });
    assert_eq!(*connection.deciding(), drop);
    // That the source lets the packet out again doesn't mean that it gets in.
    let again = hubble(source(1_000), Egress, 4, false);
    connections.push(&again, || again).unwrap();
    let connection = connections.iter().next().unwrap();
    assert_eq!(connection.outcome(), Outcome::Denied { at });
    assert_eq!(*connection.deciding(), drop);
    // It got in.
    let passed = hubble(source(3_000), Ingress, 5, true);
    connections.push(&passed, || passed).unwrap();
    let connection = connections.iter().next().unwrap();
    assert_eq!(connection.outcome(), Outcome::Allowed);
    assert_eq!(*connection.deciding(), passed);
}

#[test]
fn what_a_socket_was_told_is_no_connection() {
    let translated = hubble(source(0), TrafficDirection::Egress, 7, false);
    assert!(Connections::default().push(&translated, || ()).is_none());
}

#[test]
fn an_id_stays_when_the_other_node_is_heard() {
    let mut connections = Connections::default();
    connections.push(&source(1_000), || ()).unwrap();
    let first = connections.iter().next().unwrap().id();
    // Its clock is behind.
    connections.push(&destination(990), || ()).unwrap();
    let both: Vec<_> = connections.iter().map(|one| one.id()).collect();
    assert_eq!(both, [first]);
}

#[test]
fn what_policy_would_have_denied_is_audited_wherever_it_was() {
    const AUDIT: Option<Verdict> = Some(Verdict::Audit);
    let at_source = Told {
        judged: [AUDIT, None],
        ..source(0)
    };
    let at_destination = Told {
        judged: [None, AUDIT],
        ..destination(1)
    };
    let replied = answer(destination(1), 2, tcp::SYN | tcp::ACK);
    for events in [
        [at_source, destination(1), replied],
        [source(0), at_destination, replied],
        [replied, at_source, destination(1)],
    ] {
        let fate = one(&events);
        assert_eq!(fate.outcome, Outcome::Audited);
        assert_eq!(fate.state, State::Open);
    }
    // Without a word of the destination it may have been denied there.
    for (events, is_confirmed) in [
        (&[at_source][..], false),
        (&[at_source, destination(1)], true),
        (
            &[at_source, answer(source(1), 2, tcp::SYN | tcp::ACK)],
            true,
        ),
    ] {
        let mut joined = Connections::default();
        for event in events {
            joined.push(event, || *event);
        }
        let connection = joined.iter().next().unwrap();
        assert_eq!(connection.outcome(), Outcome::Audited);
        let view = ConnectionView::new(&connection, LATER, Some).unwrap();
        let why = Row::new(&connection, &view, true).unwrap().why;
        assert_eq!(!why.contains("unconfirmed"), is_confirmed, "{why}");
    }
    // What was dropped in spite of it is denied.
    let drop = Told {
        cause: Cause::Drop,
        judged: [None, DROP],
        ..destination(1)
    };
    let at = Some(Direction::Ingress);
    assert_eq!(one(&[at_source, drop]).outcome, Outcome::Denied { at });
}
