//! flows-agent: keeps the kernel's maps in step with the cluster's state, and turns the kernel's
//! events into flows that can be asked for.
//!
//! ```text
//!  manifests -> control -> maps                       (intent)
//!  rings -> observe (name) -> history -> expand -> grpc  (fact)
//! ```

pub mod config;
pub mod connections;
pub mod control;
pub mod events;
pub mod expand;
pub mod fact;
pub mod grpc;
pub mod history;
pub mod metrics;
pub mod names;
pub mod observe;
pub mod run;
