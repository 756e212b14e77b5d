//! HTTP/2 by the frame: floods that cost a server more than the client.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::rig::{SHORT, within};
use super::stage::{HUGE, Memory, Stage, attacker};

pub(crate) const HEADERS: u8 = 1;
const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// A literal field without index (RFC 7541, 6.2.2), of texts shorter than 127.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "be"),
        (":path", path),
    ];
    fields
        .iter()
        .flat_map(|(name, value)| field(name, value))
        .collect()
}

/// Sends frames until it is all said or the proxy takes no more, and reads beside: how many bytes got out, and
/// what came until the end, or until nothing comes any more.
async fn flood(stream: TcpStream, frames: impl Iterator<Item = Vec<u8>>) -> (usize, Vec<u8>) {
    let (mut read, mut write) = stream.into_split();
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        while let Ok(Ok(1..)) = timeout(SHORT * 20, read.read_buf(&mut bytes)).await {
            // Of a flood of answers the last ones are enough.
            if bytes.len() > 1 << 20 {
                bytes.drain(..1 << 19);
            }
        }
        bytes
    });
    let mut sent = 0;
    let mut batch = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    for frame in frames {
        batch.extend(frame);
        if batch.len() > 8 << 10 {
            match timeout(SHORT * 20, write.write_all(&batch)).await {
                Ok(Ok(())) => sent += batch.len(),
                Ok(Err(_)) | Err(_) => break,
            }
            batch.clear();
        }
    }
    drop(timeout(SHORT * 20, write.write_all(&batch)).await);
    let bytes = reading.await.unwrap();
    drop(write);
    (sent, bytes)
}

/// Whether the proxy said that it ends the connection.
fn has_goaway(mut bytes: &[u8]) -> bool {
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        if head[3] == GOAWAY {
            return true;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        bytes = rest
            .get(usize::try_from(length).unwrap()..)
            .unwrap_or_default();
    }
    false
}

#[tokio::test]
async fn streams_that_are_reset_at_once() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let frames = (0..100_000_u32).flat_map(|number| {
        let id = 2 * number + 1;
        [
            frame(HEADERS, END_STREAM | END_HEADERS, id, &get("/public")),
            frame(RESET, 0, id, &8_u32.to_be_bytes()),
        ]
    });
    let (_, bytes) = flood(attacker(&stage).await, frames).await;
    assert!(
        has_goaway(&bytes) || bytes.is_empty(),
        "the connection ends"
    );
    stage.serves_others().await;
    // Not 100,000 requests at the server.
    let served = stage.served();
    assert!(served < 2_000, "{served}");
    memory.has_grown_less_than(32.0);
}

#[tokio::test]
async fn a_head_that_is_continued_for_ever() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let begin = frame(HEADERS, END_STREAM, 1, &get("/public"));
    let more: Vec<u8> = field("a", "b").repeat(1_000);
    let frames =
        std::iter::once(begin).chain((0..20_000).map(|_| frame(CONTINUATION, 0, 1, &more)));
    let (sent, _) = flood(attacker(&stage).await, frames).await;
    // 100 MB are there to be sent.
    assert!(sent < 32 << 20, "{sent} bytes were taken");
    // Empty ones are endless as well.
    let begin = frame(HEADERS, END_STREAM, 1, &get("/public"));
    let frames =
        std::iter::once(begin).chain((0..1_000_000).map(|_| frame(CONTINUATION, 0, 1, &[])));
    let (sent, _) = flood(attacker(&stage).await, frames).await;
    assert!(sent < 8 << 20, "{sent} bytes were taken");
    stage.serves_others().await;
    assert_eq!(stage.served(), 1);
    memory.has_grown_less_than(32.0);
}

#[tokio::test]
async fn heads_that_grow_when_they_are_decoded() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    // A field of 4 kB into the dynamic table, which then is repeated by one byte each (RFC 7541, 6.1).
    let value = vec![b'a'; 3_900];
    let length = value.len() - 127;
    let mut grows = vec![0x40, 1, b'x', 127];
    grows.push(0x80 | u8::try_from(length & 0x7f).unwrap());
    grows.push(u8::try_from(length >> 7).unwrap());
    grows.extend(value);
    let bomb = [get("/public"), grows, vec![0xbe; 8_000]].concat();
    let again = [get("/public"), vec![0xbe; 8_000]].concat();
    let frames = (0..200_u32).map(|number| {
        let block = if number == 0 { &bomb } else { &again };
        frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, block)
    });
    drop(flood(attacker(&stage).await, frames).await);
    stage.serves_others().await;
    assert_eq!(stage.served(), 1, "30 MB of headers are too many");
    memory.has_grown_less_than(48.0);
}

#[tokio::test]
async fn settings_and_pings_without_end() {
    for kind in [SETTINGS, PING] {
        let memory = Memory::new().await;
        let stage = Stage::new().await;
        let payload = if kind == PING { &[0; 8][..] } else { &[] };
        // Nothing is read, so that the answers stay.
        let mut stream = attacker(&stage).await;
        let begin = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        within(stream.write_all(&begin)).await.unwrap();
        let batch = frame(kind, 0, 0, payload).repeat(1_000);
        let mut sent = 0;
        while sent < 64 << 20 {
            match timeout(SHORT * 10, stream.write_all(&batch)).await {
                Ok(Ok(())) => sent += batch.len(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        stage.serves_others().await;
        assert!(sent < 64 << 20, "the proxy takes all of {kind}");
        memory.has_grown_less_than(32.0);
    }
}

#[tokio::test]
async fn windows_that_stay_shut() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut stream = attacker(&stage).await;
        // SETTINGS_INITIAL_WINDOW_SIZE: nothing may be sent; then a byte now and then.
        let shut = [0, 4, 0, 0, 0, 0];
        let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &shut)].concat();
        for number in 0..100_u32 {
            let block = get(HUGE);
            bytes.extend(frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                2 * number + 1,
                &block,
            ));
        }
        for number in 0..100_u32 {
            bytes.extend(frame(
                WINDOW_UPDATE,
                0,
                2 * number + 1,
                &1_u32.to_be_bytes(),
            ));
        }
        within(stream.write_all(&bytes)).await.unwrap();
        streams.push(stream);
    }
    // Each of them has said all that it may.
    for stream in &mut streams {
        let mut bytes = Vec::new();
        while let Ok(Ok(1..)) = timeout(SHORT, stream.read_buf(&mut bytes)).await {}
        assert!(!bytes.is_empty());
    }
    stage.serves_others().await;
    // 16 connections with 100 streams: the window of each, and the server's ends hold a frame of each stream.
    memory.has_grown_less_than(16.0 * (2.0 + 1.6) + 16.0);
}
