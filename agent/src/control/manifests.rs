//! The manifests, followed: a thread reads what changes and leaves the newest snapshot here.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cluster::{
    Directory, Problem, State,
    source::{Memory, Watch},
};
use tracing::warn;

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

    /// Whether there is no object. Files that have none, or can't be read, may well stand in a wrong
    /// directory.
    pub(super) fn is_empty(&self) -> bool {
        self.snapshot.state.same_objects(&State::default())
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

    /// Says where an object stands about which there is a problem that doesn't know.
    pub(super) fn locate(&self, problem: &mut Problem) {
        if problem.origin.is_none()
            && let Some(object) = &problem.object
        {
            problem.origin = self.snapshot.memory.place(object, &problem.field);
        }
    }

    /// What to keep over a restart.
    pub(super) fn memory(&self) -> Memory {
        self.snapshot.memory.clone()
    }
}

/// A cluster that became empty while no agent ran has to be confirmed, once, by a file beside the state.
///
/// # Errors
/// It isn't, or the file can't be removed.
pub(super) fn confirm_empty(state_dir: &Path, run_dir: &Path) -> Result<(), ControlError> {
    let confirm = run_dir.join("confirm-empty");
    match fs::remove_file(&confirm) {
        Ok(()) => {
            warn!("there are no manifests, as was confirmed: nothing is enforced from now on");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ControlError::Emptied {
            directory: state_dir.to_owned(),
            confirm,
        }),
        // Whoever put it there must not be told to do so again.
        Err(source) => Err(ControlError::Confirm { confirm, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Bell;

    fn is_empty(files: &[(&str, &str)]) -> bool {
        let dir = tempfile::tempdir().expect("temporary directory");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("write");
        }
        let bell = Bell::new().expect("a bell");
        Manifests::open(dir.path(), Memory::default(), bell.waker())
            .expect("a directory")
            .is_empty()
    }

    /// A wrong directory is one without objects, whatever else is in it.
    #[test]
    fn what_has_no_object_is_empty() {
        let others = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
        let ignored = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\n";
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        assert!(is_empty(&[]));
        assert!(is_empty(&[("kustomization.yaml", others)]));
        assert!(is_empty(&[("a.yaml", ignored), ("b.yaml", "{not: [yaml")]));
        assert!(!is_empty(&[("a.yaml", ignored), ("b.yaml", namespace)]));
    }

    #[test]
    fn emptiness_is_confirmed_for_one_start() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let confirm = || confirm_empty(Path::new("/manifests"), dir.path());
        let file = dir.path().join("confirm-empty");
        assert!(matches!(confirm(), Err(ControlError::Emptied { .. })));
        fs::write(&file, "").expect("write");
        confirm().expect("confirmed");
        assert!(matches!(confirm(), Err(ControlError::Emptied { .. })));
        // What can't be removed would confirm every start to come.
        fs::create_dir(&file).expect("directory");
        let error = confirm().expect_err("not removed").to_string();
        assert!(error.contains("can't be removed"), "{error}");
    }
}
