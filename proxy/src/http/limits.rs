//! Times and sizes of a connection.

use std::time::Duration;

/// Times and sizes of a connection. Heads have those of [`l7::http`]: 60 KiB, 100 lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To open the connection to the server.
    pub connect: Duration,
    /// From a request's first byte to the end of its head.
    pub head: Duration,
    /// A request under way in which no byte moves, in either direction.
    pub stalled: Duration,
    /// Between two requests, and in a WebSocket without frames. Servers end idle connections by themselves, which
    /// ends the client's: this is for those whose ends are gone without a word.
    pub idle: Duration,
    /// Bytes of a refused request's body that are read, and thrown away, to go on behind it.
    pub drained: u64,
    /// To read them, and at the end of a connection what the client still sends.
    pub drain: Duration,
    /// Streams of HTTP/2 at a time.
    pub streams: u32,
    /// Bytes of one stream that are under way in one direction (HTTP/2).
    pub stream_window: u32,
    /// Bytes of all streams of a connection that are under way in one direction (HTTP/2): what a connection may hold
    /// of what its other end doesn't read. Streams whose reader waits share it with those that go on, so it is that
    /// of many streams.
    pub connection_window: u32,
    /// Streams that a client may reset at once; it gets one more each [`reset_refill`](Self::reset_refill).
    pub resets: u32,
    /// See [`resets`](Self::resets).
    pub reset_refill: Duration,
}

impl Default for Limits {
    /// Cilium's where it has one (`proxy-connect-timeout`, `http-stream-idle-timeout`), else what servers have.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            head: Duration::from_secs(30),
            stalled: Duration::from_secs(300),
            idle: Duration::from_secs(3600),
            drained: 64 * 1024,
            drain: Duration::from_secs(5),
            streams: 100,
            stream_window: 64 * 1024,
            connection_window: 2 * 1024 * 1024,
            resets: 200,
            reset_refill: Duration::from_millis(50),
        }
    }
}
