//! What hostile pods and hosts try, in a lab: crafted frames from inside their namespaces, and a look at
//! what arrives on the other side. `cargo xtask attack` runs these alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod frames;
mod packets;
mod state;
mod table;
mod wire;
mod world;
