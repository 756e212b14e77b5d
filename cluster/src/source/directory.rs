//! A directory of YAML files as the source of a cluster's state.
//!
//! ```text
//! files --parse--> documents --per file: good, or the last good form--> State
//! ```
//!
//! Nothing gets lost by a mistake: a file that can't be parsed (half written, say) keeps the objects it
//! had; an object that can't be read keeps its last good form; both are named in [`State::problems`].
//! A directory that vanishes keeps everything and is a problem.
//!
//! An object goes when its file is deleted, at once. When it vanishes from a file that is still there, it
//! depends on how that was written: a file that was renamed to the name, as most tools do, counts at once if
//! the system gave notice of that and nobody has it open for writing; any other may be half written, even a
//! new one, so what vanishes stays until nothing has changed for 3 seconds (10 while its writer has it
//! open). While the file can't be read or parsed, nothing goes.
//!
//! An object in two files is taken from the one that had it first, over restarts too; of files that are
//! seen together for the first time, from the first by name.
//!
//! Times are durations since the directory was opened, given by whoever calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::{Checkpoint, Health, Snapshot};
use crate::object::ObjectName;
use crate::origin::Origin;
use crate::state::State;
use crate::yaml::{self, Position};

mod background;
mod file;
mod first_read;
mod merge;
mod watch;

use background::{BackgroundRead, LARGE};
use file::{File, OPEN_GRACE, Stamp};
use first_read::FirstRead;
use merge::MergedState;
pub use watch::{Watch, WatchError};

/// Where an object stands, or its field of that path (`status.podIP`) as far as it has that. Looks at
/// all objects.
fn locate(checkpoint: &Checkpoint, object: &ObjectName, field: &str) -> Option<Origin> {
    let (file, document) = checkpoint.iter().find_map(|(file, documents)| {
        let document = documents
            .iter()
            .find(|document| is_object(document, object))?;
        Some((file, &**document))
    })?;
    let mut node = document;
    for key in field.split('.') {
        match node.get(key) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    Some(Origin::from(Arc::clone(file)).at(node.at))
}

/// Whether a document is that of an object.
fn is_object(document: &yaml::Node, object: &ObjectName) -> bool {
    let metadata = document.get("metadata");
    let text = |key| metadata.and_then(|metadata| metadata.text(key));
    let is_there = object
        .namespace
        .as_deref()
        .is_none_or(|namespace| text("namespace").unwrap_or("default") == namespace);
    document.text("kind") == Some(object.kind.name())
        && text("name") == Some(&*object.name)
        && is_there
}

/// The directory can't be read.
#[derive(Debug, Error)]
#[error("state directory {}: {source}; create it, or name the right one", path.display())]
pub struct DirectoryError {
    /// The directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Files `*.yaml`, `*.yml` and `*.json` directly in a directory; hidden ones are left out.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    files: BTreeMap<Arc<str>, File>,
    /// Files that may hold something else than what was merged last.
    changed: BTreeSet<Arc<str>>,
    /// Files to be read although they may look as they were.
    noticed: BTreeSet<Arc<str>>,
    /// Files that someone has open for writing.
    writers: BTreeMap<Arc<str>, Writer>,
    /// A large file that is being read, if that may be done beside the others.
    reading: Option<BackgroundRead>,
    read_done: Option<ReadDone>,
    /// Files that were read ahead of the first look at them.
    first_read: FirstRead,
    /// Why the directory couldn't be read when it was looked at last.
    unreadable: Option<String>,
    merged: MergedState,
}

/// How often the directory is looked at without a notice: for file systems that give none, and for a
/// directory that was replaced.
const RESCAN_INTERVAL: Duration = Duration::from_secs(2);
/// How often while a file is being written, or an object waits for a second look.
const PENDING_INTERVAL: Duration = Duration::from_millis(250);
/// A file whose writer has written nothing for this long is read although it isn't closed.
const WRITER_IDLE: Duration = Duration::from_secs(1);

/// Who has a file open for writing: since when, and when it wrote last.
#[derive(Clone, Copy, Debug)]
struct Writer {
    since: Duration,
    last: Duration,
}

impl Writer {
    /// Whether half of the file may be written. One that goes on and on is not waited for.
    fn is_busy(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) < WRITER_IDLE && now.saturating_sub(self.since) < OPEN_GRACE
    }
}

/// Calls whoever follows the directory when a file was read in the background.
#[derive(Clone)]
struct ReadDone(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for ReadDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadDone")
    }
}

/// How closely to look at files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    /// At all of them, by their texts: two writes within one tick of the file system's clock leave the
    /// same stamp.
    Contents,
    /// At all of them, by their stamps, which is cheap; at those that were noticed by their texts.
    Stamps,
    /// At those that were noticed alone.
    Noticed,
}

/// Device and inode of what stands at a path.
fn place(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Directory {
    /// Opens a directory and reads it once. `checkpoint` is what [`Directory::checkpoint`]
    /// gave before a restart, or the default.
    ///
    /// # Errors
    /// The directory is missing or can't be listed. Bad files are no error here but problems of the
    /// state.
    pub fn open(path: &Path, checkpoint: &Checkpoint) -> Result<Self, DirectoryError> {
        let mut directory = Self {
            // As notices name it.
            path: std::path::absolute(path).unwrap_or_else(|_unknown| path.to_owned()),
            files: BTreeMap::new(),
            changed: BTreeSet::new(),
            noticed: BTreeSet::new(),
            writers: BTreeMap::new(),
            reading: None,
            read_done: None,
            first_read: FirstRead::new(),
            unreadable: None,
            merged: MergedState::default(),
        };
        for (name, documents) in checkpoint.iter() {
            let file = File::from_checkpoint(name, documents);
            directory.merged.set_owner(name, file.objects.keys());
            directory.changed.insert(Arc::clone(name));
            directory.files.insert(Arc::clone(name), file);
        }
        // A directory that can't be listed is told of below.
        directory.first_read = first_read::read_all(&directory.path).unwrap_or_default();
        directory.read_files(Scan::Contents, Duration::ZERO)?;
        directory.first_read.clear();
        directory.publish();
        Ok(directory)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The present snapshot.
    pub fn state(&self) -> Arc<State> {
        self.merged.state()
    }

    /// What to keep over a restart: of each file the objects that are taken from it.
    pub fn checkpoint(&self) -> Checkpoint {
        self.merged.checkpoint()
    }

    /// The present snapshot with what to keep over a restart.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            state: self.state(),
            checkpoint: self.checkpoint(),
        }
    }

    /// Whether the directory could be read when it was looked at last.
    pub fn health(&self) -> Health {
        match &self.unreadable {
            None => Health::Synced,
            Some(error) => Health::Stale(error.clone()),
        }
    }

    /// Reads the files again, `now` after the directory was opened. Returns the new snapshot if it differs
    /// from the last one.
    pub fn rescan(&mut self, now: Duration) -> Option<Arc<State>> {
        self.scan(Scan::Contents, now)
    }

    /// Something happened to the file at a path. Says whether it may be more than that: behind a name
    /// that begins with two dots stand the files of a mounted config map.
    fn on_event(&mut self, path: &Path) -> bool {
        match manifest_name(path) {
            Some(name) => {
                self.noticed.insert(name);
                false
            }
            None => {
                let name = path.file_name().unwrap_or_default();
                path == self.path || name.as_encoded_bytes().starts_with(b"..")
            }
        }
    }

    /// A file is being written: it is read once that ends, or seems to.
    pub fn on_write(&mut self, path: &Path, now: Duration) {
        if let Some(name) = manifest_name(path) {
            if let Some(file) = self.files.get_mut(&name) {
                file.clear_renamed();
            }
            let writer = self.writers.entry(name).or_insert(Writer {
                since: now,
                last: now,
            });
            writer.last = now;
        }
    }

    /// Its writer has closed it.
    pub fn on_close(&mut self, path: &Path) {
        if let Some(name) = manifest_name(path) {
            self.writers.remove(&name);
        }
    }

    /// A file was renamed to this path: it is whole, unless it is still being written.
    pub fn on_rename(&mut self, path: &Path) {
        if let Some(name) = manifest_name(path)
            && !self.writers.contains_key(&name)
            && let Some(file) = self.files.get_mut(&name)
        {
            file.set_renamed(path);
        }
    }

    /// How long it may take until the next look, if nothing happens before.
    fn next_scan(&self) -> Duration {
        let waiting = self.files.values().any(File::is_waiting);
        if waiting || !self.writers.is_empty() {
            PENDING_INTERVAL
        } else {
            RESCAN_INTERVAL
        }
    }

    fn scan(&mut self, scan: Scan, now: Duration) -> Option<Arc<State>> {
        self.writers
            .retain(|_, writer| now.saturating_sub(writer.last) < OPEN_GRACE);
        match self.read_files(scan, now) {
            Ok(listed) => {
                if listed {
                    self.unreadable = None;
                }
                self.drop_vanished(now);
            }
            // Nothing was seen of the files: none of them was left alone for sure.
            Err(error) => self.set_unreadable(&error),
        }
        self.publish()
    }

    /// Drops what vanished from files that are still as they were read.
    fn drop_vanished(&mut self, now: Duration) {
        for (name, file) in &mut self.files {
            if !file.is_waiting() {
                continue;
            }
            // There is a newer text, which may have it again: a large file's may take long to read, and that
            // of a busy writer isn't read yet.
            let is_being_read =
                (self.reading.as_ref()).is_some_and(|reading| reading.name == *name);
            let present = fs::metadata(self.path.join(&**name));
            let is_as_read =
                present.is_ok_and(|present| Stamp::from_metadata(&present) == file.stamp);
            if is_as_read && !is_being_read {
                file.drop_vanished(self.writers.contains_key(name), now);
                self.changed.insert(Arc::clone(name));
            }
        }
    }

    /// `false`: only files that a notice named were looked at, which says nothing about the directory.
    fn read_files(&mut self, scan: Scan, now: Duration) -> Result<bool, DirectoryError> {
        self.finish_reading(now);
        let path = self.path.clone();
        let wrap = |source| DirectoryError {
            path: path.clone(),
            source,
        };
        let noticed = std::mem::take(&mut self.noticed);
        // One that is gone may have another name now, or be gone with its directory: only a look at all of
        // them tells.
        let is_there = |name: &Arc<str>| path.join(&**name).try_exists().unwrap_or(true);
        if scan == Scan::Noticed && noticed.iter().all(is_there) {
            for name in &noticed {
                if !self.scan_file(name, Scan::Contents, now) {
                    self.noticed.insert(Arc::clone(name));
                }
            }
            return Ok(false);
        }
        let listed = place(&self.path).map_err(wrap)?;
        let mut present = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(wrap)? {
            let Some(name) = manifest_name(&entry.map_err(wrap)?.path()) else {
                continue;
            };
            let scan = match noticed.contains(&name) {
                true => Scan::Contents,
                false => scan,
            };
            if self.scan_file(&name, scan, now) {
                present.insert(name);
            }
        }
        // A directory that went away, or another one's place, has files that are listed and not found, which isn't to
        // say that they are gone.
        if self.files.keys().any(|name| !present.contains(name))
            && place(&self.path).map_err(wrap)? != listed
        {
            let replaced = "the directory was replaced while it was read";
            return Err(wrap(io::Error::other(replaced)));
        }
        // What went may stand in a new file that is still being read: it goes once that is known.
        let mut there = self
            .files
            .iter()
            .filter(|(name, _)| present.contains(*name));
        if there.any(|(_, file)| file.is_unread()) {
            return Ok(true);
        }
        let changed = &mut self.changed;
        self.files.retain(|name, _| {
            let is_present = present.contains(name);
            if !is_present {
                changed.insert(Arc::clone(name));
            }
            is_present
        });
        Ok(true)
    }

    /// Looks at one file; `false`: there is none.
    fn scan_file(&mut self, name: &Arc<str>, scan: Scan, now: Duration) -> bool {
        let path = self.path.join(&**name);
        // Follows symbolic links, as mounted config maps are made of them.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let writer = self.writers.get(name);
                if writer.is_some_and(|writer| writer.is_busy(now)) {
                    self.noticed.insert(Arc::clone(name));
                } else {
                    self.read_file(name, &path, Stamp::from_metadata(&metadata), scan, now);
                }
                true
            }
            Ok(_) => false,
            // Gone between listing and looking: as if it had never been listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                let file = self.files.entry(Arc::clone(name)).or_default();
                file.fail_unreadable(name, file::unreadable(&error));
                self.changed.insert(Arc::clone(name));
                true
            }
        }
    }

    fn read_file(&mut self, name: &Arc<str>, path: &Path, stamp: Stamp, scan: Scan, now: Duration) {
        let file = self.files.entry(Arc::clone(name)).or_default();
        let is_large = stamp.len > LARGE;
        if stamp == file.stamp && (scan != Scan::Contents || is_large) {
            return;
        }
        self.changed.insert(Arc::clone(name));
        if stamp.len > yaml::MAX_BYTES as u64 {
            let problem = yaml::too_large(stamp.len);
            file.update(name, stamp, Err(problem), now);
            return;
        }
        let known = file.known_digest();
        let Some(read_done) = self.read_done.clone().filter(|_| is_large) else {
            let content = match self.first_read.remove(name) {
                Some((before, content)) if before == stamp => Ok(content),
                Some(_) | None => file::read(name, path, known),
            };
            if !file.update(name, stamp, content, now) {
                self.changed.remove(name);
            }
            return;
        };
        // Another one, or an earlier form of this one, is being read: its turn comes after that.
        if self.reading.is_none() {
            let done = move || (read_done.0)();
            let reading =
                BackgroundRead::spawn(Arc::clone(name), path.to_owned(), stamp, known, done);
            self.reading = Some(reading);
        }
    }

    /// Takes a file that was read in the background, if that has ended.
    fn finish_reading(&mut self, now: Duration) {
        let Some(content) = self.reading.as_ref().and_then(BackgroundRead::result) else {
            return;
        };
        if let Some(reading) = self.reading.take()
            && let Some(file) = self.files.get_mut(&reading.name)
        {
            file.update(&reading.name, reading.stamp, content, now);
            self.changed.insert(reading.name);
        }
    }

    fn set_unreadable(&mut self, error: &DirectoryError) {
        self.unreadable = Some(error.to_string());
        let name: Arc<str> = self.path.to_string_lossy().into();
        let file = self.files.entry(Arc::clone(&name)).or_default();
        file.fail(&name, Position::default(), error.to_string());
        self.changed.insert(name);
    }

    /// Merges what changed into the state and publishes it if it differs from the last one.
    fn publish(&mut self) -> Option<Arc<State>> {
        let changed = std::mem::take(&mut self.changed);
        self.merged.update(&self.files, changed)
    }
}

/// The name under which a file is listed, if it is a manifest.
fn manifest_name(path: &Path) -> Option<Arc<str>> {
    let name = path.file_name()?.to_str()?;
    let extension = path.extension()?.to_str()?;
    (!name.starts_with('.') && matches!(extension, "yaml" | "yml" | "json")).then(|| name.into())
}
