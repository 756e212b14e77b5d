//! DNS by TCP.

use l7::rules::Allows;
use proxy::limits::Limits;
use proxy::record::Verdict;
use testing::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dns_messages::*;
use super::dns_udp::dns;
use super::rig::*;

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

async fn message(stream: &mut TcpStream) -> Vec<u8> {
    let length = read(stream, 2).await;
    read(
        stream,
        u16::from_be_bytes(length.try_into().unwrap()).into(),
    )
    .await
}

async fn say(stream: &mut TcpStream, message: &[u8]) {
    send(stream, &framed(message)).await;
}

#[tokio::test]
async fn queries_of_one_connection_are_judged_each_and_answered_in_any_order() {
    let mut rig = Rig::new(vec![egress(dns(&["*.example"]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let queries = [
        query(1, "a.example", A),
        query(2, "evil.org", A),
        query(3, "b.example", AAAA),
    ];
    // A byte at a time.
    client.set_nodelay(true).unwrap();
    for byte in queries.iter().flat_map(|query| framed(query)) {
        send(&mut client, &[byte]).await;
    }
    // Only now there is a connection to the server, and one for all.
    let (mut server, _) = within(listener.accept()).await.unwrap();
    let first = message(&mut server).await;
    let second = message(&mut server).await;
    assert_eq!(
        (&first[2..], &second[2..]),
        (&queries[0][2..], &queries[2][2..])
    );
    assert_eq!(head(&message(&mut client).await), (2, 5, 1, 0));
    let records = [Record("b.example", AAAA, 5, vec![2; 16])];
    say(&mut server, &answer(&second, 0, &records)).await;
    assert_eq!(message(&mut client).await, answer(&queries[2], 0, &records));
    say(&mut server, &answer(&first, 3, &[])).await;
    assert_eq!(message(&mut client).await, answer(&queries[0], 3, &[]));
    assert_eq!(rig.agent.learned.lock().unwrap().len(), 1);
    let records = rig.records(5).await;
    let denied = records.iter().filter(|one| one.verdict == Verdict::Denied);
    assert_eq!(denied.count(), 1);
    // The client ends: so does all.
    client.shutdown().await.unwrap();
    is_closed(&mut client).await;
    is_closed(&mut server).await;
    eventually("its place is free", || rig.context.connections.count() == 0).await;
}

#[tokio::test]
async fn a_change_of_rules_holds_for_the_next_query() {
    let mut rig = Rig::new(vec![egress(dns(&["a.example"]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let query = query(1, "b.example", A);
    say(&mut client, &query).await;
    assert_eq!(head(&message(&mut client).await).1, 5);
    rig.set(vec![egress(Allows::Everything)]);
    say(&mut client, &query).await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    let passed = message(&mut server).await;
    say(&mut server, &answer(&passed, 3, &[])).await;
    assert_eq!(head(&message(&mut client).await).1, 3);
    rig.set(vec![]);
    say(&mut client, &query).await;
    assert_eq!(head(&message(&mut client).await).1, 2);
}

#[tokio::test]
async fn a_transfer_has_several_messages_and_teaches_nothing() {
    const AXFR: u16 = 252;
    let rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let query = query(9, "zone.example", AXFR);
    say(&mut client, &query).await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    let passed = message(&mut server).await;
    let records = [Record("x.zone.example", A, 5, vec![192, 0, 2, 9])];
    let first = answer(&passed, 0, &records);
    // Later messages don't repeat the question.
    let mut later = first[..12].to_vec();
    later[5] = 0;
    later.extend(&first[passed.len()..]);
    for reply in [&first, &later, &later] {
        say(&mut server, reply).await;
        let got = message(&mut client).await;
        assert_eq!(&got[2..], &reply[2..]);
        assert_eq!(head(&got).0, 9);
    }
    assert!(rig.agent.learned.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_goes_or_is_not_there() {
    let mut rig = Rig::new(vec![egress(dns(&["*"]))]).await;
    let mut client = rig.client().await;
    say(&mut client, &query(1, "a.example", A)).await;
    assert_eq!(head(&message(&mut client).await), (1, 2, 1, 0));
    drop(rig.records(3).await);
    let listener = rig.server().await;
    say(&mut client, &query(2, "a.example", A)).await;
    say(&mut client, &query(3, "b.example", A)).await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    message(&mut server).await;
    message(&mut server).await;
    drop(server);
    let mut failed = [message(&mut client).await, message(&mut client).await].map(|one| head(&one));
    failed.sort_unstable();
    assert_eq!(failed, [(2, 2, 1, 0), (3, 2, 1, 0)]);
    // The next one finds it again.
    say(&mut client, &query(4, "a.example", A)).await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    let passed = message(&mut server).await;
    say(&mut server, &answer(&query(77, "a.example", A), 0, &[])).await;
    say(&mut server, &answer(&passed, 3, &[])).await;
    assert_eq!(head(&message(&mut client).await), (4, 3, 1, 0));
    assert_eq!(rig.context.counters.answers_unexpected.get(), 1);
}

#[tokio::test]
async fn sessions_are_bounded_in_time_and_in_number() {
    let limits = Limits {
        dns_idle: SHORT,
        queries_per_client: 3,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(dns(&["*"]))]).await;
    let listener = rig.server().await;
    // Nothing, or a part of a message, is waited for no longer than that.
    for part in [0, 1, 9] {
        let mut client = rig.client().await;
        send(&mut client, &framed(&query(1, "a.example", A))[..part]).await;
        is_closed(&mut client).await;
    }
    // A message that is none.
    let mut client = rig.client().await;
    send(&mut client, &[0, 0]).await;
    assert_eq!(rig.record().await.verdict, Verdict::Error);
    for id in 1..=4 {
        say(&mut client, &query(id, "a.example", A)).await;
    }
    let (mut server, _) = within(listener.accept()).await.unwrap();
    for _ in 1..=3 {
        message(&mut server).await;
    }
    assert_eq!(head(&message(&mut client).await), (4, 2, 1, 0));
    assert_eq!(rig.context.counters.queries_refused.get(), 1);
    // While something is waited for, it isn't idle.
    let early = timeout(SHORT * 3, client.read(&mut [0; 1])).await;
    assert!(early.is_err(), "it is open");
    client.set_zero_linger().unwrap();
    drop(client);
    eventually("its places are free", || {
        rig.context.connections.count() + rig.context.queries.count() == 0
    })
    .await;
}
