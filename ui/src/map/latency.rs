//! How long answers took, counted in steps of an eighth of a power of two: a median is off by 6 % at most.

use std::collections::BTreeMap;

/// Answers by the step of how long they took.
pub(crate) type Latencies = BTreeMap<u32, u64>;

/// The step of a latency, ns.
pub(super) fn step(ns: u64) -> u32 {
    match ns.max(1).ilog2() {
        // These are told apart.
        0..3 => u32::try_from(ns).unwrap_or(0),
        power => power * 8 + u32::try_from((ns >> (power - 3)) & 7).unwrap_or(0),
    }
}

/// The middle of a step, ns.
fn middle(step: u32) -> u64 {
    match step / 8 {
        0..3 => step.into(),
        power => ((8 + u64::from(step % 8)) << (power - 3)) + (1 << (power - 3)) / 2,
    }
}

/// The latency (ns) that half of the answers don't exceed; `None` without any.
pub(crate) fn median(latencies: &Latencies) -> Option<u64> {
    let half = latencies.values().sum::<u64>().div_ceil(2);
    let mut sum = 0;
    let mut steps = latencies.iter();
    let found = steps.find(|(_, count)| {
        sum += **count;
        sum >= half
    });
    found.map(|(step, _)| middle(*step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_narrow() {
        for ns in [0, 1, 7, 8, 9, 1_000, 95_434_589, 12_000_000_000, u64::MAX] {
            let off = middle(step(ns)).abs_diff(ns);
            assert!(off <= ns / 16 + 1, "{ns}: off by {off}");
        }
    }

    #[test]
    fn the_median_is_that_of_the_answers() {
        let mut latencies = Latencies::new();
        assert_eq!(median(&latencies), None);
        for (ns, answers) in [(1_000_000, 3), (2_000_000, 1), (80_000_000, 2)] {
            *latencies.entry(step(ns)).or_default() += answers;
        }
        let median = median(&latencies).unwrap();
        assert!(median.abs_diff(1_000_000) < 70_000, "{median}");
    }
}
