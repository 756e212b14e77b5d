//! `flows observe --follow` beside a test, read while it runs.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Stdio};

use flows_lab::harness::TestLab;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::screen::flows;

/// The running command; ended when dropped.
pub(crate) struct Follow {
    /// The process.
    pub(crate) child: Child,
    /// Responses as it writes them.
    out: File,
    /// The beginning of a line whose end is not there yet.
    rest: String,
    /// What it says of the nodes.
    err: NamedTempFile,
}

impl Follow {
    /// Starts it, from the oldest flow there is.
    pub(crate) fn start(lab: &TestLab, arguments: &[&str]) -> Self {
        let (out, err) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let child = flows(lab)
            .args(["observe", "--follow", "--since", "1970-01-01T00:00:00Z"])
            .args(["--debug", "--output", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.reopen().unwrap())
            .stderr(err.reopen().unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            out: out.into_file(),
            rest: String::new(),
            err,
        }
    }

    /// Responses since the last call.
    pub(crate) fn responses(&mut self) -> Vec<Value> {
        self.out.read_to_string(&mut self.rest).unwrap();
        let end = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.rest.split_off(end);
        let whole = std::mem::replace(&mut self.rest, rest);
        let responses = whole.lines().map(serde_json::from_str);
        responses.collect::<Result<_, _>>().unwrap()
    }

    /// What it said until now: what the relay tells of the nodes, a line of JSON each.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.err.path()).unwrap()
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        // One that is stopped ends as well.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("{error}");
        }
    }
}
