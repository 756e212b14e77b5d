//! Programs beside a test: found where they were built, run until the test ends, shown on a terminal of
//! their own, and asked of the kernel what they use.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failure here is a failure of the test; what can't be cleaned up is said"
)]

mod background;
mod pty;
mod usage;

use std::path::PathBuf;

pub use background::Background;
pub use pty::{Pty, Seen};
pub use usage::{memory_mib, processor_time};

/// One of our programs, in the directory that `FLOWS_BIN_DIR` names.
///
/// # Panics
/// Without it.
pub fn built(name: &str) -> PathBuf {
    let programs = std::env::var_os("FLOWS_BIN_DIR");
    let programs = programs.expect("FLOWS_BIN_DIR is not set: run it through `cargo xtask`");
    PathBuf::from(programs).join(name)
}
