//! Connections from the events of both ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod any_order;
mod asked;
mod fates;
mod limits;
mod told;
