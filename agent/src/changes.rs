//! What changed in the cluster's state, as it came into force on this node.
//!
//! ```text
//!                 begin: what differs -> file             commit: revision, time -> file
//! enforcing thread ----------|--- state files, maps ----------|--> Changes (memory) --> api
//! ```
//!
//! An entry is written before the state files are, and counts once the kernel has it: an agent that
//! crashes in between leaves an entry that its successor compares with what came into force. What changed
//! while no agent ran is found by comparing what was in force with what the manifests say at the start.
//!
//! Policies are those in force, in their last good forms; everything else is as the manifests have it.

mod entry;
mod file;
mod kept;
mod recorder;

pub use entry::{Entry, FirstState, Found, Recorded, What};
pub use kept::{ChangeLog, Changes};
pub(crate) use recorder::{EnforcedState, Recorder};

#[cfg(test)]
mod tests;
