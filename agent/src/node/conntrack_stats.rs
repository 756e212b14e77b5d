//! How full the maps are that the programs write. The kernel doesn't count their entries: they are
//! walked when somebody asks, and seldom enough that nobody can keep the node busy by asking.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use crate::node::{MapUsage, clock, names::NameTable};

/// How long a count is told again, ns.
const FRESH: u64 = 15_000_000_000;

/// Counts connections.
#[derive(Debug)]
pub struct ConntrackStats {
    stats: Arc<loader::Stats>,
    last: Mutex<Option<Counted>>,
}

/// What was counted.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Kernel time, ns.
    at: u64,
    /// The maps: timed out entries that nothing needed the room of yet are among them.
    pub fills: Vec<MapUsage>,
    /// Connections that have not timed out, by family ("4", "6").
    pub live: [(&'static str, u64); 2],
    /// Endpoints that have used up their share of the table, with how many of their connections gave
    /// way. Few entries: read each time.
    pub replaced: Vec<loader::Replaced>,
}

impl ConntrackStats {
    /// Of what these figures are about.
    pub fn new(stats: Arc<loader::Stats>) -> Self {
        Self {
            stats,
            last: Mutex::default(),
        }
    }

    /// What the programs counted until now; `None` if that can't be read.
    pub fn counters(&self) -> Option<loader::Counters> {
        self.stats.counters().ok()
    }

    /// Pods that have used up their share of the connection table, with how many of their own connections
    /// gave way.
    pub fn crowded(counted: &Counted, names: &NameTable) -> Vec<(String, u64)> {
        let replaced = counted.replaced.iter();
        let mut crowded: Vec<_> = replaced
            .map(|replaced| {
                let pod = names.by_index.get(&replaced.endpoint);
                let name = match pod {
                    Some(pod) => format!("{}/{}", pod.namespace, pod.pod),
                    None => format!("(former pod, endpoint {})", replaced.endpoint),
                };
                (name, replaced.connections)
            })
            .collect();
        crowded.sort();
        crowded
    }

    /// Counts, at most every 15 s; tells what was counted last in between, and if it can't be counted.
    /// Takes about 0.2 us per connection.
    pub async fn count(self: Arc<Self>) -> Option<Counted> {
        let counting = tokio::task::spawn_blocking(move || self.counted());
        counting.await.ok().flatten()
    }

    fn counted(&self) -> Option<Counted> {
        // Who comes meanwhile waits, and is told the same.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::monotonic().unwrap_or_default();
        let is_fresh = |counted: &Counted| now.saturating_sub(counted.at) < FRESH;
        if !last.as_ref().is_some_and(is_fresh) {
            match self.walk(now) {
                Ok(counted) => {
                    let replaced = last.take().map(|last| last.replaced);
                    *last = Some(Counted {
                        replaced: replaced.unwrap_or_default(),
                        ..counted
                    });
                }
                Err(error) => warn!(%error, "connections not counted"),
            }
        }
        let counted = last.as_mut()?;
        match self.stats.replaced() {
            Ok(replaced) => counted.replaced = replaced,
            Err(error) => warn!(%error, "replaced connections not counted"),
        }
        Some(counted.clone())
    }

    fn walk(&self, now: u64) -> Result<Counted, loader::Error> {
        let known = self.stats.connections()?;
        let fragments = self.stats.fragments()?;
        Ok(Counted {
            at: now,
            fills: known
                .fills()
                .into_iter()
                .chain([fragments])
                .map(MapUsage::from)
                .collect(),
            live: [("4", known.live4), ("6", known.live6)],
            replaced: Vec::new(),
        })
    }
}
