//! Connections that are carried as they are, or not at all.

use std::time::Duration;

use l7::kafka;
use l7::rules::{Allows, Direction, Peers};
use proxy::limits::Limits;
use proxy::network::Leg;
use proxy::record::{Layer7, Verdict};
use testing::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::rig::*;

const ALL: Allows = Allows::Everything;

#[tokio::test]
async fn bytes_pass_both_ways_and_ends_close_half() {
    let rig = Rig::new(vec![egress(ALL), ingress(ALL)]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    // The server speaks first.
    send(&mut server, b"hello").await;
    assert_eq!(read(&mut client, 5).await, b"hello");
    send(&mut client, b"question").await;
    assert_eq!(read(&mut server, 8).await, b"question");
    client.shutdown().await.unwrap();
    is_closed(&mut server).await;
    // The other half is open still.
    send(&mut server, b"answer").await;
    assert_eq!(read(&mut client, 6).await, b"answer");
    drop(server);
    is_closed(&mut client).await;
    assert_eq!(*rig.network.legs.lock().unwrap(), [Leg::Egress]);
    eventually("the place is free", || rig.context.connections.count() == 0).await;
    assert_eq!(rig.context.records.counts().made, 0);
}

#[tokio::test]
async fn ten_megabytes_pass_in_each_direction() {
    let rig = Rig::new(vec![ingress(ALL)]).await;
    let listener = rig.server().await;
    let client = rig.client().await;
    let (server, _) = within(listener.accept()).await.unwrap();
    assert_eq!(*rig.network.legs.lock().unwrap(), [Leg::Ingress]);
    let bytes: Vec<u8> = (0..=250).cycle().take(10 << 20).collect();
    let run = |mut stream: tokio::net::TcpStream, bytes: Vec<u8>| async move {
        let (mut from, mut to) = stream.split();
        let mut got = Vec::new();
        let sent = async {
            to.write_all(&bytes).await.unwrap();
            to.shutdown().await.unwrap();
        };
        tokio::join!(sent, async { from.read_to_end(&mut got).await.unwrap() });
        got == bytes
    };
    let both = async { tokio::join!(run(client, bytes.clone()), run(server, bytes.clone())) };
    assert_eq!(within(both).await, (true, true));
}

#[tokio::test]
async fn a_reset_is_carried_over() {
    let rig = Rig::new(vec![egress(ALL)]).await;
    let listener = rig.server().await;
    for client_resets in [true, false] {
        let mut client = rig.client().await;
        let (mut server, _) = within(listener.accept()).await.unwrap();
        send(&mut client, b"x").await;
        read(&mut server, 1).await;
        let (gone, left) = match client_resets {
            true => (client, &mut server),
            false => (server, &mut client),
        };
        gone.set_zero_linger().unwrap();
        drop(gone);
        is_reset(left).await;
    }
}

#[tokio::test]
async fn a_slow_reader_holds_its_sender_up_and_no_memory() {
    let rig = Rig::new(vec![egress(ALL)]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    let mut sent = 0;
    let chunk = vec![7; 64 << 10];
    // Until nobody takes more: sockets have bounds, and so has the proxy.
    while let Ok(written) = timeout(Duration::from_millis(500), client.write(&chunk)).await {
        sent += written.unwrap();
        assert!(sent < 64 << 20, "somebody holds {sent} bytes");
    }
    drop(client);
    let mut got = 0;
    let mut bytes = vec![0; 64 << 10];
    loop {
        match within(server.read(&mut bytes)).await.unwrap() {
            0 => break,
            length => got += length,
        }
    }
    assert_eq!(got, sent, "all of it came");
}

#[tokio::test]
async fn a_reset_is_seen_while_the_other_end_reads_nothing() {
    let rig = Rig::new(vec![egress(ALL)]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (server, _) = within(listener.accept()).await.unwrap();
    let chunk = vec![7; 64 << 10];
    while let Ok(written) = timeout(Duration::from_millis(500), client.write(&chunk)).await {
        written.unwrap();
    }
    client.set_zero_linger().unwrap();
    drop(client);
    eventually("its place is free", || rig.context.connections.count() == 0).await;
    drop(server);
}

#[tokio::test]
async fn what_has_no_rules_or_no_selected_peer_is_reset() {
    let others = || Peers::Identities([1].into());
    let mut rig = Rig::new(vec![]).await;
    let _listener = rig.server().await;
    is_reset(&mut rig.client().await).await;
    let record = rig.record().await;
    assert_eq!(record.verdict, Verdict::Error);
    assert_eq!(&*record.reason, "no rules for this port at either end");
    assert_eq!(record.direction, Direction::Egress);

    // One side allows, the other doesn't select its peer.
    rig.set(vec![
        egress(ALL),
        Side(Direction::Ingress, vec![(others(), ALL)]),
    ]);
    is_reset(&mut rig.client().await).await;
    let record = rig.record().await;
    assert_eq!(record.verdict, Verdict::Denied);
    assert_eq!(record.direction, Direction::Ingress);
    assert_eq!(record.layer7, Layer7::Connection);
    assert_eq!(&*record.reason, "no rule selects this peer");
    assert_eq!(record.hop.destination.endpoint, Some(SERVER_ENDPOINT));

    // Of two protocols.
    rig.set(vec![
        egress(Allows::Kafka(vec![kafka::RuleSpec::default()])),
        ingress(Allows::ServerNames(vec!["*".into()])),
    ]);
    is_reset(&mut rig.client().await).await;
    let record = rig.record().await;
    assert_eq!(record.verdict, Verdict::Error);
    assert!(record.reason.contains("different protocols"), "{record:?}");

    // HTTP, which nothing here carries.
    rig.set(vec![egress(Allows::Http(vec![]))]);
    is_reset(&mut rig.client().await).await;
    assert!(rig.record().await.reason.contains("HTTP"));

    // Somebody without an endpoint, to a server that has rules of its own.
    rig.set(vec![
        egress(ALL),
        Side(Direction::Ingress, vec![(others(), ALL)]),
    ]);
    is_reset(&mut rig.client_from(STRANGER).await).await;
    assert_eq!(rig.record().await.hop.source.endpoint, None);
    assert_eq!(rig.network.legs.lock().unwrap().len(), 0, "none got there");
    assert_eq!(rig.context.counters.connections_reset.get(), 5);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let mut rig = Rig::new(vec![egress(ALL)]).await;
    is_reset(&mut rig.client().await).await;
    let record = rig.record().await;
    assert_eq!(record.verdict, Verdict::Error);
    assert!(record.reason.starts_with("connecting to the server: "));
    assert_eq!(rig.context.counters.connects_failed.get(), 1);
}

#[tokio::test]
async fn changes_of_rules_act_on_open_connections() {
    let mut rig = Rig::new(vec![egress(ALL)]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    // Other rules that allow, and none at all: it goes on.
    for sides in [vec![egress(ALL), ingress(ALL)], vec![]] {
        rig.set(sides);
        send(&mut client, b"x").await;
        assert_eq!(read(&mut server, 1).await, b"x");
    }
    // The peer is no longer selected.
    let others = Peers::Identities([1].into());
    rig.set(vec![Side(Direction::Egress, vec![(others, ALL)])]);
    is_reset(&mut client).await;
    is_reset(&mut server).await;
    assert_eq!(rig.record().await.verdict, Verdict::Denied);

    // Rules that can't judge it from its middle.
    rig.set(vec![egress(ALL)]);
    let mut client = rig.client().await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    rig.set(vec![egress(Allows::ServerNames(vec!["*".into()]))]);
    is_reset(&mut client).await;
    is_reset(&mut server).await;
    assert!(rig.record().await.reason.contains("TLS"));
}

#[tokio::test]
async fn idle_connections_end_and_are_told() {
    let limits = Limits {
        idle: SHORT,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(ALL)]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    is_reset(&mut client).await;
    is_reset(&mut server).await;
    assert!(rig.record().await.reason.starts_with("nothing passed for"));
}

#[tokio::test]
async fn connections_are_bounded_for_all_and_for_each() {
    let limits = Limits {
        connections: 3,
        connections_per_client: 2,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(ALL), ingress(ALL)]).await;
    let listener = rig.server().await;
    let mut open = Vec::new();
    for from in [CLIENT, CLIENT, STRANGER] {
        open.push(rig.client_from(from).await);
        within(listener.accept()).await.unwrap();
    }
    for (from, reason) in [
        (CLIENT, "the proxy's limit of 3 is reached"),
        (STRANGER, "the proxy's limit of 3 is reached"),
    ] {
        is_reset(&mut rig.client_from(from).await).await;
        assert_eq!(&*rig.record().await.reason, reason);
    }
    drop(open.pop());
    eventually("a place is free", || rig.context.connections.count() == 2).await;
    is_reset(&mut rig.client().await).await;
    let record = rig.record().await;
    assert_eq!(&*record.reason, "the limit of 2 for one client is reached");
    assert_eq!(rig.context.counters.connections_refused.get(), 3);
}

#[tokio::test]
async fn a_thousand_connections_at_a_time_see_a_change() {
    let mut rig = Rig::new(vec![egress(ALL)]).await;
    let listener = rig.server().await;
    let mut open = Vec::new();
    for _ in 0..1_000 {
        let client = rig.client().await;
        let (server, _) = within(listener.accept()).await.unwrap();
        open.push((client, server));
    }
    rig.set(vec![Side(Direction::Egress, vec![])]);
    for (client, server) in &mut open {
        is_reset(client).await;
        is_reset(server).await;
    }
    assert_eq!(rig.records(1_000).await.len(), 1_000);
    eventually("the places are free", || {
        rig.context.connections.count() == 0
    })
    .await;
}
