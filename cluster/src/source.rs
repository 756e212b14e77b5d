//! A directory of YAML files as the source of a cluster's state.
//!
//! ```text
//! files --parse--> documents --per file: good, or the last good form--> State
//! ```
//!
//! Nothing gets lost by a mistake: a file that can't be parsed (half written, say) keeps the objects it
//! had; an object that can't be read keeps its last good form; both are named in [`State::problems`].
//! An object goes when its file goes, or when a file that can be parsed no longer has it. A directory
//! that vanishes keeps everything and is a problem.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::manifest::{self, Document, Ignored, Object};
use crate::object::{ObjectName, Place, Problem};
use crate::state::State;
use crate::yaml::{self, Position};

mod watch;

pub use watch::{Watch, WatchError};

/// What a source must remember over a restart, so that a file that went bad meanwhile keeps its last
/// good objects. Plain data for the agent's state file; shares the documents with the directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory(BTreeMap<Arc<str>, Vec<Arc<yaml::Node>>>);

impl Memory {
    /// Says what a file has; `None`: it is gone.
    pub fn set(&mut self, file: Arc<str>, documents: Option<Vec<Arc<yaml::Node>>>) {
        match documents {
            Some(documents) => self.0.insert(file, documents),
            None => self.0.remove(&file),
        };
    }

    /// The files that have other documents than `before`, by name; `None` for those that are gone.
    /// Equal documents that were read again count as others.
    pub fn changes<'a>(
        &'a self,
        before: &'a Self,
    ) -> impl Iterator<Item = (&'a Arc<str>, Option<&'a [Arc<yaml::Node>]>)> {
        let same = |a: &[Arc<yaml::Node>], b: &[Arc<yaml::Node>]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        let changed = self.0.iter().filter_map(move |(file, now)| {
            let known = before.0.get(file).is_some_and(|before| same(now, before));
            (!known).then_some((file, Some(now.as_slice())))
        });
        let gone = before.0.keys().filter(|file| !self.0.contains_key(*file));
        changed.chain(gone.map(|file| (file, None)))
    }
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
    /// Which file an object was taken from in the last snapshot: it keeps it if a second file claims
    /// the same object.
    owners: BTreeMap<ObjectName, Arc<str>>,
    state: Arc<State>,
}

/// What is kept of one file.
#[derive(Debug, Default)]
struct File {
    stamp: Stamp,
    /// Digest of the text that was read last.
    digest: u64,
    objects: BTreeMap<ObjectName, Known>,
    problems: Vec<Problem>,
    ignored: Vec<Ignored>,
}

#[derive(Debug, Clone)]
struct Known {
    object: Object,
    document: Arc<yaml::Node>,
}

/// Tells whether a file was changed since it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

/// How closely to look at files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// By their texts: two writes within one tick of the file system's clock leave the same stamp.
    Read,
    /// By their stamps, which is cheap.
    Stamps,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            len: metadata.len(),
            inode: std::os::unix::fs::MetadataExt::ino(metadata),
        }
    }
}

impl Directory {
    /// Opens a directory and reads it once. `memory` is what [`Directory::memory`] gave before a
    /// restart, or the default.
    ///
    /// # Errors
    /// The directory is missing or can't be listed. Bad files are no error here but problems of the
    /// state.
    pub fn open(path: &Path, memory: Memory) -> Result<Self, DirectoryError> {
        let mut directory = Self {
            path: path.to_owned(),
            files: BTreeMap::new(),
            owners: BTreeMap::new(),
            state: Arc::default(),
        };
        for (name, documents) in memory.0 {
            let mut file = File::default();
            for document in documents {
                for document in manifest::read(&name, Arc::unwrap_or_clone(document)) {
                    if let Document::Object(name, object, document) = document {
                        file.objects.insert(name, Known { object, document });
                    }
                }
            }
            directory.files.insert(name, file);
        }
        directory.read_files(Look::Read)?;
        directory.publish();
        Ok(directory)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The present snapshot.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// What to keep over a restart.
    pub fn memory(&self) -> Memory {
        let files = self.files.iter().map(|(name, file)| {
            let documents = file
                .objects
                .values()
                .map(|known| Arc::clone(&known.document));
            (Arc::clone(name), documents.collect())
        });
        Memory(files.collect())
    }

    /// Reads the files again. Returns the new snapshot if it differs from the last one.
    pub fn rescan(&mut self) -> Option<Arc<State>> {
        self.look(Look::Read)
    }

    fn look(&mut self, look: Look) -> Option<Arc<State>> {
        match self.read_files(look) {
            Ok(()) => {}
            Err(error) => self.vanished(&error),
        }
        self.publish()
    }

    fn read_files(&mut self, look: Look) -> Result<(), DirectoryError> {
        let wrap = |source| DirectoryError {
            path: self.path.clone(),
            source,
        };
        let mut present = BTreeSet::new();
        for entry in fs::read_dir(&self.path).map_err(wrap)? {
            let entry = entry.map_err(wrap)?;
            let Some(name) = manifest_name(&entry.path()) else {
                continue;
            };
            // Follows symbolic links, as mounted config maps are made of them.
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => {
                    let stamp = Stamp::of(&metadata);
                    present.insert(Arc::clone(&name));
                    self.files.entry(Arc::clone(&name)).or_default().read(
                        &name,
                        &entry.path(),
                        stamp,
                        look,
                    );
                }
                Ok(_) => {}
                // Gone between listing and looking: as if it had never been listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    present.insert(Arc::clone(&name));
                    let file = self.files.entry(Arc::clone(&name)).or_default();
                    file.fail(
                        &name,
                        Position::default(),
                        format!("can't be read: {error}"),
                    );
                }
            }
        }
        self.files.retain(|name, _| present.contains(name));
        Ok(())
    }

    fn vanished(&mut self, error: &DirectoryError) {
        let name: Arc<str> = self.path.to_string_lossy().into();
        let file = self.files.entry(Arc::clone(&name)).or_default();
        file.fail(&name, Position::default(), error.to_string());
    }

    /// Merges the files into a state and publishes it if it differs from the last one.
    fn publish(&mut self) -> Option<Arc<State>> {
        let mut state = State::default();
        let mut claims: BTreeMap<&ObjectName, Vec<&Arc<str>>> = BTreeMap::new();
        for (name, file) in &self.files {
            state.problems.extend(file.problems.iter().cloned());
            state.ignored.extend(file.ignored.iter().cloned());
            for object in file.objects.keys() {
                claims.entry(object).or_default().push(name);
            }
        }
        let mut owners = BTreeMap::new();
        for (object, files) in claims {
            let owner = self
                .owners
                .get(object)
                .filter(|owner| files.contains(owner))
                .unwrap_or(files[0]);
            let known = &self.files[owner].objects[object];
            for other in files.iter().filter(|file| **file != owner) {
                let twin = &self.files[*other].objects[object];
                state.problems.push(Problem {
                    place: Place {
                        file: Arc::clone(other),
                        at: twin.document.at,
                    },
                    object: Some(object.clone()),
                    field: String::new(),
                    problem: format!(
                        "is defined twice: the one of {owner}:{} stays",
                        known.document.at
                    ),
                    remedy: "delete one of the two".to_owned(),
                });
            }
            owners.insert(object.clone(), Arc::clone(owner));
            state.insert(known.object.clone());
        }
        state.problems.sort();
        self.owners = owners;
        state.generation = self.state.generation;
        if state.generation > 0 && state == *self.state {
            return None;
        }
        state.generation += 1;
        self.state = Arc::new(state);
        Some(self.state())
    }
}

impl File {
    fn read(&mut self, name: &Arc<str>, path: &Path, stamp: Stamp, look: Look) {
        if look == Look::Stamps && stamp == self.stamp {
            return;
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.stamp = Stamp::default();
                return self.fail(name, Position::default(), format!("can't be read: {error}"));
            }
        };
        let mut digest = Digest::default();
        digest.bytes(text.as_bytes());
        let digest = digest.finish();
        // A file that couldn't be read in between has no stamp and is taken again.
        if self.stamp != Stamp::default() && digest == self.digest {
            self.stamp = stamp;
            return;
        }
        self.stamp = stamp;
        self.digest = digest;
        let documents = match yaml::parse(&text) {
            Ok(documents) => documents,
            Err(error) => return self.fail(name, error.at, error.problem),
        };
        if documents.is_empty() && !self.objects.is_empty() {
            // An editor that truncates before it writes must not empty the cluster.
            let problem = "is empty; its objects stay until the file is deleted".to_owned();
            return self.fail(name, Position::default(), problem);
        }
        self.take(name, documents, &text.lines().collect::<Vec<_>>());
    }

    /// The file can't be used: its objects stay as they are.
    fn fail(&mut self, name: &Arc<str>, at: Position, problem: String) {
        self.ignored.clear();
        self.problems = vec![Problem {
            place: Place {
                file: Arc::clone(name),
                at,
            },
            object: None,
            field: String::new(),
            problem,
            remedy: match self.objects.len() {
                0 => String::new(),
                1 => "its object stays in its last good form".to_owned(),
                n => format!("its {n} objects stay in their last good form"),
            },
        }];
    }

    fn take(&mut self, name: &Arc<str>, documents: Vec<yaml::Node>, lines: &[&str]) {
        let mut before = std::mem::take(&mut self.objects);
        self.problems.clear();
        self.ignored.clear();
        let mut nameless = false;
        for document in documents {
            for document in manifest::read(name, document) {
                match document {
                    Document::Ignored(ignored) => self.ignored.push(ignored),
                    Document::Bad(object, mut problem) => {
                        nameless |= object.is_none();
                        if let Some(object) = object
                            && let Some(known) = before.remove(&object)
                        {
                            if !problem.remedy.is_empty() {
                                problem.remedy.push_str("; ");
                            }
                            problem.remedy.push_str("the last good form stays");
                            self.objects.insert(object, known);
                        }
                        self.problems.push(problem);
                    }
                    Document::Object(object, mut value, document) => {
                        if let Object::Policy(policy) = &mut value {
                            Arc::make_mut(policy).text = yaml::excerpt(lines, document.at).into();
                        }
                        if let Some(first) = self.objects.get(&object) {
                            self.problems.push(Problem {
                                place: Place {
                                    file: Arc::clone(name),
                                    at: document.at,
                                },
                                problem: format!(
                                    "is defined twice in this file: the one at {} stays",
                                    first.document.at
                                ),
                                object: Some(object),
                                field: String::new(),
                                remedy: "delete one of the two".to_owned(),
                            });
                            continue;
                        }
                        let known = reuse(before.remove(&object), value, document);
                        self.objects.insert(object, known);
                    }
                }
            }
        }
        if nameless {
            // It may be any of those that are missing now: none of them goes.
            self.objects.append(&mut before);
        }
    }
}

/// The object as it was if it stayed the same, so that snapshots share what didn't change.
fn reuse(before: Option<Known>, object: Object, document: Arc<yaml::Node>) -> Known {
    match before {
        Some(known) if known.object == object => Known {
            object: known.object,
            document,
        },
        _ => Known { object, document },
    }
}

/// The name under which a file is listed, if it is a manifest.
fn manifest_name(path: &Path) -> Option<Arc<str>> {
    let name = path.file_name()?.to_str()?;
    let extension = path.extension()?.to_str()?;
    (!name.starts_with('.') && matches!(extension, "yaml" | "yml" | "json")).then(|| name.into())
}
