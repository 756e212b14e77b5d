//! One answer of a name after the other: a second query finds nothing new in its answer, which must not
//! overtake what the first one's put into the kernel.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use l7::wire::name::Name;
use tokio::sync::{Mutex, MutexGuard};

/// Locks; names share them by their hashes (Cilium's number).
const LOCKS: usize = 131;

/// The order of answers.
#[derive(Debug)]
pub struct NameOrder {
    locks: Vec<Mutex<()>>,
    hashes: RandomState,
}

impl Default for NameOrder {
    fn default() -> Self {
        Self {
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
            hashes: RandomState::default(),
        }
    }
}

impl NameOrder {
    /// Waits until it is this answer's turn, which it is until what is returned is dropped.
    pub async fn turn(&self, name: &Name) -> MutexGuard<'_, ()> {
        let hash = self.hashes.hash_one(name) % LOCKS as u64;
        let at = usize::try_from(hash).unwrap_or(0);
        self.locks[at].lock().await
    }
}
