//! The manifests, followed: a thread reads what changes and leaves the newest snapshot here.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cluster::{
    Directory, State,
    source::{Memory, Watch},
};

use super::{ControlError, wake::Waker};

/// The snapshot in use, and the thread that brings newer ones.
#[derive(Debug)]
pub(super) struct Manifests {
    snapshot: Snapshot,
    newer: Arc<Newer>,
    /// Ends the thread when dropped.
    _watch: Watch,
}

/// What one look at the directory gave.
#[derive(Clone, Debug)]
struct Snapshot {
    state: Arc<State>,
    memory: Memory,
}

/// At most one: what is skipped is never needed.
#[derive(Debug, Default)]
struct Newer(Mutex<Option<Snapshot>>);

impl Newer {
    fn lock(&self) -> MutexGuard<'_, Option<Snapshot>> {
        // The value is replaced as a whole: a panic can't leave half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    fn of(directory: &Directory) -> Self {
        Self {
            state: directory.state(),
            memory: directory.memory(),
        }
    }
}

impl Manifests {
    /// Reads the directory and begins to follow it: `bell` rings when there is something to
    /// [`take`](Self::take). `memory` is what [`Self::memory`] gave before a restart.
    ///
    /// # Errors
    /// The directory can't be read, or not be followed.
    pub(super) fn open(path: &Path, memory: Memory, bell: Waker) -> Result<Self, ControlError> {
        let directory = Directory::open(path, memory)?;
        let snapshot = Snapshot::of(&directory);
        let newer = Arc::new(Newer::default());
        let watch = directory.watch({
            let newer = Arc::clone(&newer);
            move |directory| {
                *newer.lock() = Some(Snapshot::of(directory));
                bell.ring();
            }
        })?;
        Ok(Self {
            snapshot,
            newer,
            _watch: watch,
        })
    }

    /// Whether the directory has nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        let state = &self.snapshot.state;
        let nothing = State {
            generation: state.generation,
            ..State::default()
        };
        **state == nothing
    }

    /// Makes the newest snapshot the one in use. Says whether there was one.
    pub(super) fn take(&mut self) -> bool {
        match self.newer.lock().take() {
            Some(newer) => {
                self.snapshot = newer;
                true
            }
            None => false,
        }
    }

    /// The cluster in the snapshot in use.
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.snapshot.state)
    }

    /// What to keep over a restart.
    pub(super) fn memory(&self) -> Memory {
        self.snapshot.memory.clone()
    }
}
