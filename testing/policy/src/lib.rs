//! States made of YAML; random clusters and policies, and an oracle that judges probes from the rules as
//! they are written. [`generate`], [`model`] and [`oracle`] know nothing of the compiler or the lookup;
//! only [`compare`] does, which holds the one against the other. [`layer7`] has the sets of the table of cases of
//! layer 7 in force.

#![expect(clippy::panic, reason = "helpers of a test fail it")]

pub mod compare;
pub mod generate;
pub mod layer7;
pub mod model;
pub mod oracle;
mod random;
mod state;

pub use random::Random;
pub use state::{add, shown, state};

/// Runs a test over so many cases by default, each by its number; `FLOWS_CASES=n` runs more or fewer,
/// `FLOWS_SEED=n` one alone. Returns how many were run; `None`: one alone, of which nothing general can
/// be expected.
///
/// # Panics
/// If a variable is no number.
pub fn run_cases(default: u64, run: impl FnMut(u64)) -> Option<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().expect("a number"))
    };
    let seed = number("FLOWS_SEED");
    let cases = number("FLOWS_CASES").unwrap_or(default);
    seed.map_or(0..cases, |seed| seed..seed + 1).for_each(run);
    seed.is_none().then_some(cases)
}
