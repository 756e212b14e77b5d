//! What the kernel enforces, with all that is needed to explain it.

use std::{collections::BTreeMap, sync::Arc};

use cluster::{ObjectName, SharedMap, State};
use policy::{Compiled, Policy};

/// The state that is in force, all from one moment.
#[derive(Clone, Debug)]
pub struct AppliedState {
    /// The manifests.
    pub state: Arc<State>,
    /// What was made of them.
    pub compiled: Compiled,
    /// The rules, in their present or last good form.
    pub policies: BTreeMap<ObjectName, Arc<Policy>>,
    /// The manifests of those rules.
    pub manifests: SharedMap<ObjectName, Arc<cluster::Policy>>,
    /// How they are applied.
    pub config: policy::Config,
    /// The node's revision.
    pub revision: u32,
    /// Notes that people need to read it right.
    pub notes: Vec<String>,
}

/// An answer of the enforcing thread.
#[derive(Clone, Debug)]
pub enum StateSnapshot {
    /// The present manifests are in force.
    InSync(Box<AppliedState>),
    /// Earlier ones are.
    Stale(Arc<StaleState>),
}

/// Manifests that stay in force because later ones can't be.
#[derive(Clone, Debug)]
pub struct StaleState {
    /// The manifests.
    pub state: Arc<State>,
    /// What was remembered when they came into force: numbers, last good forms.
    pub memory: policy::PersistentState,
    /// How they are applied.
    pub config: policy::Config,
    /// The node.
    pub node: String,
    /// The node's revision since.
    pub revision: u32,
    /// Why later ones are not in force.
    pub failure: String,
}

impl StaleState {
    /// Makes again what is in force. Takes a while with a large cluster.
    pub fn in_force(&self) -> AppliedState {
        let memory = self.memory.clone();
        let mut compiler = policy::Compiler::new(self.config.clone(), &self.node, memory);
        compiler.update(&self.state);
        AppliedState {
            state: Arc::clone(&self.state),
            compiled: compiler.compiled().clone(),
            policies: compiler.policies(),
            manifests: compiler.manifests(),
            config: self.config.clone(),
            revision: self.revision,
            notes: vec![format!(
                "the current manifests are not enforced; this is about the last applied ones \
                 (revision {}): {}",
                self.revision, self.failure
            )],
        }
    }
}
