//! `flows observe --follow` beside a test, read while it runs.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::harness::TestLab;
use testing_program::Background;

/// The running command; ended when dropped.
pub struct Follow {
    process: Background,
    /// Responses as it writes them.
    out: File,
    /// The beginning of a line whose end is not there yet.
    rest: String,
    /// What it says of the nodes.
    err: NamedTempFile,
}

impl Follow {
    /// Starts it, from the oldest flow there is.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(lab: &TestLab, arguments: &[&str]) -> Self {
        let (out, err) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let mut command = lab.flows();
        command
            .args(["observe", "--follow", "--since", "1970-01-01T00:00:00Z"])
            .args(["--debug", "--output", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.reopen().unwrap())
            .stderr(err.reopen().unwrap());
        Self {
            process: Background::start(&mut command),
            out: out.into_file(),
            rest: String::new(),
            err,
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Responses since the last call.
    ///
    /// # Panics
    /// If what it wrote isn't such.
    pub fn responses(&mut self) -> Vec<Value> {
        self.out.read_to_string(&mut self.rest).unwrap();
        let end = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(end);
        let whole = std::mem::replace(&mut self.rest, rest);
        let responses = whole.lines().map(serde_json::from_str);
        responses.collect::<Result<_, _>>().unwrap()
    }

    /// What it said until now: what the relay tells of the nodes, a line of JSON each.
    ///
    /// # Panics
    /// If it can't be read.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.err.path()).unwrap()
    }
}
