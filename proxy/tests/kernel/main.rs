//! The proxy between pods in namespaces of their own, and as a process. Needs root: `cargo xtask test` runs it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod datapath;
mod pods;
mod process;
mod supervised;
mod transparent;
