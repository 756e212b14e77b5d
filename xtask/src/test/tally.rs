//! Counts of tests, read from what the runners print.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result};

use crate::process;

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The counts of each runner.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<String, Counts>);

impl Tally {
    pub(super) fn add(&mut self, runner: &str, counts: Counts) {
        self.0.entry(runner.to_owned()).or_default().add(counts);
    }

    pub(super) fn runners(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.0.iter().map(|(name, counts)| (name.as_str(), *counts))
    }

    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.0.values().for_each(|counts| total.add(*counts));
        total
    }

    /// Counts by the result lines in what a program said.
    pub(super) fn read(&mut self, runner: &str, said: &str) {
        for counts in said.lines().filter_map(result_line) {
            self.add(runner, counts);
        }
    }

    /// Runs a program that prints libtest's result lines, showing and counting them.
    pub(super) fn watch(&mut self, runner: &str, command: &mut Command) -> Result<ExitStatus> {
        let line = process::line(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting `{line}`"))?;
        let stdout = child.stdout.take().context("the program's output")?;
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("reading the program's output")?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.read(runner, &line);
        }
        child
            .wait()
            .with_context(|| format!("waiting for `{line}`"))
    }
}

/// Reads `test result: ok. 3 passed; 1 failed; 0 ignored; ...`.
fn result_line(line: &str) -> Option<Counts> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let mut next = |word: &str| counts.next()?.strip_suffix(word)?.parse().ok();
    Some(Counts {
        passed: next(" passed")?,
        failed: next(" failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Counts, result_line};

    #[test]
    fn result_lines() {
        let rows = [
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; f",
                3,
                0,
            ),
            (
                "test result: FAILED. 0 passed; 12 failed; 0 ignored; 0 measured; 0 filtered",
                0,
                12,
            ),
        ];
        for (line, passed, failed) in rows {
            assert_eq!(result_line(line), Some(Counts { passed, failed }), "{line}");
        }
        let (passed, failed) = (4, 2);
        let line = crate::fuzz::result_line(4, 2);
        assert_eq!(result_line(&line), Some(Counts { passed, failed }));
        for line in ["", "test result: ok", "test a ... ok", "running 3 tests"] {
            assert_eq!(result_line(line), None, "{line}");
        }
    }
}
