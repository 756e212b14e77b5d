//! How many flows of a node happened in each of the last seconds.

use std::collections::VecDeque;

const SECOND: i64 = 1_000_000_000;
/// Seconds that a rate is of.
const OVER: i64 = 10;
/// Seconds that flows may take to come without being missed in a rate.
const LATE: i64 = 1;
/// Seconds that are counted.
const KEPT: usize = 64;
/// A clock that is wrong by less than this, ns, is not told from flows that come late.
const SKEW: i64 = 2 * SECOND;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    /// Seconds of Unix time with their flows, in order.
    seconds: VecDeque<(i64, u64)>,
    /// How much later than it happened the last live flow came, ns; by the clocks of two machines.
    behind: i64,
}

impl Recent {
    /// Counts a flow of a time (Unix ns); of a live one with the ns that it took to come.
    pub(super) fn count(&mut self, time: i64, behind: Option<i64>) {
        if let Some(behind) = behind {
            self.behind = behind;
        }
        let second = time.div_euclid(SECOND);
        // Nearly in order: the place is near the end.
        let after = self.seconds.iter().rev();
        let after = after.take_while(|(known, _)| *known > second).count();
        let place = self.seconds.len() - after;
        if let Some((known, count)) = place.checked_sub(1).and_then(|at| self.seconds.get_mut(at))
            && *known == second
        {
            *count += 1;
            return;
        }
        if place == 0 && self.seconds.len() == KEPT {
            return;
        }
        self.seconds.insert(place, (second, 1));
        if self.seconds.len() > KEPT {
            self.seconds.pop_front();
        }
    }

    /// Per second at `now`, of the whole seconds from `complete_since` on (both Unix ns) that are over
    /// for long enough; `None`: there is none yet.
    pub(super) fn rate(&self, now: i64, complete_since: i64) -> Option<f64> {
        let behind = Some(self.behind).filter(|behind| behind.saturating_abs() > SKEW);
        let shown = now.saturating_sub(behind.unwrap_or(0));
        let end = shown.div_euclid(SECOND) - LATE;
        // The second in which it begins isn't whole.
        let first = complete_since.div_euclid(SECOND) + 1;
        let begin = (end - OVER).max(first);
        if begin >= end {
            return None;
        }
        let within = |(second, _): &&(i64, u64)| (begin..end).contains(second);
        let count: u64 = self
            .seconds
            .iter()
            .filter(within)
            .map(|(_, count)| count)
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let rate = count as f64 / (end - begin) as f64;
        Some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four flows a second for so many seconds.
    fn steady(from: i64, until: i64, behind: Option<i64>) -> Recent {
        let mut recent = Recent::default();
        for second in from..until {
            for part in 0..4 {
                recent.count(second * SECOND + part * SECOND / 4, behind);
            }
        }
        recent
    }

    #[test]
    fn rates_are_of_when_it_happened() {
        for (name, from, until, now, behind, want) in [
            // A long history, read in a moment.
            ("a history", 0, 1000, 1000, None, Some(4.0)),
            ("a short history", 995, 1000, 1000, None, Some(4.0)),
            ("the first second", 999, 1000, 1000, None, None),
            ("half of it is idle", 0, 995, 1000, None, Some(2.4)),
            ("idle", 0, 900, 1000, None, Some(0.0)),
            ("a clock behind", 0, 980, 1000, Some(20), Some(4.0)),
            ("a clock ahead", 0, 1020, 1000, Some(-20), Some(4.0)),
            ("far beyond", 0, 10, i64::MAX / SECOND, None, Some(0.0)),
        ] {
            let recent = steady(from, until, behind.map(|behind| behind * SECOND));
            let rate = recent.rate(now * SECOND, from * SECOND);
            match (rate, want) {
                (Some(rate), Some(want)) => assert!((rate - want).abs() < 0.01, "{name}: {rate}"),
                (rate, want) => assert_eq!(rate, want, "{name}"),
            }
        }
        assert_eq!(Recent::default().rate(0, i64::MAX), None);
        assert_eq!(Recent::default().rate(i64::MIN, i64::MIN), None);
    }

    #[test]
    fn what_comes_out_of_order_counts_too() {
        let mut recent = Recent::default();
        for second in [5, 3, 4, 3, i64::MAX / SECOND, 6, 5, i64::MIN / SECOND, 3] {
            recent.count(second * SECOND, None);
        }
        let kept: Vec<_> = recent.seconds.iter().copied().collect();
        assert_eq!(kept[1..5], [(3, 3), (4, 1), (5, 2), (6, 1)]);
        for second in 0..1000 {
            recent.count(second * SECOND, None);
        }
        assert_eq!(recent.seconds.len(), KEPT);
    }
}
