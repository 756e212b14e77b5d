//! DNS, Kafka and TLS: messages that lie about themselves.

use l7::kafka::RuleSpec;
use l7::names::NameSpec;
use l7::rules::Allows;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::rig::{CLIENT, Rig, SHORT, egress, ingress, read, send, within};
use super::stage::Memory;

pub(crate) fn names() -> Allows {
    Allows::Dns(vec![NameSpec {
        match_pattern: Some("*.example".into()),
        ..NameSpec::default()
    }])
}

fn query(id: u16) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend(b"\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01");
    query
}

/// A query for a name that the rules refuse.
pub(crate) fn refused_query() -> Vec<u8> {
    let mut query = query(9);
    let at = query.len() - 12;
    query[at..at + 7].copy_from_slice(b"refused");
    query
}

/// The answer to a query: an address, or a record of which nothing but its owner counts.
fn answer(query: &[u8], owner: &[u8]) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2] |= 0x80;
    answer[7] = 1;
    answer.extend(owner);
    answer.extend([0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
    answer
}

async fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut bytes = vec![0; 2_048];
    let length = within(socket.recv(&mut bytes)).await.unwrap();
    bytes.truncate(length);
    bytes
}

#[tokio::test]
async fn forged_answers_and_names_that_point_at_themselves() {
    let memory = Memory::new().await;
    let mut rig = Rig::new(vec![egress(names())]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    client.send(&query(1)).await.unwrap();
    let mut asked = vec![0; 512];
    let (length, proxy) = within(server.recv_from(&mut asked)).await.unwrap();
    asked.truncate(length);
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let own = u16::from_be_bytes([asked[0], asked[1]]);
    for round in 0..50_000_u32 {
        // Every other id, from the server's own address; the right one from another address.
        let id = u16::try_from(round & 0xffff).unwrap();
        if id != own {
            let mut forged = answer(&asked, &[0xc0, 12]);
            forged[..2].copy_from_slice(&id.to_be_bytes());
            server.send_to(&forged, proxy).await.unwrap();
        }
        if round % 100 == 0 {
            // The socket is connected: what others send is not received.
            drop(other.send_to(&answer(&asked, &[0xc0, 12]), proxy).await);
            let mut question = answer(&asked, &[0xc0, 12]);
            question[13] = b'b';
            server.send_to(&question, proxy).await.unwrap();
        }
    }
    // Pointers to themselves, to each other, beyond the end, and forwards.
    let end = u8::try_from(asked.len()).unwrap();
    for owner in [
        vec![0xc0, end],
        vec![0xc0, end + 2, 0xc0, end],
        vec![0xff, 0xff],
        vec![1, b'a', 0xc0, end],
        vec![0xc0, end + 4],
    ] {
        server
            .send_to(&answer(&asked, &owner), proxy)
            .await
            .unwrap();
    }
    let mut bytes = [0; 512];
    let nothing = timeout(SHORT, client.recv(&mut bytes)).await;
    if let Ok(length) = nothing {
        let length = length.unwrap();
        panic!("{:?} passed", &bytes[..length]);
    }
    assert!(rig.agent.learned.lock().unwrap().is_empty());
    // The right one still does.
    server
        .send_to(&answer(&asked, &[0xc0, 12]), proxy)
        .await
        .unwrap();
    let passed = receive(&client).await;
    assert_eq!(passed[..2], [0, 1]);
    assert_eq!(passed[2..], answer(&asked, &[0xc0, 12])[2..]);
    memory.has_grown_less_than(16.0);
}

#[tokio::test]
async fn queries_that_are_none() {
    let memory = Memory::new().await;
    let mut rig = Rig::new(vec![egress(names())]).await;
    let server = rig.udp_server().await;
    let client = rig.udp_client().await;
    let loops = [
        &b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01"[..],
        b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\xc0\x0c\0\x01\0\x01",
        b"\0\x01\x01\0\xff\xff\xff\xff\xff\xff\xff\xff\x01a\0\0\x01\0\x01",
        b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x3f",
        b"\0",
    ];
    for _ in 0..2_000 {
        for message in loops {
            client.send(message).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
    // What the server gets is the honest one alone; answers to the others may be before its own.
    client.send(&query(7)).await.unwrap();
    let mut asked = vec![0; 512];
    let (length, proxy) = within(server.recv_from(&mut asked)).await.unwrap();
    asked.truncate(length);
    assert_eq!(asked[2..], query(7)[2..]);
    server
        .send_to(&answer(&asked, &[0xc0, 12]), proxy)
        .await
        .unwrap();
    while receive(&client).await[..2] != [0, 7] {}
    memory.has_grown_less_than(24.0);
}

fn topic() -> Allows {
    Allows::Kafka(vec![RuleSpec {
        topic: Some("allowed".into()),
        ..RuleSpec::default()
    }])
}

#[tokio::test]
async fn frames_of_kafka_that_are_too_long_or_too_many() {
    let memory = Memory::new().await;
    let rig = Rig::new(vec![ingress(topic())]).await;
    let listener = rig.server().await;
    // Lengths below zero, and beyond what is allowed; a head and bytes without end behind them.
    for length in [[0xff; 4], [0x80, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff]] {
        let mut client = rig.client().await;
        let (mut broker, _) = within(listener.accept()).await.unwrap();
        // Produce 3, to a topic that isn't allowed.
        let head = [
            &length[..],
            b"\0\0\0\x03\0\0\0\x01\0\x04test\xff\xff\0\x01\0\0\x03\xe8\0\0\0\x01\0\x06secret",
        ];
        send(&mut client, &head.concat()).await;
        let piece = [0; 64 << 10];
        let mut sent = 0;
        while sent < 64 << 20 {
            match timeout(SHORT * 10, client.write_all(&piece)).await {
                Ok(Ok(())) => sent += piece.len(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        drop(client);
        let mut got = Vec::new();
        drop(within(broker.read_to_end(&mut got)).await);
        assert!(got.is_empty(), "{length:?}: {} bytes passed", got.len());
        memory.has_grown_less_than(16.0);
    }
}

/// A ClientHello that names `name`, in records of so many bytes.
pub(crate) fn hello(name: &str, record: usize, padding: usize) -> Vec<u8> {
    let word = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let host = [&[0][..], &word(name.len()), name.as_bytes()].concat();
    let list = [&word(host.len())[..], &host].concat();
    let mut extensions = [&[0, 21][..], &word(padding), &vec![0; padding]].concat();
    extensions.extend([&[0, 0][..], &word(list.len()), &list].concat());
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0, 0, 2, 0x13, 1, 1, 0],
        &word(extensions.len()),
        &extensions,
    ]
    .concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    let records = message.chunks(record);
    records
        .flat_map(|part| [&[22, 3, 1][..], &word(part.len()), part].concat())
        .collect()
}

#[tokio::test]
async fn a_client_hello_in_records_of_a_byte_or_without_end() {
    let memory = Memory::new().await;
    let rig = Rig::new(vec![ingress(Allows::ServerNames(vec!["a.example".into()]))]).await;
    let listener = rig.server().await;
    for (record, padding) in [(1, 0), (1, 8_000), (16 << 10, 60_000)] {
        let bytes = hello("a.example", record, padding);
        let mut client = rig.client().await;
        send(&mut client, &bytes).await;
        let (mut server, _) = within(listener.accept()).await.unwrap();
        assert!(
            read(&mut server, bytes.len()).await == bytes,
            "{record}, {padding}"
        );
        // The same for another name never gets there.
        let mut client = rig.client().await;
        let bytes = hello("b.example", record, padding);
        drop(client.write_all(&bytes).await);
        let mut none = Vec::new();
        assert!(within(client.read_to_end(&mut none)).await.is_err() && none.is_empty());
    }
    // Records without content, or of a message that announces 16 MiB.
    let empty = [22, 3, 1, 0, 0].repeat(1 << 20);
    let mut giant = vec![22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff];
    giant.extend(
        [&[22, 3, 1, 0x40, 0][..], &[0; 1 << 14]]
            .concat()
            .repeat(1_000),
    );
    for bytes in [empty, giant] {
        let mut client = rig.client().await;
        let sent = within(client.write_all(&bytes)).await;
        let mut none = Vec::new();
        let ended = within(client.read_to_end(&mut none)).await;
        assert!((sent.is_err() || ended.is_err()) && none.is_empty());
    }
    assert!(timeout(SHORT, listener.accept()).await.is_err());
    memory.has_grown_less_than(40.0);
    assert_eq!(
        rig.client_from(CLIENT).await.peer_addr().unwrap(),
        rig.address
    );
}
