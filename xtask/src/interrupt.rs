//! Ctrl-C, without dying of it: what was made must be removed first.

use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::process;

/// How often is looked whether a program has ended or a signal came.
const POLL: Duration = Duration::from_millis(100);

/// SIGINT, SIGTERM and SIGHUP, noted. They are caught, not blocked: programs that are started get them
/// as ever, while a blocked signal would stay blocked in them.
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub(crate) fn catch() -> Result<Interrupt> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&came)).context("catching signals")?;
        }
        Ok(Interrupt(came))
    }

    /// Whether one came since the last call.
    pub(crate) fn came(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    /// Runs a program until it ends or a signal comes, which ends it.
    ///
    /// # Errors
    /// The program failed by itself.
    pub(crate) fn run_until(&self, command: &mut Command) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_noted_and_programs_have_none_blocked() {
        let interrupt = Interrupt::catch().unwrap();
        assert!(!interrupt.came());
        let script = "kill -TERM $PPID; grep SigBlk: /proc/self/status";
        let output = Command::new("sh").args(["-c", script]).output().unwrap();
        assert!(interrupt.came() && !interrupt.came());
        let blocked = String::from_utf8(output.stdout).unwrap();
        assert_eq!(blocked.trim(), "SigBlk:\t0000000000000000");
    }
}
