//! What comes into force is recorded as a change of the cluster's state.

use std::path::Path;
use std::sync::Arc;

use cluster::State;
use cluster::source::Checkpoint;

use super::{Reconciler, SyncState, manifests::Policies};
use crate::{
    changes::{Changes, EnforcedState, Recorder},
    config::Config,
    node::clock,
};

/// Reads what was recorded. `checkpoint` is what was known of the cluster before a restart, `None` if
/// nothing was, and `policies` are those that were in force.
pub(super) fn open(
    config: &Config,
    run_dir: &Path,
    checkpoint: Option<&Checkpoint>,
    policies: &Policies,
) -> Recorder {
    let before = checkpoint.map(|checkpoint| EnforcedState {
        state: Arc::new(checkpoint.to_state()),
        policies: policies.clone(),
        checkpoint: checkpoint.clone(),
    });
    Recorder::open(
        run_dir.join("changes.jsonl"),
        &config.cluster,
        config.changes_bytes,
        before,
        clock::wall().unwrap_or_default(),
    )
}

impl Reconciler {
    /// What changed in the cluster's state.
    pub fn changes(&self) -> &Arc<Changes> {
        self.recorder.changes()
    }

    /// The policies of the last compilation are about to come into force, and these manifests.
    pub(super) fn begin_changes(&mut self, state: &Arc<State>) {
        let now = EnforcedState {
            state: Arc::clone(state),
            policies: self.compiler.manifests(),
            checkpoint: self.manifests.checkpoint(),
        };
        let time = clock::wall().unwrap_or_default();
        let manifests = &self.manifests;
        self.recorder
            .begin(now, time, |before| manifests.changed_origins(before));
    }

    /// They are.
    pub(super) fn commit_changes(&mut self) {
        let time = clock::wall().unwrap_or_default();
        self.recorder.commit(self.datapath.revision(), time);
    }

    /// Notes that nothing else has changed until now.
    pub(super) fn note_unchanged(&mut self) {
        if self.step == SyncState::InSync {
            self.recorder.seen(clock::wall().unwrap_or_default());
        }
    }
}
