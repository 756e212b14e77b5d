//! Counts over time.

use flow::Verdict;

use super::{Kind, Match};

/// Lengths of a bucket that people can read, ns; each divides the next.
const LENGTHS: [i64; 13] = {
    const S: i64 = 1_000_000_000;
    [
        S / 100,
        S / 20,
        S / 4,
        S,
        5 * S,
        15 * S,
        60 * S,
        300 * S,
        900 * S,
        3600 * S,
        21_600 * S,
        86_400 * S,
        604_800 * S,
    ]
};

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Flows that passed: FORWARDED, REDIRECTED, TRACED, TRANSLATED, AUDIT and unknown verdicts.
    pub passed: u64,
    /// DROPPED and ERROR.
    pub dropped: u64,
    /// Lost events.
    pub lost: u64,
}

impl Bucket {
    /// Counts an item.
    pub fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Flow(Verdict::Dropped | Verdict::Error) => self.dropped += 1,
            Kind::Flow(_) => self.passed += 1,
            Kind::Marker(lost) => self.lost = self.lost.saturating_add(lost),
        }
    }
}

/// Counts of matches over time, in buckets of equal length that begin at multiples of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// Begin of the first bucket, Unix ns.
    pub start: i64,
    /// Length of a bucket, ns.
    pub length: i64,
    /// The buckets; empty if nothing is between.
    pub buckets: Vec<Bucket>,
}

impl Histogram {
    /// Counts what is within a time (Unix ns, both included), in at most so many buckets.
    #[must_use]
    pub fn new<'a>(
        matches: impl IntoIterator<Item = &'a Match>,
        from: i64,
        to: i64,
        most: usize,
    ) -> Self {
        Self::counted(matches.into_iter().copied(), from, to, most)
    }

    /// The same of matches that nobody keeps, such as those that are made of connections.
    #[must_use]
    pub fn counted(
        matches: impl IntoIterator<Item = Match>,
        from: i64,
        to: i64,
        most: usize,
    ) -> Self {
        let most = i64::try_from(most.clamp(1, 10_000)).unwrap_or(1);
        // Half of what fits: sums and multiples stay within.
        let from = from.clamp(i64::MIN / 2, i64::MAX / 2);
        let to = to.clamp(from, i64::MAX / 2);
        let count = |length: i64| to.div_euclid(length) - from.div_euclid(length) + 1;
        let fits = LENGTHS.into_iter().find(|length| count(*length) <= most);
        let longest = LENGTHS[LENGTHS.len() - 1];
        // Centuries: as many of the longest as it takes.
        let length = fits.unwrap_or_else(|| {
            let times = (to.div_euclid(longest) - from.div_euclid(longest)) / most + 2;
            longest.saturating_mul(times)
        });
        let start = from.div_euclid(length) * length;
        let buckets = usize::try_from(count(length)).unwrap_or(1);
        let mut buckets = vec![Bucket::default(); buckets];
        for found in matches {
            if found.time < from || found.time > to {
                continue;
            }
            let at = usize::try_from((found.time - start) / length).unwrap_or(0);
            let Some(bucket) = buckets.get_mut(at) else {
                continue;
            };
            bucket.add(found.kind);
        }
        Self {
            start,
            length,
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(time: i64, verdict: Verdict) -> Match {
        Match {
            number: 0,
            time,
            kind: Kind::Flow(verdict),
        }
    }

    #[test]
    fn everything_is_in_its_bucket() {
        let second = 1_000_000_000;
        let matches = [
            flow(0, Verdict::Forwarded),
            flow(9 * second, Verdict::Dropped),
            Match {
                number: 1,
                time: 9 * second + 1,
                kind: Kind::Marker(7),
            },
            flow(60 * second, Verdict::Forwarded),
        ];
        let found = Histogram::new(&matches, 0, 10 * second, 20);
        assert_eq!(
            (found.start, found.length, found.buckets.len()),
            (0, second, 11)
        );
        let total = |of: fn(&Bucket) -> u64| found.buckets.iter().map(of).sum::<u64>();
        assert_eq!(
            (total(|b| b.passed), total(|b| b.dropped), total(|b| b.lost)),
            (1, 1, 7)
        );
        assert_eq!(
            found.buckets[9],
            Bucket {
                passed: 0,
                dropped: 1,
                lost: 7
            }
        );
    }

    #[test]
    fn any_range_gives_no_more_buckets_than_asked_for() {
        for (from, to) in [
            (0, 0),
            (-5, 5),
            (i64::MIN, i64::MAX),
            (i64::MAX - 1, i64::MAX),
            (5, -5),
            (1_763_000_000_000_000_000, 1_763_000_123_456_789_000),
        ] {
            for most in [1, 2, 60, 1000] {
                let found = Histogram::new(&[], from, to, most);
                assert!(
                    (1..=most.max(2)).contains(&found.buckets.len()),
                    "{from} {to} {most}: {}",
                    found.buckets.len()
                );
                assert!(found.start <= from.max(i64::MIN / 2) || from > i64::MAX / 2);
            }
        }
    }
}
