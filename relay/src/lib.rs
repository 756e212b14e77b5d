//! flows-relay: the nodes' agents as one Observer.
//!
//! It asks every node and merges what they say in order of time, which works because agents tell
//! how far they have come. A node that says nothing is waited for a bounded time and then named; what it sends
//! later is delivered marked and counted. It keeps nothing itself: history is the nodes'.
//!
//! ```text
//! peer     which nodes there are, a connection to each, kept up
//! query    one client's GetFlows: plan -> lane per node -> merge -> client
//! merge    the order (pure)
//! raw      responses undecoded: the relay reads kind and time, and passes the bytes on
//! relay    the peers that calls go to
//! service  observer.Observer; status, policy: flows.v1.Status, Policy; serve: listeners, health, reflection, metrics
//! ```

pub mod merge;
pub mod metrics;
mod names;
pub mod peer;
mod policy;
pub mod query;
pub mod raw;
mod relay;
mod service;
mod status;

mod config;
mod late_marker;
mod server;

pub use config::{Args, Config, ConfigError};
pub use server::{ServeError, Server};
