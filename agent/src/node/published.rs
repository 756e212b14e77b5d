//! Where the enforcing thread publishes what the rest of the agent reads.

use std::sync::{Arc, atomic::AtomicU64};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    names::NameTable, peers::Peers, progress::Progress, status::Status, told_names::ToldNames,
};

/// What the kernel's programs counted as not accepted by a ring, told from time to time by whoever
/// reads the counters.
pub type RingDropCounter = Arc<AtomicU64>;

/// What the rest of the agent reads.
#[derive(Clone, Debug)]
pub struct Published {
    /// For the observer.
    pub names: Arc<ArcSwap<NameTable>>,
    /// Addresses that pods were told for names, also those that ran out a while ago.
    pub told: Arc<ToldNames>,
    /// For the peer service.
    pub peers: watch::Sender<Arc<Peers>>,
    /// For status and metrics.
    pub status: Arc<ArcSwap<Status>>,
    /// For the rings' readers, by CPU.
    pub failed: Arc<Vec<RingDropCounter>>,
    /// For those who wait for a change to be in force.
    pub progress: watch::Sender<Arc<Progress>>,
    /// Connections and decisions in the kernel.
    pub stats: Arc<loader::Stats>,
}
