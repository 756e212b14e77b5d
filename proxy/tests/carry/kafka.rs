//! Kafka connections: requests judged one by one, at each side.

use std::time::Duration;

use l7::kafka::RuleSpec;
use l7::rules::{Allows, Direction, Peers, RuleRef};
use proxy::limits::Limits;
use proxy::record::{Kafka, Layer7, Record, Verdict};
use testing::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::rig::*;

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes(), body].concat()
}

fn head(key: u16, version: u16, id: u32) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend(key.to_be_bytes());
    head.extend(version.to_be_bytes());
    head.extend(id.to_be_bytes());
    head.extend(text("test"));
    head
}

/// Produce version 3 to partition 3 of a topic.
fn produce(id: u32, topic: &str, acks: u16, records: &[u8]) -> Vec<u8> {
    let mut body = head(0, 3, id);
    body.extend([0xff, 0xff]);
    body.extend(acks.to_be_bytes());
    body.extend(1_000_u32.to_be_bytes());
    body.extend(1_u32.to_be_bytes());
    body.extend(text(topic));
    body.extend(1_u32.to_be_bytes());
    body.extend(3_u32.to_be_bytes());
    body.extend(framed(records));
    framed(&body)
}

/// Fetch version 0, which has no sessions, of a topic.
fn fetch(id: u32, topic: &str, wait: u32) -> Vec<u8> {
    let mut body = head(1, 0, id);
    body.extend([0xff; 4]);
    body.extend(wait.to_be_bytes());
    body.extend(1_u32.to_be_bytes());
    body.extend(1_u32.to_be_bytes());
    body.extend(text(topic));
    body.extend(1_u32.to_be_bytes());
    body.extend([0; 12]);
    body.extend(1_000_u32.to_be_bytes());
    framed(&body)
}

/// A frame: correlation id and the rest.
async fn frame(stream: &mut TcpStream) -> (u32, Vec<u8>) {
    let length = read(stream, 4).await;
    let length = u32::from_be_bytes(length.try_into().unwrap());
    let body = read(stream, usize::try_from(length).unwrap()).await;
    let (id, rest) = body.split_first_chunk().unwrap();
    (u32::from_be_bytes(*id), rest.to_vec())
}

/// The broker's side: takes a request and answers it.
async fn serve_one(broker: &mut TcpStream) -> Vec<u8> {
    let length = read(broker, 4).await;
    let length = u32::from_be_bytes(length.try_into().unwrap());
    let request = read(broker, usize::try_from(length).unwrap()).await;
    let answer = [&request[4..8], b"served"].concat();
    send(broker, &framed(&answer)).await;
    framed(&request)
}

fn rule(role: &str, topic: &str) -> RuleSpec {
    RuleSpec {
        role: Some(role.to_owned()),
        topic: Some(topic.to_owned()),
        ..RuleSpec::default()
    }
}

fn kafka(rules: &[(&str, &str)]) -> Allows {
    Allows::Kafka(
        rules
            .iter()
            .map(|(role, topic)| rule(role, topic))
            .collect(),
    )
}

fn of(record: &Record) -> &Kafka {
    let Layer7::Kafka(kafka) = &record.layer7 else {
        panic!("not Kafka: {record:?}");
    };
    kafka
}

/// The error code of a produce answer of one topic and partition.
fn produce_error(answer: &[u8], topic: &str) -> u16 {
    let at = 4 + 2 + topic.len() + 4 + 4;
    u16::from_be_bytes(answer[at..at + 2].try_into().unwrap())
}

#[tokio::test]
async fn requests_are_judged_one_by_one_and_answers_keep_their_order() {
    let rules = [("produce", "orders"), ("consume", "orders")];
    let mut rig = Rig::new(vec![egress(kafka(&rules))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    let requests = [
        produce(1, "orders", 1, b"a"),
        produce(2, "payments", 1, b"b"),
        produce(3, "orders", 1, b"c"),
    ];
    // A byte at a time.
    for byte in requests.concat() {
        send(&mut client, &[byte]).await;
    }
    assert_eq!(serve_one(&mut broker).await, requests[0]);
    assert_eq!(
        serve_one(&mut broker).await,
        requests[2],
        "the second one never comes"
    );
    let (id, answer) = frame(&mut client).await;
    assert_eq!((id, &*answer), (1, &b"served"[..]));
    let (id, answer) = frame(&mut client).await;
    assert_eq!((id, produce_error(&answer, "payments")), (2, 29));
    let (id, answer) = frame(&mut client).await;
    assert_eq!((id, &*answer), (3, &b"served"[..]));

    let records = rig.records(6).await;
    let requests: Vec<&Record> = records.iter().filter(|one| !one.is_reply).collect();
    let replies: Vec<&Record> = records.iter().filter(|one| one.is_reply).collect();
    let verdicts = requests.iter().map(|one| one.verdict);
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        [Verdict::Allowed, Verdict::Denied, Verdict::Allowed]
    );
    assert_eq!(
        of(requests[1]),
        &Kafka {
            api_key: 0,
            api_version: 3,
            correlation_id: 2,
            client_id: "test".into(),
            topics: vec!["payments".into()],
            has_more_topics: false,
            error_code: 29,
        }
    );
    assert_eq!(requests[0].rule, Some(RuleRef(101)));
    assert_eq!(requests[1].item, Some(0));
    assert!(requests[1].reason.contains("\"payments\" has no rule"));
    // Replies have what Cilium's leave out.
    let ids = replies.iter().map(|one| of(one).correlation_id);
    assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 3]);
    assert!(replies.iter().all(|one| one.latency.is_some()));
    assert_eq!(&*of(replies[1]).topics[0], "payments");
    assert!(replies.iter().all(|one| one.verdict == Verdict::Allowed));
}

#[tokio::test]
async fn both_sides_have_a_say() {
    let sides = vec![
        egress(kafka(&[("produce", "a"), ("produce", "b")])),
        ingress(kafka(&[("produce", "b"), ("produce", "c")])),
    ];
    let mut rig = Rig::new(sides).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    for (id, topic) in [(1, "a"), (2, "b"), (3, "c")] {
        send(&mut client, &produce(id, topic, 1, b"x")).await;
    }
    assert_eq!(serve_one(&mut broker).await, produce(2, "b", 1, b"x"));
    let (id, answer) = frame(&mut client).await;
    assert_eq!((id, produce_error(&answer, "a")), (1, 29));
    assert_eq!(frame(&mut client).await, (2, b"served".to_vec()));
    let (id, answer) = frame(&mut client).await;
    assert_eq!((id, produce_error(&answer, "c")), (3, 29));
    let mut seen: Vec<_> = rig
        .records(10)
        .await
        .iter()
        .filter(|one| !one.is_reply)
        .map(|one| {
            (
                of(one).correlation_id,
                one.direction == Direction::Ingress,
                one.verdict == Verdict::Allowed,
            )
        })
        .collect();
    seen.sort_unstable();
    // The third is stopped at the client's side.
    assert_eq!(
        seen,
        [
            (1, false, true),
            (1, true, false),
            (2, false, true),
            (2, true, true),
            (3, false, false),
        ]
    );
}

#[tokio::test]
async fn a_denied_fetch_is_held() {
    let mut rig = Rig::new(vec![egress(kafka(&[("consume", "orders")]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    send(&mut client, &fetch(1, "secrets", 300)).await;
    let early = timeout(Duration::from_millis(200), client.read(&mut [0; 1])).await;
    assert!(early.is_err(), "it waits");
    let (id, _) = frame(&mut client).await;
    assert_eq!(id, 1);
    send(&mut client, &fetch(2, "orders", 300)).await;
    serve_one(&mut broker).await;
    assert_eq!(frame(&mut client).await.0, 2);
    let record = rig.record().await;
    assert_eq!((record.verdict, of(&record).api_key), (Verdict::Denied, 1));
}

#[tokio::test]
async fn rules_that_change_act_on_open_connections() {
    let mut rig = Rig::new(vec![egress(kafka(&[("produce", "a")]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    send(&mut client, &produce(1, "b", 1, b"x")).await;
    assert_eq!(frame(&mut client).await.0, 1);
    // Allowed now; then by no rules at all.
    for (id, sides) in [
        (2, vec![egress(kafka(&[("produce", "b")]))]),
        (3, vec![]),
        (4, vec![egress(Allows::Everything)]),
    ] {
        rig.set(sides);
        send(&mut client, &produce(id, "b", 1, b"x")).await;
        serve_one(&mut broker).await;
        assert_eq!(frame(&mut client).await, (id, b"served".to_vec()));
    }
    rig.set(vec![egress(kafka(&[("produce", "a")]))]);
    send(&mut client, &produce(5, "b", 1, b"x")).await;
    let (id, answer) = frame(&mut client).await;
    assert_eq!((id, produce_error(&answer, "b")), (5, 29));
    // The other side gets rules: it would judge from the middle.
    rig.set(vec![
        egress(kafka(&[("produce", "a")])),
        ingress(kafka(&[("produce", "a")])),
    ]);
    is_reset(&mut client).await;
    is_reset(&mut broker).await;

    rig.set(vec![egress(kafka(&[("produce", "a")]))]);
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    let others = Peers::Identities([1].into());
    let set = Side(
        Direction::Egress,
        vec![(others, kafka(&[("produce", "a")]))],
    );
    rig.set(vec![set]);
    is_reset(&mut client).await;
    is_reset(&mut broker).await;
}

#[tokio::test]
async fn what_is_not_kafka_is_reset_and_told() {
    let mut rig = Rig::new(vec![egress(kafka(&[("produce", "a")]))]).await;
    let listener = rig.server().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 0],
        &[0x7f, 0xff, 0xff, 0xff, 0],
    ] {
        let mut client = rig.client().await;
        let (mut broker, _) = within(listener.accept()).await.unwrap();
        send(&mut client, bytes).await;
        is_reset(&mut client).await;
        is_reset(&mut broker).await;
        let record = rig.record().await;
        assert_eq!(record.verdict, Verdict::Error);
        assert!(record.reason.contains("not a Kafka request"), "{record:?}");
    }
    // An answer that nobody asked for.
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    send(&mut broker, &framed(&[0, 0, 0, 9])).await;
    is_reset(&mut client).await;
    assert!(rig.record().await.reason.contains("nothing was asked"));
}

#[tokio::test]
async fn a_large_request_passes_through_flat_memory_to_a_slow_broker() {
    let limits = Limits {
        kafka: l7::kafka::Config {
            held: 64 << 10,
            ..Limits::default().kafka
        },
        ..Limits::default()
    };
    let rig = Rig::with(limits, vec![egress(kafka(&[("produce", "a")]))]).await;
    let listener = rig.server().await;
    let client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    let request = produce(1, "a", 1, &vec![5; 32 << 20]);
    let (mut from, mut to) = client.into_split();
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_millis(500), to.write(&request[sent..])).await {
        sent += written.unwrap();
        assert!(sent < request.len(), "somebody holds all of it");
    }
    let rest = async { to.write_all(&request[sent..]).await.unwrap() };
    let ((), served) = within(async { tokio::join!(rest, serve_one(&mut broker)) }).await;
    assert!(served == request, "the broker got what was sent");
    let mut answer = vec![0; 14];
    within(from.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer[8..], b"served");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_denials_is_not_read_either() {
    let rig = Rig::new(vec![egress(kafka(&[("produce", "a")]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let _broker = within(listener.accept()).await.unwrap();
    let topic = "x".repeat(200);
    let requests: Vec<u8> = (0..1_000)
        .flat_map(|id| produce(id, &topic, 1, b"x"))
        .collect();
    let mut sent = 0_usize;
    loop {
        let rest = &requests[sent % requests.len()..];
        let Ok(written) = timeout(Duration::from_millis(500), client.write(rest)).await else {
            break;
        };
        sent += written.unwrap();
        assert!(sent < 64 << 20, "somebody holds {sent} bytes of denials");
    }
    drop(client);
    eventually("its place is free", || rig.context.connections.count() == 0).await;
}

#[tokio::test]
async fn ends_close_half() {
    let rig = Rig::new(vec![egress(kafka(&[("produce", "a")]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let (mut broker, _) = within(listener.accept()).await.unwrap();
    let request = produce(1, "a", 1, b"x");
    send(&mut client, &request).await;
    client.shutdown().await.unwrap();
    assert_eq!(serve_one(&mut broker).await, request);
    is_closed(&mut broker).await;
    assert_eq!(frame(&mut client).await.0, 1);
    drop(broker);
    is_closed(&mut client).await;
    eventually("its place is free", || rig.context.connections.count() == 0).await;
}
