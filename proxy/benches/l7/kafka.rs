//! Kafka: batches of records to a topic, several requests under way on each connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testing_bench::Row;
use testing_program::processor_time;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::Plan;
use crate::latency::{Sample, in_turns};
use crate::proxied::CLIENT;
use crate::role::{Process, one_thread, tell};

/// Requests without a response on a connection: the default of Kafka's own producer.
const UNDER_WAY: usize = 5;
const CONNECTIONS: usize = 4;
/// Bytes of a record.
const RECORD: usize = 1 << 10;
/// Asked before it counts.
const WARM_UP: Duration = Duration::from_millis(200);
const TOPIC: &str = "bench";

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

/// Behind its length.
fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

/// Produce, version 7, acknowledged by the leader, to partition 0.
fn produce(id: u32, records: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 7];
    body.extend(id.to_be_bytes());
    text(&mut body, "bench");
    body.extend([0xff, 0xff, 0, 1, 0, 0, 0x75, 0x30, 0, 0, 0, 1]);
    text(&mut body, TOPIC);
    body.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    body.extend(framed(records));
    framed(&body)
}

/// Its response: no error.
fn produced(id: u32) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend([0, 0, 0, 1]);
    text(&mut body, TOPIC);
    body.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    body.extend([0; 8]);
    body.extend([0xff; 8]);
    body.extend([0; 8]);
    body.extend([0; 4]);
    framed(&body)
}

/// A broker that keeps nothing, on one thread.
pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell(listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve_one(stream));
    }
}

async fn serve_one(stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::with_capacity(64 << 10, stream);
    let mut body = Vec::new();
    while let Ok(length) = stream.read_u32().await {
        body.resize(length as usize, 0);
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let id = u32::from_be_bytes([body[4], body[5], body[6], body[7]]);
        if stream.write_all(&produced(id)).await.is_err() {
            return;
        }
    }
}

pub(crate) fn measure(plan: Plan) {
    let server = Process::role("kafka-server", &[]);
    let proxy = Process::role("kafka-proxy", &[server.address.to_string()]);
    let ways = [None, Some(&proxy)];
    for batch in [RECORD, 16 << 10, 256 << 10] {
        let all = in_turns(plan.runs, &ways, |way| {
            let address = way.map_or(server.address, |proxy| proxy.address);
            one_thread().block_on(run(address, way.map(Process::id), batch, plan.time))
        });
        let (direct, own) = (&all[0], &all[1]);
        let name = |what: &str| {
            let kib = batch >> 10;
            format!("Kafka, produce, batches of {kib} KiB, {what}")
        };
        let records = (batch / RECORD) as f64;
        let bytes = |one: &Sample| one.rate * batch as f64 / f64::from(1 << 20);
        Row::new(name("direct"), direct.median(bytes), "MiB/s").print();
        Row::new(name("flows"), own.median(bytes), "MiB/s")
            .against(Some(("direct", direct.median(bytes))))
            .ratio(own.ratio(direct, bytes))
            .goal("ratio >= 0.7")
            .print();
        let rate = own.median(|one| one.rate * records);
        Row::new(name("flows"), rate, "records of 1 KiB/s").print();
        let processor = own.median(|one| one.processor);
        Row::new(name("processor time per request"), processor, "us").print();
    }
}

async fn run(server: SocketAddr, proxy: Option<u32>, batch: usize, time: Duration) -> Sample {
    let begins = Instant::now() + WARM_UP;
    let ends = begins + time;
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((CLIENT, 0).into()).unwrap();
        let stream = socket.connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        tasks.spawn(produce_until(stream, batch, begins, ends));
    }
    let used = || proxy.map(processor_time).unwrap_or_default();
    tokio::time::sleep_until(begins.into()).await;
    let before = used();
    tokio::time::sleep_until(ends.into()).await;
    let used = used() - before;
    Sample::new(tasks.join_all().await.concat(), time, used)
}

/// Keeps requests under way: the times of those that were answered.
async fn produce_until(
    stream: TcpStream,
    batch: usize,
    begins: Instant,
    ends: Instant,
) -> Vec<Duration> {
    let request = produce(1, &vec![b'r'; batch]);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(UNDER_WAY));
    let (sent, mut answered) = tokio::sync::mpsc::channel::<Instant>(UNDER_WAY);
    let sender = {
        let places = std::sync::Arc::clone(&places);
        tokio::spawn(async move {
            while Instant::now() < ends {
                places.acquire().await.unwrap().forget();
                sent.send(Instant::now()).await.unwrap();
                write.write_all(&request).await.unwrap();
            }
            // Open until the last response.
            write
        })
    };
    let length = produced(1).len();
    let mut response = vec![0; length];
    let mut times = Vec::new();
    while let Some(asked) = answered.recv().await {
        read.read_exact(&mut response).await.unwrap();
        places.add_permits(1);
        let now = Instant::now();
        if now >= begins && now < ends {
            times.push(now - asked);
        }
    }
    drop(sender.await.unwrap());
    times
}
