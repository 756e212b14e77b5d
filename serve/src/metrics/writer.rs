//! Writes metrics from figures that are kept elsewhere, when they are asked for.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

/// A page that is being written.
#[derive(Debug)]
pub struct Writer<'a>(DescriptorEncoder<'a>);

impl<'a> Writer<'a> {
    /// For a [`Collector`](prometheus_client::collector::Collector).
    #[must_use]
    pub fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// A family of counters; the encoder appends `_total` to its name.
    ///
    /// # Errors
    /// Of the encoder.
    pub fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Counter)?;
        for (labels, value) in samples {
            let mut sample = family.encode_family(&labels)?;
            sample.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    /// A family of gauges.
    ///
    /// # Errors
    /// Of the encoder.
    pub fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        for (labels, value) in samples {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A family of histograms: of each the samples by the bound that they are not above (the last above all
    /// bounds), and their sum.
    ///
    /// # Errors
    /// Of the encoder.
    pub fn histograms<'s, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[f64],
        samples: impl IntoIterator<Item = (L, (&'s [u64], f64))>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Histogram)?;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        for (labels, (counts, sum)) in samples {
            let buckets: Vec<(f64, u64)> = bounds.clone().zip(counts.iter().copied()).collect();
            let mut sample = family.encode_family(&labels)?;
            sample.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)?;
        }
        Ok(())
    }

    /// A counter without labels.
    ///
    /// # Errors
    /// Of the encoder.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.family(name, help, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// A gauge without labels.
    ///
    /// # Errors
    /// Of the encoder.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.family(name, help, MetricType::Gauge)?
            .encode_gauge(&value)
    }

    fn family<'b>(
        &'b mut self,
        name: &'b str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'b>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{collector::Collector, registry::Registry};

    use super::*;
    use crate::metrics::text;

    #[derive(Debug)]
    struct Page;

    impl Collector for Page {
        fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let mut page = Writer::new(encoder);
            let counts = [2, 0, 1];
            let sample = ([("reporter", "client")], (&counts[..], 7.5));
            page.histograms("took_seconds", "How long.", &[0.5, 5.0], [sample])?;
            page.counters::<Vec<(&str, &str)>>("nothing", "None.", [])
        }
    }

    #[test]
    fn a_histogram_adds_its_buckets_up() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Page));
        let text = text(&registry).unwrap();
        for line in [
            "# TYPE took_seconds histogram",
            "took_seconds_sum{reporter=\"client\"} 7.5",
            "took_seconds_count{reporter=\"client\"} 3",
            "took_seconds_bucket{le=\"0.5\",reporter=\"client\"} 2",
            "took_seconds_bucket{le=\"5.0\",reporter=\"client\"} 2",
            "took_seconds_bucket{le=\"+Inf\",reporter=\"client\"} 3",
            "# TYPE nothing counter",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
