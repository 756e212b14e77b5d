//! Times of single requests.

use std::time::Duration;

/// What a run found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Processor time of the proxy per request, in us; 0 without one.
    pub(crate) processor: f64,
    /// In us.
    pub(crate) median: f64,
    /// 99 of 100 are shorter, in us.
    pub(crate) p99: f64,
}

impl Sample {
    /// Of these requests within that time.
    pub(crate) fn new(mut times: Vec<Duration>, within: Duration, processor: Duration) -> Self {
        assert!(!times.is_empty(), "no request was answered");
        times.sort_unstable();
        let at = |share: f64| {
            let at = (times.len() as f64 * share) as usize;
            times[at.min(times.len() - 1)].as_secs_f64() * 1e6
        };
        Self {
            rate: times.len() as f64 / within.as_secs_f64(),
            processor: processor.as_secs_f64() * 1e6 / times.len() as f64,
            median: at(0.5),
            p99: at(0.99),
        }
    }
}

/// Runs in turns: the first of each, then the second of each, ... The samples of each.
pub(crate) fn in_turns<T>(
    runs: usize,
    of: &[T],
    mut run: impl FnMut(&T) -> Sample,
) -> Vec<Samples> {
    let mut all: Vec<Samples> = of.iter().map(|_| Samples(Vec::new())).collect();
    for _ in 0..runs {
        for (one, samples) in of.iter().zip(&mut all) {
            samples.0.push(run(one));
        }
    }
    all
}

/// The runs of one way.
#[derive(Debug)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    /// The median of what is asked for.
    pub(crate) fn median(&self, what: impl Fn(&Sample) -> f64) -> f64 {
        testing_bench::median(self.0.iter().map(what).collect())
    }

    /// The median of the ratios to the base's runs of the same turn.
    pub(crate) fn ratio(&self, base: &Self, what: impl Fn(&Sample) -> f64) -> f64 {
        let both = self.0.iter().zip(&base.0);
        testing_bench::median(both.map(|(own, base)| what(own) / what(base)).collect())
    }

    /// The median of the differences to the base's runs of the same turn.
    pub(crate) fn added(&self, base: &Self, what: impl Fn(&Sample) -> f64) -> f64 {
        let both = self.0.iter().zip(&base.0);
        testing_bench::median(both.map(|(own, base)| what(own) - what(base)).collect())
    }
}
