//! Programs that run beside the steps: they get only the processor time that nobody else wants, and
//! what they say is kept until they have ended.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use crate::process;
use crate::workspace::{root, target_dir};

/// Sets its own priority, then becomes the program in `$@`.
///
/// Where the kernel shares out time among sessions first (autogroup), a priority counts within a
/// session only, and a lab's agents are sessions of their own: so this is one too, and the session as a
/// whole has the lowest priority. `SCHED_IDLE` then makes way at once when anybody else wakes up.
const AT_LOWEST_PRIORITY: &str = "\
    { echo 19 > /proc/self/autogroup; } 2> /dev/null
    if command -v chrt > /dev/null; then exec chrt --idle 0 \"$@\"; else exec nice -n 19 \"$@\"; fi";

/// A program that runs beside the steps.
pub(super) struct Beside {
    log: PathBuf,
    waiter: JoinHandle<(io::Result<ExitStatus>, Duration)>,
}

/// What came of it.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// How long it ran.
    pub(super) after: Duration,
    /// Everything that it wrote.
    pub(super) said: String,
}

impl Beside {
    /// Starts a program from the repository's root, with its arguments; what else is set of the command
    /// doesn't count. Its output goes to `target/beside/NAME.log`.
    pub(super) fn start(name: &str, program: &Command) -> Result<Beside> {
        let dir = target_dir()?.join("beside");
        std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = Command::new("setsid");
        command
            .args(["sh", "-c", AT_LOWEST_PRIORITY, "sh"])
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(file.try_clone().context("using a file twice")?)
            .stderr(file);
        let line = process::line(program);
        let start = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("starting `{line}`"))?;
        let waiter = std::thread::spawn(move || (child.wait(), start.elapsed()));
        Ok(Beside { log, waiter })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.waiter.is_finished()
    }

    /// Waits until it has ended.
    pub(super) fn wait(self) -> Result<Ended> {
        let (status, after) = self
            .waiter
            .join()
            .map_err(|_panic| anyhow!("waiting for a program panicked"))?;
        let said =
            std::fs::read(&self.log).with_context(|| format!("reading {}", self.log.display()))?;
        Ok(Ended {
            status: status.context("waiting for a program")?,
            after,
            said: String::from_utf8_lossy(&said).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_beside_has_the_lowest_priority_and_its_output_is_kept() {
        let mut program = Command::new("sh");
        // The scheduling policy is the 41st field of stat: 5 is SCHED_IDLE.
        program.args(["-c", "cut -d' ' -f41 /proc/self/stat; echo err >&2; exit 3"]);
        let ended = Beside::start("test", &program).unwrap().wait().unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.said, "5\nerr\n");
    }
}
