//! The newest changes in memory, for whoever asks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::State;
use cluster::changes::StateView;
use policy::Language;

use super::entry::Entry;

/// The newest changes, as much as there is room for. The enforcing thread adds to them.
#[derive(Debug)]
pub struct Changes {
    /// Name of the cluster, which policies are read in.
    cluster: String,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    /// Each with its size in bytes; the oldest first.
    entries: VecDeque<(Arc<Entry>, usize)>,
    bytes: usize,
    limit: usize,
    complete_since: u64,
    unwritten: u64,
    problem: Option<String>,
}

/// What is kept at one moment.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    /// The entries, the oldest first.
    pub entries: Vec<Arc<Entry>>,
    /// Every change since is among them, ns since 1970; 0: nothing came into force yet.
    pub complete_since: u64,
    /// Why the newest changes wouldn't outlive the agent.
    pub problem: Option<String>,
}

impl Changes {
    /// None yet, and room for so many bytes of the file's form.
    pub fn new(cluster: &str, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            cluster: cluster.to_owned(),
            kept: Mutex::new(Kept {
                entries: VecDeque::new(),
                bytes: 0,
                limit,
                complete_since: 0,
                unwritten: 0,
                problem: None,
            }),
        })
    }

    /// The language of policies that came into force: whoever enforced them took their rules of layer 7,
    /// whether or not there is a proxy now.
    pub fn language(&self) -> Language<'_> {
        Language {
            cluster: &self.cluster,
            layer7: true,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept now.
    pub fn log(&self) -> ChangeLog {
        let kept = self.lock();
        ChangeLog {
            entries: kept
                .entries
                .iter()
                .map(|(entry, _)| Arc::clone(entry))
                .collect(),
            complete_since: kept.complete_since,
            problem: kept.problem.clone(),
        }
    }

    /// How many records could not be written to the file.
    pub fn unwritten(&self) -> u64 {
        self.lock().unwritten
    }

    /// Bytes that the entries take, and how many they may.
    pub fn usage(&self) -> (usize, usize) {
        let kept = self.lock();
        (kept.bytes, kept.limit)
    }

    /// Adds an entry; the oldest ones make room for it.
    pub fn push(&self, entry: Arc<Entry>) {
        let size = entry.bytes();
        let mut kept = self.lock();
        kept.bytes = kept.bytes.saturating_add(size);
        kept.entries.push_back((entry, size));
        while kept.bytes > kept.limit
            && let Some((oldest, size)) = kept.entries.pop_front()
        {
            kept.bytes -= size;
            kept.complete_since = kept.complete_since.max(oldest.time);
        }
    }

    /// What was before isn't known to be all.
    pub(super) fn complete_since(&self, time: u64) {
        self.lock().complete_since = time;
    }

    /// A record could not be written, or could again.
    pub(super) fn written(&self, result: Result<(), String>) -> Option<String> {
        let mut kept = self.lock();
        kept.unwritten += u64::from(result.is_err());
        std::mem::replace(&mut kept.problem, result.err())
    }
}

impl ChangeLog {
    /// The state of a moment, ns since 1970: what is in force now, without the changes since. `None` if not
    /// all of them are known. Of changes that were found at a start it is not known when they were made;
    /// they count from that start.
    pub fn state_at(&self, present: StateView<'_>, time: u64) -> Option<State> {
        if self.complete_since == 0 || time < self.complete_since {
            return None;
        }
        let mut state = present.to_state();
        let since = self.entries.iter().rev();
        let since = since.take_while(|entry| entry.time > time);
        let changes = since.flat_map(|entry| entry.changes().iter().rev());
        state.undo(changes.map(|recorded| &recorded.change));
        Some(state)
    }
}
