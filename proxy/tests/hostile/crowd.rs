//! Many connections: what they take, and that each client has its share.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use proxy::http::Limits as HttpLimits;
use proxy::limits::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::rig::within;
use super::stage::{Memory, Stage, attacker, push};

/// Connections, if there are files for them: the client's end and the proxy's are this process's.
const CONNECTIONS: u64 = 10_000;
const OTHER_FILES: u64 = 500;

#[tokio::test]
async fn ten_thousand_connections() {
    let memory = Memory::new().await;
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let count = CONNECTIONS.min(soft.saturating_sub(OTHER_FILES) / 2);
    let limits = Limits {
        connections_per_client: usize::try_from(count).unwrap(),
        // Those that are begun are there until the last one is: on a busy machine that takes a while.
        first_bytes: Duration::from_secs(600),
        ..Limits::default()
    };
    let stage = Stage::with(limits, HttpLimits::default()).await;
    let mut streams = Vec::new();
    for number in 0..count {
        let mut stream = attacker(&stage).await;
        // Half of them have begun a head.
        if number % 2 == 0 {
            assert!(push(&mut stream, b"GET /public HTTP/1.1\r\nHo").await);
        }
        streams.push(stream);
    }
    stage.serves_others().await;
    // One more than its share is reset.
    let mut more = attacker(&stage).await;
    drop(
        more.write_all(b"GET /public HTTP/1.1\r\nHost: be\r\n\r\n")
            .await,
    );
    let mut byte = [0];
    assert!(!matches!(within(more.read(&mut byte)).await, Ok(1..)));
    assert_eq!(stage.served(), 1);
    // 20 KiB for each, its ends included.
    #[expect(clippy::cast_precision_loss, reason = "10,000")]
    memory.has_grown_less_than(8.0 + count as f64 * 20.0 / 1024.0);
    drop(streams);
    // All places are free again.
    let (rig, one) = (&stage.rig, 1);
    testing::eventually("they are gone", || rig.context.connections.count() <= one).await;
}

#[tokio::test]
async fn long_urls_that_nobody_reads_of() {
    let memory = Memory::new().await;
    let stage = Stage::new().await;
    let url = format!("/secret/{}", "a".repeat(8_000));
    let ask = format!("GET {url} HTTP/1.1\r\nHost: be\r\n\r\n");
    let mut stream = attacker(&stage).await;
    let refused = "Access denied\r\n";
    let mut read = Vec::new();
    for _ in 0..6_000 {
        assert!(push(&mut stream, ask.as_bytes()).await);
        read.clear();
        while !read.ends_with(refused.as_bytes()) {
            assert!(within(stream.read_buf(&mut read)).await.unwrap() > 0);
        }
    }
    // The queue's 64 MiB of texts, not all of 96 MB: what doesn't fit is counted.
    memory.has_grown_less_than(64.0 + 48.0);
    let counts = stage.rig.context.records.counts();
    assert_eq!(counts.made, counts.lost + counts.waiting());
    assert!(counts.lost > 0, "{counts:?}");
    stage.serves_others().await;
    assert_eq!(stage.served(), 1);
}
