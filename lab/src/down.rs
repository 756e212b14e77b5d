//! Taking a lab away: everything it made, whatever of it is still there, also when its record is
//! missing or `up` died half-way.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loader::grace_periods::Expedited;
use nix::mount::{MntFlags, umount2};

use crate::error::{Context, Error, Result};
use crate::netns;
use crate::process::{members, stop};
use crate::state::{LOCK_TIMEOUT, Lock, Paths, RUN, Record, list, remove_tree};

/// Removes the lab of that name: its processes, namespaces (and with them links and routes), mounts
/// and files. Returns how many processes and namespaces there were.
///
/// # Errors
/// [`Error::NoSuchLab`] if nothing of it is there, [`Error::Io`] for what can't be removed.
pub fn down(name: &str) -> Result<(usize, usize)> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    let paths = Paths::new(name)?;
    // An agent that was started by itself has a directory here too, and it isn't ours to remove.
    let ours = [paths.record(), paths.namespaces()];
    let unfinished = fs::read_dir(paths.root()).is_ok_and(|mut entries| {
        entries.all(|entry| {
            entry.is_ok_and(|entry| {
                entry
                    .file_name()
                    .as_encoded_bytes()
                    .starts_with(b".lab.json")
            })
        })
    });
    if !unfinished && !ours.iter().any(|path| path.exists()) {
        return Err(Error::NoSuchLab {
            name: name.to_owned(),
            known: list()?,
        });
    }
    let _lock = Lock::take(paths.root(), LOCK_TIMEOUT)?;
    let record = match Record::load(&paths) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::debug!(%error, "going by names alone");
            None
        }
    };
    let namespaces = namespaces(&paths)?;
    let inodes: BTreeSet<u64> = namespaces
        .iter()
        .filter_map(|path| netns::inode(path))
        .collect();
    // Without the record the name alone marks what was started.
    let mark = match &record {
        Some(record) => format!("{name}:{}", record.token),
        None => format!("{name}:"),
    };
    let mut processes: BTreeSet<(i32, u64)> = members(&inodes, Some(&mark)).into_iter().collect();
    for process in record.iter().flat_map(|record| &record.processes) {
        if process.alive() {
            processes.insert((process.pid, process.start_time));
        }
    }
    let mut count = processes.len();
    let processes: Vec<_> = processes.into_iter().collect();
    stop(&processes, Duration::from_secs(3));
    // What those started while they were being stopped.
    let late = members(&inodes, Some(&mark));
    count += late.len();
    for pid in stop(&late, Duration::ZERO) {
        tracing::warn!(pid, "this process can't be killed");
    }
    for process in record.iter().flat_map(|record| &record.processes) {
        process.reap();
    }
    // No agent comes any more that would do it.
    for node in record.iter().flat_map(|record| &record.plan.nodes) {
        Expedited::recover(&paths.node(&node.name));
    }
    let made = inodes.len();
    for path in &namespaces {
        netns::remove(path)?;
    }
    unmount_below(paths.root())?;
    remove_tree(paths.root())?;
    // The last one out removes the directory of all labs; it stays if it isn't empty.
    let run = Path::new(RUN);
    if let Ok(_lock) = Lock::take(run, LOCK_TIMEOUT)
        && let Err(error) = fs::remove_dir(run)
    {
        tracing::debug!(%error, "{RUN} stays");
    }
    Ok((count, made))
}

fn namespaces(paths: &Paths) -> Result<Vec<PathBuf>> {
    let directory = paths.namespaces();
    match fs::read_dir(&directory) {
        Ok(entries) => entries
            .map(|entry| Ok(entry.context("list", &directory)?.path()))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context("list", &directory),
    }
}

/// Unmounts everything below the directory (the agents' bpffs), the innermost first.
fn unmount_below(root: &Path) -> Result<()> {
    let table = Path::new("/proc/self/mountinfo");
    let text = fs::read_to_string(table).context("read", table)?;
    // Field 5 is the mount point, with blanks and backslashes in octal: names here have neither.
    let mut points: Vec<&Path> = text
        .lines()
        .filter_map(|line| line.split(' ').nth(4).map(Path::new))
        .filter(|point| point.starts_with(root))
        .collect();
    points.reverse();
    for point in points {
        umount2(point, MntFlags::MNT_DETACH).context("unmount", point)?;
    }
    Ok(())
}
