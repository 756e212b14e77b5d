//! flows-agent: keeps the kernel's maps in step with the cluster's state, and turns the kernel's
//! events into flows that can be queried.
//!
//! ```text
//!  manifests -> enforce -> maps                                   (intent)
//!                  '-----> changes -> api
//!                  '-----> proxy -> flows-proxy -> observe
//!  rings -> observe (resolve) -> history -> hubble -> api         (fact)
//! ```
//!
//! Modules in order: each uses only those above it (`xtask/tests/modules/order.rs` holds that).

mod acknowledgements;
pub mod api;
pub mod changes;
pub mod config;
pub mod enforce;
mod error;
pub mod fact;
pub mod history;
pub mod hubble;
pub mod metrics;
pub mod node;
pub mod observe;
pub mod proxy;
pub mod run;
