//! Processes of a lab: started, recognised, stopped. A process is known by its id and the time at
//! which it started, so that a foreign one which got the id later is never touched.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// Environment variable that marks the processes a lab starts: `NAME:TOKEN`.
pub const MARK: &str = "FLOWS_LAB_OWNER";

/// What a process of the lab is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// A node's agent.
    Agent {
        /// The node.
        node: String,
    },
    /// A node's layer-7 proxy.
    Proxy {
        /// The node.
        node: String,
    },
    /// The relay.
    Relay,
    /// A pod's container.
    Container {
        /// Namespace of the pod.
        namespace: String,
        /// Name of the pod.
        pod: String,
        /// Name of the container.
        container: String,
    },
}

/// A process that the lab started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it is.
    pub role: Role,
    /// Its id in the machine's process namespace.
    pub pid: i32,
    /// When it started: clock ticks since boot, field 22 of /proc/PID/stat.
    pub start_time: u64,
    /// Where its output goes.
    pub log: PathBuf,
}

impl Process {
    /// Whether it runs; one that ended and waits to be reaped doesn't.
    pub fn alive(&self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    /// Takes note of its end, if it is a child of this program; else somebody else will.
    pub fn reap(&self) {
        let result = waitpid(Pid::from_raw(self.pid), Some(WaitPidFlag::WNOHANG));
        tracing::trace!(pid = self.pid, ?result, "reaped");
    }
}

/// When the process started, in ticks since boot; none if there is no such process or it has ended.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; fields are counted from behind it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    // The first thread may have ended before the others, which then still hold files and sockets.
    let others = || fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() > 1);
    if state == "X" || (state == "Z" && !others()) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Where the kernel lists them.
pub(crate) fn children_list(pid: i32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/task/{pid}/children"))
}

/// The processes that one's first thread started and that haven't ended, each with the time of its start.
///
/// # Errors
/// The kernel's list can't be read.
pub(crate) fn children(pid: i32) -> std::io::Result<Vec<(i32, u64)>> {
    let text = fs::read_to_string(children_list(pid))?;
    let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
    Ok(pids
        .filter_map(|pid| Some((pid, start_time(pid)?)))
        .collect())
}

/// A point in time until which something is tried.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Instant,
}

impl Deadline {
    /// That much from now.
    pub fn after(duration: Duration) -> Self {
        Self {
            end: Instant::now() + duration,
        }
    }

    /// Waits a little before the next try; false if it is too late for another one.
    pub fn pause(&self) -> bool {
        if Instant::now() >= self.end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
        true
    }
}

/// Kills a process without asking, and waits for its end.
pub fn kill_now(pid: i32, start: u64) {
    let deadline = Deadline::after(Duration::from_secs(5));
    while start_time(pid) == Some(start) {
        if let Err(error) = kill(Pid::from_raw(pid), Signal::SIGKILL) {
            tracing::debug!(pid, %error, "ended by itself");
        }
        if !deadline.pause() {
            tracing::warn!(pid, "this process can't be killed");
            return;
        }
    }
}

/// Stops processes: asks, waits up to `patience`, then kills. Returns those that live on.
pub fn stop(processes: &[(i32, u64)], patience: Duration) -> Vec<i32> {
    let mut left = processes.to_vec();
    for (signal, patience) in [
        (Signal::SIGTERM, patience),
        (Signal::SIGKILL, Duration::from_secs(5)),
    ] {
        left.retain(|(pid, start)| start_time(*pid) == Some(*start));
        for (pid, _) in &left {
            if let Err(error) = kill(Pid::from_raw(*pid), signal) {
                tracing::debug!(pid, %error, "ended by itself");
            }
        }
        let deadline = Deadline::after(patience);
        loop {
            left.retain(|(pid, start)| start_time(*pid) == Some(*start));
            if left.is_empty() {
                return Vec::new();
            }
            if !deadline.pause() {
                break;
            }
        }
    }
    left.into_iter().map(|(pid, _)| pid).collect()
}

/// All processes that are in one of the network namespaces (given by inode) or carry in their
/// environment a mark that begins so; never this one. Id and start time.
pub fn members(namespaces: &BTreeSet<u64>, mark: Option<&str>) -> Vec<(i32, u64)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = std::process::id().cast_signed();
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let directory = entry.path();
        if pid == own
            || !(inside(&directory, namespaces)
                || mark.is_some_and(|mark| marked(&directory, mark)))
        {
            continue;
        }
        if let Some(start) = start_time(pid) {
            found.push((pid, start));
        }
    }
    found
}

fn inside(process: &Path, namespaces: &BTreeSet<u64>) -> bool {
    fs::metadata(process.join("ns/net")).is_ok_and(|meta| namespaces.contains(&meta.ino()))
}

fn marked(process: &Path, mark: &str) -> bool {
    let Ok(environment) = fs::read(process.join("environ")) else {
        return false;
    };
    environment.split(|byte| *byte == 0).any(|variable| {
        variable
            .strip_prefix(MARK.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"="))
            .is_some_and(|value| value.starts_with(mark.as_bytes()))
    })
}
