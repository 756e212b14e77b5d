//! What of a table of groups fits on a terminal: numbers and names rather than details.

use super::Unit;

/// A number of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Flows,
    Dropped,
    Rate,
    Bytes,
    Packets,
    Last,
    Trend,
}

impl Count {
    pub(super) const ALL: [Self; 7] = [
        Self::Flows,
        Self::Dropped,
        Self::Rate,
        Self::Bytes,
        Self::Packets,
        Self::Last,
        Self::Trend,
    ];

    pub(super) fn heading(self, unit: Unit) -> &'static str {
        match (self, unit) {
            (Self::Flows, Unit::Connections) => "CONNECTIONS",
            (Self::Flows, Unit::Events) => "FLOWS",
            (Self::Dropped, _) => "DROPPED",
            (Self::Rate, Unit::Connections) => "PER SECOND",
            (Self::Rate, Unit::Events) => "FLOWS/S",
            (Self::Bytes, _) => "BYTES",
            (Self::Packets, _) => "PACKETS",
            (Self::Last, _) => "LAST",
            (Self::Trend, _) => "TREND",
        }
    }
}

/// Columns of a table, the keys of the groups first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// Width of each key's column.
    pub(super) keys: Vec<usize>,
    /// The numbers that are shown, and their widths.
    pub(super) counts: Vec<(Count, usize)>,
}

/// Narrowest column of a key.
const NARROWEST: usize = 6;

impl Fit {
    /// The columns of these widths in a line of `width`. `says_verdict`: a key is the verdict, so that
    /// the number of drops is the number of flows or nothing.
    pub(super) fn new(
        width: usize,
        keys: Vec<usize>,
        counts: Vec<(Count, usize)>,
        says_verdict: bool,
    ) -> Self {
        let natural = keys.clone();
        let mut fit = Self { keys, counts };
        for detail in [Count::Last, Count::Packets, Count::Bytes] {
            fit.leave_out(detail, width);
        }
        if says_verdict {
            fit.leave_out(Count::Dropped, width);
        }
        for narrower in [12, 8] {
            if fit.width() > width
                && let Some((_, trend)) = fit.counts.iter_mut().find(|(c, _)| *c == Count::Trend)
            {
                *trend = narrower;
            }
        }
        fit.share(&natural, width);
        if fit.width() > width {
            fit.leave_out(Count::Trend, width);
            fit.share(&natural, width);
        }
        fit
    }

    fn width(&self) -> usize {
        let counts = self.counts.iter().map(|(_, width)| width);
        self.keys
            .iter()
            .chain(counts)
            .map(|width| width + 2)
            .sum::<usize>()
            - 2
    }

    fn leave_out(&mut self, count: Count, width: usize) {
        if self.width() > width {
            self.counts.retain(|(known, _)| *known != count);
        }
    }

    /// Makes the widest keys narrower until all fits.
    fn share(&mut self, natural: &[usize], width: usize) {
        let widest = natural.iter().copied().max().unwrap_or(0);
        for most in (NARROWEST..=widest.max(NARROWEST)).rev() {
            self.keys = natural.iter().map(|plan| *plan.min(&most)).collect();
            if self.width() <= width {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_go_before_details() {
        let counts = || {
            let widths = [6, 7, 7, 9, 7, 12, 24];
            Count::ALL.into_iter().zip(widths).collect::<Vec<_>>()
        };
        let keys = || vec![23, 24, 9, 13];
        use Count::{Bytes, Dropped, Flows, Last, Packets, Rate, Trend};
        for (width, says_verdict, want_keys, want_counts) in [
            (usize::MAX, true, keys(), counts()),
            (
                140,
                true,
                keys(),
                vec![(Flows, 6), (Dropped, 7), (Rate, 7), (Bytes, 9), (Trend, 24)],
            ),
            (120, true, keys(), vec![(Flows, 6), (Rate, 7), (Trend, 24)]),
            (
                120,
                false,
                keys(),
                vec![(Flows, 6), (Dropped, 7), (Rate, 7), (Trend, 12)],
            ),
            (
                80,
                true,
                vec![12, 12, 9, 12],
                vec![(Flows, 6), (Rate, 7), (Trend, 8)],
            ),
            (40, true, vec![6, 6, 6, 6], vec![(Flows, 6), (Rate, 7)]),
        ] {
            let fit = Fit::new(width, keys(), counts(), says_verdict);
            let want = Fit {
                keys: want_keys,
                counts: want_counts,
            };
            assert_eq!(fit, want, "{width}");
            assert!(fit.width() <= width || width == 40);
        }
        // Nothing is left out of what fits.
        let fit = Fit::new(200, keys(), counts(), true);
        assert!(
            [Bytes, Packets, Last]
                .iter()
                .all(|c| fit.counts.iter().any(|(d, _)| d == c))
        );
    }
}
