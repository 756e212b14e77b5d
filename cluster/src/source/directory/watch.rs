//! Following a directory: the system's notices, gathered until writing has come to rest.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use thiserror::Error;
use tracing::{debug, warn};

use super::{Directory, RESCAN_INTERVAL, ReadDone, Scan, locate};
use crate::object::ObjectName;
use crate::origin::Origin;
use crate::source::{Health, Snapshot, Source};
use crate::yaml;

/// A change counts once nothing has happened for this long ...
const DEBOUNCE: Duration = Duration::from_millis(10);
/// ... or after this long, whatever happens: a writer that never rests must not keep the others waiting.
const MAX_DEBOUNCE: Duration = Duration::from_millis(250);

/// The watching thread can't be started.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The system gives no notices.
    #[error("can't watch {}: {source}", path.display())]
    Notices {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: notify::Error,
    },
    /// No thread.
    #[error("can't start the thread that watches manifests: {0}")]
    Thread(#[source] std::io::Error),
}

/// A thread that follows a directory. Dropping it stops and joins the thread.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    newest: Arc<Mutex<Newest>>,
    stop: Arc<AtomicBool>,
    wake: SyncSender<Notice>,
    thread: Option<JoinHandle<Directory>>,
}

/// What the directory was like when it was looked at last.
#[derive(Debug)]
struct Newest {
    snapshot: Snapshot,
    health: Health,
}

impl Newest {
    fn from_directory(directory: &Directory) -> Self {
        Self {
            snapshot: directory.snapshot(),
            health: directory.health(),
        }
    }
}

enum Notice {
    /// A file is being written; it is whole once [`Notice::Closed`] comes.
    Writing(PathBuf),
    Closed(PathBuf),
    /// A file came to this path by a rename.
    Renamed(PathBuf),
    /// Something else happened to a file.
    Other(PathBuf),
    /// Something happened that may be about any file.
    Changed,
    /// Notices were lost, or the watch is no longer good.
    Lost,
}

impl Directory {
    /// Starts a thread that calls `on_change` for every new snapshot, and when the health changed, in order: the directory then has
    /// it ([`Directory::snapshot`]), and so has the [`Watch`]. It is
    /// called from that thread only, and a slow one delays the next look, so that snapshots don't pile
    /// up: what is skipped is never needed. To get into an async program, send into a watch channel.
    ///
    /// Large files are read beside the others: until that is done, they are as they were.
    ///
    /// The present snapshot isn't announced; what changed since it was taken is.
    ///
    /// # Errors
    /// The system gives neither a thread nor notices.
    pub fn watch(
        mut self,
        on_change: impl FnMut(&Directory) + Send + 'static,
    ) -> Result<Watch, WatchError> {
        // Notices that find no room are dropped: the ones before them make the thread look, at all files.
        let (wake, notices) = sync_channel(1024);
        let stop = Arc::new(AtomicBool::new(false));
        let missed = Arc::new(AtomicBool::new(false));
        let watcher = new_watcher(&self.path, wake.clone(), Arc::clone(&missed))?;
        let path = self.path.clone();
        let newest = Arc::new(Mutex::new(Newest::from_directory(&self)));
        let done = Mutex::new(wake.clone());
        self.read_done = Some(ReadDone(Arc::new(move || {
            let done = done.lock().unwrap_or_else(PoisonError::into_inner);
            drop(done.try_send(Notice::Changed));
        })));
        let thread = std::thread::Builder::new()
            .name("manifests".to_owned())
            .spawn({
                let (stop, wake) = (Arc::clone(&stop), wake.clone());
                let newest = Arc::clone(&newest);
                let mut on_change = on_change;
                let on_change = move |directory: &Directory| {
                    *lock(&newest) = Newest::from_directory(directory);
                    on_change(directory);
                };
                move || {
                    let notice_source = NoticeSource {
                        watcher,
                        wake,
                        missed,
                    };
                    follow(self, notice_source, &notices, &stop, on_change)
                }
            })
            .map_err(WatchError::Thread)?;
        Ok(Watch {
            path,
            newest,
            stop,
            wake,
            thread: Some(thread),
        })
    }
}

impl Watch {
    /// Stops the thread and gives the directory back; `None` if the callback had panicked.
    pub fn stop(mut self) -> Option<Directory> {
        self.join()
    }

    fn join(&mut self) -> Option<Directory> {
        self.stop.store(true, Ordering::Release);
        // A full channel wakes the thread as well.
        drop(self.wake.try_send(Notice::Changed));
        self.thread.take()?.join().ok()
    }
}

impl Source for Watch {
    fn describe(&self) -> String {
        format!("state directory {}", self.path.display())
    }

    fn snapshot(&self) -> Option<Snapshot> {
        Some(lock(&self.newest).snapshot.clone())
    }

    fn health(&self) -> Health {
        lock(&self.newest).health.clone()
    }

    fn locate(&self, snapshot: &Snapshot, object: &ObjectName, field: &str) -> Option<Origin> {
        locate(&snapshot.checkpoint, object, field)
    }

    fn origin(&self, key: &Arc<str>, document: &yaml::Node) -> Origin {
        Origin::from(Arc::clone(key)).at(document.at)
    }
}

/// The value is replaced as a whole: a panic can't leave half of one.
fn lock(newest: &Mutex<Newest>) -> MutexGuard<'_, Newest> {
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.join());
    }
}

fn new_watcher(
    path: &std::path::Path,
    wake: SyncSender<Notice>,
    missed: Arc<AtomicBool>,
) -> Result<RecommendedWatcher, WatchError> {
    let wrap = |source| WatchError::Notices {
        path: path.to_owned(),
        source,
    };
    let mut watcher =
        notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) => send_notices(event, |notice| {
                if wake.try_send(notice).is_err() {
                    missed.store(true, Ordering::Release);
                }
            }),
            Err(error) => {
                warn!(%error, "watching manifests");
                missed.store(true, Ordering::Release);
                drop(wake.try_send(Notice::Lost));
            }
        })
        .map_err(wrap)?;
    watcher
        .watch(path, RecursiveMode::NonRecursive)
        .map_err(wrap)?;
    Ok(watcher)
}

fn send_notices(event: notify::Event, mut send: impl FnMut(Notice)) {
    if event.need_rescan() {
        send(Notice::Lost);
    }
    for path in event.paths {
        let notice = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Notice::Closed(path),
            EventKind::Access(_) => continue,
            EventKind::Modify(ModifyKind::Data(_)) => Notice::Writing(path),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Notice::Renamed(path),
            EventKind::Any
            | EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Other => Notice::Other(path),
        };
        send(notice);
    }
}

/// What brings notices.
struct NoticeSource {
    watcher: RecommendedWatcher,
    wake: SyncSender<Notice>,
    /// A notice found no room.
    missed: Arc<AtomicBool>,
}

fn follow(
    mut directory: Directory,
    mut notice_source: NoticeSource,
    notices: &Receiver<Notice>,
    stop: &AtomicBool,
    mut on_change: impl FnMut(&Directory),
) -> Directory {
    let mut watched = inode(&directory.path);
    let opened = Instant::now();
    // What changed between the reading of the directory and the beginning of the notices.
    let mut next = (Scan::Contents, false);
    let mut scanned_all = opened;
    let mut health = directory.health();
    loop {
        let (mut scan, lost) = next;
        if notice_source.missed.swap(false, Ordering::AcqRel) {
            scan = Scan::Contents;
        } else if scan == Scan::Noticed && scanned_all.elapsed() >= RESCAN_INTERVAL {
            scan = Scan::Stamps;
        }
        if scan != Scan::Noticed {
            scanned_all = Instant::now();
        }
        let state = directory.scan(scan, opened.elapsed());
        if let Some(state) = &state {
            debug!(generation = state.generation, "manifests changed");
        }
        let health_before = std::mem::replace(&mut health, directory.health());
        if state.is_some() || health != health_before {
            on_change(&directory);
        }
        // Another directory may stand under the name. While there is none, the looks without notice
        // go on.
        let present = inode(&directory.path);
        if (lost || present != watched)
            && let Ok(renewed) = new_watcher(
                &directory.path,
                notice_source.wake.clone(),
                Arc::clone(&notice_source.missed),
            )
        {
            drop(std::mem::replace(&mut notice_source.watcher, renewed));
            watched = present;
        }
        next = debounce(&mut directory, notices, opened, stop);
        if stop.load(Ordering::Acquire) {
            return directory;
        }
    }
}

fn inode(path: &std::path::Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(std::os::unix::fs::MetadataExt::ino(&metadata))
}

/// Waits until there is something to look at and it has become quiet. Says how closely to look, and
/// whether notices were lost.
fn debounce(
    directory: &mut Directory,
    notices: &Receiver<Notice>,
    opened: Instant,
    stop: &AtomicBool,
) -> (Scan, bool) {
    let (mut lost, mut anywhere) = (false, false);
    let mut first = None;
    loop {
        let wait = match first {
            None => directory.next_scan(),
            Some(_) => DEBOUNCE,
        };
        let notice = match notices.recv_timeout(wait) {
            Ok(notice) => notice,
            Err(_) if first.is_none() => return (Scan::Stamps, lost),
            Err(_) => break,
        };
        match &notice {
            Notice::Writing(path) => directory.on_write(path, opened.elapsed()),
            Notice::Closed(path) => directory.on_close(path),
            Notice::Renamed(path) => directory.on_rename(path),
            Notice::Other(_) => {}
            Notice::Changed => anywhere = true,
            Notice::Lost => lost = true,
        }
        if let Notice::Writing(path)
        | Notice::Closed(path)
        | Notice::Renamed(path)
        | Notice::Other(path) = &notice
        {
            anywhere |= directory.on_event(path);
        }
        let first = *first.get_or_insert_with(Instant::now);
        if stop.load(Ordering::Acquire) || first.elapsed() >= MAX_DEBOUNCE {
            break;
        }
    }
    let scan = match (lost, anywhere) {
        (true, _) => Scan::Contents,
        (false, true) => Scan::Stamps,
        (false, false) => Scan::Noticed,
    };
    (scan, lost)
}
