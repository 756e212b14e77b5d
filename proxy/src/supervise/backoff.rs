//! When what ended is started again.

use std::time::Duration;

/// What lived for so long was up.
const STEADY: Duration = Duration::from_secs(10);
/// The pause before the second start in a row, doubled before each further one.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);
/// Ends in a row after which it isn't started any more: some five seconds of pauses.
const MOST: u32 = 9;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    ended: u32,
}

impl Backoff {
    /// The pause before the next start, of what lived for so long; `None`: it is given up.
    pub(super) fn after(&mut self, lived: Duration) -> Option<Duration> {
        if lived >= STEADY {
            self.ended = 0;
        }
        self.ended += 1;
        match self.ended {
            1 => Some(Duration::ZERO),
            MOST.. => None,
            ended => Some(LONGEST.min(FIRST * 2_u32.pow(ended - 2))),
        }
    }

    /// How many times it ended in a row.
    pub(super) fn ended(&self) -> u32 {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_costs_no_time_and_those_in_a_row_ever_more() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> =
            std::iter::from_fn(|| backoff.after(Duration::from_secs(1))).collect();
        assert_eq!(pauses[..3], [Duration::ZERO, FIRST, 2 * FIRST]);
        assert!(pauses.is_sorted() && pauses.len() == 8);
        assert!(pauses.iter().sum::<Duration>() < STEADY);
        assert_eq!(backoff.ended(), MOST);
    }

    #[test]
    fn what_was_up_begins_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..50 {
            assert_eq!(backoff.after(STEADY), Some(Duration::ZERO));
        }
    }
}
