//! One pod opens far more connections than the table holds.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use flows_lab::process::Deadline;

use crate::frames::udp;
use crate::wire::send;
use crate::world::{Host, outside, pod, up};

/// Connections of others, of which half stay idle.
const OTHERS: usize = 200;
/// Size of the table.
const TABLE: u32 = 16_384;

/// Both ends of connections from the client to the server.
fn connections(client: &Host, server: &Host) -> Vec<[TcpStream; 2]> {
    let listener = server.inside(|| TcpListener::bind((server.v4, 8081)).unwrap());
    let patience = Some(Duration::from_secs(30));
    client.inside(|| {
        (0..OTHERS)
            .map(|_| {
                let near = TcpStream::connect((server.v4, 8081)).unwrap();
                let (far, _) = listener.accept().unwrap();
                near.set_read_timeout(patience).unwrap();
                far.set_read_timeout(patience).unwrap();
                [near, far]
            })
            .collect()
    })
}

/// Whether a word gets from one end to the other.
fn speaks([from, to]: [&mut TcpStream; 2]) -> bool {
    let mut word = [0; 4];
    from.write_all(b"word").is_ok() && to.read_exact(&mut word).is_ok() && &word == b"word"
}

#[test]
fn a_pod_that_fills_the_table_breaks_no_connection_of_others() {
    let lab = up(&[&format!("--max-ipv4-connections={TABLE}")]);
    let [evil, client, server] = ["evil", "client", "server"].map(|name| pod(&lab, name));
    let world = outside(&lab);
    let mut pairs = connections(&client, &server);
    for [near, far] in &mut pairs {
        assert!(speaks([near, far]));
    }
    let (idle, busy) = pairs.split_at_mut(OTHERS / 2);
    let mut broken = 0;
    for round in 0..10 {
        let flood = (0..TABLE).map(|n| {
            let port = u16::try_from(1024 + n % 60_000).unwrap();
            udp(&evil, evil.v4, port, world.v4, 1000 + round, b"flood")
        });
        send(&evil, flood);
        for [near, far] in &mut *busy {
            broken += usize::from(!speaks([near, far]));
        }
    }
    assert_eq!(broken, 0, "busy connections");
    // The server speaks first: an answer that took long, a push.
    let broken = idle
        .iter_mut()
        .filter_map(|[near, far]| (!speaks([far, near])).then_some(()));
    assert_eq!(broken.count(), 0, "idle connections");

    let deadline = Deadline::after(Duration::from_secs(30));
    let status = loop {
        let status = lab.flows().arg("status").output().unwrap();
        let status = String::from_utf8(status.stdout).unwrap();
        let named = status.lines().find(|line| line.contains("default/evil"));
        if named.is_some_and(|line| line.contains("connections")) {
            break status;
        }
        assert!(deadline.pause(), "{status}");
    };
    assert!(
        !status.contains("default/client") && !status.contains("default/server"),
        "{status}"
    );
}
