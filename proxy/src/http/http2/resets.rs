//! How many streams a client may reset (CVE-2023-44487): each costs the server a request, and the client
//! nothing, since a reset stream no longer counts as open.

use std::time::Duration;

use tokio::time::Instant;

use crate::http::limits::Limits;

/// Resets that a client still may make.
#[derive(Debug)]
pub(super) struct Resets {
    left: u32,
    most: u32,
    refill: Duration,
    refilled: Instant,
}

impl Resets {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            left: limits.resets,
            most: limits.resets,
            refill: limits.reset_refill,
            refilled: now,
        }
    }

    /// Whether one more is within the limit.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.refilled);
        let refill = self.refill.as_nanos().max(1);
        let more = u32::try_from(since.as_nanos() / refill).unwrap_or(u32::MAX);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(self.most);
            self.refilled = now;
        }
        let is_within = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_given_back_with_time() {
        let limits = Limits {
            resets: 3,
            reset_refill: Duration::from_secs(1),
            ..Limits::default()
        };
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut resets = Resets::new(&limits, start);
        for (millis, wanted) in [
            (0, true),
            (1, true),
            (2, true),
            (3, false),
            (1000, true),
            (1001, false),
            (9000, true),
            (9000, true),
            (9000, true),
            (9000, false),
        ] {
            assert_eq!(resets.take(after(millis)), wanted, "{millis}");
        }
    }
}
