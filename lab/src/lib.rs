//! A whole cluster on one Linux machine: a network namespace per node and per pod, real routing
//! between them, an agent on every node and a relay. The demo, the end-to-end tests and the
//! benchmarks run in it; `flows-lab` is its command line.
//!
//! ```text
//! manifests -> plan -> network (netns, link) -> publish -> agents ready -> pods open, containers run
//!                \-> record (lab.json, before anything is made) -> down
//! ```

mod apply;
pub mod cli;
pub mod down;
pub mod error;
pub mod harness;
pub mod hosts;
pub mod inside;
pub mod lab;
pub mod link;
pub mod manifest;
pub mod netns;
pub mod network;
pub mod outcome;
pub mod plan;
pub mod process;
pub mod publish;
pub mod ready;
pub mod record;
pub mod settle;
pub mod status;
pub mod traffic;

pub use error::{Error, Result};
pub use lab::{Lab, Options, Target};
