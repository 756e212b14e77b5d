//! How much is held.

use std::collections::HashSet;

use flow::Verdict;
use flow::connection::{Connections, Limits, State};
use flows_flow as flow;
use proto::flows::v1::Cause;

use crate::told::{BEGIN, MS, Told};

#[test]
fn the_oldest_that_have_ended_are_forgotten_first() {
    let mut connections = Connections::new(Limits { tuples: 1_000 });
    for number in 0..5_000u16 {
        let opened = Told {
            port: number,
            ..Told::new("n1", i64::from(number), [Some(Verdict::Forwarded), None])
        };
        connections.push(&opened, || number).unwrap();
        if number >= 100 {
            let ended = Told {
                cause: Cause::End,
                time: opened.time + MS / 2,
                ..opened
            };
            connections.push(&ended, || number).unwrap();
        }
        assert!(connections.len() <= 1_000);
    }
    assert_eq!(connections.forgotten() + connections.len() as u64, 5_000);
    let now = BEGIN + 6_000 * MS;
    let open = connections
        .iter()
        .filter(|one| one.state(now) != State::Closed);
    assert_eq!(open.count(), 100, "what is open stays");
}

#[test]
fn one_pair_of_ports_does_not_fill_memory() {
    let mut connections = Connections::default();
    for number in 0..10_000 {
        let denied = Told {
            cause: Cause::New,
            transport: flow::view::Transport::Udp,
            ..Told::new("n1", number * 200_000, [Some(Verdict::Forwarded), None])
        };
        connections.push(&denied, || ()).unwrap();
    }
    assert_eq!(connections.len(), 1);
    assert_eq!(connections.iter().count(), 16);
    assert_eq!(connections.forgotten(), 10_000 - 16);
}

#[test]
fn a_hostile_server_cannot_name_nodes_without_end() {
    let mut connections = Connections::<()>::default();
    let names: Vec<&'static str> = (0..70_000).map(|n| &*format!("n{n}").leak()).collect();
    for name in &names {
        let told = Told::new(name, 0, [Some(Verdict::Forwarded), None]);
        connections.push(&told, || ()).unwrap();
    }
    // Those beyond the bound are one that nobody knows by name.
    let nodes: HashSet<&str> = connections
        .iter()
        .filter_map(|one| one.node(flow::view::Direction::Egress))
        .collect();
    assert!(nodes.contains(""), "{nodes:?}");
    assert_eq!(connections.len(), 1);
}
