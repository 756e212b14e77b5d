//! What is kept of one file: its objects, the last good form of those that went bad, and those that
//! vanished from it and wait for a second look.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::fcntl::OFlag;

use crate::manifest::{self, Document, Ignored, Object};
use crate::object::ObjectName;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::yaml::{self, Position};
use durable::Digest;

/// An object that vanishes from a file that is written in place counts as gone once the file has been
/// left alone for this long ...
pub(super) const VANISHED_GRACE: Duration = Duration::from_secs(3);
/// ... or, while its writer hasn't closed it, for this long.
pub(super) const OPEN_GRACE: Duration = Duration::from_secs(10);

/// What is kept of one file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) stamp: Stamp,
    /// Digest of the text that was read last.
    digest: u64,
    pub(super) objects: BTreeMap<ObjectName, FileObject>,
    /// Objects that the text read last doesn't have: they stay until it is certain that they are gone.
    vanishing: BTreeMap<ObjectName, FileObject>,
    /// When the text was seen to be another one.
    changed: Duration,
    /// It can't be used as it is now: nothing is known of what it will have.
    failed: bool,
    /// Inode of the file that was read last; 0: of none.
    inode: u64,
    /// Nothing else was read from that inode before, which took another one's place.
    is_first: bool,
    /// The inode that a rename put under the name, as long as nothing was written there since.
    renamed: Option<u64>,
    pub(super) problems: Vec<Problem>,
    pub(super) ignored: Vec<Ignored>,
}

#[derive(Debug, Clone)]
pub(super) struct FileObject {
    pub(super) object: Object,
    pub(super) document: Arc<yaml::Node>,
}

/// Tells whether a file was changed since it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    pub(super) len: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn from_metadata(metadata: &fs::Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            len: metadata.len(),
            inode: metadata.ino(),
        }
    }
}

/// A file's text, read.
#[derive(Debug)]
pub(super) struct Content {
    digest: u64,
    /// Of the file that was opened, which needn't be the one whose stamp was seen before.
    inode: u64,
    documents: Result<Vec<ReadDocument>, yaml::Error>,
}

/// A document of it, and its own text if it is a policy.
#[derive(Debug)]
struct ReadDocument {
    document: Document,
    text: Arc<str>,
}

/// Reads a file; nothing of it is parsed if it still has the digest `known`.
///
/// # Errors
/// Why it can't be read.
pub(super) fn read(name: &Arc<str>, path: &Path, known: Option<u64>) -> Result<Content, String> {
    // It may have grown since its size was seen.
    let too_large = |len: u64| len > yaml::MAX_BYTES as u64;
    // Without waiting: what was a file when it was looked at may be a pipe by now, which nobody writes to.
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err("can't be read: it isn't a regular file".to_owned());
    }
    let inode = metadata.ino();
    let mut text = String::new();
    io::Read::read_to_string(
        &mut io::Read::take(file, yaml::MAX_BYTES as u64 + 1),
        &mut text,
    )
    .map_err(|error| unreadable(&error))?;
    if too_large(text.len() as u64) {
        let metadata = fs::metadata(path).map(|metadata| metadata.len());
        return Err(yaml::too_large(metadata.unwrap_or(text.len() as u64)));
    }
    let mut digest = Digest::default();
    digest.bytes(text.as_bytes());
    let digest = digest.finish();
    if known == Some(digest) {
        return Ok(Content {
            digest,
            inode,
            documents: Ok(Vec::new()),
        });
    }
    let documents = yaml::parse(&text).map(|documents| {
        let lines: Vec<&str> = text.lines().collect();
        let origin = Origin::from(Arc::clone(name));
        let read = |document| manifest::read(&origin, document);
        documents
            .into_iter()
            .flat_map(read)
            .map(|document| {
                let text = match &document {
                    // What leaves its kind to its list has no text that could stand alone.
                    Document::Object(_, Object::Policy(policy), _)
                        if policy.document.get("kind").map(|kind| kind.at)
                            >= Some(policy.document.at) =>
                    {
                        yaml::excerpt(&lines, policy.document.at).into()
                    }
                    Document::Object(..) | Document::Bad(..) | Document::Ignored(..) => {
                        Arc::default()
                    }
                };
                ReadDocument { document, text }
            })
            .collect()
    });
    Ok(Content {
        digest,
        inode,
        documents,
    })
}

/// In words of our own: the system's differ from place to place.
pub(super) fn unreadable(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::InvalidData {
        "can't be read: it isn't UTF-8 text".to_owned()
    } else if kind == io::ErrorKind::PermissionDenied {
        "can't be read: no permission".to_owned()
    } else {
        format!("can't be read: {error}")
    }
}

impl File {
    /// What is remembered of it from before a restart.
    pub(super) fn from_checkpoint(name: &Arc<str>, documents: &[Arc<yaml::Node>]) -> Self {
        let mut file = Self::default();
        let origin = Origin::from(Arc::clone(name));
        for document in documents {
            for document in manifest::read(&origin, yaml::Node::clone(document)) {
                if let Document::Object(name, object, document) = document {
                    file.objects.insert(name, FileObject { object, document });
                }
            }
        }
        file
    }

    /// All objects that count: those of the text and those that wait for a second look.
    pub(super) fn all_objects(&self) -> impl Iterator<Item = (&ObjectName, &FileObject)> {
        self.objects.iter().chain(&self.vanishing)
    }

    /// An object that counts.
    pub(super) fn get(&self, object: &ObjectName) -> Option<&FileObject> {
        self.objects
            .get(object)
            .or_else(|| self.vanishing.get(object))
    }

    /// The digest of the text, as long as it can be relied on: a file that couldn't be read in between
    /// is taken again.
    pub(super) fn known_digest(&self) -> Option<u64> {
        (self.stamp != Stamp::default()).then_some(self.digest)
    }

    /// Whether it was never read, not even in vain.
    pub(super) fn is_unread(&self) -> bool {
        self.known_digest().is_none() && self.problems.is_empty() && self.objects.is_empty()
    }

    /// Takes what was read at `now`. Says whether it is another text than before.
    pub(super) fn update(
        &mut self,
        name: &Arc<str>,
        stamp: Stamp,
        content: Result<Content, String>,
        now: Duration,
    ) -> bool {
        let known = self.known_digest();
        let content = match content {
            Ok(content) => content,
            Err(problem) => {
                self.fail_unreadable(name, problem);
                return true;
            }
        };
        let replaced = self.inode != 0 && content.inode != self.inode;
        self.inode = content.inode;
        self.stamp = stamp;
        if known == Some(content.digest) {
            return false;
        }
        self.digest = content.digest;
        self.changed = now;
        self.is_first = replaced;
        let documents = match content.documents {
            Ok(documents) => documents,
            Err(error) => {
                self.fail(name, error.at, format!("invalid YAML: {}", error.problem));
                return true;
            }
        };
        if documents.is_empty() && self.all_objects().next().is_some() {
            // An editor that truncates before it writes must not empty the cluster.
            let problem = "is empty; its objects stay until the file is deleted".to_owned();
            self.fail(name, Position::default(), problem);
            return true;
        }
        self.merge(name, documents);
        true
    }

    /// A rename put the file that is at `path` now under the name.
    pub(super) fn set_renamed(&mut self, path: &Path) {
        self.renamed = fs::metadata(path).ok().map(|metadata| metadata.ino());
    }

    /// Someone writes to it.
    pub(super) fn clear_renamed(&mut self) {
        self.renamed = None;
    }

    /// Drops the objects that vanished, once the file has been left alone for long enough.
    pub(super) fn drop_vanished(&mut self, is_open: bool, now: Duration) {
        // What was read before it failed may have been the first half.
        if self.failed {
            return;
        }
        // A new file that was made elsewhere and renamed is what its writer made of it. One that was made
        // under the name may be half written, like any other. The notice may come after the text was read.
        let is_whole = self.is_first && self.renamed == Some(self.inode);
        let wait = match (is_open, is_whole) {
            (true, _) => OPEN_GRACE,
            (false, false) => VANISHED_GRACE,
            (false, true) => Duration::ZERO,
        };
        if now.saturating_sub(self.changed) >= wait {
            self.vanishing.clear();
        }
    }

    /// Whether objects wait for a second look.
    pub(super) fn is_waiting(&self) -> bool {
        !self.vanishing.is_empty()
    }

    /// The file can't be read: its objects stay as they are, and it is taken again even if it comes back
    /// as it was.
    pub(super) fn fail_unreadable(&mut self, name: &Arc<str>, problem: String) {
        self.stamp = Stamp::default();
        self.inode = 0;
        self.fail(name, Position::default(), problem);
    }

    /// The file can't be used: its objects stay as they are.
    pub(super) fn fail(&mut self, name: &Arc<str>, at: Position, problem: String) {
        self.failed = true;
        self.ignored.clear();
        self.problems = vec![Problem {
            origin: Some(Origin::from(Arc::clone(name)).at(at)),
            object: None,
            field: String::new(),
            problem,
            remedy: match self.all_objects().count() {
                0 => String::new(),
                1 => "its object stays in its last good form".to_owned(),
                n => format!("its {n} objects stay in their last good form"),
            },
        }];
    }

    fn merge(&mut self, name: &Arc<str>, documents: Vec<ReadDocument>) {
        let mut before = std::mem::take(&mut self.objects);
        before.append(&mut self.vanishing);
        self.failed = false;
        self.problems.clear();
        self.ignored.clear();
        let mut nameless = Vec::new();
        let origin = Origin::from(Arc::clone(name));
        for ReadDocument { document, text } in documents {
            match document {
                Document::Ignored(ignored) => self.ignored.push(ignored),
                Document::Bad(object, mut problem) => {
                    match object {
                        None => nameless.push(self.problems.len()),
                        Some(object) => {
                            if let Some(known) = before.remove(&object) {
                                append_remedy(&mut problem, "the last good form stays");
                                self.objects.insert(object, known);
                            }
                        }
                    }
                    self.problems.push(problem);
                }
                Document::Object(object, mut value, document) => {
                    if let Object::Policy(policy) = &mut value {
                        Arc::make_mut(policy).text = text;
                    }
                    if let Some(first) = self.objects.get(&object) {
                        self.problems.push(Problem {
                            origin: Some(origin.at(document.at)),
                            problem: format!(
                                "duplicate definition in this file; using the one at {}",
                                first.document.at
                            ),
                            object: Some(object),
                            field: String::new(),
                            remedy: "delete one of the two".to_owned(),
                        });
                        continue;
                    }
                    let known = reuse_unchanged(before.remove(&object), value, document);
                    self.objects.insert(object, known);
                }
            }
        }
        if nameless.is_empty() {
            self.vanishing = before;
        } else if !before.is_empty() {
            // It may be any of those that are missing now: none of them goes.
            let kept = format!("until it is corrected, {} stay", join_names(before.keys()));
            for number in nameless {
                append_remedy(&mut self.problems[number], &kept);
            }
            self.objects.append(&mut before);
        }
    }
}

fn append_remedy(problem: &mut Problem, more: &str) {
    if !problem.remedy.is_empty() {
        problem.remedy.push_str("; ");
    }
    problem.remedy.push_str(more);
}

/// Names, as many as fit a line.
fn join_names<'a>(names: impl Iterator<Item = &'a ObjectName>) -> String {
    const NAMED: usize = 5;
    let names: Vec<String> = names.map(ToString::to_string).collect();
    match names.len().checked_sub(NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..NAMED].join(", ")),
    }
}

/// The object as it was if it stayed the same, so that snapshots share what didn't change.
fn reuse_unchanged(
    before: Option<FileObject>,
    object: Object,
    document: Arc<yaml::Node>,
) -> FileObject {
    match before {
        Some(known) if known.object == object => FileObject {
            object: known.object,
            document,
        },
        _ => FileObject { object, document },
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn a_pipe_that_took_a_files_place_is_refused_and_not_waited_for() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("pods.yaml");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a pipe");
        let error = read(&"pods.yaml".into(), &path, None).expect_err("no file");
        assert!(error.contains("isn't a regular file"), "{error}");
    }
}
