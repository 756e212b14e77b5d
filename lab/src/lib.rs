//! A whole cluster on one Linux machine: a network namespace per node and per pod, real routing
//! between them, an agent on every node and a relay. The demo, the end-to-end tests and the
//! benchmarks run in it; `flows-lab` is its command line.
//!
//! ```text
//! manifests -> plan -> network (netns, link) -> manifest_dir -> agents ready -> pods open, containers run
//!                \-> state (lab.json, before anything is made) -> down
//! ```

mod apply;
pub mod cli;
pub mod down;
pub mod error;
pub mod hosts;
pub mod lab;
pub mod link;
pub mod manifest;
pub mod manifest_dir;
pub mod netns;
pub mod netns_exec;
pub mod network;
pub mod outcome;
pub mod plan;
pub mod process;
pub mod readiness;
pub mod state;
pub mod status;
pub mod traffic;
pub mod wait_applied;

pub use error::{Error, Result};
pub use lab::{Lab, Options, Target};
