//! What a hostile pod may try at the proxy, over real sockets on loopback. Each test holds three things: memory is
//! bounded (the resident size of this process, which is proxy, attackers and servers together), others are served
//! meanwhile, and nothing that is refused passes.
//!
//! One test at a time: they measure the process.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod crowd;
mod http1;
mod http2;
mod messages;
mod room;
mod stage;

#[expect(dead_code, reason = "these tests need a part of it")]
#[path = "../carry/rig.rs"]
mod rig;
