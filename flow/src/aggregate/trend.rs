//! A count over time, in few buckets: a sparkline.

/// Number of buckets.
pub const BUCKETS: usize = 24;

/// Narrowest bucket, in ns.
const NARROWEST: i64 = 1 << 20;

/// Counts per bucket of time. Buckets are twice as wide as soon as the last one is passed; they
/// begin at multiples of their width, so that two trends can be added and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trend {
    /// Beginning of the first bucket, in ns since 1970.
    start: i64,
    width: i64,
    counts: [u32; BUCKETS],
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            start: i64::MIN,
            width: NARROWEST,
            counts: [0; BUCKETS],
        }
    }
}

impl Trend {
    /// When the first bucket begins (ns since 1970), if there is one.
    pub fn start(&self) -> Option<i64> {
        (self.start != i64::MIN).then_some(self.start)
    }

    /// How much time a bucket spans.
    pub fn step(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.width.unsigned_abs())
    }

    /// Counts one at that moment.
    pub fn count(&mut self, time: i64) {
        self.more(time, 1);
    }

    fn more(&mut self, time: i64, count: u32) {
        if self.start == i64::MIN {
            self.start = time.div_euclid(self.width).saturating_mul(self.width);
        }
        self.reach(time);
        let at = self.bucket(time);
        self.counts[at] = self.counts[at].saturating_add(count);
    }

    fn bucket(&self, time: i64) -> usize {
        let bucket = time.saturating_sub(self.start).div_euclid(self.width);
        usize::try_from(bucket).unwrap_or(0).min(BUCKETS - 1)
    }

    fn end(&self) -> i64 {
        let buckets = i64::try_from(BUCKETS).unwrap_or(i64::MAX);
        self.start
            .saturating_add(self.width.saturating_mul(buckets))
    }

    /// Widens the buckets until one is there for that moment, before the first one or behind the
    /// last.
    fn reach(&mut self, time: i64) {
        while time >= self.end() || time < self.start {
            let Some(width) = self.width.checked_mul(2) else {
                return;
            };
            let old = self.clone();
            self.width = width;
            let least = if time < old.start { time } else { old.start };
            // A moment long before would need many widenings: the buckets begin with it.
            self.start = least.div_euclid(width).saturating_mul(width);
            if old.end().saturating_sub(1) >= self.end() {
                // The old buckets don't all fit behind the moment yet.
                self.start = old.start.div_euclid(width).saturating_mul(width);
            }
            self.counts = [0; BUCKETS];
            let mut begin = old.start;
            for count in old.counts {
                if count > 0 {
                    let at = self.bucket(begin);
                    self.counts[at] = self.counts[at].saturating_add(count);
                }
                begin = begin.saturating_add(old.width);
            }
        }
    }

    /// Adds what the other one counts.
    pub fn add(&mut self, other: &Self) {
        if other.start == i64::MIN {
            return;
        }
        while self.width < other.width && self.width < i64::MAX / 2 {
            self.widen();
        }
        let mut begin = other.start;
        for count in other.counts {
            if count > 0 {
                self.more(begin, count);
            }
            begin = begin.saturating_add(other.width);
        }
    }

    fn widen(&mut self) {
        if self.start == i64::MIN {
            self.width *= 2;
            return;
        }
        let end = self.end();
        self.reach(end);
    }

    /// The counts, as they would be in the buckets of `frame`: so trends of one table share their
    /// time axis.
    pub fn within(&self, frame: &Self) -> [u32; BUCKETS] {
        let mut framed = frame.emptied();
        let mut begin = self.start;
        for count in self.counts {
            if count > 0 {
                let at = framed.bucket(begin);
                framed.counts[at] = framed.counts[at].saturating_add(count);
            }
            begin = begin.saturating_add(self.width);
        }
        framed.counts
    }

    /// The same buckets, with nothing in them.
    pub fn emptied(&self) -> Self {
        Self {
            counts: [0; BUCKETS],
            ..self.clone()
        }
    }

    /// A bar per bucket; a blank for none.
    pub fn sparkline(counts: &[u32]) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = counts.iter().copied().max().unwrap_or(0);
        let bar = |count: &u32| match count {
            0 => ' ',
            count => {
                let level = (u64::from(*count) * 8).div_ceil(u64::from(most)) - 1;
                BARS[usize::try_from(level).unwrap_or(0).min(7)]
            }
        };
        counts.iter().map(bar).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_whatever_comes() {
        let mut state: u64 = 7;
        for spread in [1, 1 << 22, 1 << 30, 1 << 40, 1 << 55] {
            let mut trend = Trend::default();
            for counted in 1..=200u32 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let offset = i64::try_from(state >> 8).unwrap() % spread;
                trend.count(1_700_000_000_000_000_000 + offset);
                assert_eq!(trend.counts.iter().sum::<u32>(), counted, "{trend:?}");
            }
            let mut sum = Trend::default();
            sum.count(1_700_000_000_000_000_000);
            sum.add(&trend);
            assert_eq!(sum.counts.iter().sum::<u32>(), 201);
            assert_eq!(trend.within(&sum).iter().sum::<u32>(), 200);
        }
        let mut trend = Trend::default();
        for time in [i64::MAX, i64::MIN + 1, 0, i64::MAX] {
            trend.count(time);
        }
        assert_eq!(trend.counts.iter().sum::<u32>(), 4);
    }

    #[test]
    fn sparklines() {
        assert_eq!(Trend::sparkline(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(Trend::sparkline(&[0, 0]), "  ");
        assert_eq!(Trend::sparkline(&[u32::MAX, 1]), "█▁");
    }
}
