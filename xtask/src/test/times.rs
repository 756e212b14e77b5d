//! How long each step took.

use std::fmt;
use std::time::Duration;

#[derive(Debug)]
struct Row {
    step: &'static str,
    took: Duration,
    /// For a step that ran beside others, how long the run had to wait for it in the end.
    waited: Option<Duration>,
}

/// The steps in the order in which they ended.
#[derive(Debug, Default)]
pub(super) struct Times(Vec<Row>);

impl Times {
    pub(super) fn add(&mut self, step: &'static str, took: Duration) {
        let waited = None;
        self.0.push(Row { step, took, waited });
    }

    pub(super) fn add_beside(&mut self, step: &'static str, took: Duration, waited: Duration) {
        let waited = Some(waited);
        self.0.push(Row { step, took, waited });
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut total = Duration::ZERO;
        for Row { step, took, waited } in &self.0 {
            write!(f, "{step:<14} {:>7.1} s", took.as_secs_f64())?;
            if let Some(waited) = waited {
                write!(
                    f,
                    "  beside others; {:.1} s waited for",
                    waited.as_secs_f64()
                )?;
            }
            writeln!(f)?;
            total += waited.unwrap_or(*took);
        }
        writeln!(f, "{:<14} {:>7.1} s", "all", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_beside_counts_as_long_as_it_was_waited_for() {
        let mut times = Times::default();
        times.add("build", Duration::from_millis(1500));
        times.add("tests", Duration::from_secs(60));
        times.add_beside("fuzzing", Duration::from_secs(70), Duration::from_secs(10));
        let text = "\
build              1.5 s
tests             60.0 s
fuzzing           70.0 s  beside others; 10.0 s waited for
all               71.5 s
";
        assert_eq!(times.to_string(), text);
    }
}
