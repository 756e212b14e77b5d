//! Servers and clients for a lab's containers, so that it needs no other programs.

pub mod bench_peer;
pub mod client;
pub mod request;
pub mod serve;

use std::time::Duration;

use flow::quantity::parse_duration;

use crate::error::{Error, Result};

/// Reads `250ms`, `1s`, `1.5s` or `2m`.
///
/// # Errors
/// [`Error::Command`].
pub fn duration(text: &str) -> Result<Duration> {
    parse_duration(text).ok_or_else(|| Error::Command {
        what: format!("{text:?} is not a duration: write 250ms, 1s or 2m"),
    })
}
