//! What metrics tell of the proxy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Whether it is there, and how many of its records came.
#[derive(Debug, Default)]
pub struct ProxyStats {
    is_there: AtomicBool,
    /// Records that came, those that can't be read among them.
    pub records: AtomicU64,
    /// Records that the proxy had no room for.
    pub lost_in_proxy: AtomicU64,
    /// Requests that the observer had no room for.
    pub lost_in_queue: AtomicU64,
    /// Records that can't be read.
    pub malformed: AtomicU64,
}

impl ProxyStats {
    /// Whether a proxy is connected.
    pub fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    pub(super) fn set_there(&self, is_there: bool) {
        self.is_there.store(is_there, Ordering::Relaxed);
    }
}
