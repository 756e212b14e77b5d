//! How far the kernel is with the manifests, for those who wait for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::ObjectName;

/// What the kernel has, and what it never will have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The node's revision.
    pub revision: u32,
    /// Snapshot of the manifests that is in force, or was looked at last.
    pub generation: u64,
    /// Why the kernel is not in step with the manifests, if it is not.
    pub failure: Option<String>,
    /// `policies` says what the kernel has: it was brought in step once, or asked.
    pub is_known: bool,
    /// Versions of the policies in force.
    pub policies: BTreeMap<ObjectName, Arc<str>>,
    /// Versions that were refused, and why. An empty version: the policy is gone, but still in force.
    pub refused: BTreeMap<ObjectName, (Arc<str>, String)>,
}
