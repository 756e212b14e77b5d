//! What is recorded.

use std::io;
use std::sync::Arc;

use cluster::changes::StateView;
use cluster::{ObjectChange, Origin};
use serde::{Deserialize, Serialize};

/// What came into force at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Place among all that this node recorded, ascending.
    pub sequence: u64,
    /// When it came into force, ns since 1970; never less than the one before.
    pub time: u64,
    /// The node's revision since.
    pub revision: u32,
    /// It changed while no agent ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// What it is.
    pub what: What,
}

/// How a change was found at the agent's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// When the state before it was last seen, ns since 1970; 0: not known.
    pub since: u64,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The first state that the node knew: there is nothing to compare it with.
    FirstState(FirstState),
    /// What differs from the entry before. Never empty.
    Changes(Vec<Recorded>),
}

/// How many objects the first state had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstState {
    /// Policies in force.
    pub policies: usize,
    /// Pods.
    pub pods: usize,
    /// Namespaces that have an object of their own.
    pub namespaces: usize,
    /// Nodes.
    pub nodes: usize,
    /// CIDR groups.
    pub cidr_groups: usize,
    /// Services.
    pub services: usize,
}

/// A change of one object, and where that stands or, once it is gone, stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Where; `None` if that isn't known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The change.
    #[serde(flatten)]
    pub change: ObjectChange,
}

impl From<StateView<'_>> for FirstState {
    fn from(view: StateView<'_>) -> Self {
        Self {
            policies: view.policies.len(),
            pods: view.state.pods.len(),
            namespaces: view.state.namespaces.len(),
            nodes: view.state.nodes.len(),
            cidr_groups: view.state.cidr_groups.len(),
            services: view.state.services.len(),
        }
    }
}

impl Entry {
    /// The changes of objects; none in a first state.
    pub fn changes(&self) -> &[Recorded] {
        match &self.what {
            What::Changes(changes) => changes,
            What::FirstState(_) => &[],
        }
    }

    /// The room that it takes in the file, bytes.
    pub(super) fn bytes(&self) -> usize {
        let mut counted = Counted(0);
        match serde_json::to_writer(&mut counted, self) {
            Ok(()) => counted.0,
            // It is plain data, and nothing is written.
            Err(_) => usize::MAX,
        }
    }
}

/// Counts what is written.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// All that is kept.
    Whole {
        complete_since: u64,
        next: u64,
        entries: Vec<Arc<Entry>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        begun: Option<Arc<Entry>>,
    },
    /// An entry that is about to come into force. One that was begun before and did not, never will.
    Begun(Arc<Entry>),
    /// The entry that was begun last is in force.
    InForce {
        sequence: u64,
        time: u64,
        revision: u32,
    },
}
