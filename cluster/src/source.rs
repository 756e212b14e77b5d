//! Where the state of a cluster comes from.
//!
//! ```text
//! directory of YAML (directory) --.
//! objects given to it (in_memory) --+--> Snapshot: State and Checkpoint --> policy, agent
//! ```
//!
//! What every source promises ([`Source`]):
//! - no snapshot before all of the cluster was seen once, or is known from before a restart;
//! - an object that goes bad keeps its last good form, over restarts too ([`Checkpoint`]), and is named in
//!   [`State::problems`];
//! - nothing that fails (a directory that vanishes, a server that is away) takes objects out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::manifest;
use crate::object::ObjectName;
use crate::origin::Origin;
use crate::state::State;
use crate::yaml;

mod checkpoint;
pub mod directory;
mod in_memory;

pub use checkpoint::{Checkpoint, CheckpointChanges};
pub use directory::{Directory, DirectoryError, Watch, WatchError};
pub use in_memory::InMemory;

/// A source of a cluster's state that is being followed. Dropping it ends that.
///
/// Whoever starts one gives it the [`Checkpoint`] of before a restart, and something to call when there is
/// a new snapshot or its health changed ([`Notify`]). Snapshots don't pile up: one that nobody took makes
/// room for the next.
pub trait Source: fmt::Debug + Send {
    /// What it is, for messages: `state directory /etc/flows/state`.
    fn describe(&self) -> String;

    /// The newest complete snapshot; `None` as long as there was none. Costs little.
    fn snapshot(&self) -> Option<Snapshot>;

    /// Whether the snapshot is the present state of the cluster.
    fn health(&self) -> Health;

    /// Where an object of a snapshot came from, or its field of that path (`status.podIP`) as far as it
    /// has that. May look at all objects.
    fn locate(&self, snapshot: &Snapshot, object: &ObjectName, field: &str) -> Option<Origin>;

    /// Where a document of a checkpoint came from that stands under this key.
    fn origin(&self, key: &Arc<str>, document: &yaml::Node) -> Origin;

    /// Where the objects came from whose documents are others than before, as far as they have a name that
    /// can be read; of those that are gone, where they were. Costs what changed.
    fn changed_origins(
        &self,
        now: &Checkpoint,
        before: &Checkpoint,
    ) -> BTreeMap<ObjectName, Origin> {
        let documents = now.changed_documents(before);
        let origins = documents.filter_map(|(key, document)| {
            let name = manifest::object_name(document)?;
            Some((name, self.origin(key, document)))
        });
        origins.collect()
    }
}

/// Called from a thread of the source when there is something new. Must not block.
pub type Notify = Box<dyn Fn() + Send>;

/// A state and what belongs to it. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The state.
    pub state: Arc<State>,
    /// What the source must be given after a restart to know the same.
    pub checkpoint: Checkpoint,
}

/// How a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// The newest snapshot is the present state.
    Synced,
    /// There was no snapshot yet: what it waits for.
    Syncing(String),
    /// The newest snapshot is the last state that was seen: why there is no newer one.
    Stale(String),
}
