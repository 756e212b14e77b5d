//! Flows from before those that are held, fetched out of the servers' history when somebody asks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::{Feed, Item, Store};

/// Flows of one fetch.
const AT_ONCE: u64 = 20_000;
/// About so many leave at once when there is no room: what they leave free is for newer ones.
const EVICTED: u64 = 2048;
/// How long one answer goes on fetching.
const PATIENCE: Duration = Duration::from_secs(8);

/// Whether there may be older flows than those that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Older {
    /// They can be asked for.
    More,
    /// History begins with what is held.
    Begins,
    /// There is no room for more.
    Full,
}

/// Fetches, one at a time.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// Held while one is under way.
    turn: tokio::sync::Mutex<()>,
    /// Number of the item with which history begins, once the server said that it has nothing older.
    begin: Mutex<Option<u64>>,
}

impl Fetch {
    /// How it stands.
    pub(super) fn state(&self, store: &Store, is_file: bool) -> Older {
        let range = store.snapshot().range();
        let begin = *self.begin.lock().unwrap_or_else(PoisonError::into_inner);
        // What was read of a file is all of it, or as much as there is room for.
        let begins = match is_file {
            true => room(store) > 0,
            false => begin == Some(range.start),
        };
        if begins {
            Older::Begins
        } else if room(store) <= EVICTED {
            Older::Full
        } else {
            Older::More
        }
    }

    /// Fetches until something older than number `before` is held, or all since a time (Unix ns), or
    /// there is no more; says how many came.
    pub(super) async fn fetch(
        &self,
        feed: &Feed,
        store: &Store,
        before: Option<u64>,
        since: Option<i64>,
    ) -> Result<usize, String> {
        let _turn = self.turn.lock().await;
        let begun = Instant::now();
        let first = store.snapshot().range().start;
        // Somebody else asked for the same meanwhile.
        if since.is_none() && before.is_some_and(|before| first < before) {
            return Ok(0);
        }
        let mut came = 0;
        loop {
            let wanted =
                since.is_none_or(|since| oldest(store).is_none_or(|oldest| oldest > since));
            // Before the first flow has come nothing is older than it.
            if oldest(store).is_none() {
                return Ok(came);
            }
            let most = AT_ONCE.min(room(store));
            if !wanted || self.state(store, false) != Older::More {
                return Ok(came);
            }
            let count = feed.older(most).await?;
            came += count;
            let range = store.snapshot().range();
            if (count as u64) < most {
                let mut begin = self.begin.lock().unwrap_or_else(PoisonError::into_inner);
                *begin = Some(range.start);
            }
            if since.is_none() || begun.elapsed() > PATIENCE {
                return Ok(came);
            }
        }
    }
}

/// For how many more there is room.
fn room(store: &Store) -> u64 {
    let range = store.snapshot().range();
    u64::try_from(store.capacity())
        .unwrap_or(u64::MAX)
        .saturating_sub(range.end - range.start)
}

/// When the first flow was that is held, Unix ns.
pub(crate) fn oldest(store: &Store) -> Option<i64> {
    let snapshot = store.snapshot();
    snapshot.iter(snapshot.range()).find_map(time)
}

/// When the last one was.
pub(crate) fn newest(store: &Store) -> Option<i64> {
    let snapshot = store.snapshot();
    snapshot.iter(snapshot.range()).rev().find_map(time)
}

fn time((_, item): (u64, &Item)) -> Option<i64> {
    match item {
        Item::Flow(row) => Some(row.time()),
        Item::Marker(_) => None,
    }
}
