//! The rows that a bench prints, as CONTRIBUTING.md ("Benches") describes them.

use serde_json::{Value, json};

/// A row. What it is compared with is measured in the same run: a figure of another machine is no base.
#[derive(Debug)]
#[must_use = "it is to be printed"]
pub struct Row(Value);

impl Row {
    /// What was measured.
    pub fn new(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self(json!({"name": name.into(), "value": rounded(value), "unit": unit}))
    }

    /// What it is compared with, if there is something.
    pub fn against(mut self, base: Option<(&str, f64)>) -> Self {
        if let (Some((base, of)), Some(value)) = (base, self.0["value"].as_f64()) {
            self.0["base"] = base.into();
            self.0["base_value"] = rounded(of).into();
            self.0["ratio"] = rounded(value / of).into();
        }
        self
    }

    /// Another ratio than that of the two figures, such as a median of ratios.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.0["ratio"] = rounded(ratio).into();
        self
    }

    /// What is wanted, if something is.
    pub fn goal<'a>(mut self, goal: impl Into<Option<&'a str>>) -> Self {
        if let Some(goal) = goal.into() {
            self.0["goal"] = goal.into();
        }
        self
    }

    /// A line on standard output.
    #[expect(clippy::print_stdout, reason = "a bench's rows go there")]
    pub fn print(self) {
        println!("{}", self.0);
    }
}

/// The middle one.
///
/// # Panics
/// If there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// To thousandths: a table shows no more.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
