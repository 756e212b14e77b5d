//! What is counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happened since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections of clients.
    pub connections: Counter,
    /// Of these, refused for want of a place.
    pub connections_refused: Counter,
    /// Of these, reset: no rules, or denied as a whole.
    pub connections_reset: Counter,
    /// Connections to servers that could not be made.
    pub connects_failed: Counter,
    /// DNS queries.
    pub queries: Counter,
    /// Of these, answered with SERVFAIL for want of a place.
    pub queries_refused: Counter,
    /// Of these, not answered by the server in time, and so not at all.
    pub queries_timed_out: Counter,
    /// Datagrams and messages from DNS servers that no query asked for, or whose question is another one.
    pub answers_unexpected: Counter,
    /// Answers whose addresses could not be put into the kernel: the client got SERVFAIL.
    pub answers_unlearned: Counter,
    /// Answers that could not be sent to the client.
    pub replies_failed: Counter,
}
