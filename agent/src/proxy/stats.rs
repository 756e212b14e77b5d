//! What metrics tell of the proxy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use proto::flows::v1::GetProxyStatusResponse;

/// Clients that are named where it is told who has no room.
const NAMED: usize = 3;

/// Whether it is there, and how many of its records came.
#[derive(Debug, Default)]
pub struct ProxyStats {
    room: Mutex<Option<ProxyRoom>>,
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

/// What the proxy holds of what readers don't take, as it said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyRoom {
    /// Bytes.
    pub held: u64,
    /// Addresses of clients that hold as much as they may.
    pub crowded: Vec<String>,
    /// How often a connection was stopped, since the proxy's start.
    pub stopped: u64,
    /// Connections that were reset, since their reader took nothing.
    pub given_up: u64,
}

impl ProxyRoom {
    pub(super) fn new(status: GetProxyStatusResponse) -> Self {
        Self {
            held: status.held_bytes,
            crowded: status.crowded_clients,
            stopped: status.connections_stopped,
            given_up: status.connections_given_up,
        }
    }
}

impl ProxyStats {
    /// What it holds; `None`: none is connected, or it didn't say yet.
    pub fn room(&self) -> Option<ProxyRoom> {
        let room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.clone()
    }

    pub(super) fn set_room(&self, told: Option<ProxyRoom>) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    /// What to say of clients that have no room.
    pub fn crowded(&self) -> Option<String> {
        let crowded = self.room()?.crowded;
        let named = crowded.get(..NAMED.min(crowded.len()))?.join(", ");
        let more = match crowded.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!crowded.is_empty()).then(|| {
            format!(
                "flows-proxy holds as much as it may of what readers of {named}{more} do not take: connections of these \
                 clients wait; see that they read, or raise flows-proxy --max-held"
            )
        })
    }

    /// Whether a proxy is connected.
    pub fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    pub(super) fn set_there(&self, is_there: bool) {
        self.is_there.store(is_there, Ordering::Relaxed);
    }
}
