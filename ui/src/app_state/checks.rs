//! Who is having policies checked: each client one check at a time, and few at all, as one may take a
//! core for seconds.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Checks at a time.
const MOST: usize = 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Checks {
    clients: Arc<Mutex<HashSet<String>>>,
    places: Arc<Semaphore>,
}

/// A client's check, from its first byte on; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Check {
    client: String,
    clients: Arc<Mutex<HashSet<String>>>,
    places: Arc<Semaphore>,
}

/// The client has one already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the check before is still running: one at a time, retry in a moment")]
pub(crate) struct Busy;

impl Default for Checks {
    fn default() -> Self {
        Self {
            clients: Arc::default(),
            places: Arc::new(Semaphore::new(MOST)),
        }
    }
}

impl Checks {
    /// Begins one for a client that has none.
    pub(crate) fn begin(&self, client: String) -> Result<Check, Busy> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if !clients.insert(client.clone()) {
            return Err(Busy);
        }
        Ok(Check {
            client,
            clients: Arc::clone(&self.clients),
            places: Arc::clone(&self.places),
        })
    }
}

impl Check {
    /// Waits until it may work. All that it needs of others is to be there: nobody waits for a client
    /// that sends slowly.
    pub(crate) async fn place(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.expect("the semaphore is never closed")
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&self.client);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn one_of_each_client_and_few_of_all() {
        let checks = Checks::default();
        let begin = |client: &str| checks.begin(client.to_owned());
        let (ann, bob, cid) = (
            begin("ann").unwrap(),
            begin("bob").unwrap(),
            begin("cid").unwrap(),
        );
        assert_eq!(begin("ann").unwrap_err(), Busy);
        let first = ann.place().now_or_never().unwrap();
        let _second = bob.place().now_or_never().unwrap();
        assert!(cid.place().now_or_never().is_none());
        drop(first);
        assert!(cid.place().now_or_never().is_some());
        drop(ann);
        begin("ann").unwrap();
    }
}
