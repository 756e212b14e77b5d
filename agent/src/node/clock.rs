//! Kernel time to time of day. The only place of this crate that reads a clock for events.

use nix::time::{ClockId, clock_gettime};

/// The difference between `CLOCK_REALTIME` and `CLOCK_MONOTONIC`, measured again when asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    offset: u64,
}

impl Clock {
    /// Measures the difference.
    ///
    /// # Errors
    /// The kernel refuses to tell the time.
    pub fn measure() -> Result<Self, nix::Error> {
        let before = monotonic()?;
        let wall = ns(ClockId::CLOCK_REALTIME)?;
        let after = monotonic()?;
        Ok(Self {
            offset: wall.saturating_sub(before + (after - before) / 2),
        })
    }

    /// A clock whose time of day is the kernel's time plus `offset` ns, for events that are not this
    /// machine's.
    pub fn with_offset(offset: u64) -> Self {
        Self { offset }
    }

    /// ns since 1970 for a `CLOCK_MONOTONIC` time.
    pub fn wall(&self, monotonic: u64) -> u64 {
        monotonic.saturating_add(self.offset)
    }

    /// `CLOCK_MONOTONIC` time for ns since 1970.
    pub fn monotonic(&self, wall: u64) -> u64 {
        wall.saturating_sub(self.offset)
    }
}

/// `CLOCK_MONOTONIC` in ns, the kernel program's clock.
///
/// # Errors
/// The kernel refuses to tell the time.
pub fn monotonic() -> Result<u64, nix::Error> {
    ns(ClockId::CLOCK_MONOTONIC)
}

/// Time of day in ns since 1970.
///
/// # Errors
/// The kernel refuses to tell the time.
pub fn wall() -> Result<u64, nix::Error> {
    ns(ClockId::CLOCK_REALTIME)
}

fn ns(clock: ClockId) -> Result<u64, nix::Error> {
    let time = clock_gettime(clock)?;
    Ok(u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec()).unwrap_or(0))
}
