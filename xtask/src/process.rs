//! Running other programs, with errors that say which.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to the end with our output; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// The standard output, for asking whether something is there: any failure is `None`.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where `program` is found: in PATH, or in the directories of administration programs, which an
/// ordinary user's PATH may lack. A whole path is found if the file is there.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    ask(Command::new("id").arg("-u")).is_some_and(|uid| uid.trim() == "0")
}

/// `program`, run as root: through sudo if we are not.
///
/// # Errors
/// Neither root nor sudo at hand.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    let sudo = which("sudo").with_context(|| {
        format!(
            "`{}` needs root and there is no sudo: run as root",
            program.as_ref().display()
        )
    })?;
    let mut command = Command::new(sudo);
    command.arg("--").arg(program);
    Ok(command)
}

/// From now on SIGINT, SIGTERM and SIGHUP end all that this process has started, then itself.
///
/// # Errors
/// The system refuses to catch a signal.
pub(crate) fn end_all_when_interrupted() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("catching signals")?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            end_all();
            // As if it had not been caught, so that whoever started this sees why it ended.
            if let Err(error) = signal_hook::low_level::emulate_default_handler(signal) {
                eprintln!("ending by signal {signal}: {error}");
            }
        }
    });
    Ok(())
}

/// Ends everything that this process has started, directly or not: asks it to, and after five seconds
/// kills it. What sudo started is root's and stays, but for Ctrl-C, which the terminal sends to it too.
pub(crate) fn end_all() {
    end_started_by(std::process::id());
}

fn end_started_by(first: u32) {
    const POLL: Duration = Duration::from_millis(50);
    for round in 0..200 {
        let running = started_by(first);
        if running.is_empty() {
            return;
        }
        let signal = match round {
            0 => "TERM",
            100 => "KILL",
            _ => {
                std::thread::sleep(POLL);
                continue;
            }
        };
        // A shell's own `kill` is always there. What has ended meanwhile is no error.
        ask(Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$@\"", signal])
            .args(running.iter().map(u32::to_string)));
    }
}

/// The running processes whose parent is `first` or one of them, or whose session one of them began.
fn started_by(first: u32) -> BTreeSet<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<Process> = entries
        .filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            process_of(&text)
        })
        .collect();
    let mut found = BTreeSet::new();
    loop {
        let ours = |pid: u32| pid == first || found.contains(&pid);
        let more: Vec<u32> = all
            .iter()
            .filter(|process| !ours(process.pid))
            .filter(|process| ours(process.parent) || found.contains(&process.session))
            .map(|process| process.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    let has_ended = |pid: &u32| {
        all.iter()
            .any(|process| process.pid == *pid && process.ended)
    };
    found.retain(|pid| !has_ended(pid));
    found
}

/// A line of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    parent: u32,
    session: u32,
    /// It only waits for its parent to ask after it.
    ended: bool,
}

/// Reads `7 (a name) S 1 7 7 ...`: number, name, state, parent, group, session.
fn process_of(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    // The name may hold anything, parentheses too.
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let ended = fields.next()? == "Z";
    let mut number = || fields.next()?.parse().ok();
    let (parent, _, session) = (number()?, number()?, number()?);
    Some(Process {
        pid: pid.parse().ok()?,
        parent,
        session,
        ended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_is_ended_sessions_too() {
        let script = "setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & wait";
        let mut shell = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let first = shell.id();
        while started_by(first).len() < 4 {
            std::thread::yield_now();
        }
        end_started_by(first);
        assert_eq!(started_by(first), BTreeSet::new());
        // Its `wait` has nothing left to wait for.
        assert!(shell.wait().unwrap().success());
    }

    #[test]
    fn lines_of_stat() {
        let process = |pid, parent, session, ended| Process {
            pid,
            parent,
            session,
            ended,
        };
        let rows = [
            ("7 (sh) S 1 6 5 0 -1", Some(process(7, 1, 5, false))),
            ("8 (a) b (c) Z 7 6 5 0", Some(process(8, 7, 5, true))),
            ("9 (sh) S 1", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(process_of(line), expected, "{line:?}");
        }
    }
}
