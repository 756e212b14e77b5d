//! The verdict: packets, what becomes of them, and the events they cause.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod frames;
mod hostile;
mod icmp_errors;
mod openers;
mod policy;
mod proxied;
mod shares;
mod stories;
