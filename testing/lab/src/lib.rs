//! A lab for the length of a test, and what tests ask of one: connections, commands, flows, metrics.
//!
//! Needs root, and our programs beside the flows-lab that a test names.

#![expect(
    clippy::unwrap_used,
    reason = "a failure here is a failure of the test"
)]

pub mod cluster;
mod follow;
mod harness;
mod manifests;
mod metrics;
mod observe;
pub mod shop;
mod signals;

pub use follow::Follow;
pub use harness::{Family, Probe, Running, TestLab, flows_lab, options};
pub use manifests::{guard, pod};
pub use metrics::metrics;
pub use observe::{observe, until};
pub use signals::signal_agent;
