//! The state of the cluster, followed: a source reads what changes, and the newest snapshot is taken from it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use cluster::{
    Directory, ObjectName, Origin, Problem, SharedMap, State, manifest,
    source::{Checkpoint, Health, Snapshot, Source},
};
use tracing::{info, warn};

use super::EnforceError;
use crate::node::Notifier;

/// Policies by name, as their manifests have them.
pub(super) type Policies = SharedMap<ObjectName, Arc<manifest::Policy>>;

/// The source, and the snapshot in use.
#[derive(Debug)]
pub(super) struct Manifests {
    source: Box<dyn Source>,
    snapshot: Option<Snapshot>,
    health: Health,
    /// What confirms that the cluster is to be empty, if that has to be: see [`Self::new`].
    confirm: Option<PathBuf>,
}

/// Starts the source that the configuration names: `notifier` rings when there is something to
/// [`take`](Manifests::take). `checkpoint` is what [`Manifests::checkpoint`] gave before a restart.
///
/// # Errors
/// The directory can't be read, or not be followed.
pub(super) fn follow(
    state_dir: &Path,
    checkpoint: &Checkpoint,
    notifier: Notifier,
) -> Result<Box<dyn Source>, EnforceError> {
    let watch = Directory::open(state_dir, checkpoint)?.watch(move |_| notifier.notify())?;
    Ok(Box::new(watch))
}

impl Manifests {
    /// Takes the first snapshot, if there is one already. Where this node `enforced` something before, a
    /// cluster that is empty now may be a mistake (a wrong directory): it has to be confirmed, once, by a
    /// file in `run_dir`.
    ///
    /// # Errors
    /// It isn't, or the file can't be removed.
    pub(super) fn new(
        source: Box<dyn Source>,
        enforced: bool,
        run_dir: &Path,
    ) -> Result<Self, EnforceError> {
        let mut manifests = Self {
            health: source.health(),
            source,
            snapshot: None,
            confirm: enforced.then(|| run_dir.join("confirm-empty")),
        };
        manifests.take()?;
        Ok(manifests)
    }

    /// Makes the newest snapshot the one in use. Says whether there was one.
    ///
    /// # Errors
    /// The first one that the source saw is empty, and that isn't confirmed; see [`Self::new`].
    pub(super) fn take(&mut self) -> Result<bool, EnforceError> {
        self.look_at_health();
        let Some(newest) = self.source.snapshot() else {
            return Ok(false);
        };
        // Files that have no object, or can't be read, may well stand in a wrong directory. What is known
        // from before a restart only says nothing about the cluster as it is: until the source has seen
        // that, an empty one has to be confirmed, whatever the source's health was a moment ago.
        let is_empty = newest.state.same_objects(&State::default());
        if is_empty && let Some(confirm) = self.confirm.take() {
            confirm_empty(&self.source.describe(), confirm)?;
        } else if self.health == Health::Synced {
            self.confirm = None;
        }
        let known = self.snapshot.as_ref();
        if known.is_some_and(|known| Arc::ptr_eq(&known.state, &newest.state)) {
            return Ok(false);
        }
        self.snapshot = Some(newest);
        Ok(true)
    }

    /// The cluster in the snapshot in use; `None` before there is one.
    pub(super) fn state(&self) -> Option<Arc<State>> {
        let snapshot = self.snapshot.as_ref()?;
        Some(Arc::clone(&snapshot.state))
    }

    /// What there is to wait for as long as there is no snapshot.
    pub(super) fn waiting_for(&self) -> String {
        match &self.health {
            Health::Synced => self.source.describe(),
            Health::Syncing(reason) | Health::Stale(reason) => {
                format!("{}: {reason}", self.source.describe())
            }
        }
    }

    /// Says where an object came from about which there is a problem that doesn't know.
    pub(super) fn locate(&self, problem: &mut Problem) {
        if problem.origin.is_none()
            && let Some(object) = &problem.object
            && let Some(snapshot) = &self.snapshot
        {
            problem.origin = self.source.locate(snapshot, object, &problem.field);
        }
    }

    /// What to keep over a restart.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let snapshot = self.snapshot.as_ref();
        snapshot
            .map(|snapshot| snapshot.checkpoint.clone())
            .unwrap_or_default()
    }

    /// Where the objects stand, or stood, whose documents differ from an earlier checkpoint's.
    pub(super) fn changed_origins(&self, before: &Checkpoint) -> BTreeMap<ObjectName, Origin> {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or_else(BTreeMap::new, |snapshot| {
            self.source.changed_origins(&snapshot.checkpoint, before)
        })
    }

    fn look_at_health(&mut self) {
        let health = self.source.health();
        if health == self.health {
            return;
        }
        let source = self.source.describe();
        match &health {
            Health::Synced => info!(source, "the state of the cluster is up to date"),
            Health::Syncing(reason) => {
                info!(source, reason, "waiting for the state of the cluster")
            }
            Health::Stale(reason) => warn!(
                source,
                reason, "the state of the cluster can't be read; its last state stays in use"
            ),
        }
        self.health = health;
    }
}

/// A cluster that became empty while no agent ran has to be confirmed, once, by a file beside the state.
fn confirm_empty(source: &str, confirm: PathBuf) -> Result<(), EnforceError> {
    match fs::remove_file(&confirm) {
        Ok(()) => {
            warn!("there are no manifests, as was confirmed: nothing is enforced from now on");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(EnforceError::Emptied {
            source_name: source.to_owned(),
            confirm,
        }),
        // Whoever put it there must not be told to do so again.
        Err(source) => Err(EnforceError::Confirm { confirm, source }),
    }
}

#[cfg(test)]
mod tests {
    use cluster::source::InMemory;

    use super::*;

    const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    const IGNORED: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\n";
    const BAD: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: [shop]}\n";

    fn source() -> InMemory {
        InMemory::new(&Checkpoint::default(), Box::new(|| {}))
    }

    fn open(source: &InMemory, enforced: bool, run_dir: &Path) -> Result<Manifests, EnforceError> {
        Manifests::new(Box::new(source.clone()), enforced, run_dir)
    }

    #[test]
    fn the_newest_snapshot_is_taken_once() {
        let (source, none) = (source(), Path::new("/nonexistent"));
        let mut manifests = open(&source, false, none).expect("nothing to confirm");
        assert_eq!(manifests.state(), None);
        assert!(manifests.checkpoint().is_empty());
        assert!(!manifests.take().expect("nothing to confirm"));
        assert_eq!(
            manifests.waiting_for(),
            "objects in memory: the first objects"
        );
        source.publish("").expect("YAML");
        source.publish(NAMESPACE).expect("YAML");
        assert!(manifests.take().expect("nothing to confirm"));
        assert!(!manifests.take().expect("nothing to confirm"));
        let state = manifests.state().expect("a snapshot");
        assert_eq!(state.namespaces.len(), 1);
        assert!(!manifests.checkpoint().is_empty());
        // A source that fails takes nothing away.
        source.fail("no connection");
        assert!(!manifests.take().expect("nothing to confirm"));
        assert_eq!(manifests.state(), Some(state));
    }

    /// A wrong directory is one without objects, whatever else is in it.
    #[test]
    fn what_has_no_object_is_empty() {
        for (text, is_empty) in [
            ("", true),
            (IGNORED, true),
            (&format!("{IGNORED}---\n{BAD}"), true),
            (&format!("{IGNORED}---\n{NAMESPACE}"), false),
        ] {
            let dir = tempfile::tempdir().expect("temporary directory");
            let source = source();
            source.publish(text).expect("YAML");
            let refused = open(&source, true, dir.path()).is_err();
            assert_eq!(refused, is_empty, "{text}");
            open(&source, false, dir.path()).expect("nothing was enforced before");
        }
    }

    /// What is known from before a restart uses up no confirmation, and stands for none.
    #[test]
    fn emptiness_after_a_restart_is_confirmed_too() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let before = source();
        before.publish(NAMESPACE).expect("YAML");
        let checkpoint = open(&before, false, dir.path())
            .expect("nothing to confirm")
            .checkpoint();
        let after = InMemory::new(&checkpoint, Box::new(|| {}));
        let mut manifests = open(&after, true, dir.path()).expect("nothing to confirm yet");
        let state = manifests.state().expect("what was known");
        assert_eq!(state.namespaces.len(), 1);
        after.publish("").expect("YAML");
        assert!(matches!(
            manifests.take(),
            Err(EnforceError::Emptied { .. })
        ));
        assert_eq!(manifests.state(), Some(state));
    }

    #[test]
    fn emptiness_is_confirmed_for_one_start() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let source = source();
        source.publish("").expect("YAML");
        let confirm = || open(&source, true, dir.path());
        let file = dir.path().join("confirm-empty");
        let error = confirm().expect_err("not confirmed").to_string();
        assert!(error.starts_with("objects in memory has no"), "{error}");
        fs::write(&file, "").expect("write");
        let mut manifests = confirm().expect("confirmed");
        // What comes and goes while the agent runs needs no confirmation.
        source.publish(NAMESPACE).expect("YAML");
        source.publish("").expect("YAML");
        assert!(manifests.take().expect("nothing to confirm"));
        assert!(matches!(confirm(), Err(EnforceError::Emptied { .. })));
        // What can't be removed would confirm every start to come.
        fs::create_dir(&file).expect("directory");
        let error = confirm().expect_err("not removed").to_string();
        assert!(error.contains("can't be removed"), "{error}");
    }

    /// A source that has nothing yet is no empty cluster; its first snapshot may be.
    #[test]
    fn emptiness_of_a_late_snapshot_is_confirmed() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let source = source();
        let mut manifests = open(&source, true, dir.path()).expect("nothing is known yet");
        source.publish("").expect("YAML");
        let taken = manifests.take();
        assert!(matches!(taken, Err(EnforceError::Emptied { .. })));
    }
}
