//! Ctrl-C, without dying of it: what was made must be removed first.

use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::process;

/// How often is looked whether a program has ended or a signal came.
const POLL: Duration = Duration::from_millis(100);

/// SIGINT, SIGTERM and SIGHUP, held back from this process (programs it starts get them as ever).
pub(super) struct Interrupt(SignalFd);

impl Interrupt {
    pub(super) fn catch() -> Result<Interrupt> {
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            signals.add(signal);
        }
        signals.thread_block().context("holding signals back")?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let fd = SignalFd::with_flags(&signals, flags).context("opening a signalfd")?;
        Ok(Interrupt(fd))
    }

    /// Whether one came since the last call.
    pub(super) fn came(&self) -> bool {
        matches!(self.0.read_signal(), Ok(Some(_)))
    }

    /// Runs a program until it ends or a signal comes, which ends it.
    ///
    /// # Errors
    /// The program failed by itself.
    pub(super) fn run_until(&self, command: &mut Command) -> Result<()> {
        let line = process::line(command);
        let mut child = command
            .spawn()
            .with_context(|| format!("starting `{line}`"))?;
        loop {
            if self.came() {
                return end(&mut child);
            }
            if let Some(status) = child.try_wait().context("waiting")? {
                // The program may have got the same signal, and sooner.
                std::thread::sleep(POLL);
                if status.success() || self.came() {
                    return Ok(());
                }
                bail!("`{line}` failed ({status})");
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Gives the program, which got a terminal's signal too, a moment to end.
fn end(child: &mut Child) -> Result<()> {
    for _ in 0..10 {
        if child.try_wait().context("waiting")?.is_some() {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    child.kill().context("ending the program")?;
    child.wait().context("waiting")?;
    Ok(())
}
