//! Readers that take nothing, on many connections of one client: together they hold what one client may hold, others
//! are served meanwhile, and what was stopped goes on when it is read.
//!
//! Servers send from memory that all share, so that what the process grows by is the proxy's.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use l7::kafka::RuleSpec;
use l7::rules::Allows;
use proxy::http::Limits as HttpLimits;
use proxy::limits::Limits;
use proxy::room::FREE;
use testing::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::http2::{END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, get};
use super::rig::{CLIENT, Rig, Side, egress, ingress, read, send, within};
use super::stage::{HONEST, HUGE, HUGE_LENGTH, Memory, Stage, attacker, push};

const MIB: usize = 1 << 20;
/// Connections of the attacker.
const MANY: usize = 64;
/// What each would hold of HTTP/2.
const STREAMS: u32 = 32;
/// What reads may bring beyond the limit: one piece of each connection, and of each of two threads.
const LAST_READS: usize = MANY * FREE + (128 << 10);

/// Little room, and as much patience as a test needs.
fn tight(patience: Duration) -> Limits {
    Limits {
        held: 16 * MIB,
        held_per_client: 4 * MIB,
        held_wait: patience,
        ..Limits::default()
    }
}

fn patient() -> Limits {
    tight(Duration::from_secs(600))
}

/// The attacker has all that it may have, and not more.
async fn is_full(rig: &Rig, most: usize) {
    let room = &rig.context.room;
    eventually("its room is full", || room.held().1 == [CLIENT]).await;
    // Whoever waits is known to wait.
    eventually("it is stopped", || room.stopped.get() > 0).await;
    let (held, _) = room.held();
    assert!(held <= most + LAST_READS, "{held} bytes are held");
}

/// Serves each connection by a task.
async fn serve_each<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> F,
) {
    let mut all = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        all.spawn(serve(stream));
    }
}

/// Responses to so many streams, as far as windows of 64 KiB let them come.
static RESPONSES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let ids = || (0..STREAMS).map(|number| 2 * number + 1);
    // `:status: 200`, by the static table.
    let heads = ids().flat_map(|id| frame(HEADERS, END_HEADERS, id, &[0x88]));
    let data = [b'k'; 16 << 10];
    let pieces = [&data[..], &data, &data, &data[..(16 << 10) - 1]];
    let bodies = pieces
        .into_iter()
        .flat_map(|piece| ids().flat_map(move |id| frame(0, 0, id, piece)));
    let begin = frame(SETTINGS, 0, 0, &[]);
    begin.into_iter().chain(heads).chain(bodies).collect()
});

/// Answers all streams, whatever they ask, once all have asked.
async fn answer_streams(mut stream: TcpStream) {
    let mut asked = Vec::new();
    let least = usize::try_from(STREAMS).unwrap() * 20;
    while asked.len() < least {
        if !matches!(stream.read_buf(&mut asked).await, Ok(1..)) {
            return;
        }
    }
    drop(stream.write_all(&RESPONSES).await);
    let mut rest = [0; 4096];
    while matches!(stream.read(&mut rest).await, Ok(1..)) {}
}

/// Asks on so many streams, with windows that let nothing through.
async fn shut(stage: &Stage) -> TcpStream {
    let mut stream = attacker(stage).await;
    let window = [0, 4, 0, 0, 0, 0];
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &window)].concat();
    for number in 0..STREAMS {
        let flags = END_STREAM | END_HEADERS;
        bytes.extend(frame(HEADERS, flags, 2 * number + 1, &get(HUGE)));
    }
    assert!(push(&mut stream, &bytes).await);
    stream
}

/// A stage whose attackers are answered by frames; the honest have their own.
async fn staged(limits: Limits) -> (Stage, JoinSet<()>) {
    let stage = Stage::with(limits, HttpLimits::default()).await;
    let mut servers = JoinSet::new();
    let listener = stage.rig.server().await;
    servers.spawn(serve_each(listener, async |stream| {
        let mut first = [0; 3];
        if stream.peek(&mut first).await.is_ok() && &first == b"PRI" {
            answer_streams(stream).await;
        } else {
            answer_one(stream).await;
        }
    }));
    (stage, servers)
}

async fn answer_one(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut head).await, Ok(1..)) {
            return;
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    drop(stream.write_all(answer).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_of_many_connections_that_stay_shut() {
    assert!(RESPONSES.len() > 2 * MIB - 64 * 1024);
    let (stage, _servers) = staged(patient()).await;
    let memory = Memory::new().await;
    let mut streams = Vec::new();
    for _ in 0..MANY {
        streams.push(shut(&stage).await);
    }
    is_full(&stage.rig, 4 * MIB).await;
    for _ in 0..10 {
        stage.serves_others().await;
    }
    is_full(&stage.rig, 4 * MIB).await;
    // Without the room they would hold 128 MiB.
    let grown = memory.has_grown_less_than(48.0);
    eprintln!("64 connections of 32 streams that nobody reads: {grown:.1} MiB");
    drop(streams);
    let room = &stage.rig.context.room;
    eventually("it is free again", || room.held() == (0, vec![])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fills_the_room_and_takes_nothing_is_given_up() {
    let _turn = Memory::new().await;
    let (stage, _servers) = staged(tight(Duration::from_millis(300))).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(shut(&stage).await);
    }
    let room = &stage.rig.context.room;
    eventually("the first are given up", || room.given_up.get() > 0).await;
    stage.serves_others().await;
    // What is left fits, or is given up as well.
    eventually("there is room", || room.held().1.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stopped_goes_on_when_it_is_read() {
    let _turn = Memory::new().await;
    let limits = Limits {
        held_per_client: 256 << 10,
        ..patient()
    };
    let stage = Stage::with(limits, HttpLimits::default()).await;
    let mut responses = Vec::new();
    let mut connections = JoinSet::new();
    for _ in 0..2 {
        let (sender, connection) = h2::client::handshake(attacker(&stage).await).await.unwrap();
        connections.spawn(connection);
        for _ in 0..4 {
            let request = http::Request::get(format!("http://be{HUGE}"));
            let mut sender = sender.clone().ready().await.unwrap();
            let (response, _) = sender
                .send_request(request.body(()).unwrap(), true)
                .unwrap();
            responses.push(response);
        }
    }
    is_full(&stage.rig, 256 << 10).await;
    stage.serves_others().await;
    let mut readers = JoinSet::new();
    for response in responses {
        readers.spawn(async move {
            let mut body = response.await.unwrap().into_body();
            let mut length = 0;
            while let Some(data) = body.data().await {
                let data = data.unwrap();
                length += data.len();
                body.flow_control().release_capacity(data.len()).unwrap();
            }
            length
        });
    }
    for length in within(readers.join_all()).await {
        assert_eq!(length, HUGE_LENGTH);
    }
    let room = &stage.rig.context.room;
    eventually("it is free again", || room.held() == (0, vec![])).await;
    assert_eq!(room.given_up.get(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_long_and_never_end() {
    let stage = Stage::with(
        Limits {
            held_per_client: MIB,
            first_bytes: Duration::from_secs(600),
            ..patient()
        },
        HttpLimits::default(),
    )
    .await;
    let _turn = Memory::new().await;
    let head = format!(
        "GET /public HTTP/1.1\r\nHost: be\r\nA: {}",
        "a".repeat(59_000)
    );
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = attacker(&stage).await;
        assert!(push(&mut stream, head.as_bytes()).await);
        streams.push(stream);
    }
    is_full(&stage.rig, MIB).await;
    stage.serves_others().await;
    // A short request of the same client passes, too.
    let mut short = attacker(&stage).await;
    assert!(push(&mut short, b"GET /public HTTP/1.1\r\nHost: be\r\n\r\n").await);
    let mut first = [0; 12];
    within(short.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // And those that were stopped, when there is room.
    for mut stream in streams.drain(1..) {
        stream.shutdown().await.unwrap();
    }
    let mut stream = streams.remove(0);
    assert!(push(&mut stream, b"\r\n\r\n").await);
    within(stream.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

/// Attacks a rig by connections of which each says this and reads nothing, until its client's room is full.
async fn attack(rig: &Rig, says: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = rig.client().await;
        send(&mut stream, says).await;
        streams.push(stream);
    }
    is_full(rig, MIB).await;
    streams
}

async fn rig(side: Side) -> Rig {
    let limits = Limits {
        held_per_client: MIB,
        ..patient()
    };
    Rig::with(limits, vec![side]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_kafka_that_nobody_reads() {
    const LENGTH: usize = 8 * MIB;
    let memory = Memory::new().await;
    let rule = RuleSpec {
        role: Some("consume".to_owned()),
        ..RuleSpec::default()
    };
    let rig = rig(ingress(Allows::Kafka(vec![rule]))).await;
    let answer = {
        let length = u32::try_from(LENGTH + 4).unwrap().to_be_bytes();
        let id = 7_u32.to_be_bytes();
        Arc::new([&length[..], &id, &vec![0; LENGTH]].concat())
    };
    let mut servers = JoinSet::new();
    servers.spawn(serve_each(rig.server().await, move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            let mut asked = [0; 64];
            if matches!(stream.read(&mut asked).await, Ok(1..)) {
                drop(stream.write_all(&answer).await);
            }
        }
    }));
    // Fetch, version 0, of partition 0 of `a`.
    let mut ask = Vec::new();
    for word in [1_u16, 0, 0, 7, 0] {
        ask.extend(word.to_be_bytes());
    }
    ask.extend([0xff; 4]);
    for word in [1_u32, 1, 1] {
        ask.extend(word.to_be_bytes());
    }
    ask.extend(b"\0\x01a");
    ask.extend(1_u32.to_be_bytes());
    ask.extend([0; 12]);
    ask.extend(1_000_u32.to_be_bytes());
    let length = u32::try_from(ask.len()).unwrap().to_be_bytes();
    let ask = [&length[..], &ask].concat();
    let mut streams = attack(&rig, &ask).await;
    // Another client gets all of it, meanwhile.
    let mut honest = rig.client_from(HONEST).await;
    send(&mut honest, &ask).await;
    assert_eq!(read(&mut honest, LENGTH + 8).await[4..8], [0, 0, 0, 7]);
    let grown = memory.has_grown_less_than(48.0);
    eprintln!("64 answers of 8 MiB of Kafka that nobody reads: {grown:.1} MiB");
    // One that is read goes on, and takes all of it.
    for mut stream in streams.drain(..4) {
        assert_eq!(read(&mut stream, LENGTH + 8).await.len(), LENGTH + 8);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_dns_that_never_end() {
    let _turn = Memory::new().await;
    let rig = rig(egress(super::messages::names())).await;
    let mut servers = JoinSet::new();
    servers.spawn(serve_each(rig.server().await, async |mut stream| {
        let mut rest = [0; 512];
        while matches!(stream.read(&mut rest).await, Ok(1..)) {}
    }));
    let part = [&[0xff, 0xff][..], &[0; 60_000]].concat();
    let _streams = attack(&rig, &part).await;
    // What is short is read all the same.
    let mut short = rig.client().await;
    let query = super::messages::refused_query();
    let length = u16::try_from(query.len()).unwrap().to_be_bytes();
    send(&mut short, &[&length[..], &query].concat()).await;
    assert_eq!(read(&mut short, 4).await[2..], query[..2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beginnings_of_tls_that_never_end() {
    let _turn = Memory::new().await;
    let names = Allows::ServerNames(vec!["be.example".into()]);
    let rig = rig(ingress(names)).await;
    // All but its end.
    let mut part = super::messages::hello("be.example", 16 << 10, 55_000);
    part.truncate(50_000);
    let _streams = attack(&rig, &part).await;
}
