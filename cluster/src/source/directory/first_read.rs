//! The first reading of a directory: no file depends on another one, so that each CPU reads some.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::background::LARGE;
use super::file::{self, Content, Stamp};
use super::manifest_name;

/// Threads at most: from there on it is the memory that they wait for.
const MOST_THREADS: usize = 8;

/// Texts at most, bytes: what is read ahead is in memory at once, also what turns out to be of no use.
const MOST_BYTES: u64 = 64 << 20;

/// Files as they were read, and how they looked before.
pub(super) type FirstRead = BTreeMap<Arc<str>, (Stamp, Content)>;

/// Reads the manifests of a directory. What can't be read ahead, or is too large for that, is left out: it is
/// read when it is looked at one by one.
pub(super) fn read_all(directory: &Path) -> io::Result<FirstRead> {
    let mut files = Vec::new();
    let mut bytes = 0_u64;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = manifest_name(&path);
        let (Some(name), Ok(metadata)) = (name, fs::metadata(&path)) else {
            continue;
        };
        let all = bytes.saturating_add(metadata.len());
        if metadata.is_file() && metadata.len() <= LARGE && all <= MOST_BYTES {
            bytes = all;
            files.push((name, path, Stamp::from_metadata(&metadata)));
        }
    }
    let next = AtomicUsize::new(0);
    let read_some = || {
        let mut read = Vec::new();
        while let Some((name, path, stamp)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            // What can't be read now may be later, when fewer files are open.
            if let Ok(content) = file::read(name, path, None) {
                read.push((Arc::clone(name), (stamp.clone(), content)));
            }
        }
        read
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let others = threads.min(MOST_THREADS).min(files.len()).saturating_sub(1);
    Ok(thread::scope(|scope| {
        // Where there are too few threads, this one reads all.
        let start = |_| thread::Builder::new().spawn_scoped(scope, read_some).ok();
        let reading: Vec<_> = (0..others).map_while(start).collect();
        let own = read_some();
        let read = reading.into_iter().map(thread::ScopedJoinHandle::join);
        // What a thread had read that panicked is read again, where the panic is met.
        read.filter_map(Result::ok).flatten().chain(own).collect()
    }))
}
