//! TLS connections by the server's name.

use l7::rules::{Allows, Direction, RuleRef};
use proxy::limits::Limits;
use proxy::record::{Layer7, Verdict};
use tokio::io::AsyncWriteExt as _;

use super::rig::*;

/// A ClientHello (RFC 8446, 4.1.2) in records of at most so many bytes.
fn hello(name: Option<&str>, record: usize) -> Vec<u8> {
    let long = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes(), bytes].concat()
    };
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let names = long(&[&[0], long(name.as_bytes()).as_slice()].concat());
        extensions = [&[0, 0], long(&names).as_slice()].concat();
    }
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.push(0);
    body.extend(long(&[0x13, 0x01]));
    body.extend([1, 0]);
    body.extend(long(&extensions));
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[1], &length[1..], &body].concat();
    let records = message.chunks(record);
    records
        .flat_map(|part| [&[22, 3, 1], long(part).as_slice()].concat())
        .collect()
}

fn names(names: &[&str]) -> Allows {
    Allows::ServerNames(names.iter().map(|name| (*name).into()).collect())
}

#[tokio::test]
async fn an_allowed_name_passes_whatever_its_segments_are() {
    let mut rig = Rig::new(vec![egress(names(&["*.example.com"]))]).await;
    let listener = rig.server().await;
    for (step, record) in [(1, 16_384), (7, 5), (4096, 100)] {
        let mut client = rig.client().await;
        client.set_nodelay(true).unwrap();
        let bytes = hello(Some("api.example.com"), record);
        for part in bytes.chunks(step) {
            send(&mut client, part).await;
        }
        send(&mut client, b"more").await;
        let (mut server, _) = within(listener.accept()).await.unwrap();
        assert_eq!(read(&mut server, bytes.len()).await, bytes);
        assert_eq!(read(&mut server, 4).await, b"more");
        send(&mut server, b"answer").await;
        assert_eq!(read(&mut client, 6).await, b"answer");
        let record = rig.record().await;
        assert_eq!(record.verdict, Verdict::Allowed);
        assert_eq!(record.layer7, Layer7::Tls(Some("api.example.com".into())));
        assert_eq!((record.rule, record.item), (Some(RuleRef(101)), Some(0)));
    }
}

#[tokio::test]
async fn what_is_not_allowed_never_reaches_the_server() {
    let mut rig = Rig::new(vec![egress(names(&["a.example", "b.example"]))]).await;
    let _listener = rig.server().await;
    for (bytes, reason) in [
        (
            hello(Some("x.b.example"), 16_384),
            "server name x.b.example is not b.example",
        ),
        (hello(None, 16_384), "the connection names no TLS server"),
        (
            b"GET / HTTP/1.1\r\n".to_vec(),
            "the connection names no TLS server: not TLS",
        ),
        (
            [22, 3, 1, 0, 0].to_vec(),
            "the connection names no TLS server: a malformed TLS ClientHello",
        ),
    ] {
        let mut client = rig.client().await;
        send(&mut client, &bytes).await;
        is_reset(&mut client).await;
        let record = rig.record().await;
        assert_eq!(record.verdict, Verdict::Denied);
        assert_eq!(&*record.reason, reason);
        assert_eq!(record.rule, Some(RuleRef(101)));
    }
    // Both sides have a say, and each tells.
    rig.set(vec![
        egress(names(&["a.example"])),
        ingress(names(&["c.example"])),
    ]);
    let mut client = rig.client().await;
    send(&mut client, &hello(Some("a.example"), 16_384)).await;
    is_reset(&mut client).await;
    let records = rig.records(2).await;
    let seen = records.iter().map(|one| (one.direction, one.verdict));
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            (Direction::Egress, Verdict::Allowed),
            (Direction::Ingress, Verdict::Denied),
        ]
    );
    assert_eq!(rig.network.legs.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_message_that_does_not_come_or_does_not_end() {
    let limits = Limits {
        first_bytes: SHORT,
        ..Limits::default()
    };
    let mut rig = Rig::with(limits, vec![egress(names(&["*"]))]).await;
    let _listener = rig.server().await;
    // Nothing, and a part.
    for part in [0, 20] {
        let mut client = rig.client().await;
        send(&mut client, &hello(Some("a.example"), 16_384)[..part]).await;
        is_reset(&mut client).await;
        let record = rig.record().await;
        assert_eq!(record.verdict, Verdict::Error);
        assert!(record.reason.starts_with("no complete TLS ClientHello"));
    }
    // It ends before it is whole.
    let mut client = rig.client().await;
    client.shutdown().await.unwrap();
    is_reset(&mut client).await;
    assert!(rig.record().await.reason.contains("closed before"));
    // More than a message may have.
    let mut client = rig.client().await;
    let huge = [&[22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff], &[0; 100][..]].concat();
    send(&mut client, &huge).await;
    is_reset(&mut client).await;
    let record = rig.record().await;
    assert!(
        record.reason.contains("more than 65536 bytes"),
        "{record:?}"
    );
}

#[tokio::test]
async fn a_name_that_is_no_longer_allowed_ends_its_connection() {
    let mut rig = Rig::new(vec![egress(names(&["a.example"]))]).await;
    let listener = rig.server().await;
    let mut client = rig.client().await;
    let bytes = hello(Some("a.example"), 16_384);
    send(&mut client, &bytes).await;
    let (mut server, _) = within(listener.accept()).await.unwrap();
    read(&mut server, bytes.len()).await;
    rig.record().await;
    // More rules, rules without layer 7, none: it goes on.
    for sides in [
        vec![egress(names(&["b.example", "a.example"]))],
        vec![egress(Allows::Everything)],
        vec![],
    ] {
        rig.set(sides);
        send(&mut client, b"x").await;
        assert_eq!(read(&mut server, 1).await, b"x");
    }
    rig.set(vec![egress(names(&["b.example"]))]);
    is_reset(&mut client).await;
    is_reset(&mut server).await;
    let record = rig.record().await;
    assert_eq!(record.verdict, Verdict::Denied);
    assert_eq!(record.layer7, Layer7::Tls(Some("a.example".into())));
}
