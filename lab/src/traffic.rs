//! Servers and clients for a lab's containers, so that it needs no other programs.

pub mod bench_peer;
pub mod client;
pub mod serve;

use std::time::Duration;

use crate::error::{Error, Result};

/// Reads `250ms`, `1s`, `1.5s` or `2m`.
///
/// # Errors
/// [`Error::Command`].
pub fn duration(text: &str) -> Result<Duration> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0)];
    units
        .iter()
        .find_map(|(unit, seconds)| {
            let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
            Duration::try_from_secs_f64(number * seconds).ok()
        })
        .ok_or_else(|| Error::Command {
            what: format!("{text:?} is not a duration: write 250ms, 1s or 2m"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("250ms", Some(250)),
            ("1s", Some(1000)),
            ("1.5s", Some(1500)),
            ("2m", Some(120_000)),
            ("-1s", None),
            ("1", None),
            ("s", None),
        ];
        for (text, expected) in cases {
            let read = duration(text).ok().map(|duration| duration.as_millis());
            assert_eq!(read, expected, "{text}");
        }
    }
}
