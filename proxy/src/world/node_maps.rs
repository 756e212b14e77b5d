//! Addresses by the maps that the agent has pinned.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use loader::Error;
use loader::ends::Ends;

use super::{End, World};

/// Between two attempts to open the maps.
const RETRY: Duration = Duration::from_millis(100);

/// Reads the node's maps. While there are none, everybody is unknown.
#[derive(Debug)]
pub struct NodeMaps {
    bpffs: PathBuf,
    ends: ArcSwapOption<Ends>,
    /// When they could not be read last.
    failed: Mutex<Option<Instant>>,
}

impl NodeMaps {
    /// Of the maps in a bpffs, which are opened as soon as an agent has made them.
    pub fn new(bpffs: PathBuf) -> Self {
        let maps = Self {
            bpffs,
            ends: ArcSwapOption::empty(),
            failed: Mutex::default(),
        };
        drop(maps.open());
        maps
    }

    /// The maps, opened now if that wasn't tried a moment ago.
    fn open(&self) -> Option<Arc<Ends>> {
        let opened = self.ends.load_full();
        if opened.is_some() {
            return opened;
        }
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|at| at.elapsed() < RETRY) {
            return None;
        }
        match Ends::open(&self.bpffs) {
            Ok(ends) => {
                tracing::info!(bpffs = %self.bpffs.display(), "addresses are known by the node's maps");
                let ends = Arc::new(ends);
                self.ends.store(Some(Arc::clone(&ends)));
                *failed = None;
                Some(ends)
            }
            Err(error) => {
                // Once, until there were some.
                if failed.is_none() {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "no address is known: redirected connections are refused"
                    );
                }
                *failed = Some(Instant::now());
                None
            }
        }
    }

    /// Maps that can't be read are opened again.
    fn close(&self, error: &Error) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let error: &dyn std::error::Error = error;
        tracing::warn!(error, "an address could not be looked up");
        self.ends.store(None);
        *failed = Some(Instant::now());
    }
}

impl World for NodeMaps {
    fn end(&self, address: IpAddr) -> End {
        let Some(ends) = self.open() else {
            return End::UNKNOWN;
        };
        match ends.end(address) {
            Ok(found) => End {
                identity: found.identity,
                endpoint: found.table,
            },
            Err(error) => {
                self.close(&error);
                End::UNKNOWN
            }
        }
    }
}
