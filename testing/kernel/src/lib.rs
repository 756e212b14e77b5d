//! The loaded programs in a network namespace of a test's own, and packets for them: [`Kernel`] runs them
//! on a cluster that a test made up, [`Node`] has two pods that everybody knows.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failure of the test"
)]

mod kernel;
mod namespace;
mod node;
mod pod;

pub use kernel::{Kernel, frame};
pub use namespace::{ifindex, ip, object};
pub use node::{
    ALLOW, CLIENT, CLIENT_IDENTITY, CLIENT_TABLE, CLIENT6, DEFAULT_DENY, Node, SERVER,
    SERVER_IDENTITY, SERVER_TABLE, SERVER6, allow, egress_rule, rule, segment, syn, word, words,
};
pub use pod::Pod;
