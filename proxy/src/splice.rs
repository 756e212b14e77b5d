//! Bytes carried both ways as they are.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::buffers::Buffers;
use crate::connection::{end_writing, write_all};
use crate::deadline::Deadline;

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// Both ends had said all.
    Closed,
    /// One of them is gone: the other one is to be reset.
    Broken(io::Error),
    /// Nothing passed for as long as is allowed.
    Idle,
}

/// Carries until it ends. What one end closes half, is closed half for the other one. Each direction takes
/// a buffer while it has bytes: a slow reader's sender isn't read.
pub async fn splice(
    client: &TcpStream,
    server: &TcpStream,
    buffers: &Buffers,
    idle: Duration,
) -> Ended {
    let activity = Activity::new();
    let both = async {
        tokio::try_join!(
            pump(client, server, buffers, &activity),
            pump(server, client, buffers, &activity),
        )
    };
    tokio::select! {
        ended = both => match ended {
            Ok(((), ())) => Ended::Closed,
            Err(error) => Ended::Broken(error),
        },
        () = activity.none_for(idle) => Ended::Idle,
    }
}

async fn pump(
    from: &TcpStream,
    to: &TcpStream,
    buffers: &Buffers,
    activity: &Activity,
) -> io::Result<()> {
    loop {
        from.readable().await?;
        let mut buffer = buffers.take();
        match from.try_read(&mut buffer) {
            Ok(0) => return end_writing(to),
            Ok(length) => {
                activity.note();
                pass_on(from, to, &buffer[..length]).await?;
                activity.note();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes all of it. Who reads slowly doesn't keep from being seen that the sender is gone.
async fn pass_on(from: &TcpStream, to: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let rest = match to.try_write(bytes) {
        Ok(written) if written == bytes.len() => return Ok(()),
        Ok(written) => &bytes[written..],
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => bytes,
        Err(error) => return Err(error),
    };
    tokio::select! {
        written = write_all(to, rest) => written,
        broken = from.ready(Interest::ERROR) => {
            broken?;
            let error = from.take_error()?;
            Err(error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()))
        }
    }
}

/// When bytes passed last.
#[derive(Debug)]
pub struct Activity {
    base: Instant,
    /// Milliseconds after that.
    last: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self::new()
    }
}

impl Activity {
    /// Now.
    pub fn new() -> Self {
        Self {
            base: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    /// Bytes pass.
    pub fn note(&self) {
        let since = self.base.elapsed().as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.base + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    /// Resolves when none passed for so long.
    pub async fn none_for(&self, idle: Duration) {
        loop {
            let due = self.last() + idle;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    /// The same, by a timer that its owner keeps.
    pub async fn none_for_by(&self, idle: Duration, deadline: &mut Deadline) {
        loop {
            let due = self.last() + idle;
            deadline.set(due);
            deadline.passed().await;
            if self.last() + idle <= due {
                return;
            }
        }
    }
}
